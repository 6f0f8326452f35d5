"""An agent that is killed in the middle of a load, at each message that it sends to the kernel."""

import os
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest
from programs import PROGRAM, SERVER, Api, Program, eventually, kubernetes_service
from traffic import VIP, right_again, uncut

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

MORTAL = Path(__file__).parent / "mortal_agent.py"
EVERY = int(os.environ.get("AGENT_DEATHS_EVERY", "30"))  # 1: at every single message
SERVICES = 40


@pytest.fixture
def other(world):
    """A second server, whose topology is the first one's, moved on."""
    store = str(world.folder / "moved")
    subprocess.run([*PROGRAM, "backup", str(world.folder / "store"), store], check=True)
    arguments = ["serve", "--listen", f"{SERVER}:8182", "--store", store, "--allow-anonymous"]
    server = Program(world.cluster.wire, arguments, world.folder / "moved.log")
    try:
        api = Api(world.cluster.wire, f"http://{SERVER}:8182")
        eventually(api.version)
        api.push(kubernetes_service("web", VIP, 80, ["10.244.2.3"]))
        for number in range(SERVICES):
            api.push(kubernetes_service(f"new{number}", f"10.96.2.{number + 1}", 80, ["10.244.1.4", "10.244.2.4"]))
        yield f"http://{SERVER}:8182"
    finally:
        server.close()


def start_and_die(world, message, url):
    """Start an agent of the first host that follows the server at ``url`` and dies; whether it lived to program everything."""
    arguments = [part.replace(world.url, url) for part in world.agent_arguments(world.cluster.hosts[0])]
    with world.cluster.hosts[0].own.namespace.entered(), (world.folder / "mortal.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, MORTAL, str(message), *arguments], stdout=log, stderr=log)
    log = world.folder / "mortal.log"
    try:
        eventually(lambda: told(process, log))
        return process.poll() is None
    finally:
        process.kill()
        process.wait(10)


def told(process, log):
    assert process.poll() is not None or "programmed revision" in log.read_text()


def test_an_agent_killed_at_any_point_of_a_load_cuts_no_connection_and_the_next_one_finishes(world, other):
    one = world.cluster.hosts[0]
    world.api.push(kubernetes_service("web", VIP, 80, ["10.244.1.4", "10.244.2.4"]))
    world.settle()
    world.agents[0].kill()
    points = 0
    with uncut(world):
        for message in count(0, EVERY):
            lived = [start_and_die(world, message, url) for url in (other, world.url)]  # to the new topology, and back
            assert one.pods[3].ask("10.244.2.3", 8080)[0] == "p2-3"
            points += lived.count(False)
            if all(lived):
                break
        world.agents[0].start()
        right_again(world, 20)  # a whole start
    print(f"killed at {points} points, messages: up to {message}")  # noqa: T201 - for the report
    assert points > 4
