import pytest

from midonet_kubernetes.testing.objects import NODES, PODS, SERVICES, node, pod, service
from midonet_kubernetes.testing.twins import Twins


@pytest.fixture
async def shop():
    """Two Nodes, two Pods and a Service of two ports."""
    twins = Twins()
    for number in (1, 2):
        await twins.add_host(f"n{number}")
        await twins.apply(NODES, node(f"n{number}", number))
    await twins.apply(PODS, pod("a", "n1", "10.1.1.5"))
    await twins.apply(PODS, pod("b", "n2", "10.1.2.6", mac="0a:00:00:00:00:02"))
    await twins.apply(SERVICES, service("web", 80, 443, clusterIP="10.96.0.80"))
    return twins
