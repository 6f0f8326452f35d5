import pytest

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_nodes_become_ready(cluster):
    assert await cluster.nodes_are_ready()
