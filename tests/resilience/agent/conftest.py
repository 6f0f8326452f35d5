import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "kernel" / "agent"))
sys.path.insert(0, str(Path(__file__).parent))
from machines import Cluster
from programs import World


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """One cluster for all faults: each has to leave it as it was."""
    hosts = Cluster()
    made = World(hosts, tmp_path_factory.mktemp("world"))
    try:
        made.load()
        yield made
    finally:
        made.close()
        hosts.close()
