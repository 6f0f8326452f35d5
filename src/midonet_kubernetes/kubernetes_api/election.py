"""One leader among the replicas of a program, by a Lease; the rules are those of client-go's leader election.

Clocks of different machines are never compared: a candidate waits for a full lease on its own clock since it last saw the
Lease change, and the leader gives up, on its own clock, well before anybody can have waited so long.
"""

from __future__ import annotations

import asyncio
import logging
import random as _random
import socket
import time
import uuid
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import msgspec

from midonet_kubernetes.errors import ApiError, NotFound
from midonet_kubernetes.kubernetes_api.backoff import Random
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.kinds import LEASE
from midonet_kubernetes.model.kubernetes import Lease, LeaseSpec, Metadata

_NEVER = float("-inf")

_log = logging.getLogger(__name__)


def boot_time() -> float:
    """Seconds since the machine started, those asleep included: a leader that was suspended must not think it still leads."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Election:
    """A candidate.

    Args:
        client: of the API server.
        namespace: of the Lease.
        name: of the Lease.
        identity: of this process, unlike any other's; "" makes one.
        duration: seconds after the last renewal that a candidate waits.
        renew_deadline: seconds after the last renewal that the leader leads; less than ``duration``, by the time that a
            write under way may take.
        retry_period: seconds between renewals (a quarter of it after one that failed), and at most between looks of a candidate.
        clock: monotonic seconds.
        random: the source of jitter.
    """

    def __init__(
        self,
        client: Client,
        *,
        namespace: str,
        name: str,
        identity: str = "",
        duration: int = 12,
        renew_deadline: float = 8.0,
        retry_period: float = 2.0,
        clock: Callable[[], float] = boot_time,
        random: Random = _random.random,
    ) -> None:
        self.identity = identity or f"{socket.gethostname()}_{uuid.uuid4()}"
        self._client, self._namespace, self._name = client, namespace, name
        self._duration, self._renew_deadline, self._retry_period = duration, renew_deadline, retry_period
        self._clock, self._random = clock, random
        self._leader_until = _NEVER
        self._lease: Lease | None = None  # as last seen
        self._seen_at = _NEVER  # when it was first seen so

    def is_leader(self) -> bool:
        """Whether a write may be begun now. To be asked before each: nobody else can lead while this is true."""
        return self._clock() < self._leader_until

    async def run(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Campaign, and do ``work`` while leading; again when the lead is lost, until cancelled or the work ends.

        ``work`` is cancelled when the lead is lost. When this is cancelled, or the work ends, the Lease is released after the
        work has stopped, so that another candidate need not wait for its end.
        """
        lost = True
        while lost:
            await self._campaign()
            _log.info("%s leads (%s/%s)", self.identity, self._namespace, self._name)
            lost = await self._lead(work)

    async def _campaign(self) -> None:
        while True:
            if await self._attempt():
                return
            await asyncio.sleep(self._retry_period * (0.4 + 0.4 * self._random()))

    async def _lead(self, work: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        """Work and renew; whether the lead was lost."""
        working, renewing = asyncio.create_task(work()), asyncio.create_task(self._renew())
        try:
            await asyncio.wait({working, renewing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            lost = renewing.done()
            await _stop(working)  # still renewing, in case it takes its time
            await _stop(renewing)
            self._leader_until = _NEVER
            if lost:
                _log.warning("%s lost the lead (%s/%s)", self.identity, self._namespace, self._name)
            else:
                await self._release()
        for task in (renewing, working):
            if not task.cancelled():
                task.result()
        return lost

    async def _renew(self) -> None:
        """Renew until that has failed for too long."""
        renewed = True
        try:
            while True:
                async with asyncio.timeout(self._leader_until - self._clock()):
                    await asyncio.sleep(self._retry_period if renewed else self._retry_period / 4)
                    renewed = await self._attempt()
        except TimeoutError:
            return

    async def _attempt(self) -> bool:
        """Take or renew the Lease if it is free or ours."""
        begun = self._clock()
        try:
            async with asyncio.timeout(self._renew_deadline / 2):
                taken = await self._take()
        except (ApiError, TimeoutError) as error:
            _log.info(
                "the Lease %s/%s was not renewed or taken: %s", self._namespace, self._name, str(error) or "no answer in time"
            )
            return False
        if taken:
            self._leader_until = begun + self._renew_deadline
        return taken

    async def _take(self) -> bool:
        try:
            lease = await self._client.get(LEASE, self._name, namespace=self._namespace)
        except NotFound:
            metadata = Metadata(name=self._name, namespace=self._namespace)
            self._saw(await self._client.create(LEASE, Lease(metadata=metadata, spec=self._claim(LeaseSpec()))))
            return True
        self._saw(lease)
        if not self._may_take(lease.spec):
            return False
        self._saw(await self._client.replace(LEASE, msgspec.structs.replace(lease, spec=self._claim(lease.spec))))
        return True

    def _saw(self, lease: Lease) -> None:
        if self._lease is None or self._lease.metadata.resource_version != lease.metadata.resource_version:
            self._lease, self._seen_at = lease, self._clock()

    def _may_take(self, spec: LeaseSpec) -> bool:
        if not spec.holder_identity or spec.holder_identity == self.identity:
            return True
        return self._clock() >= self._seen_at + (spec.lease_duration_seconds or self._duration)

    def _claim(self, spec: LeaseSpec) -> LeaseSpec:
        now = _micro_time()
        ours = spec.holder_identity == self.identity
        return LeaseSpec(
            holder_identity=self.identity,
            lease_duration_seconds=self._duration,
            acquire_time=spec.acquire_time if ours else now,
            renew_time=now,
            lease_transitions=(spec.lease_transitions or 0) + (0 if ours else 1),
        )

    async def _release(self) -> None:
        lease = self._lease
        if lease is None or lease.spec.holder_identity != self.identity:
            return
        spec = msgspec.structs.replace(lease.spec, holder_identity="", lease_duration_seconds=1, renew_time=_micro_time())
        try:
            async with asyncio.timeout(self._retry_period):
                await self._client.replace(LEASE, msgspec.structs.replace(lease, spec=spec))
        except (ApiError, TimeoutError) as error:  # then it ends by itself
            _log.info("the Lease %s/%s was not released: %s", self._namespace, self._name, str(error) or "no answer in time")


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("the leader's work failed", exc_info=error)


def _micro_time() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
