"""A Pod: a port on its Node's bridge, bound to its interface, and what the bridge knows of it.

The port's outbound chain translates the source of what a Pod sends to itself, that is, through a Service that it is an
endpoint of: otherwise the Pod would answer itself, and nothing would restore the Service's address.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address
from uuid import UUID

from midonet_kubernetes.model.bodies import Chain, HostInterfacePort, Port
from midonet_kubernetes.model.kubernetes import Node, Pod
from midonet_kubernetes.model.names import Names, interface_for, sub_id
from midonet_kubernetes.model.translation import Resource
from midonet_kubernetes.translate.addresses import address, pod_subnet
from midonet_kubernetes.translate.annotations import host_id, mac_address
from midonet_kubernetes.translate.bridge_tables import table_entries
from midonet_kubernetes.translate.nat import snat, with_id_from_content
from midonet_kubernetes.translate.node import bridge_id
from midonet_kubernetes.translate.outcome import Outcome, Problem
from midonet_kubernetes.translate.ownership import Owner, resource

FINISHED = ("Succeeded", "Failed")  # phases in which a Pod has given its interface back


def attached(pod: Pod) -> bool:
    """Whether a Pod has an interface in the virtual network."""
    return bool(pod.spec.node_name) and not pod.spec.host_network and pod.status.phase not in FINISHED


def translate(pod: Pod, node: Node | None, names: Names) -> Outcome:
    """What a Pod becomes.

    Args:
        pod: the Pod.
        node: the Node that ``spec.nodeName`` names, None while it is not known.
        names: of the tenant.
    """
    if not attached(pod):
        return Outcome()
    host = host_id(node) if node else None
    if node is None or host is None:
        return Outcome(problems=(_no_host(pod.spec.node_name, node),), keep=True)
    problems = list[Problem]()
    ip, (mac, mac_is_hidden) = _pod_ip(pod, problems), mac_address(pod.metadata, problems)
    owner, bridge, port = Owner(pod), bridge_id(pod.spec.node_name, names), names.id_for("Pod", pod.metadata.key)
    chain, hairpin = _hairpin(pod, port, ip, node, names)
    interface = interface_for(pod.metadata.key)
    translations = [
        owner.translation(
            "Pod",
            pod.metadata.name,
            *hairpin,
            resource(Port(id=port, type="Bridge", outbound_filter_id=chain), bridge),
            resource(HostInterfacePort(host_id=host, port_id=port, interface_name=interface), host),
        )
    ]
    if mac:
        translations += table_entries(owner, "Pod", bridge=bridge, port=port, mac=mac, ip=ip)
    return Outcome(tuple(translations), tuple(problems), keep=mac_is_hidden)


def _no_host(name: str, node: Node | None) -> Problem:
    if node is None:
        return Problem("NodeUnknown", f"Node {name} is not known: the Pod gets its network when it is")
    return Problem("NodeWithoutHost", f"Node {name} has no MidoNet host: the Pod gets its network when it has one")


def _pod_ip(pod: Pod, problems: list[Problem]) -> IPv4Address | None:
    if not pod.status.pod_ip:
        return None
    try:
        read = address(pod.status.pod_ip)
    except ValueError:
        problems.append(Problem("PodIPUnusable", f"status.podIP {pod.status.pod_ip!r} is no IP address"))
        return None
    return read if isinstance(read, IPv4Address) else None


def _hairpin(pod: Pod, port: UUID, ip: IPv4Address | None, node: Node, names: Names) -> tuple[UUID | None, Sequence[Resource]]:
    """The port's outbound chain and its rule, once the Pod's address and the Node's gateway are known."""
    try:
        gateway = pod_subnet(node.spec.pod_cidr).gateway
    except ValueError:
        return None, ()
    if ip is None:
        return None, ()
    chain = sub_id(port, "Outbound Chain")
    rule = with_id_from_content(snat(ip, gateway, flow_action="accept"), chain)
    name = f"KUBE-POD-OUT-{pod.metadata.key}"
    return chain, (resource(Chain(id=chain, tenant_id=names.tenant, name=name)), resource(rule, chain))
