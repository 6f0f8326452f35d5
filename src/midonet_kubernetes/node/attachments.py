"""What the node does for each CNI operation: ledger and kernel are compared and brought together, neither trusted alone.

Every operation may be cut off at any instruction and repeated. An ADD writes down the address before it touches the kernel,
and that it is done afterwards; a DEL goes the other way. One thread calls all of this.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from midonet_kubernetes.errors import KernelError, MachineError
from midonet_kubernetes.linux.kernel import Namespace
from midonet_kubernetes.model.names import NODE_PORT_INTERFACE, interface_for, mac_for
from midonet_kubernetes.node import cni_protocol as cni
from midonet_kubernetes.node.addresses import Exhausted, Subnet
from midonet_kubernetes.node.cni_protocol import Call, CniError
from midonet_kubernetes.node.cni_results import Attached, add_result, expected_addresses
from midonet_kubernetes.node.ledger import Ledger, key_of
from midonet_kubernetes.node.state import Attachment, State
from midonet_kubernetes.node.wiring import Survey, Wire, Wiring

_LINK_PREFIX, _LINK_LENGTH = "mido", len(interface_for(""))


@dataclass(frozen=True, slots=True)
class Placement:
    """Where pods are wired to.

    Args:
        node: the Node's name.
        subnet: its podCIDR.
        mtu: of pods' interfaces.
        outer: path of the datapath namespace, "" with a real MidoNet.
    """

    node: str
    subnet: Subnet
    mtu: int
    outer: str

    @property
    def length(self) -> int:
        """Prefix length of pods' addresses: behind a routed port everything lies beyond the gateway, on a bridge it does not."""
        return 32 if self.outer else self.subnet.length


