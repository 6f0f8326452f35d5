"""Which links, addresses, routes and neighbours to write or remove. Pure.

The node daemon makes the ports' links, and a pod's route and neighbour before the topology knows them. So links named
``mido…`` that the topology does not know are left alone, and so is what hangs on a port that has no address yet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from midonet_kubernetes.topology.host_network import Address, ForwardingEntry, Link, Neighbour, Route
from midonet_kubernetes.topology.host_state import TUNNEL_LINK, HostState

LOOPBACK = "lo"

Entry = Address | Route | Neighbour | ForwardingEntry
"""What hangs on links. At most one under each ``key``: writing replaces."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing to do.

    Args:
        verb: "add", "set" or "remove" a link, "answer at once" or "merge nothing" on one, "write" or "remove" an entry.
        subject: what it is done to.
    """

    verb: str
    subject: Link | Entry

    @property
    def gives_mac(self) -> bool:
        """Whether it gives a link that is there another MAC, with which the kernel forgets the link's neighbours."""
        return self.verb == "set" and isinstance(self.subject, Link) and bool(self.subject.mac)

    def __str__(self) -> str:
        return f"{self.verb} {self.subject}"


@dataclass(frozen=True)
class Found:
    """What is in the namespace.

    Args:
        links: by name.
        delays: how long each link waits before it answers for others (proxy ARP), milliseconds.
        entries: addresses, routes, neighbours and forwarding entries.
        merges: whether the tunnel link merges packets that it receives.
    """

    links: Mapping[str, Link] = field(default_factory=dict)
    delays: Mapping[str, int] = field(default_factory=dict)
    entries: tuple[Entry, ...] = ()
    merges: bool = False


def comparison(wanted: HostState, found: Found) -> list[Operation]:
    """What makes ``found`` what is wanted, as far as the ports' links are there."""
    of_links = list(_link_operations(wanted, found))
    removed = {
        operation.subject.name for operation in of_links if operation.verb == "remove" and isinstance(operation.subject, Link)
    }
    added = {operation.subject.name for operation in of_links if operation.verb == "add" and isinstance(operation.subject, Link)}
    readdressed = {
        operation.subject.name for operation in of_links if operation.gives_mac and isinstance(operation.subject, Link)
    }
    there = _by_key(
        entry
        for entry in found.entries
        if entry.link not in removed and not (isinstance(entry, Neighbour) and entry.link in readdressed)
    )
    wanted_entries = _by_key(_entries(wanted))
    links = (found.links.keys() - removed) | added
    missing = [entry for entry in _over(wanted_entries.values(), links) if there.get(key(entry)) != entry]
    settled = {neighbour.link for neighbour in wanted.neighbours.values()} | {LOOPBACK, TUNNEL_LINK, ""}
    extra = [entry for key, entry in there.items() if key not in wanted_entries and _is_ours(entry, settled, wanted)]
    return [*of_links, *_in_order(missing, extra)]


def step(before: HostState, after: HostState, links: Collection[str]) -> list[Operation]:
    """What follows from a step, but for links themselves.

    Args:
        before: what differs, as it was.
        after: what differs, as it shall be.
        links: names of the links that are there; what hangs on others waits for them.
    """
    old, new = _by_key(_entries(before)), _by_key(_entries(after))
    missing = [*_over(new.values(), links)]
    gone = [entry for key, entry in old.items() if key not in new and (not entry.link or entry.link in links)]
    return _in_order(missing, gone)


def key(entry: Entry) -> tuple[object, ...]:
    """What the kernel tells entries apart by."""
    match entry:
        case Address():
            return "address", entry.link, entry.address
        case Route():
            return "route", entry.destination, entry.metric
        case Neighbour():
            return "neighbour", entry.link, entry.address
        case ForwardingEntry():
            return "forwarding", entry.link, entry.mac


def _link_operations(wanted: HostState, found: Found) -> Iterator[Operation]:
    for name, link in wanted.links.items():
        actual = found.links.get(name)
        if link.kind == "vxlan":
            yield from _tunnel_operations(link, actual, found)
        elif actual is not None:
            if actual.up != link.up or (link.mac and actual.mac != link.mac):
                yield Operation("set", _setting(replace(link, mtu=0), actual))
            if found.delays.get(name) != 0:
                yield Operation("answer at once", link)
    stale = found.links.get(TUNNEL_LINK)
    if stale is not None and TUNNEL_LINK not in wanted.links:
        yield Operation("remove", stale)


def _tunnel_operations(link: Link, actual: Link | None, found: Found) -> Iterator[Operation]:
    if actual is not None and (actual.kind, actual.vxlan) != (link.kind, link.vxlan):
        yield Operation("remove", actual)
        actual = None
    if actual is None:
        yield Operation("add", link)
        return
    if (actual.mac, actual.mtu, actual.up) != (link.mac, link.mtu, link.up):
        yield Operation("set", _setting(link, actual))
    if found.merges:
        yield Operation("merge nothing", link)


def _setting(link: Link, actual: Link) -> Link:
    """What to set: without the MAC that the link has already, for the kernel forgets neighbours whenever it is set."""
    return replace(link, mac="") if link.mac == actual.mac else link


def _is_ours(entry: Entry, settled: Collection[str], wanted: HostState) -> bool:
    """Whether an entry that nobody wants is to go: not on a link of somebody else, nor on a port whose addresses are to come."""
    if isinstance(entry, Address):
        return entry.link in settled and not entry.address.startswith("127.")
    return entry.link in settled or (entry.link not in wanted.links and not entry.link.startswith("mido"))


def _entries(state: HostState) -> Iterator[Entry]:
    yield from state.addresses.values()
    yield from state.neighbours.values()
    yield from state.forwarding.values()
    yield from state.routes.values()


def _over(entries: Iterable[Entry], links: Collection[str]) -> Iterator[Entry]:
    """The entries that the links which are there can carry; of several next hops those that they can."""
    for entry in entries:
        if not isinstance(entry, Route) or not entry.hops:
            if not entry.link or entry.link in links:
                yield entry
            continue
        hops = tuple(hop for hop in entry.hops if hop.link in links)
        if len(hops) == 1:
            yield replace(entry, hops=(), link=hops[0].link, via=hops[0].via)
        elif hops:
            yield replace(entry, hops=hops)


def _by_key(entries: Iterable[Entry]) -> dict[tuple[object, ...], Entry]:
    return {key(entry): entry for entry in entries}


def _in_order(missing: Iterable[Entry], gone: Iterable[Entry]) -> list[Operation]:
    """What others need first: addresses are sources of routes, host routes lead to gateways. Removals in the opposite order."""
    return [
        *(Operation("write", entry) for entry in sorted(missing, key=_rank)),
        *(Operation("remove", entry) for entry in sorted(gone, key=_rank, reverse=True)),
    ]


def _rank(entry: Entry) -> int:
    match entry:
        case Address():
            return 0
        case Neighbour() | ForwardingEntry():
            return 1
        case Route():
            return 3 if entry.via or entry.hops else 2
