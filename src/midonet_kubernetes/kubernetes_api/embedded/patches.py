"""JSON merge patch (RFC 7386), JSON patch (RFC 6902) and Kubernetes' strategic merge patch.

Of the last one there is what kubectl sends for the kinds that are served: lists of objects merge by the key that the
type declares, with ``$patch``, ``$retainKeys``, ``$setElementOrder`` and ``$deleteFromPrimitiveList``
(k8s.io/apimachinery ``util/strategicpatch``).
"""

from __future__ import annotations

import copy
from typing import Any

from midonet_kubernetes.kubernetes_api.embedded.failures import Failure, Json, bad_request

# Lists that merge, by field name, with the keys that may identify an entry; the first that all entries have is used.
_MERGE_KEYS: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "env": ("name",),
    "ports": ("containerPort", "port"),
    "ownerReferences": ("uid",),
    "conditions": ("type",),
    "addresses": ("type",),
    "imagePullSecrets": ("name",),
    "secrets": ("name",),
    "hostAliases": ("ip",),
    "tolerations": (),
    "podIPs": ("ip",),
}
_PRIMITIVE = {"finalizers", "podCIDRs"}  # lists of texts that merge as sets


def merge(target: Any, patch: Any) -> Any:
    """Apply a JSON merge patch; null removes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge(result.get(name), value)
    return result


def strategic(target: Json, patch: Json) -> Json:
    """Apply a strategic merge patch.

    Raises:
        Failure: 400, a directive or a list in it is not of the form that its name calls for.
    """
    try:
        result = _strategic(target, patch)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise bad_request(f"invalid strategic merge patch: {error}") from error
    if not isinstance(result, dict):
        raise bad_request("invalid strategic merge patch: it leaves no object")
    return result


def _strategic(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    if patch.get("$patch") == "replace":
        return {name: value for name, value in patch.items() if name != "$patch"}
    result = dict(target) if isinstance(target, dict) else {}
    if "$retainKeys" in patch:
        result = {name: value for name, value in result.items() if name in patch["$retainKeys"]}
    for name, value in patch.items():
        if name.startswith("$deleteFromPrimitiveList/"):
            field = name.partition("/")[2]
            result[field] = [item for item in result.get(field, []) if item not in value]
    for name, value in patch.items():
        if name.startswith("$"):
            continue
        if value is None:
            result.pop(name, None)
        elif isinstance(value, list):
            result[name] = _merge_list(name, result.get(name) or [], value, patch.get(f"$setElementOrder/{name}"))
        else:
            result[name] = _strategic(result.get(name), value)
    return result


def _merge_list(name: str, target: list[Any], patch: list[Any], order: list[Any] | None) -> list[Any]:
    if name in _PRIMITIVE:
        return [*target, *(item for item in patch if item not in target)]
    key = _merge_key(name, [*target, *patch])
    if key is None:
        return patch
    if any(item.get("$patch") == "replace" for item in patch):
        return [item for item in patch if "$patch" not in item]
    merged = {item[key]: item for item in target}
    for item in patch:
        if item.get("$patch") == "delete":
            merged.pop(item[key], None)
        else:
            merged[item[key]] = _strategic(merged.get(item[key]), item)
    places = {item[key]: place for place, item in enumerate(order or []) if key in item}
    return [item for _, item in sorted(merged.items(), key=lambda entry: places.get(entry[0], len(places)))]


def _merge_key(name: str, items: list[Any]) -> str | None:
    entries = [item for item in items if isinstance(item, dict) and item.get("$patch") != "replace"]
    if not all(isinstance(item, dict) for item in items):
        return None
    return next((key for key in _MERGE_KEYS.get(name, ()) if all(key in entry for entry in entries)), None)


def apply_json_patch(target: Json, operations: list[Json]) -> Json:
    """Apply a JSON patch.

    Raises:
        Failure: 400, it is no JSON patch; 422, a path is not there or a test fails.
    """
    document: Any = copy.deepcopy(target)
    if not all(isinstance(operation, dict) for operation in operations):
        raise bad_request("each operation of a JSON patch has to be an object")
    for operation in operations:
        try:
            document = _apply_operation(document, operation)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            message = f"the server rejected our request due to an error in our request: {operation.get('path')!r}: {error}"
            raise Failure(422, "Invalid", message) from error
    if not isinstance(document, dict):
        raise bad_request("the JSON patch leaves no object")
    return document


def _apply_operation(document: Any, operation: Json) -> Any:
    kind, path = operation["op"], _pointer(operation["path"])
    if kind == "add":
        return _add(document, path, operation["value"])
    if kind == "replace":
        _at(document, path)
        return operation["value"] if not path else _add(_remove(document, path), path, operation["value"])
    if kind == "remove":
        return _remove(document, path)
    if kind == "test":
        if _at(document, path) != operation["value"]:
            raise ValueError("the test failed")
        return document
    source = _pointer(operation["from"])
    value = copy.deepcopy(_at(document, source))
    if kind == "copy":
        return _add(document, path, value)
    if kind == "move":
        return _add(_remove(document, source), path, value)
    raise ValueError(f"unexpected kind: {kind}")


def _pointer(text: str) -> list[str]:
    if text and not text.startswith("/"):
        raise ValueError("a JSON pointer starts with /")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _at(document: Any, path: list[str]) -> Any:
    for part in path:
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


def _add(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent, last = _at(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        place = len(parent) if last == "-" else int(last)
        if not 0 <= place <= len(parent):
            raise IndexError(f"index {place} is outside the list")
        parent.insert(place, value)
    else:
        parent[last] = value
    return document


def _remove(document: Any, path: list[str]) -> Any:
    parent, last = _at(document, path[:-1]), path[-1]
    del parent[int(last) if isinstance(parent, list) else last]
    return document
