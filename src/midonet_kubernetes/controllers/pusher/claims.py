"""Which Translation wants which MidoNet object, and who waits for whom.

A resource belongs to one Translation, but for a moment two may want it: a Node's tunnel endpoint, for example, is one
membership in MidoNet, whatever its address, and a new address is another Translation. The later claim wins; the earlier
one neither changes nor deletes the object any more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable


class Claims:
    """Claims of keys (of Translations) on identities, and tokens that are promised but not given yet.

    A token is what ``Wanted.gives`` answers. It is remembered only while it is owed, so that this costs memory only
    while there is work.
    """

    def __init__(self) -> None:
        # identity, as ``_slot``: who claims it, the last one wins
        self._claimants: dict[int, str | tuple[str, ...]] = {}
        self._owed: dict[str, set[str]] = defaultdict(set)
        self._waiting: dict[str, dict[str, None]] = defaultdict(dict)

    def claim(self, key: str, identity: str) -> str:
        """``key`` wants the object; return who wanted it before, or ""."""
        slot = _slot(identity)
        before = _as_tuple(self._claimants.get(slot, ()))
        if key in before:
            return ""
        self._claimants[slot] = (*before, key) if before else key
        return before[-1] if before else ""

    def release(self, key: str, identity: str) -> str:
        """``key`` no longer wants the object; return who wins it by that, or ""."""
        slot = _slot(identity)
        before = _as_tuple(self._claimants.get(slot, ()))
        if key not in before:
            return ""
        left = tuple(claimant for claimant in before if claimant != key)
        if not left:
            del self._claimants[slot]
            return ""
        self._claimants[slot] = left if len(left) > 1 else left[0]
        return left[-1] if before[-1] == key else ""

    def winner(self, identity: str) -> str:
        """Who may change the object; "" when nobody wants it."""
        claimants = _as_tuple(self._claimants.get(_slot(identity), ()))
        return claimants[-1] if claimants else ""

    def owe(self, key: str, token: str) -> None:
        """``key`` is going to make what gives the token."""
        if token:
            self._owed[token].add(key)

    def give(self, token: str) -> list[str]:
        """The token is there now; return who waited for it."""
        self._owed.pop(token, None)
        return list(self._waiting.pop(token, ()))

    def withdraw(self, key: str, token: str) -> list[str]:
        """``key`` is not going to give the token after all; return who waited for it, if nobody else will."""
        owing = self._owed.get(token)
        if owing is None:
            return []
        owing.discard(key)
        return [] if owing else self.give(token)

    def missing(self, needs: Iterable[str], key: str) -> str:
        """The first token that another Translation than ``key`` still owes; "" when there is none."""
        return next((token for token in needs if self._owed.get(token, set()) - {key}), "")

    def wait(self, key: str, token: str) -> None:
        """Name ``key`` when the token is given."""
        self._waiting[token][key] = None

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len({key for keys in self._waiting.values() for key in keys})


def _slot(identity: str) -> int:
    """A hash of 60 bits, which are enough for some 10 million objects and as many as an int of 32 bytes has."""
    return hash(identity) & 0xFFF_FFFF_FFFF_FFFF


def _as_tuple(claimants: str | tuple[str, ...]) -> tuple[str, ...]:
    return (claimants,) if isinstance(claimants, str) else claimants
