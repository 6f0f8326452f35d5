from pathlib import Path

import pytest


@pytest.fixture
def certificates():
    return Path(__file__).parent / "certificates"
