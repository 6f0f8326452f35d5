"""Two nodes with pods on one cable: with our network, with plain routing over VXLAN, and with bridges, VXLAN and kube-proxy."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from measuring import kube_proxy
from measuring.cluster_objects import (
    PORT,
    host_id,
    node_manifest,
    pod_manifest,
    pod_translations,
    service_address,
    service_translations,
)
from measuring.networks import KERNEL, Namespaces, routing, wire
from measuring.nodes import MTU, BridgeNode, Node, OurNode, address_of, call
from measuring.topologies import Topology
from midonet_kubernetes.linux.kernel import Namespace
from midonet_kubernetes.minimidonet.agent.datapath import Datapath
from midonet_kubernetes.minimidonet.agent.programmer import Programmer
from midonet_kubernetes.minimidonet.agent.stream import Commit, Position
from midonet_kubernetes.model.names import mac_for
from midonet_kubernetes.topology.change import Change
from midonet_kubernetes.topology.host_network import Address, ForwardingEntry, Link, Neighbour, Route, Vxlan

UNDERLAY = {1: "192.0.2.1", 2: "192.0.2.2"}
API = (UNDERLAY[1], 8001)
FIRST_OWN_SERVICE = 20_000  # numbers of Services whose endpoints are pods of ours


def pod_cidr(node: int) -> str:
    """The podCIDR of a node."""
    return f"10.244.{node}.0/24"


def service(place: int) -> tuple[str, int]:
    """Address and port of one of the Services whose endpoints are pods of ours."""
    return service_address(FIRST_OWN_SERVICE + place), PORT


@dataclass(frozen=True)
class Pod:
    """A pod that runs nothing."""

    namespace: Namespace
    address: str


def _two_nodes(namespaces: Namespaces, name: str) -> dict[int, Namespace]:
    """Namespaces of two nodes with a cable between them."""
    nodes = {number: namespaces.make(f"{name}{number}") for number in (1, 2)}
    wire(nodes[1], nodes[2], (f"{UNDERLAY[1]}/24", f"{UNDERLAY[2]}/24"))
    return nodes


class OurCluster:
    """Daemons wire pods; the agents' programmers run in this process, with a topology in memory.

    Args:
        namespaces: where everything is made.
        name: short, and no other cluster's.
        execute: the program ``execute``.
        services: how many there are besides those of ``serve``.
        endpoints: of each of them.
    """

    def __init__(self, namespaces: Namespaces, name: str, execute: Path, services: int = 0, endpoints: int = 10) -> None:
        self._namespaces, self._name, self._execute = namespaces, name, execute
        own = _two_nodes(namespaces, name)
        self.topology = Topology()
        self._nodes = {
            number: OurNode(namespaces, f"{name}{number}", pod_cidr(number), UNDERLAY[number], own[number]) for number in own
        }
        self._manifests = {
            number: self.topology.add_node(f"{name}{number}", pod_cidr(number), UNDERLAY[number]) for number in own
        }
        self.topology.add_services(range(services), endpoints)
        self._programmers: dict[int, Programmer] = {}
        self._open_things = contextlib.ExitStack()
        self._revision = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open_things.close()

    def add_pod(self, node: int, name: str) -> Pod:
        """What kubelet and the controllers do for a new pod; it works after ``program``."""
        added, namespace = _added(self._namespaces, self._execute, self._nodes[node], f"{self._name}{name}")
        mac = added["interfaces"][1]["mac"]
        manifest = pod_manifest(f"{self._name}{name}", f"{self._name}{node}", address_of(added), mac)
        self.topology.push(pod_translations(manifest, self._manifests[node]))
        return Pod(namespace, address_of(added))

    def serve(self, place: int, addresses: Sequence[str]) -> None:
        """A Service with these endpoints."""
        self.topology.push(service_translations(FIRST_OWN_SERVICE + place, addresses))

    def program(self) -> None:
        """Put everything into the kernel."""
        for number, node in self._nodes.items():
            inside, own = KERNEL.open_namespace(node.datapath), KERNEL.open_namespace(node.namespace.path)
            datapath = Datapath(KERNEL, inside, own)
            self._open_things.callback(datapath.close)
            datapath.prepare()
            self._programmers[number] = Programmer(self._host(number), datapath)
            self._take(number, self.topology.snapshot(self._host(number)), snapshot=True)

    def programmer(self, node: int) -> Programmer:
        """What the node's agent does to the kernel."""
        return self._programmers[node]

    def news(self, node: int) -> tuple[Change, ...]:
        """What the node's agent would be told now."""
        return tuple(self.topology.news().get(self._host(node), ()))

    def _host(self, node: int) -> str:
        return host_id(f"{self._name}{node}")

    def _take(self, node: int, changes: Sequence[Change], *, snapshot: bool = False) -> None:
        self._revision += 1
        report = self._programmers[node].take(Commit(tuple(changes), Position("s", self._revision), snapshot))
        assert not report.refused, report.refused[:3]


