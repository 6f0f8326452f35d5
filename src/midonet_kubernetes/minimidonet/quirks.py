"""MidoNet's known defects (rest-api 8). All are shown by default, so that a client that works here works there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from midonet_kubernetes.errors import SettingError


@dataclass(frozen=True, slots=True)
class Quirks:
    """Which defects are shown.

    Args:
        mna_1315: an identical MAC or ARP table entry again is 500; without: 409.
        mna_1293: a tunnel zone PUT that keeps its name is 409; without: 204.
        mna_1249: a port link with portId is 500 and links nothing; without: 201.
        mna_1251: a port PUT without portMac clears the MAC; without: the MAC stays.
    """

    mna_1315: bool = True
    mna_1293: bool = True
    mna_1249: bool = True
    mna_1251: bool = True

    @classmethod
    def without(cls, tickets: Iterable[str]) -> Quirks:
        """All but the named ones, as ``MNA-1315``.

        Raises:
            SettingError: no such ticket.
        """
        known = [name.name for name in fields(cls)]
        off: dict[str, bool] = {}
        for ticket in tickets:
            name = ticket.lower().replace("-", "_")
            if name not in known:
                allowed = ", ".join(word.upper().replace("_", "-") for word in known)
                raise SettingError("--without-quirk", ticket, f"one of {allowed}")
            off[name] = False
        return cls(**off)
