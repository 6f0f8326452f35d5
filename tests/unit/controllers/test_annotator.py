import asyncio

import pytest

from midonet_kubernetes.controllers.program import Options
from midonet_kubernetes.kubernetes_api.kinds import EVENT, NODE
from midonet_kubernetes.testing.mortal import Life, running
from midonet_kubernetes.testing.objects import NODES, node
from midonet_kubernetes.testing.twins import Twins, host_id
from midonet_kubernetes.testing.virtual_time import elapse

pytestmark = pytest.mark.looptime

ALONE = Options(controllers=("nodeannotator",))


async def annotations(twins, name="n1"):
    found = (await twins.kubernetes.get(NODE, name)).metadata.annotations
    return {key.partition("/")[2]: value for key, value in found.items() if key.startswith("midonet.org/")}


async def events(twins):
    return [(one.type, one.reason, one.count) for one in await twins.kubernetes.list(EVENT)]


async def test_a_node_is_told_the_host_of_its_name():
    twins = Twins()
    await twins.add_host("other")
    await twins.add_host("n1")
    await twins.apply(NODES, node("n1", 7))
    async with running(twins, options=ALONE):
        await elapse(5.0)
        assert await annotations(twins) == {
            "host-id": host_id("n1"),
            "tunnel-zone-id": "",
            "tunnel-endpoint-ip": "192.168.0.7",
        }
        assert await events(twins) == [("Normal", "MidoNetHostIDAnnotated", 1)]


async def test_what_is_there_is_not_touched():
    twins, life = Twins(), Life()
    await twins.add_host("n1")
    made = node("n1", 7)
    mine = {"host-id": host_id("x"), "tunnel-zone-id": host_id("y"), "tunnel-endpoint-ip": "1.2.3.4"}
    made["metadata"]["annotations"] = {f"midonet.org/{key}": value for key, value in mine.items()}
    await twins.apply(NODES, made)
    async with running(twins, life, ALONE):
        await elapse(60.0)
        assert await annotations(twins) == mine
        assert life.writes == []


async def test_only_what_is_absent_is_set():
    twins = Twins()
    made = node("n1", 7)
    made["metadata"]["annotations"] = {"midonet.org/host-id": host_id("x")}
    await twins.apply(NODES, made)
    async with running(twins, options=ALONE):
        await elapse(5.0)
        assert await annotations(twins) == {
            "host-id": host_id("x"),
            "tunnel-zone-id": "",
            "tunnel-endpoint-ip": "192.168.0.7",
        }


async def test_a_node_without_host_is_told_once_and_annotated_when_the_host_comes():
    twins = Twins()
    await twins.apply(NODES, node("n1", 7))
    async with running(twins, options=ALONE):
        await elapse(600.0)
        assert await annotations(twins) == {}
        assert await events(twins) == [("Warning", "MidoNetHostMissing", 1)]
        await twins.add_host("n1")
        await elapse(30.0)
        assert (await annotations(twins))["host-id"] == host_id("n1")


async def test_a_node_without_internal_address_gets_nothing_and_is_told():
    twins = Twins()
    await twins.add_host("n1")
    made = node("n1", 7)
    made["status"]["addresses"] = [{"type": "Hostname", "address": "n1"}]
    await twins.apply(NODES, made)
    async with running(twins, options=ALONE):
        await elapse(60.0)
        assert await annotations(twins) == {}
        assert await events(twins) == [("Warning", "InternalIPMissing", 1)]


async def test_a_node_that_comes_later_is_annotated_at_once():
    twins = Twins()
    await twins.add_host("n1")
    async with running(twins, options=ALONE):
        await elapse(3600.0)
        await twins.apply(NODES, node("n1", 7))
        await asyncio.wait_for(elapse(1.0), 2.0)
        assert (await annotations(twins))["host-id"] == host_id("n1")
