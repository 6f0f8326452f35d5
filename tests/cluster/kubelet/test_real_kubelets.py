import re
from pathlib import Path

import pytest

CLAIMS = re.findall(r"^async def (test_\w+)", (Path(__file__).parent / "inside" / "claims.py").read_text(), re.MULTILINE)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("claim", CLAIMS)
def test_on_two_real_kubelets(outcomes, claim):
    found = {name: said for name, said in outcomes.items() if name.partition("[")[0] == claim}
    assert found
    skipped = [said for said in found.values() if said.startswith("skipped")]
    if skipped:
        pytest.skip(skipped[0])
    assert "\n".join(filter(None, found.values())) == ""
