"""minimidonet's API: requests against the same HTTP server without anything behind it, and the streams of hosts."""

from __future__ import annotations

import asyncio
import resource
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from uuid import UUID

import msgspec
from measuring.report import Aim, Report, Table, median, percentile, plain
from measuring.sources import compiled

from midonet_kubernetes.exchange import Request
from midonet_kubernetes.minimidonet.server.service import Service
from midonet_kubernetes.minimidonet.store.store import Store
from midonet_kubernetes.testing.background import Background, free_ports, ours

HERE = Path(__file__).parent
API = "/midonet-api"
IN_FLIGHT = 64
RULE = {
    "id": "00000000-0000-4000-8000-############",
    "type": "accept",
    "dlType": 2048,
    "nwDstAddress": "10.96.0.10",
    "nwDstLength": 32,
    "nwProto": 6,
    "tpDst": {"start": 80, "end": 80},
}
CHAIN_MEDIA, RULE_MEDIA = "application/vnd.org.midonet.Chain-v1+json", "application/vnd.org.midonet.Rule-v2+json"
ROUTER_MEDIA = "application/vnd.org.midonet.Router-v3+json"
CHAIN = str(UUID(int=1))
RULES_OF_A_CHAIN = 100  # in a large store


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Args:
        rounds: of all servers in turn.
        posts: of rules, in each round.
        gets: of one object, in each round.
        lists: of all rules, in each round.
        listed: rules that a list has.
        few: objects of a small store.
        many: objects of a large store.
        hosts: connected at a time.
        changes: that all hosts need.
        idle: streams that nothing is sent to.
        starts: of a large store.
    """

    rounds: int = 7
    posts: int = 2_000
    gets: int = 4_000
    lists: int = 20
    listed: int = 10_000
    few: int = 1_000
    many: int = 200_000
    hosts: int = 100
    changes: int = 100
    idle: int = 1_000
    starts: int = 5


SMALL = Size(rounds=1, posts=70, gets=70, lists=2, listed=70, few=10, many=300, hosts=5, changes=3, idle=20, starts=1)


@dataclass
class Server:
    """A running server, and where the numbers of its next rules begin."""

    program: Background
    port: int
    number: int = 0

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return "127.0.0.1", self.port

    def ask(self, method: str, path: str, media: str = "", document: object = None) -> bytes:
        """A body of an answer of 2xx."""
        with closing(HTTPConnection(*self.address, timeout=60)) as there:
            body = msgspec.json.encode(document) if document is not None else None
            there.request(method, path, body, {"Accept": "*/*"} | ({"Content-Type": media} if media else {}))
            response = there.getresponse()
            said = response.read()
            assert response.status < 300, (method, path, response.status, said)
            return said

    def processor(self) -> float:
        """Seconds of processor time."""
        threads = Path(f"/proc/{self.program.process.pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text(encoding="ascii").split()[0]) for thread in threads) / 1e9


@dataclass
class Rates:
    """What requests of one kind took, a figure for each round.

    Args:
        rate: a second.
        processor: microseconds of the server's processor time for one.
        p50: microseconds until the answer.
        p99: the same for 99 of 100.
        megabytes: of bodies, a second.
    """

    rate: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)

    def run(self, requests: Path, server: Server, request: bytes, connections: int, count: int) -> None:
        """Send requests, and note what they took."""
        before = server.processor()
        command = [str(requests), *map(str, (*server.address, connections, count, server.number))]
        done = subprocess.run(command, input=request, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        fine, wrong, seconds, size, p50, p99 = map(float, done.stdout.split())
        assert not wrong, done.stderr.decode()
        server.number += count
        self.rate.append(fine / seconds)
        self.processor.append((server.processor() - before) * 1e6 / count)
        self.p50.append(p50)
        self.p99.append(p99)
        self.megabytes.append(size / seconds / 1e6)


def measure(size: Size, folder: Path) -> Report:
    """Measure everything."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    report = Report("midonet_api", "minimidonet's API")
    requests = compiled("requests", folder)
    with ExitStack() as stack:
        bare = stack.enter_context(_bare(folder))
        small = stack.enter_context(_minimidonet(folder / "small", size.few))
        large = stack.enter_context(_minimidonet(folder / "large", size.many))
        _requests(report, size, requests, {"minimidonet": small, "bare server": bare})
        _growth(report, size, requests, {size.few: small, size.many: large})
        _streams(report, size, small, bare)
        _unconcerned(report, size, requests, small)
    _starts(report, size, folder / "large")
    return report


