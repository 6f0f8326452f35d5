import re
from hashlib import sha1
from uuid import UUID, uuid5

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from midonet_kubernetes.model.names import LONGEST_NAME, Names, dns_name, interface_for, mac_for, translation_name, version_in

SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
LABEL = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,60}[a-z0-9])?", fullmatch=True)
NAME = st.lists(LABEL, min_size=1, max_size=6).map(".".join).map(lambda name: name[:LONGEST_NAME].rstrip("-."))


def test_a_router_ports_mac_comes_from_the_nodes_name():
    assert mac_for("hey") == "ac:ca:ba:fa:69:0b"


def test_a_pods_interface_comes_from_its_namespace_and_name():
    assert interface_for("foo/bar") == "mido17cdeaefa5c"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("foo", "foo"),
        ("a" * 253, "a" * 253),
        ("foo/bar", "foo-bar-17cdeaefa5cc6022481c824e15a47a7726f593dd"),
        ("Node", "node-" + sha1(b"Node").hexdigest()),
        ("a" * 254, "a" * 212 + "-" + sha1(b"a" * 254).hexdigest()),
        ("a" * 211 + ".." + "b" * 100, "a" * 211 + "-" + sha1(b"a" * 211 + b".." + b"b" * 100).hexdigest()),
    ],
)
def test_a_name_that_loses_something_keeps_a_hash_of_all_of_it(name, expected):
    assert dns_name(name) == expected


@given(NAME, st.sampled_from(["Node", "Pod-ARP", "Endpoints-Port"]), st.lists(LABEL, max_size=4))
@example("x" * 246 + "." + "y" * 6, "Node", [])
def test_every_translation_name_is_one_that_kubernetes_takes(name, kind, more):
    made = translation_name(kind, "/".join([name, *more]))
    assert len(made) <= LONGEST_NAME
    assert SUBDOMAIN.fullmatch(made)


@given(st.lists(NAME, min_size=2, max_size=6, unique=True))
def test_different_keys_have_different_names(names):
    assert len({translation_name("Pod", name + "/mac") for name in names}) == len(names)


@pytest.mark.parametrize(
    ("key", "version"),
    [("default/pod.4.a.b", "4"), ("default/node-address.3.n", "3"), ("default/mine", ""), ("kube-system/a.b", "")],
)
def test_the_version_stands_in_the_name(key, version):
    assert version_in(key) == version


def test_ids_follow_from_tenant_kind_and_key():
    space = uuid5(UUID("3978567E-91C4-465C-A0D1-67575F6B4C7F"), "4/acme")
    assert Names("acme").id_for("Pod", "shop/web") == uuid5(space, "4/Pod/shop/web")


def test_an_empty_tenant_is_a_tenant_of_its_own():
    assert Names("").id_for("Node", "a") != Names().id_for("Node", "a")
