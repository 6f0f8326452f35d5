import argparse
import re
from pathlib import Path

import pytest
import yaml

from midonet_kubernetes import settings
from midonet_kubernetes.minimidonet import main as minimidonet
from midonet_kubernetes.minimidonet.agent import main as agent

DEPLOY = Path(__file__).parents[2] / "deploy"
DOCUMENTS = [document for file in sorted(DEPLOY.glob("*.yaml")) for document in yaml.safe_load_all(file.read_text()) if document]
WORKLOADS = [document for document in DOCUMENTS if document["kind"] in {"Deployment", "DaemonSet", "StatefulSet"}]
CONTAINERS = {one["name"]: one for workload in WORKLOADS for one in workload["spec"]["template"]["spec"]["containers"]}
SETTINGS = {setting.name: setting for setting in (*settings.CONTROLLERS_SETTINGS, *settings.NODE_SETTINGS)}


async def test_the_manifests_pass_the_servers_checks(kubernetes):
    said = await kubernetes.kubectl("apply", "--dry-run=server", "-f", DEPLOY)
    assert said.count("\n") == len(DOCUMENTS)


async def test_a_second_apply_changes_nothing(kubernetes):
    said = await kubernetes.kubectl("apply", "-f", DEPLOY)
    assert [line for line in said.splitlines() if not line.endswith(" unchanged")] == []


def test_every_variable_in_the_manifests_is_a_setting_with_a_value_that_is_allowed():
    values = dict(next(document for document in DOCUMENTS if document["kind"] == "ConfigMap")["data"])
    for container in CONTAINERS.values():
        values |= {one["name"]: one.get("value") for one in container.get("env", [])}
    del values["NODE_NAME"]  # only an argument is made of it
    assert len(values) > 8
    for name, value in values.items():
        if value is not None:
            SETTINGS[name].parse(value)
        assert name in SETTINGS


@pytest.mark.parametrize("name", ["server", "agent"])
def test_the_arguments_in_the_manifests_are_those_of_the_program(name):
    arguments = CONTAINERS[name]["args"]
    parser = minimidonet._parser() if name == "server" else agent._parser()
    parsed = parser.parse_args(["serve", *arguments] if name == "server" else arguments)
    assert isinstance(parsed, argparse.Namespace)


def test_what_listens_on_a_node_has_a_port_of_its_own():
    ports = [port["containerPort"] for container in CONTAINERS.values() for port in container["ports"]]
    assert len(ports) == len(set(ports)) == len(CONTAINERS)


def test_every_probe_asks_the_port_that_the_program_listens_on():
    for container in CONTAINERS.values():
        (port,) = container["ports"]
        told = [*container.get("args", []), *(f"{one['name']}={one.get('value')}" for one in container.get("env", []))]
        (listens,) = [word for word in told if "listen" in word.lower()] or [f"={settings.LISTEN.default}"]
        assert re.search(r":(\d+)$", listens)[1] == str(port["containerPort"])
        assert {container[probe]["httpGet"]["port"] for probe in ("livenessProbe", "readinessProbe")} == {port["name"]}
