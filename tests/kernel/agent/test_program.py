import pytest
from programs import kubernetes_service

pytestmark = [pytest.mark.kernel, pytest.mark.slow]
VIP = "10.96.0.10"


def test_a_cluster_works_through_server_and_agents(world):
    one, two = world.cluster.hosts
    a, c = one.pods[3], two.pods[3]
    assert a.ask("10.244.2.3", 8080) == ("p2-3", "10.244.1.3")
    assert a.ask("192.0.2.2", 6443) == ("node2", "10.244.1.3")
    world.api.push(kubernetes_service("web", VIP, 80, ["10.244.1.4", "10.244.2.4"]))
    world.settle()
    assert {c.ask(VIP, 80)[0] for _ in range(40)} == {"p1-4", "p2-4"}
    assert {one.own.ask(VIP, 80)[0] for _ in range(40)} == {"p1-4", "p2-4"}
    assert world.differences(one) == world.differences(two) == []
