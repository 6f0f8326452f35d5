from __future__ import annotations

import pytest

from midonet_kubernetes.minimidonet.rest.media import JSON, Media, check_json, vendor
from midonet_kubernetes.minimidonet.rest.refusal import Refusal

BRIDGE, OLD = vendor("Bridge-v4"), vendor("Bridge-v3")
GENERIC = Media((BRIDGE, JSON))
STRICT = Media((vendor("IpAddrGroup-v1"),))
DECLARED = Media((BRIDGE, JSON), generic=False)
INHERITED = Media((JSON, BRIDGE), generic=False, otherwise=405)
ANY_JSON = Media((JSON, BRIDGE), generic=False, any_json=True)


@pytest.mark.parametrize(
    ("media", "accept", "wanted"),
    [
        (GENERIC, BRIDGE, BRIDGE),
        (GENERIC, JSON, JSON),
        (GENERIC, "*/*", JSON),
        (GENERIC, "*/*;q=0.1", JSON),
        (GENERIC, "*/json", JSON),
        (GENERIC, f"{JSON};q=0", JSON),
        (GENERIC, BRIDGE.upper(), BRIDGE.upper()),
        (GENERIC, f"{BRIDGE}; charset=UTF-8", f"{BRIDGE}; charset=UTF-8"),
        (GENERIC, None, 406),
        (GENERIC, "", 406),
        (GENERIC, "*", 406),
        (GENERIC, "text/*", 406),
        (GENERIC, "garbage", 406),
        (GENERIC, "application/*", 406),
        (GENERIC, OLD, 406),
        (GENERIC, f"{JSON}, {BRIDGE}", 406),
        (STRICT, JSON, 406),
        (STRICT, "*/*", JSON),
        (DECLARED, None, BRIDGE),
        (DECLARED, "", BRIDGE),
        (DECLARED, "application/*", BRIDGE),
        (DECLARED, "*/*", BRIDGE),
        (DECLARED, f"text/html, {JSON}", JSON),
        (DECLARED, f"{BRIDGE};q=0.1, {JSON};q=0.2", JSON),
        (DECLARED, "*", BRIDGE),
        (DECLARED, f"*/*, {JSON}", JSON),
        (DECLARED, f"application/*, {JSON}", JSON),
        (DECLARED, f"*/*, {JSON};q=0.9", BRIDGE),
        (DECLARED, f"{JSON};q=0", 406),
        (DECLARED, f"{JSON};q=x", 406),
        (DECLARED, OLD, 406),
        (ANY_JSON, OLD, OLD.lower()),
        (ANY_JSON, f"text/html, {OLD}", OLD.lower()),
        (ANY_JSON, None, JSON),
        (ANY_JSON, "text/plain", 406),
        (INHERITED, None, JSON),
        (INHERITED, f"text/html, {JSON}", 405),
        (INHERITED, f"{JSON}, text/html", JSON),
        (INHERITED, OLD, 405),
    ],
)
def test_the_answer_is_labelled_as_asked_or_refused(media, accept, wanted):
    if isinstance(wanted, int):
        with pytest.raises(Refusal) as caught:
            media.produced(accept)
        assert caught.value.status == wanted
    else:
        assert media.produced(accept) == wanted


def consume(media, content_type):
    check_json(content_type)
    media.check_consumed(content_type)


@pytest.mark.parametrize(
    ("content_type", "generic", "declared"),
    [
        (BRIDGE, None, None),
        (f"{BRIDGE}; charset=UTF-8", None, None),
        (BRIDGE.replace("Bridge", "BRIDGE"), None, None),
        (JSON, None, None),
        ("application/JSON", None, None),
        ("*/*", None, None),
        (OLD, 406, 415),
        ("text/json", 406, 415),
        ("application/foo+json", 406, 415),
        (BRIDGE.replace("+json", "+JSON"), 415, 415),
        ("application/*", 415, 415),
        ("text/plain", 415, 415),
        (None, 415, 415),
        ("", 415, 415),
        ("garbage", 400, 400),
        (f"{JSON}, {BRIDGE}", 400, 400),
    ],
)
def test_a_body_is_taken_if_its_type_is_a_resources(content_type, generic, declared):
    for media, status in ((GENERIC, generic), (DECLARED, declared)):
        if status is None:
            consume(media, content_type)
        else:
            with pytest.raises(Refusal) as caught:
                consume(media, content_type)
            assert caught.value.status == status
