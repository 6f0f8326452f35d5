from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from midonet_kubernetes.errors import KernelError

pytestmark = pytest.mark.kernel


@pytest.fixture
def path(tmp_path, kernel, unnamed):
    unnamed()
    path = tmp_path / "namespace"
    yield path
    kernel.remove_namespace(str(path))


def own_identity():
    return Path("/proc/thread-self/ns/net").stat().st_ino


def test_an_empty_file_that_a_killed_process_left_is_used(kernel, path):
    path.touch()
    assert kernel.namespaces(str(path.parent)) == []
    kernel.create_namespace(str(path)).close()
    assert kernel.namespaces(str(path.parent)) == [str(path)]


def test_an_empty_file_that_a_killed_process_left_is_removed(kernel, path):
    path.touch()
    kernel.remove_namespace(str(path))
    assert not path.exists()


def test_a_file_of_somebody_else_is_neither_opened_nor_removed(kernel, path):
    path.write_text("precious")
    for call in (kernel.open_namespace, kernel.remove_namespace):
        with pytest.raises(KernelError) as refused:
            call(str(path))
        assert refused.value.code == errno.EINVAL
    assert path.read_text() == "precious"
    path.unlink()


def test_a_namespace_of_another_kind_is_refused(kernel):
    with pytest.raises(KernelError) as refused:
        kernel.open_namespace("/proc/self/ns/mnt")
    assert refused.value.code == errno.EINVAL


def test_making_namespaces_does_not_move_any_thread(kernel, path):
    before = own_identity()
    namespace = kernel.create_namespace(str(path))
    assert own_identity() == before != namespace.identity
    namespace.close()


def test_only_the_calling_thread_enters(kernel, path):
    before = own_identity()
    namespace = kernel.create_namespace(str(path))
    entered, looked = threading.Event(), threading.Event()
    seen = []

    def look():
        entered.wait(5)
        seen.append(own_identity())
        looked.set()

    other = threading.Thread(target=look)
    other.start()
    with namespace.entered():
        entered.set()
        looked.wait(5)
        assert own_identity() == namespace.identity
    other.join()
    assert seen == [before] == [own_identity()]
    namespace.close()


def test_a_thread_comes_back_from_a_namespace_after_an_error(kernel, path):
    before = own_identity()
    namespace = kernel.create_namespace(str(path))

    def fail():
        with namespace.entered():
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert own_identity() == before
    namespace.close()


def test_a_value_that_the_kernel_does_not_take_is_refused(kernel, path):
    namespace = kernel.create_namespace(str(path))
    with pytest.raises(KernelError) as refused:
        namespace.write_sysctl("net.ipv4.ip_forward", "perhaps")
    assert refused.value.code == errno.EINVAL
    assert "net.ipv4.ip_forward to perhaps" in str(refused.value)
    namespace.close()


def test_nothing_is_left_open(kernel, path):
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a list of numbers
    namespace = kernel.create_namespace(str(path))
    opened = [kernel.routing(namespace), kernel.rule_sets(namespace), kernel.conntrack(namespace)]
    opened += [kernel.watch_network(namespace), kernel.watch_rule_sets(namespace), namespace]
    for each in opened:
        each.close()
        each.close()
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - a list of numbers
