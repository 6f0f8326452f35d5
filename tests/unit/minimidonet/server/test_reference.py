from __future__ import annotations

import json
from pathlib import Path

import pytest

from midonet_kubernetes.exchange import Request
from midonet_kubernetes.minimidonet.routes import ROUTES
from midonet_kubernetes.minimidonet.server.api import Api
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


A_TARGET = {"natTargets": [{}], "flowAction": "accept"}  # without addresses
LEAST = {
    "accept": {},
    "drop": {},
    "reject": {},
    "return": {},
    "jump": {"jumpChainId": "22222222-2222-4222-8222-222222222222"},
    "dnat": A_TARGET,
    "snat": A_TARGET,
    "rev_dnat": {"flowAction": "accept"},
    "rev_snat": {"flowAction": "accept"},
    "l2_transform": {"flowAction": "accept"},
    "trace": {"requestId": "22222222-2222-4222-8222-222222222222"},
}


@pytest.mark.parametrize("kind", LEAST)
def test_what_a_rule_shows_as_null_may_be_null_by_the_document(kind):
    api = Api(Store())
    rule, chain = "application/vnd.org.midonet.Rule-v2+json", "22222222-2222-4222-8222-222222222222"

    def ask(method, path, type_, document=None):
        headers = {"content-type": type_} if document else {"accept": type_}
        answer = api.handle(Request(method, "/midonet-api" + path, headers, json.dumps(document).encode() if document else b""))
        assert answer.status in {200, 201}, answer.body
        return answer.body

    ask("POST", "/chains", "application/vnd.org.midonet.Chain-v1+json", {"id": chain, "tenantId": "t"})
    ask("POST", f"/chains/{chain}/rules", rule, {"type": kind, **LEAST[kind]})
    (shown,) = json.loads(ask("GET", f"/chains/{chain}/rules", "application/vnd.org.midonet.collection.Rule-v2+json"))
    schemas = openapi()["components"]["schemas"]["Rule-v2"]["oneOf"]
    (schema,) = (each for each in schemas if f'"{kind}"' in json.dumps(each["properties"]["type"]))
    parts = [(shown, schema["properties"])]
    parts += [(target, schema["properties"]["natTargets"]["items"]["properties"]) for target in shown.get("natTargets", ())]
    for values, properties in parts:
        stiff = {
            name for name, value in values.items() if value is None and "null" not in properties.get(name, {}).get("type", "null")
        }
        assert stiff == set()
