"""Where the real Kubernetes programs are: in the folder KUBEBUILDER_ASSETS, else in the cache that ``make kubernetes`` fills."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ABSENT = "no kube-apiserver and etcd: run `make kubernetes` once, or set KUBEBUILDER_ASSETS to their folder"


@dataclass(frozen=True)
class Programs:
    """What a control plane of one minor is made of.

    Args:
        minor: "1.35", or "assets" for those of KUBEBUILDER_ASSETS.
        api_server: kube-apiserver.
        etcd: etcd.
        kubectl: kubectl, None if there is none.
        controller_manager: kube-controller-manager, None if there is none.
    """

    minor: str
    api_server: Path
    etcd: Path
    kubectl: Path | None = None
    controller_manager: Path | None = None


def find(environment: Mapping[str, str] = os.environ) -> list[Programs]:
    """All minors that there are, oldest first. One that lacks a program takes it from the oldest that has it."""
    assets = environment.get("KUBEBUILDER_ASSETS", "")
    folders = [Path(assets)] if assets else sorted(_cache(environment).glob("1.*"), key=_number)
    found = []
    for folder in folders:
        places = [folder, *folders]
        api_server, etcd = _program("kube-apiserver", [folder]), _program("etcd", places)
        if api_server and etcd:
            minor = "assets" if assets else folder.name
            kubectl, manager = _program("kubectl", places), _program("kube-controller-manager", places)
            found.append(Programs(minor, api_server, etcd, kubectl, manager))
    return found


def _cache(environment: Mapping[str, str]) -> Path:
    """As in ``tools/kubernetes/build.sh``."""
    ours = environment.get("MIDONETKUBE_CACHE", "")
    all_of_them = environment.get("XDG_CACHE_HOME", "") or str(Path.home() / ".cache")
    return Path(ours or f"{all_of_them}/midonet-kubernetes") / "kubernetes"


def _number(folder: Path) -> int:
    number = folder.name.partition(".")[2]
    return int(number) if number.isdecimal() else 0


def _program(name: str, folders: list[Path]) -> Path | None:
    return next((folder / name for folder in folders if os.access(folder / name, os.X_OK)), None)
