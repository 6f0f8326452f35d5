"""A kubeconfig as it has to be in a lab: the same cluster and user, by way of the relay."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from midonet_kubernetes.kubernetes_api.kubeconfig import read_kubeconfig

CLUSTER_FILES, USER_FILES = ("certificate-authority",), ("client-certificate", "client-key", "tokenFile")


def moved(path: Path) -> dict[str, Any]:
    """The current context of a kubeconfig, in a form that may be written to any folder: files in it have absolute names.

    Raises:
        UserError: something in it is missing or wrong.
    """
    read_kubeconfig(path)  # for what it refuses
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    chosen = _named(document, "contexts", document["current-context"])
    moved_to = copy.deepcopy({"apiVersion": "v1", "kind": "Config", "current-context": chosen["name"], "contexts": [chosen]})
    cluster, user = chosen["context"]["cluster"], chosen["context"].get("user")
    moved_to["clusters"] = [copy.deepcopy(_named(document, "clusters", cluster))]
    moved_to["users"] = [copy.deepcopy(_named(document, "users", user))] if user else []
    folder = path.absolute().parent
    for entry, files in (("cluster", CLUSTER_FILES), ("user", USER_FILES)):
        for named in moved_to[f"{entry}s"]:
            _make_absolute(named[entry], files, folder)
    return moved_to


def relayed(document: Mapping[str, Any], address: str, port: int) -> dict[str, Any]:
    """A moved kubeconfig whose server is reached at another address; its certificate is checked as before.

    Args:
        document: what ``moved`` gave.
        address: an IPv4 address of the lab.
        port: where the relay's socket listens there.
    """
    changed = copy.deepcopy(dict(document))
    cluster = changed["clusters"][0]["cluster"]
    server = urlsplit(cluster["server"])
    if server.scheme == "https":
        cluster["tls-server-name"] = cluster.get("tls-server-name") or server.hostname
    cluster["server"] = server._replace(netloc=f"{address}:{port}").geturl()
    return changed


def address_of(server: str) -> tuple[str, int]:
    """Host and port of a server's URL."""
    parts = urlsplit(server)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _named(document: Mapping[str, Any], field: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(entry for entry in document[field] if entry["name"] == name)
    return found


def _make_absolute(entry: dict[str, Any], fields: tuple[str, ...], folder: Path) -> None:
    for field in fields:
        if entry.get(field):
            entry[field] = str(folder / entry[field])
    command = (entry.get("exec") or {}).get("command", "")
    if "/" in command:
        entry["exec"]["command"] = str(folder / command)
