"""What a rule matches: the fields of a condition and how its fragment policy is settled (rest-api 4.9)."""

from __future__ import annotations

from typing import Any

from midonet_kubernetes.minimidonet.rest import coercion, field
from midonet_kubernetes.minimidonet.rest.checks import is_loose_mac, is_mac_mask
from midonet_kubernetes.minimidonet.rest.coercion import mismatch
from midonet_kubernetes.minimidonet.rest.refusal import Violation, bad_request
from midonet_kubernetes.minimidonet.rest.schema import describe
from midonet_kubernetes.minimidonet.store.indices import Object

_BAD_POLICY = "The valid options for fragmentPolicy are: 'any', 'header', 'nonheader', and 'unfragmented'."
_BAD_RANGE = "{midokura.javarx.RangeNotValid.message}"  # the key is missing from MidoNet's own texts
_NAT_POLICY = "For a NAT rule with port constraints or multiple targets, the fragmentPolicy must be 'unfragmented'."
_PORT_POLICY = "For a rule with tpDst or tpSrc constraints, the fragmentPolicy must be 'header' or 'unfragmented'."

_integer = coercion.integer()


def _read_range(given: Any) -> Object:
    if not isinstance(given, dict):
        raise mismatch(given, "a range of ports")
    start, end = _end(given.get("start")), _end(given.get("end"))
    if start is None or end is None:
        raise bad_request("A range of ports needs start and end")
    return {"start": start, "end": end}


def _end(given: Any) -> Any:
    return given if given is None else _integer(given)


describe(_read_range, type="object", required=["start", "end"], properties={end: {"type": "integer"} for end in ("start", "end")})


def _check_range(value: Object) -> str | None:
    return None if 1 <= value["start"] <= value["end"] <= 65535 else _BAD_RANGE


def _read_mask(given: Any) -> str:
    return coercion.text(given).lower()  # stored as a number


describe(_read_mask, type="string")


def _mac(name: str) -> tuple[field.Field, ...]:
    return (
        field.Field(name, coercion.text, checks=(is_loose_mac,)),
        field.Field(f"{name}Mask", _read_mask, checks=(is_mac_mask,)),
    )


def _prefix(address: str, length: str) -> tuple[field.Field, ...]:
    return field.ipv4(address), field.number(length, 0, 32)


def _range(name: str) -> field.Field:
    return field.Field(name, _read_range, checks=(_check_range,))


def _flags(*names: str) -> tuple[field.Field, ...]:
    return tuple(field.flag(name) for name in names)


CONDITION: tuple[field.Field, ...] = (
    *_flags("condInvert", "matchForwardFlow", "matchReturnFlow", "matchNwDstRewritten", "noVlan"),
    field.uuids("inPorts"),
    field.uuids("outPorts"),
    *(field.uuid(name) for name in ("portGroup", "inPortGroup", "outPortGroup", "traversedDevice")),
    *(field.uuid(name) for name in ("ipAddrGroupSrc", "ipAddrGroupDst")),
    *_flags("invInPorts", "invOutPorts", "invPortGroup", "invInPortGroup", "invOutPortGroup", "invTraversedDevice"),
    *_flags("invIpAddrGroupSrc", "invIpAddrGroupDst"),
    field.number("vlan", default=None),
    field.number("dlType", 0x0600, 0xFFFF, default=None),
    *_mac("dlSrc"),
    *_mac("dlDst"),
    *_flags("invDlType", "invDlSrc", "invDlDst"),
    field.number("nwTos", default=None),
    field.number("nwProto", default=None),
    *_prefix("nwSrcAddress", "nwSrcLength"),
    *_prefix("nwDstAddress", "nwDstLength"),
    *_flags("invNwTos", "invNwProto", "invNwSrc", "invNwDst"),
    _range("tpSrc"),
    _range("tpDst"),
    *_flags("invTpSrc", "invTpDst"),
    *_prefix("icmpDataSrcIpAddress", "icmpDataSrcIpLength"),
    *_prefix("icmpDataDstIpAddress", "icmpDataDstIpLength"),
    *_flags("invIcmpDataSrcIp", "invIcmpDataDstIp"),
    field.Field("fragmentPolicy", coercion.choice("any", "nonheader", "header", "unfragmented", otherwise=_BAD_POLICY)),
)

_PREFIXES = (
    ("nwSrcAddress", "nwSrcLength"),
    ("nwDstAddress", "nwDstLength"),
    ("icmpDataSrcIpAddress", "icmpDataSrcIpLength"),
    ("icmpDataDstIpAddress", "icmpDataDstIpLength"),
)


def settle(values: Object) -> list[Violation]:
    """What storage makes of a condition: a length without its address is lost, the fragment policy is resolved.

    Returns:
        What is wrong with the policy, for the rest of the rule.
    """
    for address, length in _PREFIXES:
        if length in values and values.get(address) is None:
            del values[length]
    settled, violation = _policy(values, values.get("fragmentPolicy"))
    if settled == "any":
        values.pop("fragmentPolicy", None)
    else:
        values["fragmentPolicy"] = settled
    return [] if violation is None else [violation]


def _policy(values: Object, given: str | None) -> tuple[str, Violation | None]:
    has_ports = values.get("tpSrc") is not None or values.get("tpDst") is not None
    if values["type"] in {"dnat", "snat"}:
        if has_ports or not _is_static(values.get("natTargets")):
            return "unfragmented", None if given in {None, "unfragmented"} else ("", _NAT_POLICY)
        return given or "any", None
    if has_ports:
        return given or "header", None if given in {None, "header", "unfragmented"} else ("", _PORT_POLICY)
    return given or "any", None


def _is_static(targets: list[Object] | None) -> bool:
    """One address to one address, ports left alone: a floating IP."""
    if targets is None or len(targets) != 1:
        return False
    (target,) = targets
    return target["addressFrom"] == target["addressTo"] and not target["portFrom"] and not target["portTo"]
