"""Label and field selectors: their text forms, and whether an object matches.

Grammar: Kubernetes' ``labels.Parse`` (``a=b``, ``a==b``, ``a!=b``, ``a in (b,c)``, ``a notin (b)``, ``a``, ``!a``) and
``fields.ParseSelector`` (``a=b``, ``a==b``, ``a!=b``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from midonet_kubernetes.kubernetes_api.embedded import name_rules
from midonet_kubernetes.kubernetes_api.embedded.failures import Json, bad_request

# Which fields of a resource may be selected by, beyond metadata.name and metadata.namespace.
SELECTABLE: Mapping[str, tuple[str, ...]] = {
    "pods": (
        "spec.nodeName",
        "status.phase",
        "status.podIP",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
    ),
    "nodes": ("spec.unschedulable",),
    "namespaces": ("status.phase",),
    "secrets": ("type",),
    "services": ("spec.clusterIP", "spec.type"),
    "replicasets.apps": ("status.replicas",),
    "events": (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "type",
    ),
}
_METADATA = ("metadata.name", "metadata.namespace")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on a label or field; ``values`` is empty for the two existence operators."""

    key: str
    operator: str  # In, NotIn, Exists, DoesNotExist
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether a set of labels (or fields) satisfies it. NotIn holds for an absent key, as in Kubernetes."""
        value = labels.get(self.key)
        if self.operator == "In":
            return value is not None and value in self.values
        if self.operator == "NotIn":
            return value is None or value not in self.values
        return (value is not None) == (self.operator == "Exists")


Labels = tuple[Requirement, ...]

_SET = re.compile(r"\s*(?P<key>[^\s=!,()]+)\s+(?P<operator>in|notin)\s*\((?P<values>[^()]*)\)\s*")
_EQUALITY = re.compile(r"\s*(?P<key>[^\s=!,()]+)\s*(?P<operator>==|=|!=)\s*(?P<value>[^\s=!,()]*)\s*")
_EXISTENCE = re.compile(r"\s*(?P<negated>!?)\s*(?P<key>[^\s=!,()]+)\s*")


def parse_labels(text: str) -> Labels:
    """Read a label selector.

    Raises:
        Failure: 400, it is not one.
    """
    requirements: list[Requirement] = []
    position = 0
    while position < len(text):
        requirement, position = _one_label(text, position)
        for wrong in (
            *name_rules.qualified_key(requirement.key),
            *(w for v in requirement.values for w in name_rules.label_value(v)),
        ):
            raise bad_request(f"unable to parse requirement: {requirement.key}: {wrong}")
        requirements.append(requirement)
        if position < len(text):
            if text[position] != "," or position + 1 == len(text):
                raise bad_request(f"unable to parse requirement: found '{text[position:]}', expected: ',' or 'end of string'")
            position += 1
    return tuple(requirements)


def _one_label(text: str, position: int) -> tuple[Requirement, int]:
    if match := _SET.match(text, position):
        values = frozenset(value.strip() for value in match["values"].split(","))
        return Requirement(match["key"], "In" if match["operator"] == "in" else "NotIn", values), match.end()
    if match := _EQUALITY.match(text, position):
        operator = "NotIn" if match["operator"] == "!=" else "In"
        return Requirement(match["key"], operator, frozenset((match["value"],))), match.end()
    if match := _EXISTENCE.match(text, position):
        return Requirement(match["key"], "DoesNotExist" if match["negated"] else "Exists"), match.end()
    raise bad_request(f"unable to parse requirement: found '{text[position:]}', expected: identifier")


def parse_fields(text: str, resource: str) -> tuple[Requirement, ...]:
    """Read a field selector for a resource (``pods``, ``deployments.apps``).

    Raises:
        Failure: 400, it is not one, or the resource cannot be selected by that field.
    """
    requirements = []
    for term in filter(None, text.split(",")):
        match = re.fullmatch(r"\s*([^=!]+?)\s*(==|=|!=)(.*)", term)
        if match is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{term}'")
        key, operator, value = match.groups()
        if key not in _METADATA and key not in SELECTABLE.get(resource, ()):
            known = f'"{key}" is not a known field selector: only "metadata.name", "metadata.namespace"'
            raise bad_request(f"field label not supported: {key}" if resource in SELECTABLE else known)
        requirements.append(Requirement(key, "NotIn" if operator == "!=" else "In", frozenset((value.strip(),))))
    return tuple(requirements)


def parse_label_selector(selector: Json) -> Labels:
    """A ``LabelSelector`` object (``matchLabels``, ``matchExpressions``) as requirements."""
    exact = [Requirement(key, "In", frozenset((value,))) for key, value in (selector.get("matchLabels") or {}).items()]
    expressions = [
        Requirement(term["key"], term["operator"], frozenset(term.get("values") or ()))
        for term in selector.get("matchExpressions") or ()
    ]
    return (*exact, *expressions)


def matches(requirements: tuple[Requirement, ...], labels: Mapping[str, str]) -> bool:
    """Whether labels (or fields) satisfy all of them."""
    return all(requirement.matches(labels) for requirement in requirements)


def fields_of(resource: str, body: Json) -> Mapping[str, str]:
    """The selectable fields of an object, beyond its name and namespace; an absent one is empty text."""
    return {path: _text_at(body, path) for path in SELECTABLE.get(resource, ())}


def _text_at(body: Json, path: str) -> str:
    value: Any = body
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if value is None:
        return "false" if path == "spec.unschedulable" else ""
    return str(value).lower() if isinstance(value, bool) else str(value)
