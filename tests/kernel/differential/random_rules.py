"""Random filters and Services on two bridges with three pods each and random routers between them, and packets of its pods."""

from dataclasses import replace
from ipaddress import IPv4Address

from midonet_kubernetes.simulate.packet import ICMP, TCP, UDP
from midonet_kubernetes.simulate.packets import ip
from midonet_kubernetes.testing.cluster_topology import put
from midonet_kubernetes.testing.random_routers import gateway_of, random_routers, router_mac

HOST = "h1"
POD_NUMBERS = [(bridge, number) for bridge in (1, 2) for number in (3, 4, 5)]
CHAINS = [f"chain{n}" for n in range(6)]
VIPS = ["10.96.0.1", "10.96.0.2"]
PORTS = [80, 81, 8080]
FAR_AWAY = IPv4Address("10.9.1.1")  # in random_routers.FAR
OTHER = 99  # a protocol without ports


def address_of(pod):
    return f"10.244.{pod[0]}.{pod[1]}"


def port_of(pod):
    return f"p{pod[0]}-{pod[1]}"


def interface_of(pod):
    return f"midodiff{pod[0]}{pod[1]}"


def mac_of(pod):
    return f"02:00:00:00:0{pod[0]}:0{pod[1]}"


def network(random):
    """The changes of a host's view: two bridges, routers that link them or do not, filters anywhere, rules of all kinds."""
    inbound = [*_main(random)]
    changes = [*random_routers(random, lambda probability: _filters(random, probability)), *inbound]
    changes += [put("Chain", chain) for chain in CHAINS]
    for chain in CHAINS:
        changes += [_rule(random, chain, n) for n in range(random.choice((0, 1, 1, 2, 3, 4)))]
    for bridge in (1, 2):
        outbound = {key: chain for key, chain in _filters(random, 0.3).items() if key == "outboundFilterId"}
        changes += [
            put("Bridge", f"b{bridge}", inboundFilterId="main", **outbound),
            put("BridgeHome", f"b{bridge}", hostIds=[HOST]),
        ]
    for pod in POD_NUMBERS:
        bridge = f"b{pod[0]}"
        changes += [put("Chain", f"hairpin{pod[0]}{pod[1]}"), _source_nat(pod)]
        changes += [
            put("Port", port_of(pod), type="Bridge", deviceId=bridge, hostId=HOST, interfaceName=interface_of(pod),
                **_filters(random, 0.35) | _hairpin(random, pod)),
            put("MacPort", f"{bridge}/0/{mac_of(pod)}", bridgeId=bridge, macAddr=mac_of(pod), portId=port_of(pod)),
            put("Ip4Mac", f"{bridge}/{address_of(pod)}", bridgeId=bridge, ip=address_of(pod), mac=mac_of(pod)),
        ]  # fmt: skip
    changes.append(put("IpAddrGroup", "group", addrs=[address_of(pod) for pod in random.sample(POD_NUMBERS, 3)]))
    changes.append(put("PortGroup", "ports", portIds=[port_of(pod) for pod in random.sample(POD_NUMBERS, 3)]))
    return changes


def packets(random, first, count):
    """Packets of pods to pods, Services and nowhere, by number; source ports and ids are never used twice."""
    made = {}
    for number in range(first, first + count):
        pod = random.choice(POD_NUMBERS)
        elsewhere = [address_of(other) for other in POD_NUMBERS if other != pod]
        destination = random.choice([*elsewhere, *elsewhere, *VIPS * 3, "203.0.113.1", str(FAR_AWAY)])
        made[number] = pod, packet(pod, destination, random.choice((TCP, TCP, UDP, UDP, ICMP, OTHER)), number, random)
    return made


def packet(pod, destination, protocol, number, random):
    """A first packet of a connection, as the kernel's pod frames it."""
    ports = {"tp_src": 10000 + number % 15000, "tp_dst": random.choice(PORTS)}
    if protocol == ICMP:
        ports = {"tp_src": 8, "tp_dst": 0, "icmp_id": number % 65536}
    eth = mac_of(pod), router_mac(pod[0])
    return ip(eth, address_of(pod), destination, protocol, nw_tos=random.choice((0, 0, 8)), **ports)


def as_framed_by_a_host(pod, packet):
    """The same packet, sent straight to the MAC of a neighbour on its own bridge, as it would be in Ethernet."""
    if packet.nw_src not in {IPv4Address(address_of(pod)), FAR_AWAY}:  # for which pods are gateways
        return packet
    neighbours = {IPv4Address(address_of(other)): mac_of(other) for other in POD_NUMBERS if other[0] == pod[0]}
    return replace(packet, eth_dst=neighbours.get(packet.nw_dst, packet.eth_dst))


