"""Endpoints and EndpointSlices."""

from __future__ import annotations

import ipaddress
from datetime import datetime

from midonet_kubernetes.kubernetes_api.embedded.failures import Cause, Json, invalid_value, required, unsupported
from midonet_kubernetes.kubernetes_api.embedded.resource import AGE, Column, Resource
from midonet_kubernetes.kubernetes_api.embedded.shapes.networks import EndpointSliceShape
from midonet_kubernetes.model.kubernetes import Endpoints

_SHOWN = 3  # kubectl names three endpoints and counts the rest
_ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
_MOST_ENDPOINTS = 1_000


def _shorten(texts: list[str], none: str) -> str:
    if not texts:
        return none
    more = f" + {len(texts) - _SHOWN} more..." if len(texts) > _SHOWN else ""
    return ",".join(texts[:_SHOWN]) + more


def _subsets(endpoints: Json, _now: datetime) -> str:
    texts = []
    for subset in endpoints.get("subsets", []):
        for port in subset.get("ports", []):
            texts += [f"{address['ip']}:{port['port']}" for address in subset.get("addresses", [])]
    return _shorten(texts, "<none>")


def _slice_ports(piece: Json, _now: datetime) -> str:
    return _shorten([str(port.get("port", "*")) for port in piece.get("ports", [])], "<unset>")


def _slice_addresses(piece: Json, _now: datetime) -> str:
    addresses = [address for endpoint in piece.get("endpoints", []) for address in endpoint["addresses"]]
    return _shorten(addresses, "<unset>")


def _prepare_slice(body: Json, _old: Json | None) -> None:
    for port in body.get("ports", []):
        port.setdefault("protocol", "TCP")
        port.setdefault("name", "")
    for endpoint in body.setdefault("endpoints", []):
        endpoint.setdefault("conditions", {})


def _validate_slice(body: Json, old: Json | None) -> list[Cause]:
    kind = body.get("addressType", "")
    causes = []
    if not kind:
        causes.append(required("addressType"))
    elif kind not in _ADDRESS_TYPES:
        causes.append(unsupported("addressType", kind, _ADDRESS_TYPES))
    if old is not None and old["addressType"] != kind:
        causes.append(invalid_value("addressType", kind, "field is immutable"))
    if len(body["endpoints"]) > _MOST_ENDPOINTS:
        causes.append(
            Cause("endpoints", "FieldValueTooMany", f"Too many: {len(body['endpoints'])}: must have at most 1000 items")
        )
    for index, endpoint in enumerate(body["endpoints"]):
        path = f"endpoints[{index}].addresses"
        if not endpoint.get("addresses"):
            causes.append(required(path, "must contain at least 1 address"))
        elif kind == "IPv4":
            causes += [
                invalid_value(f"{path}[{place}]", address, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")
                for place, address in enumerate(endpoint["addresses"])
                if not is_ipv4(address)
            ]
    return causes


def _validate_endpoints(body: Json, _old: Json | None) -> list[Cause]:
    causes = []
    for index, subset in enumerate(body.get("subsets", [])):
        for name in ("addresses", "notReadyAddresses"):
            for place, address in enumerate(subset.get(name, [])):
                causes += _validate_ip(address.get("ip", ""), f"subsets[{index}].{name}[{place}].ip")
        for place, port in enumerate(subset.get("ports", [])):
            if not 1 <= port.get("port", 0) <= 65535:
                path = f"subsets[{index}].ports[{place}].port"
                causes.append(invalid_value(path, port.get("port", 0), "must be between 1 and 65535, inclusive"))
    return causes


def _validate_ip(text: str, path: str) -> list[Cause]:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return [invalid_value(path, text, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")]
    return []


def is_ipv4(text: str) -> bool:
    """Whether a text is an IPv4 address."""
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


ENDPOINTS = Resource(
    group="",
    version="v1",
    kind="Endpoints",
    plural="endpoints",
    short_names=("ep",),
    shape=Endpoints,
    validate=_validate_endpoints,
    columns=(Column("Endpoints", _subsets), AGE),
)
ENDPOINT_SLICES = Resource(
    group="discovery.k8s.io",
    version="v1",
    kind="EndpointSlice",
    plural="endpointslices",
    generations=True,
    shape=EndpointSliceShape,
    prepare=_prepare_slice,
    validate=_validate_slice,
    columns=(
        Column("AddressType", lambda piece, _: piece["addressType"]),
        Column("Ports", _slice_ports),
        Column("Endpoints", _slice_addresses),
        AGE,
    ),
)
