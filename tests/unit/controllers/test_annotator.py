import asyncio

import pytest

from midonet_kubernetes.controllers.program import Options
from midonet_kubernetes.kubernetes_api.kinds import EVENT, NODE
from midonet_kubernetes.testing.faulty_kubernetes import failure
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


class Refusing:
    """A transport to an API server that takes no annotation of some Nodes.

    Attributes:
        patched: the Nodes of which one was tried.
    """

    def __init__(self, inner, *names):
        self._inner, self._names, self.patched = inner, names, []

    async def send(self, request):
        name = request.path.rpartition("/")[2]
        if request.method == "PATCH" and "/nodes/" in request.path:
            self.patched.append(name)
            if name in self._names:
                return failure(422, "Invalid", f'Node "{name}" is invalid: status.addresses[2]: Duplicate value')
        return await self._inner.send(request)

    def stream(self, request):
        return self._inner.stream(request)

    async def close(self):
        await self._inner.close()


async def test_a_node_whose_annotation_is_refused_is_told_why_and_tried_now_and_then(caplog):
    twins = Twins()
    await twins.add_host("n1")
    await twins.apply(NODES, node("n1", 7))
    refusing = Refusing(twins.kubernetes_transport(), "n1")
    with caplog.at_level("INFO", "midonet_kubernetes.controllers"):
        async with running(twins, options=ALONE, kubernetes=refusing):
            await elapse(1800.0)
            assert len(refusing.patched) in {6, 7}
            assert await events(twins) == [("Warning", "NodeAnnotationRefused", 1)]
    assert [record.message for record in caplog.records if "annotated later" in record.message] == []


async def test_a_refused_node_is_annotated_at_once_when_its_addresses_are_put_right():
    twins = Twins()
    await twins.add_host("n1")
    await twins.apply(NODES, node("n1", 7))
    refusing = Refusing(twins.kubernetes_transport(), "n1")
    async with running(twins, options=ALONE, kubernetes=refusing):
        await elapse(1000.0)
        refusing._names = ()
        await twins.apply(NODES, node("n1", 7) | {"status": node("n1", 8)["status"]})
        await elapse(1.0)
        assert (await annotations(twins))["tunnel-endpoint-ip"] == "192.168.0.8"


async def test_nodes_that_cannot_be_annotated_keep_no_other_waiting():
    twins = Twins()
    for number in range(5):
        await twins.apply(NODES, node(f"hopeless-{number}", number + 1))
    async with running(twins, options=ALONE):
        await elapse(600.0)
        await twins.apply(NODES, node("n1", 7))
        await elapse(1.0)
        await twins.add_host("n1")
        await elapse(2.0)
        assert (await annotations(twins))["host-id"] == host_id("n1")


async def test_nodes_that_come_together_are_looked_for_in_one_list():
    twins = Twins()
    for number in range(5):
        await twins.add_host(f"n{number}")
        await twins.apply(NODES, node(f"n{number}", number + 1))
    counting = Counting(twins.midonet_transport())
    async with running(twins, options=ALONE, midonet=counting):
        await elapse(5.0)
        assert counting.lists == 1


class Counting:
    """A transport to MidoNet.

    Attributes:
        lists: how often its hosts were listed.
    """

    def __init__(self, inner):
        self._inner, self.lists = inner, 0

    async def send(self, request):
        self.lists += request.path.endswith("/hosts")
        return await self._inner.send(request)

    async def close(self):
        await self._inner.close()
