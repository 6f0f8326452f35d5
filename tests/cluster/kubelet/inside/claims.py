import contextlib
import json
import shutil
from ipaddress import ip_address, ip_network

import aiohttp
import pytest

from midonet_kubernetes.kubernetes_api.kinds import TRANSLATION
from midonet_kubernetes.lab.cluster import midonet_url
from midonet_kubernetes.node.state import State
from midonet_kubernetes.testing import kubelet_pods as pods
from midonet_kubernetes.testing.background import until
from midonet_kubernetes.testing.kubelet_cluster import DATAPATH, STATE
from midonet_kubernetes.testing.kubelet_pods import HTTP, UDP

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOST_PORT, CROWD = 30080, 50
PAIRS = [("client-1", "web-1"), ("client-1", "web-2"), ("client-2", "web-1"), ("client-2", "web-2")]
PORTS = [("http", HTTP), ("udp", UDP)]
SERVICE_PORTS = [("http", 80), ("udp", 81)]


async def get(url):
    """From outside of the cluster."""
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return await answer.read()


def hosts(answers):
    """Of ``address:port``, the addresses."""
    return {answer.rpartition(":")[0] for answer in answers}


async def test_a_pod_has_an_address_of_its_nodes_pod_cidr(cluster):
    nodes = {node["metadata"]["name"]: node for node in (await cluster.read("/api/v1/nodes"))["items"]}
    for pod in (await cluster.pods()).values():
        network = ip_network(nodes[pod["spec"]["nodeName"]]["spec"]["podCIDR"])
        assert ip_address(pod["status"]["podIP"]) in network


@pytest.mark.parametrize(("client", "server"), PAIRS)
async def test_pods_reach_each_other_and_see_each_others_own_address(cluster, address, client, server):
    for protocol, port in PORTS:
        assert await cluster.dial(client, address[server], port, protocol=protocol) == [server]
        assert hosts(await cluster.dial(client, address[server], port, "clientip", protocol=protocol)) == {address[client]}


@pytest.mark.parametrize("client", ["client-1", "client-2"])
async def test_a_service_leads_to_all_of_its_pods_and_they_see_the_clients_address(cluster, address, client):
    for protocol, port in SERVICE_PORTS:
        answers = await cluster.dial(client, address["service web"], port, protocol=protocol, tries=40)
        assert (len(answers), set(answers)) == (40, {"web-1", "web-2"})
        answers = await cluster.dial(client, address["service web"], port, "clientip", protocol=protocol, tries=10)
        assert hosts(answers) == {address[client]}


async def test_a_pod_reaches_itself_by_its_service(cluster, address):
    for protocol, port in SERVICE_PORTS:
        assert await cluster.dial("client-2", address["service alone"], port, protocol=protocol, tries=3) == ["client-2"] * 3


@pytest.mark.parametrize("client", ["client-1", "client-2"])
async def test_a_service_without_endpoints_refuses_at_once(cluster, address, client):
    for protocol, port in SERVICE_PORTS:
        (answer,) = await cluster.dial(client, address["service nobody"], port, protocol=protocol)
        assert "connection refused" in answer


@pytest.mark.parametrize("pod", ["asking-1", "asking-2"])
async def test_a_pod_asks_the_api_server_as_its_service_account(cluster, pod):
    async def asked():
        said = await cluster.kubectl("logs", pod)
        assert "status=failed" not in said
        return said.count("calling /healthz") > 2

    await until("answers of the API server", asked)


@pytest.mark.parametrize("client", ["client-1", "client-2"])
async def test_commands_run_in_pods(cluster, address, client):
    assert await cluster.kubectl("exec", client, "--", "cat", "/etc/hostname") == f"{client}\n"
    await cluster.kubectl("exec", client, "--", "/agnhost", "connect", "--timeout=3s", f"{address['service web']}:80")
    assert "GET /dial" in await cluster.kubectl("logs", client)


@pytest.mark.parametrize("client", ["client-1", "client-2", "web-2"])
async def test_a_host_port_is_reached_from_pods(cluster, client):
    for protocol, _ in PORTS:
        assert await cluster.dial(client, cluster.nodes[1].address, HOST_PORT, protocol=protocol, tries=2) == ["web-2"] * 2


async def test_a_host_port_is_reached_from_outside_of_the_cluster(cluster):
    assert await get(f"http://{cluster.nodes[1].address}:{HOST_PORT}/hostname") == b"web-2"


