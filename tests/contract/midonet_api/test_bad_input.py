"""Whatever a client sends, the answer is an answer: no exception, no 5xx, and nothing changes when it is refused.

By hand, for longer: ``FUZZ=40``, which is how many times as many requests are made, others each time.
"""

from __future__ import annotations

import json
import os
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from midonet_kubernetes.exchange import Request
from midonet_kubernetes.minimidonet.quirks import Quirks
from midonet_kubernetes.minimidonet.routes import ROUTES
from midonet_kubernetes.minimidonet.server.api import ROOT
from midonet_kubernetes.minimidonet.server.service import Service
from midonet_kubernetes.minimidonet.store.store import Store

TIMES = int(os.environ.get("FUZZ", "1"))
HYPOTHESIS = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None, "derandomize": TIMES == 1}
NO_QUIRKS = Quirks(mna_1315=False, mna_1293=False, mna_1249=False, mna_1251=False)
IDS = [str(uuid.UUID(int=number, version=4)) for number in range(1, 7)]
CHAIN, BRIDGE, ROUTER, HOST, PORT, ZONE = IDS
WORDS = """
id type name tenantId adminStateUp inboundFilterId outboundFilterId position natTargets flowAction tpDst tpSrc
portSubnet portAddress networkLength portMac vlanId hostId interfaceName peerId portId jumpChainId fragmentPolicy
nwSrcAddress nwSrcLength dlSrc dlSrcMask dlType inPorts condInvert nextHopPort nextHopGateway dstNetworkAddr
srcNetworkAddr dstNetworkLength weight macAddr ip mac ipAddress version addr lbMethod poolId address protocolPort
healthMonitorId loadBalancerId routerId subnetPrefix subnetLength opt121Routes dnsServerAddrs interfaceMTU ipAddr
extraDhcpOpts floodingProxyWeight containerWeight containerLimit enforceContainerLimit vxLanPortIds delay asNumber
addressFrom addressTo portFrom portTo start end destinationPrefix destinationLength gatewayAddr optName vlan
""".split()  # noqa: SIM905 - a list of words
TEXTS = st.one_of(
    st.sampled_from([*IDS, IDS[0].upper(), "", "null", "true", "Bridge", "Router", "accept", "jump", "dnat", "snat", "trace"]),
    st.sampled_from(["Normal", "Local", "BlackHole", "vxlan", "ROUND_ROBIN", "TCP", "any", "header", "continue", "l2_transform"]),
    st.sampled_from(
        ["10.0.0.1", "10.0.0.1/24", "fd00::1/64", "fe80::1%eth0", "10.0.0.0/33", "1.2.3", "aa:bb:cc:dd:ee:ff", "ffff.0000.ffff"]
    ),
    st.text(max_size=12),
    st.text(alphabet=st.characters(categories=["Cs", "Cc", "Lu"]), max_size=4),
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-2, 70000), st.floats(allow_nan=False, allow_infinity=False), TEXTS
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4), max_leaves=8
)
BODIES = st.one_of(
    st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=8).map(lambda value: json.dumps(value).encode()),
    VALUES.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=30),
    st.sampled_from(
        [b"", b"null", b"{", b"[" * 5000, b'{"id":' * 2000, b'{"name":"\\ud800"}', b'{"asNumber":1e999}', b"9" * 6000]
    ),
)
SEGMENTS = st.one_of(
    st.sampled_from(IDS), TEXTS.map(lambda text: text.encode(errors="replace").hex("%") or "x"), st.text(max_size=8)
)
ACCEPTS = st.sampled_from(
    ["application/json", "*/*", "application/*", "", "garbage", "text/html;q=x, */*;q=0", ";;,,", "a/b" * 99]
)


def a_small_topology() -> Service:
    service = Service(Store(), quirks=NO_QUIRKS)
    for path, body in (
        ("/chains", {"id": CHAIN}),
        ("/bridges", {"id": BRIDGE}),
        ("/routers", {"id": ROUTER}),
        ("/hosts", {"id": HOST, "name": "h"}),
        (f"/bridges/{BRIDGE}/ports", {"id": PORT, "type": "Bridge"}),
        ("/tunnel_zones", {"id": ZONE, "name": "z", "type": "vxlan"}),
        (f"/tunnel_zones/{ZONE}/hosts", {"hostId": HOST, "ipAddress": "10.0.0.1"}),
        (f"/chains/{CHAIN}/rules", {"type": "accept"}),
    ):
        kind = (
            "application/vnd.org.midonet.TunnelZoneHost-v1+json"
            if path.endswith("hosts") and path != "/hosts"
            else "application/json"
        )
        answer = service.handle(Request("POST", ROOT + path, {"Content-Type": kind}, json.dumps(body).encode()))
        assert answer.status == 201, answer
    return service


def media_of(route) -> str:
    return route.consumes.types[0] if route.consumes is not None and route.consumes.types else "application/json"


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_no_request_breaks_the_server(route):
    service = a_small_topology()

    @settings(max_examples=25 * TIMES, **HYPOTHESIS)
    @given(st.data())
    def ask(data):
        path = "/".join(
            data.draw(SEGMENTS).replace("/", "").replace("?", "") if part.startswith("{") else part
            for part in route.path.split("/")
        )
        headers = {"Content-Type": media_of(route), "Accept": data.draw(ACCEPTS)}
        body = data.draw(BODIES) if route.read is not None else b""
        revision = service.store.revision
        answer = service.handle(Request(route.method, ROOT + path, headers, body))
        assert answer.status < 500 or (answer.status == 503 and b"PENDING" in answer.body), (route, path, body, answer)
        if answer.status >= 400 or route.method == "GET":
            assert service.store.revision == revision
        json.loads(answer.body or b"null")

    ask()


def test_everything_can_still_be_read_after_that():
    service = a_small_topology()

    @settings(max_examples=150 * TIMES, **HYPOTHESIS)
    @given(st.sampled_from([route for route in ROUTES if route.read is not None]), st.data())
    def write(route, data):
        path = "/".join(data.draw(st.sampled_from(IDS)) if part.startswith("{") else part for part in route.path.split("/"))
        service.handle(Request(route.method, ROOT + path, {"Content-Type": media_of(route)}, data.draw(BODIES)))

    write()
    for route in ROUTES:
        if route.method != "GET" or route.produces is None:
            continue
        for id_ in IDS:
            path = "/".join(id_ if part.startswith("{") else part for part in route.path.split("/"))
            answer = service.handle(Request("GET", ROOT + path, {"Accept": route.produces.types[0]}))
            assert answer.status < 500
            json.loads(answer.body or b"null")
    service.handle(Request("GET", "/minimidonet/v1/topology"))
