"""A Node: its bridge, linked to the cluster router, with a port for the node itself; routes to the node's own addresses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from uuid import UUID

from midonet_kubernetes.model.annotations import HOST_ID, TUNNEL_ENDPOINT_IP, TUNNEL_ZONE_ID
from midonet_kubernetes.model.bodies import (
    Bridge,
    Chain,
    HostInterfacePort,
    Port,
    PortLink,
    Route,
    TunnelZoneHost,
)
from midonet_kubernetes.model.kubernetes import Node
from midonet_kubernetes.model.names import NODE_PORT_INTERFACE, Names, mac_for, sub_id
from midonet_kubernetes.model.translation import Translation
from midonet_kubernetes.translate.addresses import PodSubnet, address, pod_subnet, uuid
from midonet_kubernetes.translate.annotations import host_id, mac_address
from midonet_kubernetes.translate.bridge_tables import table_entries
from midonet_kubernetes.translate.global_objects import global_ids
from midonet_kubernetes.translate.nat import snat
from midonet_kubernetes.translate.outcome import Outcome, Problem
from midonet_kubernetes.translate.ownership import Owner, resource

ADDRESS_TYPES = ("ExternalIP", "InternalIP")
_ANYWHERE = "0.0.0.0"  # noqa: S104 - the prefix 0.0.0.0/0, not an address to listen on


def bridge_id(node_name: str, names: Names) -> UUID:
    """The bridge that the Pods of a Node are attached to."""
    return names.id_for("Node", node_name)


@dataclass(frozen=True, slots=True)
class _Place:
    """A Node that can be translated, with what its parts share."""

    node: Node
    host: UUID
    subnet: PodSubnet
    names: Names

    @property
    def name(self) -> str:
        return self.node.metadata.name

    @property
    def owner(self) -> Owner:
        return Owner(self.node)

    @property
    def bridge(self) -> UUID:
        return bridge_id(self.name, self.names)

    @property
    def router_port(self) -> UUID:
        return sub_id(self.bridge, "Router Port")

    @property
    def node_port(self) -> UUID:
        return sub_id(self.bridge, "Node Port")


def translate(node: Node, names: Names) -> Outcome:
    """What a Node becomes: nothing until its annotation names a MidoNet host; what it was, as long as its podCIDR is bad."""
    host = host_id(node)
    if host is None:
        written = node.metadata.annotations.get(HOST_ID)
        return Outcome(problems=(_unusable_host(written),) if written else ())
    try:
        subnet = pod_subnet(node.spec.pod_cidr)
    except ValueError as error:
        return Outcome(problems=(_unusable_pod_cidr(node.spec.pod_cidr, error),), keep=True)
    place, problems = _Place(node, host, subnet, names), list[Problem]()
    # MidoNet refuses to bind a port on a host that is in no tunnel zone, so the zone comes first.
    translations = [*_tunnel_endpoint(place, problems), _bridge(place), *_addresses(place, problems)]
    (mac, mac_is_hidden), at = mac_address(node.metadata, problems), subnet.node_address
    if mac:
        translations += table_entries(place.owner, "Node", bridge=place.bridge, port=place.node_port, mac=mac, ip=at)
    return Outcome(tuple(translations), tuple(problems), keep=mac_is_hidden)


def _unusable_host(written: str) -> Problem:
    return Problem(
        "HostIDUnusable",
        f"annotation {HOST_ID} is {written!r}, which is no UUID: the Node and its Pods have no network; "
        "remove the annotation to have it set again, or write the id of the MidoNet host",
    )


def _unusable_pod_cidr(written: str, error: ValueError) -> Problem:
    if not written:
        return Problem("PodCIDRMissing", "spec.podCIDR is not set: the Node has no network; let the cluster allocate node CIDRs")
    return Problem("PodCIDRUnusable", f"spec.podCIDR {written!r} cannot be used ({error}): the Node has no network")


def _bridge(place: _Place) -> Translation:
    """The bridge, its link to the cluster router, and the port of the node itself."""
    bridge, router = place.bridge, global_ids(place.names).cluster_router
    tenant, subnet = place.names.tenant, place.subnet
    bridge_port, chain = sub_id(bridge, "Bridge Port"), sub_id(bridge, "Node Port Chain")
    on_router = Port(
        id=place.router_port,
        type="Router",
        port_subnet=(f"{subnet.gateway}/{subnet.network.prefixlen}",),
        port_mac=mac_for(place.name),
    )
    route = Route(
        id=sub_id(bridge, "Route"),
        dst_network_addr=str(subnet.network.network_address),
        dst_network_length=subnet.network.prefixlen,
        next_hop_port=place.router_port,
        src_network_addr=_ANYWHERE,
        src_network_length=0,
        type="Normal",
    )
    binding = HostInterfacePort(host_id=place.host, port_id=place.node_port, interface_name=NODE_PORT_INTERFACE)
    # What a host-network Pod of this node answers must come back through this bridge, where the Service address is restored.
    rule = snat(subnet.node_address, subnet.gateway, flow_action="continue", id=sub_id(bridge, "Node Port SNAT Rule"))
    return place.owner.translation(
        "Node",
        place.name,
        resource(Bridge(id=bridge, tenant_id=tenant, name=place.name, inbound_filter_id=global_ids(place.names).main_chain)),
        resource(Port(id=bridge_port, type="Bridge"), bridge),
        resource(on_router, router),
        resource(route, router),
        resource(PortLink(port_id=None, peer_id=place.router_port), bridge_port),
        resource(Chain(id=chain, tenant_id=tenant, name=f"KUBE-NODE-{place.name}")),
        resource(Port(id=place.node_port, type="Bridge", outbound_filter_id=chain), bridge),
        resource(binding, place.host),
        resource(rule, chain),
    )


def _addresses(place: _Place, problems: list[Problem]) -> Iterator[Translation]:
    """A route to each of the node's own addresses, by way of the node."""
    written = {(a.type, a.address): None for a in place.node.status.addresses if a.type in ADDRESS_TYPES}
    routes = dict[str, IPv4Address]()  # two spellings of an address are one
    for kind, text in written:
        try:
            read = address(text)
        except ValueError:
            problems.append(Problem("NodeAddressUnusable", f"{kind} {text!r} is no IP address: Pods cannot reach the Node there"))
            continue
        if isinstance(read, IPv4Address):
            routes[f"{place.name}/{kind}/{read}"] = read
    for key, to in routes.items():
        route = Route(
            id=place.names.id_for("Node Address", key),
            dst_network_addr=str(to),
            dst_network_length=32,
            next_hop_gateway=str(place.subnet.node_address),
            next_hop_port=place.router_port,
            src_network_addr=_ANYWHERE,
            src_network_length=0,
            type="Normal",
        )
        yield place.owner.translation("Node-Address", key, resource(route, global_ids(place.names).cluster_router))


