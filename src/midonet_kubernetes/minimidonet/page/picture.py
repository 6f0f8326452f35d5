"""The picture's parts: some bridges, all that they are connected to, and how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from midonet_kubernetes.minimidonet.page.question import Question
from midonet_kubernetes.minimidonet.page.tables import Row, Rows
from midonet_kubernetes.minimidonet.store.indices import Object

_MOST_ROUTERS = 20
_MOST_MARKS = 36  # ports of one device that are drawn


@dataclass(slots=True)
class _Parts:
    """What the walk over ports has met, each once."""

    routers: dict[str, None] = field(default_factory=dict)
    bridges: dict[str, None] = field(default_factory=dict)
    links: dict[frozenset[str], Row] = field(default_factory=dict)
    bindings: Counter[tuple[str, str]] = field(default_factory=Counter)


def picture(rows: Rows, question: Question) -> dict[str, Any]:
    """Bridges that match, routers (those linked to them first), the links among them, and the hosts of their ports."""
    chosen = rows.bridges(question)
    parts = _Parts(bridges=dict.fromkeys(bridge["id"] for bridge in chosen["rows"]))
    near = (_device(peer) for id_ in parts.bridges for peer in _peers(rows, id_))
    routers = rows.tables.all("Router")
    for id_ in chain((id_ for id_ in near if id_ in routers), () if question.search else routers):
        if len(parts.routers) < _MOST_ROUTERS:
            parts.routers[id_] = None
    for id_ in (*parts.routers, *parts.bridges):
        _walk(rows, parts, id_)
    hosts = dict.fromkeys(host for _, host in parts.bindings)
    return {
        "total": chosen["total"],
        "offset": chosen["offset"],
        "routers": [rows.device("Router", id_) for id_ in parts.routers],
        "routersTotal": len(routers),
        "bridges": [{**bridge, "marks": list(_marks(rows, bridge["id"]))} for bridge in chosen["rows"]],
        "links": list(parts.links.values()),
        "hosts": [rows.host(id_) for id_ in hosts],
        "bindings": [{"device": device, "host": host, "ports": count} for (device, host), count in parts.bindings.items()],
    }


def _ports(rows: Rows, device: str) -> Iterator[Object]:
    ports = rows.tables.all("Port")
    return (ports[id_] for id_ in rows.tables.find("Port", "deviceId", device))


def _peers(rows: Rows, device: str) -> Iterator[Object]:
    for port in _ports(rows, device):
        peer = rows.tables.get("Port", port["peerId"]) if port.get("peerId") else None
        if peer is not None:
            yield peer


def _device(port: Object) -> str:
    return str(port["deviceId"])


def _walk(rows: Rows, parts: _Parts, device: str) -> None:
    for port in _ports(rows, device):
        if port.get("hostId"):
            parts.bindings[device, port["hostId"]] += 1
        peer = rows.tables.get("Port", port["peerId"]) if port.get("peerId") else None
        if peer is not None and (peer["deviceId"] in parts.routers or peer["deviceId"] in parts.bridges):
            ends = frozenset((port["id"], peer["id"]))
            parts.links.setdefault(ends, {"ends": [_device(port), _device(peer)], "addresses": _addresses(port, peer)})


def _addresses(*ports: Object) -> list[str]:
    return [address for port in ports for address in port.get("portSubnet") or ()]


def _marks(rows: Rows, device: str) -> Iterable[str]:
    """One word for each of a device's ports: what it is connected to."""
    for _, port in zip(range(_MOST_MARKS), _ports(rows, device), strict=False):
        if port.get("hostId"):
            yield "bound" if rows.agents.is_alive(port["hostId"]) else "silent"
        else:
            yield "linked" if port.get("peerId") else "free"
