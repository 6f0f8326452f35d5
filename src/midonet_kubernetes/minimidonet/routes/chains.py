"""Chains (rest-api 4.8)."""

from __future__ import annotations

from midonet_kubernetes.minimidonet.rest import field
from midonet_kubernetes.minimidonet.rest.declare import flat, item, types
from midonet_kubernetes.minimidonet.rest.links import Links
from midonet_kubernetes.minimidonet.rest.resource import Resource
from midonet_kubernetes.minimidonet.rest.verbs import of_tenant, show_all

CHAIN = Resource(
    kind="Chain",
    collection="chains",
    fields=field.Fields((field.uuid("id"), field.text("tenantId"), field.text("name", low=0))),
    links=Links(rules="chains/{id}/rules", uri="chains/{id}"),
    delete_missing=404,
)

_TYPES = types("Chain-v1")
ROUTES = (*flat(CHAIN, _TYPES, listing=show_all(CHAIN, of_tenant)), *item(CHAIN, _TYPES, replacing=False))