def _main(random):
    """The bridges' inbound chain: reverse NAT, a filter now and then, Services."""
    yield from (put("Chain", chain) for chain in ("main", "pre", "services"))
    yield put("Rule", "main-1", chainId="main", rank=1, type="jump", jumpChainId="pre")
    yield put("Rule", "main-3", chainId="main", rank=3, type="jump", jumpChainId="services")
    if random.random() < 0.3:
        yield put("Rule", "main-2", chainId="main", rank=2, type="jump", jumpChainId=random.choice(CHAINS))
    yield put("Rule", "pre-1", chainId="pre", rank=1, type="rev_snat", flowAction="continue")
    yield put("Rule", "pre-2", chainId="pre", rank=2, type="rev_dnat", flowAction="accept")
    for number, vip in enumerate(VIPS):
        exact = {"dlType": 2048, "nwDstAddress": vip, "nwDstLength": 32, "nwProto": random.choice((TCP, UDP)),
                 "tpDst": {"start": 80, "end": 80}, "fragmentPolicy": "header"}  # fmt: skip
        chain = f"svc{number}"
        yield put("Chain", chain)
        yield put("Rule", f"services-{number}", chainId="services", rank=number, type="jump", jumpChainId=chain, **exact)
        endpoints = random.sample(POD_NUMBERS, random.choice((0, 1, 1, 2, 3)))
        targets = [_target(address_of(pod), 8080) for pod in endpoints]
        what = (
            {"type": "dnat", "natTargets": targets, "flowAction": "accept"}
            if targets
            else {"type": random.choice(("drop", "reject"))}
        )
        yield put("Rule", f"svc-{number}", chainId=chain, rank=1, dlType=2048, **what)


def _rule(random, chain, number):
    kind = random.choice(("accept", "accept", "drop", "drop", "reject", "return", "jump", "jump"))
    fields = {"type": kind, "chainId": chain, "rank": number}
    if kind == "jump":
        fields["jumpChainId"] = random.choice([other for other in CHAINS if other > chain] or [chain])
    conditions = _conditions(random)
    for name in random.sample(sorted(conditions), random.choice((0, 1, 1, 1, 2, 2))):
        fields |= conditions[name]
    if random.random() < 0.1:
        fields["condInvert"] = True
    if "tpDst" in fields or "tpSrc" in fields:
        fields["fragmentPolicy"] = "header"
    return put("Rule", f"{chain}-{number}", **fields)


def _conditions(random):
    def flag(name):
        return {name: True} if random.random() < 0.3 else {}

    pod, low = random.choice(POD_NUMBERS), random.choice(PORTS)
    length = random.choice((0, 16, 24, 32))
    return {
        "proto": {"nwProto": random.choice((TCP, UDP, ICMP, OTHER)), **flag("invNwProto")},
        "source": {"nwSrcAddress": address_of(pod), "nwSrcLength": length, **flag("invNwSrc")},
        "destination": {"nwDstAddress": random.choice((address_of(pod), VIPS[0])), "nwDstLength": length, **flag("invNwDst")},
        "dport": {"tpDst": {"start": low, "end": low + random.choice((0, 1, 9000))}, **flag("invTpDst")},
        "sport": {"tpSrc": {"start": 10000, "end": random.choice((12000, 17000, 30000))}, **flag("invTpSrc")},
        "type": {"dlType": random.choice((2048, 2048, 2054)), **flag("invDlType")},
        "tos": {"nwTos": random.choice((0, 8)), **flag("invNwTos")},
        "sources": {"ipAddrGroupSrc": "group", **flag("invIpAddrGroupSrc")},
        "destinations": {"ipAddrGroupDst": "group", **flag("invIpAddrGroupDst")},
        "in": {"inPorts": [port_of(pod)], **flag("invInPorts")},
        "out": {"outPorts": [port_of(pod)], **flag("invOutPorts")},
        "group": {"portGroup": "ports", **flag("invPortGroup")},
        "flow": random.choice(({"matchForwardFlow": True}, {"matchReturnFlow": True})),
        "vlan": random.choice(({"vlan": 5}, {"noVlan": True})),
    }


def _filters(random, probability):
    names = ("inboundFilterId", "outboundFilterId")
    return {name: random.choice(CHAINS) for name in names if random.random() < probability}


def _hairpin(random, pod):
    """Most pods may reach themselves by a Service: their own address as source becomes the gateway's."""
    return {"outboundFilterId": f"hairpin{pod[0]}{pod[1]}"} if random.random() < 0.6 else {}


def _source_nat(pod):
    target = _target(gateway_of(pod[0]), 30000) | {"portTo": 60000}
    source = {"nwSrcAddress": address_of(pod), "nwSrcLength": 32, "dlType": 2048}
    chain = f"hairpin{pod[0]}{pod[1]}"
    return put("Rule", f"{chain}-1", chainId=chain, rank=1, type="snat", flowAction="accept", natTargets=[target], **source)


def _target(address, port):
    return {"addressFrom": address, "addressTo": address, "portFrom": port, "portTo": port}
