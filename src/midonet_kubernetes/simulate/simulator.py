"""From a packet to everything that may become of it: drives the walk, branches at floods, repeats it at choices."""

from __future__ import annotations

from midonet_kubernetes.errors import UserError
from midonet_kubernetes.model.midonet import Bridge, Port, Router
from midonet_kubernetes.simulate import bridge, ports, router
from midonet_kubernetes.simulate.choices import Chooser, Script
from midonet_kubernetes.simulate.outcome import Fate, Generated, Outcome
from midonet_kubernetes.simulate.packet import Packet
from midonet_kubernetes.simulate.state import Draft, State
from midonet_kubernetes.simulate.topology import Topology
from midonet_kubernetes.simulate.walk import Abandoned, Cross, End, Enter, Flood, Leave, Next, Walk


def simulate(
    topology: Topology, packet: Packet, ingress_port: str, state: State | None = None, *, chooser: Chooser | None = None
) -> tuple[Outcome, ...]:
    """What may become of a packet that enters the virtual network, as MidoNet 5.6 would decide.

    Args:
        topology: the virtual network.
        packet: as it enters.
        ingress_port: id of the port of entry.
        state: what is remembered; None: nothing.
        chooser: fixes random choices; those that it leaves open are followed to all ends.

    Returns:
        All ends with their probabilities, which add up to 1 exactly. More than ``choices.MOST_OUTCOMES`` ways are not
        followed, and a large range of addresses or ports is followed by its first value.

    Raises:
        UserError: there is no such port, or the chooser wants what is no candidate.
    """
    port = _find(topology, ingress_port)
    return _all_outcomes(topology, packet, state or State(), chooser, Enter(port), entered=port)


def simulate_generated(
    topology: Topology, generated: Generated, state: State | None = None, *, chooser: Chooser | None = None
) -> tuple[Outcome, ...]:
    """What may become of a packet that the virtual network made itself; it starts at the way out of a port.

    Connection tracking takes it for return flow, and nothing that it does to flow state is kept (simulation 0.5).
    Arguments, results and errors as ``simulate``.
    """
    port = _find(topology, generated.port)
    return _all_outcomes(topology, generated.packet, state or State(), chooser, Leave(port), entered=None)


def _find(topology: Topology, id_: str) -> Port:
    port = topology.find(Port, id_)
    if port is None:
        raise UserError(f"there is no port {id_!r} in the topology; give the id of one of its ports")
    return port


def _all_outcomes(
    topology: Topology, packet: Packet, state: State, chooser: Chooser | None, start: Next, *, entered: Port | None
) -> tuple[Outcome, ...]:
    outcomes = []
    waiting: list[tuple[int, ...]] = [()]
    while waiting:
        script = Script(waiting.pop(), chooser)
        draft = Draft(state)
        walk = Walk(topology, packet, draft, script, entered)
        outcomes.append(_outcome(walk, start))
        waiting += reversed(list(script.others()))
    return tuple(outcomes)


def _outcome(walk: Walk, start: Next) -> Outcome:
    try:
        end = _run(walk, start)
    except Abandoned as abandoned:
        end = walk.end(abandoned.fate, abandoned.reason)
    keeps_flows = end.fate not in {Fate.ERROR_DROP, Fate.SUSPENDED} and walk.entered is not None
    return Outcome(
        probability=walk.script.probability,
        fate=end.fate,
        reason=end.reason,
        deliveries=tuple(walk.deliveries) if end.fate is Fate.DELIVERED else (),
        generated=tuple(walk.generated),
        steps=tuple(walk.steps),
        choices=tuple(walk.script.choices),
        state=walk.draft.state(with_flows=keeps_flows),
    )


def _run(walk: Walk, step: Next) -> End:
    while True:
        match step:
            case End():
                return step
            case Enter(port):
                step = ports.enter(walk, port)
            case Leave(port):
                step = ports.leave(walk, port)
            case Cross(port):
                step = _cross(walk, port)
            case Flood(copies):
                return _flood(walk, copies)


def _cross(walk: Walk, port: Port) -> Next:
    match walk.topology.device_of(port):
        case Bridge() as device:
            return bridge.cross(walk, device, port)
        case Router() as device:
            return router.cross(walk, device, port)
        case None:
            raise Abandoned(Fate.SUSPENDED, f"the {port.type.lower()} {port.device_id} of port {port.id} does not exist")


def _flood(walk: Walk, copies: tuple[Port, ...]) -> End:
    """Each copy with its own headers; what was traversed, the count of devices and the state are common to all."""
    merged = End(Fate.CONSUMED, "nothing was flooded")
    for port in copies:
        before = (walk.packet, walk.device, walk.in_port, walk.in_groups, walk.out_port, walk.out_groups, walk.nw_dst_rewritten)
        walk.nw_dst_rewritten = False
        merged = _merge(merged, _run(walk, Leave(port)))
        walk.packet, walk.device, walk.in_port, walk.in_groups, walk.out_port, walk.out_groups, walk.nw_dst_rewritten = before
    return merged


def _merge(so_far: End, more: End) -> End:
    """An error drop of one branch is one of all; else who forwards wins; else who came last (simulation 5)."""
    for end in (so_far, more):
        if end.fate is Fate.ERROR_DROP:
            return end
    return so_far if so_far.fate is Fate.DELIVERED else more
