"""kube-proxy in nftables mode with the same Services, fed by the embedded Kubernetes API."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import msgspec

from measuring import references
from measuring.cluster_objects import NAMESPACE, endpoint_addresses, node_manifest, service_manifest, slice_manifest
from measuring.networks import Namespaces, output_of
from measuring.report import Report
from measuring.sources import found
from measuring.topologies import ask, connection, wait_for
from midonet_kubernetes.linux.kernel import Namespace
from midonet_kubernetes.testing.background import Background, ours

API = ("127.0.0.1", 8001)
METRICS = ("127.0.0.1", 10249)
SERVICES = f"/api/v1/namespaces/{NAMESPACE}/services"
SLICES = f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices"
_SYNC = re.compile(r"^kubeproxy_sync_(full|partial)_proxy_rules_duration_seconds_(sum|count){[^}]*} (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Synced:
    """Seconds that kube-proxy took.

    Args:
        first: its first sync, of everything, by its own metric.
        processor: processor time until then, of itself and of what it executes.
        change: a sync after an endpoint has moved, by its own metric.
    """

    first: float
    processor: float
    change: float


def missing() -> str:
    """What is missing to run it, "" for nothing."""
    if references.kube_proxy() is None:
        return "kube-proxy: run `make kubernetes`"
    return "" if found("nft") else "kube-proxy: nft is not installed"


def versions() -> str:
    """Which programs are measured."""
    said = [
        subprocess.check_output([program, "--version"], text=True).split()
        for program in (references.kube_proxy(), found("nft"))
        if program
    ]
    return f"kube-proxy {said[0][1]} with nft {said[-1][1]}" if len(said) == 2 else ""


def measure(report: Report, sizes: Sequence[int], endpoints: int, folder: Path) -> dict[int, Synced]:
    """The syncs by number of Services."""
    if missing():
        report.lacks(missing())
        return {}
    return {count: _synced(count, endpoints, folder / f"proxied{count}") for count in sizes}


def _synced(services: int, endpoints: int, folder: Path, changes: int = 3) -> Synced:
    folder.mkdir()
    with Namespaces(folder) as namespaces:
        node = namespaces.make("node")
        serve_api(namespaces, node, API, [node_manifest("node1", "10.244.1.0/24", "192.0.2.1")])
        add_services(node, API, {number: endpoint_addresses(number, endpoints) for number in range(services)})
        proxy = start(namespaces, node, f"http://{API[0]}:{API[1]}", "node1")
        first = _wait(node, proxy, "full", 0)
        processor = _processor(proxy)
        shown = output_of(node, [found("nft") or "nft", "list", "map", "ip", "kube-proxy", "service-ips"])
        assert shown.count("service-") >= services, "kube-proxy has not all Services"
        for number in range(changes):
            moved = slice_manifest(number, endpoint_addresses(number, endpoints, moved=1))
            before = _syncs(node)["partial"][1]
            with connection(node, API) as there:
                body = msgspec.json.encode(moved)
                status, said = ask(there, "PUT", f"{SLICES}/{moved['metadata']['name']}", "application/json", body)
            assert status == 200, said
            _wait(node, proxy, "partial", before)
        total, count = _syncs(node)["partial"]
        return Synced(first, processor, total / count)


def _processor(program: Background) -> float:
    """Seconds of processor time of a program and of those that it has executed."""
    fields = Path(f"/proc/{program.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / float(os.sysconf("SC_CLK_TCK"))


def serve_api(
    namespaces: Namespaces, namespace: Namespace, address: tuple[str, int], nodes: Sequence[dict[str, Any]]
) -> Background:
    """The embedded Kubernetes API with these Nodes."""
    listen = f"{address[0]}:{address[1]}"
    api = namespaces.program(namespace, [ours("midonet-kube"), "kubernetes-api", "--listen", listen, "--store", ":memory:"])
    wait_for(namespace, address, "/readyz", api)
    with connection(namespace, address) as there:
        _create(there, "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        for node in nodes:
            _create(there, "/api/v1/nodes", node)
    return api


def add_services(namespace: Namespace, address: tuple[str, int], services: dict[int, list[str]]) -> None:
    """Services with their endpoints."""
    with connection(namespace, address) as there:
        for number, addresses in services.items():
            _create(there, SERVICES, service_manifest(number))
            _create(there, SLICES, slice_manifest(number, addresses))


def _create(there: Any, path: str, manifest: dict[str, Any]) -> None:
    status, said = ask(there, "POST", path, "application/json", msgspec.json.encode(manifest))
    assert status == 201, (status, said)


def start(namespaces: Namespaces, namespace: Namespace, api: str, node: str, cluster_cidr: str = "10.244.0.0/16") -> Background:
    """kube-proxy of a node. Sysctls of the machine stay as they are."""
    program = references.kube_proxy()
    assert program is not None
    options = {
        "master": api,
        "proxy-mode": "nftables",
        "hostname-override": node,
        "cluster-cidr": cluster_cidr,
        "conntrack-max-per-core": "0",
        "conntrack-tcp-timeout-established": "0",
        "conntrack-tcp-timeout-close-wait": "0",
        "metrics-bind-address": f"{METRICS[0]}:{METRICS[1]}",
        "healthz-bind-address": "127.0.0.1:10256",
    }
    path = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    return namespaces.program(namespace, [program, *(f"--{name}={value}" for name, value in options.items())], path)


def wait_until_synced(namespace: Namespace, proxy: Background) -> None:
    """Until everything that the API has is in the kernel for the first time."""
    _wait(namespace, proxy, "full", 0)


def _syncs(namespace: Namespace) -> dict[str, tuple[float, int]]:
    """Seconds and number of the syncs of each kind, as far as there were any."""
    with connection(namespace, METRICS) as there:
        _, text = ask(there, "GET", "/metrics")
    values = {(kind, what): float(value) for kind, what, value in _SYNC.findall(text.decode())}
    return {kind: (values.get((kind, "sum"), 0.0), int(values.get((kind, "count"), 0))) for kind in ("full", "partial")}


def _wait(namespace: Namespace, proxy: Background, kind: str, before: int, seconds: float = 900) -> float:
    """Until there were more syncs than before; the seconds of all of that kind."""
    ends_at = time.monotonic() + seconds
    while True:
        with suppress(OSError, HTTPException):
            total, count = _syncs(namespace)[kind]
            if count > before:
                return total
        proxy.check()
        assert time.monotonic() < ends_at, proxy.tail()
        time.sleep(0.1)
