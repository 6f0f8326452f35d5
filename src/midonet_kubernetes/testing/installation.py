"""Our programs as processes at a real Kubernetes API: minimidonet, and controllers with the permissions of their manifest."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
import msgspec
from prometheus_client.parser import text_string_to_metric_families

from midonet_kubernetes.midonet_api import Client as MidonetClient
from midonet_kubernetes.midonet_api import HttpTransport
from midonet_kubernetes.observability.metrics import LEADER, PUSHED, QUEUE_DEPTH, STATUS_DEPTH, WANTED
from midonet_kubernetes.testing.background import Background, free_ports, ours, until
from midonet_kubernetes.testing.real_kubernetes import RealKubernetes
from midonet_kubernetes.testing.twins import host_id

CONTROLLERS = "midonet-kube-controllers"
MIDONET_REQUESTS = "minimidonet_requests_total"
_SERVING = re.compile(r"serving (http\S+)")
_HOST = "application/vnd.org.midonet.Host-v3+json"


@dataclass(frozen=True)
class Samples:
    """What ``/metrics`` says.

    Args:
        samples: name, labels and value of each.
    """

    samples: tuple[tuple[str, Mapping[str, str], float], ...] = ()

    def sum(self, name: str, **labels: str) -> float:
        """The sum of the samples of that name that have these labels; 0 when there are none."""
        return sum(value for found, having, value in self.samples if found == name and labels.items() <= having.items())


async def metrics(address: str) -> Samples:
    """Ask a program for its metrics.

    Args:
        address: ``http://HOST:PORT``.
    """
    async with aiohttp.ClientSession() as session, session.get(f"{address}/metrics") as answer:
        text = await answer.text()
    families = text_string_to_metric_families(text)
    return Samples(tuple((one.name, one.labels, one.value) for family in families for one in family.samples))


@dataclass(frozen=True)
class Replica:
    """A process of the controllers.

    Args:
        process: the process.
        address: where its metrics, health and profiles are.
    """

    process: Background
    address: str

    async def metrics(self) -> Samples:
        """What it says of itself; nothing while it does not listen yet."""
        try:
            return await metrics(self.address)
        except aiohttp.ClientError:
            return Samples()

    async def listens(self) -> bool:
        """Whether it can be asked."""
        return bool((await self.metrics()).samples)

    async def ready(self) -> bool:
        """Whether it knows what the APIs hold."""
        try:
            async with aiohttp.ClientSession() as session, session.get(f"{self.address}/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def leads(self) -> bool:
        """Whether it leads."""
        return (await self.metrics()).sum(LEADER.name) == 1

    async def done(self) -> bool:
        """Whether it leads and knows of nothing left to push; statuses may still be waiting."""
        said = await self.metrics()
        if not said.sum(LEADER.name) or said.sum(QUEUE_DEPTH.name):
            return False
        return 0 < said.sum(WANTED.name) == said.sum(PUSHED.name)

    async def settled(self) -> bool:
        """Whether all that it knows is pushed, and every status is written."""
        return await self.done() and not (await self.metrics()).sum(STATUS_DEPTH.name)


class Installation:
    """minimidonet and any number of controllers, for as long as the context lasts.

    Args:
        kubernetes: the API, in which ``deploy/`` is applied.
        directory: for logs.
        token: of the controllers' ServiceAccount.
    """

    def __init__(self, kubernetes: RealKubernetes, directory: Path, token: str) -> None:
        self.kubernetes, self._directory, self._token = kubernetes, directory, token
        self._stack = ExitStack()

    async def __aenter__(self) -> Self:
        await self.start_midonet()
        return self

    async def __aexit__(
        self, type_: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.midonet.close()
        await asyncio.to_thread(self._stack.close)

    async def start_midonet(self) -> None:
        """Start a minimidonet that has nothing."""
        (port,) = free_ports(1)
        log = self._directory / "minimidonet.log"
        argv: list[str | Path] = [ours("minimidonet"), "serve", f"--listen=127.0.0.1:{port}"]
        self.midonet_process = self._stack.enter_context(Background(argv, log))

        async def serving() -> bool:
            return bool(_SERVING.search(log.read_text(encoding="utf-8")))

        await until("minimidonet serving", serving, programs=[self.midonet_process])
        self.midonet_address = f"http://127.0.0.1:{port}"
        self.midonet = MidonetClient(HttpTransport(self.midonet_address))

    async def add_host(self, name: str) -> str:
        """Register a host as its agent would; its id."""
        body = msgspec.json.encode({"id": host_id(name), "name": name})
        answer = await self.midonet.request("POST", "/hosts", content_type=_HOST, body=body)
        assert answer.ok, answer
        return host_id(name)

    def start(self, name: str = "controllers", **environment: str) -> Replica:
        """Start a replica, which ends with the context if not before.

        Args:
            name: of its log.
            environment: more settings.
        """
        (port,) = free_ports(1)
        settings = {
            "MIDONETKUBE_KUBECONFIG": str(self.kubernetes.kubeconfig(self._token, name=CONTROLLERS)),
            "MIDONETKUBE_MIDONET_API": f"{self.midonet_address}/midonet-api",
            "MIDONETKUBE_LISTEN": f"127.0.0.1:{port}",
            **environment,
        }
        process = Background([ours(CONTROLLERS)], self._directory / f"{name}.log", settings)
        return Replica(self._stack.enter_context(process), f"http://127.0.0.1:{port}")

    @contextmanager
    def running(self, name: str = "controllers", **environment: str) -> Iterator[Replica]:
        """A replica that ends with the inner context."""
        replica = self.start(name, **environment)
        try:
            yield replica
        finally:
            replica.process.stop()

    async def midonet_writes(self) -> int:
        """How many requests minimidonet was sent that are not reading, refused ones included."""
        said = await metrics(self.midonet_address)
        return round(sum(said.sum(MIDONET_REQUESTS, method=method) for method in ("POST", "PUT", "DELETE")))
