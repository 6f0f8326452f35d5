from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from midonet_kubernetes.kubernetes_api.embedded.http_face import HttpFace, Listeners

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "web:1", ports: [{name: http, containerPort: 8080}]}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: http}]
---
apiVersion: midonet.org/v1
kind: Translation
metadata: {name: service.4.web}
resources: [{kind: Chain, parent: "", body: '{"id":"x"}'}]
"""


class Kubectl:
    def __init__(self, url: str, folder: Path) -> None:
        self.flags = ["--server", url, "--cache-dir", str(folder / "cache"), "--kubeconfig", "/dev/null"]
        self.manifest = folder / "shop.yaml"
        self.manifest.write_text(MANIFEST)

    async def run(self, *words: str, code: int = 0) -> str:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec("kubectl", *self.flags, *words, stdout=pipe, stderr=pipe)
        out, errors = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode == code, (words, out, errors)
        return (out + errors).decode()

    async def json(self, *words: str) -> Any:
        return json.loads(await self.run(*words, "-o", "json"))


@pytest.fixture
async def kubectl(server, tmp_path):
    await server.add_nodes("one", "two")
    face = HttpFace(server.api, Listeners([("127.0.0.1", 0)]))
    (url,) = await face.start()
    loop = asyncio.get_running_loop()
    work = loop.create_task(server.cluster.run())
    server.store.subscribe(lambda _: loop.call_soon(server.kubelets.work))
    yield Kubectl(url, tmp_path)
    work.cancel()
    await face.stop()


async def test_apply_wait_get_describe_and_delete_work(kubectl):
    assert "deployment.apps/web created" in await kubectl.run("apply", "-f", str(kubectl.manifest))
    await kubectl.run("wait", "--for=condition=Available", "deployment/web", "--timeout=10s")
    assert "successfully rolled out" in await kubectl.run("rollout", "status", "deployment/web", "--timeout=10s")
    assert "deployment.apps/web unchanged" in await kubectl.run("apply", "-f", str(kubectl.manifest))

    pods = (await kubectl.run("get", "pods", "-o", "wide")).splitlines()
    assert pods[0].split()[:6] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP"]
    assert all("Running" in line for line in pods[1:4])
    assert "3/3" in await kubectl.run("get", "deployments")
    assert "80/TCP" in await kubectl.run("get", "all", "-A")
    described = await kubectl.run("describe", "service", "web")
    assert described.count(":8080") == 3
    for what in ("node/one", "deployment/web", "pods", "endpointslices", "tr/service.4.web"):
        await kubectl.run("describe", *what.split())

    await kubectl.run("delete", "-f", str(kubectl.manifest), "--timeout=10s")
    await kubectl.run("wait", "--for=delete", "pods", "-l", "app=web", "--timeout=10s")
    assert "No resources found" in await kubectl.run("get", "pods,rs,deploy,tr")


async def test_scale_and_a_new_image_roll_out(kubectl):
    await kubectl.run("apply", "-f", str(kubectl.manifest))
    await kubectl.run("scale", "deployment/web", "--replicas=4")
    await kubectl.run("rollout", "status", "deployment/web", "--timeout=10s")
    await kubectl.run("set", "image", "deployment/web", "web=web:2")
    await kubectl.run("rollout", "status", "deployment/web", "--timeout=10s")
    pods = (await kubectl.json("get", "pods", "-l", "app=web"))["items"]
    living = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    assert [pod["spec"]["containers"][0]["image"] for pod in living] == ["web:2"] * 4
    assert "2" in (await kubectl.run("rollout", "history", "deployment/web")).split()
    await kubectl.run("rollout", "undo", "deployment/web")
    await kubectl.run("rollout", "status", "deployment/web", "--timeout=10s")
    assert "web:1" in await kubectl.run("get", "deployment/web", "-o", "wide")
    await kubectl.run("rollout", "restart", "deployment/web")
    await kubectl.run("rollout", "status", "deployment/web", "--timeout=10s")


async def test_labels_annotations_patches_and_server_side_apply(kubectl):
    await kubectl.run("run", "single", "--image=x:1", "--port=80", "--expose")
    await kubectl.run("label", "pod/single", "tier=front")
    await kubectl.run("annotate", "pod/single", "midonet.org/mac-address=ac:ca:ba:00:00:01")
    assert await kubectl.run("get", "pods", "-l", "tier=front", "-o", "name") == "pod/single\n"
    await kubectl.run("label", "pod/single", "tier-")
    await kubectl.run(
        "patch", "service", "single", "--type=json", "-p", '[{"op":"add","path":"/metadata/labels","value":{"a":"b"}}]'
    )
    assert "serverside-applied" in await kubectl.run("apply", "--server-side", "-f", str(kubectl.manifest))
    status = '{"status":{"resourcesPushed":7,"conditions":[{"type":"Pushed","status":"True"}]}}'
    await kubectl.run("patch", "tr", "service.4.web", "--subresource=status", "--type=merge", "-p", status)
    await kubectl.run("wait", "--for=condition=Pushed", "tr/service.4.web", "--timeout=10s")
    assert (await kubectl.run("get", "tr")).splitlines()[1].split()[:3] == ["service.4.web", "True", "7"]


async def test_nodes_are_cordoned_and_namespaces_deleted_with_their_contents(kubectl):
    await kubectl.run("cordon", "one")
    assert "Ready,SchedulingDisabled" in await kubectl.run("get", "nodes")
    await kubectl.run("uncordon", "one")
    await kubectl.run("create", "namespace", "shop")
    await kubectl.run("apply", "-n", "shop", "-f", str(kubectl.manifest))
    await kubectl.run("rollout", "status", "-n", "shop", "deployment/web", "--timeout=10s")
    await kubectl.run("delete", "deployment", "web", "-n", "shop", "--cascade=orphan")
    assert "replicaset" in await kubectl.run("get", "rs", "-n", "shop", "-o", "name")
    await kubectl.run("delete", "rs", "--all", "-n", "shop", "--cascade=foreground", "--timeout=10s")
    await kubectl.run("delete", "namespace", "shop", "--timeout=10s")
    assert "NotFound" in await kubectl.run("get", "namespace", "shop", code=1)


async def test_mistakes_are_told_as_kubernetes_tells_them(kubectl, tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 70000}]}\n")
    said = await kubectl.run("apply", "-f", str(broken), code=1)
    assert "spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive" in said
    unknown = tmp_path / "unknown.yaml"
    unknown.write_text(MANIFEST.split("---")[2].replace("resources:", "colour: red\nresources:"))
    said = await kubectl.run("apply", "-f", str(unknown), code=1)
    assert 'unknown field "colour"' in said
    assert "resources" in await kubectl.run("explain", "tr")
    assert await kubectl.run("auth", "can-i", "create", "pods") == "yes\n"


async def test_what_kubectl_creates_as_protobuf_is_read(kubectl):
    await kubectl.run("create", "deployment", "web", "--image=web:1", "--replicas=2", "--port=80")
    await kubectl.run("rollout", "status", "deployment/web", "--timeout=10s")
    await kubectl.run("expose", "deployment", "web", "--port=80", "--target-port=8080")
    await kubectl.run("create", "service", "nodeport", "np", "--tcp=80:http", "--node-port=30080")
    assert (await kubectl.json("get", "service", "np"))["spec"]["ports"] == [
        {"name": "80-http", "nodePort": 30080, "port": 80, "protocol": "TCP", "targetPort": "http"}
    ]
    await kubectl.run("create", "configmap", "a", "--from-literal=x=1")
    await kubectl.run("create", "secret", "generic", "b", "--from-literal=x=1")
    await kubectl.run("create", "serviceaccount", "c")
    assert (await kubectl.json("get", "configmap", "a"))["data"] == {"x": "1"}
    assert (await kubectl.json("get", "secret", "b"))["data"] == {"x": "MQ=="}
    assert (await kubectl.json("get", "deployment", "web"))["spec"]["replicas"] == 2
    await kubectl.run("drain", "one", "--force", "--timeout=10s")
    await kubectl.run("rollout", "status", "deployment/web", "--timeout=10s")
    pods = (await kubectl.json("get", "pods"))["items"]
    assert [pod["spec"]["nodeName"] for pod in pods if "deletionTimestamp" not in pod["metadata"]] == ["two", "two"]
