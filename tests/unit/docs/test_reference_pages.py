from __future__ import annotations

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", ["settings", "metrics"])
def test_a_reference_page_is_what_the_code_says(name):
    page = runpy.run_path(str(ROOT / f"tools/{name}_page.py"))["page"]
    made = f"make it anew: python tools/{name}_page.py > docs/reference/{name}.md"
    assert (ROOT / f"docs/reference/{name}.md").read_text() == page(), made
