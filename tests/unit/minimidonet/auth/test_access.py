from __future__ import annotations

import base64

import pytest

from midonet_kubernetes.minimidonet.auth.access import OpenAccess, credentials
from midonet_kubernetes.minimidonet.rest.refusal import Refusal


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (None, "Authorization header is not set."),
        ("  ", "Authorization header is not set."),
        ("Bearer x", "Authorization header does not contain Basic."),
        ("Basic ???", "Authorization header is not valid"),
        ("Basic", "Authorization header does not contain Basic."),
        ("BasicYWRtaW46YWRtaW4=", "Authorization header does not contain Basic."),
        ("Basic =YWRtaW46YWRtaW4=", "Authorization header is not valid"),
        (basic("admin"), "Authorization header is not valid"),
        (basic("admin:"), "Authorization header is not valid"),
        (basic("admin:a:b"), "Authorization header is not valid"),
        (basic(""), "Authorization header does not contain Basic."),
        (basic("::"), "Authorization header is not valid"),
    ],
)
def test_a_header_without_a_user_and_a_password_is_refused(header, message):
    with pytest.raises(Refusal, match=message.replace(".", r"\.")) as caught:
        credentials(header)
    assert caught.value.status == 401
    assert caught.value.headers["www-authenticate"] == 'Basic  realm="BASIC_AUTH_REALM"'


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_the_scheme_may_be_in_any_case(scheme):
    assert credentials(basic("admin:pässword").replace("Basic", scheme)) == ("admin", "pässword")


@pytest.mark.parametrize("encoded", ["YTo_Pg==", "YTo/Pg==", "YTo_Pg", " Y T o / P g", "YTo_Pg==ignored", "YTo_PgA"])
def test_base64_is_read_leniently(encoded):
    assert credentials(f"Basic {encoded}")[1].rstrip("\0") == "?>"


def test_the_mock_lets_everybody_in_with_the_same_token():
    access = OpenAccess()
    assert access.login(basic("any:body")).key == "00000000"
    access.check({})
    access.check({"x-auth-token": "garbage"})
