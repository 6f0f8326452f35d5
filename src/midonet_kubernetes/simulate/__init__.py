"""MidoNet's packet simulation as a function of values: topology, packet and flow state in, all outcomes out.

The reading order: ``packet`` (what travels), ``topology`` (where), ``state`` (what is remembered), ``simulator`` (the
driver), ``ports``, ``bridge`` and ``router`` (the way), ``chains``, ``conditions`` and ``nat`` (the rules), ``outcome``
(the answer).
"""

from __future__ import annotations

from midonet_kubernetes.simulate.choices import Candidate, Choice, Chooser
from midonet_kubernetes.simulate.outcome import Delivery, Fate, Generated, Outcome, Step
from midonet_kubernetes.simulate.packet import Embedded, Fragment, Packet
from midonet_kubernetes.simulate.simulator import simulate, simulate_generated
from midonet_kubernetes.simulate.state import Binding, ConnectionKey, Kind, NatKey, State
from midonet_kubernetes.simulate.topology import Topology

__all__ = [
    "Binding",
    "Candidate",
    "Choice",
    "Chooser",
    "ConnectionKey",
    "Delivery",
    "Embedded",
    "Fate",
    "Fragment",
    "Generated",
    "Kind",
    "NatKey",
    "Outcome",
    "Packet",
    "State",
    "Step",
    "Topology",
    "simulate",
    "simulate_generated",
]
