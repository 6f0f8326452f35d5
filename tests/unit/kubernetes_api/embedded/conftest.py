from __future__ import annotations

import ipaddress
import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from midonet_kubernetes.exchange import Request, Response
from midonet_kubernetes.kubernetes_api.embedded import deletion
from midonet_kubernetes.kubernetes_api.embedded.api import Api
from midonet_kubernetes.kubernetes_api.embedded.cluster import Cluster, Networks
from midonet_kubernetes.kubernetes_api.embedded.kinds.pods import PODS
from midonet_kubernetes.kubernetes_api.embedded.registry import Registry
from midonet_kubernetes.kubernetes_api.embedded.store import Key, Store

NETWORKS = Networks(ipaddress.IPv4Network("10.244.0.0/16"), ipaddress.IPv4Network("10.96.0.0/16"), ("172.16.0.1", 6443))


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Kubelets:
    """Every node's kubelet: Pods that have a node run and become ready, and are confirmed when they are deleted."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.addresses = map(str, ipaddress.IPv4Network("10.244.0.0/16").hosts())

    def work(self) -> None:
        for stored in self.registry.store.all("pods"):
            pod, key = stored.body(), stored.key
            if not pod["spec"].get("nodeName"):
                continue
            if "deletionTimestamp" in pod["metadata"]:
                deletion.delete(self.registry, PODS, key.namespace, key.name, deletion.Options(grace=0))
            elif not pod["status"].get("podIP"):
                self.report(key, ready=True, podIP=next(self.addresses))

    def report(self, key: Key, *, ready: bool, **status: Any) -> None:
        condition = {"type": "Ready", "status": str(ready)}
        self.registry.update(
            PODS,
            key.namespace,
            key.name,
            lambda pod: pod | {"status": pod["status"] | status | {"phase": "Running", "conditions": [condition]}},
            status=True,
        )


class Server:
    """An API with its cluster, spoken to in memory; every request is followed by the controllers' work."""

    def __init__(self, store: Store | None = None) -> None:
        self.clock = Clock()
        self.store = store or Store()
        self.registry = Registry(self.store, clock=self.clock)
        self.api = Api(self.registry, bookmark_interval=10.0)
        self.cluster = Cluster(self.registry, NETWORKS)
        self.kubelets = Kubelets(self.registry)
        self.cluster.settle()

    @staticmethod
    def request(method: str, path: str, body: Any = None, media: str = "application/json", **headers: str) -> Request:
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        return Request(method, path, {"Content-Type": media, **headers}, content)

    async def send(self, method: str, path: str, body: Any = None, media: str = "application/json", **headers: str) -> Response:
        answer = await self.api.handle(self.request(method, path, body, media, **headers))
        self.cluster.settle()
        return answer

    async def ask(self, method: str, path: str, body: Any = None, media: str = "application/json", **headers: str) -> Any:
        answer = await self.send(method, path, body, media, **headers)
        decoded = json.loads(answer.body)
        assert answer.status < 300, decoded
        return decoded

    async def refuse(self, method: str, path: str, body: Any = None, media: str = "application/json") -> Any:
        answer = await self.send(method, path, body, media)
        assert answer.status >= 400, answer.body
        status = json.loads(answer.body)
        assert (status["kind"], status["status"], status["code"]) == ("Status", "Failure", answer.status)
        return status

    async def get(self, path: str) -> Any:
        return await self.ask("GET", path)

    async def names(self, path: str) -> list[str]:
        return [item["metadata"]["name"] for item in (await self.get(path))["items"]]

    def run(self) -> None:
        """Let kubelets and controllers work until nothing changes any more."""
        for _ in itertools.count():
            before = self.store.revision
            self.cluster.settle()
            self.kubelets.work()
            if self.store.revision == before:
                return

    async def add_nodes(self, *names: str) -> None:
        for name in names:
            status = {"conditions": [{"type": "Ready", "status": "True"}]}
            await self.ask("POST", "/api/v1/nodes", {"metadata": {"name": name}, "status": status})

    @staticmethod
    def config_map(name: str, **metadata: Any) -> dict[str, Any]:
        return {"metadata": {"name": name, **metadata}, "data": {"a": "1"}}

    @staticmethod
    def pod(name: str, **spec: Any) -> dict[str, Any]:
        return {
            "metadata": {"name": name, "labels": {"app": name}},
            "spec": {"containers": [{"name": "c", "image": "c:1"}], **spec},
        }

    @staticmethod
    def service(name: str, **spec: Any) -> dict[str, Any]:
        return {"metadata": {"name": name}, "spec": {"selector": {"app": name}, "ports": [{"port": 80}], **spec}}

    @staticmethod
    def deployment(name: str, replicas: int = 3, image: str = "c:1", **spec: Any) -> dict[str, Any]:
        labels = {"app": name}
        container = {"name": "c", "image": image, "ports": [{"name": "http", "containerPort": 8080}]}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
        return {
            "metadata": {"name": name},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template, **spec},
        }


@pytest.fixture(scope="session")
def server_type() -> type[Server]:
    return Server


@pytest.fixture
def server() -> Server:
    return Server()
