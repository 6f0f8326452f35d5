"""Small virtual networks for the simulator's tests, and conversations that carry the flow state from packet to packet."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Interface
from typing import Any

import msgspec

from midonet_kubernetes.model.midonet import KINDS, Rule
from midonet_kubernetes.simulate import Outcome, Packet, State, Topology, simulate
from midonet_kubernetes.simulate.choices import Chooser
from midonet_kubernetes.simulate.packets import answer_to, tcp

ROUTER = "r"
VIP, VIP_PORT, TARGET_PORT = "10.96.0.1", 80, 8080
ENDS = {10: "a", 11: "b", 12: "c"}


class Network:
    """Objects under construction; rules of a chain are ranked in the order in which they are added."""

    def __init__(self) -> None:
        self._objects: dict[tuple[str, str], Any] = {}
        self._ranks: Counter[str] = Counter()
        self.macs: dict[str, str] = {}  # of hosts, by address
        self.ports: dict[str, str] = {}  # of hosts, by address

    def add(self, kind: str, id_: str, **fields: Any) -> str:
        """Add or replace an object, with REST field names."""
        self._objects[kind, id_] = msgspec.convert({"id": id_, **fields}, KINDS[kind])
        return id_

    def remove(self, kind: str, id_: str) -> None:
        """Remove an object."""
        del self._objects[kind, id_]

    def change(self, kind: str, id_: str, **fields: Any) -> None:
        """Change attributes of an object (Python names)."""
        self._objects[kind, id_] = msgspec.structs.replace(self._objects[kind, id_], **fields)

    def chain(self, id_: str, *rules: dict[str, Any]) -> str:
        """Add a chain, if it is not there, and rules at its end; each is ``type`` and conditions."""
        if ("Chain", id_) not in self._objects:
            self.add("Chain", id_)
        for rule in rules:
            self._ranks[id_] += 1
            rank = self._ranks[id_]
            fields = {"flowAction": "accept"} if "nat" in rule["type"] else {}
            self.add("Rule", rule.get("id", f"{id_}-{rank}"), chainId=id_, rank=rank, **fields | rule)
        return id_

    def host(self, port: str, bridge: str, address: str, mac: str, **fields: Any) -> str:
        """An exterior bridge port with one host behind it, known to the bridge's tables."""
        self.add("Port", port, type="Bridge", deviceId=bridge, hostId="h", interfaceName=port, **fields)
        self.add("MacPort", f"{bridge}/0/{mac}/{port}", bridgeId=bridge, macAddr=mac, portId=port)
        self.add("Ip4Mac", f"{bridge}/{address}/{mac}", bridgeId=bridge, ip=address, mac=mac)
        self.macs[address], self.ports[address] = mac, port
        return port

    def link(self, bridge: str, router: str, subnet: str, mac: str, number: int = 1) -> None:
        """Router port ``rp<number>``, linked to ``lp<number>`` of the bridge, with its Local and its subnet route."""
        interface = IPv4Interface(subnet)
        router_port, bridge_port = f"rp{number}", f"lp{number}"
        self.add("Port", bridge_port, type="Bridge", deviceId=bridge, peerId=router_port)
        self.add("Port", router_port, type="Router", deviceId=router, peerId=bridge_port, portSubnet=[subnet], portMac=mac)
        self.macs[str(interface.ip)] = mac
        self.route(f"local{number}", router, str(interface.ip), 32, router_port, type="Local")
        network = interface.network
        self.route(f"subnet{number}", router, str(network.network_address), network.prefixlen, router_port)

    def route(self, id_: str, router: str, network: str, length: int, port: str | None, **fields: Any) -> None:
        """A route, ``Normal`` unless ``type`` says otherwise."""
        of_route = {"type": "Normal", "routerId": router, "nextHopPort": port} | fields
        self.add("Route", id_, dstNetworkAddr=network, dstNetworkLength=length, **of_route)

    def objects(self) -> list[Any]:
        """What has been added."""
        return list(self._objects.values())

    def rules(self, chain: str) -> list[Rule]:
        """The rules of a chain, in their order."""
        rules = [item for item in self._objects.values() if isinstance(item, Rule) and item.chain_id == chain]
        return sorted(rules, key=lambda rule: rule.rank)

    def topology(self) -> Topology:
        """The view that the simulator takes."""
        return Topology(self.objects())


