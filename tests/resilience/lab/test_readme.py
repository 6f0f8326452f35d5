"""What the README and the examples promise."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

ROOT = Path(__file__).parents[3]
COMMANDS = re.findall(r"^\| `(midonet-kube [^`]+)` \|", (ROOT / "README.md").read_text(), re.MULTILINE)

TRANSLATIONS = """
import sys, urllib.request
with urllib.request.urlopen("http://192.168.77.11:6443/apis/midonet.org/v1/translations") as answer:
    sys.stdout.write(answer.read().decode())
"""


def test_the_readme_has_commands():
    assert len(COMMANDS) >= 6


def test_the_commands_of_the_readme_work_as_written(start):
    lab = start().wait_until_shown("Ctrl-C ends it")
    for command in sorted(COMMANDS, key=lambda command: command.endswith("down")):
        _, *words = shlex.split(command)
        if words[0] == "lab":
            words[2:2] = ["--name", lab.name]
        done = subprocess.run([lab.command, *words], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        assert done.stdout or words[1] == "down", command
    assert lab.wait() == 0


def told(text):
    """Names and contents of Translations."""
    return {
        f"{item['metadata']['namespace']}/{item['metadata']['name']}": item["resources"] for item in json.loads(text)["items"]
    }


def test_translate_prints_the_translations_that_the_lab_made(start):
    lab = start().wait_until_shown("Ctrl-C ends it")
    made = told(lab.run("exec", "node-1", "--", lab.python, "-c", TRANSLATIONS).stdout)
    exported = lab.run("export").stdout

    def translated(*files, text=""):
        argv = [lab.command, "translate", "-o", "json", *files]
        return told(subprocess.run(argv, cwd=ROOT, input=text, capture_output=True, text=True, check=True).stdout)

    assert translated("-f", "-", text=exported) == made
    of_the_shop = translated("-f", "examples/shop.yaml")
    services = {name for name in of_the_shop if name.startswith(("default/service", "kube-system/"))}
    assert {name: of_the_shop[name] for name in services} == {name: made[name] for name in services}
    assert len(services) == 3 + 3 + 4  # global ones, Services, their ports
