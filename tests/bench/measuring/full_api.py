"""Serves a large, settled cluster from memory: ``full_api.py PORT NODES PODS SERVICES ENDPOINTS``.

SIGUSR1 ends all watches and forgets the history, so that every client has to list again.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from measuring.report import say
from measuring.settled_cluster import fill
from midonet_kubernetes.exchange import Request, StreamedResponse
from midonet_kubernetes.kubernetes_api.embedded.api import Api
from midonet_kubernetes.kubernetes_api.embedded.controllers.first_objects import FirstObjects
from midonet_kubernetes.kubernetes_api.embedded.http_face import HttpFace, Listeners
from midonet_kubernetes.kubernetes_api.embedded.registry import Registry
from midonet_kubernetes.kubernetes_api.embedded.store import Key, Store
from midonet_kubernetes.testing.cluster_load import Load


class TellingApi(Api):
    """Says who has listed everything: a watch begins where a list ended."""

    def stream(self, request: Request) -> AbstractAsyncContextManager[StreamedResponse]:
        """See ``Api``."""
        say(f"watch {request.path.partition('?')[0]}")
        return super().stream(request)


async def serve(port: int, load: Load) -> None:
    """Serve until killed."""
    registry = Registry(Store())
    FirstObjects(registry, "10.96.0.1", None).reconcile(())
    for _ in fill(registry, load):
        pass
    again = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, again.set)
    while True:
        face = HttpFace(TellingApi(registry), Listeners([("127.0.0.1", port)]))
        say(f"serving {(await face.start())[0]}")
        await again.wait()
        again.clear()
        await face.stop()
        kubernetes = Key("services", "default", "kubernetes")
        registry.store.put(kubernetes, registry.store.get(kubernetes).body())  # so that nobody has seen the latest change
        registry.store.forget_history()


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    asyncio.run(serve(numbers[0], Load(*numbers[1:])))
