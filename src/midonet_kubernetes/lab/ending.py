"""Ends a lab from another terminal, however it is."""

from __future__ import annotations

import time

from midonet_kubernetes.errors import MidonetKubeError, UserError
from midonet_kubernetes.lab.control import ask
from midonet_kubernetes.lab.state import Place, claimed

PATIENCE = 20.0  # seconds for a lab to take itself down
POLL = 0.1


def down(place: Place) -> int:
    """End the lab if it runs, and remove what a killed one left; 0 in both cases, and when there is none.

    Raises:
        MidonetKubeError: it does not end; the message says what to do.
    """
    told = _tell(place)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with claimed(place):  # takes whatever files there are with it
                return 0
        except UserError:
            if time.monotonic() > deadline:
                state = "does not end" if told else "is starting or does not answer"
                raise MidonetKubeError(
                    f"the lab {place.name!r} {state}: end its process `midonet-kube lab` with kill -9"
                ) from None
            told = told or _tell(place)
        time.sleep(POLL)


def _tell(place: Place) -> bool:
    try:
        for _line in ask(place.control, {"do": "down"}):
            pass
    except (UserError, OSError):
        return False
    return True
