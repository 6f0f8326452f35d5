"""The daemon's socket, on anything that can be sent through it.

``NODE_FUZZED_REQUESTS`` says how many; some 8,000 take a minute on two busy cores.
"""

import contextlib
import json
import os
import random
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]

REQUESTS = int(os.environ.get("NODE_FUZZED_REQUESTS", "1500"))
WORKERS = 6
LARGEST = 34 << 20  # bytes; the daemon takes somewhat less
COMMANDS = ["ADD", "ADD", "ADD", "DEL", "DEL", "CHECK", "STATUS", "GC", "VERSION", "FUTURE", ""]
KINDS = [
    "/dev/null",
    "/tmp",
    "/proc/self/ns/mnt",
    "/proc/self/ns/user",
    "/proc/self/status",
    "pipe",
    "socket",
    "node",
    "pod",
    "pod",
]
DEEP = "[" * 100_000 + "]" * 100_000
VALUES = [
    *(
        None,
        True,
        0,
        -1,
        1.5,
        10**30,
        "",
        "a",
        "eth0",
        "/x",
        "\0",
        "/a\0b",
        "\ud800",
        "\u00fc" * 12,
        "x" * 70_000,
        "1.1.0",
        "0.4.0",
    ),
    *([], [1], [[]], [None], {}, {"": None}, {"name": "eth0"}, "DEEP", [{"containerID": "c1", "ifname": "eth0"}]),
]


class Chance:
    """Draws what is sent: pieces of bytes, and descriptors that go with one of them."""

    def __init__(self, seed, spaces):
        self._random, self._spaces = random.Random(seed), spaces

    def flip(self, share):
        return self._random.random() < share

    def pieces(self):
        line = self._line()
        if self.flip(0.1):
            line = line[: self._random.randint(0, len(line))]
        elif self.flip(0.95):
            line += b"\n"
        cuts = sorted(self._random.randint(0, len(line)) for _ in range(self._random.choice([0, 0, 0, 1, 3])))
        return [line[a:b] for a, b in zip([0, *cuts], [*cuts, len(line)], strict=True)]

    def _line(self):
        drawn = self._random.random()
        if drawn < 0.05:
            return self._random.randbytes(self._random.choice([1, 20, 3000]))
        if drawn < 0.0505:
            return b"x" * LARGEST
        line = bytearray(json.dumps(self._envelope()).replace('\\"DEEP\\"', DEEP).replace('"DEEP"', DEEP).encode())
        if drawn < 0.4:
            for _ in range(self._random.randint(1, 4)):
                at = self._random.randrange(len(line))
                line[at : at + self._random.randint(0, 2)] = self._random.choice([b"", b'"', b"}", b"\\", b"\xff", b"\0", b"9"])
        return bytes(line)

    def _envelope(self):
        container = f"c{self._random.randrange(9)}"
        previous = {"interfaces": [{"name": "eth0", "sandbox": "/x"}], "ips": [{"address": "10.244.1.3/32", "interface": 0}]}
        configuration = {"cniVersion": "1.1.0", "name": "midonet", "prevResult": previous, "cni.dev/valid-attachments": []}
        environment = {
            "CNI_COMMAND": self._random.choice(COMMANDS),
            "CNI_CONTAINERID": container,
            "CNI_NETNS": f"/run/netns/{container}",
            "CNI_IFNAME": "eth0",
            "CNI_ARGS": f"K8S_POD_NAMESPACE=shop;K8S_POD_NAME={container};K8S_POD_UID=u",
        }
        for document in (configuration, previous, previous["ips"][0], previous["interfaces"][0], environment):
            self._spoil(document, share=0.15)
        envelope = {"protocol": 1, "environment": environment, "stdin": json.dumps(configuration)}
        self._spoil(envelope, share=0.1)
        return envelope

    def _spoil(self, document, share):
        if self.flip(share):
            key = self._random.choice([*document, "dns", "new"])
            document[key] = self._random.choice(VALUES)
        if self.flip(share / 3):
            document.pop(self._random.choice([*document]))

    def descriptors(self, stack):
        """Mostly what the plugin sends; at most as many as one message takes."""
        if self.flip(0.7):
            return [self._descriptor(stack, "pod")]
        number = self._random.choice([0, 1, 1, 2, 6]) if self.flip(0.97) else 253
        return [self._descriptor(stack, self._random.choice(KINDS)) for _ in range(number)]

    def _descriptor(self, stack, kind):
        if kind in self._spaces:
            return self._random.choice(self._spaces[kind]).fileno()
        if kind == "socket":
            return stack.enter_context(socket.socket()).fileno()
        if kind == "pipe":
            ends = os.pipe()
            for end in ends:
                stack.callback(os.close, end)
            return ends[0]
        descriptor = os.open(kind, os.O_RDONLY)
        stack.callback(os.close, descriptor)
        return descriptor


def talk(path, chance):
    """One connection; what it was answered, None when it did not want to know."""
    with contextlib.ExitStack() as stack, socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        client.connect(str(path))
        pieces, with_descriptors = chance.pieces(), chance.flip(0.8)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for number, piece in enumerate(pieces):
                if with_descriptors and piece and (number == 0 or chance.flip(0.3)):
                    sent = socket.send_fds(client, [piece], chance.descriptors(stack))
                    client.sendall(piece[sent:])
                else:
                    client.sendall(piece)
            if chance.flip(0.9999):  # else the daemon waits for the rest
                client.shutdown(socket.SHUT_WR)
            if chance.flip(0.1):
                return None
            with client.makefile("rb") as answers:
                return answers.read()
    return None


def fuzz(path, chance, number):
    for _ in range(number):
        answer = talk(path, chance)
        if not answer:  # none, as the server does with what is no line
            continue
        header, _, output = answer.partition(b"\n")
        protocol, status, length = map(int, header.split())
        assert (protocol, status in {0, 1}, length) == (1, True, len(output)), answer
        if status:
            error = json.loads(output)
            assert (type(error["code"]), type(error["msg"])) == (int, str)


def descriptors_of(process):
    return len(list(Path(f"/proc/{process.pid}/fd").iterdir()))


def memory_of(process):
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) * 1024


def test_nothing_that_is_sent_harms_the_daemon(node, namespaces, wait_for):
    path, before = node.folder / "api", node.outside()
    open_before = descriptors_of(node.process)
    pods = [namespaces(f"fuzzed{n}") for n in range(4)]
    spaces = {"node": [node.namespace], "pod": pods}
    with ThreadPoolExecutor(WORKERS) as workers, contextlib.ExitStack() as idle:
        for _ in range(400):  # others that say nothing, and are still there at the end
            silent = idle.enter_context(socket.socket(socket.AF_UNIX))
            silent.connect(str(path))
        seed = os.environ.get("NODE_FUZZING_SEED", "4714")
        jobs = [workers.submit(fuzz, path, Chance(f"{seed}/{n}", spaces), REQUESTS // WORKERS) for n in range(WORKERS)]
        for job in jobs:
            job.result()
    assert "Traceback" not in node.log(), node.log()[node.log().index("Traceback") - 300 :][:3000]
    assert node.process.poll() is None
    assert node.cni("GC", **{"cni.dev/valid-attachments": []}) == (0, None)
    node.add("last", namespaces("last"), pod="last")
    assert node.cni("DEL", "last", pod="last") == (0, None)
    assert node.outside() == before
    wait_for(lambda: descriptors_of(node.process) == open_before, node)
    assert memory_of(node.process) < 250_000_000
