import asyncio
import contextlib
import json
import logging
import select
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from midonet_kubernetes.linux.twin.kernel import TwinKernel
from midonet_kubernetes.node.daemon import Daemon, Site
from midonet_kubernetes.node.observer import Observer
from midonet_kubernetes.node.options import Options
from midonet_kubernetes.node.runner import Runner
from midonet_kubernetes.node.state import Annotation, State
from midonet_kubernetes.testing.virtual_time import turn
from midonet_kubernetes.topology.host_network import Link


@pytest.fixture
def options(tmp_path):
    environment = {
        "MIDONETKUBE_NODENAME": "n1",
        "MIDONETKUBE_CLUSTERCIDR": "10.1.0.0/16",
        "MIDONETKUBE_CNICONFIGPATH": str(tmp_path / "net.d" / "list"),
        "MIDONETKUBE_NODESTATE": str(tmp_path / "state"),
        "MIDONETKUBE_DATAPATHNAMESPACE": "/midonet",
    }
    return Options.read(environment)


@pytest.fixture
async def kernel():
    made = TwinKernel()
    yield made
    made.remove_namespace("/midonet")


@pytest.fixture
async def runner(options, kernel):
    with ThreadPoolExecutor(1) as worker:
        state = State(options.state)
        daemon = Daemon(
            Site(options.node, options.datapath, options.clusters), kernel, state, asyncio.get_running_loop().time, Observer()
        )
        running = Runner(daemon, kernel, worker, options)
        yield running
        running.close()
        await asyncio.get_running_loop().run_in_executor(worker, daemon.close)


async def until(condition):
    """Wait until it holds; the kernel in memory tells tests nothing."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.to_thread(select.select, [], [], [], 0.01)


async def test_the_configuration_is_written_when_pods_can_be_served(runner, options):
    await runner.maintain()
    assert not options.configuration.exists()
    assert "no podCIDR" in runner.ready["pods"]()
    runner.node_changed("10.1.0.0/24", [])
    await runner.maintain()
    assert options.configuration.exists()
    assert (runner.ready["pods"](), runner.health["kernel thread"]()) == ("", "")


async def test_the_same_trouble_is_an_error_once(runner, caplog):
    caplog.set_level(logging.ERROR)
    for _ in range(3):
        runner.node_changed("10.1.0.0/32", [])
        await runner.maintain()
    assert len(caplog.records) == 1


async def test_a_loss_is_repaired_without_waiting_for_the_period(runner, kernel):
    runner.node_changed("10.1.0.0/24", [])
    task = asyncio.create_task(runner.run())
    try:
        with contextlib.closing(kernel.own_namespace()) as own, contextlib.closing(kernel.routing(own)) as routing:
            await until(lambda: routing.link("midokube-node") is not None)
            routing.set_link(Link("midokube-node", up=False))
            await until(lambda: routing.link("midokube-node").up)
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_annotations_are_read_and_ticked_off(runner):
    wish = Annotation("a/b", "u", "m")
    await runner._do(lambda: runner._daemon.state.want(wish))
    assert await runner.annotations() == [wish]
    await runner.annotation_written(wish)
    assert await runner.annotations() == []


async def test_deletions_that_come_together_are_each_answered(runner):
    runner.node_changed("10.1.0.0/24", [])
    await runner.maintain()
    lines = [
        json.dumps(
            {
                "protocol": 1,
                "environment": {"CNI_COMMAND": "DEL", "CNI_CONTAINERID": f"c{n}", "CNI_IFNAME": "eth0"},
                "stdin": '{"cniVersion":"1.1.0","name":"midonet"}' if n != 3 else "nonsense",
            }
        ).encode()
        for n in range(6)
    ]
    answers = await asyncio.gather(*(runner.answer(line, None) for line in lines))
    assert [answer.partition(b"\n")[0] for n, answer in enumerate(answers) if n != 3] == [b"1 0 0"] * 5
    assert b'"code":6' in answers[3]


def delete_line(container):
    environment = {"CNI_COMMAND": "DEL", "CNI_CONTAINERID": container, "CNI_NETNS": "", "CNI_IFNAME": "eth0"}
    configuration = {"cniVersion": "1.1.0", "name": "midonet", "type": "midonet-kube-cni"}
    return json.dumps({"protocol": 1, "environment": environment, "stdin": json.dumps(configuration)}).encode()


async def test_a_removal_that_the_kernel_takes_its_time_for_holds_up_nobody(runner, monkeypatch):
    done = threading.Event()
    with monkeypatch.context() as slow:
        slow.setattr(runner._daemon, "removal", lambda _line: done.wait)
        waiting = asyncio.create_task(runner.answer(delete_line("c1"), None))
        await turn()
    async with asyncio.timeout(5):
        assert await runner.answer(delete_line("c2"), None)
    assert not waiting.done()
    done.set()
    async with asyncio.timeout(5):
        assert await waiting


async def test_a_caller_that_goes_leaves_the_others_their_answers(runner):
    callers = [asyncio.create_task(runner.answer(delete_line(f"c{number}"), None)) for number in range(5)]
    await turn()
    callers[0].cancel()
    callers[3].cancel()
    async with asyncio.timeout(5):
        answers = await asyncio.gather(*callers, return_exceptions=True)
    assert [isinstance(answer, bytes) for answer in answers] == [False, True, True, False, True]
    async with asyncio.timeout(5):
        assert await runner.answer(delete_line("late"), None)
