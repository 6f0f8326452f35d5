from __future__ import annotations

import json
from pathlib import Path

import pytest

from midonet_kubernetes.exchange import Request
from midonet_kubernetes.minimidonet.routes import ROUTES
from midonet_kubernetes.minimidonet.server.reference import openapi, page, supported
from midonet_kubernetes.minimidonet.server.service import Service
from midonet_kubernetes.minimidonet.store.store import Store

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "midonet-api.md"


def test_the_reference_page_is_what_the_routes_say():
    assert PAGE.read_text("utf-8") == page(), "make it anew: minimidonet reference > docs/reference/midonet-api.md"


def test_every_route_that_does_something_is_in_the_document():
    paths = openapi()["paths"]
    listed = {(method.upper(), path) for path, verbs in paths.items() for method in verbs}
    assert listed == {(route.method, route.path.replace(":uuid", "")) for route in supported()}
    assert len(listed) < len(ROUTES)


def test_every_operation_has_a_name_of_its_own():
    names = [verb["operationId"] for verbs in openapi()["paths"].values() for verb in verbs.values()]
    assert len(names) == len(set(names))


def test_every_reference_leads_somewhere():
    document = openapi()
    schemas = document["components"]["schemas"]
    for part in json.dumps(document).split('"$ref": "')[1:]:
        assert part.split('"')[0].removeprefix("#/components/schemas/") in schemas


@pytest.mark.parametrize(
    ("name", "field", "wanted"),
    [
        ("Router-v3", "name", {"type": ["string", "null"], "minLength": 0, "maxLength": 255}),
        ("Router-v3", "adminStateUp", {"type": ["boolean", "null"], "default": True}),
        ("TunnelZone-v1", "type", {"type": "string", "enum": ["gre", "vxlan", "vtep"]}),
        ("PoolMember-v1", "weight", {"type": ["integer", "null"], "minimum": 1, "maximum": 2**31 - 1, "default": 1}),
    ],
)
def test_a_field_is_described_as_it_is_checked(name, field, wanted):
    assert openapi()["components"]["schemas"][name]["properties"][field] == wanted


def test_the_document_is_served():
    answer = Service(Store()).handle(Request("GET", "/minimidonet/v1/openapi.json"))
    assert json.loads(answer.body) == openapi()
