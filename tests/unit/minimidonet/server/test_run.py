from __future__ import annotations

import asyncio
import socket

import pytest

from midonet_kubernetes.errors import MachineError, UserError
from midonet_kubernetes.exchange import Request
from midonet_kubernetes.midonet_api import HttpTransport
from midonet_kubernetes.minimidonet.auth.access import OpenAccess
from midonet_kubernetes.minimidonet.quirks import Quirks
from midonet_kubernetes.minimidonet.server.run import Options, check_addresses, serve
from midonet_kubernetes.minimidonet.store.store import Store


def options(*hosts: str, port: int = 0, **others) -> Options:
    return Options(listen=tuple((host, port) for host in hosts), store=":memory:", quirks=Quirks(), **others)


@pytest.mark.parametrize("host", ["0.0.0.0", "", "192.0.2.1", "::", "example.org"])
def test_a_server_that_lets_everybody_in_stays_on_this_machine(host):
    with pytest.raises(UserError, match="--users"):
        check_addresses(options("127.0.0.1", host))
    check_addresses(options(host, allow_anonymous=True))
    check_addresses(options(host, access=OpenAccess()))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_a_server_on_this_machine_needs_no_users(host):
    check_addresses(options(host))


async def test_it_tells_each_real_address_and_stops_when_told(tmp_path):
    said: list[str] = []
    stop, ready = asyncio.Event(), asyncio.Event()

    def say(line: str) -> None:
        said.append(line)
        if len(said) == 2:
            ready.set()

    wanted = Options(listen=(("127.0.0.1", 0), ("127.0.0.1", 0)), store=str(tmp_path / "s"), quirks=Quirks())
    task = asyncio.create_task(serve(wanted, say=say, stop=stop))
    await ready.wait()
    urls = [line.removeprefix("minimidonet: serving ") for line in said]
    assert len(set(urls)) == 2
    for url in urls:
        transport = HttpTransport(url)
        answer = await transport.send(
            Request("POST", "/midonet-api/chains", {"Content-Type": "application/json"}, b'{"name": "c"}')
        )
        assert answer.status == 201
        await transport.close()
    stop.set()
    await task
    store = Store.open(str(tmp_path / "s"))
    assert [chain["name"] for chain in store.tables.all("Chain").values()] == ["c", "c"]
    await store.close()


async def test_an_address_in_use_is_said_and_the_store_is_let_go(tmp_path):
    path = str(tmp_path / "s")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted = Options(listen=(("127.0.0.1", taken.getsockname()[1]),), store=path, quirks=Quirks())
        with pytest.raises(MachineError, match="choose another --listen"):
            await serve(wanted, say=lambda _: None, stop=asyncio.Event())
    await Store.open(path).close()
