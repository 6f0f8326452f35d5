"""A rule, a route or a target in one line, for people. Nothing is left out: what has no words of its own is ``name=value``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from midonet_kubernetes.minimidonet.store.indices import Object

_ETHERTYPES = {0x0800: "ip", 0x0806: "arp", 0x86DD: "ipv6"}
_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 132: "sctp"}
_PREFIXES = (
    ("nwSrcAddress", "nwSrcLength", "invNwSrc", "from"),
    ("nwDstAddress", "nwDstLength", "invNwDst", "to"),
    ("icmpDataSrcIpAddress", "icmpDataSrcIpLength", "invIcmpDataSrcIp", "icmp-data from"),
    ("icmpDataDstIpAddress", "icmpDataDstIpLength", "invIcmpDataDstIp", "icmp-data to"),
)
_RANGES = (("tpSrc", "invTpSrc", "source port"), ("tpDst", "invTpDst", "port"))
_FRAGMENTS = {"header": "no later fragments", "nonheader": "later fragments", "unfragmented": "whole packets"}
_ACTION = frozenset(("type", "jumpChainId", "jumpChainName", "flowAction", "natTargets"))
_PLACE = frozenset(("id", "chainId", "rank"))
_TOLD = _ACTION | _PLACE | {name for prefix in _PREFIXES for name in prefix} | {name for range_ in _RANGES for name in range_}
_TOLD |= {"dlType", "invDlType", "nwProto", "invNwProto", "fragmentPolicy", "condInvert"}
_MOST_TARGETS = 8


def condition(rule: Object) -> str:
    """What a rule matches; "everything" for a rule without conditions."""
    words = [*_known(rule), *_others(rule)]
    text = ", ".join(words) or "everything"
    return f"not ({text})" if rule.get("condInvert") else text


def _known(rule: Object) -> Iterator[str]:
    if "dlType" in rule:
        yield _maybe_not(rule, "invDlType") + _ETHERTYPES.get(rule["dlType"], f"type {rule['dlType']:#06x}")
    if "nwProto" in rule:
        yield _maybe_not(rule, "invNwProto") + _PROTOCOLS.get(rule["nwProto"], f"protocol {rule['nwProto']}")
    for address, length, inverted, word in _PREFIXES:
        if address in rule:
            bits = rule.get(length, 0)
            yield f"{_maybe_not(rule, inverted)}{word} {rule[address]}" + ("" if bits == 32 else f"/{bits}")
    for name, inverted, word in _RANGES:
        if name in rule:
            yield f"{_maybe_not(rule, inverted)}{word} {_span(rule[name]['start'], rule[name]['end'])}"
    if "fragmentPolicy" in rule:
        yield _FRAGMENTS[rule["fragmentPolicy"]]


def _others(rule: Object) -> Iterator[str]:
    for name, value in rule.items():
        if name not in _TOLD and not name.startswith("_"):
            yield name if value is True else f"{name}={_shown(value)}"


def action(rule: Object) -> str:
    """What a rule does; where it jumps to is not said."""
    words = [rule["type"]]
    targets = rule.get("natTargets") or []
    if targets:
        words.append("to " + ", ".join(map(target, targets[:_MOST_TARGETS])))
    if len(targets) > _MOST_TARGETS:
        words.append(f"and {len(targets) - _MOST_TARGETS} more")
    if rule.get("flowAction"):
        words.append(f"then {rule['flowAction']}")
    return " ".join(words)


def target(value: Object) -> str:
    """A NAT target: an address or a range of them, with ports when it has any."""
    addresses = _span(value["addressFrom"] or "any", value["addressTo"] or "any")
    return f"{addresses}:{_span(value['portFrom'], value['portTo'])}" if value["portFrom"] or value["portTo"] else addresses


def next_hop(route: Object) -> str:
    """Where a route leads."""
    kind: str = route["type"]
    if kind != "Normal":
        return {"BlackHole": "dropped", "Reject": "rejected", "Local": "the router itself"}.get(kind, kind)
    gateway = route.get("nextHopGateway")
    return f"via {gateway}" if gateway else "the port's own network"


def _maybe_not(rule: Object, name: str) -> str:
    return "not " if rule.get(name) else ""


def _span(first: object, last: object) -> str:
    return f"{first}" if first == last else f"{first}-{last}"


def _shown(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
