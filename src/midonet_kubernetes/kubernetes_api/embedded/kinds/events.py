"""Events: stored in the words of v1, and shown in those of events.k8s.io/v1 too.

The correspondence of fields is that of Kubernetes' conversion between the two.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from midonet_kubernetes.kubernetes_api.embedded.durations import since
from midonet_kubernetes.kubernetes_api.embedded.failures import Cause, Json, invalid_value
from midonet_kubernetes.kubernetes_api.embedded.resource import NAME, Column, Resource, View
from midonet_kubernetes.kubernetes_api.embedded.shapes.objects import EventShape

# events.k8s.io's name of a field, and v1's.
_NAMES = {
    "note": "message",
    "regarding": "involvedObject",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}


def _validate_event(body: Json, _old: Json | None) -> list[Cause]:
    about = body.get("involvedObject", {}).get("namespace", "")
    if body["metadata"]["namespace"] != (about or "default"):
        return [invalid_value("involvedObject.namespace", about, "does not match event.namespace")]
    return []


def _event_time(event: Json) -> str | None:
    series: str | None = event.get("series", {}).get("lastObservedTime")
    return series or event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp")


def _about(event: Json, _now: datetime) -> str:
    about = event.get("involvedObject", {})
    return f"{about.get('kind', '').lower()}/{about.get('name', '')}"


EVENTS = Resource(
    group="",
    version="v1",
    kind="Event",
    plural="events",
    short_names=("ev",),
    shape=EventShape,
    validate=_validate_event,
    columns=(
        Column("Last Seen", lambda event, now: since(_event_time(event), now)),
        Column("Type", lambda event, _: event.get("type", "")),
        Column("Reason", lambda event, _: event.get("reason", "")),
        Column("Object", _about),
        Column("Subobject", lambda event, _: event.get("involvedObject", {}).get("fieldPath", ""), wide=True),
        Column("Source", lambda event, _: event.get("source", {}).get("component", ""), wide=True),
        Column("Message", lambda event, _: event.get("message", "").strip()),
        Column("First Seen", lambda event, now: since(event.get("firstTimestamp") or event.get("eventTime"), now), wide=True),
        Column("Count", lambda event, _: event.get("count", 1), wide=True),
        replace(NAME, wide=True),
    ),
)


def _show(event: Json) -> Json:
    names = {old: new for new, old in _NAMES.items()}
    return {names.get(name, name): value for name, value in event.items()} | {"apiVersion": "events.k8s.io/v1"}


def _read(event: Json) -> Json:
    return {_NAMES.get(name, name): value for name, value in event.items()} | {"apiVersion": "v1"}


EVENTS_V1 = replace(EVENTS, group="events.k8s.io", view=View(EVENTS, _show, _read))
