"""The endpoints of a Service: per port one rule in the port's chain, with a NAT target for each endpoint.

MidoNet chooses among the targets of one rule evenly, anew for each connection; of several rules it would only ever use
the first. Without endpoints the rule rejects.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import NamedTuple

from midonet_kubernetes.model.bodies import IPV4, NatTarget, Rule
from midonet_kubernetes.model.kubernetes import EndpointConditions, EndpointPort, Endpoints, EndpointSlice, Service
from midonet_kubernetes.model.names import Names
from midonet_kubernetes.model.translation import Translation
from midonet_kubernetes.translate.addresses import address
from midonet_kubernetes.translate.nat import with_id_from_content
from midonet_kubernetes.translate.outcome import Outcome, Problem
from midonet_kubernetes.translate.ownership import Owner, resource
from midonet_kubernetes.translate.service import PROTOCOLS, ClusterPort, cluster_ports


class Target(NamedTuple):
    """Where a connection to a Service's port can go."""

    ip: IPv4Address
    port: int


@dataclass
class _Offers:
    """Targets as Kubernetes lists them, under name and protocol of the Service's port."""

    ready: defaultdict[tuple[str, str], set[Target]] = field(default_factory=lambda: defaultdict(set))
    leaving: defaultdict[tuple[str, str], set[Target]] = field(default_factory=lambda: defaultdict(set))
    bad: dict[str, None] = field(default_factory=dict)  # texts, in the order in which they were met

    def add(self, text: str, ports: Iterable[EndpointPort], conditions: EndpointConditions) -> None:
        """Add an address that has ``ports``."""
        ready, leaving = _is_ready(conditions), _is_leaving(conditions)
        if not (ready or leaving):
            return
        try:
            ip = address(text)
        except ValueError:
            self.bad[text] = None
            return
        if not isinstance(ip, IPv4Address):
            return
        for port in ports:
            if port.port is None:  # all ports, which a NAT target cannot say
                continue
            if not 1 <= port.port <= 65535:
                self.bad[f"{text}:{port.port}"] = None
                continue
            offers = self.ready if ready else self.leaving
            offers[port.name or "", port.protocol or "TCP"].add(Target(ip, port.port))

    def targets(self, at: ClusterPort) -> list[Target]:
        """The targets of a Service's port: those that are ready, or else those that still serve while they shut down."""
        key = at.port.name, at.port.protocol
        return sorted(self.ready.get(key) or self.leaving.get(key) or ())

    def problems(self) -> tuple[Problem, ...]:
        return tuple(Problem("EndpointUnusable", f"endpoint {text!r} is left out: it is no address") for text in self.bad)


def _is_ready(conditions: EndpointConditions) -> bool:
    return conditions.ready is not False


def _is_leaving(conditions: EndpointConditions) -> bool:
    return conditions.terminating is True and conditions.serving is not False


def from_slices(service: Service, slices: Iterable[EndpointSlice], names: Names) -> Outcome:
    """What the endpoints of a Service become, read as kube-proxy reads them; the Service owns it.

    Not to say whether one is ready or serving counts as yes; an endpoint's first address stands for all of them.

    Args:
        service: the Service.
        slices: all its EndpointSlices, in any order.
        names: of the tenant.
    """
    offers = _Offers()
    for part in slices:
        if part.address_type != "IPv4":
            continue
        for endpoint in part.endpoints or ():
            if endpoint.addresses:
                offers.add(endpoint.addresses[0], part.ports or (), endpoint.conditions)
    return _outcome(Owner(service), service, offers, names)


def from_endpoints(endpoints: Endpoints, service: Service | None, names: Names) -> Outcome:
    """What a v1 Endpoints object becomes, for clusters that use these; it owns it.

    Args:
        endpoints: the object.
        service: the Service of the same name, None when there is none.
        names: of the tenant.
    """
    if service is None:
        return Outcome()
    offers = _Offers()
    for subset in endpoints.subsets or ():
        for listed in subset.addresses or ():
            offers.add(listed.ip, subset.ports or (), EndpointConditions(ready=True))
    return _outcome(Owner(endpoints), service, offers, names)


def _outcome(owner: Owner, service: Service, offers: _Offers, names: Names) -> Outcome:
    ports, _ = cluster_ports(service, names)  # what is wrong with them is said where the Service itself is translated
    translations = tuple(_translation(owner, service.metadata.name, at, offers.targets(at)) for at in ports)
    return Outcome(translations, offers.problems() if ports else ())


def _translation(owner: Owner, service: str, at: ClusterPort, targets: Sequence[Target]) -> Translation:
    key = f"{service}/{at.port.name}/{at.cluster_ip}/{PROTOCOLS[at.port.protocol]}/{at.port.port}"
    return owner.translation("Endpoints-Port", key, resource(with_id_from_content(_rule(targets), at.chain), at.chain))


def _rule(targets: Sequence[Target]) -> Rule:
    if not targets:
        return Rule(type="reject")
    return Rule(
        type="dnat",
        dl_type=IPV4,
        flow_action="accept",
        nat_targets=tuple(
            NatTarget(address_from=str(ip), address_to=str(ip), port_from=port, port_to=port) for ip, port in targets
        ),
    )
