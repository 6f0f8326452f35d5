"""What the check tries: rows of trials, each with what has to come back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

from midonet_kubernetes.lab.check.facts import Facts, NodeFact, PodFact, ServicePortFact

T = TypeVar("T")

MOST_PAIRS = 24  # of source and target in one row; a large cluster is sampled
CONNECTIONS = 600  # of a spread
AT_ONCE = 0.5  # seconds within which a refusal has to come
SERVICE_LOG = "midonet-kube-controllers"  # where a Service that fails is to be looked for first


@dataclass(frozen=True)
class Trial:
    """One probe from one place.

    Args:
        source: where it starts: a node's name or a pod's ``namespace/name``.
        probe: what ``probe.py`` is told.
        names: who may answer; empty: it has to be refused at once.
        addresses: as which the server may see the client; empty: any.
        every: each of ``names`` has to answer, evenly.
    """

    source: str
    probe: dict[str, Any]
    names: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    every: bool = False


@dataclass(frozen=True)
class Row:
    """A line of the table; ``where`` says where to look when it fails."""

    title: str
    where: str
    trials: tuple[Trial, ...] = field(default=())


def plan(facts: Facts) -> list[Row]:
    """All rows for a cluster; a row without trials has nothing to be tried on."""
    same = _sample((a, b) for a in facts.pods for b in facts.pods if a != b and a.node == b.node)
    other = _sample((a, b) for a in facts.pods for b in facts.pods if a.node != b.node)
    here = _sample((pod, node) for pod in facts.pods for node in facts.nodes if pod.node == node.name)
    elsewhere = _sample((pod, node) for pod in facts.pods for node in facts.nodes if pod.node != node.name)
    serving = [port for port in facts.service_ports if port.pods]
    return [
        _row("pod → pod, same node", "agent and node daemon of that node", _pod_pairs(same)),
        _row("pod → pod, other node", "agents of both nodes (VXLAN)", _pod_pairs(other)),
        _row("pod → own node", "node daemon of that node", _to_nodes(facts, here)),
        _row("pod → other node", "agents of both nodes", _to_nodes(facts, elsewhere)),
        _row("node → own pod", "node daemon of that node", _from_nodes(here)),
        _row("node → other node's pod", "agents of both nodes", _from_nodes(elsewhere)),
        *(
            _row(f"pod → Service, {protocol}", SERVICE_LOG, _sample(_pods_to_services(facts, serving, protocol)))
            for protocol in ("TCP", "UDP")
        ),
        *(
            _row(f"node → Service, {protocol}", SERVICE_LOG, _sample(_nodes_to_services(facts, serving, protocol)))
            for protocol in ("TCP", "UDP")
        ),
        _row("pod → API server by its Service", SERVICE_LOG, _sample(_to_api(facts))),
        _row("pod → itself by its Service", "agent of that node (hairpin)", _sample(_hairpins(facts, serving))),
        _row("Service without endpoints: refused", SERVICE_LOG, _sample(_empty_services(facts))),
        _row("unused port of a Service: refused", "agent of that node", _unused_ports(facts)),
        *_spreads(facts, serving),
    ]


def _sample(things: Iterable[T]) -> list[T]:
    """At most ``MOST_PAIRS`` of them, evenly chosen."""
    listed = list(things)
    return listed[:: max(1, -(-len(listed) // MOST_PAIRS))]


def _row(title: str, where: str, trials: Iterable[Trial]) -> Row:
    return Row(title, where, tuple(trials))


def _probe(kind: str, address: str, port: int = 0, count: int = 1, **more: object) -> dict[str, Any]:
    return {"kind": kind.lower(), "address": address, "port": port, "count": count, **more}


def _reach(source: str, name: str, address: str, port: int | None, seen_as: frozenset[str]) -> Iterator[Trial]:
    """TCP, UDP and ping to one address."""
    if port is not None:
        for kind in ("tcp", "udp"):
            yield Trial(source, _probe(kind, address, port), frozenset({name}), seen_as)
    yield Trial(source, _probe("ping", address), frozenset({"reply"}))


def _pod_pairs(pairs: Iterable[tuple[PodFact, PodFact]]) -> Iterator[Trial]:
    for source, target in pairs:
        yield from _reach(source.key, target.name, target.ip, next(iter(target.ports), None), frozenset({source.ip}))


def _to_nodes(facts: Facts, pairs: Iterable[tuple[PodFact, NodeFact]]) -> Iterator[Trial]:
    for pod, node in pairs:
        for address in (node.internal_ip, node.pod_network_ip):
            yield from _reach(pod.key, node.name, address, facts.node_port, frozenset({pod.ip}))


def _from_nodes(pairs: Iterable[tuple[PodFact, NodeFact]]) -> Iterator[Trial]:
    for pod, node in pairs:
        seen_as = frozenset({node.pod_network_ip, node.internal_ip})
        yield from _reach(node.name, pod.name, pod.ip, next(iter(pod.ports), None), seen_as)


def _to_service(port: ServicePortFact, count: int, **more: object) -> dict[str, Any]:
    return _probe(port.protocol, port.cluster_ip, port.port, count, **more)


def _pods_to_services(facts: Facts, ports: Iterable[ServicePortFact], protocol: str) -> Iterator[Trial]:
    for port in ports:
        names = frozenset(pod.name for pod in port.pods)
        for pod in facts.pods:
            if port.protocol == protocol and pod not in port.pods:
                yield Trial(pod.key, _to_service(port, 3 * len(names)), names, frozenset({pod.ip}))


def _nodes_to_services(facts: Facts, ports: Iterable[ServicePortFact], protocol: str) -> Iterator[Trial]:
    for port in ports:
        names = frozenset(pod.name for pod in port.pods)
        for node in facts.nodes:
            if port.protocol == protocol:
                seen_as = frozenset({node.pod_network_ip, node.internal_ip})
                yield Trial(node.name, _to_service(port, 3 * len(names)), names, seen_as)


def _to_api(facts: Facts) -> Iterator[Trial]:
    if facts.api is not None:
        for pod in facts.pods:
            yield Trial(pod.key, _probe("http", *facts.api), frozenset({"HTTP"}))


def _hairpins(facts: Facts, ports: Iterable[ServicePortFact]) -> Iterator[Trial]:
    """A pod draws until it draws itself; not to have been drawn in 40 n tries has a probability of e^-40."""
    gateway = {node.name: node.gateway for node in facts.nodes}
    for port in ports:
        for pod in port.pods:
            others = frozenset(other.name for other in port.pods)
            probe = _to_service(port, 40 * len(others), until=pod.name)
            yield Trial(pod.key, probe, others, frozenset({pod.ip, gateway.get(pod.node, "")}))


def _sources(facts: Facts) -> Iterator[str]:
    """One pod of each node and each node itself."""
    seen = {pod.node: pod.key for pod in reversed(facts.pods)}
    yield from (seen[node] for node in sorted(seen))
    yield from (node.name for node in facts.nodes)


def _empty_services(facts: Facts) -> Iterator[Trial]:
    for port in facts.service_ports:
        if not port.expected:
            for source in _sources(facts):
                yield Trial(source, _to_service(port, 2))


def _unused_ports(facts: Facts) -> Iterator[Trial]:
    used: dict[str, set[int]] = {}
    for port in facts.service_ports:
        used.setdefault(port.cluster_ip, set()).add(port.port)
    for address, source in _sample((address, source) for address in used for source in _sources(facts)):
        unused = next(port for port in range(9, 65536) if port not in used[address])
        yield from (Trial(source, _probe(kind, address, unused, 2)) for kind in ("tcp", "udp"))


def _spreads(facts: Facts, ports: Iterable[ServicePortFact]) -> Iterator[Row]:
    """One row for each Service port with several endpoints: from a pod of each node when possible."""
    for port in ports:
        if len(port.pods) < 2:
            continue
        names = frozenset(pod.name for pod in port.pods)
        outside = [pod.key for pod in facts.pods if pod not in port.pods] or [node.name for node in facts.nodes]
        sources = list(islice(outside, 3))
        each = -(-CONNECTIONS // len(sources))
        trials = tuple(Trial(source, _to_service(port, each), names, every=True) for source in sources)
        yield Row(f"spread of {port.service} {port.protocol} {port.port}", SERVICE_LOG, trials)
