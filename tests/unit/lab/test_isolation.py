from __future__ import annotations

import errno
import os

import pytest

from midonet_kubernetes.lab import isolation


def refusal():
    return OSError(errno.EPERM, os.strerror(errno.EPERM), "unshare")


@pytest.mark.parametrize("path", isolation.SWITCHES)
def test_a_machine_that_forbids_namespaces_is_told_how_to_allow_them(monkeypatch, tmp_path, path):
    forbidding, setting = isolation.SWITCHES[path]
    (tmp_path / "switch").write_text(f"{forbidding}\n")
    monkeypatch.setattr(isolation, "SWITCHES", {str(tmp_path / "switch"): (forbidding, setting)})
    assert f"sudo sysctl -w {setting}" in isolation._explain(refusal())


@pytest.mark.parametrize(("user", "says"), [(0, "--privileged"), (1000, "Run the lab as root")])
def test_without_such_a_setting_the_next_step_depends_on_who_asks(monkeypatch, user, says):
    monkeypatch.setattr(isolation, "SWITCHES", {"/nowhere": ("1", "x=0")})
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert says in isolation._explain(refusal())
