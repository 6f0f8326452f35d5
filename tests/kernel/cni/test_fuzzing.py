"""The plugin, built with the compiler's sanitizers, on any input, any environment and any answer.

``CNI_FUZZED_INPUTS`` says how many; some 5,000 take a minute on two busy cores.
"""

import array
import contextlib
import json
import os
import random
import shlex
import socket
import struct
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE

import pytest

SOURCE = Path(__file__).parents[3] / "cni" / "midonet-kube-cni.c"
INPUTS = int(os.environ.get("CNI_FUZZED_INPUTS", "300"))
WORKERS = 8  # most of the time is spent waiting for daemons that are not there
VERSIONS = ["0.3.1", "0.4.0", "1.0.0", "1.1.0"]
CREDENTIALS = struct.Struct("3i")  # process, user, group
CODES = {4, 5, 6, 7, 11, 50}
COMMANDS = [b"ADD", b"DEL", b"CHECK", b"STATUS", b"GC", b"VERSION", b"FUTURE", b""]
NAMESPACES = [b"/proc/self/ns/net", b"/proc/self/ns/mnt", b"/dev/null", b"/tmp", b"/does/not/exist", b"", b"//", b"\xff"]
PIECES = (
    [bytes([byte]) for byte in b'{}[]":,\\ \n\t0-9.eE']
    + [b'"socket"', b'"cniVersion"', b'"timeout"', b'"1.1.0"', b'"/x"', b"null", b"true", b"1", b"-1", b"99999999999"]
    + [b"\0", b"\xff", b"\xc3", b"\xed\xa0\x80", "\u00fc".encode(), b"\\u0000", b"\\ud800", b"%s%n"]
)


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory):
    """The plugin with sanitizers, which end it at the first mistake."""
    program = tmp_path_factory.mktemp("cni") / "plugin"
    warnings, sanitizers = ["-Wall", "-Wextra", "-Werror"], ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    argv = [*shlex.split(os.environ.get("CC", "cc")), "-std=gnu11", "-g", "-O1", *warnings, *sanitizers, "-o", program, SOURCE]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if "san" in done.stderr and "cannot find" in done.stderr:
        pytest.skip("the compiler has no sanitizers: install libasan and libubsan")
    assert done.returncode == 0, done.stderr
    return program


class Daemon:
    """Takes any number of connections; gives each the pieces of ``answer``, and remembers who sent which line."""

    def __init__(self, path):
        self.path, self.lines, self.answer, self.rude = path, [], [b""], False
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                with self._listener.accept()[0] as connection, contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    if not self.rude:  # else it closes on the plugin while that still sends
                        who = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
                        self.lines.append((CREDENTIALS.unpack(who)[0], self._read(connection)))
                    for piece in self.answer:
                        connection.sendall(piece)

    @staticmethod
    def _read(connection):
        line = b""
        while not line.endswith(b"\n"):
            data, ancillary, _, _ = connection.recvmsg(1 << 16, socket.CMSG_SPACE(16))
            for _, _, content in ancillary:
                for descriptor in array.array("i", content[:4]):
                    os.close(descriptor)
            if not data:
                break
            line += data
        return line

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()


@dataclass
class Execution:
    """What one execution of the plugin is given."""

    stdin: bytes
    environment: dict[bytes, bytes]
    answer: list[bytes] = field(default_factory=lambda: [b"1 0 3\n{}\n"])
    rude: bool = False


