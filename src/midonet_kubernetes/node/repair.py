"""Brings the kernel back to what the attachments say, and forgets attachments whose interface is gone for good."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable

from midonet_kubernetes.errors import KernelError
from midonet_kubernetes.linux.kernel import Kernel, Namespace
from midonet_kubernetes.node.addresses import REST
from midonet_kubernetes.node.attachments import Attachments
from midonet_kubernetes.node.state import Attachment
from midonet_kubernetes.node.wiring import Survey

_log = logging.getLogger(__name__)


class Repairer:
    """Compares every attachment with the kernel.

    Args:
        kernel: real or twin.
        clock: seconds, never going back.
    """

    def __init__(self, kernel: Kernel, clock: Callable[[], float]) -> None:
        self._kernel, self._clock = kernel, clock
        self._lost: dict[tuple[str, str], float] = {}  # attachments without a link, and since when

    def repair(self, attachments: Attachments, *, inside: bool) -> list[str]:
        """Put right what differs.

        Args:
            attachments: what there should be.
            inside: look into the pods' namespaces too, where they can be opened.

        Returns:
            What was not as it should be, in words.

        Raises:
            KernelError: the kernel does not say what there is.
            MachineError: the disk still does not take what it did not take before.
        """
        ledger, survey = attachments.ledger, attachments.wiring.survey()
        done: list[str] = []
        lost = {a.key: self._lost.get(a.key, self._clock()) for a in ledger.known.values() if a.link not in survey.links}
        self._lost = lost
        for attachment in list(ledger.known.values()):
            if attachment.key in lost:
                done += self._give_up(attachments, attachment)
                continue
            try:
                done += _repair_one(attachments, self._kernel, attachment, survey, inside=inside)
            except KernelError as error:  # the pod may be going just now
                _log.log(
                    logging.DEBUG if error.code == errno.ENODEV else logging.WARNING, "repairing %s: %s", attachment.link, error
                )
        for link in [link for link in ledger.strangers if link not in survey.links]:
            ledger.forget_stranger(link)
        ledger.save_removals()
        return done

    def _give_up(self, attachments: Attachments, attachment: Attachment) -> list[str]:
        """A pod without its interface cannot use its address any more; it keeps it for a while, in case a DEL is under way."""
        if self._clock() - self._lost[attachment.key] < REST:
            return []
        attachments.ledger.forget(attachment)
        return [f"the interface of {attachment.pod or attachment.container} is gone: {attachment.address} is released"]


def _repair_one(attachments: Attachments, kernel: Kernel, attachment: Attachment, survey: Survey, *, inside: bool) -> list[str]:
    wire = attachments.wire(attachment)
    pod = _pod_namespace(attachments, kernel, attachment) if inside else None
    try:
        differences = attachments.wiring.differences(wire, survey, pod)
        if differences:
            attachments.wiring.repair(wire, pod)
    finally:
        if pod is not None:
            pod.close()
    return differences


def _pod_namespace(attachments: Attachments, kernel: Kernel, attachment: Attachment) -> Namespace | None:
    """The pod's namespace if its path still leads to it; the daemon may not see the runtime's mounts at all."""
    if not attachment.wired or attachment.address not in attachments.ledger.pool:
        return None  # half made, or with the gateway of an earlier podCIDR
    try:
        namespace = kernel.open_namespace(attachment.namespace)
        routing = kernel.routing(namespace)
    except KernelError:
        return None
    try:
        link = routing.link(attachment.interface)
    finally:
        routing.close()
    if link is not None and link.mac == attachment.mac:
        return namespace
    namespace.close()
    return None
