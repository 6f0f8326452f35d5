"""Random virtual networks and packets from a seed, for claims that hold for all of them.

Everything occurs: bridges and routers in a ring, all conditions, all rule types, load balancers, and now and then
objects that are missing or nonsense. Most packets fit, so that they get far.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from random import Random
from typing import Any

import msgspec

from midonet_kubernetes.model.midonet import (
    KINDS,
    LoadBalancer,
    Pool,
    PoolMember,
    Port,
    Vip,
)
from midonet_kubernetes.simulate import Embedded, Fragment, Packet

DEVICES = ("device0", "device1", "device2")
PORTS = tuple(f"port{n}" for n in range(9))
CHAINS = tuple(f"chain{n}" for n in range(4))
GROUPS = ("group0", "group1")
MACS = tuple(f"02:00:00:00:00:0{n}" for n in range(9))  # the MAC of each port, or of the host behind it
HOSTS = tuple(f"10.0.{network}.{host}" for network in range(3) for host in (1, 2, 3))
_KINDS = {**KINDS, "LoadBalancer": LoadBalancer, "Pool": Pool, "PoolMember": PoolMember, "Vip": Vip}
_TYPES = ("accept", "accept", "drop", "reject", "return", "jump", "jump", "trace", "l2_transform")
_NAT = ("dnat", "snat", "rev_dnat", "rev_snat")


def random_objects(random: Random, *, filters: bool = True) -> list[Any]:
    """A network of three devices with three ports each: two that may be linked around the ring and one exterior.

    Args:
        random: where the choices come from.
        filters: whether devices and ports have filters.
    """
    kinds = [random.choice(("Bridge", "Router")) for _ in DEVICES]
    linked = [random.random() < 0.8 for _ in DEVICES]
    objects = [_object(kinds[n], device, **_filters(random, filters)) for n, device in enumerate(DEVICES)]
    for n, id_ in enumerate(PORTS):
        device, place = divmod(n, 3)
        neighbour = (device + place) % 3 if place < 2 else device
        where: dict[str, Any] = {"hostId": "h", "interfaceName": id_}
        if place < 2 and linked[neighbour]:
            where = {"peerId": PORTS[((device + 1) % 3) * 3] if place else PORTS[((device + 2) % 3) * 3 + 1]}
        vlan = {"vlanId": 1} if random.random() < 0.05 else {}
        objects.append(
            _object(
                "Port",
                id_,
                type=kinds[device],
                deviceId=DEVICES[device],
                portSubnet=[f"{HOSTS[n]}/24"],
                portMac=MACS[n],
                **where,
                **vlan,
                **_filters(random, filters),
            )
        )
    objects += [_object("Chain", chain) for chain in CHAINS]
    objects += [_rule(random, n) for n in range(random.randint(0, 10))]
    objects += [_route(random, n) for n in range(random.randint(0, 8))]
    objects += _tables(random)
    return _damaged(random, objects)


def random_packet(random: Random) -> Packet:
    """A packet from one host to another, or something odd."""
    addresses = [IPv4Address(text) for text in (*HOSTS, *HOSTS, "224.0.0.1", "255.255.255.255")]
    embedded = Embedded(random.choice(addresses), random.choice(addresses), random.choice((1, 6)), 80, random.choice((1, 80)))
    ethertype = random.choice((0x0800,) * 8 + (0x0806, 0x0806, 0x86DD, 0x88CC))
    return Packet(
        eth_src=random.choice((*MACS, *MACS, "01:00:00:00:00:01")),
        eth_dst=random.choice((*MACS, *MACS, *MACS, "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01")),
        ethertype=ethertype,
        vlans=random.choice(((),) * 8 + ((1,), (2, 1))),
        nw_src=random.choice(addresses),
        nw_dst=random.choice(addresses),
        nw_proto=random.choice((1, 1, 2) if ethertype == 0x0806 else (1, 1, 2, 6, 6, 17, 132)),
        nw_ttl=random.choice((64, 64, 64, 2, 1, 0)),
        fragment=random.choice((Fragment.WHOLE,) * 6 + (Fragment.FIRST, Fragment.LATER)),
        tp_src=random.choice((0, 3, 5, 8, 8, 11, 80)),
        tp_dst=random.choice((0, 0, 1, 80)),
        icmp_id=random.choice((1, 2, None)),
        embedded=random.choice((embedded, None)),
    )


def addressed(packet: Packet, port: Port) -> Packet:
    """The packet, sent to the port's own MAC where a router would not take it otherwise; one MAC is left for what it does not."""
    own = port.port_mac
    if port.type == "Bridge" or own is None or own not in MACS or packet.eth_dst == MACS[0] or packet.eth_dst not in MACS:
        return packet
    return replace(packet, eth_dst=own)


def _object(kind: str, id_: str, **fields: Any) -> Any:
    return msgspec.convert({"id": id_, **fields}, _KINDS[kind])


