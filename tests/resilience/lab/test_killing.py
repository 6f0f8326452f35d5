"""Each program of a running cluster killed once: connections go on, and everything is green again soon."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

GREEN_AGAIN = 10.0  # seconds

KEEPER = """
import json, socket, sys, threading
stop, told = threading.Event(), {}
def keep(address, port):
    lines, names = 0, set()
    try:
        with socket.create_connection((address, port), timeout=5) as connection, connection.makefile("rb") as answers:
            while not stop.wait(0.02):
                connection.sendall(b"\\n")
                names.add(answers.readline().split()[0].decode())
                lines += 1
        told[address] = [lines, sorted(names)]
    except Exception as error:
        told[address] = [lines, repr(error)]
threads = [threading.Thread(target=keep, args=(a, int(p))) for a, p in (t.split(":") for t in sys.argv[1:])]
[thread.start() for thread in threads]
print("keeping", flush=True)
sys.stdin.readline()
stop.set()
[thread.join() for thread in threads]
print(json.dumps(told))
"""


class Connections:
    """Established connections from one pod: to a pod of each node and through a Service."""

    def __init__(self, lab, command):
        pods = [pod for pod in lab.status()["pods"] if pod["name"].startswith("default/web-")]
        source, targets = pods[0], {pod["node"]: pod for pod in pods[1:]}
        services = lab.run("exec", "node-1", "--", command, "-c", SERVICE_ADDRESS).stdout.split()
        where = [f"{pod['address']}:8080" for pod in targets.values()] + [f"{services[0]}:80"]
        argv = [lab.command, "lab", "exec", "--name", lab.name, source["name"], "--", command, "-c", KEEPER, *where]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout.readline() == "keeping\n"

    def end(self):
        """Lines exchanged on each, and who answered (or what cut it)."""
        output, _ = self._process.communicate("\n", timeout=30)
        return json.loads(output)


SERVICE_ADDRESS = """
import json, urllib.request
with urllib.request.urlopen("http://192.168.77.11:6443/api/v1/namespaces/default/services/web") as answer:
    print(json.load(answer)["spec"]["clusterIP"])
"""


def until_green(lab):
    """Seconds until no row is red."""
    began = time.monotonic()
    while red := lab.check(patience=2):
        assert time.monotonic() - began < GREEN_AGAIN, red
    return time.monotonic() - began


def test_killing_each_program_cuts_no_connection_and_all_is_green_again(start):
    lab = start().wait_until_shown("Ctrl-C ends it")
    for name, program in lab.programs().items():
        connections = Connections(lab, sys.executable)
        os.kill(program["pid"], signal.SIGKILL)
        until_green(lab)
        for address, (lines, names) in connections.end().items():
            assert isinstance(names, list), f"{name} killed: the connection to {address} broke after {lines} lines: {names}"
            assert len(names) == 1
            assert lines > 0
        again = lab.programs()[name]
        assert (again["lastExit"], again["restarts"]) == ("signal SIGKILL", 1)
        assert again["pid"] not in {0, program["pid"]}


def test_a_pods_program_that_dies_is_started_again(start):
    lab = start().wait_until_shown("Ctrl-C ends it")
    lab.run("exec", "node-1", "--", "pkill", "-9", "-f", "answering.py web-")
    until_green(lab)
