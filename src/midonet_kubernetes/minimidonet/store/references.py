"""Every reference that is kept in step with its target (rest-api 5). Fields not listed here hold ids that nobody checks."""

from __future__ import annotations

from midonet_kubernetes.minimidonet.store.indices import Reference

_FILTERS = ("inboundFilterId", "outboundFilterId")

REFERENCES: tuple[Reference, ...] = (
    *(Reference(kind, field, "Chain", "clear") for kind in ("Router", "Bridge", "Port") for field in _FILTERS),
    Reference("Router", "localRedirectChainId", "Chain", "clear"),
    Reference("Rule", "chainId", "Chain", "cascade", order="rank"),
    Reference("Rule", "jumpChainId", "Chain", "cascade"),
    Reference("Port", "deviceId", "Bridge", "cascade"),
    Reference("Port", "deviceId", "Router", "cascade"),
    Reference("Port", "peerId", "Port", "clear"),
    Reference("Port", "hostId", "Host", "clear", order="_bound"),
    Reference("Route", "nextHopPort", "Port", "cascade"),
    Reference("Route", "routerId", "Router", "cascade"),
    Reference("TunnelZoneHost", "tunnelZoneId", "TunnelZone", "cascade"),
    Reference("TunnelZoneHost", "hostId", "Host", "cascade"),
    Reference("PortGroup", "portIds", "Port", "clear", many=True),
    Reference("MacIp", "portId", "Port", "cascade"),
    Reference("MacPort", "bridgeId", "Bridge", "cascade"),
    Reference("MacTable", "bridgeId", "Bridge", "cascade"),
    Reference("Ip4Mac", "bridgeId", "Bridge", "cascade"),
    Reference("DhcpSubnet", "bridgeId", "Bridge", "cascade"),
    Reference("DhcpV6Subnet", "bridgeId", "Bridge", "cascade"),
    Reference("Router", "loadBalancerId", "LoadBalancer", "clear"),
    Reference("Pool", "loadBalancerId", "LoadBalancer", "cascade"),
    Reference("Pool", "healthMonitorId", "HealthMonitor", "clear"),
    Reference("PoolMember", "poolId", "Pool", "cascade"),
    Reference("Vip", "poolId", "Pool", "cascade"),
    Reference("BgpPeer", "routerId", "Router", "cascade"),
    Reference("BgpNetwork", "routerId", "Router", "cascade"),
)
