"""Where the kernel is known to decide otherwise than MidoNet, each with a test whether a packet is such a case.

A disagreement that none of them explains is a mistake, of the compiler or of the simulator.
"""

from dataclasses import dataclass
from typing import Any

from midonet_kubernetes.model.midonet import Rule
from midonet_kubernetes.simulate import Outcome, Packet, Topology


@dataclass(frozen=True)
class Case:
    """A packet and what the simulator says.

    Args:
        packet: as it was sent.
        topology: where.
        outcomes: all of them.
        before: the outcome of the packet that this one answers, if it answers one.
    """

    packet: Packet
    topology: Topology
    outcomes: tuple[Outcome, ...]
    before: Outcome | None = None

    @property
    def steps(self) -> list[Any]:
        """All steps of all outcomes."""
        return [step for outcome in self.outcomes for step in outcome.steps]

    @property
    def rules(self) -> list[tuple[Any, Rule]]:
        """The steps at rules, with the rule."""
        return [(step, self.topology.find(Rule, step.rule)) for step in self.steps if step.rule]


def a_protocol_that_midonet_does_not_track(case: Case) -> bool:
    """The kernel tracks every protocol; to MidoNet all but TCP, UDP and ICMP is forward flow for ever."""
    asked = any(rule.match_forward_flow or rule.match_return_flow for _, rule in case.rules)
    return asked and not case.packet.is_tracked


def a_reply_to_what_nobody_tracked(case: Case) -> bool:
    """The kernel tracks all connections; MidoNet those that met a rule which asks, on the way out."""
    asked = any(step.text == "connection tracking says forward flow" for step in case.steps)
    return case.before is not None and asked


def a_reply_that_another_device_restores(case: Case) -> bool:
    """A reverse rule takes the replies of all translations in the kernel, in MidoNet those of its own device.

    So the rules behind ``rev_dnat accept`` see, in MidoNet, the replies that leave an endpoint's bridge for the client's.
    """
    steps = case.before.steps if case.before is not None else ()
    translated = {step.device for step in steps if step.text.startswith(("dnat to", "snat to"))}
    missed = {step.device for step in case.steps if step.text.startswith("rev_") and step.text.endswith("does not apply")}
    return bool(translated) and bool(missed - translated)


def filters_before_a_reply_is_restored(case: Case) -> bool:
    """The kernel restores the source of a reply last of all: filters see the endpoint, where those of MidoNet see the Service."""
    for outcome in case.outcomes:
        at = next((n for n, step in enumerate(outcome.steps) if step.text.startswith("reverse dnat")), None)
        if at is not None and any(step.rule for step in outcome.steps[at + 2 :]):
            return case.before is not None
    return False


def a_hairpin_reply_passes_the_router(case: Case) -> bool:
    """The reply to a translated source goes to the gateway in MidoNet; in the kernel it meets no filter of the router."""
    steps = case.before.steps if case.before is not None else ()
    return any(step.text.startswith("snat to") for step in steps)  # only what comes back to its sender is translated so


DIFFERENCES = (
    a_protocol_that_midonet_does_not_track,
    a_reply_to_what_nobody_tracked,
    a_reply_that_another_device_restores,
    filters_before_a_reply_is_restored,
    a_hairpin_reply_passes_the_router,
)
