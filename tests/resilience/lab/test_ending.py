"""However a lab ends, nothing of it is left."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

BROKEN = {
    "no YAML": ("kind: [Service", "this is no YAML"),
    "no object": ("- 1", "no Kubernetes object"),
    "unknown kind": ("{apiVersion: example.org/v1, kind: Gadget, metadata: {name: x}}", "Gadget"),
    "broken port": (
        "{apiVersion: v1, kind: Service, metadata: {name: x}, spec: {selector: {a: b}, ports: [{port: 70000}]}}",
        "spec.ports[0].port",
    ),
}


def links():
    return {line.split(":")[0].strip() for line in Path("/proc/net/dev").read_text().splitlines()[2:]}


@pytest.fixture
def running(start):
    return start().wait_until_shown("Ctrl-C ends it")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL], ids=lambda n: n.name)
def test_a_signal_ends_it_and_nothing_is_left(running, number):
    before, world = links(), running.status()["supervisor"]
    running.process.send_signal(number)
    running.wait()
    assert running.is_gone(world)
    assert links() == before


def test_down_from_another_terminal_ends_it(running):
    world = running.status()["supervisor"]
    assert running.run("down").returncode == 0
    assert running.wait() == 0
    assert running.is_gone(world)


def test_the_next_start_takes_over_what_a_kill_left(start):
    first = start().wait_until_shown("Ctrl-C ends it")
    first.process.kill()
    first.wait()
    assert start("--once").wait() == 0


def test_a_signal_while_it_starts_ends_it_too(start):
    lab = start().wait_until_shown("Kubernetes API and MidoNet API")
    lab.process.send_signal(signal.SIGINT)
    assert lab.wait() == 0
    assert not lab.place.folder.exists()


def test_a_taken_name_is_refused_and_the_first_lab_goes_on(start):
    first = start().wait_until_shown("Ctrl-C ends it")
    second = start("--once")
    assert second.wait() == 2
    assert "is running: use another --name" in second.shown
    assert first.check() == []


def test_labs_run_side_by_side(start):
    labs = [start(suffix="a"), start(suffix="b")]
    for lab in labs:
        lab.wait_until_shown("Ctrl-C ends it")
    assert [lab.check() for lab in labs] == [[], []]


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_manifest_is_named_and_nothing_is_left(start, tmp_path, what):
    text, says = BROKEN[what]
    (tmp_path / "broken.yaml").write_text(text)
    lab = start("-f", str(tmp_path / "broken.yaml"))
    assert lab.wait() == 2
    assert says in lab.shown
    assert not lab.place.folder.exists()


def test_a_valid_object_that_the_lab_has_no_use_for_is_ignored_with_one_line(start, tmp_path):
    (tmp_path / "ingress.yaml").write_text("{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: x}}")
    lab = start("--once", "-f", str(tmp_path / "ingress.yaml"))
    assert lab.wait() == 0
    assert "Ingress x ignored" in lab.shown
