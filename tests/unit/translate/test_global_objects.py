import json

from midonet_kubernetes.model.names import Names
from midonet_kubernetes.translate import global_objects
from midonet_kubernetes.translate.global_objects import global_ids

NAMES = Names("acme")


def bodies():
    return [json.loads(r.body) for t in global_objects.translations(NAMES) for r in t.resources]


def test_global_translations_have_no_owner_and_a_label_instead():
    for translation in global_objects.translations(NAMES):
        assert translation.metadata.namespace == "kube-system"
        assert translation.metadata.labels == {"midonet.org/global": ""}
        assert not translation.metadata.owner_references


def test_replies_are_looked_at_before_services():
    main = str(global_ids(NAMES).main_chain)
    jumps = [
        json.loads(r.body)["jumpChainId"]
        for t in global_objects.translations(NAMES)
        for r in t.resources
        if r.kind == "Rule" and r.parent == main
    ]
    evaluated = jumps[::-1]  # a new rule goes to the head of its chain
    assert evaluated == [str(global_ids(NAMES).pre_chain), str(global_ids(NAMES).services_chain)]


def test_all_but_the_tunnel_zone_belong_to_the_tenant():
    assert {body["name"] for body in bodies() if body.get("tenantId") == "acme"} == {
        "ClusterRouter",
        "KUBE-MAIN",
        "KUBE-PRE",
        "KUBE-SERVICES",
    }


def test_tenants_share_nothing():
    assert not {b["id"] for b in bodies()} & {
        json.loads(r.body)["id"] for t in global_objects.translations(Names("other")) for r in t.resources
    }
