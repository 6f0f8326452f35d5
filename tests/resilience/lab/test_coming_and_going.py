"""What comes and goes leaves nothing behind, in any of the places that hold state."""

from __future__ import annotations

import json
import sys
import time

import pytest

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

ROUNDS = 30
SETTLED = 20.0  # seconds after a deletion

SERVICE = """
---
apiVersion: v1
kind: Service
metadata: {{name: crowd-{number}}}
spec:
  selector: {{app: crowd}}
  ports:
  - {{name: a, port: 80, targetPort: 9000}}
  - {{name: b, port: 53, targetPort: 9001, protocol: UDP}}
"""
CROWD = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: crowd}
spec:
  replicas: 20
  selector: {matchLabels: {app: crowd}}
  template:
    metadata: {labels: {app: crowd}}
    spec:
      containers:
      - name: crowd
        image: crowd
        ports: [{containerPort: 9000}, {containerPort: 9001, protocol: UDP}]
""" + "".join(SERVICE.format(number=number) for number in range(5))

IN_MIDONET = """
import collections, json, urllib.request
with urllib.request.urlopen("http://192.168.77.11:8181/minimidonet/v1/topology") as answer:
    objects = json.load(answer)["objects"]
print(json.dumps({kind: len(of_kind) for kind, of_kind in objects.items()}))
"""
IN_KERNEL = """
import json
from midonet_kubernetes.linux.real import LinuxKernel
kernel = LinuxKernel()
here = kernel.own_namespace()
routing, rule_sets = kernel.routing(here), kernel.rule_sets(here)
table = rule_sets.dump("midonet")
print(json.dumps({
    "links": len(routing.links()),
    "routes": len(routing.routes()),
    "neighbours": len(routing.neighbours()),
    "forwarding": len(routing.forwarding()),
    "elements": {name: len(elements) for name, elements in table.elements.items()},
}))
"""


def counts(lab):
    """How many things there are, place by place."""
    status = lab.status()
    found = {"translations": status["translations"], "pods": len(status["pods"])}
    places = {"midonet": ("node-1", IN_MIDONET)} | {
        f"{node['name']}": (f"{node['name']}.midonet", IN_KERNEL) for node in status["nodes"]
    }
    for place, (where, script) in places.items():
        done = lab.run("exec", where, "--", sys.executable, "-c", script)
        assert done.returncode == 0, done.stderr
        found[place] = json.loads(done.stdout)
    return found


def test_thirty_rounds_of_twenty_pods_and_five_services_leave_nothing(start, tmp_path):
    manifest = tmp_path / "crowd.yaml"
    manifest.write_text(CROWD)
    lab = start().wait_until_shown("Ctrl-C ends it")
    before = counts(lab)
    for number in range(ROUNDS):
        for action in ("apply", "delete"):
            done = lab.run(action, "-f", str(manifest))
            assert done.returncode == 0, done.stderr
            if number % 10 == 0 and action == "apply":
                assert lab.check(patience=30) == []
    deadline = time.monotonic() + SETTLED
    while (after := counts(lab)) != before and time.monotonic() < deadline:
        pass
    assert after == before
    assert lab.check() == []
