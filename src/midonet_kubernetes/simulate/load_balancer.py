"""A router's load balancer: TCP to its VIPs goes to a member of the pool, and replies are restored (simulation 7b)."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from midonet_kubernetes.model.midonet import LoadBalancer, Pool, PoolMember, Router, Vip
from midonet_kubernetes.simulate.chains import Action, Ruling
from midonet_kubernetes.simulate.choices import Candidate
from midonet_kubernetes.simulate.nat import nat_key, restore_source, write_destination
from midonet_kubernetes.simulate.packet import TCP
from midonet_kubernetes.simulate.prefixes import ipv4_of
from midonet_kubernetes.simulate.state import Binding, Kind
from midonet_kubernetes.simulate.walk import Walk

_STICKY = "SOURCE_IP"


def balance(walk: Walk, router: Router) -> Ruling | None:
    """Send a packet to a VIP on to a member. The key device is the load balancer while it does.

    Returns:
        Accept or drop, both of which skip the inbound filters; None: the packet is not for a VIP.
    """
    balancer = walk.topology.find(LoadBalancer, router.load_balancer_id)
    if balancer is None:
        return None
    walk.traversed.add(balancer.id)
    packet = walk.packet
    vip = next((vip for vip in walk.topology.vips_of(balancer.id) if _is_for(walk, vip)), None)
    if vip is None or not balancer.admin_state_up:
        return None
    walk.traversed.add(vip.pool_id)
    router_id, walk.device = walk.device, balancer.id
    served = _to_member(walk, vip)
    walk.device = router_id
    if not served:
        return Ruling(Action.DROP, f"VIP {vip.id} has no member for {packet}")
    return Ruling(Action.ACCEPT)


def restore(walk: Walk, router: Router) -> bool:
    """Restore a reply of a member, which then skips the outbound filters.

    What has become of VIP and member does not matter: MidoNet looks, and forwards the packet whatever it finds.
    """
    balancer = walk.topology.find(LoadBalancer, router.load_balancer_id)
    if balancer is None:
        return False
    walk.traversed.add(balancer.id)
    persistence = {vip.session_persistence == _STICKY for vip in walk.topology.vips_of(balancer.id)}
    router_id, walk.device = walk.device, balancer.id
    restored = (False in persistence and restore_source(walk, Kind.REV_DNAT)) or (
        True in persistence and restore_source(walk, Kind.REV_STICKY_DNAT)
    )
    walk.device = router_id
    return restored


def _is_for(walk: Walk, vip: Vip) -> bool:
    packet = walk.packet
    return (
        vip.admin_state_up
        and packet.nw_proto == TCP
        and packet.nw_dst == ipv4_of(vip.address)
        and packet.tp_dst == vip.protocol_port
    )


def _to_member(walk: Walk, vip: Vip) -> bool:
    """Keep the member that the client has, if it still serves, or choose one; False: there is none."""
    sticky = vip.session_persistence == _STICKY
    key = nat_key(walk, Kind.FWD_STICKY_DNAT if sticky else Kind.FWD_DNAT)
    pool = walk.topology.find(Pool, vip.pool_id)
    if key is None or pool is None:
        return False
    members = walk.topology.members_of_pool(pool.id)
    up = [member for member in members if pool.admin_state_up and _is_up(member, pool)]
    if sticky and not up:
        return False
    binding = walk.draft.binding(key)
    if binding is None or not _serves(binding, members, pool, sticky=sticky):
        if binding is not None:
            walk.draft.unbind(key, binding)
        if not up:
            return False
        chosen = walk.script.take("member", vip.id, _by_weight(up))
        assert isinstance(chosen, Binding)
        binding = chosen
        walk.draft.bind(key, binding)
    write_destination(walk, binding)
    walk.note(f"VIP {vip.id} leads to member {binding}")
    return True


def _serves(binding: Binding, members: Iterable[PoolMember], pool: Pool, *, sticky: bool) -> bool:
    """Whether a client may stay at a member: it is up, or it is merely disabled and the VIP is not sticky."""
    ends = (member for member in members if _end(member) == binding)
    return any(_is_up(member, pool) or not (member.admin_state_up or sticky) for member in ends)


def _is_up(member: PoolMember, pool: Pool) -> bool:
    """Without a health monitor, members count as active."""
    active = member.status == "ACTIVE" or pool.health_monitor_id is None
    return member.weight > 0 and member.admin_state_up and active and _end(member) is not None


def _end(member: PoolMember) -> Binding | None:
    address = ipv4_of(member.address)
    return Binding(address, member.protocol_port) if address is not None else None


def _by_weight(members: list[PoolMember]) -> tuple[Candidate, ...]:
    total = sum(member.weight for member in members)
    ends = ((_end(member), member.weight) for member in members)
    return tuple(Candidate(end, end, Fraction(weight, total)) for end, weight in ends if end is not None)
