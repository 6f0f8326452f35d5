import asyncio
import ipaddress
import logging

import pytest

from midonet_kubernetes.kubernetes_api.embedded.cluster import Cluster, Networks
from midonet_kubernetes.kubernetes_api.embedded.kinds.nodes import NODES
from midonet_kubernetes.kubernetes_api.embedded.kinds.workloads import DEPLOYMENTS
from midonet_kubernetes.kubernetes_api.embedded.registry import Registry
from midonet_kubernetes.kubernetes_api.embedded.store import Key, Store
from midonet_kubernetes.testing.virtual_time import elapse

SMALL = Networks(ipaddress.IPv4Network("10.244.0.0/24"), ipaddress.IPv4Network("10.96.0.0/24"))


@pytest.mark.looptime
async def test_what_cannot_be_done_is_tried_again_every_second(caplog):
    caplog.set_level(logging.WARNING)
    registry = Registry(Store())
    cluster = Cluster(registry, SMALL)
    for name in ("one", "two"):
        registry.create(NODES, "", {"metadata": {"name": name}})
    work = asyncio.create_task(cluster.run())
    await elapse(0.5)
    assert "has no free /24 for another Node" in caplog.text
    registry.store.remove(Key("nodes", "", "one"), registry.get(NODES, "", "one").body())
    await elapse(1)
    assert registry.get(NODES, "", "two").body()["spec"]["podCIDR"] == "10.244.0.0/24"
    work.cancel()


async def test_a_cluster_that_starts_again_goes_on_where_the_other_was_killed(server):
    await server.add_nodes("one")
    server.registry.create(DEPLOYMENTS, "default", server.deployment("web"))  # and nobody works on it
    again = type(server)(server.store)
    pods = [stored.body() for stored in again.store.all("pods")]
    assert [pod["spec"].get("nodeName") for pod in pods] == ["one"] * 3


async def test_a_cluster_at_rest_writes_nothing(server):
    await server.add_nodes("one")
    await server.ask("POST", "/apis/apps/v1/namespaces/default/deployments", server.deployment("web"))
    await server.ask("POST", "/api/v1/namespaces/default/services", server.service("web"))
    server.run()
    revision = server.store.revision
    type(server)(server.store)
    assert server.store.revision == revision


async def test_a_defect_in_one_request_is_an_answer_and_ends_nothing(server, caplog, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(server.store, "all", broken)
        assert (await server.api.handle(server.request("GET", "/api/v1/pods"))).status == 500
    assert "ZeroDivisionError" in caplog.text
    assert await server.names("/api/v1/pods") == []
