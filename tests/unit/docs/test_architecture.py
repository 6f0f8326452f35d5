"""What the documents name exists."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()
PACKAGES = sorted(folder.name for folder in (ROOT / "src/midonet_kubernetes").iterdir() if (folder / "__init__.py").exists())
NAMES = sorted(set(re.findall(rf"`((?:{'|'.join(PACKAGES)})(?:\.[A-Za-z_]+)+)`", ARCHITECTURE)))
LINKS = [
    (document.relative_to(ROOT), target)
    for document in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text())
    if "://" not in target
]


def resolve(name):
    words = name.split(".")
    for count in range(len(words), 0, -1):
        try:
            thing = importlib.import_module(".".join(["midonet_kubernetes", *words[:count]]))
        except ModuleNotFoundError:
            continue
        for word in words[count:]:
            thing = getattr(thing, word)
        return thing
    raise LookupError(name)


def test_the_walk_names_functions():
    assert len(NAMES) > 15


@pytest.mark.parametrize("name", NAMES)
def test_what_the_architecture_names_is_there(name):
    resolve(name)


@pytest.mark.parametrize(("document", "target"), LINKS)
def test_links_lead_somewhere(document, target):
    assert (ROOT / document.parent / target).exists()
