"""Pairs of an IP address and a MAC address, in the table of a bridge or of a router's port (rest-api 4.5, 4.13)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from midonet_kubernetes.minimidonet.rest import coercion, field
from midonet_kubernetes.minimidonet.rest.addresses import parse_ipv4
from midonet_kubernetes.minimidonet.rest.call import NO_CONTENT, Answer, Call, existing
from midonet_kubernetes.minimidonet.rest.checks import MAC_FORMAT, MUST_MATCH_IPV4, is_loose_mac, is_mac
from midonet_kubernetes.minimidonet.rest.refusal import Refusal, bad_request
from midonet_kubernetes.minimidonet.routes.mac_tables import identical_entry, item_name
from midonet_kubernetes.minimidonet.store.indices import Object
from midonet_kubernetes.minimidonet.store.transaction import Transaction

FIELDS = field.Fields(
    (
        field.ipv4("ip", required=True, message=MUST_MATCH_IPV4),
        field.Field("mac", coercion.text, required=True, checks=(is_mac,)),
    )
)


@dataclass(frozen=True)
class AddressPairs:
    """The handlers of such a table.

    Args:
        kind: of its entries in the store.
        holder: kind of what the table belongs to.
        holder_field: of an entry, the holder's id.
        parameter: of the path, the holder's id.
        key: "ip" or "mac", that which has one entry: of several the first one counts.
        table: the URI of the table for an entry of it.
        absent: what a request for an entry is told that is not there.
    """

    kind: str
    holder: str
    holder_field: str
    parameter: str
    key: str
    table: Callable[[Call, Object], str]
    absent: str

    def create(self, call: Call, store: Transaction) -> Answer:
        """POST of an entry."""
        values, holder = call.values(), call.path[self.parameter]
        FIELDS.validate(values)
        existing(store, self.holder, holder)
        id_ = self._id(holder, values)
        if store.get(self.kind, id_) is not None:
            raise identical_entry(mna_1315=call.quirks.mna_1315)
        entry = {**values, "id": id_, self.holder_field: holder}
        store.put(self.kind, id_, entry)
        return Answer(201, location=self._uri(call, entry))

    def list(self, call: Call, store: Transaction) -> Answer:
        """GET of the table."""
        holder = call.path[self.parameter]
        existing(store, self.holder, holder)
        effective: dict[str, Object] = {}
        for _, entry in store.found(self.kind, self.holder_field, holder):
            effective.setdefault(entry[self.key], entry)
        return Answer(200, [self._shown(call, entry) for entry in effective.values()])

    def show(self, call: Call, store: Transaction) -> Answer:
        """GET of an entry."""
        id_ = self._named(call)
        existing(store, self.holder, call.path[self.parameter])
        entry = store.get(self.kind, id_)
        if entry is None:
            raise Refusal(404, self.absent)
        return Answer(200, self._shown(call, entry))

    def delete(self, call: Call, store: Transaction) -> Answer:
        """DELETE of an entry, also of one that is not there."""
        store.remove(self.kind, self._named(call))
        return NO_CONTENT

    def _id(self, holder: str, pair: Object) -> str:
        other = "mac" if self.key == "ip" else "ip"
        return f"{holder}/{pair[self.key]}/{pair[other]}"

    def _named(self, call: Call) -> str:
        """The id that the path names."""
        text, _, dashed = call.path["entry"].partition("_")
        ip = parse_ipv4(text)
        if ip is None:
            raise bad_request("is not a valid IP address")
        mac = dashed.replace("-", ":")
        if is_loose_mac(mac) is not None:
            raise bad_request(MAC_FORMAT)
        return self._id(call.path[self.parameter], {"ip": ip, "mac": mac})

    def _uri(self, call: Call, entry: Object) -> str:
        return f"{self.table(call, entry)}/{item_name(entry['ip'], entry['mac'].replace(':', '-'))}"

    def _shown(self, call: Call, entry: Object) -> Object:
        return {"ip": entry["ip"], "mac": entry["mac"], "uri": self._uri(call, entry)}
