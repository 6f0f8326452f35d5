"""Hosts as their agents keep them: registration, lease, what they say of themselves (architecture, seam 4)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from midonet_kubernetes.minimidonet.rest import coercion
from midonet_kubernetes.minimidonet.rest.refusal import bad_request
from midonet_kubernetes.minimidonet.store.indices import Object
from midonet_kubernetes.minimidonet.store.transaction import Transaction

LEASE_SECONDS = 30
_INTERFACE_TEXT = ("name", "mac", "type", "endpoint", "portType")
_INTERFACE_NUMBERS = ("mtu", "status")
_integer = coercion.integer()
_texts = coercion.list_of(coercion.text)


@dataclass(slots=True)
class _Lease:
    ends: float
    status: msgspec.Raw | None = None  # JSON that is known to be well-formed


class Agents:
    """Which hosts' agents are there.

    Args:
        clock: seconds that only go forward.
        lease_seconds: how long a registration holds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, lease_seconds: float = LEASE_SECONDS) -> None:
        self._clock, self.lease_seconds = clock, lease_seconds
        self._leases: dict[str, _Lease] = {}

    def is_alive(self, host: str) -> bool:
        """Whether the host's lease runs."""
        lease = self._leases.get(host)
        return lease is not None and lease.ends > self._clock()

    def alive(self) -> int:
        """How many leases run."""
        now = self._clock()
        return sum(lease.ends > now for lease in self._leases.values())

    def register(self, store: Transaction, host: str, given: Any) -> None:
        """Make or refresh the Host object and its lease. Nothing is written when nothing is new.

        Raises:
            Refusal: 400, the body is not what it has to be.
        """
        reported = _read_host(given)
        old = store.get("Host", host)
        new: Object = {**(old or {"id": host}), **reported}
        new = {name: value for name, value in new.items() if value not in (None, [])}
        if new != old:
            store.put("Host", host, new)
        lease = self._leases.setdefault(host, _Lease(0.0))
        lease.ends = self._clock() + self.lease_seconds

    def report(self, host: str, given: Any) -> None:
        """Keep what an agent says of what it has programmed.

        Raises:
            Refusal: 400, it is no object, or cannot be written as JSON again.
        """
        if not isinstance(given, dict):
            raise coercion.mismatch(given, "an object")
        try:
            status = msgspec.Raw(msgspec.json.encode(given))
        except (ValueError, RecursionError):
            raise bad_request("The status holds what JSON cannot") from None
        self._leases.setdefault(host, _Lease(0.0)).status = status

    def status(self, host: str) -> msgspec.Raw | None:
        """The last report, if there was one since the server started."""
        lease = self._leases.get(host)
        return lease.status if lease is not None else None


def _read_host(given: Any) -> Object:
    if not isinstance(given, dict):
        raise coercion.mismatch(given, "an object")
    name = given.get("name")
    if not isinstance(name, str) or not name:
        raise bad_request("name has to be the host's name")
    return {
        "name": coercion.encodable(name),
        "addresses": _texts(given.get("addresses") or []),
        "_interfaces": coercion.list_of(_read_interface)(given.get("interfaces") or []),
    }


def _read_interface(given: Any) -> Object:
    """An interface: its name, or an object with the fields of MidoNet's Interface (rest-api 4.10)."""
    if isinstance(given, str):
        return {"name": coercion.encodable(given)}
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        raise bad_request("an interface has to be a name or an object with a name")
    interface: Object = {}
    for name in _INTERFACE_TEXT:
        if given.get(name) is not None:
            interface[name] = coercion.text(given[name])
    for name in _INTERFACE_NUMBERS:
        if given.get(name) is not None:
            interface[name] = _integer(given[name]) or 0
    if given.get("addresses") is not None:
        interface["addresses"] = _texts(given["addresses"])
    return interface
