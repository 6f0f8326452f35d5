import random

import msgspec
import pytest

from midonet_kubernetes.exchange import Request
from midonet_kubernetes.testing.mortal import running
from midonet_kubernetes.testing.objects import NODES, PODS, SERVICES, SLICES, endpoint_slice, node, pod, service
from midonet_kubernetes.testing.twins import Twins, differences
from midonet_kubernetes.testing.virtual_time import elapse

pytestmark = pytest.mark.looptime

NAMES = ("a", "b", "c")
CIDRS = ("10.1.1.0/24", "10.1.2.9/24", "10.3.0.0/31", "fd00::/64", "nonsense")
ADDRESSES = ("192.168.0.1", "fe80::1", "", "300.1.1.1", "::ffff:192.168.0.9")
MACS = ("0a:00:00:00:00:01", "0A-00-00-00-00-02", "0a00.0000.0003", "no mac", "")
HOST_IDS = ("33333333-3333-4333-8333-000000000001", "urn:uuid:33333333-3333-4333-8333-000000000002", "{bad}", "")
IPS = ("10.1.1.5", "10.1.2.6", "fd00::5", "10.1.1.999", "")


def any_node(chance, name, *, valid):
    made = node(name, NAMES.index(name) + 1)
    if valid:
        return made
    made["spec"]["podCIDR"] = chance.choice(CIDRS)
    made["status"]["addresses"] = [
        {"type": chance.choice(("InternalIP", "ExternalIP", "Hostname", "")), "address": chance.choice(ADDRESSES)}
        for _ in range(chance.randrange(3))
    ]
    if chance.random() < 0.5:
        made["metadata"]["annotations"] = {
            "midonet.org/host-id": chance.choice(HOST_IDS),
            "midonet.org/tunnel-zone-id": chance.choice(("", "x")),
            "midonet.org/tunnel-endpoint-ip": chance.choice(ADDRESSES),
            "midonet.org/mac-address": chance.choice(MACS),
        }
    return made


def any_pod(chance, name, *, valid):
    made = pod(name, chance.choice(NAMES), f"10.1.9.{ord(name)}", mac=f"0a:00:00:00:00:{ord(name):02x}")
    if valid:
        return made
    made["spec"]["nodeName"] = chance.choice((*NAMES, "nowhere"))
    made["spec"]["hostNetwork"] = chance.random() < 0.2
    made["status"]["phase"] = chance.choice(("Running", "Succeeded", "Pending", "Odd"))
    made["status"]["podIP"] = chance.choice(IPS)
    made["metadata"]["annotations"] = {"midonet.org/mac-address": chance.choice(MACS)}
    return made


def any_service(chance, name, *, valid):
    made = service(name, *chance.sample((80, 443, 53), chance.randrange(1, 4)), clusterIP=f"10.96.0.{ord(name)}")
    made["spec"].pop("selector")
    if not valid:
        made["spec"]["clusterIP"] = chance.choice(("None", "nonsense", f"10.96.0.{ord(name)}"))
        made["spec"]["ports"][0]["protocol"] = chance.choice(("TCP", "UDP", "SCTP", "XYZ"))
        made["spec"]["ports"][0]["port"] = chance.choice((80, 0, 70000))
    return made


def any_slice(chance, name, *, valid):
    addresses = [f"10.1.9.{chance.randrange(1, 9)}" for _ in range(chance.randrange(4))]
    made = endpoint_slice(f"{name}-1", name, chance.choice((80, 443)), *addresses)
    if not valid:
        made["addressType"] = chance.choice(("IPv4", "IPv6", "FQDN"))
        made["endpoints"] = [{"addresses": [chance.choice(ADDRESSES)]} for _ in range(chance.randrange(3))]
        made["ports"] = chance.choice((None, [], [{"name": None, "port": None}], [{"name": "p80", "port": 99999}]))
    return made


KINDS = ((NODES, any_node), (PODS, any_pod), (SERVICES, any_service), (SLICES, any_slice))


async def put(twins, path, made):
    """Into the store, as if the API server had let it pass."""
    for method, where in (("DELETE", f"{path}/{made['metadata']['name']}?gracePeriodSeconds=0"), ("POST", path)):
        body = msgspec.json.encode(made) if method == "POST" else b""
        response = await twins.api.handle(Request(method, where, {"Content-Type": "application/json"}, body))
    if response.status < 300 and "status" in made:
        stored = msgspec.json.decode(response.body) | {"status": made["status"]}
        where = f"{path}/{made['metadata']['name']}/status"
        await twins.api.handle(Request("PUT", where, {"Content-Type": "application/json"}, msgspec.json.encode(stored)))
    return response.status < 300


async def fresh(objects):
    twins = Twins()
    for name in NAMES:
        await twins.add_host(name)
    for path, made in objects:
        assert await put(twins, path, made)
    async with running(twins) as program:
        await twins.settle(program)
        return twins.topology()


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_came_before_the_end_is_what_a_fresh_start_makes(seed):
    chance, twins = random.Random(seed), Twins()
    for name in NAMES:
        await twins.add_host(name)
    last = {}
    async with running(twins) as program:
        for _ in range(60):
            path, make = chance.choice(KINDS)
            name = chance.choice(NAMES)
            last[path, name] = make
            await put(twins, path, make(chance, name, valid=chance.random() < 0.3))
            if chance.random() < 0.5:
                await elapse(chance.random())
            twins.cluster.settle()
        objects = []
        for (path, name), make in last.items():
            objects.append((path, make(chance, name, valid=True)))
            assert await put(twins, *objects[-1])
        await twins.settle(program)
        for _ in range(3):  # what was paced or waited
            await elapse(60.0)
            await twins.settle(program)
        assert (await program.verification.verify()).found == []
        got = twins.topology()
    assert differences(await fresh(objects), got) == []
