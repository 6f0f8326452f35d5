"""A Service: a chain per port, and a jump to it from KUBE-SERVICES for what is sent to the ClusterIP and that port."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from uuid import UUID

from midonet_kubernetes.model.bodies import IPV4, Chain, PortRange, Rule
from midonet_kubernetes.model.kubernetes import Service, ServicePort
from midonet_kubernetes.model.names import Names
from midonet_kubernetes.translate.addresses import address
from midonet_kubernetes.translate.global_objects import global_ids
from midonet_kubernetes.translate.outcome import Outcome, Problem
from midonet_kubernetes.translate.ownership import Owner, resource

TYPES = ("ClusterIP", "NodePort", "LoadBalancer")  # those that have a ClusterIP, unless they are headless
PROTOCOLS = {"TCP": 6, "UDP": 17}
_HEADLESS = ("", "None")


@dataclass(frozen=True, slots=True)
class ClusterPort:
    """A port of a Service at its ClusterIP.

    Args:
        cluster_ip: the Service's.
        port: as the Service lists it.
        key: ``namespace/service/port name``; an unnamed port's ends in ``/``.
        chain: its chain, which the endpoints' rule is put into.
    """

    cluster_ip: IPv4Address
    port: ServicePort
    key: str
    chain: UUID


def cluster_ports(service: Service, names: Names) -> tuple[list[ClusterPort], list[Problem]]:
    """The ports that a Service offers at its ClusterIP, and what is wrong with the others."""
    problems = list[Problem]()
    if not service.spec.type:
        return [], [Problem("TypeMissing", "spec.type is not set, which an API server never leaves so: the Service is left out")]
    if service.spec.type not in TYPES or service.spec.cluster_ip in _HEADLESS:
        return [], problems
    cluster_ip = _cluster_ip(service, problems)
    if cluster_ip is None:
        return [], problems
    ports = dict[str, ClusterPort]()
    for port in service.spec.ports:
        key = f"{service.metadata.key}/{port.name}"
        problem = _problem_of(port, taken=key in ports)
        if problem:
            problems.append(problem)
        else:
            ports[key] = ClusterPort(cluster_ip, port, key, names.id_for("ServicePort", key))
    return list(ports.values()), problems


def _cluster_ip(service: Service, problems: list[Problem]) -> IPv4Address | None:
    """The first IPv4 address of a Service; with two IP families it may be the second one."""
    candidates = list(dict.fromkeys((service.spec.cluster_ip, *service.spec.cluster_ips)))
    for candidate in candidates:
        try:
            read = address(candidate)
        except ValueError:
            continue
        if isinstance(read, IPv4Address):
            return read
    written = ", ".join(candidates)
    problems.append(Problem("ClusterIPUnusable", f"ClusterIP {written} is no IPv4 address: the Service cannot be reached there"))
    return None


def _problem_of(port: ServicePort, *, taken: bool) -> Problem | None:
    title = f"port {port.name!r} ({port.protocol} {port.port})"
    if port.protocol not in PROTOCOLS:
        return Problem("ProtocolUnsupported", f"{title} cannot be reached: MidoNet translates only {' and '.join(PROTOCOLS)}")
    if not 1 <= port.port <= 65535:
        return Problem("PortUnusable", f"{title} is left out: a port number is 1 to 65535")
    if taken:
        return Problem("PortNameTaken", f"{title} is left out: another port of the Service has the same name")
    return None


def translate(service: Service, names: Names) -> Outcome:
    """What a Service becomes, without its endpoints (see ``endpoints``)."""
    ports, problems = cluster_ports(service, names)
    if not ports:
        return Outcome(problems=tuple(problems))
    owner = Owner(service)
    chains = [resource(Chain(id=p.chain, tenant_id=names.tenant, name=f"KUBE-SVC-{p.key}")) for p in ports]
    translations = [owner.translation("Service", service.metadata.name, *chains)]
    services_chain = global_ids(names).services_chain
    for at in ports:
        protocol = PROTOCOLS[at.port.protocol]
        key = f"{at.key}/{at.cluster_ip}/{protocol}/{at.port.port}"
        jump = Rule(
            id=names.id_for("ServicePortSub", key),
            type="jump",
            dl_type=IPV4,
            nw_dst_address=str(at.cluster_ip),
            nw_dst_length=32,
            nw_proto=protocol,
            tp_dst=PortRange(start=at.port.port, end=at.port.port),
            jump_chain_id=at.chain,
        )
        translations.append(owner.translation("Service-Port", key, resource(jump, services_chain)))
    return Outcome(tuple(translations), tuple(problems))
