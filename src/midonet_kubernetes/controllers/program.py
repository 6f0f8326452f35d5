"""The controllers put together: what runs always, and what runs while this replica leads."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from midonet_kubernetes import settings
from midonet_kubernetes.controllers import gauges
from midonet_kubernetes.controllers.annotator import NodeAnnotator
from midonet_kubernetes.controllers.endpoints import EndpointsObjects, ServiceEndpoints, is_of_endpoints
from midonet_kubernetes.controllers.fence import fence
from midonet_kubernetes.controllers.global_objects import GLOBAL, GlobalObjects
from midonet_kubernetes.controllers.informers import Informers, service_of
from midonet_kubernetes.controllers.node import Nodes
from midonet_kubernetes.controllers.pod import Pods
from midonet_kubernetes.controllers.polite import PoliteClient
from midonet_kubernetes.controllers.pusher.midonet import Editor
from midonet_kubernetes.controllers.pusher.outage import Outage
from midonet_kubernetes.controllers.pusher.pusher import Pusher
from midonet_kubernetes.controllers.pusher.survey import Survey
from midonet_kubernetes.controllers.pusher.verification import Drift, Verification
from midonet_kubernetes.controllers.reconciler import Reconciler, Subject
from midonet_kubernetes.controllers.service import Services
from midonet_kubernetes.controllers.shown import Shown
from midonet_kubernetes.controllers.writer import Writer
from midonet_kubernetes.errors import MidonetApiError
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.election import Election
from midonet_kubernetes.kubernetes_api.events import EventRecorder
from midonet_kubernetes.kubernetes_api.page import BadObject, log_bad_object
from midonet_kubernetes.midonet_api import Client as MidonetClient
from midonet_kubernetes.model.kubernetes import ObjectReference
from midonet_kubernetes.model.names import Names
from midonet_kubernetes.model.resource_kinds import KINDS
from midonet_kubernetes.observability.metrics import (
    CONTROLLERS,
    DRIFT,
    PUSH_SECONDS,
    RECONCILED,
    TRANSLATION_WRITES,
    VERIFIED,
    Metrics,
)

COMPONENT = "midonet-kube-controllers"
LEASE_NAMESPACE = "kube-system"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """What to run.

    Args:
        controllers: the enabled ones, of ``settings.CONTROLLERS``.
        tenant: in MidoNet.
        endpoints_source: ``endpointslices`` or ``endpoints``.
    """

    controllers: Sequence[str] = field(default=settings.CONTROLLERS)
    tenant: str = "midonetkube"
    endpoints_source: str = "endpointslices"


class Controllers:
    """The program, given its two clients.

    Args:
        kubernetes: the Kubernetes API.
        midonet: the MidoNet API.
        options: what to run.
        metrics: with ``observability.metrics.CONTROLLERS``.
        election: whether we may write.
    """

    def __init__(
        self,
        kubernetes: Client,
        midonet: MidonetClient,
        options: Options | None = None,
        *,
        metrics: Metrics | None = None,
        election: Election | None = None,
    ) -> None:
        self.options = options or Options()
        self.metrics = metrics or Metrics(CONTROLLERS)
        self._kubernetes, self._midonet = kubernetes, midonet
        self.election = election or Election(kubernetes, namespace=LEASE_NAMESPACE, name=COMPONENT)
        self.recorder = EventRecorder(PoliteClient(kubernetes, self._is_busy), COMPONENT)
        self.informers = Informers(
            kubernetes, self.options.controllers, self.options.endpoints_source, on_bad=self._tell_unreadable
        )
        self._fence = fence(self.election.is_leader)
        self._names = Names(self.options.tenant)
        self.reconcilers = self._make_reconcilers()
        self.outage = Outage(self._probe)
        self.pusher = self._make_pusher() if "pusher" in self.options.controllers else None
        self.verification = self._make_verification(self.pusher) if self.pusher else None
        gauges.connect(self, self.metrics)
        self._annotator = self._make_annotator() if "nodeannotator" in self.options.controllers else None

    async def run(self) -> None:
        """Run until cancelled; then the Lease is released."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.informers.run())
                group.create_task(self.recorder.run())
                group.create_task(self.election.run(self._lead))
        finally:
            await self.outage.close()

    def not_ready(self) -> str:
        """What is missing, in words; "" when nothing is."""
        return self.informers.behind() or (f"MidoNet: {self.outage.why}" if self.outage.why else "")

    def _is_busy(self) -> bool:
        queues = [reconciler.queue for reconciler in self.reconcilers.values()]
        return any(queue.depth for queue in queues) or (self.pusher is not None and self.pusher.queue.depth > 0)

    async def _lead(self) -> None:
        await self.informers.synced()
        work: list[Callable[[], Coroutine[Any, Any, None]]] = [reconciler.run for reconciler in self.reconcilers.values()]
        if self.pusher:
            work.append(self.pusher.run)
        if self.verification:
            work.append(self.verification.run)
        if self._annotator:
            work.append(self._annotator.run)
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each())

    def _tell_unreadable(self, bad: BadObject) -> None:
        log_bad_object(bad)
        namespace, _, name = bad.key.rpartition("/")
        about = ObjectReference(kind=bad.kind, namespace=namespace, name=name, uid=name if bad.kind == "Node" else "")
        self.recorder.record(about, "ObjectUnreadable", f"it cannot be read and is left as it was: {bad.message}", type="Warning")

    async def _probe(self) -> None:
        zones = KINDS["TunnelZone"]
        answer = await self._midonet.request("GET", "/tunnel_zones", accept=zones.collection_media_type)
        if not answer.ok:
            raise MidonetApiError(f"MidoNet answers {answer.status} {answer.message}".strip(), status=answer.status)

    def _make_reconcilers(self) -> dict[str, Reconciler]:
        informers, names = self.informers, self._names
        counted, written = self.metrics[RECONCILED], self.metrics[TRANSLATION_WRITES]
        writer = Writer(
            self._kubernetes,
            informers.translations,
            recorder=self.recorder,
            fence=self._fence,
            wrote=lambda verb: written.labels(verb).inc(),
        )
        slices = self.options.endpoints_source == "endpointslices"
        subjects: dict[str, Subject] = {
            "node": Nodes(informers, names),
            "pod": (pods := Pods(informers, names)),
            "service": Services(informers, names),
            "endpoints": ServiceEndpoints(informers, names) if slices else EndpointsObjects(informers, names),
        }
        enabled = {name: subject for name, subject in subjects.items() if name in self.options.controllers}
        if enabled:
            enabled[GLOBAL] = GlobalObjects(names)
        made = {
            name: Reconciler(
                name,
                subject,
                writer=writer,
                recorder=self.recorder,
                done=lambda controller, result: counted.labels(controller, result).inc(),
            )
            for name, subject in enabled.items()
        }
        self._connect(made, pods)
        return made

    def _connect(self, made: dict[str, Reconciler], pods: Pods) -> None:
        """From a change of an object to the keys that it concerns."""

        def add(controller: str, *keys: str) -> None:
            if controller in made:
                for key in keys:
                    made[controller].add(key)

        informers = self.informers
        informers.nodes.add_handler(lambda key, _before, _now: add("node", key))
        informers.nodes.add_handler(lambda _key, before, now: add("pod", *pods.on_node(before, now)))
        informers.pods.add_handler(lambda key, _before, _now: add("pod", key))
        informers.services.add_handler(lambda key, _before, _now: add("service", key))
        informers.services.add_handler(lambda key, _before, _now: add("endpoints", key))
        informers.slices.add_handler(
            lambda _key, before, now: add("endpoints", *{service_of(one) for one in (before, now) if one is not None})
        )
        informers.endpoints.add_handler(lambda key, _before, _now: add("endpoints", key))

        def meddled(shown: Shown) -> None:
            kind, _, key = shown.reference.partition("/")
            name = shown.key.partition("/")[2]
            if not kind:
                add(GLOBAL, GLOBAL)
            elif is_of_endpoints(name):
                add("endpoints", key)
            elif kind == "Node":
                add("node", key.partition("/")[2])
            else:
                add(kind.lower(), key)

        informers.translations.listen_to_others(meddled)

    def _make_pusher(self) -> Pusher:
        seconds = self.metrics[PUSH_SECONDS]
        pusher = Pusher(
            self.informers.translations,
            kubernetes=self._kubernetes,
            editor=Editor(self._midonet, self._fence),
            survey=Survey(self._midonet, _no_pace),
            outage=self.outage,
            recorder=self.recorder,
            fence=self._fence,
            busy=self._is_busy,
            pushed=lambda _key, took: seconds.observe(took),
            look_soon=lambda: self.verification.soon() if self.verification else None,
        )
        self.informers.translations.listen(pusher.changed)
        return pusher

    def _make_verification(self, pusher: Pusher) -> Verification:
        drift, verified = self.metrics[DRIFT], self.metrics[VERIFIED]

        def tell(found: Drift) -> None:
            verified.set_to_current_time()
            for kind, _ in found.found:
                drift.labels(kind).inc()

        return Verification(
            self.informers.translations,
            kubernetes=self._kubernetes,
            board=pusher.board,
            editor=Editor(self._midonet, self._fence),
            survey=lambda pace: Survey(self._midonet, pace),
            outage=self.outage,
            verified=tell,
        )

    def _make_annotator(self) -> NodeAnnotator:
        return NodeAnnotator(
            self.informers.nodes,
            kubernetes=self._kubernetes,
            midonet=self._midonet,
            recorder=self.recorder,
            fence=self._fence,
        )


async def _no_pace() -> None:
    return
