import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midonet_kubernetes.kubernetes_api.embedded.failures import Failure
from midonet_kubernetes.kubernetes_api.embedded.protobuf import decode


def varint(number):
    number &= (1 << 64) - 1
    result = bytearray()
    while number >= 0x80:
        result.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*result, number])


def field(number, value):
    """A field of a message: bytes, text, or an integer."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def envelope(version, kind, raw):
    return b"k8s\0" + field(1, field(1, version) + field(2, kind)) + field(2, raw)


METADATA = field(1, field(1, "a") + field(11, field(1, "app") + field(2, "web")) + field(8, b""))


def test_a_service_is_read():
    target = field(1, 1) + field(2, 0) + field(3, "http")
    port = field(1, "") + field(2, "TCP") + field(3, 80) + field(4, target) + field(5, 0)
    spec = field(1, port) + field(2, field(1, "app") + field(2, "web")) + field(13, 0)
    assert decode(envelope("v1", "Service", METADATA + field(2, spec) + field(3, field(1, b"")))) == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "a", "labels": {"app": "web"}},
        "spec": {"ports": [{"protocol": "TCP", "port": 80, "targetPort": "http"}], "selector": {"app": "web"}},
        "status": {},
    }


def test_zero_is_kept_where_it_is_a_value():
    raw = METADATA + field(2, field(1, 0))
    assert decode(envelope("apps/v1", "Deployment", raw))["spec"] == {"replicas": 0}


def test_bytes_become_base64():
    raw = METADATA + field(2, field(1, "k") + field(2, b"\xff"))
    assert decode(envelope("v1", "Secret", raw))["data"] == {"k": "/w=="}


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (envelope("v1", "Pod", METADATA), 415),
        (envelope("v1", "ConfigMap", METADATA + field(99, "x")), 415),
        (b"{}", 400),
        (b"k8s\0\xff", 400),
        (envelope("v1", "ConfigMap", b"\x0a\x7fshort"), 400),
        (envelope("v1", "ConfigMap", field(1, 7)), 400),
    ],
)
def test_what_cannot_be_read_is_refused(content, status):
    with pytest.raises(Failure) as refused:
        decode(content)
    assert refused.value.status == status


@given(st.binary(max_size=60), st.sampled_from(["ConfigMap", "Service", "Secret", "Namespace", "DeleteOptions"]))
def test_no_bytes_are_a_defect(raw, kind):
    with contextlib.suppress(Failure):
        decode(envelope("v1", kind, raw))
