import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from raw_wire import Wire


@pytest.fixture(scope="session")
def wire():
    """A host with six pods, whose rules each case exchanges."""
    made = Wire()
    yield made
    made.close()
