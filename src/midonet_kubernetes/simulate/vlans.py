"""VLAN-aware bridges: interior ports with a VLAN id, linked to other bridges (simulation 5).

The bridge pushes the id on frames that enter by such a port; only frames with the id leave by it, without the tag.
"""

from __future__ import annotations

from midonet_kubernetes.model.midonet import Port
from midonet_kubernetes.simulate.packet import Packet
from midonet_kubernetes.simulate.topology import Topology, is_exterior
from midonet_kubernetes.simulate.walk import Walk

UNTAGGED = 0


class Vlans:
    """The VLAN ids of a bridge's ports.

    Args:
        topology: where the bridge is.
        bridge: its id.
    """

    def __init__(self, topology: Topology, bridge: str) -> None:
        self._by_port: dict[str, int] = {}
        self._aware_peers: list[Port] = []  # our ports whose peer belongs to a VLAN-aware bridge
        for port in topology.ports_of(bridge):
            peer = topology.peer_of(port)
            if peer is None or peer.type != "Bridge":
                continue
            if port.vlan_id:
                self._by_port[port.id] = port.vlan_id
            elif peer.vlan_id:
                self._aware_peers.append(port)
        self._port_of = {vlan: topology.find(Port, port) for port, vlan in self._by_port.items()}

    def of_source(self, packet: Packet, port: Port) -> int:
        """The VLAN of a frame's sender, for the MAC table: 0 on a bridge without VLAN ids."""
        if not self._by_port:
            return UNTAGGED
        if port.id in self._by_port:
            return self._by_port[port.id]
        return packet.vlans[0] if packet.vlans else UNTAGGED

    def retag(self, walk: Walk, port: Port, out: Port) -> str | None:
        """Push or pop as a frame goes from one port to another.

        Returns:
            Why it cannot leave there; None: it can.
        """
        if port.id in self._by_port:
            walk.change(vlans=(self._by_port[port.id], *walk.packet.vlans))
            return None
        vlan = self._by_port.get(out.id)
        if vlan is None:
            return None
        if walk.packet.vlans[:1] != (vlan,):
            return f"port {out.id} is for VLAN {vlan} only"
        walk.change(vlans=walk.packet.vlans[1:])
        return None

    def flooded_peers(self, walk: Walk, port: Port) -> tuple[Port, ...]:
        """The interior ports that take part in a flood; pushes the id of the port of entry.

        A copy for the port of a VLAN loses its tag as it leaves there.
        """
        others = tuple(peer for peer in self._aware_peers if peer.id != port.id)
        if others or not self._by_port:
            return others
        if is_exterior(port):
            inside = self._port_of.get(walk.packet.vlans[0]) if walk.packet.vlans else None
            return (inside,) if inside is not None else ()
        if port.id in self._by_port:
            walk.change(vlans=(self._by_port[port.id], *walk.packet.vlans))
        return ()
