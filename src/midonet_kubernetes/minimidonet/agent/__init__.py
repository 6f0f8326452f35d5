"""minimidonet's agent: puts the topology of one host into its kernel and keeps it there.

Read ``main`` (what is asked for), ``agent`` (what happens when), ``programmer`` (what is done to the kernel), then the two
parts of that: ``network`` (links, addresses, routes, neighbours) and ``rule_table`` (the nftables table).
"""
