"""The daemon without its sockets: what it knows of its Node, its links, and an answer for each line of the plugin."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Network

from midonet_kubernetes.errors import KernelError, MidonetKubeError, UserError
from midonet_kubernetes.linux.kernel import Kernel, Namespace
from midonet_kubernetes.model.names import mac_for
from midonet_kubernetes.node import cni_protocol as cni
from midonet_kubernetes.node.addresses import Subnet
from midonet_kubernetes.node.attachments import Attachments, Placement
from midonet_kubernetes.node.cni_protocol import Call, CniError
from midonet_kubernetes.node.cni_results import answer, error_result
from midonet_kubernetes.node.datapath import open_datapath, prepare
from midonet_kubernetes.node.node_link import ENCAPSULATION, NodeLink, NodeNetwork, underlay_mtu
from midonet_kubernetes.node.observer import Observer
from midonet_kubernetes.node.repair import Repairer
from midonet_kubernetes.node.state import Annotation, State
from midonet_kubernetes.node.wiring import Wiring

_log = logging.getLogger(__name__)

_POD_CIDR, _ADDRESSES = "podCIDR", "addresses"  # facts of the state


@dataclass(frozen=True, slots=True)
class Site:
    """What the settings say.

    Args:
        node: the Node's name.
        datapath: path of the datapath namespace, "" with a real MidoNet.
        clusters: networks of pods and services.
    """

    node: str
    datapath: str
    clusters: tuple[IPv4Network, ...]


class Daemon:
    """One thread calls it, since the kernel does one thing at a time anyway.

    Args:
        site: from the settings.
        kernel: real or twin.
        state: what was remembered.
        clock: seconds, never going back.
        observer: hears of everything.

    Attributes:
        annotated_mac: see ``Attachments``; nobody asks for one until it is set.
        attachments: None until the podCIDR is known.
        why_not: why pods cannot be served now, "" when they can.

    Raises:
        KernelError: the datapath namespace cannot be had.
    """

    def __init__(
        self,
        site: Site,
        kernel: Kernel,
        state: State,
        clock: Callable[[], float],
        observer: Observer,
    ) -> None:
        self.site, self._kernel, self.state, self._clock = site, kernel, state, clock
        self.observer = observer
        self.annotated_mac: Callable[[str], str] = lambda _pod: ""
        self._repairer = Repairer(kernel, clock)
        self._own = kernel.own_namespace()
        self._enter(open_datapath(kernel, site.datapath))
        self.attachments: Attachments | None = None
        self._pod_cidr, self._addresses = state.fact(_POD_CIDR), json.loads(state.fact(_ADDRESSES) or "[]")
        self._harmed = False  # the kernel does not take what pods that are there need
        self.why_not = f"Node {site.node} has no podCIDR yet: is the Kubernetes API reachable, and are podCIDRs allocated?"

    def _enter(self, outer: Namespace) -> None:
        if self.site.datapath:
            prepare(self._kernel, outer)
        self._outer = outer
        self._wiring = Wiring(self._kernel, outer, routed=bool(self.site.datapath))
        self._node_link = NodeLink(self._kernel, self._own, outer, routed=bool(self.site.datapath))

    def close(self) -> None:
        """Close what is open."""
        self._wiring.close()
        self._node_link.close()
        self._outer.close()
        self._own.close()
        self.state.close()

    @property
    def namespaces(self) -> tuple[Namespace, Namespace]:
        """The node's own namespace and the datapath namespace; they may be the same one."""
        return self._own, self._outer

    def learn(self, pod_cidr: str, addresses: list[str]) -> None:
        """The Node says this; it is remembered for the time when the API is away. ``maintain`` acts on it.

        Args:
            pod_cidr: ``spec.podCIDR``; "" leaves the old one.
            addresses: of the node in the underlay.

        Raises:
            UserError: the podCIDR cannot be used; the old one stays.
            MachineError: the disk does not take it.
        """
        if not pod_cidr or (pod_cidr, addresses) == (self._pod_cidr, self._addresses):
            return
        try:
            Subnet.parse(pod_cidr)
        except UserError as error:
            self.why_not = self.why_not and str(error)
            raise
        with self.state.together():
            self.state.remember(_POD_CIDR, pod_cidr)
            self.state.remember(_ADDRESSES, json.dumps(addresses))
        self._pod_cidr, self._addresses = pod_cidr, addresses

    def maintain(self, *, inside: bool) -> list[str]:
        """Bring everything to what it should be.

        Args:
            inside: look into pods' namespaces too.

        Returns:
            What was not as it should be, in words.

        Raises:
            MidonetKubeError: something cannot be put right now; ``why_not`` says so too until it can.
        """
        if not self._pod_cidr:
            return []
        try:
            done = self._renew_datapath()
            network = self._network()
            done += self._node_link.ensure(network)
            self._place(Placement(self.site.node, network.subnet, network.mtu, self.site.datapath))
            if self.attachments is not None:
                done += self._repairer.repair(self.attachments, inside=inside)
        except MidonetKubeError as error:
            self.why_not, self._harmed = str(error), isinstance(error, KernelError)
            raise
        self.why_not, self._harmed = "", False
        self.observer.repaired(len(done))
        return done

    def _network(self) -> NodeNetwork:
        subnet = Subnet.parse(self._pod_cidr)
        mtu = underlay_mtu(self._kernel, self._own, self._addresses) - ENCAPSULATION
        return NodeNetwork(self.site.node, subnet, self.site.clusters, mtu, 32 if self.site.datapath else subnet.length)

    def _place(self, placement: Placement) -> None:
        if self.attachments is not None:
            self.attachments.placement = placement
            return
        self.attachments = Attachments(
            self.state,
            self._wiring,
            placement,
            self._own,
            clock=self._clock,
            annotated_mac=lambda pod: self.annotated_mac(pod),  # noqa: PLW0108 - it is set later
        )

    def _renew_datapath(self) -> list[str]:
        """When the namespace at the path is another one than ours, pods move there: ours lives on only through our descriptor."""
        mounted = open_datapath(self._kernel, self.site.datapath)
        if mounted.identity == self._outer.identity:
            mounted.close()
            return []
        old_outer, old_wiring, old_node_link = self._outer, self._wiring, self._node_link
        old_node_link.remove()
        self._enter(mounted)
        if self.attachments is not None:
            self.attachments.wiring = self._wiring
            links = old_wiring.survey().links
            for attachment in self.attachments.ledger.known.values():
                if attachment.link in links:
                    with suppress(KernelError):  # the pod is going just now
                        old_wiring.move(attachment.link, mounted)
        for closing in (old_node_link, old_wiring, old_outer):
            closing.close()
        return [f"the namespace {self.site.datapath} had been replaced"]

    def wish(self, pod: str) -> Annotation | None:
        """The annotation that a Pod shall have: what is still to be written, else what it has since it was wired here.

        Args:
            pod: ``namespace/name``.
        """
        pending = next((annotation for annotation in self.state.annotations() if annotation.pod == pod), None)
        return pending if pending or self.attachments is None else self.attachments.ledger.wish(pod)

    def removal(self, line: bytes) -> Callable[[], None] | None:
        """What may be done in another thread before this DEL is answered (see ``Attachments``); never raises."""
        with suppress(CniError, KernelError):
            return self.attachments.removal(cni.read_call(cni.read_envelope(line))) if self.attachments is not None else None
        return None

    def answer(self, line: bytes, descriptor: int | None) -> bytes:
        """What the plugin is sent back. Never raises.

        Args:
            line: as the plugin sent it.
            descriptor: the pod's network namespace; it belongs to this call.
        """
        command, version, protocol, started = "", cni.VERSIONS[-1], cni.PROTOCOL, self._clock()
        namespace = None
        try:
            namespace = self._adopt(descriptor)
            envelope = cni.read_envelope(line)
            version, protocol = cni.version_of(envelope), envelope.protocol
            call = cni.read_call(envelope)
            command = call.command
            output, code = self._serve(call, namespace), 0
        except CniError as error:
            output, code = error_result(version, error), error.code
        except Exception as error:  # noqa: BLE001 - a fault of ours must not stop the daemon, and the runtime needs an answer
            _log.exception("an operation failed")
            code = cni.INTERNAL
            output = error_result(version, CniError(code, f"{type(error).__name__}: {error}"))
        finally:
            if namespace is not None:
                namespace.close()
        self._observe(command, code, started)
        return answer(protocol, 0 if code == 0 else 1, output)

    def _adopt(self, descriptor: int | None) -> Namespace | None:
        """The namespace; what is none counts as not sent, and is missed only where one is needed."""
        try:
            return None if descriptor is None else self._kernel.adopt_namespace(descriptor)
        except KernelError:
            return None

    def _observe(self, command: str, code: int, started: float) -> None:
        self.observer.operation(command, code, self._clock() - started)
        if self.attachments is not None:
            pool = self.attachments.ledger.pool
            self.observer.addresses(pool.held(), pool.free())
            if command == "ADD" and code == cni.TRY_AGAIN and pool.free() == 0:
                self.observer.warn("PodCIDRExhausted", f"no address is left in podCIDR {pool.subnet.network}: delete pods")

    def _serve(self, call: Call, namespace: Namespace | None) -> bytes:
        attachments = self.attachments
        if call.command == "STATUS":
            if attachments is None or self.why_not:
                harmed = self._harmed and attachments is not None
                raise CniError(cni.LIMITED if harmed else cni.NOT_AVAILABLE, self.why_not)
            attachments.status()
        elif attachments is None:
            self._serve_blind(call, namespace)
        elif call.command == "ADD":
            return attachments.add(call, namespace)
        elif call.command == "DEL":
            attachments.delete(call, namespace)
        elif call.command == "CHECK":
            attachments.check(call, namespace)
        else:
            attachments.collect_garbage(call)
        return b""

    def _serve_blind(self, call: Call, namespace: Namespace | None) -> None:
        """Without a podCIDR nothing was ever attached, or the state was lost; a DEL takes away what it finds."""
        if call.command != "DEL":
            raise CniError(cni.TRY_AGAIN, self.why_not)
        if namespace is not None and namespace.identity != self._own.identity:
            self._wiring.disconnect_inside(call.interface, mac_for(self.site.node), namespace)
