"""Links between ports (rest-api 4.6)."""

from __future__ import annotations

from midonet_kubernetes.minimidonet.rest import field
from midonet_kubernetes.minimidonet.rest.call import NO_CONTENT, Answer, Call, existing
from midonet_kubernetes.minimidonet.rest.declare import post, remove, types
from midonet_kubernetes.minimidonet.rest.links import Links
from midonet_kubernetes.minimidonet.rest.refusal import Refusal, bad_request
from midonet_kubernetes.minimidonet.rest.resource import Resource
from midonet_kubernetes.minimidonet.store.transaction import Transaction

LINK = Resource(
    kind="PortLink",
    collection="ports",
    fields=field.Fields((field.uuid("portId"), field.uuid("peerId"))),
    links=Links(),
)


def _create(call: Call, store: Transaction) -> Answer:
    id_, values = call.path["id"], call.values()
    port, peer_id = existing(store, "Port", id_), values.get("peerId")
    if peer_id is None:
        raise bad_request("Invalid ZOOM identifier null")
    peer = existing(store, "Port", peer_id)
    if port.get("peerId") is not None or peer.get("peerId") is not None:
        raise Refusal(409, "Ports are not linkable.")
    if values.get("portId") is not None and call.quirks.mna_1249:
        # MNA-1249: MidoNet fails to make the Location that only a body with portId leads to, before it commits.
        raise Refusal(500, "URI parameter is null")
    store.change("Port", id_, peerId=peer_id)
    store.change("Port", peer_id, peerId=id_)
    return Answer(201)


def _delete(call: Call, store: Transaction) -> Answer:
    id_ = call.path["id"]
    peer = existing(store, "Port", id_).get("peerId")
    if peer is not None:
        store.change("Port", id_, peerId=None)
        store.change("Port", peer, peerId=None)
    return NO_CONTENT


_PATH = "/ports/{id:uuid}/link"
ROUTES = (
    post(_PATH, _create, types("PortLink-v1", generic=False).item, LINK.read),
    remove(_PATH, _delete),
)
