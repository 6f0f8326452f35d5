import json
from uuid import UUID

import pytest

from midonet_kubernetes.model import bodies
from midonet_kubernetes.model.resource_kinds import KINDS

A, B, PARENT = UUID(int=0xA), UUID(int=0xB), str(UUID(int=0xC))
MAC, IP = "ac:ca:ba:01:02:03", "10.1.0.9"
PREFIX = "application/vnd.org.midonet."

ROWS = [
    (bodies.TunnelZone(id=A), "/tunnel_zones", f"/tunnel_zones/{A}", True, "TunnelZone-v1"),
    (
        bodies.TunnelZoneHost(host_id=A),
        f"/tunnel_zones/{PARENT}/hosts",
        f"/tunnel_zones/{PARENT}/hosts/{A}",
        False,
        "TunnelZoneHost-v1",
    ),
    (bodies.Router(id=A), "/routers", f"/routers/{A}", True, "Router-v3"),
    (bodies.Bridge(id=A), "/bridges", f"/bridges/{A}", True, "Bridge-v4"),
    (bodies.Port(id=A, type="Bridge"), f"/bridges/{PARENT}/ports", f"/ports/{A}", True, "Port-v3"),
    (bodies.Port(id=A, type="Router"), f"/routers/{PARENT}/ports", f"/ports/{A}", True, "Port-v3"),
    (bodies.PortLink(port_id=None, peer_id=A), f"/ports/{PARENT}/link", f"/ports/{PARENT}/link", False, "PortLink-v1"),
    (
        bodies.Route(
            id=A,
            dst_network_addr=IP,
            dst_network_length=32,
            next_hop_port=B,
            src_network_addr=IP,
            src_network_length=0,
            type="Normal",
        ),
        f"/routers/{PARENT}/routes",
        f"/routes/{A}",
        False,
        "Route-v1",
    ),
    (bodies.Chain(id=A), "/chains", f"/chains/{A}", False, "Chain-v1"),
    (bodies.Rule(id=A, type="reject"), f"/chains/{PARENT}/rules", f"/rules/{A}", False, "Rule-v2"),
    (
        bodies.HostInterfacePort(host_id=A, port_id=B, interface_name="x"),
        f"/hosts/{PARENT}/ports",
        f"/hosts/{PARENT}/ports/{B}",
        False,
        "HostInterfacePort-v1",
    ),
    (
        bodies.MACPort(mac_addr=MAC, port_id=B),
        f"/bridges/{PARENT}/mac_table",
        f"/bridges/{PARENT}/mac_table/ac-ca-ba-01-02-03_{B}",
        False,
        "MACPort-v2",
    ),
    (
        bodies.IPv4MACPair(ip=IP, mac=MAC),
        f"/bridges/{PARENT}/arp_table",
        f"/bridges/{PARENT}/arp_table/10.1.0.9_ac-ca-ba-01-02-03",
        False,
        "IP4Mac-v1",
    ),
]


@pytest.mark.parametrize(
    ("body", "collection", "item", "replaceable", "media"), ROWS, ids=lambda value: getattr(value, "kind", None)
)
def test_paths_and_media_types_are_those_of_the_contract(body, collection, item, replaceable, media):
    kind, fields = KINDS[body.kind], json.loads(bodies.text(body))
    assert kind.collection_path(PARENT, fields) == collection
    assert kind.item_path(PARENT, kind.id_of(PARENT, fields)) == item
    assert kind.replaceable is replaceable
    assert kind.media_type == f"{PREFIX}{media}+json"
    assert kind.collection_media_type == f"{PREFIX}collection.{media}+json"


def test_every_kind_is_in_the_table():
    assert {row[0].kind for row in ROWS} == set(KINDS)


def test_only_links_cannot_be_read():
    assert [name for name, kind in KINDS.items() if not kind.readable] == ["PortLink"]