@contextmanager
def _bare(folder: Path) -> Iterator[Server]:
    (port,) = free_ports(1)
    program = Background([sys.executable, HERE / "measuring" / "bare_server.py", str(port)], folder / "bare.log")
    with program:
        yield _answering(Server(program, port))


@contextmanager
def _minimidonet(folder: Path, objects: int) -> Iterator[Server]:
    """A server over a file with so many objects."""
    folder.mkdir()
    asyncio.run(_fill(folder / "store", objects))
    with _serving(folder) as server:
        yield server


@contextmanager
def _serving(folder: Path) -> Iterator[Server]:
    """A server over the file that is there."""
    (port,) = free_ports(1)
    command: list[str | Path] = [ours("minimidonet"), "serve", "--listen", f"127.0.0.1:{port}", "--store", folder / "store"]
    with Background(command, folder / "log") as program:
        yield _answering(Server(program, port))


def _answering(server: Server, seconds: float = 60.0) -> Server:
    ends_at = time.monotonic() + seconds
    with closing(socket.socket()) as probe:
        while probe.connect_ex(server.address):
            server.program.check()
            assert time.monotonic() < ends_at, server.program.tail()
            time.sleep(0.005)
    return server


async def _fill(file: Path, objects: int) -> None:
    """A store with the chain that rules are posted to, and with so many rules in other chains."""
    store = Store.open(str(file))
    service = Service(store)

    def post(path: str, media: str, document: object) -> None:
        answer = service.handle(Request("POST", API + path, {"content-type": media}, msgspec.json.encode(document)))
        assert answer.status == 201, answer

    post("/chains", CHAIN_MEDIA, {"id": CHAIN, "name": "c", "tenantId": "t"})
    chain = ""
    for number in range(objects):
        if number % RULES_OF_A_CHAIN == 0:
            chain = str(UUID(int=(1 << 64) + number))
            post("/chains", CHAIN_MEDIA, {"id": chain, "name": "c", "tenantId": "t"})
        post(f"/chains/{chain}/rules", RULE_MEDIA, RULE | {"id": str(UUID(int=(2 << 64) + number))})
    await store.close()


