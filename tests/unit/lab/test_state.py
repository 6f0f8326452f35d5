from __future__ import annotations

import os

import pytest

from midonet_kubernetes.errors import UserError
from midonet_kubernetes.lab.state import Place, claimed, place


@pytest.fixture
def here(tmp_path):
    return Place("mine", tmp_path / "midonet-kube" / "labs" / "mine")


def test_a_lab_has_its_folder_while_it_runs_and_leaves_nothing(here):
    with claimed(here):
        assert here.logs.is_dir()
        assert here.namespaces.is_dir()
    assert not here.folder.parent.parent.exists()


def test_one_name_is_one_lab(here):
    with claimed(here), pytest.raises(UserError, match=r"'mine' is running.*--name"), claimed(here):
        pass
    with claimed(here):
        pass


def test_what_a_killed_lab_left_is_removed(here):
    here.logs.mkdir(parents=True)
    (here.folder / "midonet.sqlite").write_text("old")
    with claimed(here):
        assert not (here.folder / "midonet.sqlite").exists()


def test_a_refused_second_lab_does_not_touch_the_files_of_the_first(here):
    with claimed(here):
        (here.folder / "kubeconfig").write_text("mine")
        with pytest.raises(UserError), claimed(here):
            pass
        assert (here.folder / "kubeconfig").read_text() == "mine"


@pytest.mark.parametrize("name", ["", "Lab", "a/b", "..", "x" * 40, "-a"])
def test_a_name_that_would_leave_the_folder_is_refused(name):
    with pytest.raises(UserError, match="--name"):
        place(name)


def test_a_folder_too_deep_for_a_socket_is_refused(monkeypatch, tmp_path):
    deep = tmp_path / ("d" * 90)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)  # root has a folder of its own
    with pytest.raises(UserError, match="XDG_RUNTIME_DIR"):
        place("lab")
