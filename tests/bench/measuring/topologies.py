"""MidoNet topologies: made by the translator, taken in by minimidonet's API without a port, and a server over them."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from measuring.cluster_objects import NAMES, endpoint_addresses, host_id, node_manifest, node_translations, service_translations
from measuring.networks import Namespaces
from midonet_kubernetes.exchange import Request
from midonet_kubernetes.linux.kernel import Namespace
from midonet_kubernetes.minimidonet.server.service import Service
from midonet_kubernetes.minimidonet.store.store import MEMORY, Store
from midonet_kubernetes.model.resource_kinds import KINDS
from midonet_kubernetes.model.translation import Resource, Translation
from midonet_kubernetes.testing.background import Background, ours
from midonet_kubernetes.topology.change import Change
from midonet_kubernetes.topology.view import Views
from midonet_kubernetes.translate import global_objects

ADDRESS = ("127.0.0.1", 8181)
API = "/midonet-api"
JSON = {"content-type": "application/json", "accept": "application/json"}


class Topology:
    """A topology under construction, and what it means for each host.

    Args:
        file: of the store; it can be served when the topology is closed.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._store = Store.open(str(file) if file else MEMORY)
        self._service = Service(self._store)
        self._views = Views()
        self._news: list[Change] = []
        self._store.subscribe(lambda _revision, changes: self._news.extend(changes))
        self.push(global_objects.translations(NAMES))

    def add_node(self, name: str, pod_cidr: str, address: str) -> dict[str, Any]:
        """A Node and its host; the Node's manifest."""
        manifest = node_manifest(name, pod_cidr, address)
        self._handle("PUT", f"/minimidonet/v1/hosts/{host_id(name)}", {"name": name, "addresses": [address], "interfaces": []})
        self.push(node_translations(manifest))
        return manifest

    def add_services(self, numbers: range, endpoints: int) -> None:
        """Services with so many endpoints each."""
        for number in numbers:
            self.push(service_translations(number, endpoint_addresses(number, endpoints)))

    def push(self, translations: Iterable[Translation]) -> None:
        """Do what the pusher would do with new Translations."""
        for translation in translations:
            for resource in translation.resources:
                path, media, body = creation(resource)
                answer = self._service.handle(Request("POST", path, {"content-type": media}, body))
                assert answer.status < 300, answer

    def retire(self, translations: Iterable[Translation]) -> None:
        """Delete what Translations hold."""
        for translation in translations:
            for resource in translation.resources:
                self._handle("DELETE", deletion(resource), None)

    def news(self) -> dict[str, list[Change]]:
        """What each host needs to know of the changes since the last call."""
        self._store.flush()
        news, self._news = self._news, []
        return self._views.apply(news)

    def snapshot(self, host: str) -> list[Change]:
        """All that a host needs."""
        self.news()
        return self._views.snapshot(host)

    async def close(self) -> None:
        """Write what is waiting and let the file go."""
        await self._store.close()

    def _handle(self, method: str, path: str, document: Any) -> None:
        body = msgspec.json.encode(document) if document is not None else b""
        answer = self._service.handle(Request(method, path, JSON, body))
        assert answer.status < 300, answer


def creation(resource: Resource) -> tuple[str, str, bytes]:
    """Path, media type and body of the POST that makes a resource."""
    kind = KINDS[resource.kind]
    body = msgspec.json.decode(resource.body)
    return API + kind.collection_path(resource.parent, body), kind.media_type, resource.body.encode()


def deletion(resource: Resource) -> str:
    """Path of the DELETE that takes a resource away."""
    kind = KINDS[resource.kind]
    return API + kind.item_path(resource.parent, kind.id_of(resource.parent, msgspec.json.decode(resource.body)))


@contextmanager
def connection(namespace: Namespace, address: tuple[str, int] = ADDRESS) -> Iterator[http.client.HTTPConnection]:
    """A connection to a server in a namespace."""
    made = http.client.HTTPConnection(*address, timeout=60)
    with namespace.entered():
        made.connect()
    try:
        yield made
    finally:
        made.close()


def ask(there: http.client.HTTPConnection, method: str, path: str, media: str = "", body: bytes = b"") -> tuple[int, bytes]:
    """Status and body of an answer."""
    there.request(method, path, body or None, {"content-type": media} if media else {})
    response = there.getresponse()
    return response.status, response.read()


def wait_for(namespace: Namespace, address: tuple[str, int], path: str, program: Background, seconds: float = 120.0) -> None:
    """Until a program answers 200.

    Raises:
        AssertionError: it does not; with the end of its log.
    """
    ends_at = time.monotonic() + seconds
    while True:
        with suppress(OSError, http.client.HTTPException), connection(namespace, address) as there:
            if ask(there, "GET", path)[0] == 200:
                return
        program.check()
        assert time.monotonic() < ends_at, f"{program.name} does not answer {path}: {program.tail()}"
        time.sleep(0.01)


def serve(namespaces: Namespaces, namespace: Namespace, file: Path) -> Background:
    """``minimidonet serve`` in a namespace."""
    program = namespaces.program(namespace, [ours("minimidonet"), "serve", "--listen", "127.0.0.1:8181", "--store", file])
    wait_for(namespace, ADDRESS, "/readyz", program)
    return program
