"""What the Go integration stores for the same objects: same names, owners and resources, bodies to the byte."""

import json
import re
from pathlib import Path

import pytest

from midonet_kubernetes.model.names import Names
from midonet_kubernetes.translate import manifest, offline

HERE = Path(__file__).parent / "golden"
EXPECTED = json.loads((HERE / "expected.json").read_text())
CASES = EXPECTED["cases"]
OURS = ("skip", "beyond", "owner")  # cases where we do something else on purpose; the other tests say what
TOO_LONG = re.compile("must be no more than")


@pytest.fixture(scope="module")
def ours():
    objects = offline.Objects()
    for document in manifest.documents((HERE / "inputs.yaml").read_text(), "inputs.yaml"):
        objects.add(manifest.typed(document))
    report = offline.translate(objects, Names(EXPECTED["config"]["MIDONETKUBE_TENANT"]), "endpointslices")
    owned = {}
    for translation in report.translations:
        if not translation.metadata.name.startswith("endpoints-port."):
            owned.setdefault(case_of(translation), []).append(translation)
    return owned


def case_of(translation):
    if not translation.metadata.owner_references:
        return "Global"
    owner, namespace = translation.metadata.owner_references[0], translation.metadata.namespace
    return f"Node/{owner.name}" if owner.kind == "Node" else f"{owner.kind}/{namespace}/{owner.name}"


def comparable(translation):
    """A Translation in the words of expected.json, a Pod's without what serves hairpin connections."""
    resources = [(r.kind, r.parent, r.body) for r in translation.resources]
    if translation.metadata.name.startswith("pod.4."):
        resources = [
            (k, p, re.sub(r',"outboundFilterId":"[^"]*"', "", b)) for k, p, b in resources if k in {"Port", "HostInterfacePort"}
        ]
    metadata = translation.metadata
    owners = [(o.api_version, o.kind, o.name, o.uid) for o in metadata.owner_references]
    return metadata.labels, metadata.finalizers, owners, resources


def wanted(translation):
    metadata = translation["metadata"]
    owners = [(o["apiVersion"], o["kind"], o["name"], o["uid"]) for o in metadata.get("ownerReferences", [])]
    resources = [(r["kind"], r["parent"], r["body"]) for r in translation["resources"]]
    return metadata["labels"], metadata["finalizers"], owners, resources


@pytest.mark.parametrize("case", [case for case, how in CASES.items() if how["compare"] not in OURS])
def test_an_object_becomes_what_it_became_in_the_go_integration(case, ours):
    expected = {
        (t["object"]["metadata"]["namespace"], t["object"]["metadata"]["name"]): wanted(t["object"])
        for t in CASES[case]["translations"]
    }
    made = {(t.metadata.namespace, t.metadata.name): comparable(t) for t in ours.get(case, ())}
    assert made == expected


@pytest.mark.parametrize(
    ("case", "entry"),
    [
        (case, entry["object"])
        for case, how in CASES.items()
        for entry in how["translations"]
        if how["compare"] == "skip" and entry.get("refused") and TOO_LONG.search(entry["refused"][0])
    ],
)
def test_a_name_that_was_too_long_is_cut_and_holds_the_same(case, entry, ours):
    same = [t for t in ours[case] if comparable(t) == wanted(entry)]
    assert len(same) == 1
    assert same[0].metadata.name[:100] == entry["metadata"]["name"][:100]
    assert len(same[0].metadata.name) <= 253


def test_the_golden_file_was_read_whole():
    assert len(CASES) == 103
