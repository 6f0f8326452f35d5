"""A client that lets others go first: Events are written when there is little else to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from midonet_kubernetes.exchange import Response
from midonet_kubernetes.kubernetes_api.client import JSON, Client

LOOK_SECONDS, PATIENCE = 0.1, 2.0


class PoliteClient(Client):
    """Sends as another client does, later while there is more important work.

    Args:
        client: sends, and is closed by its owner.
        busy: whether there is more important work.
    """

    def __init__(self, client: Client, busy: Callable[[], bool]) -> None:  # all requests go through ``send``, which is another's
        self._client, self._busy = client, busy

    async def close(self) -> None:
        """Nothing is held."""

    async def send(self, method: str, path: str, body: bytes = b"", content_type: str = JSON) -> Response:
        """Send when nobody is busy, or after two seconds."""
        patience = PATIENCE
        while patience > 0 and self._busy():
            await asyncio.sleep(LOOK_SECONDS)
            patience -= LOOK_SECONDS
        return await self._client.send(method, path, body, content_type)
