import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def hook():
    specification = importlib.util.spec_from_file_location("build_hook", ROOT / "cni" / "build_hook.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def compiler(tmp_path, monkeypatch):
    """A compiler that fails with the given words."""

    def make(message):
        program = tmp_path / "compiler"
        program.write_text(f"#!/bin/sh\necho '{message}' >&2\nexit 1\n")
        program.chmod(0o755)
        monkeypatch.setenv("CC", str(program))

    return make


def test_the_plugin_compiles_and_runs(hook, tmp_path):
    hook.compile_plugin(ROOT / "cni" / "midonet-kube-cni.c", tmp_path / "plugin")
    assert b"supportedVersions" in subprocess.check_output(
        [tmp_path / "plugin"], env={"CNI_COMMAND": "VERSION"}, stdin=subprocess.DEVNULL
    )
    assert [path.name for path in tmp_path.iterdir()] == ["plugin"]


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("/usr/bin/ld: cannot find -lc: No such file", "no static C library"),
        ("fatal error: stdio.h: No such file or directory", "headers of the C library are missing"),
        ("error: expected ; before }", "does not compile"),
    ],
)
def test_what_is_missing_is_said(hook, compiler, tmp_path, message, said):
    compiler(message)
    with pytest.raises(SystemExit, match=said) as raised:
        hook.compile_plugin(ROOT / "cni" / "midonet-kube-cni.c", tmp_path / "plugin")
    if "does not compile" not in said:
        assert "libc6-dev" in str(raised.value)
        assert "glibc-static" in str(raised.value)
        assert "\n" not in str(raised.value)


def test_a_missing_compiler_is_said(hook, tmp_path, monkeypatch):
    monkeypatch.setenv("CC", str(tmp_path / "none"))
    with pytest.raises(SystemExit, match="cannot be run"):
        hook.compile_plugin(ROOT / "cni" / "midonet-kube-cni.c", tmp_path / "plugin")


def test_the_plugin_is_installed_beside_the_other_programs():
    assert os.access(Path(sys.executable).with_name("midonet-kube-cni"), os.X_OK)
