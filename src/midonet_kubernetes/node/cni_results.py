"""What the plugin prints, as the CNI specification 1.1.0 (section 5) and its older versions want it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from midonet_kubernetes.node.cni_protocol import VERSIONS, Call, CniError


@dataclass(frozen=True, slots=True)
class Attached:
    """What an ADD made, for its result.

    Args:
        link: the end in the virtual network.
        link_mac: its MAC.
        link_namespace: where it is, "" for the host's namespace.
        mac: of the container's end.
        mtu: of both.
        address: with prefix length.
        gateway: address of the next hop for everything.
    """

    link: str
    link_mac: str
    link_namespace: str
    mac: str
    mtu: int
    address: str
    gateway: str


def add_result(call: Call, attached: Attached) -> bytes:
    """What ADD prints: the result of earlier plugins of the list, if any, and ours."""
    previous = call.previous or {}
    interfaces: list[dict[str, Any]] = list(previous.get("interfaces") or [])
    first: dict[str, Any] = {"name": attached.link, "mac": attached.link_mac}
    if attached.link_namespace:
        first["sandbox"] = attached.link_namespace
    second: dict[str, Any] = {"name": call.interface, "mac": attached.mac, "sandbox": call.namespace}
    address: dict[str, Any] = {"address": attached.address, "gateway": attached.gateway, "interface": len(interfaces) + 1}
    if call.version == "1.1.0":
        first["mtu"] = second["mtu"] = attached.mtu
    if VERSIONS.index(call.version) < VERSIONS.index("1.0.0"):
        address["version"] = "4"
    result = {
        "cniVersion": call.version,
        "interfaces": [*interfaces, first, second],
        "ips": [*(previous.get("ips") or []), address],
        "routes": [*(previous.get("routes") or []), {"dst": "0.0.0.0/0", "gw": attached.gateway}],
        "dns": call.dns or previous.get("dns") or {},
    }
    return msgspec.json.encode(result) + b"\n"


def expected_addresses(call: Call) -> list[str]:
    """For CHECK: the addresses that ``prevResult`` says the container's interface has, with prefix lengths."""
    previous = call.previous or {}
    interfaces = previous.get("interfaces") or []
    mine = [i for i, interface in enumerate(interfaces) if interface.get("name") == call.interface and interface.get("sandbox")]
    return [str(ip.get("address")) for ip in previous.get("ips") or [] if ip.get("interface") in mine]


def error_result(version: str, error: CniError) -> bytes:
    """What a failed operation prints."""
    result = {"cniVersion": version, "code": error.code, "msg": error.message}
    if error.details:
        result["details"] = error.details
    return msgspec.json.encode(result) + b"\n"


def answer(protocol: int, status: int, output: bytes) -> bytes:
    """What the plugin is sent: ``status`` is its exit status, ``output`` what it prints."""
    return f"{protocol} {status} {len(output)}\n".encode() + output
