"""The controllers at work: one queue for all, each entry once, whatever the number of changes that brought it there."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
from dataclasses import dataclass

from midonet_kubernetes.kubernetes_api.embedded.controllers.controller import Controller, Subject
from midonet_kubernetes.kubernetes_api.embedded.controllers.deployments import Deployments
from midonet_kubernetes.kubernetes_api.embedded.controllers.endpoint_slices import EndpointSlices
from midonet_kubernetes.kubernetes_api.embedded.controllers.endpoints_mirror import EndpointsMirror
from midonet_kubernetes.kubernetes_api.embedded.controllers.first_objects import FirstObjects
from midonet_kubernetes.kubernetes_api.embedded.controllers.garbage import Garbage
from midonet_kubernetes.kubernetes_api.embedded.controllers.namespaces import Definitions, Namespaces
from midonet_kubernetes.kubernetes_api.embedded.controllers.orphaned_pods import OrphanedPods
from midonet_kubernetes.kubernetes_api.embedded.controllers.placement import Placement
from midonet_kubernetes.kubernetes_api.embedded.controllers.pod_cidrs import PodCidrs
from midonet_kubernetes.kubernetes_api.embedded.controllers.replica_sets import ReplicaSets
from midonet_kubernetes.kubernetes_api.embedded.failures import Failure
from midonet_kubernetes.kubernetes_api.embedded.registry import Registry
from midonet_kubernetes.kubernetes_api.embedded.service_addresses import ServiceAddresses
from midonet_kubernetes.kubernetes_api.embedded.store import Change

_LOG = logging.getLogger(__name__)
_RETRY = 1.0  # seconds until something that failed is tried again
_TURN = 64  # entries worked on before requests get their turn


@dataclass(frozen=True, slots=True)
class Networks:
    """The cluster's addresses.

    Args:
        pods: of all Pods; each Node gets a /24 of it.
        services: of all cluster addresses.
        advertised: where Pods reach the API server; None leaves the ``kubernetes`` Service without endpoints.
    """

    pods: ipaddress.IPv4Network
    services: ipaddress.IPv4Network
    advertised: tuple[str, int] | None = None


class Cluster:
    """Everything that makes an API a cluster. Made, it has the objects that every cluster has.

    Args:
        registry: the objects.
        networks: the cluster's addresses.
    """

    def __init__(self, registry: Registry, networks: Networks) -> None:
        addresses = ServiceAddresses(networks.services, registry.store)
        registry.allocators["services"] = addresses
        first = FirstObjects(registry, addresses.first(), networks.advertised)
        self._controllers: tuple[Controller, ...] = (
            first,
            Namespaces(registry),
            Definitions(registry),
            Garbage(registry),
            PodCidrs(registry, networks.pods),
            Placement(registry),
            Deployments(registry),
            ReplicaSets(registry),
            OrphanedPods(registry),
            EndpointSlices(registry),
            EndpointsMirror(registry),
        )
        self._pending: dict[tuple[Controller, Subject], None] = {}
        self._failed: dict[tuple[Controller, Subject], None] = {}
        self._wake = asyncio.Event()
        for resource in registry.store.resources():
            for stored in registry.store.all(resource):
                self._learn(Change("ADDED", stored, None))
        registry.store.subscribe(self._learn)
        first.reconcile(())

    def _learn(self, change: Change) -> None:
        for controller in self._controllers:
            try:
                self._pending |= dict.fromkeys((controller, subject) for subject in controller.affected(change))
            except Exception:  # noqa: BLE001 - the change is made; whoever else listens has to hear of it
                _LOG.exception("%s cannot follow %s", type(controller).__name__, "/".join(change.now.key))
        self._wake.set()

    def settle(self) -> None:
        """Work until there is nothing left to do."""
        while self._pending:
            self._work()

    def _work(self) -> None:
        controller, subject = entry = next(iter(self._pending))
        del self._pending[entry]
        try:
            controller.reconcile(subject)
        except Exception as error:  # noqa: BLE001 - one bad object never stops the rest
            defect = None if isinstance(error, Failure) else error
            what = f"{type(controller).__name__} {'/'.join(subject)}"
            _LOG.warning("%s: %s; tried again in %g s", what, error, _RETRY, exc_info=defect)
            self._failed[entry] = None

    async def run(self) -> None:
        """Work for ever."""
        now = asyncio.get_running_loop().time
        retry_at: float | None = None
        while True:
            for _ in range(min(_TURN, len(self._pending))):
                self._work()
            if self._failed and retry_at is None:
                retry_at = now() + _RETRY
            if retry_at is not None and now() >= retry_at:
                self._pending |= self._failed
                self._failed.clear()
                retry_at = None
            if self._pending:
                await asyncio.sleep(0)
                continue
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(retry_at):
                    await self._wake.wait()
