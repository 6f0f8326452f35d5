"""A packet's way through the virtual network: what MidoNet's devices and rules read and write on it (simulation 0.2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from midonet_kubernetes.model.midonet import Port
from midonet_kubernetes.simulate.choices import Script
from midonet_kubernetes.simulate.outcome import Delivery, Fate, Generated, Step
from midonet_kubernetes.simulate.packet import Packet
from midonet_kubernetes.simulate.state import Draft
from midonet_kubernetes.simulate.topology import Topology, is_exterior

MOST_DEVICES = 12
"""Entering or leaving a device after so many ingresses is taken for a loop."""


class Abandoned(Exception):
    """The simulation as a whole ends here, whatever other branches of a flood did."""

    def __init__(self, fate: Fate, reason: str) -> None:
        super().__init__(reason)
        self.fate, self.reason = fate, reason


@dataclass(frozen=True, slots=True)
class End:
    """The packet, or this copy of it, ends here."""

    fate: Fate
    reason: str


@dataclass(frozen=True, slots=True)
class Enter:
    """It enters a device by a port."""

    port: Port


@dataclass(frozen=True, slots=True)
class Cross:
    """It has entered and meets the device itself."""

    port: Port


@dataclass(frozen=True, slots=True)
class Leave:
    """It is about to leave a device by a port."""

    port: Port


@dataclass(frozen=True, slots=True)
class Flood:
    """A copy is about to leave by each of these ports, in this order."""

    ports: tuple[Port, ...]


Next = End | Enter | Cross | Leave | Flood


class Walk:
    """The mutable context of one simulation.

    Args:
        topology: where.
        packet: as it entered, or was generated.
        draft: what is remembered.
        script: who chooses.
        entered: the port of entry; None for a generated packet.
    """

    def __init__(self, topology: Topology, packet: Packet, draft: Draft, script: Script, entered: Port | None) -> None:
        self.topology, self.draft, self.script = topology, draft, script
        self.original = self.packet = packet
        self.entered = entered
        self.device = ""  # owner of the port of entry: the device in NAT keys
        self.in_port = self.out_port = ""
        self.in_groups: frozenset[str] = frozenset()
        self.out_groups: frozenset[str] = frozenset()
        self.port_groups: frozenset[str] = frozenset()  # of the outermost exterior port of entry
        self.nw_dst_rewritten = False
        self.devices_traversed = 0
        self.traversed: set[str] = set()
        self.forward: bool | None = None  # connection tracking's answer, once somebody has asked
        self.stage = ""
        self.steps: list[Step] = []
        self.deliveries: list[Delivery] = []
        self.generated: list[Generated] = []
        self.routes_taken: dict[tuple[object, ...], str] = {}

    def change(self, **fields: Any) -> None:
        """Rewrite headers of the packet."""
        self.packet = replace(self.packet, **fields)

    def note(self, text: str, **fields: Any) -> None:
        """Record a step."""
        self.steps.append(Step(self.device, self.in_port, self.stage, text, self.packet, **fields))

    def end(self, fate: Fate, reason: str) -> End:
        """Record how it ends here."""
        self.note(f"{fate.value}: {reason}")
        return End(fate, reason)

    def send(self, port: str, packet: Packet) -> None:
        """Generate a packet, which will start at the way out of a port."""
        self.note(f"generates {packet} at port {port}")
        self.generated.append(Generated(port, packet))

    def enter(self, port: Port) -> None:
        """Take down that the packet enters a device by a port."""
        self.devices_traversed += 1
        self.traversed.add(port.id)
        self.device, self.in_port = port.device_id, port.id
        self.in_groups = self.topology.groups_of(port.id)
        self.forget_out_port()
        if is_exterior(port):
            self.port_groups = self.in_groups
        self.nw_dst_rewritten = False

    def choose_out_port(self, port: Port) -> None:
        """Take down by which port it will leave, and that port's groups."""
        self.out_port, self.out_groups = port.id, self.topology.groups_of(port.id)

    def forget_out_port(self) -> None:
        """There is no port of exit (yet)."""
        self.out_port, self.out_groups = "", frozenset()
