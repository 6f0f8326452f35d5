import pytest

from midonet_kubernetes.kubernetes_api.embedded.failures import Failure
from midonet_kubernetes.kubernetes_api.embedded.selectors import (
    fields_of,
    matches,
    parse_fields,
    parse_label_selector,
    parse_labels,
)

LABELS = {"app": "web", "tier": "front", "midonet.org/global": ""}


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("", True),
        ("app=web", True),
        ("app==web", True),
        ("app=db", False),
        ("app!=web", False),
        ("app!=db", True),
        ("missing!=x", True),
        ("missing=", False),
        ("midonet.org/global=", True),
        ("app", True),
        ("!app", False),
        ("!missing", True),
        ("app in (web, db)", True),
        ("app in (db)", False),
        ("app notin (db)", True),
        ("missing notin (db)", True),
        ("app in (web,db),tier=front,!missing", True),
        ("app in (web,db),tier=back", False),
        (" app = web , tier ", True),
    ],
)
def test_label_selectors_choose_as_in_kubernetes(text, chosen):
    assert matches(parse_labels(text), LABELS) is chosen


@pytest.mark.parametrize("text", ["app=web,", "=web", "app=web tier", "app in web", "a(b", "app=web;x"])
def test_a_text_that_is_no_label_selector_is_a_bad_request(text):
    with pytest.raises(Failure) as refused:
        parse_labels(text)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("spec.nodeName=n1", True),
        ("spec.nodeName=n1,status.phase!=Failed", True),
        ("spec.nodeName==n2", False),
        ("status.phase=", True),
    ],
)
def test_field_selectors_choose_by_the_fields_of_the_kind(text, chosen):
    assert matches(parse_fields(text, "pods"), fields_of("pods", {"spec": {"nodeName": "n1"}})) is chosen


@pytest.mark.parametrize("text", ["spec.containers=x", "metadata.uid=1", "nonsense"])
def test_a_field_that_cannot_be_selected_by_is_a_bad_request(text):
    with pytest.raises(Failure) as refused:
        parse_fields(text, "pods")
    assert refused.value.status == 400


def test_a_label_selector_object_is_the_same_as_its_text():
    selector = {
        "matchLabels": {"app": "web"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["front", "back"]},
            {"key": "missing", "operator": "DoesNotExist"},
        ],
    }
    assert parse_label_selector(selector) == parse_labels("app=web,tier in (front,back),!missing")
