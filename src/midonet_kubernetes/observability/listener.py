"""The HTTP listener of a program: metrics, health, profiles."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from midonet_kubernetes.errors import MachineError, MidonetKubeError
from midonet_kubernetes.observability import profiles

Check = Callable[[], str]
"""Says what is wrong in words, or "" when all is well."""
Report = Callable[[], Any]
Action = Callable[[], Awaitable[Any]]

_LONGEST_PROFILE = 300.0
_PPROF = "application/octet-stream"


class Listener:
    """A running listener. ``address`` is where it really listens, also when port 0 was asked for."""

    def __init__(self, runner: web.AppRunner, address: tuple[str, int]) -> None:
        self._runner, self.address = runner, address

    async def close(self) -> None:
        """Stop listening. Closing twice is fine."""
        await self._runner.cleanup()


async def serve(
    listen: tuple[str, int],
    *,
    registry: CollectorRegistry,
    health: Mapping[str, Check] | None = None,
    ready: Mapping[str, Check] | None = None,
    reports: Mapping[str, Report] | None = None,
    actions: Mapping[str, Action] | None = None,
) -> Listener:
    """Serve ``/metrics``, ``/healthz``, ``/readyz``, ``/debug/pprof/`` and what the program adds.

    Args:
        listen: host ("" for all addresses) and port.
        registry: whose metrics.
        health: what must hold for the program to be alive, by name; it is restarted otherwise.
        ready: what must hold for it to do its work.
        reports: by path, what a GET of it answers as JSON.
        actions: by path, what a POST to it does; its result is answered as JSON, a MidonetKubeError as 503 with its text.

    Raises:
        MachineError: the address cannot be listened on.
    """
    app = web.Application()
    app.router.add_get("/metrics", _metrics(registry))
    app.router.add_get("/healthz", _checks(health or {}))
    app.router.add_get("/readyz", _checks(ready or {}))
    for path, handler in _PROFILES.items():
        app.router.add_get("/debug/pprof/" + path, handler)
    for path, report in (reports or {}).items():
        app.router.add_get(path, _report(report))
    for path, action in (actions or {}).items():
        app.router.add_post(path, _action(action))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, listen[0] or None, listen[1])
    try:
        await site.start()
    except OSError as error:
        await runner.cleanup()
        raise MachineError(
            f"cannot listen on {listen[0]}:{listen[1]} ({error.strerror}); choose another MIDONETKUBE_LISTEN"
        ) from error
    host, port = runner.addresses[0][:2]
    return Listener(runner, (host, port))


def _metrics(registry: CollectorRegistry) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    return answer


def _checks(checks: Mapping[str, Check]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_request: web.Request) -> web.Response:
        lines, status = [], 200
        for name, check in checks.items():
            wrong = check()
            status = 503 if wrong else status
            lines.append(f"[-] {name}: {wrong}" if wrong else f"[+] {name}: ok")
        lines.append("ok" if status == 200 else "not ok")
        return web.Response(text="\n".join(lines) + "\n", status=status)

    return answer


def _report(report: Report) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_request: web.Request) -> web.Response:
        return web.json_response(report())

    return answer


def _action(action: Action) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_request: web.Request) -> web.Response:
        try:
            return web.json_response(await action())
        except MidonetKubeError as error:
            return web.Response(status=503, text=f"{error}\n")

    return answer


async def _index(_request: web.Request) -> web.Response:
    return web.Response(text="\n".join(f"/debug/pprof/{path}" for path in sorted(filter(None, _PROFILES))) + "\n")


async def _cmdline(_request: web.Request) -> web.Response:
    return web.Response(text="\0".join(sys.argv))


async def _cpu(request: web.Request) -> web.Response:
    try:
        seconds = float(request.query.get("seconds", "30"))
    except ValueError:
        return web.Response(status=400, text=f"seconds={request.query['seconds']!r} is no number\n")
    return web.Response(body=await profiles.cpu(min(max(seconds, 0.01), _LONGEST_PROFILE)), content_type=_PPROF)


async def _heap(_request: web.Request) -> web.Response:
    return web.Response(body=profiles.heap(), content_type=_PPROF)


async def _goroutine(request: web.Request) -> web.Response:
    if request.query.get("debug", "0") != "0":
        return web.Response(text=profiles.goroutine_text())
    return web.Response(body=profiles.goroutine(), content_type=_PPROF)


async def _symbol(_request: web.Request) -> web.Response:
    return web.Response(text="num_symbols: 0\n")  # every profile brings its own names


_PROFILES: Mapping[str, Callable[[web.Request], Awaitable[web.Response]]] = {
    "": _index,
    "cmdline": _cmdline,
    "profile": _cpu,
    "heap": _heap,
    "goroutine": _goroutine,
    "symbol": _symbol,
}
