"""What is a lab's in an API that others use too: its objects carry its label, and its pods go to its nodes only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LABEL = "midonet.org/lab"
TEMPLATES = ("template", "jobTemplate")


@dataclass(frozen=True)
class Ownership:
    """Marks and recognises what belongs to the lab of that name."""

    lab: str

    @property
    def labels(self) -> dict[str, str]:
        """What its objects carry."""
        return {LABEL: self.lab}

    @property
    def selector(self) -> str:
        """A label selector for its objects."""
        return f"{LABEL}={self.lab}"

    @property
    def taint(self) -> dict[str, str]:
        """On its Nodes: pods of others are not placed there."""
        return {"key": LABEL, "value": self.lab, "effect": "NoSchedule"}

    def owns(self, object_: Mapping[str, Any]) -> bool:
        """Whether an object is its."""
        return bool((object_["metadata"].get("labels") or {}).get(LABEL) == self.lab)

    def marked(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """An object, or a template in one, with the lab's label; pods that come of it run on the lab's nodes."""
        metadata, spec = manifest.get("metadata") or {}, manifest.get("spec")
        marked = {**manifest, "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), **self.labels}}}
        if isinstance(spec, Mapping):
            marked["spec"] = self._bound(spec) if "containers" in spec else self._with_templates(spec)
        return marked

    def _bound(self, pod_spec: Mapping[str, Any]) -> dict[str, Any]:
        toleration = {**self.taint, "operator": "Equal"}
        return {
            **pod_spec,
            "nodeSelector": {**(pod_spec.get("nodeSelector") or {}), **self.labels},
            "tolerations": [*(pod_spec.get("tolerations") or []), toleration],
        }

    def _with_templates(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        marked = {key: self.marked(spec[key]) for key in TEMPLATES if isinstance(spec.get(key), Mapping) and "spec" in spec[key]}
        return {**spec, **marked}
