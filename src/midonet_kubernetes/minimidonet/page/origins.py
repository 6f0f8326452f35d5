"""From an object to the Kubernetes object that it was made for, by the names that Translations give."""

from __future__ import annotations

from typing import Any, TypedDict

from midonet_kubernetes.minimidonet.store.indices import Object
from midonet_kubernetes.minimidonet.store.tables import Tables

MAIN_CHAIN = "KUBE-MAIN"
_KINDS = {
    "KUBE-SVC-": "Service",
    "KUBE-SEP-": "Endpoints",  # of versions of Translations that had a chain for each endpoint
    "KUBE-NODE-": "Node",
    "KUBE-POD-OUT-": "Pod",
}
_PARTS = {"Service": 2, "Endpoints": 2, "Pod": 2, "Node": 1}  # of the object's own key; what follows is a part of it


class Origin(TypedDict):
    """A Kubernetes object.

    Keys:
        kind: of the object.
        key: namespace and name, or the name alone.
        part: of it, such as the name of a port; "" for all.
    """

    kind: str
    key: str
    part: str


def of_chain(chain: Object | None) -> Origin | None:
    """Whose chain it is; None when its name does not say so."""
    name: str = (chain or {}).get("name") or ""
    for prefix, kind in _KINDS.items():
        if name.startswith(prefix):
            words = name[len(prefix) :].split("/")
            own = _PARTS[kind]
            return Origin(kind=kind, key="/".join(words[:own]), part="/".join(words[own:]))
    return None


def of_rule(tables: Tables, rule: Object) -> Origin | None:
    """Whose rule it is: that of its chain, else that of the chain it jumps to."""
    return of_chain(tables.get("Chain", rule["chainId"])) or of_chain(_chain(tables, rule, "jumpChainId"))


def of_port(tables: Tables, port: Object) -> Origin | None:
    """Whose port it is: that of the chain which it has for what leaves it, else the node whose link it is an end of."""
    own = of_chain(_chain(tables, port, "outboundFilterId"))
    if own is not None:
        return own
    peer = tables.get("Port", port["peerId"]) if port.get("peerId") else None
    bridges = (tables.get("Bridge", end["deviceId"]) for end in (port, peer) if end is not None)
    return next((origin for bridge in bridges if bridge is not None and (origin := of_bridge(tables, bridge))), None)


def of_bridge(tables: Tables, bridge: Object) -> Origin | None:
    """The node whose bridge it is: a bridge that filters by the cluster's main chain has its node's name."""
    main = _chain(tables, bridge, "inboundFilterId")
    if main is None or main.get("name") != MAIN_CHAIN or not bridge.get("name"):
        return None
    return Origin(kind="Node", key=bridge["name"], part="")


def _chain(tables: Tables, object_: dict[str, Any], field: str) -> Object | None:
    id_ = object_.get(field)
    return None if id_ is None else tables.get("Chain", id_)
