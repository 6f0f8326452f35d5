"""The real programs that we are measured against, from the cache that ``make kubernetes`` fills."""

from __future__ import annotations

import os
from pathlib import Path


def cache() -> Path:
    """As in ``tools/kubernetes/build.sh``."""
    everything = os.environ.get("XDG_CACHE_HOME", "") or str(Path.home() / ".cache")
    return Path(os.environ.get("MIDONETKUBE_CACHE", "") or f"{everything}/midonet-kubernetes")


def plugins() -> Path | None:
    """The folder of the reference CNI plugins, if they are there."""
    folder = cache() / "cni"
    return folder if os.access(folder / "bridge", os.X_OK) and os.access(folder / "host-local", os.X_OK) else None


def kube_proxy() -> Path | None:
    """The newest kube-proxy, if there is one."""
    built = [path for path in (cache() / "kubernetes").glob("1.*/kube-proxy") if os.access(path, os.X_OK)]
    return max(built, key=lambda path: int(path.parent.name.partition(".")[2]), default=None)
