"""The two small programs of the lab against each other, over loopback."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

import pytest

from midonet_kubernetes.lab import answering
from midonet_kubernetes.lab.check import probe


def free_port():
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        udp.bind(tcp.getsockname())
        return tcp.getsockname()[1]


@pytest.fixture
def port():
    reader, writer = os.pipe()
    chosen = free_port()
    argv = [sys.executable, "-I", "-S", answering.__file__, "web-1", str(writer), str(chosen)]
    with subprocess.Popen(argv, pass_fds=(writer,)) as process:
        os.close(writer)
        assert os.read(reader, 1) == b"\n"
        os.close(reader)
        yield chosen
        process.kill()


def run(*probes):
    argv = [sys.executable, "-I", "-S", probe.__file__]
    done = subprocess.run(argv, input=json.dumps(probes), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_each_new_connection_is_answered_with_name_and_source(port, kind):
    (result,) = run({"kind": kind, "address": "127.0.0.1", "port": port, "count": 50})
    assert (result["answers"], result["errors"]) == ({"web-1 127.0.0.1": 50}, {})


def test_http_is_answered_too(port):
    assert run({"kind": "http", "address": "127.0.0.1", "port": port})[0]["answers"] == {"HTTP 200": 1}


def test_a_connection_answers_line_by_line(port):
    with socket.create_connection(("127.0.0.1", port)) as connection, connection.makefile("rb") as answers:
        for _ in range(3):
            connection.sendall(b"hello\n")
            assert answers.readline().startswith(b"web-1 127.0.0.1 ")


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_a_refused_port_is_told_as_refused(kind):
    (result,) = run({"kind": kind, "address": "127.0.0.1", "port": free_port(), "count": 10})
    assert result["answers"] == {}
    assert result["errors"] == {"Connection refused": probe.MOST_ERRORS}


def test_drawing_stops_at_the_wanted_name(port):
    (result,) = run({"kind": "tcp", "address": "127.0.0.1", "port": port, "count": 50, "until": "web-1"})
    assert result["answers"] == {"web-1 127.0.0.1": 1}


@pytest.mark.kernel
def test_ping_tells_who_replied():
    assert run({"kind": "ping", "address": "127.0.0.1"})[0]["answers"] == {"reply 127.0.0.1": 1}
