import asyncio

import pytest

from midonet_kubernetes.kubernetes_api.kinds import EVENT, TRANSLATION
from midonet_kubernetes.model.translation import OWNER_LABEL
from midonet_kubernetes.testing.mortal import Life, running
from midonet_kubernetes.testing.objects import NODES, PODS, SERVICES, TRANSLATIONS, node, pod, service
from midonet_kubernetes.testing.twins import differences, host_id
from midonet_kubernetes.testing.virtual_time import elapse

pytestmark = pytest.mark.looptime


async def test_a_pod_made_anew_under_its_name_takes_over_its_translations(shop):
    async with running(shop) as program:
        await shop.settle(program)
        whole, before = shop.topology(), await shop.translations()
        await shop.remove(f"{PODS}/a?gracePeriodSeconds=0")
        await shop.apply(PODS, pod("a", "n1", "10.1.1.5"))  # before garbage collection has looked
        await shop.settle(program)
        after = await shop.translations()
        assert after.keys() == before.keys()
        (uid,) = {one.metadata.labels[OWNER_LABEL] for key, one in after.items() if ".4.a" in key}
        assert uid != before["default/pod.4.a"].metadata.labels[OWNER_LABEL]
        assert after["default/pod.4.a"].metadata.owner_references[0].uid == uid
        assert differences(whole, shop.topology()) == []


async def test_a_pod_that_moves_to_another_node_moves_its_port(shop):
    async with running(shop) as program:
        await shop.settle(program)
        await shop.remove(f"{PODS}/a?gracePeriodSeconds=0")
        await shop.apply(PODS, pod("a", "n2", "10.1.2.9"))
        await shop.settle(program)
        topology = shop.topology()
        bridges = {one["name"]: id_ for id_, one in topology["Bridge"].items()}
        ports = [
            one for one in topology["Port"].values() if (one.get("interfaceName") or "").startswith("mido") and one["hostId"]
        ]
        on_n2 = [one for one in ports if one["deviceId"] == bridges["n2"]]
        assert len(on_n2) == 3  # the node's own, and two pods
        assert {one["hostId"] for one in on_n2} == {host_id("n2")}
        assert (await program.verification.verify()).found == []


async def test_a_node_of_another_host_is_followed(shop):
    await shop.add_host("spare")
    async with running(shop) as program:
        await shop.settle(program)
        await shop.kubernetes.send(
            "PATCH",
            f"{NODES}/n1",
            f'{{"metadata":{{"annotations":{{"midonet.org/host-id":"{host_id("spare")}"}}}}}}'.encode(),
            "application/merge-patch+json",
        )
        await shop.settle(program)
        hosts = [one["hostId"] for one in shop.topology()["Port"].values() if one.get("hostId")]
        assert sorted(hosts) == sorted([host_id("spare")] * 2 + [host_id("n2")] * 2)
        assert (await program.verification.verify()).found == []


async def test_another_pod_network_is_followed(shop):
    async with running(shop) as program:
        await shop.settle(program)
        await shop.remove(f"{NODES}/n1")
        await shop.settle(program)
        await shop.apply(NODES, node("n1", 1, podCIDR="10.1.77.0/24"))
        await elapse(5.0)
        await shop.settle(program)
        routes = {one["dstNetworkAddr"] for one in shop.topology()["Route"].values()}
        assert "10.1.77.0" in routes
        assert "10.1.1.0" not in routes
        assert (await program.verification.verify()).found == []


async def test_all_that_is_deleted_leaves_nothing(shop):
    async with running(shop) as program:
        await shop.settle(program)
        for path in (f"{PODS}/a", f"{PODS}/b", f"{SERVICES}/web", f"{NODES}/n1", f"{NODES}/n2"):
            await shop.remove(f"{path}?gracePeriodSeconds=0")
        await shop.settle(program)
        left = shop.topology()
        assert {kind: len(objects) for kind, objects in left.items() if kind != "MacTable"} == {
            "Host": 2,
            "Chain": 3 + 1,  # the cluster's own Service is always there
            "Rule": 4 + 2,
            "TunnelZone": 1,
            "Router": 1,
        }
        assert not [key for key in await shop.translations() if "kube-system/" not in key and "kubernetes" not in key]


async def test_a_finished_pod_gives_up_its_port(shop):
    async with running(shop) as program:
        await shop.settle(program)
        await shop.apply(PODS, pod("a", "n1", "10.1.1.5", phase="Succeeded"))
        await shop.settle(program)
        assert not [key for key in await shop.translations() if ".4.a" in key]


async def test_a_translation_edited_by_hand_is_put_right(shop):
    async with running(shop) as program:
        await shop.settle(program)
        whole, before = shop.topology(), await shop.translations()
        body = '{"id":"0f3b9c52-5a0e-4c56-8a34-2d8b4f1e7c90","name":"MINE"}'
        await shop.kubernetes.patch(
            TRANSLATION,
            "service.4.web",
            {"resources": [{"kind": "Chain", "parent": "", "body": body}]},
            namespace="default",
        )
        await shop.settle(program)
        after = await shop.translations()
        assert after["default/service.4.web"].resources == before["default/service.4.web"].resources
        assert differences(whole, shop.topology()) == []


async def test_a_translation_deleted_by_hand_comes_back(shop):
    async with running(shop) as program:
        await shop.settle(program)
        whole = shop.topology()
        await shop.remove(f"{TRANSLATIONS}/service.4.web")
        await shop.settle(program)
        assert differences(whole, shop.topology()) == []


