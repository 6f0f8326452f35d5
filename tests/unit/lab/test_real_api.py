import asyncio

import pytest
import yaml

from midonet_kubernetes.errors import ApiError, UserError
from midonet_kubernetes.kubernetes_api.kinds import NODE
from midonet_kubernetes.lab.cluster import Networks
from midonet_kubernetes.lab.node_reports import RAW_NODE, node_object
from midonet_kubernetes.lab.ownership import Ownership
from midonet_kubernetes.lab.programs import Programs
from midonet_kubernetes.lab.real_api import ACCOUNT, CLEARED, COMPONENT_ACTS, RAW_POD, RealApi, real_api
from midonet_kubernetes.lab.state import Place
from midonet_kubernetes.lab.underlay import planned

OURS = Ownership("mine")


@pytest.fixture
def nodes(tmp_path):
    return planned(Place("mine", tmp_path), 3)


def api(networks=None):
    return RealApi(OURS, networks or Networks(), channel=None)


async def pod_networks(client):
    return {node.metadata.name: node.spec.pod_cidr for node in await client.list(NODE)}


async def register(client, nodes):
    for node in nodes:
        await client.create(RAW_NODE, node_object(node, OURS))


@pytest.mark.looptime
async def test_networks_that_the_cluster_allocates_are_taken(whole, nodes):
    await register(whole, nodes)
    await api().give_pod_networks(whole)
    assert set((await pod_networks(whole)).values()) == {"10.244.0.0/24", "10.244.1.0/24", "10.244.2.0/24"}


@pytest.mark.looptime
async def test_where_nobody_allocates_each_node_gets_what_is_free(bare, nodes):
    await register(bare, nodes)
    for name, network in (("there", "10.244.1.0/24"), ("wide", "10.244.2.0/23"), ("six", "2001:db8::/64"), ("none", "")):
        await bare.create(RAW_NODE, {"metadata": {"name": name}, "spec": {"podCIDR": network}})
    began = asyncio.get_running_loop().time()
    await api().give_pod_networks(bare)
    found = await pod_networks(bare)
    assert [found[node.name] for node in nodes] == ["10.244.0.0/24", "10.244.4.0/24", "10.244.5.0/24"]
    assert found["none"] == ""
    assert asyncio.get_running_loop().time() - began < COMPONENT_ACTS + 1


@pytest.mark.looptime
async def test_networks_of_another_range_are_named_with_the_flag(whole, nodes):
    await register(whole, nodes)
    with pytest.raises(UserError, match=r"10\.244\.\d\.0/24.*--pod-network"):
        await api(Networks(pods="10.200.0.0/16")).give_pod_networks(whole)


@pytest.mark.looptime
async def test_the_account_that_admission_wants_is_made_where_nobody_else_does(bare):
    await bare.create(ACCOUNT, {"metadata": {"name": "default", "labels": {"made": "before"}}}, namespace="kube-system")
    await api().complete_namespaces(bare, {"default", "kube-system"})
    assert (await bare.get(ACCOUNT, "default", namespace="default"))["metadata"]["name"] == "default"
    assert (await bare.get(ACCOUNT, "default", namespace="kube-system"))["metadata"]["labels"] == {"made": "before"}


@pytest.mark.looptime
async def test_at_the_end_nothing_is_left(whole, nodes, tmp_path):
    await register(whole, nodes)
    said = []
    await api().release(whole, Programs(tmp_path, said.append), said.append)
    assert await whole.list(NODE) == []
    assert said == []


@pytest.mark.looptime
async def test_what_cannot_be_removed_within_bounds_is_told(whole, tmp_path):
    await whole.create(
        ACCOUNT, {"metadata": {"name": "stuck", "labels": OURS.labels, "finalizers": ["a/b"]}}, namespace="default"
    )
    said = []
    began = asyncio.get_running_loop().time()
    await api().release(whole, Programs(tmp_path, said.append), said.append)
    assert asyncio.get_running_loop().time() - began < CLEARED + 1
    assert "serviceaccounts/stuck" in said[0]
    assert "midonet.org/lab=mine" in said[0]


@pytest.mark.looptime
async def test_components_are_missed_only_for_the_labs_own_pods(bare):
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    await bare.create(RAW_POD, pod, namespace="default")
    assert await api().absentee(bare) == ""
    await bare.create(RAW_POD, OURS.marked({**pod, "metadata": {"name": "q"}}), namespace="default")
    assert "Pod q is placed nowhere" in await api().absentee(bare)


def test_a_server_that_is_away_is_told_before_anything_is_made(tmp_path, nodes):
    kubeconfig = tmp_path / "kubeconfig"
    document = {
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c"}}],
    }
    kubeconfig.write_text(yaml.safe_dump(document))
    place = Place("mine", tmp_path / "mine")
    with pytest.raises(ApiError, match=r"http://127\.0\.0\.1:1/"), real_api(place, nodes, Networks(), kubeconfig):
        pass
    assert not place.folder.exists()
