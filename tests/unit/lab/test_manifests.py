import pytest

from midonet_kubernetes.errors import ManifestError, NotFound
from midonet_kubernetes.kubernetes_api.kinds import raw
from midonet_kubernetes.lab import manifests
from midonet_kubernetes.lab.ownership import LABEL, Ownership

OURS = Ownership("mine")
SERVICE = raw("v1", "Service", "services", namespaced=True)
WEB = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}


class Said(list):
    async def __call__(self, line):
        self.append(line)


async def labels(client):
    return (await client.get(SERVICE, "web", namespace="default"))["metadata"].get("labels", {})


async def test_what_is_applied_among_others_is_the_labs_and_may_be_changed_and_deleted(whole):
    said = Said()
    await manifests.apply(whole, [WEB], said, OURS)
    assert await labels(whole) == {LABEL: "mine"}
    changed = {**WEB, "spec": {"ports": [{"port": 81}]}}
    for objects in ([WEB], [changed]):
        await manifests.apply(whole, objects, said, OURS)
    await manifests.delete(whole, [WEB], said, OURS)
    await manifests.delete(whole, [WEB], said, OURS)
    assert said == [f"service/web {what}" for what in ("created", "unchanged", "configured", "deleted", "was not there")]


async def test_what_is_somebody_elses_is_neither_changed_nor_deleted(whole):
    await whole.create(SERVICE, WEB, namespace="default")
    for act in (manifests.apply, manifests.delete):
        with pytest.raises(ManifestError, match="Service web is in the cluster already and not this lab's"):
            await act(whole, [WEB], Said(), OURS)
    assert await labels(whole) == {}


async def test_in_an_api_of_its_own_the_lab_takes_objects_as_they_are(whole):
    await manifests.apply(whole, [WEB], Said())
    assert await labels(whole) == {}
    await manifests.delete(whole, [WEB], Said())
    with pytest.raises(NotFound):
        await labels(whole)


def test_namespaces_are_those_that_are_named_and_the_default():
    assert manifests.namespaces([WEB, {"metadata": {"name": "x", "namespace": "shop"}}]) == {"default", "shop"}
