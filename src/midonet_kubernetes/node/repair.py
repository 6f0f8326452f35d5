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


def repair(attachments: Attachments, kernel: Kernel, clock: Callable[[], float], *, inside: bool) -> list[str]:
    """Compare every attachment with the kernel and put right what differs.

    Args:
        attachments: what there should be.
        kernel: real or twin.
        clock: seconds, never going back.
        inside: look into the pods' namespaces too, where they can be opened.

    Returns:
        What was not as it should be, in words.
    """
    attachments.save_removals()
    survey = attachments.wiring.survey()
    done: list[str] = []
    for attachment in list(attachments.known.values()):
        if not attachment.link:
            continue
        if attachment.link not in survey.links:
            done += _give_up(attachments, attachment, clock())
            continue
        attachments.lost.pop(attachment.key, None)
        try:
            done += _repair_one(attachments, kernel, attachment, survey, inside=inside)
        except KernelError as error:  # the pod may be going just now
            _log.log(logging.DEBUG if error.code == errno.ENODEV else logging.WARNING, "repairing %s: %s", attachment.link, error)
    for link in [link for link in attachments.strangers if link not in survey.links]:
        attachments.pool.release(attachments.strangers.pop(link), clock())
    return done


def _give_up(attachments: Attachments, attachment: Attachment, now: float) -> list[str]:
    """A pod that has lost its interface cannot use its address any more. It keeps it for a while, in case a DEL is under way."""
    since = attachments.lost.setdefault(attachment.key, now)
    if now - since < REST:
        return []
    attachments.forget(attachment)
    return [f"{attachment.link} of {attachment.pod or attachment.container} is gone: {attachment.address} is released"]


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
    if not attachment.wired or attachment.address not in attachments.pool:
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
