"""Optimiser passes: shapes of chains and rules that the kernel can do in one step. Each keeps the meaning of what it rewrites.

``exact_jumps`` makes one look-up of many jumps, ``balanced`` a map of a NAT rule's targets, ``refusal`` a set of addresses
of rejecting chains, ``source_nat`` set elements of per-port rules, ``folding`` drops what can never match or never be reached.
``selection`` names them, so that the compiler can do without each.
"""