class Attachments:
    """The interfaces of the node's pods.

    Args:
        state: what is remembered.
        wiring: to the outer namespace.
        placement: where pods are wired to.
        own: the node's own namespace, which no pod may name.
        clock: seconds, never going back.
        annotated_mac: the MAC that the Pod ``namespace/name`` asks for by annotation, "" for none or when not known.
    """

    def __init__(
        self,
        state: State,
        wiring: Wiring,
        placement: Placement,
        own: Namespace,
        *,
        clock: Callable[[], float],
        annotated_mac: Callable[[str], str],
    ) -> None:
        self.wiring, self._placement, self._own, self._annotated_mac = wiring, placement, own, annotated_mac
        self.ledger = Ledger(state, placement.subnet, clock, _in_use(wiring.survey()))

    @property
    def placement(self) -> Placement:
        """Where pods are wired to. A new podCIDR counts for new pods only."""
        return self._placement

    @placement.setter
    def placement(self, placement: Placement) -> None:
        self._placement = placement
        self.ledger.change_subnet(placement.subnet)

    def wire(self, attachment: Attachment) -> Wire:
        """The interface as it shall be."""
        place = self._placement
        return Wire(
            link=attachment.link,
            router_mac=mac_for(place.node),
            inner=attachment.interface,
            mac=attachment.mac,
            mtu=place.mtu,
            address=attachment.address,
            length=place.length,
            gateway=place.subnet.gateway,
        )

    def add(self, call: Call, namespace: Namespace | None) -> bytes:
        """ADD.

        Raises:
            CniError: it could not be done; nothing is left of it that a DEL would not take away.
        """
        pod = self._containers_own(call, namespace)
        try:
            self._clear(call)
            attachment = self.ledger.reserve(call, self._mac(call))
        except (KernelError, MachineError, Exhausted) as error:
            raise self._refused(call, error) from None
        try:
            self.wiring.connect(self.wire(attachment), pod)
            self.ledger.finish(attachment)
        except (KernelError, MachineError) as error:
            with suppress(KernelError):
                self.take_away(attachment)
            raise self._refused(call, error) from None
        wire = self.wire(attachment)
        address = f"{wire.address}/{wire.length}"
        attached = Attached(wire.link, wire.router_mac, self._placement.outer, wire.mac, wire.mtu, address, wire.gateway)
        return add_result(call, attached)

    def _containers_own(self, call: Call, namespace: Namespace | None) -> Namespace:
        if namespace is None or namespace.identity in {self._own.identity, self.wiring.outer.identity}:
            raise CniError(cni.BAD_ENVIRONMENT, f"CNI_NETNS={call.namespace} is not a container's network namespace")
        return namespace

    def _clear(self, call: Call) -> None:
        """Make way for an ADD: what one that was cut off has left goes, an interface that is complete stays."""
        old = self.ledger.known.get((call.container, call.interface))
        if old is None or not old.link:
            return
        if old.wired and self.wiring.has(old.link):
            raise KernelError(f"make {call.interface}", errno.EEXIST)
        self.wiring.disconnect(old.link)

    def _mac(self, call: Call) -> str:
        return (self._annotated_mac(call.pod.key) if call.pod else "") or mac_for(key_of(call))

    def delete(self, call: Call, namespace: Namespace | None) -> None:
        """DEL: also of what is gone in part or was never there.

        Raises:
            CniError: the kernel refuses.
        """
        attachment = self.ledger.known.get((call.container, call.interface))
        try:
            if attachment is not None:
                self.take_away(attachment)
            elif namespace is not None and namespace.identity != self._own.identity:
                self.wiring.disconnect_inside(call.interface, mac_for(self._placement.node), namespace)
        except KernelError as error:
            raise self._refused(call, error) from None

    def removal(self, call: Call) -> Callable[[], None] | None:
        """What a DEL will wait for most, to be done ahead of it (see ``Wiring.removal``); None when there is nothing to wait for.

        Raises:
            KernelError: the kernel does not say what there is.
        """
        attachment = self.ledger.known.get((call.container, call.interface))
        return self.wiring.removal(attachment.link) if attachment is not None and attachment.link else None

    def take_away(self, attachment: Attachment) -> None:
        """Remove an interface, and release its address.

        Raises:
            KernelError: the kernel refuses; the address is still held.
        """
        if attachment.link:
            self.wiring.disconnect(attachment.link)
        self.ledger.forget(attachment)

    def check(self, call: Call, namespace: Namespace | None) -> None:
        """CHECK.

        Raises:
            CniError: something is not as ADD left it; the message names it.
        """
        attachment = self.ledger.known.get((call.container, call.interface))
        if attachment is None or not attachment.wired:
            message = f"{call.interface} of this container is not known on node {self._placement.node}"
            raise CniError(cni.INTERFACE_DIFFERS, message)
        wire = self.wire(attachment)
        has, expected = f"{wire.address}/{wire.length}", expected_addresses(call)
        pod = self._containers_own(call, namespace)
        try:
            found = self.wiring.differences(wire, self.wiring.survey(), pod)
        except KernelError as error:
            raise self._refused(call, error) from None
        if has not in expected:
            found.append(f"prevResult gives {call.interface} {', '.join(expected) or 'no address'}, it has {has}")
        if found:
            raise CniError(cni.INTERFACE_DIFFERS, f"{call.interface} is not as it was made: {found[0]}", "; ".join(found))

    def collect_garbage(self, call: Call) -> None:
        """GC: remove what no valid attachment claims, as much as possible.

        Raises:
            CniError: some could not be removed; the rest is.
        """
        refused = []
        for attachment in [a for a in self.ledger.known.values() if a.network == call.network and a.key not in call.valid]:
            try:
                self.take_away(attachment)
            except KernelError as error:
                refused.append(str(error))
        if call.valid <= self.ledger.known.keys():  # otherwise a stranger may be one of the valid ones
            for link in list(self.ledger.strangers):
                try:
                    self.wiring.disconnect(link)
                    self.ledger.forget_stranger(link)
                except KernelError as error:
                    refused.append(str(error))
        if refused:
            raise CniError(cni.INTERNAL, refused[0], "; ".join(refused))

    def status(self) -> None:
        """STATUS.

        Raises:
            CniError: 50, no pod could be served now; the message says why.
        """
        if self.ledger.pool.free() == 0:
            raise CniError(cni.NOT_AVAILABLE, self._exhausted())
        try:
            self.ledger.probe()
        except MachineError as error:
            raise CniError(cni.NOT_AVAILABLE, str(error)) from None

    def _exhausted(self) -> str:
        subnet = self._placement.subnet
        return (
            f"all {subnet.capacity} addresses of podCIDR {subnet.network} are in use: "
            f"delete pods on node {self._placement.node} or give it a larger podCIDR"
        )

    def _refused(self, call: Call, error: KernelError | MachineError | Exhausted) -> CniError:
        if isinstance(error, Exhausted):
            return CniError(cni.TRY_AGAIN, self._exhausted())
        if isinstance(error, MachineError):
            return CniError(cni.IO_FAILURE, str(error))
        if error.code == errno.EEXIST:
            message = f"CNI_IFNAME={call.interface}: the container has an interface of that name"
            return CniError(cni.BAD_ENVIRONMENT, message)
        return CniError(cni.INTERNAL, f"{call.command} of {call.interface}: {error}")


def _in_use(survey: Survey) -> dict[str, str]:
    """Link name and address of each pod that has a route in the outer namespace."""
    return {
        link: destination.removesuffix("/32")
        for destination, link in survey.routes
        if link.startswith(_LINK_PREFIX) and len(link) == _LINK_LENGTH and link != NODE_PORT_INTERFACE
    }
