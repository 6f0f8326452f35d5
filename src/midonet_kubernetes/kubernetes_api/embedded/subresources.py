"""Subresources other than ``status``: scale, binding, eviction, finalize; and the reviews that ask what is allowed."""

from __future__ import annotations

from typing import Any

from midonet_kubernetes.exchange import Response
from midonet_kubernetes.kubernetes_api.embedded import deletion, patches
from midonet_kubernetes.kubernetes_api.embedded.calls import Call
from midonet_kubernetes.kubernetes_api.embedded.durations import timestamp
from midonet_kubernetes.kubernetes_api.embedded.failures import (
    Json,
    bad_request,
    conflict,
    invalid,
    invalid_value,
    method_not_allowed,
    no_such_path,
    required,
)
from midonet_kubernetes.kubernetes_api.embedded.kinds.workloads import selector_text
from midonet_kubernetes.kubernetes_api.embedded.registry import Registry
from midonet_kubernetes.kubernetes_api.embedded.resource import Resource
from midonet_kubernetes.kubernetes_api.embedded.store import Stored
from midonet_kubernetes.kubernetes_api.embedded.verbs import apply_patch, json_response

_SUCCESS: Json = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def answer(registry: Registry, call: Call) -> Response:
    """Answer a call for a subresource.

    Raises:
        Failure: 404, there is no such subresource, and whatever it refuses.
    """
    place = (call.resource.id, call.subresource)
    if call.subresource == "scale" and call.resource.scale is not None:
        return _scale(registry, call)
    if call.method == "POST" and place == ("pods", "binding"):
        return _bind(registry, call)
    if call.method == "POST" and place == ("pods", "eviction"):
        body = call.body()
        options = deletion.read_options(body.get("deleteOptions") or {} if isinstance(body, dict) else {})
        deletion.delete(registry, call.resource, call.namespace, call.name, options)
        return json_response(_SUCCESS, 201)
    if call.method == "PUT" and place == ("namespaces", "finalize"):
        return _finalize(registry, call)
    raise no_such_path()


def bind(registry: Registry, pods: Resource, namespace: str, name: str, node: str) -> Stored:
    """Place a Pod on a Node.

    Raises:
        Failure: 404; 409, it is on one already or being deleted.
    """
    stored = registry.get(pods, namespace, name)
    body = stored.body()
    if body["metadata"].get("deletionTimestamp"):
        raise conflict("pods/binding", "", name, f"pod {name} is being deleted, cannot be assigned to a host")
    if body["spec"].get("nodeName"):
        raise conflict("pods/binding", "", name, f'pod {name} is already assigned to node "{body["spec"]["nodeName"]}"')
    body["spec"]["nodeName"] = node
    condition = {
        "type": "PodScheduled",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": timestamp(registry.clock()),
    }
    others = [c for c in body["status"].get("conditions", []) if c.get("type") != "PodScheduled"]
    body["status"]["conditions"] = [*others, condition]
    return registry.store.put(stored.key, body)


def _bind(registry: Registry, call: Call) -> Response:
    body = call.body()
    about, target = (body.get("metadata"), body.get("target")) if isinstance(body, dict) else (None, None)
    if not isinstance(about, dict) or about.get("name") != call.name:
        raise bad_request("name in URL does not match name in Binding object")
    node = target.get("name") if isinstance(target, dict) else None
    if not isinstance(node, str) or not node:
        raise invalid("Binding", "", call.name, [required("target.name")])
    bind(registry, call.resource, call.namespace, call.name, node)
    return json_response(_SUCCESS, 201)


def _finalize(registry: Registry, call: Call) -> Response:
    body = call.body_object()
    wanted = body.get("spec", {}).get("finalizers") or []
    stored = finalize(registry, call.resource, call.name, wanted)
    return Response(200, {"content-type": "application/json"}, stored.raw)


def finalize(registry: Registry, namespaces: Resource, name: str, finalizers: list[str]) -> Stored:
    """Set what a Namespace waits for (``spec.finalizers``); one that waits for nothing goes."""
    return registry.update(namespaces, "", name, lambda body: body | {"spec": {"finalizers": finalizers}})


def _scale(registry: Registry, call: Call) -> Response:
    if call.method == "GET":
        return json_response(_scale_of(call.resource, registry.get(call.resource, call.namespace, call.name).body()))
    if call.method not in {"PUT", "PATCH"}:
        raise method_not_allowed()

    def edit(body: Json) -> Json:
        scale = _scale_of(call.resource, body)
        media = call.headers.get("content-type", "").partition(";")[0]
        sent: Any = call.body()
        new = sent if call.method == "PUT" else apply_patch(call, media, scale, sent)
        if not isinstance(new, dict) or not isinstance(new.get("spec", {}), dict):
            raise bad_request("a Scale has to be an object with a spec")
        replicas = new.get("spec", {}).get("replicas", 0)
        if not isinstance(replicas, int) or replicas < 0:
            causes = [invalid_value("spec.replicas", replicas, "must be greater than or equal to 0")]
            raise invalid("Scale", "autoscaling", call.name, causes)
        version = new.get("metadata", {}).get("resourceVersion")
        if version and version != body["metadata"]["resourceVersion"]:
            raise conflict(call.resource.plural, call.resource.group, call.name)
        assert call.resource.scale is not None
        return patches.merge(body, _nested(call.resource.scale.wanted, replicas))  # type: ignore[no-any-return]

    stored = registry.update(call.resource, call.namespace, call.name, edit, dry_run=call.dry_run)
    return json_response(_scale_of(call.resource, stored.body()))


def _scale_of(resource: Resource, body: Json) -> Json:
    assert resource.scale is not None
    kept = {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"}
    about = {name: value for name, value in body["metadata"].items() if name in kept}
    selector = _at(body, resource.scale.selector)
    status = {"replicas": _at(body, resource.scale.actual) or 0}
    if selector:
        status["selector"] = selector if isinstance(selector, str) else selector_text(selector)
    spec = {"replicas": _at(body, resource.scale.wanted) or 0}
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": about, "spec": spec, "status": status}


def _at(body: Any, path: str) -> Any:
    for part in filter(None, path.split(".")):
        body = body.get(part) if isinstance(body, dict) else None
    return body


def _nested(path: str, value: object) -> Json:
    head, _, rest = path.partition(".")
    return {head: _nested(rest, value) if rest else value}


def review() -> Response:
    """Answer a SelfSubjectAccessReview, whatever it asks: whoever reaches this server may do everything."""
    answer = {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}, "spec": {}}
    return json_response(answer | {"status": {"allowed": True}}, 201)
