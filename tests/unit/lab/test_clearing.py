import pytest

from midonet_kubernetes.errors import ApiError
from midonet_kubernetes.exchange import Response
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.kinds import raw
from midonet_kubernetes.lab.clearing import RAW_TRANSLATION, clear, translations
from midonet_kubernetes.lab.ownership import Ownership
from midonet_kubernetes.lab.real_api import ACCOUNT

OURS, OTHERS = Ownership("mine"), Ownership("other")
KINDS = {
    "Deployment": raw("apps/v1", "Deployment", "deployments", namespaced=True),
    "Service": raw("v1", "Service", "services", namespaced=True),
    "Pod": raw("v1", "Pod", "pods", namespaced=True),
    "Node": raw("v1", "Node", "nodes", namespaced=False),
    "Translation": RAW_TRANSLATION,
}
CONTAINERS = [{"name": "c", "image": "i"}]
SPECS = {
    "Deployment": {
        "replicas": 2,
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": CONTAINERS}},
    },
    "Service": {"ports": [{"port": 80}]},
    "Pod": {"containers": CONTAINERS},
}


async def make(client, kind, name, ownership=None, **spec):
    manifest = {"metadata": {"name": name}, "spec": {**SPECS.get(kind, {}), **spec}}
    namespace = None if kind == "Node" else "default"
    await client.create(KINDS[kind], ownership.marked(manifest) if ownership else manifest, namespace=namespace)


async def names(client):
    return {kind: [one["metadata"]["name"] for one in await client.list(KINDS[kind])] for kind in KINDS}


async def test_all_of_the_lab_goes_and_nothing_of_others(whole):
    for ownership, suffix in ((OURS, "mine"), (OTHERS, "other"), (None, "foreign")):
        await make(whole, "Node", suffix, ownership)
        for kind in ("Deployment", "Service", "Pod"):
            await make(whole, kind, f"{kind.lower()}-{suffix}", ownership, **({"nodeName": suffix} if kind == "Pod" else {}))
    await clear(whole, OURS)
    left = await names(whole)
    assert left["Node"] == ["foreign", "other"]
    assert left["Deployment"] == ["deployment-foreign", "deployment-other"]
    assert left["Service"] == ["kubernetes", "service-foreign", "service-other"]
    assert {"pod-foreign", "pod-other"} <= set(left["Pod"])
    assert not [name for name in left["Pod"] if "mine" in name]


async def test_translations_go_whether_or_not_somebody_may_finish_them(whole):
    for name, finalizers in (("a", ["midonet.org/deleter"]), ("b", []), ("deleted", ["midonet.org/deleter"])):
        object_ = {"metadata": {"name": name, "finalizers": finalizers}, "resources": []}
        await whole.create(RAW_TRANSLATION, object_, namespace="default")
    await whole.delete(RAW_TRANSLATION, "deleted", namespace="default")
    await clear(whole, OURS)
    assert await translations(whole) == []


async def test_pods_that_others_put_on_the_labs_nodes_go_with_the_nodes(bare):
    await make(bare, "Node", "node-1", OURS)
    await make(bare, "Pod", "of-a-daemon-set", nodeName="node-1")
    await make(bare, "Pod", "elsewhere", nodeName="real")
    await clear(bare, OURS)
    assert [pod["metadata"]["name"] for pod in await bare.list(KINDS["Pod"])] == ["elsewhere"]


@pytest.mark.looptime
async def test_an_object_that_somebody_holds_is_named_and_does_not_keep_the_rest(whole):
    await make(whole, "Node", "node-1", OURS)
    account = {"metadata": {"name": "held", "labels": OURS.labels, "finalizers": ["a/b"]}}
    await whole.create(ACCOUNT, account, namespace="default")
    with pytest.raises(ApiError, match=r"still there .*: serviceaccounts/held$"):
        await clear(whole, OURS)
    assert (await names(whole))["Node"] == []
    await whole.patch(ACCOUNT, "held", {"metadata": {"finalizers": None}}, namespace="default")
    await clear(whole, OURS)


class Refusing:
    """A transport that does not let Translations be changed."""

    def __init__(self, inner):
        self._inner = inner

    async def send(self, request):
        refused = request.method in {"PATCH", "DELETE"} and "/translations/" in request.path
        return Response(500, {}, b"{}") if refused else await self._inner.send(request)


async def test_nodes_go_last_so_that_a_later_start_sees_whose_translations_are_left(whole):
    await make(whole, "Node", "node-1", OURS)
    await whole.create(RAW_TRANSLATION, {"metadata": {"name": "a"}, "resources": []}, namespace="default")
    with pytest.raises(ApiError):
        await clear(Client(Refusing(whole._transport)), OURS)
    assert (await names(whole))["Node"] == ["node-1"]


async def test_where_translations_are_not_known_there_are_none(bare):
    assert await translations(bare) == []
