from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

TESTS = Path(__file__).parents[2]
INSIDE = "MIDONETKUBE_TEST_INSIDE_USER_NAMESPACE"


@pytest.mark.skipif(INSIDE in os.environ, reason="runs itself")
@pytest.mark.skipif(not shutil.which("unshare"), reason="unshare (util-linux) is not installed")
def test_all_of_it_works_inside_a_user_namespace():
    command = ["unshare", "--user", "--map-root-user", "--mount", "--net", sys.executable, "-m", "pytest"]
    options = ["-q", "-p", "no:cacheprovider", "-m", "kernel", str(TESTS / "contract/linux"), str(TESTS / "kernel/linux")]
    allowed = subprocess.run([*command[:5], "true"], check=False, capture_output=True)
    if allowed.returncode:
        pytest.skip("this machine allows no user namespaces")
    run = subprocess.run([*command, *options], check=False, capture_output=True, text=True, env={**os.environ, INSIDE: "1"})
    assert run.returncode == 0, run.stdout[-5000:]