def _tunnel_endpoint(place: _Place, problems: list[Problem]) -> Iterator[Translation]:
    """The host's membership in its tunnel zone."""
    annotations = place.node.metadata.annotations
    if TUNNEL_ENDPOINT_IP not in annotations:
        return
    written, zone_written = annotations[TUNNEL_ENDPOINT_IP], annotations.get(TUNNEL_ZONE_ID)
    try:
        endpoint = address(written)
    except ValueError:
        endpoint = None
    if not isinstance(endpoint, IPv4Address):
        problems.append(_no_tunnels(f"annotation {TUNNEL_ENDPOINT_IP} is {written!r}, which is no IPv4 address"))
        return
    try:
        zone = uuid(zone_written) if zone_written else global_ids(place.names).tunnel_zone
    except ValueError:
        problems.append(_no_tunnels(f"annotation {TUNNEL_ZONE_ID} is {zone_written!r}, which is neither empty nor a UUID"))
        return
    yield place.owner.translation(
        "Node-Tunnel-Endpoint",
        f"{place.name}/{endpoint}/{zone}/{place.host}",
        resource(TunnelZoneHost(host_id=place.host, ip_address=str(endpoint)), zone),
    )


def _no_tunnels(why: str) -> Problem:
    return Problem("TunnelEndpointUnusable", f"{why}: the Node has no tunnels to other Nodes")
