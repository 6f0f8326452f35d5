"""What ``midonet-kube status`` shows: wanted against pushed, and a look at MidoNet on demand."""

from __future__ import annotations

from typing import Any

from midonet_kubernetes.controllers.program import Controllers
from midonet_kubernetes.errors import MidonetKubeError
from midonet_kubernetes.model.resource_kinds import KINDS


def status(program: Controllers) -> dict[str, Any]:
    """Wanted and pushed objects by kind, and each Translation that is not settled, with what is said of it."""
    pusher = program.pusher
    wanted = program.informers.translations.wanted
    unpushed = pusher.board.unpushed() if pusher is not None else {}
    works = pusher.board.works.values() if pusher is not None else ()
    return {
        "leader": program.election.is_leader(),
        "notReady": program.not_ready(),
        "kinds": {
            kind: {"wanted": wanted[kind], "pushed": wanted[kind] - unpushed.get(kind, 0)} for kind in KINDS if wanted[kind]
        },
        "unsettled": [
            {"translation": work.key, "parked": work.parked_at is not None, "complaint": work.complaint}
            for work in sorted(works, key=lambda work: work.key)
        ],
    }


async def verify(program: Controllers) -> dict[str, Any]:
    """Compare MidoNet with what is wanted, now; what differs is being put right when this returns.

    Raises:
        MidonetKubeError: this replica cannot, because it does not lead or has no pusher, or MidoNet does not answer.
    """
    if program.verification is None:
        raise MidonetKubeError("the pusher is not among MIDONETKUBE_ENABLED_CONTROLLERS here")
    if not program.election.is_leader():
        raise MidonetKubeError("this replica does not lead: ask the other one")
    drift = await program.verification.verify()
    return {"checked": drift.checked, "found": [{"kind": kind, "id": identity} for kind, identity in drift.found]}
