"""What annotations of Nodes and Pods say, read and judged."""

from __future__ import annotations

from uuid import UUID

from midonet_kubernetes.model.annotations import HOST_ID, MAC_ADDRESS
from midonet_kubernetes.model.kubernetes import Metadata, Node
from midonet_kubernetes.translate.addresses import mac, uuid
from midonet_kubernetes.translate.outcome import Problem


def host_id(node: Node) -> UUID | None:
    """The MidoNet host of a Node, once its annotation names one that can be used."""
    try:
        return uuid(node.metadata.annotations.get(HOST_ID, ""))
    except ValueError:
        return None


def mac_address(metadata: Metadata, problems: list[Problem]) -> tuple[str | None, bool]:
    """The MAC address of a Node's or Pod's own interface, if its annotation tells it.

    Args:
        metadata: of the Node or Pod.
        problems: a bad annotation is added.

    Returns:
        The address, and whether a bad annotation hides it, so that entries made from an earlier one are not stale.
    """
    written = metadata.annotations.get(MAC_ADDRESS)
    if written is None:
        return None, False
    try:
        return mac(written), False
    except ValueError:
        message = f"annotation {MAC_ADDRESS} is {written!r}, which is no MAC address of six bytes: remove or correct it"
        problems.append(Problem("MACAddressUnusable", message))
        return None, True
