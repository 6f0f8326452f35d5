"""All routes of the REST API, resource by resource."""

from __future__ import annotations

from midonet_kubernetes.minimidonet.rest.route import Route
from midonet_kubernetes.minimidonet.routes import (
    arp_tables,
    bgp,
    bindings,
    bridges,
    chains,
    dhcp,
    dhcp_hosts,
    empty,
    hosts,
    ip_addr_groups,
    load_balancers,
    mac_tables,
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
        dhcp,
        dhcp_hosts,
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
