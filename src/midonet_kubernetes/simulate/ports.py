"""Ports: what happens on the way into a device and out of it (simulation 1.1)."""

from __future__ import annotations

from dataclasses import replace

from midonet_kubernetes.model.midonet import Port
from midonet_kubernetes.simulate.chains import Action, Ruling, apply_filters
from midonet_kubernetes.simulate.conntrack import track
from midonet_kubernetes.simulate.icmp import PROHIBITED, send_error
from midonet_kubernetes.simulate.outcome import Delivery, Fate
from midonet_kubernetes.simulate.packet import IPV6
from midonet_kubernetes.simulate.topology import is_exterior, is_interior
from midonet_kubernetes.simulate.walk import MOST_DEVICES, Abandoned, Cross, Enter, Next, Walk


def enter(walk: Walk, port: Port) -> Next:
    """Into the device that owns the port: from outside, or from the peer."""
    if walk.devices_traversed >= MOST_DEVICES:
        return walk.end(Fate.ERROR_DROP, f"loop: {MOST_DEVICES} devices traversed before port {port.id}")
    if port.type == "Router" and walk.packet.ethertype == IPV6:
        walk.devices_traversed += 1
        return walk.end(Fate.DROP, f"router port {port.id} does not take IPv6")
    walk.enter(port)
    walk.note(f"enters {_device_name(walk, port)} by port {port.id}")
    ruling = _filtered(walk, port, "port inbound", port.inbound_filter_id)
    if not ruling.passes:
        return walk.end(Fate.DROP, ruling.reason)
    return Cross(port)


def leave(walk: Walk, port: Port) -> Next:
    """Out of the device that owns the port: to the host's interface, or to the peer."""
    if walk.devices_traversed >= MOST_DEVICES:
        return walk.end(Fate.ERROR_DROP, f"loop: {MOST_DEVICES} devices traversed before port {port.id}")
    if port.type == "Router" and walk.packet.eth_src == walk.packet.eth_dst:
        return Enter(port)  # it is its own next hop
    if port.type == "Bridge":
        if port.id == walk.in_port:
            return walk.end(Fate.DROP, f"port {port.id} is the one that it entered by")
        _pop(walk, port.vlan_id)
    walk.traversed.add(port.id)
    walk.choose_out_port(port)
    ruling = _filtered(walk, port, "port outbound", port.outbound_filter_id)
    if not ruling.passes:
        return walk.end(Fate.DROP, ruling.reason)
    return _emit(walk, port)


def _emit(walk: Walk, port: Port) -> Next:
    if is_exterior(port):
        walk.deliveries.append(Delivery(port.id, walk.packet))
        track(walk, port.device_id)
        return walk.end(Fate.DELIVERED, f"leaves by port {port.id}")
    if is_interior(port):
        peer = walk.topology.peer_of(port)
        if peer is None:
            raise Abandoned(Fate.SUSPENDED, f"port {port.id} is linked to port {port.peer_id}, which does not exist")
        return Enter(peer)
    return walk.end(Fate.ERROR_DROP, f"port {port.id} is not plugged in")


def _filtered(walk: Walk, port: Port, stage: str, chain: str | None) -> Ruling:
    """The port's own filter; a router port answers what it does not let pass."""
    is_down = Ruling(Action.REJECT, f"port {port.id} is down")
    ruling = apply_filters(walk, stage, (chain,)) if port.admin_state_up else is_down
    if ruling.action is Action.REJECT and port.type == "Router" and walk.in_port:
        entered = walk.topology.find(Port, walk.in_port)
        if entered is not None:
            send_error(walk, entered, PROHIBITED, walk.packet)
    return ruling


def _pop(walk: Walk, vlan: int) -> None:
    if vlan and vlan in walk.packet.vlans:
        tags = list(walk.packet.vlans)
        tags.remove(vlan)
        walk.packet = replace(walk.packet, vlans=tuple(tags))


def _device_name(walk: Walk, port: Port) -> str:
    device = walk.topology.device_of(port)
    return f"{port.type.lower()} {(device.name if device else None) or port.device_id}"
