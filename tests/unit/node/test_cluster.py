import asyncio
import contextlib
import json

import pytest

from midonet_kubernetes.errors import Unreachable
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.embedded.api import Api
from midonet_kubernetes.kubernetes_api.embedded.registry import Registry
from midonet_kubernetes.kubernetes_api.embedded.store import Store
from midonet_kubernetes.kubernetes_api.embedded.transport import EmbeddedTransport
from midonet_kubernetes.kubernetes_api.kinds import EVENT, NODE, POD
from midonet_kubernetes.model.annotations import MAC_ADDRESS
from midonet_kubernetes.model.kubernetes import Metadata, Node, NodeSpec
from midonet_kubernetes.node.cluster import Cluster
from midonet_kubernetes.node.node_link import node_mac
from midonet_kubernetes.node.state import Annotation
from midonet_kubernetes.testing.virtual_time import elapse

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]
MAC = "ac:ca:ba:00:00:01"


class Wishes:
    """The annotations still to write."""

    def __init__(self):
        self.open, self.lasting, self.all_written = [], {}, asyncio.Event()

    async def annotations(self):
        return list(self.open)

    async def wish(self, pod):
        return next((wish for wish in self.open if wish.pod == pod), self.lasting.get(pod))

    async def annotation_written(self, annotation):
        if annotation in self.open:
            self.open.remove(annotation)
            self.all_written.set()


@pytest.fixture
async def api():
    made = Api(Registry(Store()), bookmark_interval=3600)
    await Client(EmbeddedTransport(made)).send("POST", "/api/v1/namespaces", b'{"metadata":{"name":"default"}}')
    return made


@pytest.fixture
def client(api):
    return Client(EmbeddedTransport(api))


@pytest.fixture
def wishes():
    return Wishes()


@contextlib.asynccontextmanager
async def running(client, wishes, changed=lambda *_: None):
    cluster = Cluster(client, "n1", wishes, changed)
    task = asyncio.create_task(cluster.run())
    await elapse(1)
    try:
        yield cluster
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def make_node(client, pod_cidr="10.1.0.0/24"):
    await client.create(NODE, Node(metadata=Metadata(name="n1"), spec=NodeSpec(pod_cidr=pod_cidr)))
    addresses = [{"type": "InternalIP", "address": "192.0.2.1"}, {"type": "Hostname", "address": "n1"}]
    await client.patch(NODE, "n1", {"status": {"addresses": addresses}}, subresource="status")


async def make_pod(client, name="web", mac=None):
    spec = {"nodeName": "n1", "containers": [{"name": "c", "image": "i"}]}
    metadata = {"name": name, "namespace": "default", "annotations": {MAC_ADDRESS: mac} if mac else {}}
    return POD.decode(
        (await client.send("POST", POD.path(namespace="default"), json.dumps({"metadata": metadata, "spec": spec}).encode())).body
    )


async def mac_of(client, name="web"):
    return (await client.get(POD, name, namespace="default")).metadata.annotations.get(MAC_ADDRESS)


async def test_the_nodes_network_is_told_again_when_it_changes(client, wishes):
    heard = []
    async with running(client, wishes, lambda *told: heard.append(told)):
        await make_node(client, pod_cidr="")
        await elapse(1)
        await client.patch(NODE, "n1", {"spec": {"podCIDR": "10.1.0.0/24"}})
        await elapse(1)
    assert heard[0][0] == ""
    assert heard[-1] == ("10.1.0.0/24", ["192.0.2.1"])


async def test_another_node_is_none_of_our_business(client, wishes):
    heard = []
    async with running(client, wishes, lambda *told: heard.append(told)):
        await client.create(NODE, Node(metadata=Metadata(name="n2"), spec=NodeSpec(pod_cidr="10.2.0.0/24")))
        await elapse(1)
    assert heard == []


