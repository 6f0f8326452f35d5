from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from uuid import UUID

import pytest

from midonet_kubernetes.exchange import Request
from midonet_kubernetes.minimidonet.rest.media import vendor
from midonet_kubernetes.minimidonet.server.service import Service
from midonet_kubernetes.minimidonet.store.store import Store
from midonet_kubernetes.model.names import Names

API = "/midonet-api"
NAMES = Names("t")


def uid(name: str) -> str:
    return str(NAMES.id_for("any", name))


class Cluster:
    """A topology as Translations make it, in a store in memory."""

    def __init__(self, service: Service, headers: Mapping[str, str]) -> None:
        self.service, self._headers = service, headers
        self.post("/tunnel_zones", id=uid("zone"), name="DefaultTunnelZone", type="vxlan")
        self.post("/routers", id=uid("router"), name="ClusterRouter")
        for name in ("KUBE-MAIN", "KUBE-PRE", "KUBE-SERVICES"):
            self.chain(name)
        self.rule("KUBE-MAIN", type="jump", jumpChainId=uid("KUBE-SERVICES"))
        self.rule("KUBE-MAIN", type="jump", jumpChainId=uid("KUBE-PRE"))
        self.rule("KUBE-PRE", type="rev_snat", flowAction="continue")

    def post(self, path: str, media: str = "", **body: object) -> None:
        headers = {"content-type": vendor(media) if media else "application/json", **self._headers}
        answer = self.service.handle(Request("POST", API + path, headers, json.dumps(body).encode()))
        assert answer.status == 201, (path, body, answer)

    def host(self, name: str, number: int, *, is_alive: bool = True) -> None:
        address = f"192.0.2.{number}"
        if is_alive:
            path, body = f"/minimidonet/v1/hosts/{uid(name)}", json.dumps({"name": name, "addresses": [address]})
            assert self.service.handle(Request("PUT", path, self._headers, body.encode())).status == 200
        else:
            self.post("/hosts", id=uid(name), name=name)
        self.post(f"/tunnel_zones/{uid('zone')}/hosts", "TunnelZoneHost-v1", hostId=uid(name), ipAddress=address)

    def chain(self, name: str) -> None:
        self.post("/chains", id=uid(name), name=name)

    def rule(self, chain: str, **fields: object) -> None:
        self.post(f"/chains/{uid(chain)}/rules", **fields)

    def node(self, name: str, number: int) -> None:
        bridge, port, router_port = uid(f"bridge {name}"), uid(f"link {name}"), uid(f"router port {name}")
        self.post("/bridges", id=bridge, name=name, inboundFilterId=uid("KUBE-MAIN"))
        self.post(f"/bridges/{bridge}/ports", id=port, type="Bridge")
        self.post(f"/routers/{uid('router')}/ports", id=router_port, type="Router", portSubnet=[f"10.1.{number}.1/24"])
        self.post(f"/ports/{port}/link", peerId=router_port)
        route = {
            "type": "Normal",
            "srcNetworkAddr": "0.0.0.0",
            "srcNetworkLength": 0,
            "dstNetworkAddr": f"10.1.{number}.0",
            "dstNetworkLength": 24,
            "nextHopPort": router_port,
        }
        self.post(f"/routers/{uid('router')}/routes", **route)

    def pod(self, key: str, node: str, address: str) -> None:
        chain = f"KUBE-POD-OUT-{key}"
        self.chain(chain)
        target = {"addressFrom": "10.1.1.1", "addressTo": "10.1.1.1", "portFrom": 30000, "portTo": 60000}
        self.rule(chain, type="snat", dlType=2048, nwSrcAddress=address, nwSrcLength=32, natTargets=[target], flowAction="accept")
        self.post(f"/bridges/{uid(f'bridge {node}')}/ports", id=uid(key), type="Bridge", outboundFilterId=uid(chain))
        self.post(f"/hosts/{uid(node)}/ports", portId=uid(key), interfaceName=f"mido{uid(key)[:8]}")

    def service_port(self, key: str, address: str, endpoint: str) -> None:
        chain = f"KUBE-SVC-{key}"
        self.chain(chain)
        match = {"dlType": 2048, "nwDstAddress": address, "nwDstLength": 32, "nwProto": 6, "tpDst": {"start": 80, "end": 80}}
        self.rule("KUBE-SERVICES", type="jump", jumpChainId=uid(chain), **match)
        target = {"addressFrom": endpoint, "addressTo": endpoint, "portFrom": 8080, "portTo": 8080}
        self.rule(chain, type="dnat", natTargets=[target], flowAction="accept", dlType=2048)


def small_cluster(service: Service, headers: Mapping[str, str] | None = None) -> Cluster:
    """Two nodes, one of them silent, three pods and a Service."""
    cluster = Cluster(service, headers or {})
    cluster.host("node-a", 1)
    cluster.host("node-b", 2, is_alive=False)
    for number, node in enumerate(("node-a", "node-b"), 1):
        cluster.node(node, number)
    cluster.pod("default/web-1", "node-a", "10.1.1.3")
    cluster.pod("default/web-2", "node-b", "10.1.2.3")
    cluster.pod("shop/<b>db</b>", "node-b", "10.1.2.4")
    cluster.service_port("default/web/http", "10.96.0.80", "10.1.1.3")
    return cluster


def large(service: Service, *, services: int, nodes: int) -> None:
    """Many Services and nodes, put into the store without asking the API for each."""
    with service.store.transaction() as transaction:
        transaction.put("Router", "r", {"id": "r", "name": "ClusterRouter"})
        transaction.put("Chain", "s", {"id": "s", "name": "KUBE-SERVICES"})
        for number in range(services):
            chain, rule, dnat = (str(UUID(int=number + (kind << 64))) for kind in (1, 2, 3))
            transaction.put("Chain", chain, {"id": chain, "name": f"KUBE-SVC-ns{number % 50}/service-{number}/http"})
            match = {"nwDstAddress": f"10.{96 + (number >> 16)}.{number >> 8 & 255}.{number & 255}", "nwDstLength": 32}
            jump = {"id": rule, "chainId": "s", "rank": -float(number), "type": "jump", "jumpChainId": chain, **match}
            transaction.put("Rule", rule, jump)
            transaction.put("Rule", dnat, {"id": dnat, "chainId": chain, "type": "accept", "rank": 0.0})
        for number in range(nodes):
            bridge, port, router_port = (str(UUID(int=number + (kind << 64))) for kind in (4, 5, 6))
            transaction.put("Bridge", bridge, {"id": bridge, "name": f"node-{number:05}"})
            ends = ((port, router_port, "Bridge", bridge), (router_port, port, "Router", "r"))
            for id_, peer, kind, device in ends:
                transaction.put("Port", id_, {"id": id_, "peerId": peer, "type": kind, "deviceId": device})


@pytest.fixture
def service() -> Service:
    return Service(Store())


@pytest.fixture
def cluster(service) -> Cluster:
    return small_cluster(service)


@pytest.fixture
def fill() -> Callable[..., Cluster]:
    return small_cluster


@pytest.fixture
def fill_large() -> Callable[..., None]:
    return large
