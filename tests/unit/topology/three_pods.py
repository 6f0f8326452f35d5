"""Three pods on two bridges of one host: their topology, and what the simulator and the compiled rules do to their packets."""

from dataclasses import dataclass
from ipaddress import IPv4Address

import msgspec

from midonet_kubernetes.model.midonet import KINDS
from midonet_kubernetes.simulate import Fate, Packet, Topology, simulate
from midonet_kubernetes.testing.cluster_topology import put
from midonet_kubernetes.testing.rule_set_machine import RuleSetMachine
from midonet_kubernetes.topology.compiler import Compiler
from midonet_kubernetes.topology.passes.selection import ALL_PASSES
from midonet_kubernetes.topology.rule_set import Field

HOST = "h1"


@dataclass(frozen=True)
class Pod:
    name: str
    bridge: str
    address: str

    @property
    def mac(self):
        return f"02:00:00:00:00:{int(self.address.rpartition('.')[2]):02x}"


PODS = [Pod("a", "b1", "10.1.1.5"), Pod("b", "b1", "10.1.1.6"), Pod("c", "b2", "10.1.2.7")]
GATEWAYS = {"b1": ("10.1.1.1", "0a:00:00:00:00:01"), "b2": ("10.1.2.1", "0a:00:00:00:00:02")}
VIP = "10.9.0.1"


def network(filters):
    """Two bridges on one router, three pods, all on one host. ``filters``: (object, direction) -> chain."""

    def filters_of(name):
        return {f"{way}FilterId": filters[name, way] for way in ("inbound", "outbound") if filters.get((name, way))}

    changes = [put("Router", "r", **filters_of("r")), put("Host", HOST)]
    for bridge, (gateway, mac) in GATEWAYS.items():
        changes += [
            put("Bridge", bridge, **filters_of(bridge)),
            put("BridgeHome", bridge, hostIds=[HOST]),
            put("Port", f"l{bridge}", type="Bridge", deviceId=bridge, peerId=f"r{bridge}", **filters_of(f"l{bridge}")),
            put(
                "Port",
                f"r{bridge}",
                type="Router",
                deviceId="r",
                peerId=f"l{bridge}",
                portSubnet=[f"{gateway}/24"],
                portMac=mac,
                **filters_of(f"r{bridge}"),
            ),
            put(
                "Route",
                f"to{bridge}",
                type="Normal",
                routerId="r",
                dstNetworkAddr=gateway.rpartition(".")[0] + ".0",
                dstNetworkLength=24,
                nextHopPort=f"r{bridge}",
            ),
        ]
    for pod in PODS:
        changes += [
            put(
                "Port",
                pod.name,
                type="Bridge",
                deviceId=pod.bridge,
                hostId=HOST,
                interfaceName=f"if-{pod.name}",
                **filters_of(pod.name),
            ),
            put("MacPort", f"{pod.bridge}/0/{pod.mac}/{pod.name}", bridgeId=pod.bridge, macAddr=pod.mac, portId=pod.name),
            put("Ip4Mac", f"{pod.bridge}/{pod.address}/{pod.mac}", bridgeId=pod.bridge, ip=pod.address, mac=pod.mac),
        ]
    return changes


def simulated(changes, packet):
    sender, to, protocol, source_port, port, tos = packet
    topology = Topology(msgspec.convert(c.object, KINDS[c.kind]) for c in changes if c.kind not in {"Host", "BridgeHome"})
    near = next((pod for pod in PODS if pod.address == to and pod.bridge == sender.bridge), None)
    sent = Packet(
        eth_src=sender.mac,
        eth_dst=near.mac if near else GATEWAYS[sender.bridge][1],
        ethertype=0x0800,
        nw_src=IPv4Address(sender.address),
        nw_dst=IPv4Address(to),
        nw_proto=protocol,
        nw_tos=tos,
        nw_ttl=64,
        **({"tp_src": 8, "tp_dst": 0, "icmp_id": 7} if protocol == 1 else {"tp_src": source_port, "tp_dst": port}),
    )
    fates = set()
    for outcome in simulate(topology, sent, sender.name):
        if outcome.fate is Fate.DELIVERED:
            for delivery in outcome.deliveries:
                at = delivery.packet
                sees = (str(at.nw_dst), at.tp_dst) if protocol != 1 else (str(at.nw_dst),)
                fates.add((f"if-{delivery.port}", str(at.nw_src), *sees))
        else:
            fates.add("lost")
    return fates


def machine_of(changes, passes=ALL_PASSES):
    """The compiled rules at work, and what they cannot do."""
    compiler = Compiler(HOST, passes=passes)
    compiler.apply(changes)
    state = compiler.state()
    links = {address: neighbour.link for (_, address), neighbour in state.neighbours.items()}
    return RuleSetMachine(state.table, lambda address: links.get(str(IPv4Address(address)), "")), state.unsupported


def headers_of(packet):
    sender, to, protocol, source_port, port, tos = packet
    source, destination = (source_port.to_bytes(2, "big"), port.to_bytes(2, "big")) if protocol != 1 else (b"\x08\0", b"\0\0")
    return {
        Field.IIFNAME: f"if-{sender.name}".encode(),
        Field.ETHER_SADDR: bytes.fromhex(sender.mac.replace(":", "")),
        Field.L4PROTO: bytes([protocol]),
        Field.IP_SADDR: IPv4Address(sender.address).packed,
        Field.IP_DADDR: IPv4Address(to).packed,
        Field.IP_TOS: bytes([tos]),
        Field.TH_SPORT: source,
        Field.TH_DPORT: destination,
        Field.ICMP_TYPE: source[:1],
        Field.ICMP_CODE: destination[:1],
    }


def programmed(changes, packet):
    machine, unsupported = machine_of(changes)
    protocol, fates = packet[2], set()
    for fate in machine.fates(headers_of(packet)):
        if fate.verdict != "accept":
            fates.add("lost")
            continue
        sees = (str(IPv4Address(fate.destination[:4])), int.from_bytes(fate.destination[4:], "big"))
        fates.add((fate.interface, str(IPv4Address(fate.source)), *(sees if protocol != 1 else sees[:1])))
    return fates, unsupported
