"""Addresses as MidoNet's own parsers take them and as it prints them: IPv6 stays uncompressed (rest-api 11.2)."""

from __future__ import annotations

import ipaddress
import re

from midonet_kubernetes.minimidonet.rest.checks import IPV4
from midonet_kubernetes.minimidonet.rest.refusal import bad_request

_CANONICAL = re.compile(IPV4)
_CANONICAL_SUBNET = re.compile(rf"({IPV4})(?:/([0-9]|[12][0-9]|3[0-2]))?")
_DECIMAL = re.compile(r"[0-9]{1,20}")
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]{1,15}")
_LENGTH = re.compile(r"-?[0-9]{1,9}")
_HALF = (1 << 64) - 1


def parse_ipv4(text: str) -> str | None:
    """Dotted decimal, leading zeros allowed; the canonical text, or None."""
    if _CANONICAL.fullmatch(text):
        return text
    parts = text.rstrip(".").split(".")
    if len(parts) != 4 or not all(_DECIMAL.fullmatch(part) and int(part) < 256 for part in parts):
        return None
    return ".".join(str(int(part)) for part in parts)


def parse_ip(text: str) -> str | None:
    """Either family; IPv6 as eight groups without leading zeros. None when it is no address."""
    try:
        return _parse(text)
    except ValueError:
        return None


def read_ip(text: str) -> str:
    """As ``parse_ip``.

    Raises:
        Refusal: 400 with the text of MidoNet's parser.
    """
    try:
        return _parse(text)
    except ValueError as error:
        raise bad_request(str(error)) from None


def _parse(text: str) -> str:
    if ":" in text:
        return _parse_ipv6(text)
    parsed = parse_ipv4(text)
    if parsed is None:
        raise ValueError(f"IPv4 string must be 4 numbers between 0 and 255 joined with 3 '.' but was {text}")
    return parsed


def _parse_ipv6(text: str) -> str:
    """Groups may have more than four digits: what is too much of them runs into the group before."""
    inner = text[1:-1] if text[0] == "[" and text[-1] == "]" else text
    groups = _spelt_out(inner).rstrip(":").split(":")
    if len(groups) != 8:
        raise ValueError(
            f"IPv6 string must be up to 8 16-bit numbers between 0 and 0xFFFF joined with up to 7 ':' but was {text}"
        )
    for group in groups:
        if _HEXADECIMAL.fullmatch(group) is None:
            raise ValueError(f'For input string: "{group}"')
    halves = (_half(groups[:4]), _half(groups[4:]))
    return ":".join(f"{half >> shift & 0xFFFF:x}" for half in halves for shift in (48, 32, 16, 0))


def _half(groups: list[str]) -> int:
    half = 0
    for group, shift in zip(groups, (48, 32, 16, 0), strict=True):
        half |= int(group, 16) << shift
    return half & _HALF


def _spelt_out(text: str) -> str:
    """The zeros that ``::`` stands for, written out."""
    gap = text.count(":") - 2
    if text == "::":
        return "0:" * 7 + "0"
    if text.startswith("::"):
        return text.replace("::", "0:" * (7 - gap))
    if text.endswith("::"):
        return text.replace("::", ":" + "0:" * (7 - gap))[:-1]
    return text.replace("::", ":" + "0:" * (6 - gap))


def read_subnet(text: str) -> str:
    """``address/length``; without a length the whole address (rest-api 11.1). IPv4 has to be canonical.

    Raises:
        Refusal: 400.
    """
    if "." in text:
        match = _CANONICAL_SUBNET.fullmatch(text.strip())
        if match is None:
            raise bad_request(f"{text} is not a valid CIDR")
        return f"{match[1]}/{match[2] or 32}"
    address, length = split_subnet(text, "/", 128)
    if not 0 <= length <= 128:
        raise bad_request(f"{text} is not an address with a length of 0 to 128")
    return f"{read_ip(address)}/{length}"


def split_subnet(text: str, separator: str, whole: int) -> tuple[str, int]:
    """The address and the length of a subnet; without a length it is ``whole``. Further parts do not matter.

    Raises:
        Refusal: 400, there is no address, or the length is no number.
    """
    address, length, *_ = [*filter(None, text.strip().split(separator)), "", ""]
    if not address or (length and _LENGTH.fullmatch(length) is None):
        raise bad_request(f"{text} is not an address and a length joined by {separator}")
    return address, int(length) if length else whole


def network_of(subnet: str) -> tuple[str, str, int]:
    """Address, network and length of an IPv4 subnet that ``read_subnet`` gave."""
    address, _, length = subnet.partition("/")
    network = ipaddress.IPv4Network(subnet, strict=False)
    # MidoNet shows the address itself for a /32 and 0.0.0.0 for a /0, as this does.
    return address, str(network.network_address), int(length)
