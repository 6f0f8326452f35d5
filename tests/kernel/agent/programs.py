"""A cluster whose topology comes from a server process through agent processes."""

import select
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid5

import msgspec

from midonet_kubernetes.linux.real import LinuxKernel
from midonet_kubernetes.model.annotations import HOST_ID, MAC_ADDRESS, TUNNEL_ENDPOINT_IP
from midonet_kubernetes.model.kubernetes import EndpointSlice, Node, Pod, Service
from midonet_kubernetes.model.names import Names
from midonet_kubernetes.model.resource_kinds import KINDS
from midonet_kubernetes.topology.host_network import Address
from midonet_kubernetes.translate import endpoints, global_objects, node, pod, service

NAMES = Names("test")
SERVER = "192.0.2.254"
PROGRAM = [sys.executable, "-m", "midonet_kubernetes.minimidonet.main"]
_SPACE = UUID("11111111-2222-3333-4444-555555555555")


def host_id(number):
    return str(uuid5(_SPACE, str(number)))


class Program:
    """A process in a machine's namespace."""

    def __init__(self, machine, arguments, log):
        self._machine, self._arguments, self.log = machine, arguments, Path(log)
        self.start()

    def start(self):
        with self._machine.namespace.entered(), self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "midonet_kubernetes.minimidonet.main", *self._arguments], stdout=log, stderr=log
            )

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        return self.process.wait(10)

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.kill(signal.SIGTERM)


class Api:
    """REST requests from within a namespace."""

    def __init__(self, machine, base):
        self._machine, self._base = machine, base

    def request(self, method, path, media="application/json", body=None):
        data = body.encode() if body is not None else None
        headers = {"Accept": media, **({"Content-Type": media} if data else {})}
        request = urllib.request.Request(self._base + path, data, headers, method=method)
        with self._machine.namespace.entered(), urllib.request.urlopen(request, timeout=10) as response:
            return response.read()

    def push(self, translations):
        for translation in translations:
            for resource in translation.resources:
                kind, body = KINDS[resource.kind], msgspec.json.decode(resource.body)
                with suppress(urllib.error.HTTPError):
                    self.request("DELETE", "/midonet-api" + kind.item_path(resource.parent, kind.id_of(resource.parent, body)))
                path = "/midonet-api" + kind.collection_path(resource.parent, body)
                self.request("POST", path, kind.media_type, resource.body)

    def status(self, number):
        return msgspec.json.decode(self.request("GET", f"/minimidonet/v1/hosts/{host_id(number)}/status"))["status"] or {}

    def version(self):
        return msgspec.json.decode(self.request("GET", "/minimidonet/v1/version"))


def kubernetes_node(host):
    n = host.node
    return msgspec.convert(
        {
            "metadata": {
                "name": f"n{n.number}",
                "uid": f"n{n.number}",
                "annotations": {HOST_ID: host_id(n.number), TUNNEL_ENDPOINT_IP: n.underlay, MAC_ADDRESS: n.mac},
            },
            "spec": {"podCIDR": f"10.244.{n.number}.0/24"},
            "status": {"addresses": [{"type": "InternalIP", "address": n.underlay}]},
        },
        Node,
    )


def kubernetes_pod(host, number, mac):
    n = host.node
    return msgspec.convert(
        {
            "metadata": {"name": f"p{number}", "namespace": f"n{n.number}", "uid": "p", "annotations": {MAC_ADDRESS: mac}},
            "spec": {"nodeName": f"n{n.number}"},
            "status": {"podIP": n.pod_address(number), "phase": "Running"},
        },
        Pod,
    )


def kubernetes_service(name, address, port, addresses, protocol="TCP"):
    """The Translations of a Service with its endpoints."""
    metadata = {"name": name, "namespace": "default", "uid": name}
    ports = [{"name": "p", "protocol": protocol, "port": port, "targetPort": 8080}]
    a_service = msgspec.convert(
        {"metadata": metadata, "spec": {"type": "ClusterIP", "clusterIP": address, "ports": ports}}, Service
    )
    a_slice = {
        "metadata": metadata,
        "addressType": "IPv4",
        "ports": [{"name": "p", "protocol": protocol, "port": 8080}],
        "endpoints": [{"addresses": [ip], "conditions": {"ready": True}} for ip in addresses],
    }
    first = service.translate(a_service, NAMES).translations
    return [*first, *endpoints.from_slices(a_service, [msgspec.convert(a_slice, EndpointSlice)], NAMES).translations]


