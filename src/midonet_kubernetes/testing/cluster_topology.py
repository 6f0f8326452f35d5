"""The MidoNet objects of a small Kubernetes cluster, in the shape of the Translations, as changes of a host's view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from midonet_kubernetes.model.names import NODE_PORT_INTERFACE, interface_for, mac_for
from midonet_kubernetes.topology.change import Change

ROUTER, ZONE = "router", "zone"
MAIN, PRE, SERVICES = "main", "pre", "services"
TCP, UDP = 6, 17


def put(kind: str, id_: str, **fields: Any) -> Change:
    """The object is now this."""
    return Change(kind, id_, {"id": id_, **fields})


def gone(kind: str, id_: str) -> Change:
    """The object is gone."""
    return Change(kind, id_, None)


def global_objects() -> list[Change]:
    """What there is once per cluster."""
    return [
        put("TunnelZone", ZONE, type="vxlan"),
        put("Router", ROUTER),
        *(put("Chain", chain) for chain in (MAIN, PRE, SERVICES)),
        put("Rule", "jump-pre", chainId=MAIN, rank=1, type="jump", jumpChainId=PRE),
        put("Rule", "jump-services", chainId=MAIN, rank=2, type="jump", jumpChainId=SERVICES),
        put("Rule", "rev-snat", chainId=PRE, rank=1, type="rev_snat", flowAction="continue"),
        put("Rule", "rev-dnat", chainId=PRE, rank=2, type="rev_dnat", flowAction="accept"),
    ]


@dataclass(frozen=True)
class Node:
    """Node ``number`` with host ``h<number>``, underlay address 192.0.2.<number> and pods in 10.244.<number>.0/24."""

    number: int

    @property
    def host(self) -> str:
        """Id of its MidoNet host."""
        return f"h{self.number}"

    @property
    def underlay(self) -> str:
        """Its InternalIP, which is its tunnel endpoint too."""
        return f"192.0.2.{self.number}"

    @property
    def gateway(self) -> str:
        """The router port's address."""
        return f"10.244.{self.number}.1"

    @property
    def address(self) -> str:
        """The node's own address in its pod network."""
        return f"10.244.{self.number}.2"

    @property
    def router_mac(self) -> str:
        """The router port's MAC."""
        return mac_for(f"n{self.number}")

    @property
    def mac(self) -> str:
        """The MAC of the node's end of its port."""
        return mac_for(f"node-port-{self.number}")

    def objects(self) -> list[Change]:
        """Bridge, link to the router, node port, routes and tunnel endpoint."""
        n, router_port = f"n{self.number}", f"rp{self.number}"
        return [
            put("Host", self.host, name=n),
            put("TunnelZoneHost", f"{ZONE}/{self.host}", tunnelZoneId=ZONE, hostId=self.host, ipAddress=self.underlay),
            put("Bridge", n, inboundFilterId=MAIN),
            put("Port", f"bp{self.number}", type="Bridge", deviceId=n, peerId=router_port),
            put(
                "Port",
                router_port,
                type="Router",
                deviceId=ROUTER,
                peerId=f"bp{self.number}",
                portSubnet=[f"{self.gateway}/24"],
                portMac=self.router_mac,
            ),
            self.route("pods", f"10.244.{self.number}.0", 24),
            self.route("local", self.gateway, 32, type="Local"),
            self.route("node", self.underlay, 32, nextHopGateway=self.address),
            put("Chain", f"out-{n}"),
            self.source_nat(f"snat-{n}", f"out-{n}", self.address, "continue"),
            *self._port(f"np{self.number}", NODE_PORT_INTERFACE, self.mac, self.address, f"out-{n}"),
        ]

    def route(self, name: str, network: str, length: int, type: str = "Normal", **fields: Any) -> Change:  # noqa: A002 - as in REST
        """A route by the node's router port."""
        return put(
            "Route",
            f"{name}{self.number}",
            type=type,
            routerId=ROUTER,
            dstNetworkAddr=network,
            dstNetworkLength=length,
            nextHopPort=f"rp{self.number}",
            **fields,
        )

    def pod(self, number: int) -> list[Change]:
        """Port, hairpin rule and table entries of pod ``p<number>`` with address 10.244.<node>.<number>."""
        chain, key = f"out-{self.number}-{number}", f"n{self.number}/p{number}"
        return [
            put("Chain", chain),
            self.source_nat(f"snat-{self.number}-{number}", chain, self.pod_address(number), "accept"),
            *self._port(f"p{self.number}-{number}", interface_for(key), mac_for(key), self.pod_address(number), chain),
        ]

    def pod_address(self, number: int) -> str:
        """A pod's address."""
        return f"10.244.{self.number}.{number}"

    def home(self) -> Change:
        """The bridge's home, which a server derives."""
        return put("BridgeHome", f"n{self.number}", hostIds=[self.host])

    def source_nat(self, id_: str, chain: str, source: str, flow_action: str) -> Change:
        """A rule that lets ``source`` come from the gateway."""
        target = {"addressFrom": self.gateway, "addressTo": self.gateway, "portFrom": 30000, "portTo": 60000}
        return put(
            "Rule",
            id_,
            chainId=chain,
            type="snat",
            dlType=2048,
            nwSrcAddress=source,
            nwSrcLength=32,
            flowAction=flow_action,
            natTargets=[target],
            fragmentPolicy="unfragmented",
        )

    def _port(self, id_: str, interface: str, mac: str, address: str, chain: str) -> list[Change]:
        n = f"n{self.number}"
        return [
            put("Port", id_, type="Bridge", deviceId=n, hostId=self.host, interfaceName=interface, outboundFilterId=chain),
            put("MacPort", f"{n}/0/{mac}/{id_}", bridgeId=n, macAddr=mac, portId=id_),
            put("Ip4Mac", f"{n}/{address}/{mac}", bridgeId=n, ip=address, mac=mac),
        ]


def service(
    name: str, address: str, port: int, endpoints: Sequence[tuple[str, int]], *, protocol: int = TCP, version: int = 0
) -> list[Change]:
    """Chain, jump and endpoints' rule of a Service's port; without endpoints the rule rejects."""
    return [
        put("Chain", f"svc-{name}"),
        put(
            "Rule",
            f"jump-{name}",
            chainId=SERVICES,
            rank=float(-port),
            type="jump",
            jumpChainId=f"svc-{name}",
            dlType=2048,
            nwDstAddress=address,
            nwDstLength=32,
            nwProto=protocol,
            tpDst={"start": port, "end": port},
            fragmentPolicy="header",
        ),
        endpoints_rule(name, endpoints, version=version),
    ]


def endpoints_rule(name: str, endpoints: Sequence[tuple[str, int]], *, version: int = 0) -> Change:
    """The rule of a Service's port; a later version stands before an earlier one, as a POSTed rule does."""
    targets = [{"addressFrom": ip, "addressTo": ip, "portFrom": port, "portTo": port} for ip, port in endpoints]
    what = {"type": "dnat", "natTargets": targets, "flowAction": "accept"} if targets else {"type": "reject"}
    return put("Rule", f"eps-{name}-{version}", chainId=f"svc-{name}", rank=-float(version), dlType=2048, **what)
