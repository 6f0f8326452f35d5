"""Numbers that are given out once, ever."""

from __future__ import annotations

from midonet_kubernetes.minimidonet.store.transaction import Transaction

_KIND = "Counter"


def take_number(store: Transaction, name: str, *, first: int) -> int:
    """The next number of the counter ``name``.

    A request that fails later gives its number back, other than in MidoNet, where gaps remain: nobody can rely on either.
    """
    counter = store.get(_KIND, name)
    number: int = first if counter is None else counter["next"]
    store.put(_KIND, name, {"next": number + 1})
    return number
