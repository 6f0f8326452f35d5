"""What there is to push when we begin to lead."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from midonet_kubernetes.controllers.pusher.board import Board
from midonet_kubernetes.controllers.pusher.midonet import Editor
from midonet_kubernetes.controllers.pusher.outage import Outage
from midonet_kubernetes.controllers.pusher.wanted import Wanted, read_all
from midonet_kubernetes.errors import ApiError
from midonet_kubernetes.kubernetes_api.backoff import Backoff
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.kinds import TRANSLATION
from midonet_kubernetes.model.translation import GLOBAL_LABEL

T = TypeVar("T")

_WORTH = 40  # objects of a list cost an API server as much as one request
_GLOBAL_NAMESPACE = "kube-system"

_log = logging.getLogger(__name__)


async def believable(kubernetes: Client, editor: Editor, outage: Outage) -> bool:
    """Whether statuses are to be believed: not if MidoNet lacks one of the global objects that were pushed.

    Then it is another MidoNet, or an empty one, and everything is to be compared with it.
    """
    pushed = await _patiently(None, lambda: _pushed_global_objects(kubernetes))
    return await _patiently(outage, lambda: _holds(pushed, editor))


async def bring_bodies(kubernetes: Client, board: Board, known: int) -> None:
    """Bring what is on the board the whole Translations: by one list instead of one request for each, if they are many.

    Args:
        kubernetes: the Kubernetes API.
        board: what there is to push.
        known: Translations that there are.
    """
    if len(board.works) * _WORTH > known:
        await _patiently(None, lambda: _bring_bodies(kubernetes, board))


async def _pushed_global_objects(kubernetes: Client) -> list[Wanted]:
    translations = await kubernetes.list(TRANSLATION, namespace=_GLOBAL_NAMESPACE, labels=GLOBAL_LABEL)
    said = [one for one in translations if one.status is not None and one.status.pushed]
    return [wanted for one in said for wanted in read_all(one.resources)[0]]


async def _holds(pushed: Sequence[Wanted], editor: Editor) -> bool:
    """One by one: a list of all chains is long."""
    for wanted, found in zip(pushed, await asyncio.gather(*map(editor.read, pushed)), strict=True):
        if found is None:
            _log.warning("MidoNet has no %s %s any more: everything is compared with it", wanted.kind.name, wanted.id)
            return False
    return True


async def _bring_bodies(kubernetes: Client, board: Board) -> None:
    """One list instead of one request for each Translation that is not settled."""
    async for page in kubernetes.pages(TRANSLATION):
        for translation in page.objects:
            work = board.works.get(translation.metadata.key)
            if work is not None and work.translation is None and work.shown.generation == translation.metadata.generation:
                work.translation = translation


async def _patiently(outage: Outage | None, attempt: Callable[[], Awaitable[T]]) -> T:
    """Until it succeeds; nothing else can be done before. ``outage`` is told if it is MidoNet that is asked."""
    backoff = Backoff()
    while True:
        if outage is not None:
            await outage.wait()
        try:
            return await attempt()
        except ApiError as error:
            _log.info("pushing begins later: %s", error)
            if outage is not None:
                outage.begin(error)
            await asyncio.sleep(backoff.next())
