"""All routes of the REST API, resource by resource."""

from __future__ import annotations

from midonet_kubernetes.minimidonet.rest.field import Fields
from midonet_kubernetes.minimidonet.rest.route import Route
from midonet_kubernetes.minimidonet.routes import (
    arp_tables,
    bgp,
    bindings,
    bridges,
    chains,
    dhcp,
    dhcp_hosts,
    dhcp_v6,
    empty,
    hosts,
    ip_addr_groups,
    load_balancers,
    mac_tables,
    peering_tables,
    pools,
    port_groups,
    port_links,
    ports,
    routers,
    routes,
    rules,
    system,
    tunnel_zone_hosts,
    tunnel_zones,
)

ROUTES: tuple[Route, ...] = tuple(
    route
    for module in (
        system,
        tunnel_zones,
        tunnel_zone_hosts,
        hosts,
        bindings,
        routers,
        bridges,
        ports,
        port_links,
        routes,
        mac_tables,
        arp_tables,
        peering_tables,
        dhcp,
        dhcp_hosts,
        dhcp_v6,
        chains,
        rules,
        ip_addr_groups,
        port_groups,
        load_balancers,
        pools,
        bgp,
        empty,
    )
    for route in module.ROUTES
)

# The fields of each body, by the first media type that it has. Ports and rules have fields by their "type".
BODIES: dict[str, dict[str, Fields]] = {
    "TunnelZone-v1": {"": tunnel_zones.TUNNEL_ZONE.fields},
    "TunnelZoneHost-v1": {"": tunnel_zone_hosts.TUNNEL_ZONE_HOST.fields},
    "Host-v3": {"": hosts.HOST.fields},
    "HostInterfacePort-v1": {"": bindings.BINDING.fields},
    "Router-v3": {"": routers.ROUTER.fields},
    "Bridge-v4": {"": bridges.BRIDGE.fields},
    "Port-v3": ports.FIELDS,
    "PortLink-v1": {"": port_links.LINK.fields},
    "Route-v1": {"": routes.ROUTE.fields},
    "MacPort-v2": {"": mac_tables.ENTRY.fields},
    "IP4Mac-v1": {"": arp_tables.ENTRY.fields},
    "MacIp-v1": {"": peering_tables.ENTRY.fields},
    "DhcpSubnet-v2": {"": dhcp.SUBNET.fields},
    "DhcpHost-v2": {"": dhcp_hosts.HOST.fields},
    "DhcpV6Subnet-v1": {"": dhcp_v6.SUBNET.fields},
    "DhcpV6Host-v1": {"": dhcp_v6.HOST.fields},
    "Chain-v1": {"": chains.CHAIN.fields},
    "Rule-v2": rules.FIELDS,
    "IpAddrGroup-v1": {"": ip_addr_groups.IP_ADDR_GROUP.fields},
    "PortGroup-v1": {"": port_groups.PORT_GROUP.fields},
    "PortGroupPort-v1": {"": port_groups.MEMBER.fields},
    "LoadBalancer-v1": {"": load_balancers.LOAD_BALANCER.fields},
    "HealthMonitor-v1": {"": load_balancers.HEALTH_MONITOR.fields},
    "Pool-v1": {"": pools.POOL.fields},
    "PoolMember-v1": {"": pools.POOL_MEMBER.fields},
    "VIP-v1": {"": pools.VIP.fields},
    "BgpPeer-v1": {"": bgp.BGP_PEER.fields},
    "BgpNetwork-v1": {"": bgp.BGP_NETWORK.fields},
}
