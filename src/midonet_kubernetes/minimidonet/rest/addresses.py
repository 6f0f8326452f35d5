"""Addresses as MidoNet's parsers take them and as it prints them: IPv6 stays uncompressed (rest-api 11.2)."""

from __future__ import annotations

import ipaddress
import re

from midonet_kubernetes.minimidonet.rest.checks import IPV4
from midonet_kubernetes.minimidonet.rest.refusal import bad_request

_CANONICAL = re.compile(IPV4)
_DIGITS = re.compile(r"[0-9]{1,3}")


def parse_ipv4(text: str) -> str | None:
    """Dotted decimal, leading zeros allowed; the canonical text, or None."""
    if _CANONICAL.fullmatch(text):
        return text
    parts = text.split(".")
    if len(parts) != 4 or not all(_DIGITS.fullmatch(part) and int(part) < 256 for part in parts):
        return None
    return ".".join(str(int(part)) for part in parts)


def parse_ip(text: str) -> str | None:
    """Either family; IPv6 as eight groups without leading zeros. None when it is no address."""
    if ":" not in text:
        return parse_ipv4(text)
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return None
    if address.scope_id:
        return None
    return ":".join(f"{int(group, 16):x}" for group in address.exploded.split(":"))


def read_ip(text: str) -> str:
    """As ``parse_ip``.

    Raises:
        Refusal: 400 with the text of MidoNet's parser.
    """
    parsed = parse_ip(text)
    if parsed is None:
        if ":" in text:
            raise bad_request(f"'{text}' is not an IP string literal.")
        raise bad_request(f"IPv4 string must be 4 numbers between 0 and 255 joined with 3 '.' but was {text}")
    return parsed


def read_subnet(text: str) -> str:
    """``address/length``; without a length the whole address (rest-api 11.1).

    Raises:
        Refusal: 400.
    """
    address, slash, length = text.partition("/")
    parsed = read_ip(address)
    bits = 128 if ":" in parsed else 32
    if not slash:
        return f"{parsed}/{bits}"
    if not _DIGITS.fullmatch(length) or int(length) > bits:
        raise bad_request(f"{text} is not an address with a length of 0 to {bits}")
    return f"{parsed}/{int(length)}"


def network_of(subnet: str) -> tuple[str, str, int]:
    """Address, network and length of an IPv4 subnet that ``read_subnet`` gave."""
    address, _, length = subnet.partition("/")
    network = ipaddress.IPv4Network(subnet, strict=False)
    # MidoNet shows the address itself for a /32 and 0.0.0.0 for a /0, as this does.
    return address, str(network.network_address), int(length)
