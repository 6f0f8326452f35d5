"""The passes by name, so that each can be left out: what is compiled without one decides alike, only slower."""

from __future__ import annotations

from enum import Enum


class Pass(Enum):
    """One optimisation; the value says what it does."""

    DEAD_RULES = "rules that no packet matches or reaches are left out"
    DEAD_CHAINS = "chains without an effect are left out, with the jumps to them"
    SHORTCUTS = "a chain that only jumps is its target"
    EXACT_JUMPS = "jumps for one address, protocol and port each are one look-up"
    BALANCED = "the targets of a Service's dnat are elements of a map"
    REFUSAL = "Services that reject are elements of a set"
    SOURCE_NAT = "ports' translations of one source are elements of a set"


ALL_PASSES = frozenset(Pass)
