import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

from midonet_kubernetes.cli import kubernetes_api
from midonet_kubernetes.errors import UserError

CODE = "import sys; from midonet_kubernetes.cli.main import main; sys.exit(main(['kubernetes-api', *sys.argv[1:]]))"
NAMESPACES = "/api/v1/namespaces"


@pytest.fixture
def start():
    running = []

    def run(*words, **options):
        process = subprocess.Popen([sys.executable, "-c", CODE, *words], stdout=subprocess.PIPE, text=True, **options)
        running.append(process)
        word, url = process.stdout.readline().split()
        assert word == "ready"
        return process, url

    yield run
    for process in running:
        process.kill()
        process.communicate()


def ask(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, {"Content-Type": "application/json"}), timeout=10) as answer:
        return [json.loads(line) for line in answer.read().splitlines()]


def test_state_and_history_survive_a_kill(start, tmp_path):
    words = ("--listen", "127.0.0.1:0", "--store", str(tmp_path / "s"))
    process, url = start(*words)
    revision = ask(url + NAMESPACES)[0]["metadata"]["resourceVersion"]
    made = ask(url + NAMESPACES, {"metadata": {"name": "shop"}})[0]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    _, url = start(*words)
    assert ask(f"{url}{NAMESPACES}/shop")[0] == made
    events = ask(f"{url}{NAMESPACES}?watch=1&resourceVersion={revision}&timeoutSeconds=1")
    assert [event["object"]["metadata"]["name"] for event in events] == ["shop"]


def test_it_listens_on_an_inherited_socket_and_ends_on_sigterm(start):
    with socket.create_server(("127.0.0.1", 0)) as inherited:
        number = inherited.fileno()
        process, url = start("--fd", str(number), "--store", ":memory:", pass_fds=[number])
        assert url.endswith(f":{inherited.getsockname()[1]}")
        assert ask(url + "/version")[0]["major"] == "1"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "nothing to listen on"),
        (["--listen", "nowhere"], "HOST:PORT"),
        (["--listen", "127.0.0.1:0", "--pod-cidr", "x"], "--pod-cidr"),
        (["--listen", "127.0.0.1:0", "--service-cidr", "10.0.0.0/99"], "--service-cidr"),
        (["--listen", "127.0.0.1:0", "--advertise", "x"], "--advertise"),
        (["--fd", "999"], "--fd"),
        (["--listen", "127.0.0.1:0", "--cert", "/nowhere", "--key", "/nowhere"], "certificate"),
        (["--listen", "192.0.2.1:1"], "cannot listen"),
    ],
)
def test_a_wrong_argument_is_named(words, said):
    parser = argparse.ArgumentParser()
    kubernetes_api.configure(parser)
    with pytest.raises(UserError, match=said):
        kubernetes_api.run(parser.parse_args([*words, "--store", ":memory:"]))
