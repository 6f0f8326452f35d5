"""Bindings of ports to interfaces of a host: HostInterfacePort (rest-api 4.11)."""

from __future__ import annotations

from midonet_kubernetes.minimidonet.rest import field
from midonet_kubernetes.minimidonet.rest.call import NO_CONTENT, Answer, Call, existing
from midonet_kubernetes.minimidonet.rest.coercion import uuid_in_uri
from midonet_kubernetes.minimidonet.rest.declare import get, lacking, post, remove, types
from midonet_kubernetes.minimidonet.rest.links import Links
from midonet_kubernetes.minimidonet.rest.media import JSON, Media, vendor
from midonet_kubernetes.minimidonet.rest.refusal import Refusal, bad_request
from midonet_kubernetes.minimidonet.rest.resource import Resource
from midonet_kubernetes.minimidonet.store.counters import take_number
from midonet_kubernetes.minimidonet.store.indices import Object
from midonet_kubernetes.minimidonet.store.transaction import Transaction

BINDING = Resource(
    kind="HostInterfacePort",
    collection="hosts",
    fields=field.Fields((field.uuid("portId"), field.uuid("hostId"), field.text("interfaceName"))),
    links=Links(host="hosts/{hostId}", port="ports/{portId}", uri="hosts/{hostId}/ports/{portId}"),
)


def _binding(call: Call, store: Transaction, port: Object) -> Object:
    shown = {"portId": port["id"], "hostId": port["hostId"], "interfaceName": port.get("interfaceName")}
    return BINDING.show(call, store, shown)


def _create(call: Call, store: Transaction) -> Answer:
    values, host = call.values(), call.path["parent"]
    existing(store, "Host", host)
    if not store.find("TunnelZoneHost", "hostId", host):
        raise Refusal(409, "The specified host is not in any tunnel zone.")
    port_id, interface = values.get("portId"), values.get("interfaceName")
    if port_id is None:
        raise bad_request("Invalid ZOOM identifier null")
    port = existing(store, "Port", port_id)
    if port.get("interfaceName") is not None:
        raise Refusal(409, f"Port {port_id} is already bound to an interface")
    # The port itself is one of them when it is bound without a name.
    if any(other.get("interfaceName") == interface for _, other in store.found("Port", "hostId", host)):
        raise Refusal(409, f"Interface {'null' if interface is None else interface} is already bound to a port.")
    number = port["_bound"] if port.get("hostId") == host else take_number(store, "bound", first=1)
    store.change("Port", port_id, hostId=host, interfaceName=interface, _bound=number)
    return Answer(201, location=f"{call.base}/hosts/{host}/ports/{port_id}")


def _list(call: Call, store: Transaction) -> Answer:
    host = call.path["parent"]
    existing(store, "Host", host)
    return Answer(200, [_binding(call, store, port) for _, port in store.found("Port", "hostId", host)])


def _show(call: Call, store: Transaction) -> Answer:
    host, port_id = call.path["parent"], uuid_in_uri(call.path["port"])
    if port_id is None:
        raise bad_request(f"{call.path['port']} is not the id of a port")
    existing(store, "Host", host)
    port = store.get("Port", port_id)
    if port is None or port.get("hostId") != host:
        raise Refusal(404, "Host interface port not found")
    return Answer(200, _binding(call, store, port))


def _delete(call: Call, store: Transaction) -> Answer:
    port = existing(store, "Port", call.path["port"])
    if port.get("hostId") is not None or port.get("interfaceName") is not None:
        store.change("Port", port["id"], hostId=None, interfaceName=None, _bound=None)
    return NO_CONTENT


_PATH = "/hosts/{parent:uuid}/ports"
_TYPES = types("HostInterfacePort-v1", generic=False)
_LISTED = types("HostInterfacePort-v1", json=False, generic=False)
_SHOWN = Media((JSON, vendor("HostInterfacePort-v1")), generic=False, any_json=True)
ROUTES = (
    get(_PATH, _list, _LISTED.collection),
    post(_PATH, _create, _TYPES.item, BINDING.read),
    get(_PATH + "/{port}", _show, _SHOWN),
    lacking("PUT", _PATH + "/{port}", BINDING.read),
    remove(_PATH + "/{port}", _delete),
)
