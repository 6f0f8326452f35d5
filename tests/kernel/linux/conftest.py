from __future__ import annotations

import pytest

from midonet_kubernetes.errors import KernelError
from midonet_kubernetes.linux import namespaces
from midonet_kubernetes.linux.real import LinuxKernel


@pytest.fixture
def kernel():
    return LinuxKernel()


@pytest.fixture
def unnamed():
    made = []

    def unnamed():
        try:
            made.append(namespaces.create_unnamed())
        except KernelError as refused:
            pytest.skip(f"{refused}: needs root or a user namespace")
        return made[-1]

    yield unnamed
    for namespace in made:
        namespace.close()
