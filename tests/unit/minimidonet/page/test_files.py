from __future__ import annotations

import re

import pytest

from midonet_kubernetes.minimidonet.page.files import page_file


def test_the_page_names_only_files_that_are_there():
    text = page_file("/").body.decode()
    names = re.findall(r'(?:src|href)="([^"#]+)"', text)
    assert sorted(names) == ["data:,", "page.css", "page.js"]
    assert all(page_file(f"/{name}") is not None for name in names if name != "data:,")


@pytest.mark.parametrize("path", ["/page.js", "/views.js", "/picture.js"])
def test_a_script_loads_only_its_neighbours(path):
    text = page_file(path).body.decode()
    assert all(page_file(f"/{name}") is not None for name in re.findall(r'from "\./([^"]+)"', text))
    assert "innerHTML" not in text
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text)


@pytest.mark.parametrize("path", ["/", "/page.js", "/page.css"])
def test_a_file_says_what_the_browser_may_do(path):
    headers = page_file(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["", "/page.py", "/../files.py", "/files.py", "/page.html", "//", "/page.js/"])
def test_nothing_else_is_served(path):
    assert page_file(path) is None
