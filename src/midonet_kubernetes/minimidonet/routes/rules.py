"""Rules of chains (rest-api 4.9)."""

from __future__ import annotations

from typing import Any

from midonet_kubernetes.minimidonet.rest import coercion, field
from midonet_kubernetes.minimidonet.rest.addresses import read_ip
from midonet_kubernetes.minimidonet.rest.call import Answer, Call, existing, random_uuid
from midonet_kubernetes.minimidonet.rest.checks import one_of, size
from midonet_kubernetes.minimidonet.rest.coercion import mismatch
from midonet_kubernetes.minimidonet.rest.declare import collection, item, nested, types
from midonet_kubernetes.minimidonet.rest.field import Field, Fields
from midonet_kubernetes.minimidonet.rest.links import Links
from midonet_kubernetes.minimidonet.rest.refusal import bad_request, invalid, taken
from midonet_kubernetes.minimidonet.rest.resource import Resource, read_object
from midonet_kubernetes.minimidonet.rest.schema import describe
from midonet_kubernetes.minimidonet.routes.conditions import CONDITION, settle
from midonet_kubernetes.minimidonet.routes.ranks import rank_for
from midonet_kubernetes.minimidonet.store.indices import Object
from midonet_kubernetes.minimidonet.store.transaction import Transaction

_integer = coercion.integer()


def _is_position(value: int) -> str | None:
    return None if value >= 0 else "must be greater than or equal to 1"  # 0 is the head, as 1 is


_COMMON: tuple[Field, ...] = (
    field.uuid("id"),
    field.uuid("chainId"),
    field.Field("type", coercion.text),
    Field("position", _integer, default=1, null=0, checks=(_is_position,)),
    field.ignored("meterName", coercion.text),
    *CONDITION,
)
_JUMP = (field.uuid("jumpChainId", required=True), field.text("jumpChainName"))


def _action(*allowed: str) -> Field:
    return Field("flowAction", coercion.text, required=True, checks=(one_of(*allowed),))


def _read_target(given: Any) -> Object:
    if not isinstance(given, dict):
        raise mismatch(given, "a NAT target")
    target: Object = {}
    for name in ("addressFrom", "addressTo"):
        value = given.get(name)
        target[name] = None if value is None else read_ip(coercion.text(value))
    for name in ("portFrom", "portTo"):
        value = given.get(name)
        target[name] = 0 if value is None else _integer(value) or 0
    return target


describe(
    _read_target,
    type="object",
    properties={
        **{name: {"type": ["string", "null"]} for name in ("addressFrom", "addressTo")},
        **{name: {"type": "integer"} for name in ("portFrom", "portTo")},
    },
)

_NAT_ACTION = _action("accept", "continue", "return")
_NAT = (Field("natTargets", coercion.list_of(_read_target), required=True, checks=(size(1, 2**31 - 1),)), _NAT_ACTION)
_L2_TRANSFORM = (
    _action("accept", "redirect"),
    field.flag("popVlan"),
    field.number("pushVlan", 0, 0xFFFF),
    field.uuid("targetPortId"),
    field.flag("ingress"),
    field.flag("failOpen"),
)


def _read_request(given: Any) -> str | None:
    return coercion.uuid(given)


describe(_read_request, type=["string", "null"], format="uuid")  # needed, but not stored: who reads the rule is shown null
_TRACE = (
    Field("requestId", _read_request, required=True),
    field.Field("limit", coercion.integer(-(2**63), 2**63 - 1), default=0, null=0),
)

_EXTRA: dict[str, tuple[Field, ...]] = {
    "accept": (),
    "drop": (),
    "reject": (),
    "return": (),
    "jump": _JUMP,
    "dnat": _NAT,
    "snat": _NAT,
    "rev_dnat": (_NAT_ACTION,),
    "rev_snat": (_NAT_ACTION,),
    "l2_transform": _L2_TRANSFORM,
    "trace": _TRACE,
}
_NOT_STORED = ("requestId", "limit")  # of a trace rule
_FORWARD_NAT = frozenset(("dnat", "snat"))
FIELDS = {kind: Fields((*_COMMON, *extra)) for kind, extra in _EXTRA.items()}
_SHOWN = {kind: {**fields.defaults, "meterName": None, "fragmentPolicy": "any"} for kind, fields in FIELDS.items()}


def _read(given: Any) -> Object | None:
    """A rule's body; ``type`` says which fields it has."""
    if not isinstance(given, dict):
        return read_object(FIELDS["accept"], given)
    kind = given.get("type")
    if not isinstance(kind, str) or kind not in FIELDS:
        raise bad_request("Could not resolve type id: type has to be one of " + ", ".join(FIELDS))
    values = FIELDS[kind].read(given)
    if kind in _FORWARD_NAT and "natTargets" not in given:
        values["natTargets"] = []  # an absent list is too short, not null
    return values


class _Rule(Resource):
    """A rule has the fields of its type, and a position that follows from its place in the chain."""

    def read(self, given: Any) -> Object | None:
        return _read(given)

    def show(self, call: Call, store: Transaction, object_: Object) -> dict[str, Any]:
        position = store.ranked("Rule", "chainId").position(object_["id"], object_) + 1
        return _show(call, object_, position)


def _show(call: Call, object_: Object, position: int) -> dict[str, Any]:
    shown = {**_SHOWN[object_["type"]], **object_}
    del shown["rank"]
    shown["position"] = position
    shown["uri"] = f"{call.base}/rules/{object_['id']}"
    return shown


RULE = _Rule(
    kind="Rule",
    collection="rules",
    fields=FIELDS["accept"],
    links=Links(uri="rules/{id}"),
    before_delete=lambda _, store, rule: _forget_redirects(store, rule),
    delete_missing=404,
)


def _forget_redirects(store: Transaction, rule: Object) -> None:
    """MidoNet rewrites a rule's chain, and the one it jumps to, from a model that does not know of redirects.

    So routers lose these chains as their redirect chain.
    """
    for name in ("chainId", "jumpChainId"):
        chain = rule.get(name)
        if chain is not None:
            for router in store.find("Router", "localRedirectChainId", chain):
                store.change("Router", router, localRedirectChainId=None)


def _create(call: Call, store: Transaction) -> Answer:
    values = call.values()
    kind, chain = values["type"], call.path["parent"]
    id_ = values.get("id") or random_uuid()
    fields = FIELDS[kind]
    violations = [*fields.violations(values), *settle(values)]
    if violations:
        raise invalid(*violations)
    existing(store, "Chain", chain)
    rank = rank_for(store, chain, max(values.pop("position", 1), 1))
    for name in _NOT_STORED:
        values.pop(name, None)
    if kind == "jump":
        existing(store, "Chain", values["jumpChainId"])
    if store.get("Rule", id_) is not None:
        raise taken("Rule", id_)
    rule = {**values, "id": id_, "chainId": chain, "rank": rank}
    store.put("Rule", id_, rule)
    _forget_redirects(store, rule)
    return Answer(201, location=f"{call.base}/rules/{id_}")


def _list(call: Call, store: Transaction) -> Answer:
    chain = call.path["parent"]
    existing(store, "Chain", chain)
    rules = store.found("Rule", "chainId", chain)
    return Answer(200, [_show(call, rule, position) for position, (_, rule) in enumerate(rules, 1)])


_TYPES = types("Rule-v2")
ROUTES = (
    *collection("/rules", RULE, _TYPES),
    *item(RULE, _TYPES, replacing=False),
    *nested(RULE, _TYPES, "Chain", "chains", "chainId", listing=_list, creating=_create),
)
