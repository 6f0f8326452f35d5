"""What comes out of a simulation: fates, deliveries, generated packets, and the steps that led there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from midonet_kubernetes.simulate.choices import Choice
from midonet_kubernetes.simulate.packet import Packet
from midonet_kubernetes.simulate.state import State


class Fate(Enum):
    """How a packet ends (simulation 0.5)."""

    DELIVERED = "delivered"
    DROP = "drop"  # a filter, or a rule of the protocol, said so; flow state is kept
    SHORT_DROP = "short drop"  # no route, or one that rejects; flow state is kept
    ERROR_DROP = "error drop"  # a loop, a dead end, …; flow state is discarded
    CONSUMED = "consumed"  # answered by the virtual network itself
    SUSPENDED = "suspended"  # waits for a MAC or a device, is dropped after 5 s, and else simulated again from the start


@dataclass(frozen=True, slots=True)
class Delivery:
    """A packet that leaves by an exterior port."""

    port: str
    packet: Packet


@dataclass(frozen=True, slots=True)
class Generated:
    """A packet that the virtual network makes itself. It starts at the way out of a port (``simulate_generated``)."""

    port: str
    packet: Packet


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened on the way.

    Args:
        device: id of the bridge or router ("" for a generated packet that has met none yet).
        port: id of the port, where one is concerned.
        stage: which filter was running (``port inbound``, ``bridge outbound``, …), or ``""``.
        chain: of the rule.
        rule: id of the rule.
        position: of the rule in its chain, from 1.
        matched: whether the rule's conditions held; None: the step is no rule's.
        condition: the REST name of the condition that decided against the rule (with ``condInvert``: for it).
        text: what happened, in words.
        packet: as it is after the step.
    """

    device: str
    port: str
    stage: str
    text: str
    packet: Packet
    chain: str = ""
    rule: str = ""
    position: int = 0
    matched: bool | None = None
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One way in which a packet may end.

    Args:
        probability: of this way, exact.
        fate: how it ends.
        reason: why, in words ("rule 7 of chain X (the rule's id)", "router r has no route to 10.0.0.1").
        deliveries: where copies leave the virtual network, and as what.
        generated: packets that the virtual network makes on the way.
        steps: what happened, in order.
        choices: what chance, or the caller, chose.
        state: what is remembered afterwards.
    """

    probability: Fraction
    fate: Fate
    reason: str
    deliveries: tuple[Delivery, ...]
    generated: tuple[Generated, ...]
    steps: tuple[Step, ...]
    choices: tuple[Choice, ...]
    state: State
