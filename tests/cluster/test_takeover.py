import json
from pathlib import Path

import msgspec
import yaml

from midonet_kubernetes.controllers.pusher.survey import Survey
from midonet_kubernetes.controllers.pusher.wanted import read_all
from midonet_kubernetes.errors import AlreadyExists, ApiError
from midonet_kubernetes.kubernetes_api.client import MERGE_PATCH
from midonet_kubernetes.kubernetes_api.kinds import TRANSLATION
from midonet_kubernetes.model.resource_kinds import KINDS
from midonet_kubernetes.model.translation import Resource
from midonet_kubernetes.testing.background import until
from midonet_kubernetes.testing.installation import MIDONET_REQUESTS, metrics
from midonet_kubernetes.testing.twins import Twins

GOLDEN = Path(__file__).parents[1] / "unit" / "translate" / "golden"
CASES = json.loads((GOLDEN / "expected.json").read_text())["cases"]
OBJECTS = [document for document in yaml.safe_load_all((GOLDEN / "inputs.yaml").read_text()) if document]
PLURALS = {"Node": "nodes", "Pod": "pods", "Service": "services", "Endpoints": "endpoints"}
HOST = "application/vnd.org.midonet.Host-v3+json"
CONTAINERS = [{"name": "c", "image": "i"}]


async def post(api, path, document):
    return json.loads((await api.send("POST", path, msgspec.json.encode(document))).body)


def collection(namespace, plural, group="/api/v1"):
    return f"{group}/namespaces/{namespace}/{plural}" if namespace else f"{group}/{plural}"


async def create(api, document):
    """A golden object as the server takes it, with its status; its uid, "" if the server refuses it."""
    kind, metadata = document["kind"], document["metadata"]
    namespace, path = metadata.get("namespace"), collection(metadata.get("namespace"), PLURALS[kind])
    if kind == "Pod":
        document = {**document, "spec": {"containers": CONTAINERS, **document["spec"]}}
    try:
        if namespace not in {None, "default", "kube-system"}:
            await until_there(api, namespace)
        made = await post(api, path, document)
        if "status" in document:
            patch = msgspec.json.encode({"status": document["status"]})
            await api.send("PATCH", f"{path}/{metadata['name']}/status", patch, MERGE_PATCH)
        if kind == "Endpoints":
            await mirror(api, document)
    except ApiError:
        return ""
    return made["metadata"]["uid"]


async def until_there(api, namespace):
    try:
        await post(api, "/api/v1/namespaces", {"metadata": {"name": namespace}})
    except AlreadyExists:
        return


async def mirror(api, endpoints):
    """The slices that kube-controller-manager would make."""
    namespace, name = endpoints["metadata"]["namespace"], endpoints["metadata"]["name"]
    for number, subset in enumerate(endpoints.get("subsets") or []):
        listed = [{"addresses": [one["ip"]], "conditions": {"ready": True}} for one in subset.get("addresses") or []]
        document = {
            "metadata": {"name": f"{name}-{number}", "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "endpoints": listed,
            "ports": subset.get("ports") or [],
        }
        await post(api, collection(namespace, "endpointslices", "/apis/discovery.k8s.io/v1"), document)


def translations_of(uids):
    """What the Go program stored for these objects."""
    for case, expected in CASES.items():
        if case != "Global" and not uids.get(case):
            continue
        for translation in (entry["object"] for entry in expected["translations"] if not entry.get("refused")):
            if case != "Global":
                translation["metadata"]["labels"]["midonet.org/owner-uid"] = uids[case]
                translation["metadata"]["ownerReferences"][0]["uid"] = uids[case]
            yield translation


def objects_of(translation):
    return read_each([Resource(**resource) for resource in translation["resources"]])


async def finished(translations):
    """Those all of whose objects MidoNet takes: one more of another's may be made, and given up, before it is translated anew."""
    left, number = list(translations), 0
    while len(left) != number:
        number = len(left)
        there = await push(Twins().midonet, left)
        left = [one for one in left if {entry.identity for entry in objects_of(one)} <= there]
    return left


async def push(midonet, translations):
    """Make their objects in MidoNet, each as soon as what it refers to is there; the identities of those that are."""
    waiting, there = [entry for one in translations for entry in objects_of(one)], set()
    for _ in range(4):
        left = []
        for wanted in waiting:
            if wanted.kind.name in {"HostInterfacePort", "TunnelZoneHost"}:
                host = json.dumps({"id": wanted.body["hostId"], "name": wanted.body["hostId"]}).encode()
                await midonet.request("POST", "/hosts", content_type=HOST, body=host)
            answer = await midonet.create(wanted.kind, wanted.parent, wanted.body, wanted.text)
            if answer.ok:
                there.add(wanted.identity)
            elif answer.status != 409:
                left.append(wanted)
        waiting = left
    return there


def read_each(resources):
    return [wanted for resource in resources for wanted in read_all([resource])[0]]


async def test_a_cluster_of_the_go_program_is_taken_over_without_making_anything_anew(api, installation):
    uids = {}
    for document in OBJECTS:
        metadata = document["metadata"]
        case = "/".join(filter(None, (document["kind"], metadata.get("namespace"), metadata["name"])))
        uids[case] = await create(api, document)
    assert sum(map(bool, uids.values())) > 60
    translations = await finished(translations_of(uids))
    there = await push(installation.midonet, translations)
    assert len(there) > 150
    for one in translations:
        await post(api, collection(one["metadata"]["namespace"], "translations", "/apis/midonet.org/v1"), one)
    before = await metrics(installation.midonet_address)

    replica = installation.start()

    async def taken_over():
        chains = await installation.midonet.list("/chains", KINDS["Chain"].collection_media_type)
        assert [chain["name"] for chain in chains if chain["name"].startswith("KUBE-SEP-")] == []
        wanted = {entry.identity: entry for one in await api.list(TRANSLATION) for entry in read_each(one.resources)}
        survey = Survey(installation.midonet, no_pace)
        present = {identity for identity, entry in wanted.items() if (seen := await survey.look(entry)) and seen.digest}
        after = await metrics(installation.midonet_address)
        made = [after.sum(MIDONET_REQUESTS, code=code) - before.sum(MIDONET_REQUESTS, code=code) for code in ("201", "500")]
        assert made == [len(present - there), 0]
        return True

    await until("each new object made once, and no other", taken_over, seconds=60, every=0.5, programs=[replica.process])


async def no_pace():
    return