class World:
    """A server, and an agent for each host of a cluster.

    Args:
        cluster: hosts, not loaded.
        folder: for files, logs and mounts.
    """

    def __init__(self, cluster, folder):
        self.cluster, self.folder, self.settled = cluster, Path(folder), 0
        wire = cluster.wire
        wire.routing.replace_address(Address("underlay", f"{SERVER}/24"))
        port = 8181
        store = str(self.folder / "store")
        self.server = Program(
            wire, ["serve", "--listen", f"{SERVER}:{port}", "--store", store, "--allow-anonymous"], self.folder / "server.log"
        )
        self.url = f"http://{SERVER}:{port}"
        self.api = Api(wire, self.url)
        eventually(self.api.version)
        self.agents = [self.agent(host) for host in cluster.hosts]

    def path(self, host):
        return str(self.folder / f"datapath{host.node.number}")

    def agent(self, host):
        return Program(
            host.own, [*self.agent_arguments(host), "--listen", "127.0.0.1:9900"], self.folder / f"agent{host.node.number}.log"
        )

    def agent_arguments(self, host):
        n = host.node.number
        where = ["--api", f"{self.url}/midonet-api", "--namespace", self.path(host)]
        return ["agent", *where, "--host-id", host_id(n), "--name", f"n{n}"]

    def differences(self, host):
        """What a dry run says has to be done."""
        with host.own.namespace.entered():
            done = subprocess.run(
                [*PROGRAM, *self.agent_arguments(host), "--dry-run"], capture_output=True, text=True, check=False
            )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def show_logs(self):
        for log in sorted(self.folder.glob("*.log")):
            sys.stdout.write(f"--- {log.name}\n{log.read_text()[-3000:]}\n")

    def load(self):
        """Two pods a node, as the node daemon and the controllers make them."""
        for number, _ in enumerate(self.cluster.hosts, 1):
            eventually(lambda number=number: self.api.request("GET", f"/minimidonet/v1/hosts/{host_id(number)}/status"))
        self.api.push(global_objects.translations(NAMES))
        for host in self.cluster.hosts:
            host.adopt_datapath(self.path(host))
            host.wire_node()
            self.api.push(node.translate(kubernetes_node(host), NAMES).translations)
            for number in (3, 4):
                host.wire_pod(number)
                self.push_pod(host, number)
        self.settle()

    def push_pod(self, host, number):
        mac = host.pods[number].routing.link("eth0").mac
        self.api.push(pod.translate(kubernetes_pod(host, number, mac), kubernetes_node(host), NAMES).translations)

    def settle(self):
        """Wait until every agent has programmed all, with something that all of them need as the last thing."""
        self.settled += 1
        zone = msgspec.json.encode({"name": f"settled{self.settled}", "type": "vxlan"}).decode()
        self.api.request("POST", "/midonet-api/tunnel_zones", "application/vnd.org.midonet.TunnelZone-v1+json", zone)
        revision = self.api.version()["revision"]

        def settled():
            for number, _ in enumerate(self.cluster.hosts, 1):
                status = self.api.status(number)
                assert status.get("revision", 0) >= revision
                assert status["refused"] == []

        eventually(settled)

    def close(self):
        for program in (*self.agents, self.server):
            program.close()
        for host in self.cluster.hosts:
            LinuxKernel().remove_namespace(self.path(host))


def eventually(claim, seconds=30):
    """The answer of ``claim`` once it raises nothing."""
    end = time.monotonic() + seconds
    while True:
        try:
            return claim()
        except (AssertionError, OSError):
            if time.monotonic() > end:
                raise
            select.select([], [], [], 0.02)  # nothing tells when to look again
