import asyncio
from contextlib import asynccontextmanager

import pytest

from midonet_kubernetes import errors
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.credentials import Token
from midonet_kubernetes.kubernetes_api.discovery import Discovery
from midonet_kubernetes.kubernetes_api.election import Election
from midonet_kubernetes.kubernetes_api.events import EventRecorder, reference_to
from midonet_kubernetes.kubernetes_api.informer import Informer
from midonet_kubernetes.kubernetes_api.kinds import EVENT, LEASE, NODE, POD, SERVICE, raw
from midonet_kubernetes.model.kubernetes import Lease, LeaseSpec, Metadata
from midonet_kubernetes.testing import kubernetes_programs

CONFIG_MAP = raw("v1", "ConfigMap", "configmaps", namespaced=True)
SECRET = raw("v1", "Secret", "secrets", namespaced=True)
SECONDS = 20


def config_map(name, value="", **metadata):
    return {"metadata": {"name": name, **metadata}, "data": {"value": value}}


def pod(name):
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "none"}]}}


class Seen:
    """What a handler was told, and a way to wait for it."""

    def __init__(self):
        self.calls = []
        self._called = asyncio.Event()

    def __call__(self, key, old, new):
        self.calls.append((key.rpartition("/")[2], old and old["data"]["value"], new and new["data"]["value"]))
        self._called.set()

    async def until(self, *calls):
        async with asyncio.timeout(SECONDS):
            while not set(calls) <= set(self.calls):
                self._called.clear()
                await self._called.wait()
        told, self.calls = self.calls, []
        return told


@asynccontextmanager
async def watching(client, namespace, kind=CONFIG_MAP, **options):
    informer, seen = Informer(client, kind, namespace=namespace, **options), Seen()
    running = asyncio.create_task(informer.run())
    try:
        async with asyncio.timeout(SECONDS):
            await informer.synced.wait()
        informer.add_handler(seen)
        seen.calls.clear()
        yield informer, seen
    finally:
        running.cancel()
        await asyncio.wait({running})


@pytest.mark.cluster
def test_all_of_this_also_holds_for_a_real_api_server(real_api_server):
    if not real_api_server:
        pytest.skip(f"the contract ran against the embedded API only: {kubernetes_programs.ABSENT}")


async def test_an_object_lives_from_creation_to_deletion(client, namespace):
    created = await client.create(CONFIG_MAP, config_map("a", "1"), namespace=namespace)
    assert created["metadata"]["uid"]
    with pytest.raises(errors.AlreadyExists):
        await client.create(CONFIG_MAP, config_map("a"), namespace=namespace)
    changed = await client.replace(CONFIG_MAP, {**created, "data": {"value": "2"}})
    assert changed["metadata"]["resourceVersion"] != created["metadata"]["resourceVersion"]
    with pytest.raises(errors.Conflict):
        await client.replace(CONFIG_MAP, {**created, "data": {"value": "3"}})
    patched = await client.patch(CONFIG_MAP, "a", {"data": {"value": None, "other": "4"}}, namespace=namespace)
    assert patched["data"] == {"other": "4"}
    with pytest.raises(errors.Conflict):
        await client.delete(CONFIG_MAP, "a", namespace=namespace, uid="another")
    with pytest.raises(errors.Conflict):
        await client.delete(CONFIG_MAP, "a", namespace=namespace, resource_version="1")
    await client.delete(CONFIG_MAP, "a", namespace=namespace, uid=created["metadata"]["uid"])
    with pytest.raises(errors.NotFound):
        await client.get(CONFIG_MAP, "a", namespace=namespace)
    with pytest.raises(errors.NotFound):
        await client.delete(CONFIG_MAP, "a", namespace=namespace)


async def test_what_a_server_refuses_is_invalid(client, namespace):
    with pytest.raises(errors.Invalid):
        await client.create(CONFIG_MAP, config_map("Not A Name"), namespace=namespace)
    with pytest.raises(errors.Invalid):
        await client.list(CONFIG_MAP, namespace=namespace, labels="no, valid, ((selector")


