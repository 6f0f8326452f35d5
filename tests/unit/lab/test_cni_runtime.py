from __future__ import annotations

import json
import sys

import pytest

from midonet_kubernetes.lab.cni_runtime import Attachment, CniError, CniRuntime

PLUGIN = """#!{python} -IS
import json, os, sys
conf = json.load(sys.stdin)
with open({calls!r}, "a") as calls:
    calls.write(json.dumps({{"type": conf["type"], "conf": conf, "env": dict(os.environ)}}) + "\\n")
if conf.get("fail"):
    print(json.dumps({{"code": 11, "msg": "try again later", "details": "the daemon is away"}}))
    sys.exit(1)
if os.environ["CNI_COMMAND"] == "ADD":
    print(json.dumps({{"cniVersion": conf["cniVersion"], "by": conf["type"], "before": conf.get("prevResult")}}))
"""
ATTACHMENT = Attachment(container="c1", namespace="/somewhere/net", pod="shop/web-1", uid="u1")


@pytest.fixture
def network(tmp_path):
    def make(*plugins):
        for plugin in plugins:
            program = tmp_path / plugin["type"]
            program.write_text(PLUGIN.format(python=sys.executable, calls=str(tmp_path / "calls")))
            program.chmod(0o755)
        conf = tmp_path / "net.conflist"
        conf.write_text(json.dumps({"cniVersion": "1.1.0", "name": "midonet", "plugins": plugins}))
        return CniRuntime(conf, tmp_path)

    make.calls = lambda: [json.loads(line) for line in (tmp_path / "calls").read_text().splitlines()]
    return make


async def test_each_plugin_gets_the_result_of_the_one_before(network):
    result = await network({"type": "first"}, {"type": "second"}).add(ATTACHMENT)
    assert result["by"] == "second"
    assert result["before"]["by"] == "first"


async def test_the_environment_is_that_of_the_specification(network):
    await network({"type": "first"}).add(ATTACHMENT)
    environment = network.calls()[0]["env"]
    assert environment["CNI_COMMAND"] == "ADD"
    assert (environment["CNI_CONTAINERID"], environment["CNI_NETNS"], environment["CNI_IFNAME"]) == (
        "c1",
        "/somewhere/net",
        "eth0",
    )
    assert "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-1;K8S_POD_INFRA_CONTAINER_ID=c1" in environment["CNI_ARGS"]


async def test_name_and_version_of_the_list_reach_every_plugin(network):
    await network({"type": "first", "own": 1}).add(ATTACHMENT)
    conf = network.calls()[0]["conf"]
    assert (conf["name"], conf["cniVersion"], conf["own"]) == ("midonet", "1.1.0", 1)


async def test_deletion_goes_backwards(network):
    await network({"type": "first"}, {"type": "second"}).delete(ATTACHMENT)
    assert [call["type"] for call in network.calls()] == ["second", "first"]


async def test_a_plugin_that_refuses_is_quoted(network):
    with pytest.raises(CniError, match=r"shop/web-1: try again later \(code 11\) the daemon is away"):
        await network({"type": "first", "fail": True}).add(ATTACHMENT)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"name": "x"}'])
async def test_a_broken_configuration_is_named(tmp_path, text):
    conf = tmp_path / "net.conflist"
    conf.write_text(text)
    with pytest.raises(CniError):
        await CniRuntime(conf, tmp_path).add(ATTACHMENT)


async def test_no_configuration_yet_says_who_writes_it(tmp_path):
    with pytest.raises(CniError, match="node daemon writes it"):
        await CniRuntime(tmp_path / "none", tmp_path).add(ATTACHMENT)
