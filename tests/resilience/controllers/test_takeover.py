import json
from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from midonet_kubernetes.controllers.pusher.wanted import read_all
from midonet_kubernetes.exchange import Request
from midonet_kubernetes.model.translation import Resource
from midonet_kubernetes.testing.mortal import Life, running
from midonet_kubernetes.testing.twins import Twins

pytestmark = pytest.mark.looptime

GOLDEN = Path(__file__).parents[2] / "unit" / "translate" / "golden"
CASES = json.loads((GOLDEN / "expected.json").read_text())["cases"]
PLURALS = {"Node": "nodes", "Pod": "pods", "Service": "services", "Endpoints": "endpoints"}
HOST = "application/vnd.org.midonet.Host-v3+json"


def path_of(document):
    namespace = document["metadata"].get("namespace")
    return f"/api/v1/namespaces/{namespace}/{PLURALS[document['kind']]}" if namespace else f"/api/v1/{PLURALS[document['kind']]}"


async def send(twins, method, path, document=None):
    body = json.dumps(document).encode() if document is not None else b""
    response = await twins.api.handle(Request(method, path, {"Content-Type": "application/json"}, body))
    return response.status, json.loads(response.body)


async def load_objects(twins):
    """The golden objects that an API server takes; the uid that each has now, by case."""
    uids = {}
    for document in filter(None, yaml.safe_load_all((GOLDEN / "inputs.yaml").read_text())):
        kind, metadata = document["kind"], document["metadata"]
        if namespace := metadata.get("namespace"):
            await send(twins, "POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
        status, made = await send(twins, "POST", path_of(document), document)
        if status >= 300:
            continue
        if "status" in document:
            made["status"] = document["status"]
            await send(twins, "PUT", f"{path_of(document)}/{metadata['name']}/status", made)
        uids["/".join(filter(None, (kind, metadata.get("namespace"), metadata["name"])))] = made["metadata"]["uid"]
        if kind == "Endpoints":
            await load_slices(twins, document)
    return uids


async def load_slices(twins, endpoints):
    """What the API server's own controller mirrors."""
    namespace, name = endpoints["metadata"]["namespace"], endpoints["metadata"]["name"]
    for number, subset in enumerate(endpoints.get("subsets") or []):
        listed = [{"addresses": [one["ip"]], "conditions": {"ready": True}} for one in subset.get("addresses") or []]
        document = {
            "metadata": {"name": f"{name}-{number}", "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "endpoints": listed,
            "ports": subset.get("ports") or [],
        }
        await send(twins, "POST", f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices", document)


async def load_translations(twins, uids):
    """What the Go program stored for them, and pushed."""
    pushed = defaultdict(list)
    waiting = []
    for case, expected in CASES.items():
        if case != "Global" and case not in uids:
            continue
        for entry in expected["translations"]:
            if entry.get("refused"):
                continue
            translation = entry["object"]
            if case != "Global":
                translation["metadata"]["labels"]["midonet.org/owner-uid"] = uids[case]
                translation["metadata"]["ownerReferences"][0]["uid"] = uids[case]
            path = f"/apis/midonet.org/v1/namespaces/{translation['metadata']['namespace']}/translations"
            status, made = await send(twins, "POST", path, translation)
            assert status == 201, made
            waiting += [(case, resource) for resource in translation["resources"]]
    for _ in range(4):  # as often as it takes until every referent is there
        left = []
        for case, resource in waiting:
            if await push(twins, resource):
                pushed[case].append(resource)
            else:
                left.append((case, resource))
        waiting = left
    return pushed


async def push(twins, resource):
    (wanted,), _ = read_all([Resource(resource["kind"], resource["parent"], resource["body"])])
    if wanted.kind.name in {"HostInterfacePort", "TunnelZoneHost"}:
        host = json.dumps({"id": wanted.body["hostId"], "name": wanted.body["hostId"]}).encode()
        await twins.midonet.request("POST", "/hosts", content_type=HOST, body=host)
    answer = await twins.midonet.create(wanted.kind, wanted.parent, wanted.body, wanted.text)
    return answer.ok or answer.status in {409, 500}


class Watcher(Life):
    """Looks at every Service's chain after each step."""

    def __init__(self, twins):
        super().__init__()
        self.twins, self.empty = twins, []
        self.chains = {chain for chain, rules in self.rules().items() if rules}

    def rules(self):
        tables = self.twins.midonet_store.tables
        found = {id_: [] for id_, chain in tables.all("Chain").items() if chain["name"].startswith("KUBE-SVC-")}
        for id_, rule in tables.all("Rule").items():
            if rule["chainId"] in found:
                found[rule["chainId"]].append(id_)
        return found

    def step(self):
        super().step()
        rules = self.rules()
        self.empty += [chain for chain in self.chains if chain in rules and not rules[chain]]


async def test_what_the_go_integration_left_is_taken_over_in_place():
    twins = Twins()
    uids = await load_objects(twins)
    pushed = await load_translations(twins, uids)
    assert len(uids) > 80
    assert sum(case.startswith("Endpoints/") for case in pushed) > 5
    life, before = Watcher(twins), twins.topology()
    assert life.chains
    async with running(twins, life) as program:
        await twins.settle(program)
    after = twins.topology()

    assert life.empty == [], "a Service port was without a rule for a moment"
    kept = [(case, r) for case, listed in pushed.items() for r in listed if not case.startswith("Endpoints/") and exact(case)]
    written = [f"{method} {path}" for method, path in life.writes if path.startswith("/midonet-api")]
    for case, resource in kept:
        (wanted,), _ = read_all([Resource(resource["kind"], resource["parent"], resource["body"])])
        for write in written:
            if wanted.id in write.rpartition("/")[2]:
                assert (case.partition("/")[0], write.partition(" ")[0]) == ("Pod", "PUT"), (case, write)
    left = [chain["name"] for chain in after["Chain"].values() if chain["name"].startswith("KUBE-SEP-")]
    assert left == []
    for kind in ("Bridge", "Router", "Port", "Route", "MacPort", "Ip4Mac", "TunnelZoneHost"):
        assert before[kind].keys() <= after[kind].keys(), kind
    owners = {
        one.metadata.owner_references[0].kind for one in (await twins.translations()).values() if one.metadata.owner_references
    }
    assert owners == {"Node", "Pod", "Service"}


def exact(case):
    return CASES[case]["compare"] == "exact"
