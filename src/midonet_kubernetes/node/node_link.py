"""The node's own link to the virtual network, and what the node's namespace and the datapath namespace need to know of it.

``midokube-mido`` is a port of the virtual network like a pod's; ``midokube-node`` is the node's end. It has the node's address
(the second of the podCIDR), and the routes to all pods and services lead through it.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from ipaddress import IPv4Network

from midonet_kubernetes.errors import KernelError
from midonet_kubernetes.linux.kernel import Kernel, Namespace
from midonet_kubernetes.model.names import NODE_PORT_INTERFACE, mac_for
from midonet_kubernetes.node.addresses import Subnet
from midonet_kubernetes.topology.host_network import Address, Link, Neighbour, Route

NODE_INTERFACE = "midokube-node"
ENCAPSULATION = 50  # bytes that VXLAN over IPv4 adds to a packet
EVERYTHING = "0.0.0.0/0"
ETHERNET_MTU = 1500


def node_mac(node: str) -> str:
    """The MAC of ``midokube-node``. No pod's key begins with a capital, so none shares it."""
    return mac_for(f"Node/{node}")


@dataclass(frozen=True, slots=True)
class NodeNetwork:
    """What the node's link is made from.

    Args:
        node: the Node's name.
        subnet: its podCIDR.
        clusters: networks that are reached through the virtual network: all pods, all services.
        mtu: of the link.
        length: prefix length that the node's address is given with.
    """

    node: str
    subnet: Subnet
    clusters: tuple[IPv4Network, ...]
    mtu: int
    length: int


def underlay_mtu(kernel: Kernel, own: Namespace, addresses: list[str]) -> int:
    """The MTU of the link that has one of the node's ``addresses``, else of the default route's link, else Ethernet's."""
    routing = kernel.routing(own)
    try:
        mtus = {link.name: link.mtu for link in routing.links()}
        holders = [held.link for held in routing.addresses() if held.address.partition("/")[0] in addresses]
        holders += [route.link for route in routing.routes() if route.destination == EVERYTHING and route.link]
    finally:
        routing.close()
    return next((mtus[name] for name in holders if mtus.get(name)), ETHERNET_MTU)


class NodeLink:
    """Keeps the link as it should be.

    Args:
        kernel: real or twin.
        own: the node's namespace.
        outer: the datapath namespace; the node's own with a real MidoNet.
        routed: minimidonet: ``midokube-mido`` is a routed port.
    """

    def __init__(self, kernel: Kernel, own: Namespace, outer: Namespace, *, routed: bool) -> None:
        self._own_namespace, self._outer_namespace, self._routed = own, outer, routed
        self._own, self._outer = kernel.routing(own), kernel.routing(outer)

    def close(self) -> None:
        """Close the sockets."""
        self._own.close()
        self._outer.close()

    def ensure(self, network: NodeNetwork) -> list[str]:
        """Make or repair the link.

        Returns:
            What was not as it should be, in words; empty when nothing was changed.

        Raises:
            KernelError: the first refusal.
        """
        done = self._ensure_pair(network)
        done += self._ensure_outside(network) if self._routed else []
        return done + self._ensure_inside(network)

    def remove(self) -> bool:
        """Take the link away, with its addresses and routes. Returns whether there was one."""
        try:
            self._own.delete_link(NODE_INTERFACE)
        except KernelError as error:
            if error.code != errno.ENODEV:
                raise
            return False
        return True

    def _ensure_pair(self, network: NodeNetwork) -> list[str]:
        outer = Link(NODE_PORT_INTERFACE, "veth", mac=mac_for(network.node) if self._routed else "", mtu=network.mtu)
        inner = Link(NODE_INTERFACE, "veth", mac=node_mac(network.node), mtu=network.mtu)
        done = []
        if self._outer.link(outer.name) is None or self._own.link(inner.name) is None:
            for routing, half in ((self._outer, outer), (self._own, inner)):  # half a pair is of no use, and in the way
                if routing.link(half.name) is not None:
                    routing.delete_link(half.name)
            self._outer.add_veth(outer, inner, self._own_namespace)
            self._own.set_link(inner)  # the kernel makes a peer that is down
            done.append(f"the link {NODE_PORT_INTERFACE} was missing")
        for routing, wanted in ((self._outer, outer), (self._own, inner)):
            link = routing.link(wanted.name)
            if link is not None and (not link.up or link.mtu != wanted.mtu or (wanted.mac and link.mac != wanted.mac)):
                routing.set_link(wanted)
                done.append(f"{wanted.name} was down or had another MAC or MTU")
        return done

    def _ensure_outside(self, network: NodeNetwork) -> list[str]:
        done = []
        address = network.subnet.node
        if self._outer.proxy_delays().get(NODE_PORT_INTERFACE) != 0:
            self._outer.set_proxy_delay(NODE_PORT_INTERFACE, 0)
        for name in ("rp_filter", "proxy_arp"):
            setting = f"net/ipv4/conf/{NODE_PORT_INTERFACE}/{name}"
            if self._outer_namespace.read_sysctl(setting) != "1":
                self._outer_namespace.write_sysctl(setting, "1")
        neighbour = Neighbour(NODE_PORT_INTERFACE, address, node_mac(network.node))
        if neighbour not in self._outer.neighbours():
            self._outer.replace_neighbour(neighbour)
            done.append(f"the neighbour {address} of {NODE_PORT_INTERFACE} was missing")
        if not any(r.destination == f"{address}/32" and r.link == NODE_PORT_INTERFACE for r in self._outer.routes()):
            self._outer.replace_route(Route(f"{address}/32", link=NODE_PORT_INTERFACE))
            done.append(f"the route to {address} through {NODE_PORT_INTERFACE} was missing")
        return done

    def _ensure_inside(self, network: NodeNetwork) -> list[str]:
        done = []
        wanted = Address(NODE_INTERFACE, f"{network.subnet.node}/{network.length}")
        addresses = [address for address in self._own.addresses() if address.link == NODE_INTERFACE]
        if wanted not in addresses:
            self._own.replace_address(wanted)
            done.append(f"{NODE_INTERFACE} had not the address {wanted.address}")
        for stale in addresses:
            if stale != wanted:
                self._own.delete_address(stale)
                done.append(f"{NODE_INTERFACE} had the address {stale.address} too")
        gateway = Neighbour(NODE_INTERFACE, network.subnet.gateway, mac_for(network.node))
        if gateway not in self._own.neighbours():
            self._own.replace_neighbour(gateway)
            done.append(f"the neighbour {gateway.address} of {NODE_INTERFACE} was missing")
        routes = self._own.routes()
        for cluster in network.clusters:
            route = Route(str(cluster), link=NODE_INTERFACE, via=gateway.address, source=network.subnet.node, onlink=True)
            if route not in routes:
                self._own.replace_route(route)
                done.append(f"the route to {cluster} through {NODE_INTERFACE} was missing")
        return done
