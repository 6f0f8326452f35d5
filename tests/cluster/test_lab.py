"""The lab on a real API server, with the real controller manager and scheduler."""

import json
import os
import signal
import subprocess
from contextlib import ExitStack, contextmanager
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
def lab(kubernetes, log, *arguments):
    argv = [ours("midonet-kube"), "lab", f"--name={NAME}", f"--kubeconfig={kubernetes.kubeconfig()}", *arguments]
    with Background(argv, log) as running:
        yield running


def run(*arguments):
    return subprocess.run(
        [ours("midonet-kube"), "lab", *arguments, f"--name={NAME}"], capture_output=True, text=True, check=False
    )


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
    assert not place(NAME).folder.exists()
