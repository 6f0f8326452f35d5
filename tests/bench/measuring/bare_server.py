"""The reference for minimidonet's API: the same aiohttp server, answering from memory, without validation, store or log.

    bare_server.py PORT

POST to any path keeps the body's object under its ``id``; GET of ``…/rules`` lists all, of anything else the object whose id
is the path's end. GET of ``…/stream`` never ends, and a POST of ``…/broadcast`` sends its body to all of these.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import msgspec
from aiohttp import web

_HEADERS = {"content-type": "application/vnd.org.midonet.Rule-v2+json"}


class Bare:
    """Everything that the server knows."""

    def __init__(self) -> None:
        self._objects: dict[str, Any] = {}
        self._streams: list[web.StreamResponse] = []

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """A handler of aiohttp."""
        path = request.path
        if request.method == "POST":
            body = await request.read()
            if path.endswith("/broadcast"):
                for stream in self._streams:
                    await stream.write(body)
                return web.Response(status=204)
            made = msgspec.json.decode(body)
            self._objects[made["id"]] = made
            return web.Response(status=201, headers={"location": f"http://{request.host}/rules/{made['id']}"})
        if path.endswith("/stream"):
            return await self._stream(request)
        found = list(self._objects.values()) if path.endswith("/rules") else self._objects[path.rpartition("/")[2]]
        return web.Response(body=msgspec.json.encode(found), headers=_HEADERS)

    async def _stream(self, request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"type":"commit"}\n')
        self._streams.append(response)
        await asyncio.Event().wait()
        return response


async def _serve(port: int) -> None:
    runner = web.ServerRunner(web.Server(Bare().answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