async def beats(cluster):
    return (await cluster.kubectl("logs", "beating-2")).count("beat")


@pytest.mark.parametrize("program", ["kubelet", "containerd", "midonet-kube-node", "minimidonet-agent"])
async def test_a_program_that_is_killed_cuts_no_connection_and_new_pods_start_after_it(cluster, address, program):
    before = await beats(cluster)
    await cluster.kill(program, "node-2")
    name = f"after-{program}"
    await cluster.apply(pods.web(name, "node-2", "late"))
    await cluster.until_ready(name)
    for protocol, port in PORTS:
        assert await cluster.dial(name, address["web-1"], port, protocol=protocol) == ["web-1"]
        assert await cluster.dial("client-1", (await cluster.pods())[name]["status"]["podIP"], port, protocol=protocol) == [name]
    await cluster.kubectl("delete", "pod", name)
    assert (await cluster.pods())["beating-2"]["status"]["phase"] == "Running"

    async def goes_on():
        return await beats(cluster) >= before + 4

    await until("more beats", goes_on)


def in_kernel(cluster, path):
    """Links, addresses, routes, forwarding entries and the virtual network's neighbours, in words."""
    with (
        contextlib.closing(cluster.kernel.open_namespace(str(path))) as namespace,
        contextlib.closing(cluster.kernel.routing(namespace)) as routing,
    ):
        pinned = [one for one in routing.neighbours() if one.link not in {"eth0", "lo"}]
        found = [*routing.links(), *routing.addresses(), *routing.routes(), *routing.forwarding(), *pinned]
    return set(map(repr, found))


async def everything(cluster):
    """What there is, place by place."""
    found = {}
    for node in cluster.nodes:
        machine = cluster.machines[node.name]
        found[f"{node.name}: network"] = in_kernel(cluster, node.network)
        found[f"{node.name}: datapath"] = in_kernel(cluster, machine.path(DATAPATH))
        copy = cluster.place.folder / f"state-{node.name}"  # sqlite cannot follow the path into the node's file systems
        shutil.copytree(machine.path(STATE), copy, dirs_exist_ok=True)
        with contextlib.closing(State(copy)) as state:
            found[f"{node.name}: addresses"] = {(one.pod, one.address) for one in state.attachments()}
            found[f"{node.name}: annotations to write"] = {one.pod for one in state.annotations()}
        found[f"{node.name}: namespaces"] = {path.name for path in machine.path(DATAPATH).parent.iterdir()}
    found["Translations"] = {one.metadata.name for one in await cluster.client.list(TRANSLATION)}
    objects = json.loads(await get(f"{midonet_url(cluster.nodes)}/minimidonet/v1/topology"))["objects"]
    found["MidoNet"] = {f"{kind} {id_}" for kind, of_kind in objects.items() for id_ in of_kind}
    return found


async def settled(cluster):
    """Everything, once all places have the same pods."""
    pods, found = set(await cluster.pods()), await everything(cluster)
    assert pods == {pod.partition("/")[2] for node in cluster.nodes for pod, _ in found[f"{node.name}: addresses"]}
    assert pods == {name.rpartition(".")[2] for name in found["Translations"] if name.startswith("pod.")}
    assert differences(found, await everything(cluster)) == {}
    return found


def differences(before, after):
    """What is new and what is missing, in each place."""
    changed = [place for place in before if before[place] != after[place]]
    return {place: (sorted(after[place] - before[place]), sorted(before[place] - after[place])) for place in changed}


async def test_fifty_pods_come_and_go_at_once_and_leave_nothing(cluster):
    before = await until("the end of earlier pods", lambda: settled(cluster))
    await cluster.apply(*(pods.idle(f"crowd-{number}", "crowd") for number in range(CROWD)))

    async def all_there():
        found = await cluster.pods("crowd")
        waiting = [name for name, pod in found.items() if pod["status"]["phase"] != "Running"]
        assert not waiting
        return found

    found = await until("fifty running pods", all_there, seconds=90, every=0.5)
    assert len({pod["status"]["podIP"] for pod in found.values()}) == CROWD
    assert {pod["spec"]["nodeName"] for pod in found.values()} == {"node-1", "node-2"}
    assert differences(before, await everything(cluster))
    await cluster.kubectl("delete", "pod", "--selector=app=crowd", "--wait=false")

    async def all_gone():
        assert differences(before, await everything(cluster)) == {}
        return not await cluster.pods("crowd")

    await until("nothing of fifty pods", all_gone, seconds=90, every=1.0)