class Chance:
    """Draws executions."""

    def __init__(self, seed, path):
        self._random, self._path = random.Random(seed), path

    def execution(self):
        environment = {b"CNI_COMMAND": self._random.choice(COMMANDS), b"CNI_NETNS": self._random.choice(NAMESPACES)}
        for name in (b"CNI_CONTAINERID", b"CNI_IFNAME", b"CNI_ARGS", b"CNI_PATH", b"CNI_COMMAND"):
            if self._random.random() < 0.3:
                environment[name] = self._text().replace(b"\0", b"")
        return Execution(self._stdin(), environment, self._answer(), self._random.random() < 0.05)

    def _stdin(self):
        seed = {"cniVersion": self._random.choice(VERSIONS), "name": "n", "socket": str(self._path), "timeout": 1}
        seed |= {"prevResult": {"ips": [{"a": "b"}]}, "text": '"\\\n\u00fc'} if self._random.random() < 0.5 else {}
        start = [json.dumps(seed).encode(), json.dumps(seed, indent=2, ensure_ascii=False).encode(), b""]
        return self._mutated(self._random.choices(start, weights=[6, 6, 1])[0])

    def _answer(self):
        body = b'{"a": "bc"}\n'
        answer = self._mutated(b"%d %d %d\n" % (self._random.choice([1, 1, 1, 2, 0]), self._random.randint(0, 2), len(body)))
        whole = answer + body * self._random.choice([0, 1, 1, 1, 1, 2])
        at = self._random.randint(0, len(whole))
        return [whole[:at], whole[at:]]

    def _mutated(self, text):
        changed = bytearray(text)
        for _ in range(self._random.choice([0, 0, 1, 1, 2, 3, 6])):
            at = self._random.randint(0, len(changed))
            changed[at : at + self._random.choice([0, 0, 1, 2, 3, len(changed)])] = self._text()
        return bytes(changed)

    def _text(self):
        pieces = b"".join(self._random.choices(PIECES, k=self._random.randint(0, 4)))
        return pieces * self._random.choice([1] * 30 + [1000, 20_000]) if len(pieces) < 7 else pieces


def run(program, execution):
    environment = {b"ASAN_OPTIONS": b"detect_leaks=0", **execution.environment}  # it frees by ending
    try:
        process = subprocess.Popen([program], env=environment, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    except OSError:  # an environment that the kernel does not take
        return None
    with process:
        output, complaint = process.communicate(execution.stdin, timeout=60)
    assert complaint == b"", (execution, complaint.decode(errors="replace"))
    assert process.returncode in {0, 1}, execution
    return process.pid, process.returncode, output


def check_error(execution, output):
    """What the plugin says by itself is the specification's error object."""
    error = json.loads(output)
    assert (error["cniVersion"] in VERSIONS, error["code"] in CODES, bool(error["msg"])) == (True, True, True), execution
    if error["code"] == 6:
        with contextlib.suppress(ValueError, RecursionError):  # what is JSON is not called undecodable
            assert not isinstance(json.loads(execution.stdin), dict), execution


def check_request(execution, line):
    """The daemon has got all of input and environment, and nothing else."""
    try:
        given = {name.decode(): value.decode() for name, value in execution.environment.items()}
        expected = {"protocol": 1, "environment": given, "stdin": execution.stdin.decode()}
    except UnicodeDecodeError:
        return
    assert json.loads(line) == expected, execution


def fuzz(program, daemon, chance, number):
    for _ in range(number):
        execution = chance.execution()
        daemon.lines.clear()
        daemon.answer, daemon.rude = execution.answer, execution.rude
        done = run(program, execution)
        if done is None:
            continue
        process, status, output = done
        for sender, line in daemon.lines:
            if sender == process:  # else of an earlier one, which had no patience
                check_request(execution, line)
        if b"".join(execution.answer).endswith(output):  # what the daemon said, or nothing
            continue
        if status == 1:
            check_error(execution, output)
        else:
            assert json.loads(output)["supportedVersions"] == VERSIONS, execution


def test_no_input_environment_or_answer_makes_it_misbehave(sanitized, tmp_path):
    with contextlib.ExitStack() as stack:
        workers = stack.enter_context(ThreadPoolExecutor(WORKERS))
        jobs = []
        for worker in range(WORKERS):
            daemon = stack.enter_context(contextlib.closing(Daemon(tmp_path / f"api{worker}")))
            chance = Chance(f"{os.environ.get('CNI_FUZZING_SEED', '4711')}/{worker}", daemon.path)
            jobs.append(workers.submit(fuzz, sanitized, daemon, chance, INPUTS // WORKERS + 1))
        for job in jobs:
            job.result()
