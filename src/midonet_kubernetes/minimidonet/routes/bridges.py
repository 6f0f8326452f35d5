"""Bridges (rest-api 4.4). Messages call them Network."""

from __future__ import annotations

from midonet_kubernetes.minimidonet.rest import coercion, field
from midonet_kubernetes.minimidonet.rest.call import Call
from midonet_kubernetes.minimidonet.rest.declare import flat, item, types
from midonet_kubernetes.minimidonet.rest.links import Links
from midonet_kubernetes.minimidonet.rest.refusal import bad_request
from midonet_kubernetes.minimidonet.rest.resource import Needs, Resource
from midonet_kubernetes.minimidonet.rest.verbs import of_tenant, show_all
from midonet_kubernetes.minimidonet.store.indices import Object
from midonet_kubernetes.minimidonet.store.transaction import Transaction

_VXLAN_PORTS_ARE_DERIVED = (
    "VXLAN port ID cannot be set directly. "
    "The VXLAN port is created or deleted in response to the creation or deletion of VTEP bindings."
)


def _before_create(_: Call, __: Transaction, values: Object) -> None:
    if values.pop("vxLanPortIds", None) is not None:
        raise bad_request(_VXLAN_PORTS_ARE_DERIVED)


def _before_replace(_: Call, __: Transaction, ___: Object, values: Object) -> None:
    if values.pop("vxLanPortIds", None):
        raise bad_request(_VXLAN_PORTS_ARE_DERIVED)


def _after_replace(_: Call, store: Transaction, old: Object, __: Object) -> None:
    """MidoNet's PUT does not carry the list of DHCPv6 subnets over from the stored bridge."""
    for subnet in store.find("DhcpV6Subnet", "bridgeId", old["id"]):
        store.delete("DhcpV6Subnet", subnet)


def _shape(_: Call, __: Transaction, shown: Object) -> None:
    shown["vxLanPortIds"] = []


BRIDGE = Resource(
    kind="Bridge",
    collection="bridges",
    fields=field.Fields(
        (
            field.uuid("id"),
            field.text("tenantId"),
            field.text("name", low=0),
            field.flag("adminStateUp", default=True),
            field.uuid("inboundFilterId"),
            field.uuid("outboundFilterId"),
            field.Field("vxLanPortIds", coercion.list_of(coercion.uuid)),
            field.uuids("inboundMirrorIds"),
            field.uuids("outboundMirrorIds"),
            field.uuid("qosPolicyId"),
        )
    ),
    links=Links(
        inboundFilter="chains/{inboundFilterId}",
        outboundFilter="chains/{outboundFilterId}",
        ports="bridges/{id}/ports",
        peerPorts="bridges/{id}/peer_ports",
        vxLanPorts="bridges/{id}/vxlan_ports",
        macTable="bridges/{id}/mac_table",
        arpTable="bridges/{id}/arp_table",
        dhcpSubnets="bridges/{id}/dhcp",
        dhcpSubnet6s="bridges/{id}/dhcpV6",
        vlanMacTableTemplate="bridges/{id}/vlans/{{vlanId}}/mac_table",
        macPortTemplate="bridges/{id}/mac_table/{{macAddress}}_{{portId}}",
        vlanMacPortTemplate="bridges/{id}/vlans/{{vlanId}}/mac_table/{{macAddress}}_{{portId}}",
        uri="bridges/{id}",
    ),
    references=(
        Needs("inboundFilterId", "Chain"),
        Needs("outboundFilterId", "Chain"),
        Needs("inboundMirrorIds", "Mirror"),
        Needs("outboundMirrorIds", "Mirror"),
        Needs("qosPolicyId", "QosPolicy"),
    ),
    before_create=_before_create,
    before_replace=_before_replace,
    after_replace=_after_replace,
    shape=_shape,
    delete_missing=404,
)

_TYPES = types("Bridge-v4", "Bridge-v5")
ROUTES = (*flat(BRIDGE, _TYPES, listing=show_all(BRIDGE, of_tenant)), *item(BRIDGE, _TYPES))
