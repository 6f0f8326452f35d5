"""The nodes of the lab as network namespaces, joined by an Ethernet bridge: what would be machines and a switch."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from midonet_kubernetes.lab.state import Place
from midonet_kubernetes.linux.kernel import Kernel
from midonet_kubernetes.topology.host_network import Address, Link

NETWORK = IPv4Network("192.168.77.0/24")  # seen inside the lab only
SWITCH = "underlay"
FIRST = 10  # node-1 has .11
MOST_NODES = 99


@dataclass(frozen=True)
class LabNode:
    """A node of the lab.

    Args:
        name: its Node's name.
        address: its InternalIP.
        network: file of its own network namespace.
        datapath: file of the namespace that minimidonet's agent programs on it.
        files: its own folder.
    """

    name: str
    address: str
    network: Path
    datapath: Path
    files: Path


def planned(place: Place, count: int) -> list[LabNode]:
    """The nodes of a lab, before any of them is there."""
    return [
        LabNode(
            name=name,
            address=str(NETWORK[FIRST + number]),
            network=place.namespaces / name,
            datapath=place.namespaces / f"{name}.midonet",
            files=place.of_node(name),
        )
        for number, name in ((number, f"node-{number}") for number in range(1, count + 1))
    ]


def build(kernel: Kernel, nodes: list[LabNode]) -> None:
    """Make the nodes' namespaces and connect them.

    Raises:
        KernelError: the kernel refused something.
    """
    here = kernel.own_namespace()
    switch = kernel.routing(here)
    switch.set_link(Link("lo"))
    switch.add_bridge(Link(SWITCH))
    switch.replace_address(Address(SWITCH, f"{NETWORK[1]}/{NETWORK.prefixlen}"))  # for the lab itself
    for number, node in enumerate(nodes, 1):
        node.files.mkdir(parents=True)
        there = kernel.create_namespace(str(node.network))
        switch.add_veth(Link(f"to-{node.name}", bridge=SWITCH), Link("eth0", mac=f"02:00:00:00:00:{number:02x}"), there)
        routing = kernel.routing(there)
        routing.set_link(Link("lo"))
        routing.set_link(Link("eth0"))
        routing.replace_address(Address("eth0", f"{node.address}/{NETWORK.prefixlen}"))
        routing.close()
        there.close()
    switch.close()
    here.close()