async def test_a_finalizer_holds_an_object_until_it_is_removed(client, namespace):
    await client.create(CONFIG_MAP, config_map("a", finalizers=["midonet.org/test"]), namespace=namespace)
    await client.delete(CONFIG_MAP, "a", namespace=namespace)
    assert (await client.get(CONFIG_MAP, "a", namespace=namespace))["metadata"]["deletionTimestamp"]
    await client.patch(CONFIG_MAP, "a", {"metadata": {"finalizers": None}}, namespace=namespace)
    with pytest.raises(errors.NotFound):
        await client.get(CONFIG_MAP, "a", namespace=namespace)


async def test_a_typed_object_is_read_and_its_status_patched(client, namespace):
    await client.create(raw("v1", "Pod", "pods", namespaced=True), pod("a"), namespace=namespace)
    patch = {"status": {"phase": "Running", "podIP": "10.1.2.3", "podIPs": [{"ip": "10.1.2.3"}]}}
    patched = await client.patch(POD, "a", patch, namespace=namespace, subresource="status")
    assert (patched.status.pod_ip, patched.metadata.key) == ("10.1.2.3", f"{namespace}/a")
    (found,) = await client.list(POD, namespace=namespace, fields="status.phase=Running")
    assert found == patched
    assert not await client.list(POD, namespace=namespace, fields="spec.nodeName=n1")


async def test_a_list_in_pages_has_everything_once(client, namespace):
    for number in range(11):
        await client.create(CONFIG_MAP, config_map(f"c{number:02}", labels={"odd": str(number % 2)}), namespace=namespace)
    pages = [page async for page in client.pages(CONFIG_MAP, namespace=namespace, labels="odd in (0,1)", size=4)]
    assert [len(page.objects) for page in pages] == [4, 4, 3]
    assert len({found["metadata"]["name"] for page in pages for found in page.objects}) == 11
    assert len({page.resource_version for page in pages}) == 1
    assert len(await client.list(CONFIG_MAP, namespace=namespace, labels="odd=1")) == 5
    assert len(await client.list(CONFIG_MAP, namespace=namespace, fields="metadata.name=c03")) == 1


async def test_a_kind_is_found_by_what_a_manifest_says(client):
    discovery = Discovery(client)
    kind = await discovery.kind_of({"apiVersion": "apps/v1", "kind": "Deployment"})
    assert (kind.plural, kind.namespaced) == ("deployments", True)
    assert (await discovery.kind_of({"apiVersion": "v1", "kind": "Node"})).path() == NODE.path()
    assert (await discovery.kind_of({"apiVersion": "v1", "kind": "Service"})).path() == SERVICE.path()
    with pytest.raises(errors.ManifestError):
        await discovery.kind_of({"apiVersion": "example.org/v1", "kind": "Nothing"})


async def test_an_informer_is_told_of_every_change(client, namespace):
    await client.create(CONFIG_MAP, config_map("before", "1"), namespace=namespace)
    async with watching(client, namespace) as (informer, seen):
        assert informer.get(f"{namespace}/before")["data"] == {"value": "1"}
        created = await client.create(CONFIG_MAP, config_map("a", "1"), namespace=namespace)
        await client.replace(CONFIG_MAP, {**created, "data": {"value": "2"}})
        await client.delete(CONFIG_MAP, "a", namespace=namespace)
        told = await seen.until(("a", "2", None))
        assert [call for call in told if call[0] == "a"] == [("a", None, "1"), ("a", "1", "2"), ("a", "2", None)]


async def test_an_object_that_leaves_the_selection_is_gone(client, namespace):
    async with watching(client, namespace, labels="app=x") as (_, seen):
        await client.create(CONFIG_MAP, config_map("a", "1", labels={"app": "x"}), namespace=namespace)
        await seen.until(("a", None, "1"))
        await client.patch(CONFIG_MAP, "a", {"metadata": {"labels": {"app": "y"}}}, namespace=namespace)
        await seen.until(("a", "1", None))


