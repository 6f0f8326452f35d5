"""What a forward NAT rule may choose from for a new binding, with probabilities (simulation 4.4, 4.5)."""

from __future__ import annotations

from fractions import Fraction
from ipaddress import IPv4Address

from midonet_kubernetes.model.midonet import NatTarget, Rule
from midonet_kubernetes.simulate.choices import Candidate
from midonet_kubernetes.simulate.faults import targets_of
from midonet_kubernetes.simulate.outcome import Fate
from midonet_kubernetes.simulate.packet import TCP, UDP
from midonet_kubernetes.simulate.prefixes import ipv4_of
from midonet_kubernetes.simulate.state import Binding, Kind, NatKey
from midonet_kubernetes.simulate.walk import Abandoned, Walk

MOST_SINGLE_VALUES = 64
"""A larger range is one candidate, its first value standing for all: 30,000 source ports are one outcome, not 30,000."""


def destinations(rule: Rule, key: NatKey, walk: Walk) -> tuple[Candidate, ...]:
    """Uniform over the targets, then over the target's addresses, then over its ports. ICMP keeps its id.

    Raises:
        Abandoned: a target's end lies before its start, which makes MidoNet's draw fail.
    """
    targets = targets_of(rule)
    share = Fraction(1, len(targets))
    keeps = key.tp_dst if walk.packet.is_icmp else None
    return tuple(candidate for target in targets for candidate in _values(target, share, keeps))


def sources(rule: Rule, key: NatKey, walk: Walk) -> tuple[Candidate, ...]:
    """The free ports of the first address of the first target that has any; of ICMP a random address, the id kept.

    A port is taken for (device, address, destination and its port). Among the free ones MidoNet goes round in blocks of 64
    from a random start; here all free ports of the address are equally likely.

    Raises:
        Abandoned: no port is free.
    """
    if walk.packet.is_icmp:
        return destinations(rule, key, walk)
    for target in targets_of(rule):
        first, last = _addresses(target)
        for number in range(int(first), int(last) + 1):
            candidates = _free(IPv4Address(number), target, key, walk)
            if candidates:
                return candidates
    raise Abandoned(Fate.ERROR_DROP, f"no source port is free for rule {rule.id}")


def _free(address: IPv4Address, target: NatTarget, key: NatKey, walk: Walk) -> tuple[Candidate, ...]:
    ports = range(target.port_from, target.port_to + 1)
    if len(ports) <= MOST_SINGLE_VALUES:
        free = [port for port in ports if not _is_taken(Binding(address, port), key, walk)]
        share = Fraction(1, len(free)) if free else Fraction(0)
        return tuple(Candidate(Binding(address, port), Binding(address, port), share) for port in free)
    lowest = next((port for port in ports if not _is_taken(Binding(address, port), key, walk)), None)
    if lowest is None:
        return ()
    return (Candidate(Binding(address, lowest), Binding(address, target.port_to), Fraction(1)),)


def _is_taken(binding: Binding, key: NatKey, walk: Walk) -> bool:
    ends = (key.nw_dst, key.tp_dst, binding.address, binding.port)
    return any(walk.draft.binding(NatKey(Kind.REV_SNAT, *ends, protocol, key.device)) for protocol in (TCP, UDP))


def _values(target: NatTarget, share: Fraction, keeps: int | None) -> list[Candidate]:
    first, last = _addresses(target)
    low, high = (keeps, keeps) if keeps is not None else (target.port_from, target.port_to)
    count = (int(last) - int(first) + 1) * (high - low + 1)
    if int(last) < int(first) or high < low:
        raise Abandoned(Fate.ERROR_DROP, f"target {first}-{last} {low}-{high} ends before it starts")
    if count > MOST_SINGLE_VALUES:
        return [Candidate(Binding(first, low), Binding(last, high), share)]
    values = [Binding(IPv4Address(number), port) for number in range(int(first), int(last) + 1) for port in range(low, high + 1)]
    return [Candidate(value, value, share / count) for value in values]


def _addresses(target: NatTarget) -> tuple[IPv4Address, IPv4Address]:
    first, last = ipv4_of(target.address_from), ipv4_of(target.address_to)
    assert first is not None  # such a rule is never loaded
    assert last is not None
    return first, last
