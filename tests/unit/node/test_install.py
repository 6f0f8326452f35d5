import json
import stat
import subprocess
from pathlib import Path

import pytest

from midonet_kubernetes.errors import MachineError
from midonet_kubernetes.node import install


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    program = tmp_path / "programs" / install.PLUGIN
    program.parent.mkdir()
    program.write_bytes(b"#!/bin/sh\necho new\n")
    program.chmod(0o755)
    monkeypatch.setattr("sys.argv", [str(program.with_name("midonet-kube-node"))])
    return program


@pytest.mark.usefixtures("plugin")
def test_the_plugin_is_installed_as_a_program(tmp_path):
    assert install.install_plugin(tmp_path / "bin")
    assert subprocess.check_output([tmp_path / "bin" / install.PLUGIN]) == b"new\n"
    assert [path.name for path in (tmp_path / "bin").iterdir()] == [install.PLUGIN]


@pytest.mark.usefixtures("plugin")
def test_a_plugin_that_is_right_is_left_alone(tmp_path):
    install.install_plugin(tmp_path / "bin")
    before = (tmp_path / "bin" / install.PLUGIN).stat().st_ino
    assert not install.install_plugin(tmp_path / "bin")
    assert (tmp_path / "bin" / install.PLUGIN).stat().st_ino == before


@pytest.mark.usefixtures("plugin")
def test_what_a_daemon_left_that_was_killed_while_it_installed_goes(tmp_path):
    (tmp_path / "bin").mkdir()
    for name in (f".{install.PLUGIN}.4711", ".other.4711"):
        (tmp_path / "bin" / name).write_bytes(b"half of")
    install.install_plugin(tmp_path / "bin")
    assert sorted(path.name for path in (tmp_path / "bin").iterdir()) == [".other.4711", install.PLUGIN]


def test_a_plugin_is_replaced_while_it_runs(tmp_path, plugin):
    (tmp_path / "bin").mkdir()
    running = tmp_path / "bin" / install.PLUGIN
    running.write_bytes(Path("/bin/cat").read_bytes())  # any program that waits will do
    running.chmod(0o755)
    with subprocess.Popen([running], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert install.install_plugin(tmp_path / "bin")
        process.stdin.close()
        assert process.wait() == 0
    assert running.read_bytes() == plugin.read_bytes()


@pytest.mark.usefixtures("plugin")
def test_lost_permission_bits_come_back(tmp_path):
    install.install_plugin(tmp_path / "bin")
    (tmp_path / "bin" / install.PLUGIN).chmod(0o644)
    assert install.install_plugin(tmp_path / "bin")
    assert stat.S_IMODE((tmp_path / "bin" / install.PLUGIN).stat().st_mode) == 0o755


def test_a_missing_plugin_is_the_machines_fault(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", [str(tmp_path / "midonet-kube-node")])
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MachineError, match="install the package"):
        install.install_plugin(tmp_path / "bin")


def test_the_configuration_names_the_socket_and_every_version(tmp_path):
    path = tmp_path / "net.d" / "10-midonet.conflist"
    assert install.install_configuration(path, tmp_path / "api", None)
    document = json.loads(path.read_text())
    assert document["plugins"] == [{"type": "midonet-kube-cni", "socket": str(tmp_path / "api")}]
    assert (document["cniVersion"], document["cniVersions"][-1], document["name"]) == ("1.0.0", "1.1.0", "midonet")
    assert not install.install_configuration(path, tmp_path / "api", None)


def test_portmap_is_chained_where_it_is_installed(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "portmap").write_text("")
    (tmp_path / "bin" / "portmap").chmod(0o755)
    install.install_configuration(tmp_path / "list", tmp_path / "api", tmp_path / "bin")
    plugins = json.loads((tmp_path / "list").read_text())["plugins"]
    assert plugins[1] == {"type": "portmap", "capabilities": {"portMappings": True}, "masqAll": True}


def test_a_folder_that_cannot_be_written_is_the_machines_fault(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(MachineError, match="cannot be written"):
        install.install_configuration(tmp_path / "file" / "list", tmp_path / "api", None)


def test_removing_twice_is_fine(tmp_path):
    (tmp_path / "list").touch()
    assert install.remove(tmp_path / "list")
    assert not install.remove(tmp_path / "list")
