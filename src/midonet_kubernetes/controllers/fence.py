"""The last look before a write: may we still?"""

from __future__ import annotations

from collections.abc import Callable

from midonet_kubernetes.errors import MidonetKubeError


class NotLeading(MidonetKubeError):
    """Another replica may lead by now: nothing may be written."""


def fence(is_leader: Callable[[], bool]) -> Callable[[], None]:
    """A check to be called before each write to either API.

    Raises (when called):
        NotLeading: we do not lead (any more).
    """

    def check() -> None:
        if not is_leader():
            raise NotLeading("this replica does not lead")

    return check
