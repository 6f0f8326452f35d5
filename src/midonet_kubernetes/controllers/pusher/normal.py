"""What of a MidoNet object counts when it is compared with a wanted one.

MidoNet answers every property, with links, positions and defaults that nobody asked for (rest-api 1.4). Both sides are
reduced to the fields that change what a packet meets; what has its default counts as absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import structs

from midonet_kubernetes.controllers.pusher.wanted import Wanted
from midonet_kubernetes.model import midonet
from midonet_kubernetes.model.wire import camel

_DEVICE = ("name", "tenantId", "adminStateUp", "inboundFilterId", "outboundFilterId")
_RULE_ELSE = {"id", "chain_id", "rank", "fragment_policy"}  # fragment_policy: MidoNet fills it in from the others

FIELDS: Mapping[str, tuple[str, ...]] = {
    "TunnelZone": ("name", "type"),
    "TunnelZoneHost": ("ipAddress",),
    "Router": _DEVICE,
    "Bridge": _DEVICE,
    "Port": ("type", "adminStateUp", "inboundFilterId", "outboundFilterId", "portSubnet", "portMac", "vlanId"),
    "PortLink": ("peerId",),
    "Route": (
        "type", "dstNetworkAddr", "dstNetworkLength", "srcNetworkAddr", "srcNetworkLength", "nextHopPort",
        "nextHopGateway", "weight",
    ),
    "Chain": ("name", "tenantId"),
    "Rule": tuple(camel(field.name) for field in structs.fields(midonet.Rule) if field.name not in _RULE_ELSE),
    "HostInterfacePort": ("interfaceName",),
    "MACPort": (),
    "IPv4MACPair": (),
}  # fmt: skip
_PARENT = {"Port": "deviceId", "Route": "routerId", "Rule": "chainId", "HostInterfacePort": "hostId"}
_TRUE_BY_DEFAULT = frozenset({"adminStateUp"})


def same(wanted: Wanted, actual: Mapping[str, Any]) -> bool:
    """Whether MidoNet's object is as wanted, parent included."""
    kind = wanted.kind.name
    return parent_of(kind, actual, wanted.parent) == wanted.parent and normal(kind, wanted.body) == normal(kind, actual)


def parent_of(kind: str, actual: Mapping[str, Any], asked: str) -> str:
    """Under which parent MidoNet's object is; ``asked``, under which it was looked for, when it does not say so."""
    field = _PARENT.get(kind)
    return str(actual.get(field) or "") if field else asked


def normal(kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that count, without those that have their default."""
    found = {}
    for field in FIELDS[kind]:
        value = _plain(body.get(field))
        if field in _TRUE_BY_DEFAULT:
            value = "down" if body.get(field) is False else None
        if value:
            found[field] = value
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: plain for key, item in value.items() if (plain := _plain(item))}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
