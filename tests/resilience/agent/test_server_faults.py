"""A server that is away or answers nonsense: traffic goes on, the kernel is kept as it was, and news come soon after."""

import time
import urllib.request
from contextlib import closing

import pytest
from false_server import FalseServer, garbage, half_a_snapshot, hang_up, page, silence
from programs import SERVER, eventually, host_id, kubernetes_service
from traffic import VIP, is_right, somebody_inside, uncut

from midonet_kubernetes.linux.nftables.transaction import DeleteTable, Transaction

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

NONSENSE = {
    "html": page("200 OK"),
    "500": page("500 Internal Server Error"),
    "404": page("404 Not Found"),
    "garbage": garbage,
    "hang up": hang_up,
    "silence": silence,
}


@pytest.fixture(scope="module")
def served(world):
    """The cluster with a Service to talk through."""
    world.api.push(kubernetes_service("web", VIP, 80, ["10.244.1.4", "10.244.2.4"]))
    world.settle()
    return world


def snapshot_of(world, number):
    """The lines of a host's topology as the server sends them."""
    request = urllib.request.Request(f"{world.url}/minimidonet/v1/hosts/{host_id(number)}/stream")
    with world.cluster.wire.namespace.entered(), urllib.request.urlopen(request, timeout=5) as response:
        lines = [response.readline().rstrip(b"\n")]
        while b'"commit"' not in lines[-1]:
            lines.append(response.readline().rstrip(b"\n"))
    return lines


def bear(world, answer):
    """Let both agents have a false server, or none, for a while in which somebody takes the first one's table away."""
    world.server.kill()
    try:
        if answer is None:
            put_right_without_a_server(world)
            return
        with closing(FalseServer(world.cluster.wire, (SERVER, 8181), answer)) as false:
            eventually(lambda: heard(false))
            put_right_without_a_server(world)
    finally:
        world.server.start()
        eventually(world.api.version)


def heard(false):
    assert false.asked >= 2


def put_right_without_a_server(world):
    with somebody_inside(world) as (_, rule_sets):
        before = rule_sets.dump("midonet")
        rule_sets.apply(Transaction("midonet", operations=(DeleteTable(),)))

        def there_again():
            assert rule_sets.dump("midonet") == before

        eventually(there_again, 5)


def news_come(world, name):
    """What changes once the server is there is in both kernels within seconds."""
    began = time.monotonic()
    world.api.push(kubernetes_service(name, "10.96.0.99", 80, ["10.244.1.4"]))
    revision = world.api.version()["revision"]

    def programmed():
        assert all(world.api.status(number).get("revision", 0) >= revision for number in (1, 2))

    eventually(programmed, 5)
    print(f"news after {time.monotonic() - began:.1f} s")  # noqa: T201 - for the report
    eventually(lambda: is_right(world), 20)


@pytest.mark.parametrize("answer", [None, *NONSENSE], ids=lambda name: name or "nobody")
def test_a_false_server_cuts_no_connection_and_real_news_come_soon_after(served, answer):
    with uncut(served):
        bear(served, NONSENSE[answer] if answer else None)
        news_come(served, "late")


def test_a_topology_that_breaks_off_in_the_middle_is_not_taken_for_the_whole(served):
    lines = snapshot_of(served, 1)
    assert len(lines) > 20
    with uncut(served):
        bear(served, half_a_snapshot(lines))
        news_come(served, "late")


def test_an_agent_that_starts_before_its_server_leaves_the_kernel_alone(served):
    with uncut(served):
        served.server.kill()
        with closing(FalseServer(served.cluster.wire, (SERVER, 8181), NONSENSE["html"])) as false:
            served.agents[0].kill()
            served.agents[0].start()
            eventually(lambda: heard(false))
            assert served.cluster.hosts[0].pods[3].ask("10.244.2.3", 8080)[0] == "p2-3"
        served.server.start()
        eventually(served.api.version)
        news_come(served, "late")