async def test_a_cut_stream_is_resumed_without_loss_and_without_a_list(client, namespace, breakable):
    async with watching(client, namespace) as (informer, seen):
        await client.create(CONFIG_MAP, config_map("a", "1"), namespace=namespace)
        await seen.until(("a", None, "1"))
        breakable.cut()
        await client.create(CONFIG_MAP, config_map("b", "1"), namespace=namespace)
        await client.delete(CONFIG_MAP, "a", namespace=namespace)
        assert len(await seen.until(("b", None, "1"), ("a", "1", None))) == 2
        assert informer.statistics.lists == 1


async def test_a_silent_stream_is_given_up_and_resumed_without_loss(client, namespace, breakable):
    async with watching(client, namespace, idle_seconds=0.5) as (informer, seen):
        breakable.silent.set()
        await client.create(CONFIG_MAP, config_map("a", "1"), namespace=namespace)
        breakable.silent = asyncio.Event()
        await seen.until(("a", None, "1"))
        assert informer.statistics.lists == 1


async def test_a_deletion_in_the_gap_of_a_410_is_told(client, namespace, breakable, forget):
    old, new = "b2xk", "bmV3"  # secrets are in base64
    await client.create(SECRET, config_map("goes", old), namespace=namespace)
    await client.create(SECRET, config_map("changes", old), namespace=namespace)
    async with watching(client, namespace, kind=SECRET) as (informer, seen):
        breakable.silent.set()
        await client.delete(SECRET, "goes", namespace=namespace)
        await client.patch(SECRET, "changes", {"data": {"value": new}}, namespace=namespace)
        last = await client.create(SECRET, config_map("comes", new), namespace=namespace)
        await forget(last["metadata"]["resourceVersion"])
        breakable.silent = asyncio.Event()
        breakable.cut()
        told = await seen.until(("goes", old, None), ("changes", old, new), ("comes", None, new))
        assert len(told) == 3
        assert informer.statistics.lists == 2


async def test_a_lease_passes_from_a_leader_that_stops_to_the_next(client, breakable, namespace):
    async def lead(led):
        led.set()
        await asyncio.Event().wait()

    def campaign():
        led = asyncio.Event()
        options = {"duration": 3, "renew_deadline": 2.0, "retry_period": 0.3}
        election = Election(Client(breakable, Token("secret")), namespace=namespace, name="l", **options)
        return election, led, asyncio.create_task(election.run(lambda: lead(led)))

    async with asyncio.timeout(SECONDS):
        first, led, running = campaign()
        await led.wait()
        second, led_too, running_too = campaign()
        running.cancel()
        await asyncio.wait({running})
        assert not first.is_leader()
        await led_too.wait()
        assert second.is_leader()
        lease = await client.get(LEASE, "l", namespace=namespace)
        assert (lease.spec.holder_identity, lease.spec.lease_transitions) == (second.identity, 2)
        running_too.cancel()
        await asyncio.wait({running_too})


async def test_a_lease_is_kept_as_it_was_written(client, namespace):
    spec = LeaseSpec("me", 15, "2026-11-24T21:08:53.123456Z", "2026-11-24T21:08:54.000000Z", 0)
    lease = await client.create(LEASE, Lease(metadata=Metadata(name="l", namespace=namespace), spec=spec))
    assert lease.spec == spec


async def test_an_event_is_written_and_counted(client, namespace):
    await client.create(raw("v1", "Pod", "pods", namespaced=True), pod("a"), namespace=namespace)
    about = reference_to(await client.get(POD, "a", namespace=namespace))
    recorder = EventRecorder(client, "midonet-kube-controllers")
    running = asyncio.create_task(recorder.run())
    for _ in range(3):
        recorder.record(about, "Failed", "no answer", type="Warning")
    async with asyncio.timeout(SECONDS):
        await recorder.join()
    (event,) = await client.list(EVENT, namespace=namespace, fields=f"involvedObject.uid={about.uid},reason=Failed")
    assert (event.count, event.type, event.message, event.source.component) == (
        3,
        "Warning",
        "no answer",
        "midonet-kube-controllers",
    )
    running.cancel()
    await asyncio.wait({running})
