import asyncio
from pathlib import Path

import pytest

from midonet_kubernetes.controllers import program
from midonet_kubernetes.errors import UserError
from midonet_kubernetes.kubernetes_api.election import Election
from midonet_kubernetes.kubernetes_api.kinds import NODE, SERVICE, raw
from midonet_kubernetes.lab import cluster
from midonet_kubernetes.lab.claiming import DEFINITION, claim
from midonet_kubernetes.lab.clearing import RAW_TRANSLATION, translations
from midonet_kubernetes.lab.cluster import CONTROLLERS, LEASE_NAMESPACE, Networks
from midonet_kubernetes.lab.node_reports import RAW_NODE
from midonet_kubernetes.lab.ownership import Ownership
from midonet_kubernetes.lab.state import Place
from midonet_kubernetes.lab.underlay import planned

pytestmark = pytest.mark.looptime

OURS = Ownership("mine")
NODES = planned(Place("mine", Path("/nowhere")), 2)
RAW_SERVICE = raw(SERVICE.api_version, "Service", SERVICE.plural, namespaced=True)


async def claimed(client, networks=cluster.DEFAULT_NETWORKS):
    said = []
    await claim(client, OURS, networks, NODES, said.append)
    return said


async def add_node(client, name, ownership=None):
    node = {"metadata": {"name": name}}
    await client.create(RAW_NODE, ownership.marked(node) if ownership else node)


async def add_translation(client):
    await client.create(RAW_TRANSLATION, {"metadata": {"name": "t", "finalizers": ["a/b"]}, "resources": []}, namespace="default")


def test_the_lease_is_the_one_of_the_controllers():
    assert (CONTROLLERS, LEASE_NAMESPACE) == (program.COMPONENT, program.LEASE_NAMESPACE)


async def test_a_cluster_that_has_only_nodes_of_other_names_is_taken_and_learns_of_translations(bare):
    await add_node(bare, "worker")
    assert await claimed(bare) == []
    assert (await bare.get(DEFINITION, "translations.midonet.org"))["spec"]["group"] == "midonet.org"
    assert await translations(bare) == []
    assert await claimed(bare) == []


async def test_what_a_killed_lab_of_this_name_left_is_taken_away(whole):
    await add_node(whole, "node-7", OURS)
    await add_translation(whole)
    (said,) = await claimed(whole)
    assert "earlier lab 'mine'" in said
    assert await whole.list(NODE) == []
    assert await translations(whole) == []


async def test_another_labs_cluster_is_refused(bare):
    await add_node(bare, "node-7", Ownership("other"))
    with pytest.raises(UserError, match="the lab 'other' uses this cluster"):
        await claimed(bare)


async def test_a_node_of_that_name_which_is_not_a_labs_is_refused(bare):
    await add_node(bare, "node-2")
    with pytest.raises(UserError, match="Nodes named node-2"):
        await claimed(bare)


async def test_a_cluster_that_has_midonet_is_refused_and_left_alone(whole):
    await add_translation(whole)
    with pytest.raises(UserError, match="it has"):
        await claimed(whole)
    assert len(await translations(whole)) == 1


async def test_a_leader_that_lives_is_seen(whole):
    async def work():
        await asyncio.Event().wait()

    election = Election(whole, namespace=LEASE_NAMESPACE, name=CONTROLLERS, clock=asyncio.get_running_loop().time)
    running = asyncio.create_task(election.run(work))
    while not election.is_leader():
        await asyncio.wait([running], timeout=0.1)
    with pytest.raises(UserError, match=f"{CONTROLLERS} runs at this cluster"):
        await claimed(whole)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await claimed(whole) == []  # it has released the Lease


async def test_the_lease_of_a_killed_leader_is_no_obstacle(whole):
    lease = raw("coordination.k8s.io/v1", "Lease", "leases", namespaced=True)
    spec = {"holderIdentity": "killed", "leaseDurationSeconds": 12}
    await whole.create(lease, {"metadata": {"name": CONTROLLERS}, "spec": spec}, namespace=LEASE_NAMESPACE)
    assert await claimed(whole) == []


async def test_another_network_of_services_is_named_with_the_flag(bare):
    spec = {"clusterIP": "172.20.0.1", "ports": [{"port": 443}]}
    await bare.create(RAW_SERVICE, {"metadata": {"name": "kubernetes"}, "spec": spec}, namespace="default")
    with pytest.raises(UserError, match=r"172\.20\.0\.1.*--service-network"):
        await claimed(bare)
    await claimed(bare, Networks(services="172.20.0.0/16"))
