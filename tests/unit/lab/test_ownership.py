import copy

import pytest

from midonet_kubernetes.lab.ownership import LABEL, Ownership

OURS = Ownership("mine")
POD = {"containers": [{"name": "c"}]}
TOLERATION = {"key": LABEL, "value": "mine", "effect": "NoSchedule", "operator": "Equal"}


def workload(kind, spec):
    return {"kind": kind, "metadata": {"name": "x", "labels": {"app": "x"}}, "spec": spec}


def is_bound(template):
    return template["spec"]["nodeSelector"][LABEL] == "mine" and TOLERATION in template["spec"]["tolerations"]


@pytest.mark.parametrize(
    ("kind", "spec", "template"),
    [
        ("Pod", POD, lambda marked: marked),
        ("Deployment", {"template": {"spec": POD}}, lambda marked: marked["spec"]["template"]),
        (
            "CronJob",
            {"jobTemplate": {"spec": {"template": {"spec": POD}}}},
            lambda m: m["spec"]["jobTemplate"]["spec"]["template"],
        ),
    ],
    ids=["Pod", "Deployment", "CronJob"],
)
def test_pods_carry_the_label_and_run_on_the_labs_nodes(kind, spec, template):
    manifest = workload(kind, spec)
    before = copy.deepcopy(manifest)
    marked = OURS.marked(manifest)
    assert marked["metadata"]["labels"] == {"app": "x", LABEL: "mine"}
    assert template(marked)["metadata"]["labels"][LABEL] == "mine"
    assert is_bound(template(marked))
    assert manifest == before


def test_what_a_pod_asks_of_its_node_is_kept():
    asks = {"nodeSelector": {"disk": "ssd"}, "tolerations": [{"operator": "Exists"}]}
    marked = OURS.marked(workload("Pod", {**POD, **asks}))
    assert marked["spec"]["nodeSelector"] == {"disk": "ssd", LABEL: "mine"}
    assert marked["spec"]["tolerations"] == [{"operator": "Exists"}, TOLERATION]


@pytest.mark.parametrize("spec", [None, {"template": "text"}, {"template": {"type": "Opaque"}}, {"ports": [{"port": 80}]}])
def test_of_anything_else_only_the_label_is_new(spec):
    manifest = {"kind": "Thing", "metadata": {"name": "x"}, "spec": spec}
    assert OURS.marked(manifest) == {"kind": "Thing", "metadata": {"name": "x", "labels": {LABEL: "mine"}}, "spec": spec}


def test_only_what_carries_the_labs_name_is_its_own():
    assert OURS.owns(OURS.marked(workload("Pod", POD)))
    for labels in (None, {}, {LABEL: "other"}):
        assert not OURS.owns({"metadata": {"name": "x", "labels": labels}})
