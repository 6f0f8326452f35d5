"""What each host needs of the whole topology, kept up to date change by change.

=========================================================================  =============================================
objects                                                                    who needs them
=========================================================================  =============================================
routers, bridges, their filters; ports of routers; interior bridge ports;  every host
routes; hosts and tunnels; groups; the home of each bridge
a bridge port that is bound to an interface                                its host; every host if others have ports of the
                                                                           bridge too
a chain and its rules                                                      who needs a filter that leads to it
entries of a bridge's MAC and ARP tables                                   the host where the bridge has bound ports; every
                                                                           host if there are several
a bridge port neither bound nor linked                                     nobody
=========================================================================  =============================================

One change costs what it changes: no call walks all objects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from midonet_kubernetes.topology.audience import EVERYONE, ChainAudience
from midonet_kubernetes.topology.change import Change

Key = tuple[str, str]  # kind and id
Document = dict[str, Any]  # an object with REST field names

_NOBODY: frozenset[str] = frozenset()
_ALL: frozenset[str] = frozenset((EVERYONE,))
_TABLES = frozenset(("MacPort", "Ip4Mac"))
_STEP = 2_000
_FILTERS = ("inboundFilterId", "outboundFilterId", "localRedirectChainId", "forwardChainId")


class Views:
    """The views of all hosts over one topology."""

    def __init__(self) -> None:
        self._objects: dict[Key, Document] = {}
        self._hosts: set[str] = set()
        self._shared: dict[Key, None] = {}  # what every host needs
        self._own: dict[str, dict[Key, None]] = {}  # what a host needs besides
        self._rules: dict[str, set[str]] = {}  # of a chain
        self._tables: dict[str, set[Key]] = {}  # MAC and ARP entries of a bridge
        self._bound: dict[str, set[str]] = {}  # ids of the bound ports of a bridge
        self._homes: dict[str, Counter[str]] = {}  # their number by host
        self._chains = ChainAudience(self._touch_chain)
        self._touched: dict[Key, tuple[frozenset[str], Document | None]] = {}  # as it was before this call

    def fill(self, objects: Mapping[str, Mapping[str, Document]]) -> Iterator[None]:
        """Take in a whole topology, by kind and id, as ``apply`` of all its objects would, but without looking for news.

        Only for views that are empty, and nothing else may be asked of them until the steps are all done.

        Yields:
            After some thousand objects, so that whoever has other things to do can take it in steps.
        """
        for kind, documents in objects.items():
            for number, (id_, document) in enumerate(documents.items(), 1):
                key = (kind, id_)
                self._objects[key] = document
                self._refer(key, document, adding=True)
                if number % _STEP == 0:
                    yield
        # All references are known from here on: each object's audience is looked up once, and a chain's once for all its rules.
        of_chains: dict[str, frozenset[str]] = {}
        for number, (key, document) in enumerate(self._objects.items(), 1):
            self._list_parts(key, None, document)
            if key[0] == "Rule":
                chain = document["chainId"]
                audience = of_chains.get(chain)
                if audience is None:
                    audience = of_chains[chain] = self._audience(key)
            else:
                audience = self._audience(key)
            self._list(key, _NOBODY, audience)
            if number % _STEP == 0:
                yield
        self._touched = {}

    def apply(self, changes: Iterable[Change]) -> dict[str, list[Change]]:
        """Take in changes of the topology that belong together (one commit).

        Args:
            changes: in order; a later one about the same object wins. ``BridgeHome`` is derived here, never given.

        Returns:
            For each host with a Host object what is new for it: an object appears once, as it is now, or as gone. Hosts
            for which nothing changed are left out. A host whose Host object came with this call has to start from
            ``snapshot``: what it missed while it was unknown is not repeated.
        """
        self._touched = {}
        for change in changes:
            self._take(change)
        return self._difference()

    def snapshot(self, host_id: str) -> list[Change]:
        """Everything that the host needs now."""
        keys = (*self._shared, *self._own.get(host_id, ()))
        return [Change(kind, id_, self._objects[kind, id_]) for kind, id_ in keys]

    def _take(self, change: Change) -> None:
        key = (change.kind, change.id)
        self._touch(key)
        old, new = self._objects.get(key), change.object
        # The new references come before the old ones go, so that what both name is not taken away in between.
        if new is not None:
            self._objects[key] = new
            self._refer(key, new, adding=True)
        if old is not None:
            self._refer(key, old, adding=False)
        self._list_parts(key, old, new)
        if new is None:
            self._objects.pop(key, None)

    def _refer(self, key: Key, document: Document, *, adding: bool) -> None:
        """Count (or stop counting) what an object refers to."""
        kind = key[0]
        if kind == "Rule":  # most objects are rules
            if target := document.get("jumpChainId"):
                (self._chains.add_jump if adding else self._chains.remove_jump)(document["chainId"], target)
            return
        for audience in _audience_of_filters(kind, document):
            for name in _FILTERS:
                if chain := document.get(name):
                    (self._chains.add_filter if adding else self._chains.remove_filter)(chain, audience)
        if kind == "Port" and _is_bound(document):
            self._count_home(document["deviceId"], document["hostId"], 1 if adding else -1)

    def _list_parts(self, key: Key, old: Document | None, new: Document | None) -> None:
        """Keep the lists of hosts, of a chain's rules and of a bridge's table entries."""
        kind, id_ = key
        if kind == "Host":
            (self._hosts.add if new is not None else self._hosts.discard)(id_)
        elif kind == "Rule":
            _move(self._rules, id_, _name(old, "chainId"), _name(new, "chainId"))
        elif kind in _TABLES:
            _move(self._tables, key, _name(old, "bridgeId"), _name(new, "bridgeId"))
        elif kind == "Port":
            _move(self._bound, id_, _bridge_of(old), _bridge_of(new))

    def _count_home(self, bridge: str, host: str, step: int) -> None:
        homes = self._homes.setdefault(bridge, Counter())
        moves = homes[host] + min(step, 0) == 0  # the bridge comes to the host, or leaves it
        if moves:
            self._touch(("BridgeHome", bridge))
            for entry in self._tables.get(bridge, ()):
                self._touch(entry)
            for port in self._bound.get(bridge, ()):
                self._touch(("Port", port))
        homes[host] += step
        if moves and step < 0:
            del homes[host]
        if not homes:
            del self._homes[bridge]
            del self._objects["BridgeHome", bridge]
        elif moves:
            self._objects["BridgeHome", bridge] = {"id": bridge, "hostIds": sorted(homes)}

    def _touch_chain(self, chain: str) -> None:
        self._touch(("Chain", chain))
        for rule in self._rules.get(chain, ()):
            self._touch(("Rule", rule))

    def _touch(self, key: Key) -> None:
        """Remember how an object was and who needed it, before either changes."""
        if key not in self._touched:
            self._touched[key] = self._audience(key), self._objects.get(key)

    def _audience(self, key: Key) -> frozenset[str]:
        document = self._objects.get(key)
        if document is None:
            return _NOBODY
        kind, id_ = key
        if kind == "Chain":
            return self._chains.of(id_)
        if kind == "Rule":
            return self._chains.of(document["chainId"])
        if kind == "Port":
            return self._of_bridge(document["deviceId"]) if _is_bound(document) else frozenset(_audience_of_port(document))
        if kind in _TABLES:
            return self._of_bridge(document["bridgeId"])
        return _ALL

    def _of_bridge(self, bridge: str) -> frozenset[str]:
        """Who needs to know where the addresses of a bridge are."""
        homes = self._homes.get(bridge, ())
        return _ALL if len(homes) > 1 else frozenset(homes)

    def _difference(self) -> dict[str, list[Change]]:
        news: dict[str, list[Change]] = {}
        for key, (before, old) in self._touched.items():
            after, new = self._audience(key), self._objects.get(key)
            if before == after and new == old:
                continue
            self._list(key, before, after)
            had, need = self._named(before), self._named(after)
            for host in need if new != old else need - had:
                news.setdefault(host, []).append(Change(*key, new))
            for host in had - need:
                news.setdefault(host, []).append(Change(*key, None))
        return news

    def _named(self, audience: frozenset[str]) -> frozenset[str] | set[str]:
        """The known hosts among an audience."""
        return self._hosts if EVERYONE in audience else audience & self._hosts

    def _list(self, key: Key, before: frozenset[str], after: frozenset[str]) -> None:
        for audience in before - after:
            if audience == EVERYONE:
                del self._shared[key]
            else:
                del self._own[audience][key]
                if not self._own[audience]:
                    del self._own[audience]
        for audience in after - before:
            (self._shared if audience == EVERYONE else self._own.setdefault(audience, {}))[key] = None


def _is_bound(port: Document) -> bool:
    return port["type"] == "Bridge" and bool(port.get("hostId"))


def _bridge_of(port: Document | None) -> str | None:
    """The bridge that a bound port belongs to."""
    return port["deviceId"] if port is not None and _is_bound(port) else None


def _audience_of_port(port: Document) -> Iterator[str]:
    if _is_bound(port):
        yield port["hostId"]
    elif port["type"] == "Router" or port.get("peerId"):
        yield EVERYONE


def _audience_of_filters(kind: str, document: Document) -> Iterator[str]:
    """Who needs the filters of an object, if it is of a kind that has filters."""
    if kind in {"Bridge", "Router"}:
        yield EVERYONE
    elif kind == "Port":
        yield from _audience_of_port(document)


def _name(document: Document | None, field: str) -> str | None:
    return None if document is None else document[field]


def _move(index: dict[str, set[Any]], item: object, old: str | None, new: str | None) -> None:
    """Move ``item`` from the set named ``old`` to the one named ``new``; None: from or to nowhere."""
    if old == new:
        return
    if old is not None:
        index[old].discard(item)
        if not index[old]:
            del index[old]
    if new is not None:
        index.setdefault(new, set()).add(item)
