import array
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

PLUGIN = Path(sys.executable).with_name("midonet-kube-cni")
VERSIONS = ["0.3.1", "0.4.0", "1.0.0", "1.1.0"]
OWN_NAMESPACE = "/proc/self/ns/net"


def run(command="ADD", stdin=b"{}", *, program=PLUGIN, **environment):
    """Execute the plugin; (exit status, what it printed as JSON)."""
    given = {"CNI_COMMAND": command, "ASAN_OPTIONS": "detect_leaks=0", **environment}  # it frees by ending
    done = subprocess.run([program], input=stdin, env=given, capture_output=True, timeout=30, check=False)
    assert done.stderr == b""
    return done.returncode, json.loads(done.stdout) if done.stdout else None


class Daemon:
    """Takes one connection and answers with fixed bytes; remembers what came."""

    def __init__(self, path, answer=b"1 0 3\n{}\n", *, silent=False):
        self.path, self.line, self.descriptors = path, b"", []
        self._answer, self._silent = answer, silent
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        with self._listener, self._listener.accept()[0] as connection:
            while not self.line.endswith(b"\n"):
                data, ancillary, _, _ = connection.recvmsg(1 << 16, socket.CMSG_SPACE(16))
                for _, _, content in ancillary:
                    self.descriptors += array.array("i", content[:4])
                if not data:
                    return
                self.line += data
            if self._silent:
                connection.recv(1)
            with contextlib.suppress(BrokenPipeError):
                connection.sendall(self._answer)

    def close(self):
        self._thread.join(10)
        for descriptor in self.descriptors:
            os.close(descriptor)


@pytest.fixture
def daemon(tmp_path):
    with contextlib.ExitStack() as started:

        def start(*arguments, **options):
            return started.enter_context(contextlib.closing(Daemon(tmp_path / "api", *arguments, **options)))

        yield start


def configuration(tmp_path, **more):
    return json.dumps({"cniVersion": "1.1.0", "name": "midonet", "socket": str(tmp_path / "api"), **more}).encode()


def test_version_is_answered_without_the_daemon():
    assert run("VERSION", b'{"cniVersion":"0.4.0"}') == (0, {"cniVersion": "0.4.0", "supportedVersions": VERSIONS})
    assert run("VERSION", b"") == (0, {"cniVersion": "1.1.0", "supportedVersions": VERSIONS})
    assert run("VERSION", b'{"cniVersion":"7.0.0"}')[1]["cniVersion"] == "1.1.0"


def test_the_daemon_gets_variables_input_and_namespace(tmp_path, daemon):
    server = daemon(b'1 0 12\n{"a": "b"}\n\n')
    stdin = configuration(tmp_path, text='quotes " and \\ and \u00fc\n', inner={"socket": "/no"})
    assert run(stdin=stdin, CNI_CONTAINERID="c1", CNI_NETNS=OWN_NAMESPACE, CNI_IFNAME="eth0", CNI_ARGS='A="b"', SECRET="x") == (
        0,
        {"a": "b"},
    )
    assert json.loads(server.line) == {
        "protocol": 1,
        "environment": {
            "CNI_COMMAND": "ADD",
            "CNI_CONTAINERID": "c1",
            "CNI_NETNS": OWN_NAMESPACE,
            "CNI_IFNAME": "eth0",
            "CNI_ARGS": 'A="b"',
        },
        "stdin": stdin.decode(),
    }
    assert [os.fstat(descriptor).st_ino for descriptor in server.descriptors] == [os.stat(OWN_NAMESPACE).st_ino]  # noqa: PTH116


def test_what_the_daemon_says_is_printed_and_decides_the_exit_status(tmp_path, daemon):
    daemon(b'1 1 11\n{"code":11}')
    assert run(stdin=configuration(tmp_path)) == (1, {"code": 11})


def test_a_large_configuration_gets_through(tmp_path, daemon):
    server = daemon()
    stdin = configuration(tmp_path, text="x\n" * 1_000_000)
    assert run(stdin=stdin)[0] == 0
    assert json.loads(server.line)["stdin"] == stdin.decode()


def test_an_operation_of_the_future_is_left_to_the_daemon(tmp_path, daemon):
    server = daemon()
    assert run("FUTURE", configuration(tmp_path))[0] == 0
    assert json.loads(server.line)["environment"]["CNI_COMMAND"] == "FUTURE"


@pytest.mark.parametrize(("command", "code"), [("ADD", 11), ("DEL", 11), ("CHECK", 11), ("GC", 11), ("STATUS", 50)])
def test_a_daemon_that_is_away_is_named(tmp_path, command, code):
    status, error = run(command, configuration(tmp_path, timeout=1))
    assert (status, error["code"], error["cniVersion"]) == (1, code, "1.1.0")
    assert str(tmp_path / "api") in error["msg"]


@pytest.mark.parametrize("command", ["ADD", "DEL", "CHECK", "GC"])
def test_a_daemon_that_is_restarted_is_waited_for(tmp_path, daemon, command):
    restart = threading.Timer(0.5, daemon, (b"1 0 3\n{}\n",))
    restart.start()
    assert run(command, configuration(tmp_path)) == (0, {})
    restart.join()


