"""A large cluster in an embedded Kubernetes API, with the Translations and statuses that the controllers would have written.

It is put into the store directly: what is measured begins where everything is in place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

import msgspec

from midonet_kubernetes.controllers.pusher.wanted import read_all
from midonet_kubernetes.kubernetes_api.embedded.registry import Registry
from midonet_kubernetes.kubernetes_api.embedded.store import Key
from midonet_kubernetes.kubernetes_api.kinds import TRANSLATION
from midonet_kubernetes.midonet_api import Client as MidonetClient
from midonet_kubernetes.model.annotations import HOST_ID, TUNNEL_ENDPOINT_IP, TUNNEL_ZONE_ID
from midonet_kubernetes.model.kubernetes import EndpointSlice, Node, Pod, Service
from midonet_kubernetes.model.names import Names
from midonet_kubernetes.model.translation import PUSHED, Condition, Translation, TranslationStatus
from midonet_kubernetes.testing.cluster_load import Load
from midonet_kubernetes.testing.objects import Json
from midonet_kubernetes.testing.twins import host_id
from midonet_kubernetes.translate import endpoints, global_objects, node, pod, service

NAMES = Names()
_BORN = "2026-01-01T00:00:00Z"
_MANIFEST = "x" * 2000  # what a Pod carries besides what we read: containers, volumes, tolerations, conditions


class Writer:
    """Puts objects into a store, complete.

    Args:
        registry: of the API.
    """

    def __init__(self, registry: Registry) -> None:
        self._store = registry.store
        self._numbers = count(1)

    def put(self, resource: str, kind: str, api_version: str, object_: Json, *, namespace: str = "default") -> Json:
        """Put one object; what was put."""
        metadata = object_["metadata"]
        made = {
            **object_,
            "apiVersion": api_version,
            "kind": kind,
            "metadata": {
                **metadata,
                **({"namespace": namespace} if namespace else {}),
                "uid": str(uuid5(NAMESPACE_DNS, f"{next(self._numbers)}.{resource}")),
                "creationTimestamp": _BORN,
                "generation": 1,
            },
        }
        self._store.put(Key(resource, namespace, metadata["name"]), made)
        return made

    def translations(self, wanted: Iterable[Translation], *, settled: bool = True) -> list[Translation]:
        """Put Translations, as they are when MidoNet holds what they want if ``settled``; the same."""
        put = list(wanted)
        for translation in put:
            entries = read_all(translation.resources)[0]
            pushed = [entry.pushed() for entry in entries]
            condition = Condition(PUSHED, "True", PUSHED, observed_generation=1, last_transition_time=_BORN)
            object_: Json = msgspec.to_builtins(translation)
            if settled:
                object_["status"] = msgspec.to_builtins(TranslationStatus(len(pushed), pushed, [condition]))
            namespace = translation.metadata.namespace
            self.put("translations.midonet.org", TRANSLATION.kind, TRANSLATION.api_version, object_, namespace=namespace)
        return put


def fill(registry: Registry, load: Load, *, pods: bool = True) -> Iterator[Translation]:
    """Put a load and its Translations; these are returned, one after the other.

    The global ones have no status: so the controllers believe the others', whatever MidoNet has (``pusher.stock.believable``).

    Args:
        registry: of the API.
        load: what to put.
        pods: its Pods too.
    """
    writer = Writer(registry)
    yield from writer.translations(global_objects.translations(NAMES), settled=False)
    nodes = {}
    for number in range(load.nodes):
        made = writer.put("nodes", "Node", "v1", _annotated(load.node(number)), namespace="")
        nodes[made["metadata"]["name"]] = found = msgspec.convert(made, Node)
        yield from writer.translations(node.translate(found, NAMES).translations)
    for number in range(load.pods if pods else 0):
        document = load.pod(number)
        document["metadata"]["annotations"]["example.org/manifest"] = _MANIFEST
        its_pod = msgspec.convert(writer.put("pods", "Pod", "v1", document), Pod)
        yield from writer.translations(pod.translate(its_pod, nodes[its_pod.spec.node_name], NAMES).translations)
    for number in range(load.services):
        its_service = msgspec.convert(writer.put("services", "Service", "v1", _addressed(load, number)), Service)
        slice_ = writer.put("endpointslices.discovery.k8s.io", "EndpointSlice", "discovery.k8s.io/v1", load.slice(number))
        yield from writer.translations(service.translate(its_service, NAMES).translations)
        part = msgspec.convert(slice_, EndpointSlice)
        yield from writer.translations(endpoints.from_slices(its_service, [part], NAMES).translations)


def _annotated(made: Json) -> Json:
    name = made["metadata"]["name"]
    address = made["status"]["addresses"][0]["address"]
    made["metadata"]["annotations"] |= {HOST_ID: host_id(name), TUNNEL_ZONE_ID: "", TUNNEL_ENDPOINT_IP: address}
    return made


def _addressed(load: Load, number: int) -> Json:
    made = load.service(number)
    address = f"10.97.{number // 250}.{1 + number % 250}"
    port = {"name": "p80", "port": 80, "targetPort": 80, "protocol": "TCP"}
    made["spec"] = {"type": "ClusterIP", "clusterIP": address, "clusterIPs": [address], "ports": [port]}
    return made


async def push(midonet: MidonetClient, translations: Iterable[Translation]) -> None:
    """Make in MidoNet what the Translations want."""
    for translation in translations:
        for wanted in read_all(translation.resources)[0]:
            answer: Any = await midonet.create(wanted.kind, wanted.parent, wanted.body, wanted.text)
            assert answer.ok, (wanted, answer)
