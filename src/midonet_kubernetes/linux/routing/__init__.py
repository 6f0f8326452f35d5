"""Links, addresses, routes and neighbours of ``topology.host_network`` in the kernel (rtnetlink)."""
