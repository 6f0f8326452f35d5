"""What a rule set does to the first packet of a connection: ``rule_set`` interpreted, to test the compiler without a kernel.

Random numbers are followed to all ends, so the answer is a set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from midonet_kubernetes.topology import rule_set as rs

Headers = Mapping[rs.Field, bytes]

ACCEPT, DROP, REFUSE, FALL, TRANSLATED = "accept", "drop", "refuse", "fall", "translated"


@dataclass(frozen=True, slots=True)
class Fate:
    """How a packet ends.

    Args:
        verdict: ``accept``, ``drop`` or ``refuse``.
        interface: by which it leaves, "" when it does not.
        source: address.
        destination: address and port.
        source_translated: whether the source is not the sender's.
    """

    verdict: str
    interface: str = ""
    source: bytes = b""
    destination: bytes = b""
    source_translated: bool = False


class RuleSetMachine:
    """A table at work.

    Args:
        table: complete.
        route: interface by which packets to an address leave; "" for none.
    """

    def __init__(self, table: rs.Table, route: Callable[[bytes], str]) -> None:
        self.table, self._route = table, route
        self._chains = {chain.name: chain for chain in table.chains}
        self._intervals = {value.name for value in table.sets if value.intervals}

    def fates(self, headers: Headers) -> set[Fate]:
        """Everything that may become of a packet.

        Args:
            headers: as it enters; with IIFNAME and all fields that rules may look at.
        """
        first = {rs.Field.CT_DIRECTION: b"\0", rs.Field.CT_STATUS: bytes(4), rs.Field.MARK: bytes(4)}
        found = set[Fate]()
        for verdict, entered in self._hook("prerouting", {**first, **headers}):
            if verdict != ACCEPT:
                found.add(Fate(verdict))
                continue
            interface = self._route(entered[rs.Field.IP_DADDR])
            if not interface:
                found.add(Fate(DROP))
                continue
            for later, left in self._rest({**entered, rs.Field.OIFNAME: interface.encode()}):
                found.add(self._fate(later, headers, left, interface))
        return found

    def _rest(self, headers: Headers) -> Iterator[tuple[str, Headers]]:
        for verdict, forwarded in self._hook("forward", headers):
            if verdict == ACCEPT:
                yield from self._hook("postrouting", forwarded)
            else:
                yield verdict, forwarded

    @staticmethod
    def _fate(verdict: str, before: Headers, after: Headers, interface: str) -> Fate:
        if verdict != ACCEPT:
            return Fate(verdict)
        source, destination = after[rs.Field.IP_SADDR], after[rs.Field.IP_DADDR] + after[rs.Field.TH_DPORT]
        return Fate(ACCEPT, interface, source, destination, source_translated=source != before[rs.Field.IP_SADDR])

    def _hook(self, point: str, headers: Headers) -> list[tuple[str, Headers]]:
        """All base chains of a hook. NAT chains run at NAT's own priority, and end with the first that translates."""
        ways: list[tuple[str, Headers, bool]] = [(ACCEPT, headers, False)]
        for chain in self._base_chains(point):
            nat = chain.hook is not None and chain.hook.type == "nat"
            further: list[tuple[str, Headers, bool]] = []
            for verdict, now, translated in ways:
                if verdict != ACCEPT or (nat and translated):
                    further.append((verdict, now, translated))
                    continue
                for result, then in self._chain(chain.name, now):
                    done = ACCEPT if result in {FALL, TRANSLATED} else result
                    further.append((done, then, translated or result == TRANSLATED))
            ways = further
        return [(verdict, now) for verdict, now, _ in ways]

    def _base_chains(self, point: str) -> list[rs.Chain]:
        def order(chain: rs.Chain) -> tuple[int, int]:
            assert chain.hook is not None
            at = {"prerouting": -100, "postrouting": 100}.get(point, 0) if chain.hook.type == "nat" else chain.hook.priority
            return at, chain.hook.priority

        return sorted((c for c in self.table.chains if c.hook is not None and c.hook.point == point), key=order)

    def _chain(self, name: str, headers: Headers) -> list[tuple[str, Headers]]:
        ends: list[tuple[str, Headers]] = []
        ways = [headers]
        for rule in self._chains[name].rules:
            going = []
            for now in ways:
                for verdict, then in self._statements(rule.statements, now):
                    if verdict:
                        ends.append((FALL if verdict == "return" else verdict, then))
                    else:
                        going.append(then)
            ways = going
        return [*ends, *((FALL, now) for now in ways)]

    def _statements(  # noqa: C901 - one case for each statement
        self, statements: tuple[rs.Statement, ...], headers: Headers
    ) -> Iterator[tuple[str, Headers]]:
        """Verdict ("" for the next rule) and headers of each way through a rule."""
        if not statements:
            yield "", headers
            return
        first, rest = statements[0], statements[1:]
        match first:
            case rs.Compare() | rs.Between() | rs.InSet():
                yield from self._statements(rest, headers) if self._holds(first, headers) else iter([("", headers)])
            case rs.MarkRandom(modulus, offset):
                for number in range(modulus):
                    yield from self._statements(rest, {**headers, rs.Field.MARK: (number + offset).to_bytes(4, "big")})
            case rs.Verdict():
                yield from self._verdict(first, headers)
            case rs.VerdictMap(fields, name):
                found = self._look_up(name, tuple(headers[field] for field in fields))
                yield from self._verdict(found, headers) if isinstance(found, rs.Verdict) else iter([("", headers)])
            case rs.Nat():
                yield TRANSLATED, _translated(headers, first.kind, first.address_from, first.port_from)
            case rs.NatByMap(fields, name, kind):
                data = self.table.elements.get(name, {}).get(tuple(headers[field] for field in fields))
                if isinstance(data, bytes):
                    yield TRANSLATED, _translated(headers, kind, data[:4], int.from_bytes(data[4:], "big"))
                else:
                    yield "", headers
            case rs.Reject():
                yield REFUSE, headers
            case _:
                raise NotImplementedError(first)

    def _look_up(self, name: str, key: rs.Key) -> rs.ElementData:
        elements = self.table.elements.get(name, {})
        if name in self._intervals:
            return next((data for (low, high), data in elements.items() if low <= key[0] <= high), None)
        return elements.get(key)

    def _verdict(self, verdict: rs.Verdict, headers: Headers) -> Iterator[tuple[str, Headers]]:
        if verdict.kind not in {"jump", "goto"}:
            yield verdict.kind, headers
            return
        for result, now in self._chain(verdict.chain, headers):
            after = "return" if verdict.kind == "goto" else ""
            yield (after if result == FALL else result), now

    def _holds(self, test: rs.Compare | rs.Between | rs.InSet, headers: Headers) -> bool:
        match test:
            case rs.Compare(field, value, mask, invert):
                seen = headers.get(field, b"")
                if mask is not None:
                    seen = bytes(a & b for a, b in zip(seen, mask, strict=True))
                return (seen == value) != invert
            case rs.Between(field, low, high, invert):
                return (low <= headers.get(field, b"") <= high) != invert
            case rs.InSet(fields, name, invert):
                return (tuple(headers[field] for field in fields) in self.table.elements.get(name, {})) != invert


def _translated(headers: Headers, kind: str, address: bytes, port: int) -> Headers:
    where, which = (rs.Field.IP_DADDR, rs.Field.TH_DPORT) if kind == "dnat" else (rs.Field.IP_SADDR, rs.Field.TH_SPORT)
    keeps_port = not port or headers[rs.Field.L4PROTO] == b"\x01"
    status = int.from_bytes(headers[rs.Field.CT_STATUS], "big") | (0x20 if kind == "dnat" else 0x10)
    new_port = headers[which] if keeps_port else port.to_bytes(2, "big")
    return {**headers, where: address, which: new_port, rs.Field.CT_STATUS: status.to_bytes(4, "big")}