async def test_a_translation_of_nobody_is_pushed_and_its_bad_entries_are_told(shop):
    good = '{"id":"0f3b9c52-5a0e-4c56-8a34-2d8b4f1e7c90","name":"MINE"}'
    await shop.apply(
        TRANSLATIONS,
        {
            "apiVersion": "midonet.org/v1",
            "kind": "Translation",
            "metadata": {"name": "mine", "finalizers": ["midonet.org/deleter"]},
            "resources": [
                {"kind": "Chain", "parent": "", "body": "{no JSON}"},
                {"kind": "Chain", "parent": "", "body": good},
                {"kind": "Nonsense", "parent": "", "body": "{}"},
            ],
        },
    )
    async with running(shop) as program:
        await shop.settle(program)
        condition = (await shop.translations())["default/mine"].status.conditions[0]
        assert condition.reason == "Failed"
        assert "resources[0]: the body of a Chain is no JSON object" in condition.message
        assert "resources[2]: 'Nonsense' is no kind" in condition.message
        assert "0f3b9c52-5a0e-4c56-8a34-2d8b4f1e7c90" in shop.topology()["Chain"]
        events = [one for one in await shop.kubernetes.list(EVENT) if one.involved_object.name == "mine"]
        assert [event.reason for event in events] == ["TranslationUpdateError"]
        await shop.remove(f"{TRANSLATIONS}/mine")
        await shop.settle(program)
        assert "0f3b9c52-5a0e-4c56-8a34-2d8b4f1e7c90" not in shop.topology()["Chain"]
        assert "default/mine" not in await shop.translations()


async def test_a_global_translation_deleted_by_hand_comes_back_with_all_that_hung_on_it(shop):
    async with running(shop) as program:
        await shop.settle(program)
        whole = shop.topology()
        await shop.remove(f"{TRANSLATIONS.replace('default', 'kube-system')}/midonet-global.4.chain")
        await shop.settle(program)
        await elapse(20.0)
        await shop.settle(program)
        assert differences(whole, shop.topology()) == []


async def test_a_translation_of_a_node_deleted_by_hand_comes_back_with_the_pods_on_it(shop):
    async with running(shop) as program:
        await shop.settle(program)
        whole = shop.topology()
        await shop.remove(f"{TRANSLATIONS}/node.4.n1")
        await elapse(5.0)
        await shop.settle(program)
        assert differences(whole, shop.topology()) == []


async def test_what_another_translation_wants_too_is_not_deleted_with_the_first(shop):
    chain = '{"id":"0f3b9c52-5a0e-4c56-8a34-2d8b4f1e7c90","name":"OURS"}'
    for name in ("one", "two"):
        translation = {
            "apiVersion": "midonet.org/v1",
            "kind": "Translation",
            "metadata": {"name": name, "finalizers": ["midonet.org/deleter"]},
            "resources": [{"kind": "Chain", "parent": "", "body": chain}],
        }
        await shop.apply(TRANSLATIONS, translation)
    async with running(shop) as program:
        await shop.settle(program)
        await shop.remove(f"{TRANSLATIONS}/two")
        await shop.settle(program)
        assert "0f3b9c52-5a0e-4c56-8a34-2d8b4f1e7c90" in shop.topology()["Chain"]
        await shop.remove(f"{TRANSLATIONS}/one")
        await shop.settle(program)
        assert "0f3b9c52-5a0e-4c56-8a34-2d8b4f1e7c90" not in shop.topology()["Chain"]


async def test_a_storm_of_updates_is_a_handful_of_writes(shop):
    life = Life()
    async with running(shop, life) as program:
        await shop.settle(program)
        life.writes.clear()
        for number in range(10_000):
            await shop.apply(SERVICES, service("web", 80, 1000 + number % 2, clusterIP="10.96.0.80"))
            await elapse(0.002)
        await shop.settle(program)
        pushes = [path for method, path in life.writes if method == "POST" and "chains" in path and "rules" in path]
        assert len(pushes) < 60
        names = {one["name"] for one in shop.topology()["Chain"].values()}
        assert "KUBE-SVC-default/web/p1001" in names
        assert "KUBE-SVC-default/web/p1000" not in names


async def test_a_service_deleted_in_the_foreground_goes(shop):
    async with running(shop) as program:
        await shop.settle(program)
        options = b'{"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Foreground"}'
        await shop.kubernetes.send("DELETE", f"{SERVICES}/web", options)
        await shop.settle(program)
        assert not [key for key in await shop.translations() if "web" in key]


async def test_events_tell_the_owner_what_became_of_it(shop):
    async with running(shop) as program:
        await shop.settle(program)
        await program.recorder.join()
        told = {(one.involved_object.kind, one.involved_object.name, one.reason) for one in await shop.kubernetes.list(EVENT)}
        assert ("Node", "n1", "MidoNetHostIDAnnotated") in told
        assert ("Pod", "a", "TranslationCreated") in told
        assert ("Translation", "service.4.web", "TranslationUpdatePushed") in told
        about_node = [one for one in await shop.kubernetes.list(EVENT) if one.involved_object.kind == "Node"]
        assert {one.involved_object.uid for one in about_node} == {"n1", "n2"}
        assert {one.source.component for one in about_node} == {"midonet-kube-controllers"}


async def test_the_next_replica_takes_over_at_once_after_a_goodbye_and_changes_nothing(shop):
    one, two = shop.controllers(identity="one"), shop.controllers(identity="two")
    first = asyncio.create_task(one.run())
    await shop.settle(one)
    second = asyncio.create_task(two.run())
    await elapse(20.0)
    assert (one.election.is_leader(), two.election.is_leader()) == (True, False)
    first.cancel()
    await asyncio.wait({first})
    await elapse(2.0)
    assert two.election.is_leader()
    await shop.apply(PODS, pod("late", "n1", "10.1.1.9"))
    await shop.settle(two)
    assert "default/pod.4.late" in await shop.translations()
    second.cancel()
    await asyncio.wait({second})
