"""Who has which address: memory, disk and pool kept in step, whatever the disk says to it. No kernel here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

from midonet_kubernetes.errors import MachineError
from midonet_kubernetes.model.names import interface_for, mac_for
from midonet_kubernetes.node.addresses import Pool, Subnet
from midonet_kubernetes.node.cni_protocol import Call
from midonet_kubernetes.node.state import Annotation, Attachment, State

_log = logging.getLogger(__name__)


def key_of(call: Call) -> str:
    """What link name and MAC are made from: the Pod, or the container when the runtime names no Pod."""
    return call.pod.key if call.pod else call.container


class Ledger:
    """The attachments of a node.

    Args:
        state: the disk.
        subnet: where addresses come from.
        clock: seconds, never going back.
        in_use: link name and address of each pod that the kernel has; those that the state does not know stay reserved.

    Attributes:
        known: attachments by container and interface.
        strangers: links of pods that the state does not know, and their addresses.
        pool: the addresses.
    """

    def __init__(self, state: State, subnet: Subnet, clock: Callable[[], float], in_use: Mapping[str, str]) -> None:
        self._state, self._clock = state, clock
        self.known = {attachment.key: attachment for attachment in state.attachments()}
        self._unsaved: dict[tuple[str, str], Attachment] = {}  # removed, but the disk has not taken it yet
        links = {attachment.link for attachment in self.known.values()}
        self.strangers = {link: address for link, address in in_use.items() if link not in links}
        self.pool = self._filled_pool(subnet)

    def change_subnet(self, subnet: Subnet) -> None:
        """A new podCIDR, for new pods only; the others keep their addresses."""
        if subnet != self.pool.subnet:
            self.pool = self._filled_pool(subnet)

    def _filled_pool(self, subnet: Subnet) -> Pool:
        pool, now = Pool(subnet), self._clock()
        for address in self._state.resting():
            pool.hold(address)
            pool.release(address, now)
        for address in (*(attachment.address for attachment in self.known.values()), *self.strangers.values()):
            pool.hold(address)
        return pool

    def reserve(self, call: Call, mac: str) -> Attachment:
        """Write down an attachment before it is made; a repeated call gets the same address.

        An earlier container of the same Pod that still has the link's name loses it.

        Raises:
            Exhausted: there is no address.
            MachineError: the disk does not take it.
        """
        old = self.known.get((call.container, call.interface))
        address = old.address if old else self.pool.give(self._clock())
        attachment = Attachment(
            container=call.container,
            interface=call.interface,
            network=call.network,
            namespace=call.namespace,
            pod=call.pod.key if call.pod else "",
            uid=call.pod.uid if call.pod else "",
            address=address,
            mac=mac,
            link=self._link(call),
        )
        losers = [replace(a, link="") for a in self.known.values() if a.link == attachment.link and a.key != attachment.key]
        try:
            with self._state.together():
                for gone in self._unsaved.values():  # one of them may have had the address
                    self._write_removal(gone)
                for changed in (*losers, attachment):
                    self._state.save(changed)
        except MachineError:
            if old is None:
                self.pool.release(address, self._clock())
            raise
        self._unsaved.clear()
        self.known.update((changed.key, changed) for changed in (*losers, attachment))
        return attachment

    def _link(self, call: Call) -> str:
        """The name that the topology knows; further interfaces of one container get names of their own."""
        link = interface_for(key_of(call))
        others = (a for a in self.known.values() if a.container == call.container and a.interface != call.interface)
        return interface_for(f"{key_of(call)}/{call.interface}") if any(a.link == link for a in others) else link

    def finish(self, attachment: Attachment) -> None:
        """The attachment is made, and its Pod shall be annotated.

        Raises:
            MachineError: the disk does not take it.
        """
        done = replace(attachment, wired=True)
        with self._state.together():
            self._state.save(done)
            if done.pod:
                self._state.want(Annotation(done.pod, done.uid, done.mac))
        self.known[done.key] = done

    def forget(self, attachment: Attachment) -> None:
        """Release the address. A disk that is full does not stop it: what could not be written is written later."""
        del self.known[attachment.key]
        self.pool.release(attachment.address, self._clock())
        self._unsaved[attachment.key] = attachment
        try:
            self.save_removals()
        except MachineError as error:
            _log.warning("%s is released, but that cannot be written yet: %s", attachment.address, error)

    def forget_stranger(self, link: str) -> None:
        """The link of a pod that the state does not know is gone."""
        self.pool.release(self.strangers.pop(link), self._clock())

    def save_removals(self) -> None:
        """Write what the disk did not take before.

        Raises:
            MachineError: it still does not.
        """
        if self._unsaved:
            with self._state.together():
                for attachment in self._unsaved.values():
                    self._write_removal(attachment)
            self._unsaved.clear()

    def _write_removal(self, attachment: Attachment) -> None:
        self._state.remove(attachment)
        ours = attachment.mac == mac_for(attachment.pod)  # an annotation that somebody else chose stays
        if attachment.pod and ours and not any(other.pod == attachment.pod for other in self.known.values()):
            self._state.want(Annotation(attachment.pod, attachment.uid, ""))

    def wish(self, pod: str) -> Annotation | None:
        """The annotation of a Pod that is wired here, None for any other."""
        wired = (a for a in self.known.values() if a.pod == pod and a.wired and a.link)
        return next((Annotation(pod, attachment.uid, attachment.mac) for attachment in wired), None)

    def probe(self) -> None:
        """Whether an ADD could be written down.

        Raises:
            MachineError: it could not.
        """
        self._state.remember("probe", "")
