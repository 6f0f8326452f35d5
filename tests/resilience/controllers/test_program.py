"""The program as a process, between two servers."""

import asyncio
import contextlib
import ipaddress
import json
import os
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.embedded.api import Api
from midonet_kubernetes.kubernetes_api.embedded.cluster import Cluster, Networks
from midonet_kubernetes.kubernetes_api.embedded.http_face import HttpFace, Listeners
from midonet_kubernetes.kubernetes_api.embedded.registry import Registry
from midonet_kubernetes.kubernetes_api.embedded.store import Store
from midonet_kubernetes.kubernetes_api.embedded.transport import EmbeddedTransport
from midonet_kubernetes.kubernetes_api.kinds import LEASE, TRANSLATION
from midonet_kubernetes.testing.objects import NODES, node

PROGRAM = Path(sys.executable).with_name("midonet-kube-controllers")
NETWORKS = Networks(ipaddress.IPv4Network("10.1.0.0/16"), ipaddress.IPv4Network("10.96.0.0/16"))


@contextlib.asynccontextmanager
async def kubernetes():
    api = Api(Registry(Store()))
    cluster = asyncio.create_task(Cluster(api.registry, NETWORKS).run())
    face = HttpFace(api, Listeners([("127.0.0.1", 0)]))
    (url,) = await face.start()
    try:
        yield url, Client(EmbeddedTransport(api))
    finally:
        await face.stop()
        cluster.cancel()
        await asyncio.wait({cluster})


@contextlib.asynccontextmanager
async def process(*arguments, **environment):
    clean = {name: value for name, value in os.environ.items() if "MIDONET" not in name}
    started = await asyncio.create_subprocess_exec(
        *arguments, env=clean | environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


@contextlib.asynccontextmanager
async def midonet():
    async with process(PROGRAM.with_name("minimidonet"), "serve", "--listen", "127.0.0.1:0") as server:
        line = (await asyncio.wait_for(server.stdout.readline(), 20)).decode()
        yield next(word for word in line.split() if word.startswith("http"))


def kubeconfig(folder, url):
    file = folder / "kubeconfig"
    file.write_text(
        json.dumps(
            {
                "clusters": [{"name": "c", "cluster": {"server": url}}],
                "users": [{"name": "u", "user": {"token": "hunter2"}}],
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                "current-context": "c",
            }
        )
    )
    return str(file)


async def until(holds):
    async with asyncio.timeout(30):
        while not await holds():
            await asyncio.wait({asyncio.ensure_future(asyncio.Event().wait())}, timeout=0.05)


async def test_the_program_does_its_work_between_two_servers_and_says_goodbye(tmp_path):
    async with kubernetes() as (url, client), midonet() as address, aiohttp.ClientSession() as session:
        await client.send("POST", NODES, json.dumps(node("n1", 1)).encode())
        host = {"id": "11111111-0000-4000-8000-000000000000", "name": "n1"}
        media = "application/vnd.org.midonet.Host-v3+json"
        async with session.post(f"{address}/hosts", json=host, headers={"Content-Type": media}) as answer:
            assert answer.status == 201, await answer.text()
        settings = {
            "MIDONETKUBE_KUBECONFIG": kubeconfig(tmp_path, url),
            "MIDONETKUBE_MIDONET_API": address,
            "MIDONETKUBE_LISTEN": "127.0.0.1:0",
            "MIDONETKUBE_LOG_LEVEL": "debug",
        }
        async with process(PROGRAM, **settings) as program:

            async def pushed():
                found = {one.metadata.name: one for one in await client.list(TRANSLATION)}
                status = found["node.4.n1"].status if "node.4.n1" in found else None
                return status is not None and status.conditions[0].status == "True"

            await until(pushed)
            begun = asyncio.get_running_loop().time()
            program.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(program.wait(), 10) == 0
            lease = await client.get(LEASE, "midonet-kube-controllers", namespace="kube-system")
            assert not lease.spec.holder_identity
            assert asyncio.get_running_loop().time() - begun < 5.0
            _, errors = await program.communicate()
            assert b"hunter2" not in errors


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"MIDONETKUBE_MIDONET_API": "localhost"}, "MIDONETKUBE_MIDONET_API='localhost' is not allowed: an http or https URL"),
        ({"MIDONETKUBE_ENABLED_CONTROLLERS": "node,cat"}, "MIDONETKUBE_ENABLED_CONTROLLERS='node,cat' is not allowed: a comma"),
        ({"MIDONETKUBE_LISTEN": "x"}, "MIDONETKUBE_LISTEN='x' is not allowed: HOST:PORT"),
        ({"MIDONETKUBE_KUBECONFIG": "/nowhere"}, "the kubeconfig /nowhere cannot be read"),
        ({}, "set MIDONETKUBE_KUBECONFIG to a kubeconfig file"),
    ],
    ids=["url", "controllers", "listen", "kubeconfig", "no Pod"],
)
async def test_a_wrong_setting_stops_the_start_and_says_what_is_allowed(settings, said):
    async with process(PROGRAM, **settings) as program:
        _, errors = await asyncio.wait_for(program.communicate(), 20)
        assert program.returncode == 2
        assert said in errors.decode()


async def test_help_lists_every_setting_with_its_default():
    async with process(PROGRAM, "--help") as program:
        out, _ = await asyncio.wait_for(program.communicate(), 20)
        assert program.returncode == 0
        for line in (b"MIDONETKUBE_TENANT", b"(default: midonetkube)", b"MIDONETKUBE_MIDONET_PASSWORD"):
            assert line in out
