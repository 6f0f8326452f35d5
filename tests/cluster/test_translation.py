import re

from midonet_kubernetes.kubernetes_api.kinds import TRANSLATION
from midonet_kubernetes.model.resource_kinds import KINDS
from midonet_kubernetes.testing import small_cluster
from midonet_kubernetes.testing.background import until
from midonet_kubernetes.testing.cluster_load import with_status
from midonet_kubernetes.testing.objects import NODES, node
from midonet_kubernetes.testing.small_cluster import TRANSLATIONS, chains, endpoints, rules, until_pushed

COLLECTIONS = {"/bridges": "Bridge", "/routers": "Router", "/ports": "Port", "/chains": "Chain", "/tunnel_zones": "TunnelZone"}


async def start(api, installation):
    await small_cluster.create(api, installation)
    replica = installation.start()
    await until_pushed(api, replica)
    return replica


async def test_nodes_pods_services_and_endpoints_become_midonet_objects(api, installation):
    await start(api, installation)
    assert await endpoints(installation.midonet) == ["10.1.1.3", "10.1.1.4"]
    (bridge,) = await installation.midonet.list("/bridges", KINDS["Bridge"].collection_media_type)
    assert bridge["name"] == "node-a"
    ports = await installation.midonet.list("/ports", KINDS["Port"].collection_media_type)
    assert sum(bool(port.get("interfaceName")) for port in ports) == 3  # two Pods and the node's own


async def test_kubectl_shows_and_waits_for_translations_as_its_users_expect(kubernetes, api, installation):
    await start(api, installation)
    table = (await kubernetes.kubectl("get", "tr", "-A")).splitlines()
    assert table[0].split() == ["NAMESPACE", "NAME", "READY", "RESOURCES", "OWNER", "AGE"]
    assert len(table) == 1 + TRANSLATIONS
    (row,) = [line.split() for line in table if line.split()[1] == "pod.4.web-1"]
    assert row[2:5] == ["True", "4", "web-1"]
    assert re.fullmatch(r"\d+s", row[5])

    waited = await kubernetes.kubectl("wait", "--for=condition=Pushed", "tr", "--all", "-A", "--timeout=5s")
    assert waited.count("condition met") == TRANSLATIONS

    uid = await kubernetes.kubectl("get", "service", "web", "-o", "jsonpath={.metadata.uid}")
    of_web = await kubernetes.kubectl("get", "tr", "-l", f"midonet.org/owner-uid={uid}", "-o", "name")
    assert len(of_web.split()) == 3

    async def described():
        said = await kubernetes.kubectl("describe", "tr", "service.4.web")
        return said if "TranslationUpdatePushed" in said else ""

    assert "midonet-kube-controllers" in await until("an Event on a Translation", described)
    assert "TranslationCreated" in await kubernetes.kubectl("describe", "service", "web")


async def test_a_node_is_annotated_and_says_so(kubernetes, api, installation):
    await with_status(api, NODES, node("node-a", 1))
    replica = installation.start()

    async def described(reason):
        said = await kubernetes.kubectl("describe", "node", "node-a")
        return said if reason in said else ""

    await until("an Event about the missing host", lambda: described("MidoNetHostMissing"), programs=[replica.process])
    host = await installation.add_host("node-a")
    said = await until("the annotation", lambda: described("MidoNetHostIDAnnotated"), programs=[replica.process])
    assert f"midonet.org/host-id: {host}" in said
    assert "midonet.org/tunnel-endpoint-ip: 192.168.0.1" in said


async def test_a_slice_that_changes_changes_one_rule(api, installation):
    replica = await start(api, installation)
    before = await installation.midonet_writes()
    await small_cluster.move_second_endpoint(api, "10.1.1.9")

    async def followed():
        return await endpoints(installation.midonet) == ["10.1.1.3", "10.1.1.9"]

    await until("the new endpoint", followed, programs=[replica.process])
    await until("the end of the old rule", replica.settled, programs=[replica.process])
    assert await installation.midonet_writes() - before == 2  # a new rule, then the end of the old one


async def test_deleting_a_service_in_the_foreground_leaves_nothing_of_it(kubernetes, api, installation):
    replica = await start(api, installation)
    jumps = await rules(installation.midonet, "KUBE-SERVICES")
    with kubernetes.controller_manager("garbage-collector-controller") as collector:
        await kubernetes.kubectl("delete", "service", "web", "--cascade=foreground", "--wait=true", "--timeout=30s")

        async def gone():
            assert [one.metadata.key for one in await api.list(TRANSLATION) if "Service/web" in owners(one)] == []
            return True

        await until("the end of the Service's Translations", gone, programs=[replica.process, collector])
    assert not [name for name in await chains(installation.midonet) if name.startswith("KUBE-SVC-default/web")]
    assert len(await rules(installation.midonet, "KUBE-SERVICES")) == len(jumps) - 1


async def test_the_pusher_alone_empties_midonet_when_all_translations_are_deleted(kubernetes, api, installation):
    await small_cluster.create(api, installation)
    with installation.running("all") as replica:
        await until_pushed(api, replica)
    replica = installation.start("pusher", MIDONETKUBE_ENABLED_CONTROLLERS="pusher")
    await until("the pusher", replica.done, programs=[replica.process])
    await kubernetes.kubectl("delete", "tr", "--all", "-A", "--timeout=30s")
    left = [await installation.midonet.list(path, KINDS[kind].collection_media_type) for path, kind in COLLECTIONS.items()]
    assert left == [[], [], [], [], []]


def owners(translation):
    return [f"{one.kind}/{one.name}" for one in translation.metadata.owner_references]
