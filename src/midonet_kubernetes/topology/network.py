"""The host itself and its tunnel link, and what of routers has no counterpart in the kernel."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from midonet_kubernetes.topology import host_network as net
from midonet_kubernetes.topology.host_state import TUNNEL_LINK, Unsupported
from midonet_kubernetes.topology.items import Item, ItemKey
from midonet_kubernetes.topology.objects import Objects
from midonet_kubernetes.topology.ways import own_address

VNI, VXLAN_PORT = 5, 6677  # MidoNet's overlay port (simulation 9)
VXLAN_OVERHEAD = 50  # outer Ethernet, IPv4, UDP and VXLAN headers
DEFAULT_MTU = 1500

Piece = tuple[ItemKey, Item]


@dataclass(frozen=True, slots=True)
class Here:
    """What the compiler knows of the host that it compiles for.

    Args:
        host_id: of the host.
        tunnels: the host's tunnel endpoint addresses by zone.
        source: a gateway address of a bridge here, "" when there is none: what the namespace itself sends comes from it.
        mtu: of the link with the tunnel endpoint's address.
    """

    host_id: str
    tunnels: tuple[tuple[str, str], ...] = ()
    source: str = ""
    mtu: int = DEFAULT_MTU

    @property
    def tunnel_address(self) -> str:
        """The address that the tunnel link sends from, "" for none."""
        return self.tunnels[0][1] if self.tunnels else ""


def tunnel_mac(host_id: str) -> str:
    """The MAC of a host's tunnel link: locally administered, another one for each host, and every host can compute it."""
    return "02:" + hashlib.sha256(host_id.encode()).digest()[:5].hex(":")


def here(objects: Objects, host_id: str, mtu: int) -> Here:
    """What can be told of the host from its view."""
    gateways = (
        own_address(port)
        for bridge in sorted(objects.bridges)
        if host_id in objects.hosts_of(bridge)
        for port in objects.gateways_of(bridge)
    )
    return Here(host_id, tuple(sorted(objects.tunnels_of(host_id).items())), next(gateways, ""), mtu)


def tunnel(place: Here) -> Iterator[Piece]:
    """The tunnel link of the host."""
    if not place.tunnel_address:
        return
    vxlan = net.Vxlan(VNI, VXLAN_PORT, place.tunnel_address)
    mac, mtu = tunnel_mac(place.host_id), place.mtu - VXLAN_OVERHEAD
    yield ("link", TUNNEL_LINK), net.Link(TUNNEL_LINK, kind="vxlan", mac=mac, mtu=mtu, vxlan=vxlan)
    for zone, address in place.tunnels[1:]:
        if address != place.tunnel_address:
            yield unsupported("TunnelZoneHost", f"{zone}/{place.host_id}", "a host has one tunnel link, in its first zone")


def router(objects: Objects, router_id: str) -> Iterator[Piece]:
    """What of a router has no counterpart here."""
    device = objects.routers.get(router_id)
    if device is not None and (device.load_balancer_id or device.local_redirect_chain_id or device.forward_chain_id):
        yield unsupported("Router", router_id, "load balancer, local redirect and forward chains have no counterpart")
    if device is not None and not device.admin_state_up:
        yield unsupported("Router", router_id, "a router cannot be down on its own: set its ports or bridges down")
    for port in objects.ports_of(router_id):
        if port.host_id:
            yield unsupported("Port", port.id, "a router port that is bound to an interface")


def tunnel_end(objects: Objects, place: Here, host: str) -> str:
    """The tunnel address of another host in a zone that both share, "" when there is none."""
    theirs = objects.tunnels_of(host)
    return next((theirs[zone] for zone, _ in place.tunnels if zone in theirs), "")


def unsupported(kind: str, id_: str, reason: str) -> Piece:
    """An item that names an object which is not in the kernel as MidoNet would have it."""
    return ("unsupported", kind, id_), Unsupported(kind, id_, reason)
