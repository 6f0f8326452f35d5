"""Connection tracking: lazy, by headers and device, and no more than "reply or not" (simulation 4.9)."""

from __future__ import annotations

from midonet_kubernetes.simulate.packet import Packet
from midonet_kubernetes.simulate.state import ConnectionKey
from midonet_kubernetes.simulate.walk import Walk


def is_forward(walk: Walk) -> bool:
    """Whether the packet is no reply of a tracked connection. The first answer holds for the whole walk.

    The lookup takes the headers as the packet entered and the device where it entered, whatever has happened since.
    """
    if walk.forward is not None:
        return walk.forward
    if not walk.packet.is_tracked:
        return True
    if walk.entered is None:  # what the virtual network generates counts as return flow
        return False
    key = _key(walk.original, walk.entered.device_id)
    walk.forward = key is None or not walk.draft.is_reply(key)
    walk.note("connection tracking says forward flow" if walk.forward else "connection tracking says return flow")
    return walk.forward


def track(walk: Walk, device: str) -> None:
    """Remember the replies of the packet, which leaves the virtual network at ``device``, if somebody asked on the way."""
    if not walk.forward:
        return
    packet = walk.packet
    key = _key(packet, device)
    if key is not None:
        walk.draft.connect(ConnectionKey(key.nw_dst, key.tp_dst, key.nw_src, key.tp_src, key.nw_proto, device))
        walk.note("connection tracking remembers the connection")


def _key(packet: Packet, device: str) -> ConnectionKey | None:
    if packet.nw_src is None or packet.nw_dst is None:
        return None
    sport, dport = packet.tp_src, packet.tp_dst
    if packet.is_icmp:
        sport = dport = packet.icmp_id or 0
    return ConnectionKey(packet.nw_src, sport, packet.nw_dst, dport, packet.nw_proto, device)
