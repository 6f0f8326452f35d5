"""NAT rules: static, dynamic and reverse (simulation 4.1 to 4.6)."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

from midonet_kubernetes.model.midonet import Rule
from midonet_kubernetes.simulate.faults import is_static, targets_of
from midonet_kubernetes.simulate.leases import destinations, sources
from midonet_kubernetes.simulate.packet import Embedded
from midonet_kubernetes.simulate.prefixes import ipv4_of
from midonet_kubernetes.simulate.state import Binding, Kind, NatKey
from midonet_kubernetes.simulate.walk import Walk


def translate(rule: Rule, walk: Walk) -> bool:
    """Do what a NAT rule says.

    Returns:
        Whether it applied; if not, the rule counts as ``continue``.

    Raises:
        Abandoned: a target is upside down, or no source port is free.
    """
    match rule.type:
        case "dnat" | "snat" if is_static(targets_of(rule)):
            _translate_statically(rule, walk)
            return True
        case "dnat":
            return _translate_forward(rule, walk, Kind.FWD_DNAT)
        case "snat":
            return _translate_forward(rule, walk, Kind.FWD_SNAT)
        case "rev_dnat":
            return restore_source(walk, Kind.REV_DNAT)
        case _:
            return _restore_destination(walk)


def nat_key(walk: Walk, kind: Kind) -> NatKey | None:
    """The key of the packet as it is now, at the current device; None: NAT does not apply to it.

    An ICMP error has the key of the packet that it carries, turned around.
    """
    packet = walk.packet
    if not (packet.is_translatable and isinstance(packet.nw_src, IPv4Address) and isinstance(packet.nw_dst, IPv4Address)):
        return None
    if packet.embedded is not None:
        about = packet.embedded
        sport, dport = (about.icmp_id, about.icmp_id) if about.icmp_id is not None else (about.tp_dst, about.tp_src)
        return NatKey(kind, about.nw_dst, sport, about.nw_src, dport, about.nw_proto, walk.device)
    sport, dport = (packet.icmp_id, packet.icmp_id) if packet.icmp_id is not None else (packet.tp_src, packet.tp_dst)
    if kind is Kind.FWD_STICKY_DNAT:
        sport = 0
    if kind is Kind.REV_STICKY_DNAT:
        dport = 0
    return NatKey(kind, packet.nw_src, sport, packet.nw_dst, dport, packet.nw_proto, walk.device)


def write_destination(walk: Walk, binding: Binding) -> None:
    """Make a binding the destination; ICMP has no port to write."""
    walk.change(nw_dst=binding.address, **({} if walk.packet.is_icmp else {"tp_dst": binding.port}))
    walk.nw_dst_rewritten = True


def _translate_forward(rule: Rule, walk: Walk, kind: Kind) -> bool:
    key = nat_key(walk, kind)
    if key is None:
        return False
    binding, known = walk.draft.binding(key), "known"
    if binding is None:
        known = "new"
        candidates = sources(rule, key, walk) if kind is Kind.FWD_SNAT else destinations(rule, key, walk)
        chosen = walk.script.take(rule.type, rule.id, candidates)
        assert isinstance(chosen, Binding)
        binding = chosen
        walk.draft.bind(key, binding)
    if kind is Kind.FWD_DNAT:
        write_destination(walk, binding)
    else:
        walk.change(nw_src=binding.address, **({} if walk.packet.is_icmp else {"tp_src": binding.port}))
    walk.note(f"{rule.type} to {binding} by a {known} binding")
    return True


def restore_source(walk: Walk, kind: Kind) -> bool:
    """Undo destination NAT on a reply.

    Args:
        walk: the packet's.
        kind: of the binding, ``REV_DNAT`` or ``REV_STICKY_DNAT``.

    Returns:
        Whether there was a binding that changed something.
    """
    key = nat_key(walk, kind)
    binding = walk.draft.binding(key) if key is not None else None
    if key is None or binding is None:
        return False
    if walk.packet.is_icmp:
        applied = kind is Kind.REV_DNAT and _restore_icmp(walk, key.nw_src, binding, outer="nw_src", inner="dst")
    else:
        walk.change(nw_src=binding.address, tp_src=binding.port)
        applied = True
    if applied:
        walk.note(f"{kind.value} restores source {binding}")
    return applied


def _restore_destination(walk: Walk) -> bool:
    key = nat_key(walk, Kind.REV_SNAT)
    binding = walk.draft.binding(key) if key is not None else None
    if key is None or binding is None:
        return False
    if walk.packet.is_icmp:
        was = walk.packet.nw_dst
        applied = _restore_icmp(walk, key.nw_dst, binding, outer="nw_dst", inner="src")
        walk.nw_dst_rewritten |= was == key.nw_dst
    else:
        write_destination(walk, binding)
        applied = True
    if applied:
        walk.note(f"reverse snat restores destination {binding}")
    return applied


def _restore_icmp(walk: Walk, address: IPv4Address, binding: Binding, *, outer: str, inner: str) -> bool:
    """Restore an address of ICMP and, in an error, the other end of the packet that it carries."""
    changed = getattr(walk.packet, outer) == address
    if changed:
        walk.change(**{outer: binding.address})
    return _rewrite_embedded(walk, inner, address, binding.address, binding.port) or changed


def _rewrite_embedded(walk: Walk, end: str, old: object, new: IPv4Address, port: int | None) -> bool:
    """Rewrite one end (``src`` or ``dst``) of the packet that an ICMP error carries, if its address is ``old``."""
    about = walk.packet.embedded
    if about is None or getattr(about, f"nw_{end}") != old:
        return False
    walk.change(embedded=_with_end(about, end, new, port))
    return True


def _with_end(about: Embedded, end: str, address: IPv4Address, port: int | None) -> Embedded:
    new_port: int = getattr(about, f"tp_{end}")
    if port is not None and about.icmp_id is None:
        new_port = port
    if end == "src":
        return replace(about, nw_src=address, tp_src=new_port)
    return replace(about, nw_dst=address, tp_dst=new_port)


def _translate_statically(rule: Rule, walk: Walk) -> None:
    """Write the target's first address; ports stay, nothing is remembered, any protocol (simulation 4.1)."""
    target = ipv4_of(targets_of(rule)[0].address_from)
    assert target is not None  # such a rule is never loaded
    end = "nw_dst" if rule.type == "dnat" else "nw_src"
    about_embedded = rule.icmp_data_src_ip_address is not None or rule.icmp_data_dst_ip_address is not None
    if rule.type == "snat" or not about_embedded:
        if isinstance(getattr(walk.packet, end), IPv4Address):
            walk.change(**{end: target})
        walk.nw_dst_rewritten |= rule.type == "dnat"
    if walk.packet.is_icmp:
        _translate_embedded_statically(rule, walk, target)
    walk.note(f"static {rule.type} to {target}")


def _translate_embedded_statically(rule: Rule, walk: Walk, target: IPv4Address) -> None:
    if rule.type == "snat":
        _rewrite_embedded(walk, "dst", ipv4_of(rule.nw_src_address), target, None)
    elif rule.icmp_data_dst_ip_address is not None:
        _rewrite_embedded(walk, "dst", ipv4_of(rule.icmp_data_dst_ip_address), target, None)
    else:
        _rewrite_embedded(walk, "src", ipv4_of(rule.nw_dst_address), target, None)
