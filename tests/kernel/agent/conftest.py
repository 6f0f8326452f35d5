import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from machines import Cluster
from programs import World


@pytest.fixture
def hosts():
    """A cluster that nothing was told yet."""
    made = Cluster()
    yield made
    made.close()


@pytest.fixture
def cluster(hosts):
    """A cluster whose agents run in the test itself."""
    hosts.load()
    return hosts


@pytest.fixture
def world(hosts, tmp_path):
    """A cluster whose agents and server are processes."""
    made = World(hosts, tmp_path)
    try:
        made.load()
        yield made
    except BaseException:
        made.show_logs()
        raise
    finally:
        made.close()
