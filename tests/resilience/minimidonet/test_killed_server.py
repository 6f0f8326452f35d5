"""The server is killed (SIGKILL) while many clients write: what it acknowledged is there, and nothing is there by half.

By hand, more often: ``KILLS=100``.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import uuid

import pytest

from midonet_kubernetes.errors import Unreachable
from midonet_kubernetes.exchange import Request
from midonet_kubernetes.midonet_api import HttpTransport
from midonet_kubernetes.minimidonet.store.store import Store
from midonet_kubernetes.testing.virtual_time import turn

WRITERS = 64
ROUNDS = int(os.environ.get("KILLS", "3"))
JSON = {"Content-Type": "application/json"}


async def start(path: str) -> tuple[asyncio.subprocess.Process, str]:
    argv = (sys.executable, "-m", "midonet_kubernetes.minimidonet.main", "serve", "--listen=127.0.0.1:0", f"--store={path}")
    process = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE)
    line = await process.stdout.readline()
    return process, line.decode().split()[-1]


async def write(transport: HttpTransport, router: str, made: dict[str, str], gone: set[str]) -> None:
    """Make router ports (each with its Local route), delete every second one, until the server is gone."""
    try:
        while True:
            port = str(uuid.uuid4())
            body = json.dumps({"id": port, "type": "Router", "portSubnet": ["10.0.0.1/24"]}).encode()
            answer = await transport.send(Request("POST", f"/midonet-api/routers/{router}/ports", JSON, body))
            assert answer.status == 201
            made[port] = router
            if len(made) % 2:
                gone.add(port)  # from here on it may be gone
                await transport.send(Request("DELETE", f"/midonet-api/ports/{port}"))
                made.pop(port)
    except Unreachable:
        return


async def one_round(path: str, many: int) -> tuple[dict[str, str], set[str]]:
    process, url = await start(path)
    transport = HttpTransport(url, connections=WRITERS)
    made: dict[str, str] = {}
    gone: set[str] = set()
    answer = await transport.send(Request("POST", "/midonet-api/routers", JSON, b"{}"))
    router = answer.headers["location"].rpartition("/")[2]
    writers = [asyncio.create_task(write(transport, router, made, gone)) for _ in range(WRITERS)]
    while len(made) < many and not all(writer.done() for writer in writers):
        await turn()
    process.kill()
    await process.wait()
    await asyncio.gather(*writers)
    await transport.close()
    return made, gone


@pytest.mark.slow
async def test_an_acknowledged_write_survives_and_a_cascade_is_whole(tmp_path):
    path = str(tmp_path / "store")
    expected: set[str] = set()
    for number in range(ROUNDS):
        made, gone = await one_round(path, 50 + 100 * (number % 5))
        expected |= made.keys() - gone  # a delete that was under way may have happened
        store = Store.open(path)
        ports, routes = store.tables.all("Port"), store.tables.all("Route")
        assert expected <= set(ports)
        assert {route["nextHopPort"] for route in routes.values()} == set(ports)
        assert len(routes) == len(ports) > 0
        assert len({port["tunnelKey"] for port in ports.values()}) == len(ports)
        await store.close()