def _request(method: str, path: str, media: str = "", document: object = None) -> bytes:
    body = msgspec.json.encode(document) if document is not None else b""
    head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nAccept: */*\r\n"
    if body:
        head += f"Content-Type: {media}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}\r\n".encode() + body


POST_RULE = _request("POST", f"{API}/chains/{CHAIN}/rules", RULE_MEDIA, RULE)


def _requests(report: Report, size: Size, requests: Path, servers: dict[str, Server]) -> None:
    """POST, GET and LIST against the bare server; a list has exactly the rules that it is to have."""
    post, get, of_all = (
        f"POST of a rule, {IN_FLIGHT} in flight",
        f"GET of a rule, {IN_FLIGHT} in flight",
        f"LIST of {size.listed:,} rules",
    )
    first = str(RULE["id"]).replace("#" * 12, "0" * 12)
    kinds = {
        of_all: (_request("GET", f"{API}/chains/{CHAIN}/rules"), 1, size.lists),
        get: (_request("GET", f"{API}/rules/{first}"), IN_FLIGHT, size.gets),
        post: (POST_RULE, IN_FLIGHT, size.posts),
    }
    rates = {(kind, name): Rates() for kind in (post, get, of_all) for name in servers}
    for server in servers.values():
        Rates().run(requests, server, POST_RULE, IN_FLIGHT, size.listed)
    for kind, (request, connections, count) in kinds.items():
        for number in range(size.rounds):
            for name in sorted(servers, reverse=bool(number % 2)):
                rates[kind, name].run(requests, servers[name], request, connections, count)
    _tell_requests(report, size, [post, get, of_all], rates)


def _tell_requests(report: Report, size: Size, kinds: list[str], rates: dict[tuple[str, str], Rates]) -> None:
    post, *_, of_all = kinds
    rows = []
    for (kind, name), seen in rates.items():
        times = (plain(median(values) / 1e3) for values in (seen.p50, seen.p99))
        rate = f"{plain(median(seen.rate))} ({plain(percentile(seen.rate, 25))}-{plain(percentile(seen.rate, 75))})"
        rows.append((f"{kind}: {name}", rate, plain(median(seen.processor)), *times, plain(median(seen.megabytes))))
    columns = ("", "a second", "server's CPU, µs", "p50, ms", "p99, ms", "MB/s")
    note = f"medians of {size.rounds} rounds, (quarter-three quarters); minimidonet writes to a file, the bare server to none"
    report.tables.append(Table("Requests", columns, rows, note))

    def ratio(kind: str) -> float:
        return median(rates[kind, "minimidonet"].rate) / median(rates[kind, "bare server"].rate)

    report.aims += [
        Aim(f"{post}, durable, against the bare server", ratio(post), 0.5, at_least=True),
        Aim(f"{of_all}", median(rates[of_all, "minimidonet"].megabytes), 20, at_least=True, unit="MB/s"),
    ]


def _growth(report: Report, size: Size, requests: Path, servers: dict[int, Server]) -> None:
    rates = {objects: Rates() for objects in servers}
    for server in servers.values():  # the first answers have everything still to learn
        Rates().run(requests, server, POST_RULE, IN_FLIGHT, IN_FLIGHT)
    for number in range(size.rounds):
        for objects in sorted(servers, reverse=bool(number % 2)):
            rates[objects].run(requests, servers[objects], POST_RULE, 1, size.posts // 4)
    rows = [
        (f"{objects:,}", plain(median(seen.rate)), plain(median(seen.processor)), plain(median(seen.p50)))
        for objects, seen in rates.items()
    ]
    columns = ("objects", "POSTs a second", "server's CPU, µs", "p50, µs")
    report.tables.append(Table("POST of a rule, one after the other, in stores of different size", columns, rows))
    few, many = (median(seen.processor) for seen in rates.values())
    report.aims.append(Aim(f"processor time of a POST, {size.many:,} objects against {size.few:,}", many / few, 1.2))


class Streams:
    """Streams of many hosts, read as they come."""

    def __init__(self, server: Server, paths: list[str]) -> None:
        self._selector = selectors.DefaultSelector()
        self._asker = socket.create_connection(server.address)
        self._sockets = [socket.create_connection(server.address) for _ in paths]
        for made, path in zip(self._sockets, paths, strict=True):
            made.sendall(_request("GET", path))
            self._selector.register(made, selectors.EVENT_READ)
        self._take(b'"commit"', time.monotonic())

    def change(self, request: bytes) -> list[float]:
        """Milliseconds from the sending of a request until each stream has it."""
        began = time.monotonic()
        self._asker.sendall(request)
        took = self._take(b'"put"', began)
        said = self._asker.recv(1 << 16)
        assert said[9:10] == b"2", said
        return took

    def _take(self, awaited: bytes, began: float) -> list[float]:
        left, took = set(self._sockets), []
        while left:
            ready = self._selector.select(30)
            assert ready, f"{len(left)} streams are silent"
            for key, _ in ready:
                made = key.fileobj
                assert isinstance(made, socket.socket)
                if awaited in made.recv(1 << 20) and made in left:
                    took.append((time.monotonic() - began) * 1e3)
                    left.discard(made)
        return took

    def close(self) -> None:
        """End them."""
        for made in (*self._sockets, self._asker):
            made.close()
        self._selector.close()


def _host(number: int) -> str:
    return str(UUID(int=(3 << 64) + number))


def _streams(report: Report, size: Size, minimidonet: Server, bare: Server) -> None:
    for number in range(size.hosts):
        document = {"name": f"host{number}", "addresses": [], "interfaces": []}
        minimidonet.ask("PUT", f"/minimidonet/v1/hosts/{_host(number)}", "application/json", document)
    paths = [f"/minimidonet/v1/hosts/{_host(number)}/stream" for number in range(size.hosts)]
    took: dict[str, list[float]] = {"minimidonet": [], "bare broadcast": []}
    with closing(Streams(minimidonet, paths)) as ours_, closing(Streams(bare, paths)) as theirs:
        for number in range(size.changes):
            document = {"id": str(UUID(int=(4 << 64) + number)), "name": "r", "tenantId": "t"}
            took["minimidonet"] += ours_.change(_request("POST", f"{API}/routers", ROUTER_MEDIA, document))
            line = {"type": "put", "kind": "Router", "id": document["id"], "object": document}
            took["bare broadcast"] += theirs.change(_request("POST", "/broadcast", "application/json", line))
    rows = [(name, *(plain(percentile(times, percent)) for percent in (50, 99))) for name, times in took.items()]
    title = f"Milliseconds from the sending of a change until each of {size.hosts} hosts' streams has it"
    report.tables.append(Table(title, ("", "p50", "p99"), rows, "minimidonet's change is durable before it is told"))
    more = percentile(took["minimidonet"], 99) - percentile(took["bare broadcast"], 99)
    report.aims.append(Aim("a change in all streams, p99, more than a bare broadcast", more, 20, unit="ms"))
    before, _ = minimidonet.program.memory()
    with closing(Streams(minimidonet, [paths[number % size.hosts] for number in range(size.idle)])):
        memory = (minimidonet.program.memory()[0] - before) / size.idle / 1e3
    report.aims.append(Aim("memory of an idle stream", memory, 50, unit="kB"))


def _unconcerned(report: Report, size: Size, requests: Path, server: Server) -> None:
    """POSTs that no host needs, with hosts connected and without."""
    paths = [f"/minimidonet/v1/hosts/{_host(number)}/stream" for number in range(size.hosts)]
    rates = {"no host connected": Rates(), f"{size.hosts} hosts connected": Rates()}
    alone, connected = rates.values()
    for _ in range(size.rounds):
        alone.run(requests, server, POST_RULE, 1, size.posts // 4)
        with closing(Streams(server, paths)):
            connected.run(requests, server, POST_RULE, 1, size.posts // 4)
    rows = [(name, plain(median(seen.rate)), plain(median(seen.processor))) for name, seen in rates.items()]
    report.tables.append(Table("POST of a rule that no host needs", ("", "a second", "server's CPU, µs"), rows))
    ratio = median(connected.processor) / median(alone.processor)
    report.aims.append(Aim(f"processor time of a POST, {size.hosts} hosts that do not need it against none", ratio, 1.2))


def _starts(report: Report, size: Size, folder: Path) -> None:
    """From the start of the program to its first answer."""
    took = []
    for _ in range(size.starts):
        began = time.monotonic()
        with _serving(folder) as server:
            server.ask("GET", f"{API}/chains/{CHAIN}")
            took.append(time.monotonic() - began)
    report.aims.append(Aim(f"start with {size.many:,} objects until the first answer", median(took), 1, unit="s"))


def test_midonet_api(tmp_path: Path) -> None:
    measure(Size(), tmp_path).keep()
