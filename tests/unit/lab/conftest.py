import asyncio
import ipaddress

import pytest

from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.embedded.api import Api
from midonet_kubernetes.kubernetes_api.embedded.cluster import Cluster, Networks
from midonet_kubernetes.kubernetes_api.embedded.registry import Registry
from midonet_kubernetes.kubernetes_api.embedded.store import Store
from midonet_kubernetes.kubernetes_api.embedded.transport import EmbeddedTransport
from midonet_kubernetes.kubernetes_api.kinds import raw

NAMESPACE = raw("v1", "Namespace", "namespaces", namespaced=False)
NETWORKS = Networks(ipaddress.IPv4Network("10.244.0.0/16"), ipaddress.IPv4Network("10.96.0.0/16"))


@pytest.fixture
async def bare():
    """A client of an API server without any other component."""
    client = Client(EmbeddedTransport(Api(Registry(Store()))))
    for name in ("default", "kube-system"):
        await client.create(NAMESPACE, {"metadata": {"name": name}})
    return client


@pytest.fixture
async def whole():
    """A client of an API server with all other components."""
    registry = Registry(Store())
    working = asyncio.create_task(Cluster(registry, NETWORKS).run())
    yield Client(EmbeddedTransport(Api(registry)))
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
