"""Which features of the kernel are there: each is tried in a network namespace of its own, that goes when the probe ends."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from midonet_kubernetes.errors import KernelError
from midonet_kubernetes.linux import namespaces
from midonet_kubernetes.linux.conntrack import ConntrackSocket
from midonet_kubernetes.linux.kernel import Namespace
from midonet_kubernetes.linux.nftables.difference import difference
from midonet_kubernetes.linux.nftables.sockets import RuleSetSocket
from midonet_kubernetes.linux.routing.sockets import RouteSocket
from midonet_kubernetes.topology.host_network import Address, Link, Vxlan
from midonet_kubernetes.topology.rule_set import (
    Chain,
    Compare,
    Data,
    Field,
    Hook,
    InSet,
    MarkRandom,
    Nat,
    NatByMap,
    Reject,
    Rule,
    Set,
    Statement,
    Table,
    Verdict,
    VerdictMap,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """A feature, and whether it is there.

    Args:
        feature: in words.
        works: it does.
        remedy: why not and what to do about it; "" when it works.
    """

    feature: str
    works: bool
    remedy: str = ""


_PREROUTING_NAT = Hook("nat", "prerouting", -100)
_PREROUTING = Hook("filter", "prerouting", -160)
_ADDRESS = bytes((192, 0, 2, 1))
_FRONTEND = (Field.IP_DADDR, Field.L4PROTO, Field.TH_DPORT)
_CONCATENATED = Set("endpoints", (*_FRONTEND, Field.MARK), Data.ADDRESS_AND_PORT)
_VERDICTS = Set("frontends", _FRONTEND, Data.VERDICT)
_NETWORKS = Set("networks", (Field.IP_SADDR,), intervals=True)


def _table(*statements: Statement, hook: Hook = _PREROUTING, sets: tuple[Set, ...] = ()) -> Table:
    return Table("probe", "ip", (Chain("probe", (Rule(statements),), hook),), sets)


_RULES: tuple[tuple[str, str, Table], ...] = (
    ("nftables", "nf_tables", _table(Compare(Field.IP_DADDR, _ADDRESS), Verdict("drop"))),
    ("nftables: NAT", "nft_chain_nat, nft_nat", _table(Nat("dnat", _ADDRESS, _ADDRESS), hook=_PREROUTING_NAT)),
    ("nftables: random numbers", "nft_numgen", _table(MarkRandom(3))),
    ("nftables: reject", "nft_reject_ipv4", _table(Reject())),
    ("nftables: connection tracking", "nft_ct", _table(Compare(Field.CT_DIRECTION, b"\1"), Verdict("accept"))),
    ("nftables: verdict maps", "nf_tables", _table(VerdictMap(_FRONTEND, "frontends"), sets=(_VERDICTS,))),
    ("nftables: interval sets", "nf_tables", _table(InSet((Field.IP_SADDR,), "networks"), sets=(_NETWORKS,))),
    (
        "nftables: NAT by concatenated maps",
        "nf_tables, nft_nat",
        _table(NatByMap((*_FRONTEND, Field.MARK), "endpoints"), hook=_PREROUTING_NAT, sets=(_CONCATENATED,)),
    ),
)


def probe() -> list[Finding]:
    """Try everything that the data plane needs, in some 20 ms. Nothing is left behind.

    Returns:
        A finding for each feature; only the first one when no namespace can be made.
    """
    try:
        scratch = namespaces.create_unnamed()
    except KernelError as refused:
        return [Finding("network namespaces", works=False, remedy=_remedy_of_namespaces(refused))]
    try:
        return [Finding("network namespaces", works=True), *_probe(scratch)]
    finally:
        scratch.close()


def _probe(scratch: Namespace) -> Iterator[Finding]:
    yield attempt("virtual Ethernet pairs", "veth", lambda: _veth(scratch))
    yield attempt("VXLAN tunnels", "vxlan", lambda: _vxlan(scratch))
    for feature, modules, table in _RULES:
        yield attempt(feature, modules, lambda table=table: _rules(scratch, table))  # type: ignore[misc]
    yield attempt("connection tracking by netlink", "nf_conntrack_netlink", lambda: _conntrack(scratch))
    yield attempt("settings of a namespace", "", lambda: scratch.write_sysctl("net.ipv4.ip_forward", "1"))


def attempt(feature: str, modules: str, trial: Callable[[], None]) -> Finding:
    """Try a feature.

    Args:
        feature: in words.
        modules: of the kernel that have it, separated by commas.
        trial: uses it; raises KernelError when it is not there.
    """
    try:
        trial()
    except KernelError as refused:
        return Finding(feature, works=False, remedy=_remedy(refused, modules))
    return Finding(feature, works=True)


def _remedy(refused: KernelError, modules: str) -> str:
    if not modules:
        return f"{refused}; is /proc/sys mounted read-only? Run outside of the container, or mount it writable"
    if refused.code in {errno.EPERM, errno.EACCES}:
        return f"{refused}; run it as root or in a user namespace (unshare --user --map-root-user --net --mount)"
    return f"{refused}; the kernel lacks it: load its modules as root (modprobe -a {modules.replace(',', '')})"


def _remedy_of_namespaces(refused: KernelError) -> str:
    if refused.code == errno.EPERM:
        return f"{refused}; run it as root or in a user namespace (unshare --user --map-root-user --net --mount)"
    if refused.code in {errno.ENOSPC, errno.EUSERS}:
        return f"{refused}; there are too many: raise user.max_net_namespaces (sysctl)"
    return f"{refused}; the kernel needs CONFIG_NET_NS"


def _veth(scratch: Namespace) -> None:
    routing = RouteSocket(scratch)
    try:
        routing.add_veth(Link("probe0"), Link("probe1"))
    finally:
        routing.close()


def _vxlan(scratch: Namespace) -> None:
    routing = RouteSocket(scratch)
    try:
        routing.set_link(Link("lo"))
        routing.replace_address(Address("lo", "192.0.2.1/32"))
        routing.add_vxlan(Link("probe2", vxlan=Vxlan(5, 6677, "192.0.2.1")))
    finally:
        routing.close()


def _rules(scratch: Namespace, table: Table) -> None:
    rule_sets = RuleSetSocket(scratch)
    try:
        rule_sets.apply(difference(table, rule_sets.dump(table.name)).now)
    finally:
        rule_sets.close()


def _conntrack(scratch: Namespace) -> None:
    conntrack = ConntrackSocket(scratch)
    try:
        conntrack.usage()
    finally:
        conntrack.close()
