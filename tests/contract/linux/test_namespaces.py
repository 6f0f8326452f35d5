from __future__ import annotations

import errno
import os

import pytest


def test_a_namespace_is_found_where_it_was_made(kernel, here, tmp_path):
    again = kernel.open_namespace(here.path)
    assert again.identity == here.identity
    again.close()
    assert kernel.namespaces(str(tmp_path / "namespaces")) == [here.path]


def test_two_namespaces_are_not_the_same(here, there):
    assert here.identity != there.identity


def test_a_descriptor_that_was_handed_over_is_the_same_namespace(kernel, here):
    adopted = kernel.adopt_namespace(os.dup(here.fileno()))
    assert adopted.identity == here.identity
    assert not adopted.path
    adopted.close()


def test_a_descriptor_of_something_else_is_refused(kernel, refused, tmp_path):
    refused(errno.EINVAL, kernel.adopt_namespace, os.open(tmp_path, os.O_RDONLY))


def test_a_namespace_cannot_be_made_where_one_is(kernel, here, refused):
    refused(errno.EEXIST, kernel.create_namespace, here.path)


def test_what_is_not_there_cannot_be_opened(kernel, refused, tmp_path):
    refused(errno.ENOENT, kernel.open_namespace, str(tmp_path / "nothing"))


def test_a_removed_namespace_is_not_listed_and_removing_it_again_is_fine(kernel, tmp_path):
    namespace = kernel.create_namespace(str(tmp_path / "namespaces" / "short"))
    namespace.close()
    kernel.remove_namespace(namespace.path)
    kernel.remove_namespace(namespace.path)
    assert kernel.namespaces(str(tmp_path / "namespaces")) == []


def test_a_folder_that_is_not_there_holds_no_namespaces(kernel, tmp_path):
    assert kernel.namespaces(str(tmp_path / "nowhere")) == []


def test_a_namespace_lives_on_while_somebody_holds_it(kernel, tmp_path):
    namespace = kernel.create_namespace(str(tmp_path / "namespaces" / "held"))
    kernel.remove_namespace(namespace.path)
    namespace.write_sysctl("net.ipv4.ip_forward", "1")
    assert namespace.read_sysctl("net.ipv4.ip_forward") == "1"
    namespace.close()
    namespace.close()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("net.ipv4.ip_forward", "0"),
        ("net.ipv4.ip_early_demux", "1"),
        ("net.ipv4.icmp_ratelimit", "1000"),
        ("net.ipv4.tcp_keepalive_time", "7200"),
    ],
)
def test_a_new_namespace_has_the_kernels_own_settings(here, setting, value):
    assert here.read_sysctl(setting) == value


def test_settings_are_of_one_namespace(here, there):
    here.write_sysctl("net.ipv4.ip_forward", "1")
    assert here.read_sysctl("net/ipv4/ip_forward") == "1"
    assert there.read_sysctl("net.ipv4.ip_forward") == "0"


@pytest.mark.parametrize(
    "setting", ["net.ipv4.conf.all.rp_filter", "net.ipv4.conf.default.proxy_arp", "net.ipv4.conf.lo.rp_filter"]
)
def test_settings_of_links_are_written(here, setting):
    here.write_sysctl(setting, "1")
    assert here.read_sysctl(setting) == "1"


@pytest.mark.parametrize("setting", ["net.ipv4.conf.nolink.rp_filter", "net.ipv4.no_such_setting"])
def test_a_setting_that_is_not_there_is_refused(here, refused, setting):
    refused(errno.ENOENT, here.read_sysctl, setting)
    refused(errno.ENOENT, here.write_sysctl, setting, "1")
