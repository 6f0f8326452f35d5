import asyncio
from pathlib import Path

import pytest

from midonet_kubernetes.kubernetes_api.kinds import NODE
from midonet_kubernetes.lab.node_reports import HEARTBEAT, RAW_NODE, NodeReports
from midonet_kubernetes.lab.ownership import LABEL, Ownership
from midonet_kubernetes.lab.state import Place
from midonet_kubernetes.lab.underlay import planned
from midonet_kubernetes.testing.virtual_time import elapse

pytestmark = pytest.mark.looptime

NODES = planned(Place("mine", Path("/nowhere")), 2)


def reports(client, ownership=None):
    return NodeReports(client, NODES, ownership, lambda: f"2026-01-01T00:00:{asyncio.get_running_loop().time() % 60:02.0f}Z")


async def condition(client, name):
    (found,) = (await client.get(RAW_NODE, name))["status"]["conditions"]
    return found["status"], found["lastHeartbeatTime"], found["lastTransitionTime"]


async def test_a_node_is_there_with_its_address_before_it_is_ready(whole):
    await reports(whole).register()
    (node, _) = await whole.list(NODE)
    assert (node.metadata.name, node.metadata.labels.get(LABEL)) == ("node-1", None)
    assert [one.address for one in node.status.addresses] == [NODES[0].address, "node-1"]
    assert (await condition(whole, "node-1"))[0] == "False"


async def test_among_others_a_node_is_labelled_and_keeps_pods_of_others_away(bare):
    await reports(bare, Ownership("mine")).register()
    node = await bare.get(RAW_NODE, "node-1")
    assert node["metadata"]["labels"][LABEL] == "mine"
    assert node["spec"]["taints"] == [{"key": LABEL, "value": "mine", "effect": "NoSchedule"}]


async def test_what_was_reported_is_repeated_and_says_since_when(bare):
    reporting = reports(bare)
    await reporting.register()
    for node in NODES:
        await reporting.ready(node)
    _, _, since = await condition(bare, "node-2")
    running = asyncio.create_task(reporting.run())
    await elapse(2 * HEARTBEAT + 1)
    ready, heard, still = await condition(bare, "node-2")
    assert (ready, still) == ("True", since)
    assert heard == "2026-01-01T00:00:20Z"
    await bare.delete(NODE, "node-1")  # somebody's mistake does not end the reports of the others
    await elapse(HEARTBEAT)
    assert (await condition(bare, "node-2"))[1] == "2026-01-01T00:00:30Z"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
