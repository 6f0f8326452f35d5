from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_page_is_what_the_settings_say():
    page = runpy.run_path(str(ROOT / "tools/settings_page.py"))["page"]
    made = "make it anew: python tools/settings_page.py > docs/reference/settings.md"
    assert (ROOT / "docs/reference/settings.md").read_text() == page(), made
