import asyncio
from pathlib import Path

import pytest

from midonet_kubernetes.testing import kubernetes_programs, real_kubernetes
from midonet_kubernetes.testing.cluster_load import wipe
from midonet_kubernetes.testing.installation import CONTROLLERS, Installation

ROOT = Path(__file__).parents[2]
CERTIFICATES = ROOT / "tests" / "unit" / "kubernetes_api" / "certificates"
FOUND = kubernetes_programs.find()


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.cluster)


@pytest.fixture(scope="session", params=FOUND or [None], ids=[programs.minor for programs in FOUND] or ["none"])
def kubernetes(request, tmp_path_factory):
    """A real control plane in which our manifests are applied."""
    if request.param is None:
        pytest.skip(kubernetes_programs.ABSENT)
    directory = tmp_path_factory.mktemp("kubernetes")
    with real_kubernetes.started(request.param, directory, CERTIFICATES, audited=True) as running:
        asyncio.run(running.kubectl("apply", "-f", ROOT / "deploy"))
        yield running


@pytest.fixture
async def token(kubernetes):
    """Makes tokens of ServiceAccounts."""

    async def make(account):
        return (await kubernetes.kubectl("create", "token", account, "--namespace=kube-system")).strip()

    return make


@pytest.fixture
async def api(kubernetes):
    """A client of the administrator; what the test made is taken away afterwards."""
    client = kubernetes.client()
    yield client
    await wipe(client)
    await client.close()


@pytest.fixture
async def installation(kubernetes, api, token, tmp_path):  # noqa: ARG001 - the cluster is wiped when nobody runs any more
    """minimidonet, and controllers as soon as the test starts them."""
    async with Installation(kubernetes, tmp_path, await token(CONTROLLERS)) as running:
        yield running
