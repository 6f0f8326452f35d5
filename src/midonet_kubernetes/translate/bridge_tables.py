"""What a bridge is told of an interface, so that it neither floods to find it nor has to ask for its address."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from uuid import UUID

from midonet_kubernetes.model.bodies import IPv4MACPair, MACPort
from midonet_kubernetes.model.translation import Translation
from midonet_kubernetes.translate.ownership import Owner, resource


def table_entries(
    owner: Owner, kind: str, *, bridge: UUID, port: UUID, mac: str, ip: IPv4Address | None
) -> Iterator[Translation]:
    """One Translation with the MAC table's entry and, if the address is known, one with the ARP table's.

    Their keys spell out all that they say: entries cannot be replaced in MidoNet.

    Args:
        owner: the Node or Pod.
        kind: ``Node`` or ``Pod``; the keys' kinds start with it.
        bridge: whose tables.
        port: the bridge's port to the interface.
        mac: of the interface, with colons.
        ip: of the interface.
    """
    name, hexadecimal = owner.name, mac.replace(":", "")
    yield owner.translation(f"{kind}-MAC", f"{name}/mac/{hexadecimal}", resource(MACPort(mac_addr=mac, port_id=port), bridge))
    if ip:
        key = f"{name}/ip/{ip}/{hexadecimal}"
        yield owner.translation(f"{kind}-ARP", key, resource(IPv4MACPair(ip=str(ip), mac=mac), bridge))
