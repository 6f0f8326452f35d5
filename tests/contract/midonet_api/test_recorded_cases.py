"""Requests that a real MidoNet answered, asked again of minimidonet: over HTTP, in this process, or of MIDONET_API.

``cases.json`` says what each notation means; ``derived.json`` has more of them, made from MidoNet's rules, not recorded.
Cases build on each other, so all are sent, in order, once for each server. By hand: ``make contract``.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from midonet_kubernetes.exchange import Request, Response, Transport
from midonet_kubernetes.midonet_api import HttpTransport, InProcessTransport
from midonet_kubernetes.minimidonet.routes import ROUTES
from midonet_kubernetes.minimidonet.server.face import Face
from midonet_kubernetes.minimidonet.server.metrics import ServerMetrics
from midonet_kubernetes.minimidonet.server.service import Service
from midonet_kubernetes.minimidonet.store.store import Store

Case = dict[str, Any]
TABLES: Mapping[str, list[Case]] = {
    name: json.loads(Path(__file__).with_name(f"{name}.json").read_text("utf-8"))["cases"] for name in ("cases", "derived")
}
SECTIONS = sorted({(name, case["tags"][0]) for name, cases in TABLES.items() for case in cases})
REAL = os.environ.get("MIDONET_API", "")
SALT = uuid.uuid4().hex[:8] if REAL else "fixed"  # a real MidoNet may still have what an earlier run left
SPACE = uuid.UUID("8f3f1d2e-5a0b-4c55-9d3e-0c1b7f6a2d10")
UNORDERED = "body in any order"
COMPARED = ("location", "content-type", "www-authenticate", "retryafter", "retry-after", "set-cookie", "allow")
VENDOR = "application/vnd.org.midonet.{}+json"
VARIABLE = re.compile(r"\$\{([A-Za-z0-9_]+)(!u)?\}")
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
WILD = {"<int>": r"-?\d+", "<uuid>": UUID, "<mac>": r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}"}

# MidoNet breaks itself by a host without id; docs/limits.md has the reasons.
OTHERWISE = {
    "host/post-no-id": 400,
    "host/post-no-id-again": 400,
    "host/list-with-idless-host": 200,
    "host/delete-idless": 404,
}


@dataclass
class Player:
    """Sends cases and compares the answers; each difference is a line of text."""

    transport: Transport
    base: str
    names: dict[str, str] = field(default_factory=dict)
    bodies: dict[str, Any] = field(default_factory=dict)

    async def play(self, case: Case) -> list[str]:
        response = await self.transport.send(self.request(case))
        return self.differences(case, response)

    def request(self, case: Case) -> Request:
        method, path = case["do"].split(" ", 1)
        headers = {"Host": urlsplit(self.base).netloc, **case.get("headers", {})}
        for key, name in (("accept", "Accept"), ("type", "Content-Type")):
            if case.get(key) is not None:
                headers[name] = media(case[key])
        body = b""
        if "raw" in case:
            body = self.fill(case["raw"]).encode()
        elif "body_of" in case:
            body = json.dumps({**self.bodies[case["body_of"]], **self.fill(case.get("patch", {}))}).encode()
        elif "body" in case:
            body = json.dumps(self.fill(case["body"])).encode()
        if case.get("gzip"):
            body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
        return Request(method, urlsplit(self.base).path + self.fill(path), headers, body)

    def fill(self, value: Any) -> Any:
        if isinstance(value, str):
            return VARIABLE.sub(self._variable, value).replace("{B}", self.base)
        if isinstance(value, list):
            return [self.fill(item) for item in value]
        if isinstance(value, dict):
            return {self.fill(key): self.fill(item) for key, item in value.items()}
        return value

    def _variable(self, match: re.Match[str]) -> str:
        name, upper = match.groups()
        if name == "S":
            return SALT
        plain = str(uuid.uuid5(SPACE, f"{SALT}/{name}"))
        made = plain[:14] + "4" + plain[15:]
        self.names[made] = name
        return made.upper() if upper else made

    def differences(self, case: Case, response: Response) -> list[str]:
        expected = case["expect"]
        body = gzip.decompress(response.body) if response.headers.get("content-encoding") == "gzip" else response.body
        wanted = OTHERWISE.get(case["name"], expected["status"])
        if expected["status"] == 500 and "mna1315" not in case["tags"] and case["name"] != "link/post-with-portid" and not REAL:
            return [] if wanted != 500 or 400 <= response.status < 500 else [f"{response.status} is not 4xx: {body!r}"]
        if response.status != wanted:
            return [f"status {response.status} instead of {wanted}: {body[:200]!r}"]
        if wanted != expected["status"]:
            return []
        found: list[str] = []
        if "headers" in expected:
            wanted_headers = {key.lower(): value for key, value in expected["headers"].items()}
            for name in (*COMPARED, *(watched.lower() for watched in case.get("watch", ()))):
                given = shorten(name, response.headers.get(name))
                self.compare(self.fill(wanted_headers.get(name)), given, f"header {name}", found)
        answered = self._body(case, body)
        if "body" in expected:
            self.compare(self.fill(expected["body"]), answered, UNORDERED if case.get("own") else "body", found)
        return found

    def _body(self, case: Case, body: bytes) -> Any:
        text = body.decode()
        try:
            value = json.loads(text) if text else None
        except ValueError:
            return "<html>" if "<html" in text.lower() else "<text>"
        self.bodies[case["name"]] = value
        if case.get("own") and isinstance(value, list):
            value = [item for item in value if any(name in json.dumps(item) for name in (*self.names, f"auto-{SALT}"))]
        return value

    def compare(self, expected: Any, given: Any, path: str, found: list[str]) -> None:
        if expected == "<any>" and given is not None:
            return
        if isinstance(expected, dict) and isinstance(given, dict):
            for key in sorted(expected.keys() | given.keys()):
                self.compare(expected.get(key, "<nothing>"), given.get(key, "<nothing>"), f"{path}.{key}", found)
        elif isinstance(expected, list) and isinstance(given, list) and len(expected) == len(given):
            unordered = path.endswith((".violations", UNORDERED))
            for one, other in zip(expected, self._align(expected, given) if unordered else given, strict=True):
                self.compare(one, other, f"{path}[]", found)
        elif not alike(expected, given):
            found.append(f"{path}: {json.dumps(given)[:200]} instead of {json.dumps(expected)[:200]}")

    def _align(self, expected: list[Any], given: list[Any]) -> list[Any]:
        """A list without a defined order, put into the expected one."""
        rest, aligned = list(given), []
        for item in expected:
            at = next((i for i, other in enumerate(rest) if not self._differs(item, other)), 0)
            aligned.append(rest.pop(at))
        return aligned

    def _differs(self, expected: Any, given: Any) -> bool:
        found: list[str] = []
        self.compare(expected, given, "", found)
        return bool(found)


def media(short: str) -> str:
    if short == "json":
        return "application/json"
    return short if "/" in short or not short else VENDOR.format(short)


def shorten(name: str, value: str | None) -> str | None:
    if value is None:
        return None
    if name == "content-type":
        return value.split(";", maxsplit=1)[0].strip()
    return ",".join(sorted(part.strip() for part in value.split(","))) if name == "allow" else value


def alike(expected: Any, given: Any) -> bool:
    if isinstance(expected, bool) or isinstance(given, bool):
        return expected is given
    if isinstance(expected, str) and any(wild in expected for wild in WILD):
        if expected == "<int>":
            return isinstance(given, int)
        pattern = re.escape(expected)
        for wild, meaning in WILD.items():
            pattern = pattern.replace(re.escape(wild), meaning)
        return isinstance(given, str) and re.fullmatch(pattern, given) is not None
    return bool(expected == given)


async def over_http(play: Callable[[Player], Any]) -> Any:
    service = Service(Store())
    names = frozenset(route.path.split("/")[1] for route in ROUTES)
    face = Face(service, ServerMetrics(names, streams=lambda: 0, alive=lambda: 0, revision=lambda: 0))
    runner = web.ServerRunner(web.Server(face.answer, access_log=None, auto_decompress=False))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    transport = HttpTransport(url)
    try:
        return await play(Player(transport, f"{url}/midonet-api"))
    finally:
        await transport.close()
        await runner.cleanup()


async def in_process(play: Callable[[Player], Any]) -> Any:
    return await play(Player(InProcessTransport(Service(Store()).handle), "http://localhost:8181/midonet-api"))


async def at_a_real_midonet(play: Callable[[Player], Any]) -> Any:
    transport = HttpTransport(REAL)
    try:
        return await play(Player(transport, REAL.rstrip("/")))
    finally:
        await transport.close()


SERVERS: Mapping[str, Any] = {"real": at_a_real_midonet} if REAL else {"http": over_http, "in process": in_process}
_outcomes: dict[tuple[str, str], dict[str, list[str]]] = {}


async def outcomes_of(server: str, table: str) -> dict[str, list[str]]:
    async def play_all(player: Player) -> dict[str, list[str]]:
        return {case["name"]: await player.play(case) for case in TABLES[table]}

    if (server, table) not in _outcomes:
        _outcomes[server, table] = await SERVERS[server](play_all)
    return _outcomes[server, table]


@pytest.mark.parametrize(("table", "section"), SECTIONS)
@pytest.mark.parametrize("server", SERVERS)
async def test_every_answer_is_midonets(server, table, section):
    outcomes = await outcomes_of(server, table)
    names = [case["name"] for case in TABLES[table] if case["tags"][0] == section]
    assert {name: outcomes[name] for name in names if outcomes[name]} == {}