class RoutedCluster:
    """Pods on routed veths, VXLAN between the nodes, nothing that filters or translates.

    Args:
        namespaces: where everything is made.
        name: short, and no other cluster's.
        merges: whether tunnel links merge what they receive, as the kernel lets them do by itself.
    """

    def __init__(self, namespaces: Namespaces, name: str, *, merges: bool = True) -> None:
        self._namespaces, self._name = namespaces, name
        self._nodes = _two_nodes(namespaces, name)
        _add_tunnels(self._nodes, merges=merges)
        self._pods = 0

    def add_pod(self, node: int, name: str) -> Pod:
        """A pod with a veth, a route and static neighbours."""
        self._pods += 1
        link, address = f"pod{self._pods}", f"10.244.{node}.{10 + self._pods}"
        outer, inner = mac_for(f"outer {link}"), mac_for(f"inner {link}")
        namespace = self._namespaces.make(f"{self._name}{name}")
        with routing(self._nodes[node]) as here:
            here.add_veth(Link(link, mac=outer, mtu=MTU), Link("eth0", mac=inner, mtu=MTU), namespace)
            here.replace_route(Route(f"{address}/32", link=link))
            here.replace_neighbour(Neighbour(link, address, inner))
        with routing(namespace) as inside:
            inside.set_link(Link("eth0"))
            inside.replace_route(Route("169.254.1.1/32", link="eth0"))
            inside.replace_neighbour(Neighbour("eth0", "169.254.1.1", outer))
            inside.replace_address(Address("eth0", f"{address}/32"))
            inside.replace_route(Route("0.0.0.0/0", link="eth0", via="169.254.1.1", source=address))
        return Pod(namespace, address)


class BridgeCluster:
    """Pods on bridges of the reference plugin, VXLAN between the nodes, and kube-proxy on both.

    Args:
        namespaces: where everything is made.
        name: short, and no other cluster's.
        execute: the program ``execute``.
        plugins: folder of the reference plugins.
    """

    def __init__(self, namespaces: Namespaces, name: str, execute: Path, plugins: Path) -> None:
        self._namespaces, self._name, self._execute = namespaces, name, execute
        self._own = _two_nodes(namespaces, name)
        self._nodes = {
            number: BridgeNode(namespaces, f"{name}{number}", plugins, pod_cidr(number), namespace=own)
            for number, own in self._own.items()
        }
        _add_tunnels(self._own)

    def add_pod(self, node: int, name: str) -> Pod:
        """What kubelet does for a new pod."""
        added, namespace = _added(self._namespaces, self._execute, self._nodes[node], f"{self._name}{name}")
        return Pod(namespace, address_of(added))

    def serve(self, services: dict[int, list[str]]) -> None:
        """Start kube-proxy with Services: addresses by place."""
        nodes = [node_manifest(f"{self._name}{number}", pod_cidr(number), UNDERLAY[number]) for number in self._own]
        kube_proxy.serve_api(self._namespaces, self._own[1], API, nodes)
        numbered = {FIRST_OWN_SERVICE + place: addresses for place, addresses in services.items()}
        kube_proxy.add_services(self._own[1], API, numbered)
        for number, own in self._own.items():
            proxy = kube_proxy.start(self._namespaces, own, f"http://{API[0]}:{API[1]}", f"{self._name}{number}")
            kube_proxy.wait_until_synced(own, proxy)


def single_bridge(namespaces: Namespaces, name: str, execute: Path, plugins: Path, *, iptables: bool) -> tuple[Pod, Pod]:
    """Two pods on one bridge, whose packets iptables sees or does not see."""
    node = BridgeNode(namespaces, name, plugins, pod_cidr(1), masquerade=iptables)
    node.namespace.write_sysctl("net.bridge.bridge-nf-call-iptables", "1" if iptables else "0")
    pods = []
    for pod in "ab":
        added, namespace = _added(namespaces, execute, node, f"{name}{pod}")
        pods.append(Pod(namespace, address_of(added)))
    return pods[0], pods[1]


def _added(namespaces: Namespaces, execute: Path, node: Node, name: str) -> tuple[dict[str, Any], Namespace]:
    """The result of ADD for a new pod, and the pod's namespace."""
    namespace = namespaces.make(name)
    return call(execute, node, "ADD", [namespace])[0].result, namespace


def _add_tunnels(nodes: dict[int, Namespace], *, merges: bool = True) -> None:
    """VXLAN links in the nodes' own namespaces, with routes to each other's pods."""
    macs = {number: mac_for(f"tunnel {number}") for number in nodes}
    for number, other in ((1, 2), (2, 1)):
        nodes[number].write_sysctl("net.ipv4.ip_forward", "1")
        gateway = f"10.244.{other}.0"
        tunnel = Link("vxlan0", "vxlan", mac=macs[number], mtu=MTU, vxlan=Vxlan(5, 6677, UNDERLAY[number]))
        with routing(nodes[number]) as here:
            here.add_vxlan(tunnel)
            here.set_merging("vxlan0", merges=merges)
            here.set_link(replace(tunnel, up=True))
            here.replace_neighbour(Neighbour("vxlan0", gateway, macs[other]))
            here.replace_forwarding(ForwardingEntry("vxlan0", macs[other], UNDERLAY[other]))
            here.replace_route(Route(pod_cidr(other), link="vxlan0", via=gateway, onlink=True))
