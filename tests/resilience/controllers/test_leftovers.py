"""What a program of Translation version 3 has left: other names and other ids for all that there is."""

import asyncio
import json
import os
import random
import re
from uuid import UUID, uuid5

import pytest

from midonet_kubernetes.controllers.pusher.wanted import read_all
from midonet_kubernetes.exchange import Request
from midonet_kubernetes.kubernetes_api.kinds import NODE, POD, SERVICE, TRANSLATION
from midonet_kubernetes.model.translation import Resource
from midonet_kubernetes.testing.mortal import Life, running
from midonet_kubernetes.testing.objects import NODES, PODS, SERVICES, node, pod, service
from midonet_kubernetes.testing.twins import Twins, differences, host_id

pytestmark = pytest.mark.looptime

EVERY = int(os.environ.get("LEFTOVERS_EVERY", "23"))  # the process dies at each so many-th step; 1 takes a minute
NODE_NAMES = ("n1", "n2")
HOSTS = {host_id(name) for name in NODE_NAMES}
AN_ID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def load_objects(twins):
    for number, name in enumerate(NODE_NAMES, 1):
        await twins.add_host(name)
        await twins.apply(NODES, node(name, number))
        await twins.apply(PODS, pod(f"on-{name}", name, f"10.1.{number}.5", mac=f"0a:00:00:00:00:0{number}"))
    await twins.apply(SERVICES, service("web", 80, clusterIP="10.96.0.80"))
    twins.cluster.settle()


def older(text):
    """Our ids as those of another version; hosts are MidoNet's."""
    return AN_ID.sub(lambda found: found[0] if found[0] in HOSTS else str(uuid5(UUID(found[0]), "3")), text)


def as_version_3(translation, uids):
    """A Translation as a version 3 had it, of the same owner: without a status, which it did not know."""
    metadata = translation.metadata
    owners = [
        {"apiVersion": "v1", "kind": one.kind, "name": one.name, "uid": uids[one.kind, one.name]}
        for one in metadata.owner_references
    ]
    return {
        "apiVersion": "midonet.org/v1",
        "kind": "Translation",
        "metadata": {
            "name": metadata.name.replace(".4.", ".3."),
            "namespace": metadata.namespace,
            "labels": {"midonet.org/owner-uid": owners[0]["uid"]} if owners else {"midonet.org/global": ""},
            "finalizers": metadata.finalizers,
            "ownerReferences": owners,
        },
        "resources": [{"kind": one.kind, "parent": older(one.parent), "body": older(one.body)} for one in translation.resources],
    }


async def load_version_3(twins, written):
    """What a version 3 had written for the same objects, and pushed."""
    kinds = (NODE, POD, SERVICE)
    uids = {(kind.kind, one.metadata.name): one.metadata.uid for kind in kinds for one in await twins.kubernetes.list(kind)}
    waiting = []
    for translation in written:
        document = as_version_3(translation, uids)
        path = TRANSLATION.path(namespace=translation.metadata.namespace)
        body = json.dumps(document).encode()
        answer = await twins.api.handle(Request("POST", path, {"Content-Type": "application/json"}, body))
        assert answer.status == 201, answer.body
        waiting += read_all(Resource(**one) for one in document["resources"])[0]
    while waiting:
        left = [one for one in waiting if not (await twins.midonet.create(one.kind, one.parent, one.body, one.text)).ok]
        assert len(left) < len(waiting), left
        waiting = left


class Bindings(Life):
    """Looks after each step which interfaces have no port.

    Attributes:
        lost: interface and seconds for which it had none.
    """

    def __init__(self, twins, steps=None):
        super().__init__(steps)
        self._twins, self._since, self.lost = twins, {}, {}
        self._before = self.bound()

    def bound(self):
        ports = self._twins.midonet_store.tables.all("Port").values()
        return {(port["hostId"], port["interfaceName"]) for port in ports if port.get("hostId")}

    def step(self):
        super().step()
        now, bound = asyncio.get_running_loop().time(), self.bound()
        for interface in self._before:
            if interface not in bound:
                self._since.setdefault(interface, now)
            elif interface in self._since:
                self.lost[interface] = now - self._since.pop(interface)


async def without_version_3():
    """What there is where no version 3 ever was: Translations and topology."""
    twins = Twins()
    await load_objects(twins)
    async with running(twins) as program:
        await twins.settle(program)
    return list((await twins.translations()).values()), twins.topology()


async def test_nothing_is_left_of_version_3_and_no_interface_is_without_port_for_long():
    twins = Twins()
    await load_objects(twins)
    written, topology = await without_version_3()
    await load_version_3(twins, written)
    life = Bindings(twins)
    async with running(twins, life) as program:
        await twins.settle(program)
    assert sorted(await twins.translations()) == sorted(one.metadata.key for one in written)
    assert differences(topology, twins.topology()) == []
    assert len(life.lost) == 4
    assert max(life.lost.values()) < 1.0


@pytest.mark.slow
async def test_whenever_the_process_dies_nothing_is_left_of_version_3():
    written, topology = await without_version_3()

    async def taken_over(steps):
        twins = Twins()
        await load_objects(twins)
        await load_version_3(twins, written)
        life = Life(steps)
        async with running(twins, life) as program:
            await first_of(twins.settle(program), life.over.wait())
        async with running(twins) as program:
            await twins.settle(program)
        assert (steps, differences(topology, twins.topology())) == (steps, [])
        assert sorted(await twins.translations()) == sorted(one.metadata.key for one in written), steps
        return life

    steps = 2 * len((await taken_over(None)).writes)
    for step in range(random.Random(3).randrange(EVERY), steps, EVERY):
        assert (await taken_over(step)).over.is_set()


async def first_of(*awaitables):
    tasks = [asyncio.ensure_future(one) for one in awaitables]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


async def test_what_others_made_without_our_label_stays():
    twins = Twins()
    await load_objects(twins)
    name = TRANSLATION.path(namespace="kube-system")
    document = {"apiVersion": "midonet.org/v1", "kind": "Translation", "metadata": {"name": "mine"}, "resources": []}
    await twins.apply(name, document)
    async with running(twins) as program:
        await twins.settle(program)
    assert "kube-system/mine" in await twins.translations()
