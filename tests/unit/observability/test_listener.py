import asyncio
import gzip
import os
import shutil
import threading

import aiohttp
import pytest

from midonet_kubernetes.errors import MachineError
from midonet_kubernetes.observability import Metrics, serve
from midonet_kubernetes.observability.metrics import CONTROLLERS


@pytest.fixture
async def fetch():
    state = {"wrong": ""}
    listener = await serve(
        ("127.0.0.1", 0),
        registry=Metrics(CONTROLLERS).registry,
        health={"loop": lambda: ""},
        ready={"caches": lambda: state["wrong"]},
    )
    async with aiohttp.ClientSession(f"http://127.0.0.1:{listener.address[1]}") as session:

        async def get(path):
            async with session.get(path) as response:
                return response.status, await response.read()

        get.state, get.url = state, f"http://127.0.0.1:{listener.address[1]}"
        yield get
    await listener.close()
    await listener.close()


async def test_metrics_are_served_as_prometheus_text(fetch):
    status, body = await fetch("/metrics")
    assert status == 200
    assert b"# TYPE midonet_kube_controllers_leader gauge" in body


async def test_readiness_names_what_is_missing_and_health_does_not_care(fetch):
    fetch.state["wrong"] = "nodes are not listed yet"
    assert await fetch("/readyz") == (503, b"[-] caches: nodes are not listed yet\nnot ok\n")
    assert await fetch("/healthz") == (200, b"[+] loop: ok\nok\n")
    fetch.state["wrong"] = ""
    assert await fetch("/readyz") == (200, b"[+] caches: ok\nok\n")


@pytest.mark.parametrize("path", ["heap", "goroutine", "profile?seconds=0.05"])
async def test_profiles_are_gzipped_protocol_buffers(fetch, path):
    status, body = await fetch("/debug/pprof/" + path)
    assert status == 200
    assert len(gzip.decompress(body)) > 20


async def test_the_index_lists_the_profiles(fetch):
    _, body = await fetch("/debug/pprof/")
    assert body.split() == [b"/debug/pprof/" + path for path in (b"cmdline", b"goroutine", b"heap", b"profile", b"symbol")]


async def test_a_profile_of_no_number_of_seconds_is_refused(fetch):
    assert await fetch("/debug/pprof/profile?seconds=x") == (400, b"seconds='x' is no number\n")


async def test_goroutine_for_a_reader_names_this_test(fetch):
    _, body = await fetch("/debug/pprof/goroutine?debug=1")
    assert b"test_goroutine_for_a_reader_names_this_test" in body


def busy(stop):
    while not stop.is_set():
        sum(range(1000))


@pytest.mark.skipif(shutil.which("go") is None, reason="needs go: the judge is go tool pprof")
@pytest.mark.parametrize(
    ("path", "expected"),
    [("heap", "builtins.dict"), ("goroutine", "test_listener"), ("profile?seconds=0.3", "busy")],
)
async def test_go_tool_pprof_reads_every_profile(fetch, path, expected, tmp_path):
    stop = threading.Event()
    thread = threading.Thread(target=busy, args=(stop,))
    thread.start()
    try:
        process = await asyncio.create_subprocess_exec(
            "go", "tool", "pprof", "-top", "-nodecount=400", f"{fetch.url}/debug/pprof/{path}",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PPROF_TMPDIR": str(tmp_path)},
        )  # fmt: skip
        out, err = await process.communicate()
    finally:
        stop.set()
        thread.join()
    assert process.returncode == 0, err.decode()
    assert expected in out.decode()


async def test_a_busy_port_says_what_to_change():
    registry = Metrics(CONTROLLERS).registry
    first = await serve(("127.0.0.1", 0), registry=registry)
    try:
        with pytest.raises(MachineError, match="MIDONETKUBE_LISTEN"):
            await serve(first.address, registry=registry)
    finally:
        await first.close()
