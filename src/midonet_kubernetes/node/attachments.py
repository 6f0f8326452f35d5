"""What the node does for each CNI operation. State and kernel are compared and brought together, never trusted alone.

Every operation may be cut off at any instruction and repeated. An ADD writes down the address before it touches the kernel,
and that it is done afterwards; a DEL goes the other way. One thread calls all of this.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from midonet_kubernetes.errors import KernelError, MachineError
from midonet_kubernetes.linux.kernel import Kernel, Namespace
from midonet_kubernetes.model.names import interface_for, mac_for
from midonet_kubernetes.node import cni_protocol as cni
from midonet_kubernetes.node.addresses import Exhausted, Pool, Subnet
from midonet_kubernetes.node.cni_protocol import Attached, Call, CniError
from midonet_kubernetes.node.state import Annotation, Attachment, State
from midonet_kubernetes.node.wiring import Wire, Wiring

_log = logging.getLogger(__name__)

_NAME_TAKEN = "CNI_IFNAME={}: the container has an interface of that name"


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
        kernel: real or twin.
        wiring: to the outer namespace.
        placement: where pods are wired to.
        own: the node's own namespace, which no pod may name.
        clock: seconds, never going back.
        annotated_mac: the MAC that the Pod ``namespace/name`` asks for by annotation, "" for none or when not known.
    """

    def __init__(
        self,
        state: State,
        kernel: Kernel,
        wiring: Wiring,
        placement: Placement,
        own: Namespace,
        clock: Callable[[], float],
        annotated_mac: Callable[[str], str] = lambda _pod: "",
    ) -> None:
        self._state, self._kernel, self.wiring, self._own = state, kernel, wiring, own
        self._clock, self._annotated_mac = clock, annotated_mac
        self._placement = placement
        self.known = {attachment.key: attachment for attachment in state.attachments()}
        self._unsaved: dict[tuple[str, str], Attachment] = {}  # removed, but the disk has not taken it yet
        self.lost: dict[tuple[str, str], float] = {}  # whose link is gone, and since when
        self.strangers: dict[str, str] = {}  # links of pods that the state does not know, and their addresses
        self.pool = self._filled_pool()

    @property
    def placement(self) -> Placement:
        """Where pods are wired to. A new podCIDR counts for new pods only; the others keep their addresses."""
        return self._placement

    @placement.setter
    def placement(self, placement: Placement) -> None:
        old, self._placement = self._placement, placement
        if placement.subnet != old.subnet:
            self.pool = self._filled_pool()

    def _filled_pool(self) -> Pool:
        pool = Pool(self.placement.subnet)
        now = self._clock()
        for address in self._state.resting():
            pool.hold(address)
            pool.release(address, now)
        for attachment in self.known.values():
            pool.hold(attachment.address)
        links = {attachment.link for attachment in self.known.values()}
        for destination, link in self.wiring.survey().routes:
            if link.startswith("mido") and not link.startswith("midokube") and link not in links:
                self.strangers[link] = destination.removesuffix("/32")
                pool.hold(self.strangers[link])
        return pool

    def wire(self, attachment: Attachment) -> Wire:
        """The interface as it shall be."""
        place = self.placement
        return Wire(
            attachment.link,
            mac_for(place.node),
            attachment.interface,
            attachment.mac,
            place.mtu,
            attachment.address,
            place.length,
            place.subnet.gateway,
        )

    def add(self, call: Call, namespace: Namespace | None) -> bytes:
        """ADD.

        Raises:
            CniError: it could not be done; nothing is left of it that a DEL would not take away.
        """
        if namespace is None or namespace.identity == self._own.identity:
            raise CniError(cni.BAD_ENVIRONMENT, f"CNI_NETNS={call.namespace} is not a container's network namespace")
        old = self.known.get((call.container, call.interface))
        if old is not None and old.link:
            if old.wired and self.wiring.has(old.link):
                raise CniError(cni.BAD_ENVIRONMENT, _NAME_TAKEN.format(call.interface))
            self.wiring.disconnect(old.link)  # an ADD that was cut off
        attachment = self._reserve(call, old)
        try:
            self.wiring.connect(self.wire(attachment), namespace)
            self._finish(call, attachment)
        except (KernelError, MachineError) as error:
            with suppress(KernelError):
                self.take_away(attachment)
            raise _refused(call, error) from None
        wire = self.wire(attachment)
        attached = Attached(
            wire.link,
            wire.router_mac,
            self.placement.outer,
            wire.mac,
            wire.mtu,
            f"{wire.address}/{wire.length}",
            wire.gateway,
        )
        return cni.add_result(call, attached)

    def _reserve(self, call: Call, old: Attachment | None) -> Attachment:
        """Choose address, MAC and link name, and write them down."""
        key = call.pod.key if call.pod else call.container
        link = interface_for(key)
        if any(a.container == call.container and a.link == link and a.interface != call.interface for a in self.known.values()):
            link = interface_for(f"{key}/{call.interface}")  # a second interface of one container
        try:
            address = old.address if old else self.pool.give(self._clock())
        except Exhausted as error:
            message = f"{error}: delete pods on node {self.placement.node} or give it a larger podCIDR"
            raise CniError(cni.TRY_AGAIN, message) from None
        mac = (self._annotated_mac(call.pod.key) if call.pod else "") or mac_for(key)
        attachment = Attachment(
            *(call.container, call.interface, call.network, call.namespace),
            *(call.pod.key if call.pod else "", call.pod.uid if call.pod else ""),
            *(address, mac, link),
        )
        earlier = [a for a in self.known.values() if a.link == link and a.key != attachment.key]
        try:
            with self._state.together():
                for loser in earlier:  # an earlier container of the same Pod, which is being torn down
                    self._state.save(replace(loser, link=""))
                self._state.save(attachment)
        except MachineError as error:
            if old is None:
                self.pool.release(address, self._clock())
            raise CniError(cni.IO_FAILURE, str(error)) from None
        for loser in earlier:
            self.known[loser.key] = replace(loser, link="")
        self.known[attachment.key] = attachment
        self._unsaved.pop(attachment.key, None)
        return attachment

    def _finish(self, call: Call, attachment: Attachment) -> None:
        done = replace(attachment, wired=True)
        with self._state.together():
            self._state.save(done)
            if call.pod:
                self._state.want(Annotation(call.pod.key, call.pod.uid, attachment.mac))
        self.known[done.key] = done

    def delete(self, call: Call, namespace: Namespace | None) -> None:
        """DEL: also of what is gone in part or was never there.

        Raises:
            CniError: the kernel refuses.
        """
        attachment = self.known.get((call.container, call.interface))
        try:
            if attachment is not None:
                self.take_away(attachment)
            elif namespace is not None and namespace.identity != self._own.identity:
                self.wiring.disconnect_inside(call.interface, mac_for(self.placement.node), namespace)
        except KernelError as error:
            raise _refused(call, error) from None

    def take_away(self, attachment: Attachment) -> None:
        """Remove an interface, and release its address."""
        if attachment.link:
            self.wiring.disconnect(attachment.link)
        self.forget(attachment)

    def forget(self, attachment: Attachment) -> None:
        """Release the address. A disk that is full does not stop it: what could not be written is written later."""
        del self.known[attachment.key]
        self.lost.pop(attachment.key, None)
        self.pool.release(attachment.address, self._clock())
        try:
            self._save_removal(attachment)
        except MachineError:
            self._unsaved[attachment.key] = attachment
            _log.warning("%s is released, but the state cannot be written yet", attachment.address, exc_info=True)

    def save_removals(self) -> None:
        """Write what the disk did not take before.

        Raises:
            MachineError: it still does not.
        """
        for key, attachment in list(self._unsaved.items()):
            self._save_removal(attachment)
            del self._unsaved[key]

    def _save_removal(self, attachment: Attachment) -> None:
        with self._state.together():
            self._state.remove(attachment)
            ours = attachment.mac == mac_for(attachment.pod)
            if attachment.pod and ours and not any(other.pod == attachment.pod for other in self.known.values()):
                self._state.want(Annotation(attachment.pod, attachment.uid, ""))

    def check(self, call: Call, namespace: Namespace | None) -> None:
        """CHECK.

        Raises:
            CniError: something is not as ADD left it; the message names it.
        """
        attachment = self.known.get((call.container, call.interface))
        if attachment is None or not attachment.wired:
            raise CniError(
                cni.INTERFACE_DIFFERS, f"{call.interface} of this container is not known on node {self.placement.node}"
            )
        wire = self.wire(attachment)
        expected = cni.expected_addresses(call)
        found = self.wiring.differences(wire, self.wiring.survey(), namespace)
        if f"{wire.address}/{wire.length}" not in expected:
            found.append(
                f"prevResult gives {call.interface} {', '.join(expected) or 'no address'}, it has {wire.address}/{wire.length}"
            )
        if found:
            raise CniError(cni.INTERFACE_DIFFERS, f"{call.interface} is not as it was made: {found[0]}", "; ".join(found))

    def collect_garbage(self, call: Call) -> None:
        """GC: remove what no valid attachment claims, as much as possible.

        Raises:
            CniError: some could not be removed; the rest is.
        """
        refused = []
        for attachment in [a for a in self.known.values() if a.network == call.network and a.key not in call.valid]:
            try:
                self.take_away(attachment)
            except KernelError as error:
                refused.append(str(error))
        if self.placement.outer and call.valid <= self.known.keys():
            claimed = {attachment.link for attachment in self.known.values()}
            for link in [link for link in self.strangers if link not in claimed]:
                try:
                    self.wiring.disconnect(link)
                except KernelError as error:
                    refused.append(str(error))
        if refused:
            raise CniError(cni.INTERNAL, refused[0], "; ".join(refused))

    def status(self) -> None:
        """STATUS.

        Raises:
            CniError: 50, no pod could be served now; the message says why.
        """
        if self.pool.free() == 0:
            raise CniError(
                cni.NOT_AVAILABLE,
                f"all {self.placement.subnet.capacity} addresses of podCIDR {self.placement.subnet.network} are in use",
            )
        try:
            self._state.remember("status", "")
        except MachineError as error:
            raise CniError(cni.NOT_AVAILABLE, str(error)) from None


def _refused(call: Call, error: KernelError | MachineError) -> CniError:
    if isinstance(error, MachineError):
        return CniError(cni.IO_FAILURE, str(error))
    if error.code == errno.EEXIST:
        return CniError(cni.BAD_ENVIRONMENT, _NAME_TAKEN.format(call.interface))
    return CniError(cni.INTERNAL, f"{call.command} of {call.interface}: {error}")
