from __future__ import annotations

import errno

import pytest

from midonet_kubernetes.errors import KernelError
from midonet_kubernetes.linux import namespaces
from midonet_kubernetes.linux.real import LinuxKernel
from midonet_kubernetes.linux.twin.kernel import TwinKernel


def _real():
    try:
        namespaces.create_unnamed().close()
    except KernelError as refused:
        pytest.skip(f"{refused}: needs root or a user namespace")
    return LinuxKernel()


@pytest.fixture(params=["twin", pytest.param("real", marks=pytest.mark.kernel)])
def kernel(request):
    return TwinKernel() if request.param == "twin" else _real()


@pytest.fixture
def make(kernel, tmp_path):
    made = []

    def make(name):
        namespace = kernel.create_namespace(str(tmp_path / "namespaces" / name))
        made.append(namespace)
        return namespace

    yield make
    for namespace in made:
        namespace.close()
        kernel.remove_namespace(namespace.path)


@pytest.fixture
def here(make):
    return make("here")


@pytest.fixture
def there(make):
    return make("there")


@pytest.fixture
def routing(kernel, here):
    routing = kernel.routing(here)
    yield routing
    routing.close()


@pytest.fixture
def other_routing(kernel, there):
    routing = kernel.routing(there)
    yield routing
    routing.close()


@pytest.fixture
def rule_sets(kernel, here):
    rule_sets = kernel.rule_sets(here)
    yield rule_sets
    rule_sets.close()


@pytest.fixture
def refused():
    def refused(codes, call, *arguments):
        with pytest.raises(KernelError) as caught:
            call(*arguments)
        allowed = codes if isinstance(codes, tuple) else (codes,)
        assert errno.errorcode[caught.value.code] in {errno.errorcode[code] for code in allowed}, str(caught.value)

    return refused
