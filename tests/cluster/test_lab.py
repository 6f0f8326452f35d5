"""The lab on a real API server, with the real controller manager and scheduler."""

import os
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from midonet_kubernetes.kubernetes_api.kinds import NODE, POD, SERVICE, raw
from midonet_kubernetes.lab.clearing import translations
from midonet_kubernetes.lab.ownership import LABEL
from midonet_kubernetes.lab.state import place
from midonet_kubernetes.testing import kubernetes_programs, real_kubernetes
from midonet_kubernetes.testing.background import Background, ours, until

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

CERTIFICATES = Path(__file__).parents[1] / "unit" / "kubernetes_api" / "certificates"
FOUND = kubernetes_programs.find()
RAW = {kind: raw(kind.api_version, kind.kind, kind.plural, namespaced=kind.namespaced) for kind in (NODE, POD, SERVICE)}
CONTAINER = {"name": "c", "image": "i"}
DEPLOYMENT = raw("apps/v1", "Deployment", "deployments", namespaced=True)
NAME = f"real{os.getpid()}"
WITHIN = 120.0  # seconds for a lab to start and be checked, on a busy machine


@pytest.fixture(scope="module", params=FOUND[-1:] or [None], ids=[programs.minor for programs in FOUND[-1:]] or ["none"])
def bare(request, tmp_path_factory):
    """An API server and etcd, and nothing else."""
    if request.param is None or request.param.controller_manager is None:
        pytest.skip(kubernetes_programs.ABSENT)
    with real_kubernetes.started(request.param, tmp_path_factory.mktemp("kubernetes"), CERTIFICATES) as running:
        yield running


@pytest.fixture
async def client(bare):
    client = bare.client()
    yield client
    await client.close()


@contextmanager
def components(kubernetes, *names):
    """Components of the control plane that is running."""
    kubeconfig = kubernetes.kubeconfig()
    clients = [f"--{prefix}kubeconfig={kubeconfig}" for prefix in ("", "authentication-", "authorization-")]
    more = {"kube-controller-manager": ["--allocate-node-cidrs", "--cluster-cidr=10.244.0.0/16"]}
    with ExitStack() as stack:
        for name in names:
            argv = [kubernetes.programs.controller_manager.with_name(name), *clients, *more.get(name, [])]
            argv += ["--leader-elect=false", "--secure-port=0"]
            stack.enter_context(Background(argv, kubernetes.directory / f"{name}.log"))
        yield


@contextmanager
def lab(kubernetes, log, *arguments, suffix=""):
    """A lab on it; without ``--once`` it ends after the check too, as there is no terminal."""
    argv = [ours("midonet-kube"), "lab", f"--name={NAME}{suffix}", f"--kubeconfig={kubernetes.kubeconfig()}", *arguments]
    with Background(argv, log) as running:
        yield running


async def ended(running):
    """Its exit code and what it said."""

    async def gone():
        return not running.alive()

    await until("the end of the lab", gone, seconds=WITHIN)
    return running.process.returncode, running.log.read_text()


async def says(running, text):
    async def said():
        return text in running.log.read_text()

    await until(text, said, seconds=WITHIN, programs=[running])


def processes():
    """Those that have to do with the lab, the relay included."""
    found = []
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            if process.name.isdecimal() and NAME in (process / "cmdline").read_text():
                found.append(process.name)
    return found


async def no_process_is_left():
    async def gone():
        return not processes()

    await until("the end of all its processes", gone)


async def leftovers(client):
    """Everything of a lab in the API."""
    marked = [LABEL in found.metadata.labels for kind in (NODE, POD, SERVICE) for found in await client.list(kind)]
    deployments = await client.list(DEPLOYMENT, labels=LABEL)
    return [one for one in marked if one] + list(deployments) + list(await translations(client))


async def test_the_lab_is_green_and_leaves_nothing(bare, client, tmp_path):
    with components(bare, "kube-controller-manager", "kube-scheduler"), lab(bare, tmp_path / "lab.log", "--once") as running:
        code, said = await ended(running)
    assert code == 0, said
    assert "16 rows passed, 0 failed" in said
    assert await leftovers(client) == []
    await no_process_is_left()
    assert not place(NAME).folder.exists()


async def test_a_killed_labs_leftovers_are_taken_away_by_the_next_of_its_name(bare, client, tmp_path):
    with components(bare, "kube-controller-manager", "kube-scheduler"):
        with lab(bare, tmp_path / "killed.log") as running:
            await says(running, "✓ pods")
            assert len(processes()) > 5
            running.kill()
        await no_process_is_left()
        assert await leftovers(client) != []
        with lab(bare, tmp_path / "other.log", suffix="other") as other:
            code, said = await ended(other)
            assert code == 2, said
            assert f"the lab {NAME!r} uses this cluster" in said
        with lab(bare, tmp_path / "next.log", "--once") as running:
            code, said = await ended(running)
    assert code == 0, said
    assert f"taking away what an earlier lab {NAME!r} left" in said
    assert await leftovers(client) == []


async def test_a_missing_scheduler_is_named_and_sigterm_leaves_nothing(bare, client, tmp_path):
    with components(bare, "kube-controller-manager"), lab(bare, tmp_path / "lab.log") as running:
        await says(running, "kube-scheduler does not run at this cluster")
        running.process.terminate()
        code, said = await ended(running)
    assert code == 0, said
    assert await leftovers(client) == []


PLACED = """
apiVersion: v1
kind: Pod
metadata: {{name: pod-{number}}}
spec:
  nodeName: node-{number}
  containers: [{{name: c, image: i, ports: [{{containerPort: 8080}}]}}]
---
"""


@pytest.fixture
async def strangers(client):
    """A Node with a Pod on it and a Service, that are there before the lab."""
    made = [
        (RAW[NODE], {"metadata": {"name": "stranger"}, "spec": {"podCIDR": "10.244.0.0/24"}}, None),
        (RAW[POD], {"metadata": {"name": "p"}, "spec": {"nodeName": "stranger", "containers": [CONTAINER]}}, "default"),
        (RAW[SERVICE], {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}, "default"),
    ]
    there = [(kind, await client.create(kind, object_, namespace=namespace)) for kind, object_, namespace in made]
    yield there
    for kind, object_ in there:
        path = kind.path(namespace=object_["metadata"].get("namespace"), name=object_["metadata"]["name"])
        await client.send("DELETE", f"{path}?gracePeriodSeconds=0")


async def test_without_any_other_component_placed_pods_run_and_strangers_are_left_alone(bare, client, tmp_path, strangers):
    manifest = tmp_path / "pods.yaml"
    manifest.write_text("".join(PLACED.format(number=number) for number in (1, 2)))
    with lab(bare, tmp_path / "lab.log", "--once", "-f", str(manifest)) as running:
        code, said = await ended(running)
    assert code == 0, said
    assert "✓  pod → pod, other node" in said
    for kind, before in strangers:
        now = await client.get(kind, before["metadata"]["name"], namespace=before["metadata"].get("namespace"))
        assert now["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    assert await leftovers(client) == []


async def test_an_object_of_the_cluster_is_not_taken_for_the_labs(bare, client, tmp_path, strangers):
    with components(bare, "kube-controller-manager", "kube-scheduler"), lab(bare, tmp_path / "lab.log", "--once") as running:
        code, said = await ended(running)
    assert code == 2, said
    assert "Service web is in the cluster already" in said
    (_, before) = strangers[-1]
    assert (await client.get(RAW[SERVICE], "web", namespace="default"))["spec"] == before["spec"]
    assert await leftovers(client) == []
