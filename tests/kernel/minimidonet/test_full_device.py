"""A device that is really full: a tmpfs of two megabytes in a mount namespace of its own."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from midonet_kubernetes.exchange import Request
from midonet_kubernetes.midonet_api import HttpTransport
from midonet_kubernetes.minimidonet.store.store import Store

pytestmark = pytest.mark.kernel

BALLAST = 1 << 20
JSON = {"Content-Type": "application/json", "Accept": "application/json"}
WRITERS = 8


@pytest.fixture
def device(tmp_path):
    """The id of a process in whose mount namespace ``tmp_path`` is a small device."""
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        pytest.skip("unshare and nsenter (util-linux) are not installed")
    made = f"mount -t tmpfs -o size=2m tmpfs '{tmp_path}' && echo ready && exec sleep 600"
    argv = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", made)
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as holder:
        if holder.stdout.readline() != "ready\n":
            pytest.skip(f"no device of its own can be mounted here: {holder.stderr.read()}")
        yield holder.pid
        holder.kill()
        holder.communicate()


@asynccontextmanager
async def serving(device: int, store: Path):
    enter = ("nsenter", "--user", "--mount", "--preserve-credentials", f"--target={device}")
    serve = (sys.executable, "-m", "midonet_kubernetes.minimidonet.main", "serve", "--listen=127.0.0.1:0", f"--store={store}")
    process = await asyncio.create_subprocess_exec(*enter, *serve, stdout=asyncio.subprocess.PIPE)
    line = await process.stdout.readline()
    transport = HttpTransport(line.decode().split()[-1])
    try:
        yield transport
    finally:
        process.kill()  # no stop in order: what was acknowledged has to be in the file
        await process.wait()
        await transport.close()


async def post(transport: HttpTransport, name: str) -> tuple[int, bytes]:
    answer = await transport.send(Request("POST", "/midonet-api/bridges", JSON, json.dumps({"name": name}).encode()))
    return answer.status, answer.body


async def names(transport: HttpTransport) -> set[str]:
    answer = await transport.send(Request("GET", "/midonet-api/bridges", JSON))
    return {bridge["name"] for bridge in json.loads(answer.body)}


async def fill(transport: HttpTransport, writer: int) -> tuple[set[str], bytes]:
    """Write until there is no room; what was acknowledged, and the refusal."""
    written: set[str] = set()
    while True:
        name = f"{writer}-{len(written)}-".ljust(250, "x")
        status, body = await post(transport, name)
        if status != 201:
            assert status == 507, body
            return written, body
        written.add(name)


async def test_a_full_device_is_507_and_what_was_acknowledged_is_there_after_a_kill(device, tmp_path):
    inside = Path(f"/proc/{device}/root{tmp_path}")
    (inside / "ballast").write_bytes(bytes(BALLAST))
    async with serving(device, tmp_path / "store") as transport:
        done = await asyncio.gather(*(fill(transport, writer) for writer in range(WRITERS)))
        written = set().union(*(names for names, _ in done))
        assert all(b"no room left on the device" in body for _, body in done)
        assert written
        assert await names(transport) == written
        (inside / "ballast").unlink()
        assert (await post(transport, "later"))[0] == 201
    async with serving(device, tmp_path / "store") as transport:
        assert await names(transport) == written | {"later"}
    shutil.copytree(inside, tmp_path / "copy")
    store = Store.open(str(tmp_path / "copy" / "store"))
    assert {bridge["name"] for bridge in store.tables.all("Bridge").values()} == written | {"later"}
    await store.close()