def cluster(*, nodes: int = 2) -> Network:
    """The network of ``simulation.md`` section 10: per node a bridge, linked to one router, a node port and pods.

    Node n has 10.1.n.0/24 with gateway .1 at ``rp<n>``, itself .2 at ``np<n>`` and pods .10 to .12 at ``a<n>`` to ``c<n>``.
    All bridges have the inbound chain ``main``, which jumps to ``pre`` and ``services``; both are empty.
    """
    network = Network()
    network.add("Router", ROUTER)
    network.chain("pre")
    network.chain("services")
    network.chain("main", {"type": "jump", "jumpChainId": "pre"}, {"type": "jump", "jumpChainId": "services"})
    for n in range(1, nodes + 1):
        bridge = network.add("Bridge", f"br{n}", inboundFilterId="main")
        network.link(bridge, ROUTER, f"10.1.{n}.1/24", f"02:00:00:00:0{n}:01", n)
        network.host(f"np{n}", bridge, f"10.1.{n}.2", f"02:00:00:00:0{n}:02")
        network.route(f"node{n}", ROUTER, f"192.168.0.{n}", 32, f"rp{n}", nextHopGateway=f"10.1.{n}.2")
        network.macs[f"192.168.0.{n}"], network.ports[f"192.168.0.{n}"] = f"02:00:00:00:0{n}:02", f"np{n}"
        for last, name in ENDS.items():
            network.host(f"{name}{n}", bridge, f"10.1.{n}.{last}", f"02:00:00:00:0{n}:{last}")
    return network


def target(address: str, port: int = TARGET_PORT, last: int | None = None) -> dict[str, Any]:
    """A NAT target of one address."""
    return {"addressFrom": address, "addressTo": address, "portFrom": port, "portTo": last or port}


@dataclass
class Conversation:
    """Packets one after another over one network; the state of each outcome is the next packet's."""

    network: Network
    state: State = field(default_factory=State)
    chooser: Chooser | None = None

    def all(self, port: str, packet: Packet) -> tuple[Outcome, ...]:
        """All outcomes; the state stays as it is."""
        return simulate(self.network.topology(), packet, port, self.state, chooser=self.chooser)

    def send(self, port: str, packet: Packet) -> Outcome:
        """The only outcome; its state is kept."""
        (outcome,) = self.all(port, packet)
        self.state = outcome.state
        return outcome

    def tcp(self, source: str, sport: int, destination: str, dport: int, **fields: Any) -> Packet:
        """A TCP packet as the host with address ``source`` would frame it."""
        return tcp(self.eth(source, destination), source, sport, destination, dport, **fields)

    def eth(self, source: str, destination: str) -> tuple[str, str]:
        """MACs of a frame: on-link to the destination's own MAC, else to the gateway's."""
        gateway = IPv4Interface(f"{source}/24").network[1] if source.startswith("10.1.") else IPv4Address("10.1.1.1")
        on_link = IPv4Address(destination) in IPv4Interface(f"{source}/24").network
        receiver = destination if on_link and destination in self.network.macs else str(gateway)
        return self.network.macs[source], self.network.macs[receiver]

    def answer(self, outcome: Outcome) -> Outcome:
        """What the receiver of an outcome's only delivery answers."""
        (delivery,) = outcome.deliveries
        back = answer_to(delivery.packet)
        source, destination = self.eth(str(back.nw_src), str(back.nw_dst))
        return self.send(delivery.port, replace(back, eth_src=source, eth_dst=destination))