def _filters(random: Random, filters: bool) -> dict[str, Any]:  # noqa: FBT001 - passed on
    names = [name for name in ("inboundFilterId", "outboundFilterId") if filters and random.random() < 0.3]
    chosen: dict[str, Any] = {name: random.choice(CHAINS) for name in names}
    return chosen | ({"adminStateUp": False} if random.random() < 0.03 else {})


def _rule(random: Random, number: int) -> Any:
    low, high = sorted(random.sample(HOSTS, 2))
    static = random.random() < 0.3
    targets = [{"addressFrom": low, "addressTo": high, "portFrom": 0 if static else 1, "portTo": 0 if static else 3}]
    if not static and random.random() < 0.5:
        targets.append({"addressFrom": high, "addressTo": high, "portFrom": 30000, "portTo": 60000})
    conditions = {
        "condInvert": random.random() < 0.5,
        "matchForwardFlow": True,
        "matchReturnFlow": True,
        "matchNwDstRewritten": True,
        "inPorts": random.sample(PORTS, 2),
        "invInPorts": True,
        "outPorts": random.sample(PORTS, 2),
        "portGroup": random.choice(GROUPS),
        "outPortGroup": random.choice(GROUPS),
        "ipAddrGroupSrc": random.choice(GROUPS),
        "traversedDevice": random.choice((*DEVICES, *CHAINS)),
        "vlan": random.randint(0, 1),
        "dlType": random.choice((0x0800, 0x0806)),
        "dlSrc": random.choice(MACS),
        "nwProto": random.choice((1, 6, 17)),
        "nwSrcAddress": random.choice(HOSTS),
        "nwSrcLength": random.choice((0, 24, 32)),
        "tpDst": {"start": random.randint(0, 80), "end": random.randint(1, 90)},
        "invTpDst": True,
        "icmpDataDstIpAddress": random.choice(HOSTS),
        "fragmentPolicy": random.choice(("any", "header", "nonheader", "unfragmented")),
    }
    return _object(
        "Rule",
        f"rule{number}",
        type=random.choice(_TYPES + _NAT),
        chainId=random.choice(CHAINS),
        rank=random.random(),
        jumpChainId=random.choice(CHAINS),
        flowAction=random.choice(("accept", "continue", "return")),
        natTargets=targets,
        **{name: conditions[name] for name in random.sample(sorted(conditions), random.choice((0, 0, 1, 1, 2, 3)))},
    )


def _route(random: Random, number: int) -> Any:
    gateway = {"nextHopGateway": random.choice(HOSTS)} if random.random() < 0.3 else {}
    return _object(
        "Route",
        f"route{number}",
        type=random.choice(("Normal",) * 6 + ("Local", "BlackHole", "Reject")),
        routerId=random.choice(DEVICES),
        dstNetworkAddr=random.choice(HOSTS),
        dstNetworkLength=random.choice((0, 8, 24, 24, 32)),
        nextHopPort=random.choice(PORTS),
        **gateway,
    )


def _tables(random: Random) -> list[Any]:
    objects = [_object("PortGroup", group, portIds=random.sample(PORTS, 4)) for group in GROUPS]
    objects += [_object("IpAddrGroup", group, addrs=random.sample(HOSTS, 4)) for group in GROUPS]
    for n in range(random.randint(0, 9)):
        bridge = random.choice(DEVICES)
        objects.append(_object("MacPort", f"m{n}", bridgeId=bridge, macAddr=random.choice(MACS), portId=random.choice(PORTS)))
        objects.append(_object("Ip4Mac", f"a{n}", bridgeId=bridge, ip=random.choice(HOSTS), mac=random.choice(MACS)))
    objects += [_object("LoadBalancer", "lb"), _object("Pool", "pool", loadBalancerId="lb")]
    members = ((f"member{n}", random.choice(HOSTS), random.randint(0, 2)) for n in range(2))
    objects += [_object("PoolMember", id_, poolId="pool", address=host, weight=weight) for id_, host, weight in members]
    sticky = random.choice(("SOURCE_IP", None))
    vip = _object("Vip", "vip", poolId="pool", address=random.choice(HOSTS), protocolPort=80, sessionPersistence=sticky)
    return [*objects, vip]


def _damaged(random: Random, objects: list[Any]) -> list[Any]:
    """Some objects removed, some texts wrong, in one network of three."""
    for _ in range(random.choice((0, 0, 0, 0, 1, 3))):
        place = random.randrange(len(objects))
        item = objects[place]
        texts = [name for name in item.__struct_fields__ if name != "id" and isinstance(getattr(item, name), str)]
        if texts and random.random() < 0.5:
            objects[place] = msgspec.structs.replace(item, **{random.choice(texts): "wrong"})
        else:
            del objects[place]
    routers = [n for n, item in enumerate(objects) if type(item).__name__ == "Router" and random.random() < 0.3]
    for n in routers:
        objects[n] = msgspec.structs.replace(objects[n], load_balancer_id="lb")
    return objects
