"""Runs inside of the world that the outer ``conftest.py`` makes."""

import os
from pathlib import Path

import pytest_asyncio

from midonet_kubernetes.testing import kubelet_pods as pods
from midonet_kubernetes.testing.kubelet_cluster import KubeletCluster

DEPLOY = Path(__file__).parents[4] / "deploy"
HOST_PORT = 30080


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cluster():
    """The cluster with what all claims use; it stays as it is from claim to claim."""
    running = KubeletCluster(Path(os.environ["WORLD"]), Path(os.environ["LOGS"]), Path(os.environ["BUILT"]), DEPLOY)
    try:
        await running.start()
        await running.apply(
            *(pods.service(app, app) for app in ("web", "alone", "nobody", "echo")),
            pods.web("web-1", "node-1", "web"),
            pods.web("web-2", "node-2", "web", host_port=HOST_PORT),
            pods.web("client-1", "node-1", "client"),
            pods.web("client-2", "node-2", "alone"),
            pods.echo("echo-1", "node-1", "echo"),
            pods.asking_the_api_server("asking-1", "node-1"),
            pods.asking_the_api_server("asking-2", "node-2"),
        )
        await running.until_ready("web-1", "web-2", "client-1", "client-2", "echo-1", "asking-1", "asking-2")
        address = (await running.read("/api/v1/namespaces/default/services/echo"))["spec"]["clusterIP"]
        await running.apply(pods.beating("beating-2", "node-2", address))
        await running.until_ready("beating-2")
        yield running
    finally:
        await running.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def address(cluster):
    """The address of a Pod, or the ClusterIP of a Service."""
    found = {name: pod["status"]["podIP"] for name, pod in (await cluster.pods()).items()}
    services = (await cluster.read("/api/v1/namespaces/default/services"))["items"]
    return {**found, **{f"service {one['metadata']['name']}": one["spec"]["clusterIP"] for one in services}}