def test_status_waits_for_nobody(tmp_path):
    started = time.monotonic()
    assert run("STATUS", configuration(tmp_path))[1]["code"] == 50
    assert time.monotonic() - started < 2


def test_a_stale_socket_is_a_daemon_that_is_away(tmp_path):
    with socket.socket(socket.AF_UNIX) as forgotten:
        forgotten.bind(str(tmp_path / "api"))
    assert run(stdin=configuration(tmp_path, timeout=1))[1]["code"] == 11


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"1",
        b"1 0 ",
        b"1 0 5\n{}",
        b"1 0 2\n{}{}",
        b"HTTP/1.1 400\r\n\r\n",
        b"2 0 2\n{}",
        b"-1 0 2\n{}",
        b"1 0 9999999999\n{}",
    ],
)
def test_an_answer_that_is_none_means_try_again(tmp_path, daemon, answer):
    daemon(answer)
    status, error = run(stdin=configuration(tmp_path))
    assert (status, error["code"]) == (1, 11)


def test_a_newer_daemon_is_named_with_both_protocols(tmp_path, daemon):
    daemon(b"2 0 2\n{}")
    assert "protocol 2, this plugin speaks 1" in run(stdin=configuration(tmp_path))[1]["msg"]


def test_a_silent_daemon_is_not_waited_for_longer_than_told(tmp_path, daemon):
    daemon(silent=True)
    before = time.monotonic()
    status, error = run(stdin=configuration(tmp_path, timeout=1))
    assert (status, error["code"]) == (1, 11)
    assert 0.9 < time.monotonic() - before < 5


@pytest.mark.parametrize(
    "stdin",
    [
        b"",
        b"  ",
        b"[]",
        b"nonsense",
        b"{",
        b'{"socket"',
        b'{"socket":',
        b'{"a":1',
        b'{"a":"',
        b'{"a":"\\',
        b'{"a":[}',
        b"{,}",
        b'{"a" 1}',
        b"\0\0",
        b"{a:1}",
        b"\xff",
    ],
)
def test_input_that_is_no_object_is_undecodable(stdin):
    status, error = run(stdin=stdin)
    assert (status, error["code"]) == (1, 6)


@pytest.mark.parametrize("value", ['"relative"', "5", "null", '""', '"/a\\u0041"', '"/' + "x" * 200 + '"'])
def test_a_socket_that_cannot_be_one_is_a_bad_configuration(value):
    status, error = run(stdin=b'{"socket":' + value.encode() + b"}")
    assert (status, error["code"], "socket" in error["msg"]) == (1, 7, True)


@pytest.mark.parametrize("value", ["0", "-1", "1.5", '"5"', "99999999999999999999", "null", "[1]"])
def test_a_time_limit_that_cannot_be_one_is_a_bad_configuration(tmp_path, value):
    assert run(stdin=configuration(tmp_path)[:-1] + b',"timeout":' + value.encode() + b"}")[1]["code"] == 7


def test_too_much_input_is_a_bad_configuration():
    assert run(stdin=b'{"a":"' + b"x" * (5 << 20) + b'"}')[1]["code"] == 7


def test_without_a_command_it_says_who_runs_it():
    done = subprocess.run([PLUGIN], env={}, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert (done.returncode, json.loads(done.stdout)["code"]) == (1, 4)


@pytest.mark.parametrize("path", ["/does/not/exist", "/etc/passwd", "/dev/null", "/tmp"])
def test_a_namespace_that_is_none_is_a_bad_environment(tmp_path, path):
    for command in ("ADD", "CHECK"):
        status, error = run(command, configuration(tmp_path), CNI_NETNS=path)
        assert (status, error["code"], path in error["msg"]) == (1, 4, True)


@pytest.mark.parametrize("command", ["DEL", "STATUS", "GC", "FUTURE"])
@pytest.mark.parametrize("path", ["/does/not/exist", "/tmp"])
def test_an_operation_that_needs_no_namespace_takes_any(tmp_path, daemon, command, path):
    server = daemon()
    assert run(command, configuration(tmp_path), CNI_NETNS=path)[0] == 0
    assert server.descriptors == []


def test_a_pipe_as_namespace_does_not_stop_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert run(stdin=configuration(tmp_path), CNI_NETNS=str(tmp_path / "pipe"))[1]["code"] == 4


def test_an_error_is_json_whatever_the_path(tmp_path):
    assert run(stdin=configuration(tmp_path), CNI_NETNS='/"\\\n\x01' + "x" * 3000)[1]["code"] == 4


def test_secrets_of_the_configuration_are_in_no_message(tmp_path):
    for stdin in (configuration(tmp_path, password="hunter2"), configuration(tmp_path, password="hunter2")[:-1]):
        assert "hunter2" not in json.dumps(run(stdin=stdin))


def test_it_is_small_and_needs_no_library():
    assert PLUGIN.stat().st_size < 1_000_000
    assert b"NEEDED" not in subprocess.run(["readelf", "-d", PLUGIN], capture_output=True, check=True).stdout
