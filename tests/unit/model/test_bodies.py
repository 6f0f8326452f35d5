import json
from uuid import UUID

import pytest
from msgspec.structs import fields

from midonet_kubernetes.model import bodies
from midonet_kubernetes.model.bodies import text
from midonet_kubernetes.model.wire import camel

A, B = UUID(int=0xA), UUID(int=0xB)
ID_A, ID_B = str(A), str(B)

# Translations contract, section 5: the keys of each kind in order, and which of them may be left out.
KEYS = {
    "TunnelZone": "id? name? type?",
    "TunnelZoneHost": "hostId? ipAddress?",
    "Router": "id? tenantId? name? inboundFilterId? outboundFilterId?",
    "Bridge": "id? tenantId? name? inboundFilterId? outboundFilterId?",
    "Port": "id? type portSubnet? portMac? inboundFilterId? outboundFilterId?",
    "PortLink": "portId peerId",
    "Route": ("id? dstNetworkAddr dstNetworkLength nextHopGateway? nextHopPort srcNetworkAddr srcNetworkLength type"),
    "Chain": "id? tenantId? name?",
    "Rule": (
        "id? type dlType? nwDstAddress? nwDstLength? nwProto? nwSrcAddress? nwSrcLength? tpDst? tpSrc? jumpChainId? "
        "flowAction? natTargets?"
    ),
    "HostInterfacePort": "hostId? portId? interfaceName",
    "MACPort": "macAddr? portId?",
    "IPv4MACPair": "ip mac",
}
SAMPLES = {
    "None": None,
    "UUID": A,
    "UUID | None": A,
    "str": "x",
    "int": 7,
    "PortRange | None": bodies.PortRange(start=1, end=2),
    "tuple[str, ...]": ("x",),
    "tuple[NatTarget, ...]": (bodies.NatTarget(address_from="x", port_to=1),),
}


@pytest.mark.parametrize("kind", KEYS)
def test_keys_stand_in_the_order_of_the_contract(kind):
    body = getattr(bodies, kind)
    full = body(**{name: SAMPLES[body.__annotations__[name]] for name in body.__struct_fields__})
    assert list(json.loads(text(full))) == KEYS[kind].replace("?", "").split()
    assert full.kind == kind


@pytest.mark.parametrize("kind", KEYS)
def test_only_keys_that_may_be_left_out_are(kind):
    body = getattr(bodies, kind)
    needed = [field.name for field in fields(body) if field.required]
    bare = body(**{name: SAMPLES[body.__annotations__[name]] for name in needed})
    always = {key for key in KEYS[kind].split() if not key.endswith("?")}
    assert set(json.loads(text(bare))) == always | {camel(name) for name in needed}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (bodies.Chain(id=A, tenant_id="", name="KUBE-MAIN"), f'{{"id":"{ID_A}","name":"KUBE-MAIN"}}'),
        (bodies.PortLink(port_id=None, peer_id=B), f'{{"portId":null,"peerId":"{ID_B}"}}'),
        (bodies.Rule(type="reject"), '{"type":"reject"}'),
        (
            bodies.Rule(id=A, type="jump", tp_dst=bodies.PortRange(start=80, end=80), jump_chain_id=B),
            f'{{"id":"{ID_A}","type":"jump","tpDst":{{"start":80,"end":80}},"jumpChainId":"{ID_B}"}}',
        ),
        (
            bodies.Route(
                id=A,
                dst_network_addr="10.0.0.0",
                dst_network_length=8,
                next_hop_port=B,
                src_network_addr="0.0.0.0",
                src_network_length=0,
                type="Normal",
            ),
            f'{{"id":"{ID_A}","dstNetworkAddr":"10.0.0.0","dstNetworkLength":8,"nextHopPort":"{ID_B}",SOURCE,"type":"Normal"}}'.replace(
                "SOURCE", '"srcNetworkAddr":"0.0.0.0","srcNetworkLength":0'
            ),
        ),
    ],
)
def test_empty_fields_are_left_out_and_those_always_written_are_not(body, expected):
    assert text(body) == expected


def test_texts_are_escaped_as_gos_json_writer_does():
    written = text(bodies.Router(id=A, tenant_id="<a&b>\u2028é", name='"'))
    assert written == f'{{"id":"{ID_A}","tenantId":"\\u003ca\\u0026b\\u003e\\u2028é","name":"\\""}}'
