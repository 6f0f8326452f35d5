import contextlib
import json
import os
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from midonet_kubernetes.linux.twin.kernel import TwinKernel
from midonet_kubernetes.model.names import interface_for
from midonet_kubernetes.node.daemon import Daemon, Site
from midonet_kubernetes.node.observer import Observer
from midonet_kubernetes.testing.mortal_node import Killed, Life, Mortal, MortalState

CONFIGURATION = {"cniVersion": "1.1.0", "name": "midonet"}
PODS = st.integers(0, 99)  # the names that there are follow by division
STEPS = st.integers(0, 30)


class Container:
    """What a runtime knows of a container, and what must be true of it."""

    def __init__(self, name, pod, namespace):
        self.name, self.pod, self.namespace = name, pod, namespace
        self.result = None  # of the last ADD, while it is attached
        self.certain = True  # False: an ADD or DEL was cut off
        self.replaced = False  # a newer container of the Pod took its place, or the link was taken away


class OperationsAgainstModel(RuleBasedStateMachine):
    """Any order of ADD, DEL, CHECK and GC, repeated, late, cut off by death, with pods that vanish and links that are taken.

    Few names, so that pods often meet an earlier one of theirs, and an address range that is soon exhausted.
    """

    pod_cidr, capacity, names, at_start = "10.244.1.0/28", 12, 8, 0

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.kernel, self.now = TwinKernel(), 0.0
        self.containers, self.made = {}, 0
        self.daemon = None
        self.start()
        for number in range(self.at_start):
            self.add_one(number)

    def start(self):
        self.life = Life()
        state = MortalState(Path(self.folder.name), self.life)
        self.daemon = Daemon(Site("n1", "/midonet", ()), Mortal(self.kernel, self.life), state, lambda: self.now, Observer())
        self.daemon.learn(self.pod_cidr, [])
        self.daemon.maintain(inside=True)

    def teardown(self):
        self.daemon.close()
        for container in self.containers.values():
            container.namespace.close()
        for path in ("/midonet", *self.kernel.namespaces("/pods")):
            self.kernel.remove_namespace(path)
        self.folder.cleanup()

    def call(self, command, container=None, **configuration):
        environment = {"CNI_COMMAND": command}
        descriptor = None
        if container is not None:
            environment |= {
                "CNI_CONTAINERID": container.name,
                "CNI_NETNS": f"/pods/{container.name}",
                "CNI_IFNAME": "eth0",
                "CNI_ARGS": f"K8S_POD_NAMESPACE=shop;K8S_POD_NAME={container.pod}",
            }
            with contextlib.suppress(OSError):
                descriptor = os.dup(container.namespace.fileno())
        line = json.dumps({"protocol": 1, "environment": environment, "stdin": json.dumps({**CONFIGURATION, **configuration})})
        output = self.daemon.answer(line.encode(), descriptor).partition(b"\n")[2]
        document = json.loads(output) if output else {}
        return document.get("code", 0), document

    def dying(self, steps, command, container):
        """An operation during which the daemon dies, unless it needs fewer steps; then it comes back."""
        self.life._steps = self.life.taken + steps
        try:
            self.call(command, container)
        except Killed:
            container.certain = False
        else:
            if command == "DEL":
                container.result = None
            else:
                container.certain = False  # the answer got lost
        self.daemon.close()
        self.start()

    def attached(self):
        return [c for c in self.containers.values() if c.result and not c.replaced]

    def choose(self, data):
        return self.containers[data.draw(st.sampled_from(sorted(self.containers)))]

    def others_of(self, container):
        return [c for c in self.containers.values() if c.pod == container.pod and c is not container]

    def new_container(self, number):
        self.made += 1
        name = f"c{self.made}"
        namespace = self.kernel.create_namespace(f"/pods/{name}")
        container = self.containers[name] = Container(name, f"pod-{number % self.names}", namespace)
        return container

    def add_one(self, number):
        container = self.new_container(number)
        code, result = self.call("ADD", container)
        assert code in {0, 11}
        if code == 0:
            container.result = result
            for other in self.others_of(container):
                other.replaced = True
        else:
            assert len(self.daemon.attachments.ledger.known) == self.capacity

    @rule(number=PODS)
    def add(self, number):
        self.add_one(number)

    @precondition(lambda self: self.attached())
    @rule(data=st.data())
    def add_again(self, data):
        container = data.draw(st.sampled_from(self.attached()))
        if container.certain:
            assert self.call("ADD", container)[0] == 4

    @precondition(lambda self: self.containers)
    @rule(data=st.data())
    def delete(self, data):
        container = self.choose(data)
        assert self.call("DEL", container)[0] == 0
        container.result, container.certain = None, True

    @precondition(lambda self: self.attached())
    @rule(data=st.data())
    def check(self, data):
        container = data.draw(st.sampled_from(self.attached()))
        if container.certain:
            assert self.call("CHECK", container, prevResult=container.result)[0] == 0

    @precondition(lambda self: self.containers)
    @rule(data=st.data())
    def check_of_what_is_not_attached(self, data):
        container = self.choose(data)
        if container.certain and (container.result is None or container.replaced):
            assert self.call("CHECK", container, prevResult={"interfaces": [], "ips": []})[0] == 100

    @rule(data=st.data())
    def collect_garbage(self, data):
        valid = data.draw(st.sets(st.sampled_from(sorted(self.containers)))) if self.containers else set()
        attachments = [{"containerID": name, "ifname": "eth0"} for name in sorted(valid)]
        assert self.call("GC", **{"cni.dev/valid-attachments": attachments})[0] == 0
        for name in self.containers.keys() - valid:
            self.containers[name].result, self.containers[name].certain = None, True

    @precondition(lambda self: self.containers)
    @rule(data=st.data(), steps=STEPS)
    def die_while_deleting(self, data, steps):
        self.dying(steps, "DEL", self.choose(data))

    @rule(number=PODS, steps=STEPS)
    def die_while_adding(self, number, steps):
        container = self.new_container(number)
        container.certain = False
        self.dying(steps, "ADD", container)
        for other in self.others_of(container):
            other.replaced = True  # perhaps

    @precondition(lambda self: self.containers)
    @rule(data=st.data())
    def the_pod_vanishes_without_a_del(self, data):
        container = self.choose(data)
        container.namespace.close()
        self.kernel.remove_namespace(f"/pods/{container.name}")
        container.replaced, container.certain = True, False

    @precondition(lambda self: self.attached())
    @rule(data=st.data())
    def somebody_takes_the_link(self, data):
        container = data.draw(st.sampled_from(self.attached()))
        link = interface_for(f"shop/{container.pod}")
        with (
            contextlib.closing(self.kernel.open_namespace("/midonet")) as outer,
            contextlib.closing(self.kernel.routing(outer)) as routing,
        ):
            if routing.link(link) is not None:
                routing.delete_link(link)
                container.replaced, container.certain = True, False

    @rule()
    def restart(self):
        self.daemon.close()
        self.start()

    @rule(seconds=st.sampled_from([1.0, 61.0]))
    def time_passes(self, seconds):
        self.now += seconds
        self.daemon.maintain(inside=True)

    @invariant()
    def no_address_is_given_twice(self):
        addresses = [c.result["ips"][0]["address"] for c in self.attached() if c.certain]
        assert len(addresses) == len(set(addresses))
        ledger = self.daemon.attachments.ledger
        held = [attachment.address for attachment in ledger.known.values()]
        assert len(held) == len(set(held))
        assert ledger.pool.free() == self.capacity - len(set(held) | set(ledger.strangers.values()))

    @invariant()
    def nothing_leaks(self):
        known = {a.link for a in self.daemon.attachments.ledger.known.values()}
        with (
            contextlib.closing(self.kernel.open_namespace("/midonet")) as outer,
            contextlib.closing(self.kernel.routing(outer)) as routing,
        ):
            links = {link.name for link in routing.links()} - {"lo", "midokube-mido"}
            assert links <= known
            assert {route.link for route in routing.routes()} <= links | {"midokube-mido"}


class OperationsOnFiftyPods(OperationsAgainstModel):
    """The same on a node that is full of other pods."""

    pod_cidr, capacity, names, at_start = "10.244.1.0/26", 60, 50, 50


SEQUENCES = settings(max_examples=int(os.environ.get("NODE_SEQUENCES", "25")), stateful_step_count=40, deadline=None)
TestOperationsAgainstModel = OperationsAgainstModel.TestCase
TestOperationsOnFiftyPods = OperationsOnFiftyPods.TestCase
TestOperationsAgainstModel.settings = TestOperationsOnFiftyPods.settings = SEQUENCES
