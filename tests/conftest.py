"""What all tests share."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil

from hypothesis import settings

from midonet_kubernetes.testing import kubernetes_programs

# A busy machine is no counterexample. At the gate everybody's change meets the same examples; elsewhere new ones are looked for.
settings.register_profile("house", deadline=None)
settings.register_profile("gate", deadline=None, derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "house"))


def pytest_configure():
    # Nobody closes the event loop that Python 3.11 makes when it is first asked for one outside of a task.
    asyncio.set_event_loop(None)


REAL = ("containerd", "runc", "nft", "iptables", "conntrack", "prometheus", "cnitool")


def pytest_report_header():
    """What everything runs against."""
    minors = [f"{found.minor} ({found.api_server})" for found in kubernetes_programs.find()]
    programs = [name for name in REAL if shutil.which(name)]
    user = "root" if os.geteuid() == 0 else f"user {os.geteuid()}"
    return [
        f"machine: {len(os.sched_getaffinity(0))} cores, {platform.system()} {platform.release()}, as {user}",
        f"kube-apiserver: {', '.join(minors) or kubernetes_programs.ABSENT}",
        f"other real programs: {', '.join(programs) or 'none'}",
    ]
