"""Field numbers of the messages that kubectl sends as protobuf (k8s.io/api and k8s.io/apimachinery ``generated.proto``, 0.35)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message.

    Args:
        name: in JSON.
        kind: how its bytes are read.
        fields: of a message.
        repeated: it is a list.
        kept: zero is a value, and not the same as absent (a pointer in Go).
    """

    name: str
    kind: Literal["text", "number", "flag", "bytes", "time", "number or text", "map", "bytes map", "message"]
    fields: Mapping[int, Field] = field(default_factory=dict)
    repeated: bool = False
    kept: bool = False


Message = Mapping[int, Field]

_OWNER: Message = {
    1: Field("kind", "text"),
    3: Field("name", "text"),
    4: Field("uid", "text"),
    5: Field("apiVersion", "text"),
    6: Field("controller", "flag", kept=True),
    7: Field("blockOwnerDeletion", "flag", kept=True),
}
_METADATA = Field(
    "metadata",
    "message",
    {
        1: Field("name", "text"),
        2: Field("generateName", "text"),
        3: Field("namespace", "text"),
        5: Field("uid", "text"),
        6: Field("resourceVersion", "text"),
        7: Field("generation", "number"),
        8: Field("creationTimestamp", "time"),
        11: Field("labels", "map"),
        12: Field("annotations", "map"),
        13: Field("ownerReferences", "message", _OWNER, repeated=True),
        14: Field("finalizers", "text", repeated=True),
    },
)
_SELECTOR: Message = {
    1: Field("matchLabels", "map"),
    2: Field(
        "matchExpressions",
        "message",
        {1: Field("key", "text"), 2: Field("operator", "text"), 3: Field("values", "text", repeated=True)},
        repeated=True,
    ),
}
_CONTAINER: Message = {
    1: Field("name", "text"),
    2: Field("image", "text"),
    3: Field("command", "text", repeated=True),
    4: Field("args", "text", repeated=True),
    5: Field("workingDir", "text"),
    6: Field(
        "ports",
        "message",
        {
            1: Field("name", "text"),
            2: Field("hostPort", "number"),
            3: Field("containerPort", "number"),
            4: Field("protocol", "text"),
            5: Field("hostIP", "text"),
        },
        repeated=True,
    ),
    7: Field("env", "message", {1: Field("name", "text"), 2: Field("value", "text")}, repeated=True),
    14: Field("imagePullPolicy", "text"),
}
_POD_SPEC: Message = {
    2: Field("containers", "message", _CONTAINER, repeated=True),
    20: Field("initContainers", "message", _CONTAINER, repeated=True),
    3: Field("restartPolicy", "text"),
    4: Field("terminationGracePeriodSeconds", "number", kept=True),
    6: Field("dnsPolicy", "text"),
    7: Field("nodeSelector", "map"),
    8: Field("serviceAccountName", "text"),
    9: Field("serviceAccount", "text"),
    10: Field("nodeName", "text"),
    11: Field("hostNetwork", "flag"),
    19: Field("schedulerName", "text"),
}
_ROLLING: Message = {1: Field("maxUnavailable", "number or text"), 2: Field("maxSurge", "number or text")}
_DEPLOYMENT_SPEC: Message = {
    1: Field("replicas", "number", kept=True),
    2: Field("selector", "message", _SELECTOR),
    3: Field("template", "message", {1: _METADATA, 2: Field("spec", "message", _POD_SPEC)}),
    4: Field("strategy", "message", {1: Field("type", "text"), 2: Field("rollingUpdate", "message", _ROLLING)}),
    6: Field("revisionHistoryLimit", "number", kept=True),
    7: Field("paused", "flag"),
    9: Field("progressDeadlineSeconds", "number", kept=True),
}
_SERVICE_PORT: Message = {
    1: Field("name", "text"),
    2: Field("protocol", "text"),
    3: Field("port", "number"),
    4: Field("targetPort", "number or text"),
    5: Field("nodePort", "number"),
    6: Field("appProtocol", "text", kept=True),
}
_SERVICE_SPEC: Message = {
    1: Field("ports", "message", _SERVICE_PORT, repeated=True),
    2: Field("selector", "map"),
    3: Field("clusterIP", "text"),
    4: Field("type", "text"),
    5: Field("externalIPs", "text", repeated=True),
    7: Field("sessionAffinity", "text"),
    10: Field("externalName", "text"),
    11: Field("externalTrafficPolicy", "text"),
    13: Field("publishNotReadyAddresses", "flag"),
    18: Field("clusterIPs", "text", repeated=True),
    22: Field("internalTrafficPolicy", "text", kept=True),
}
_DELETE_OPTIONS: Message = {
    1: Field("gracePeriodSeconds", "number", kept=True),
    2: Field("preconditions", "message", {1: Field("uid", "text"), 2: Field("resourceVersion", "text")}),
    3: Field("orphanDependents", "flag", kept=True),
    4: Field("propagationPolicy", "text"),
    5: Field("dryRun", "text", repeated=True),
}
_IGNORED_STATUS = Field("status", "message", {1: Field("loadBalancer", "message"), 2: Field("phase", "text")})

KINDS: Mapping[tuple[str, str], Message] = {
    ("v1", "Namespace"): {
        1: _METADATA,
        2: Field("spec", "message", {1: Field("finalizers", "text", repeated=True)}),
        3: _IGNORED_STATUS,
    },
    ("v1", "ConfigMap"): {
        1: _METADATA,
        2: Field("data", "map"),
        3: Field("binaryData", "bytes map"),
        4: Field("immutable", "flag", kept=True),
    },
    ("v1", "Secret"): {
        1: _METADATA,
        2: Field("data", "bytes map"),
        3: Field("type", "text"),
        4: Field("stringData", "map"),
        5: Field("immutable", "flag", kept=True),
    },
    ("v1", "ServiceAccount"): {1: _METADATA},
    ("v1", "Service"): {1: _METADATA, 2: Field("spec", "message", _SERVICE_SPEC), 3: _IGNORED_STATUS},
    ("v1", "DeleteOptions"): _DELETE_OPTIONS,
    ("apps/v1", "Deployment"): {1: _METADATA, 2: Field("spec", "message", _DEPLOYMENT_SPEC), 3: Field("status", "message", {})},
    ("policy/v1", "Eviction"): {1: _METADATA, 2: Field("deleteOptions", "message", _DELETE_OPTIONS)},
}
