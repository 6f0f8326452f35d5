"""The verbs on objects and collections: from a call to an answer."""

from __future__ import annotations

from typing import cast

import msgspec

from midonet_kubernetes.exchange import Response
from midonet_kubernetes.kubernetes_api.embedded import deletion, forms, patches
from midonet_kubernetes.kubernetes_api.embedded.calls import Call, decode
from midonet_kubernetes.kubernetes_api.embedded.failures import (
    Failure,
    Json,
    bad_request,
    conflict,
    expired,
    method_not_allowed,
)
from midonet_kubernetes.kubernetes_api.embedded.paging import Pages
from midonet_kubernetes.kubernetes_api.embedded.registry import Registry
from midonet_kubernetes.kubernetes_api.embedded.store import Stored

_SHOWN_WHEN_GONE = {"pods", "services", "serviceaccounts"}  # their deletion answers with the object, not a Status
JSON_HEADERS = {"content-type": "application/json"}


def json_response(value: object, status: int = 200) -> Response:
    """An answer with a JSON body."""
    return Response(status, JSON_HEADERS, msgspec.json.encode(value))


class Verbs:
    """What each method does.

    Args:
        registry: what it is done to.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._pages = Pages()

    def answer(self, call: Call) -> Response:
        """Do what a call asks.

        Raises:
            Failure: it cannot be done.
        """
        on_object = {"GET": self._get, "PUT": self._replace, "PATCH": self._patch, "DELETE": self._delete}
        on_collection = {"GET": self._list, "POST": self._create, "DELETE": self._delete_collection}
        verb = (on_object if call.name else on_collection).get(call.method)
        if verb is None or (call.subresource == "status" and (call.method == "DELETE" or not call.resource.status)):
            raise method_not_allowed()
        return verb(call)

    def _shown(self, call: Call, stored: Stored, status: int = 200) -> Response:
        return Response(status, JSON_HEADERS, forms.one(call.resource, stored, call.form, self._registry.clock()))

    def _get(self, call: Call) -> Response:
        return self._shown(call, self._registry.get(call.stored, call.namespace, call.name))

    def _list(self, call: Call) -> Response:
        limit, token = call.number("limit") or 0, call.query.get("continue", "")
        if token:
            page = self._pages.next(token, limit)
        else:
            self._check_revision(call)
            selection, store = call.selection(), self._registry.store
            items = store.all(call.resource.id, call.namespace)
            if selection.labels or selection.fields:
                items = [item for item in items if selection.covers(item)]
            page = self._pages.first(items, store.revision, limit)
        about: Json = {"resourceVersion": str(page.revision)}
        if page.token:
            about |= {"continue": page.token, "remainingItemCount": page.remaining}
        raw = forms.many(call.resource, page.items, call.form, self._registry.clock(), about)
        return Response(200, JSON_HEADERS, raw)

    def _check_revision(self, call: Call) -> None:
        wanted, present = call.number("resourceVersion") or 0, self._registry.store.revision
        if wanted > present:
            message = f"Timeout: Too large resource version: {wanted}, current: {present}"
            details = {
                "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
                "retryAfterSeconds": 1,
            }
            raise Failure(504, "Timeout", message, details)
        if call.query.get("resourceVersionMatch") == "Exact" and wanted < present:
            raise expired(f"The provided resource version {wanted} is too old: only the present one can be listed")

    def _create(self, call: Call) -> Response:
        stored = self._registry.create(call.stored, call.namespace, call.body_object(), dry_run=call.dry_run, strict=call.strict)
        return self._shown(call, stored, 201)

    def _replace(self, call: Call) -> Response:
        body = call.body_object()
        wanted = body["metadata"].get("uid")

        def edit(old: Json) -> Json:
            if wanted and wanted != old["metadata"]["uid"]:
                why = f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {old['metadata']['uid']}"
                raise conflict(call.resource.plural, call.resource.group, call.name, why)
            return body

        stored = self._registry.update(
            call.stored,
            call.namespace,
            call.name,
            edit,
            status=call.subresource == "status",
            dry_run=call.dry_run,
            strict=call.strict,
        )
        return self._shown(call, stored)

    def _patch(self, call: Call) -> Response:
        media = call.headers.get("content-type", "").partition(";")[0].strip()
        patch = decode(call.content, media)
        if media == "application/apply-patch+yaml":
            return self._apply(call, patch)
        stored = self._registry.update(
            call.stored,
            call.namespace,
            call.name,
            lambda old: self._patched(call, media, old, patch),
            status=call.subresource == "status",
            dry_run=call.dry_run,
            strict=call.strict,
        )
        return self._shown(call, stored)

    @staticmethod
    def _patched(call: Call, media: str, old: Json, patch: object) -> Json:
        view = call.resource.view
        return view.read(apply_patch(call, media, view.show(old), patch)) if view else apply_patch(call, media, old, patch)

    def _apply(self, call: Call, patch: object) -> Response:
        """Server-side apply, without field managers: what the caller sends is merged over what is there."""
        if not isinstance(patch, dict):
            raise bad_request("the body of an apply request has to be an object")
        try:
            self._registry.get(call.stored, call.namespace, call.name)
        except Failure:
            if call.subresource:
                raise
            patch.setdefault("metadata", {}).setdefault("name", call.name)
            stored = self._registry.create(call.stored, call.namespace, patch, dry_run=call.dry_run, strict=call.strict)
            return self._shown(call, stored, 201)
        blend = patches.merge if call.resource.schema is not None else patches.strategic
        stored = self._registry.update(
            call.stored,
            call.namespace,
            call.name,
            lambda old: blend(old, patch),
            status=call.subresource == "status",
            dry_run=call.dry_run,
            strict=call.strict,
        )
        return self._shown(call, stored)

    def _delete(self, call: Call) -> Response:
        options = _options(call)
        stored, gone = deletion.delete(self._registry, call.stored, call.namespace, call.name, options)
        if not gone or call.resource.id in _SHOWN_WHEN_GONE:
            return self._shown(call, stored)
        details = {"name": call.name, "kind": call.resource.plural, "uid": stored.uid}
        if call.resource.group:
            details["group"] = call.resource.group
        return json_response({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})

    def _delete_collection(self, call: Call) -> Response:
        options, selection = _options(call), call.selection()
        items = [item for item in self._registry.store.all(call.resource.id, call.namespace) if selection.covers(item)]
        for item in items:
            deletion.delete(self._registry, call.stored, item.key.namespace, item.key.name, options)
        about: Json = {"resourceVersion": str(self._registry.store.revision)}
        return Response(200, JSON_HEADERS, forms.many(call.resource, items, forms.OBJECT, self._registry.clock(), about))


def apply_patch(call: Call, media: str, old: Json, patch: object) -> Json:
    """The object that a patch makes of another.

    Raises:
        Failure: 400, 415 or 422.
    """
    if media == "application/json-patch+json":
        if not isinstance(patch, list):
            raise bad_request("a JSON patch has to be a list of operations")
        return patches.apply_json_patch(old, patch)
    if not isinstance(patch, dict):
        raise bad_request("a merge patch has to be an object")
    if media == "application/merge-patch+json":
        new = patches.merge(old, patch)
    elif media == "application/strategic-merge-patch+json" and call.resource.schema is None:
        new = patches.strategic(old, patch)
    else:
        known = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
        message = f"the body of the request was in an unknown format - accepted media types include: {known}"
        raise Failure(415, "UnsupportedMediaType", message)
    return cast("Json", new)


def _options(call: Call) -> deletion.Options:
    body = call.body() if call.content else {}
    if not isinstance(body, dict):
        raise bad_request("DeleteOptions has to be an object")
    query: Json = {name: call.query[name] for name in ("propagationPolicy", "dryRun") if name in call.query}
    if (grace := call.number("gracePeriodSeconds")) is not None:
        query["gracePeriodSeconds"] = grace
    return deletion.read_options({**body, **query})
