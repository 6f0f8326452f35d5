"""The kernel edge: network namespaces, links, routes, rule sets and connection tracking, all by raw netlink in this process.

What a program calls (``kernel.Kernel`` is all of it as a protocol; ``real.LinuxKernel`` and ``twin.TwinKernel`` fulfil it)::

    kernel = LinuxKernel()
    namespace = kernel.create_namespace("/run/netns/midonet")    # or open_namespace, adopt_namespace(fd), own_namespace
    namespace.write_sysctl("net.ipv4.ip_forward", "1")

    routing = kernel.routing(namespace)                          # a socket that stays in the namespace
    routing.add_veth(Link("mido0", mac=…, mtu=1450), Link("eth0", mac=…, mtu=1450), peer_namespace)
    routing.add_vxlan(Link("mvx", vxlan=Vxlan(5, 6677, "192.0.2.1")), into=namespace)
    routing.replace_route(Route("10.1.0.5/32", link="mido0", source="10.1.0.1"))
    routing.links(), .addresses(), .routes(), .neighbours(), .forwarding()     # what is there
    batch = routing.batch(); batch.replace_neighbour(…); errors = batch.send() # many changes, one system call

    rule_sets = kernel.rule_sets(namespace)
    installed = rule_sets.dump("midonet")                        # None when there is no such table
    plan = difference(wanted, installed, late={"eps"})           # nftables.difference: pure
    rule_sets.apply(plan.now); …; rule_sets.apply(plan.later)    # each all or nothing

    conntrack = kernel.conntrack(namespace)
    conntrack.usage(); conntrack.forget([Flow("10.96.0.10", 53, "10.1.0.5", 53)])

    watch = kernel.watch_network(namespace); watch = kernel.watch_rule_sets(namespace)   # fileno() for loop.add_reader, read()

Everything is synchronous: a round trip to the kernel takes microseconds. Every refusal is a ``KernelError`` with its errno.
Nothing here decides anything: which links or rules there should be is the business of the callers.
"""