async def test_the_node_is_annotated_with_the_mac_of_its_link(client, wishes):
    await make_node(client)
    async with running(client, wishes):
        assert (await client.get(NODE, "n1")).metadata.annotations[MAC_ADDRESS] == node_mac("n1")
        await client.patch(NODE, "n1", {"metadata": {"annotations": {MAC_ADDRESS: "nonsense"}}})
        await elapse(1)
        assert (await client.get(NODE, "n1")).metadata.annotations[MAC_ADDRESS] == node_mac("n1")


async def test_a_pod_is_annotated_and_later_not_any_more(client, wishes):
    pod = await make_pod(client)
    async with running(client, wishes) as cluster:
        for mac in (MAC, ""):
            wishes.open.append(Annotation("default/web", pod.metadata.uid, mac))
            cluster.annotate()
            await elapse(1)
            assert (await mac_of(client) or "") == mac
    assert wishes.open == []


async def test_an_annotation_that_somebody_takes_away_comes_back(client, wishes):
    await make_pod(client)
    wishes.lasting["default/web"] = Annotation("default/web", "", MAC)
    async with running(client, wishes):
        assert await mac_of(client) == MAC
        await client.patch(POD, "web", {"metadata": {"annotations": None}}, namespace="default")
        await elapse(1)
        assert await mac_of(client) == MAC


async def test_a_removal_and_a_new_wish_right_after_it_both_count(client, wishes):
    await make_pod(client)
    async with running(client, wishes) as cluster:
        for mac in (MAC, "", MAC):
            wishes.open[:] = [Annotation("default/web", "", mac)]
            cluster.annotate()
            await wishes.all_written.wait()
            wishes.all_written.clear()
        await elapse(1)
        assert await mac_of(client) == MAC


async def test_annotations_that_a_dead_daemon_left_open_are_written(client, wishes):
    await make_pod(client)
    wishes.open.append(Annotation("default/web", "", MAC))
    async with running(client, wishes):
        assert await mac_of(client) == MAC


@pytest.mark.parametrize("wish", [Annotation("default/web", "another-uid", MAC), Annotation("default/gone", "", MAC)])
async def test_a_pod_that_is_gone_or_another_one_is_left_alone(client, wishes, wish):
    await make_pod(client)
    wishes.open.append(wish)
    async with running(client, wishes):
        assert await mac_of(client) is None
    assert wishes.open == []


class UnsteadyTransport(EmbeddedTransport):
    """To an API that can be away."""

    away = True

    async def send(self, request):
        if self.away:
            raise Unreachable("away")
        return await super().send(request)

    def stream(self, request):
        if self.away:
            raise Unreachable("away")
        return super().stream(request)


async def test_an_api_that_is_away_is_asked_again(api, client, wishes):
    await make_pod(client)
    wishes.open.append(Annotation("default/web", "", MAC))
    unsteady = UnsteadyTransport(api)
    async with running(Client(unsteady), wishes):
        assert len(wishes.open) == 1
        unsteady.away = False
        await elapse(60)
        assert wishes.open == []
    assert await mac_of(client) == MAC


async def test_a_pods_own_choice_of_mac_is_known(client, wishes):
    await make_pod(client, "chooses", "02-00-00-00-00-0A")
    await make_pod(client, "errs", "nonsense")
    await make_pod(client, "silent")
    async with running(client, wishes) as cluster:
        assert [cluster.annotated_mac(f"default/{name}") for name in ("chooses", "errs", "silent", "unknown")] == [
            "02:00:00:00:00:0a",
            "",
            "",
            "",
        ]


async def test_a_warning_is_an_event_about_the_node(client, wishes):
    async with running(client, wishes) as cluster:
        cluster.warn("PodCIDRExhausted", "no address is left")
        await elapse(2)
        (event,) = await client.list(EVENT)
    assert (event.reason, event.type, event.involved_object.kind, event.involved_object.uid) == (
        "PodCIDRExhausted",
        "Warning",
        "Node",
        "n1",
    )
