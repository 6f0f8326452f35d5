"""Puts the plugin and its configuration where the container runtime looks for them, in one step each, and takes them away."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from midonet_kubernetes.errors import MachineError
from midonet_kubernetes.node.cni_protocol import VERSIONS

_log = logging.getLogger(__name__)

PLUGIN = "midonet-kube-cni"
NETWORK = "midonet"
OFFERED_VERSION = "1.0.0"  # what runtimes take that do not know cniVersions
# Plugins that come after ours where they are installed. Clients of a hostPort are shown to the pod as the node (masqAll): the
# virtual network has no route to those outside of the cluster, and an answer to another pod would not pass the node.
CHAINED: Mapping[str, Mapping[str, object]] = {"portmap": {"capabilities": {"portMappings": True}, "masqAll": True}}


def configuration(socket: Path, chained: list[str]) -> bytes:
    """The network configuration list.

    Args:
        socket: of the daemon.
        chained: plugins that come after ours, out of ``CHAINED``.
    """
    plugins: list[dict[str, object]] = [{"type": PLUGIN, "socket": str(socket)}]
    plugins += [{"type": name, **CHAINED[name]} for name in chained]
    document = {"cniVersion": OFFERED_VERSION, "cniVersions": list(VERSIONS), "name": NETWORK, "plugins": plugins}
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def install_plugin(folder: Path) -> bool:
    """Copy our plugin into the runtime's folder, also over one that is running.

    Returns:
        Whether anything had to be done.

    Raises:
        MachineError: the plugin is not installed beside this program, or the folder cannot be written.
    """
    source = _own_plugin()
    return _put(folder / PLUGIN, source.read_bytes(), 0o755)


def install_configuration(path: Path, socket: Path, plugin_folder: Path | None) -> bool:
    """Write the configuration; from then on the runtime gives us pods.

    Args:
        path: of the file.
        socket: of the daemon.
        plugin_folder: where the runtime's plugins are, None when it is not known; chained plugins are those found there.

    Returns:
        Whether anything had to be done.

    Raises:
        MachineError: the file cannot be written.
    """
    chained = [name for name in CHAINED if plugin_folder is not None and os.access(plugin_folder / name, os.X_OK)]
    return _put(path, configuration(socket, chained), 0o644)


def remove(path: Path) -> bool:
    """Take a file away. Returns whether there was one."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise MachineError(f"{path} cannot be removed: {error.strerror}") from None
    return True


def _own_plugin() -> Path:
    for found in (Path(sys.argv[0]).resolve().with_name(PLUGIN), Path(sys.executable).with_name(PLUGIN), shutil.which(PLUGIN)):
        if found is not None and Path(found).is_file():
            return Path(found)
    raise MachineError(f"{PLUGIN} is not installed beside {Path(sys.argv[0]).name}: install the package midonet-kubernetes again")


def _put(path: Path, content: bytes, mode: int) -> bool:
    with suppress(OSError):
        for left in path.parent.glob(f".{path.name}.*"):  # by a daemon that was killed
            left.unlink()
        if path.read_bytes() == content and path.stat().st_mode & 0o777 == mode:
            return False
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # a crash must not leave an empty program under the right name
        unfinished.chmod(mode)
        unfinished.replace(path)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink()
        raise MachineError(f"{path} cannot be written: {error.strerror}") from None
    _log.info("%s is installed", path)
    return True
