"""What there is to push when we begin to lead."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from midonet_kubernetes.controllers.pusher.board import Board
from midonet_kubernetes.controllers.pusher.outage import Outage
from midonet_kubernetes.controllers.pusher.survey import Survey
from midonet_kubernetes.controllers.pusher.wanted import read_all
from midonet_kubernetes.errors import ApiError
from midonet_kubernetes.kubernetes_api.backoff import Backoff
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.kinds import TRANSLATION
from midonet_kubernetes.model.translation import GLOBAL_LABEL

T = TypeVar("T")

_GLOBAL_NAMESPACE = "kube-system"

_log = logging.getLogger(__name__)


async def believable(kubernetes: Client, survey: Survey, outage: Outage) -> bool:
    """Whether statuses are to be believed: not if MidoNet lacks one of the global objects that were pushed.

    Then it is another MidoNet, or an empty one, and everything is to be compared with it.
    """
    return await _patiently(outage, lambda: _holds_global_objects(kubernetes, survey))


async def bring_bodies(kubernetes: Client, board: Board) -> None:
    """Bring what is on the board the whole Translations: by one list instead of one request for each."""
    if board.works:
        await _patiently(None, lambda: _bring_bodies(kubernetes, board))


async def _holds_global_objects(kubernetes: Client, survey: Survey) -> bool:
    for translation in await kubernetes.list(TRANSLATION, namespace=_GLOBAL_NAMESPACE, labels=GLOBAL_LABEL):
        if translation.status is None or not translation.status.pushed:
            continue
        for wanted in read_all(translation.resources)[0]:
            if await survey.look(wanted) is None:
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
    """Until it succeeds; nothing else can be done before."""
    backoff = Backoff()
    while True:
        if outage is not None:
            await outage.wait()
        try:
            return await attempt()
        except ApiError as error:
            _log.info("pushing begins later: %s", error)
            await asyncio.sleep(backoff.next())
