import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midonet_kubernetes.errors import Gone, KubernetesApiError
from midonet_kubernetes.kubernetes_api.kinds import POD
from midonet_kubernetes.kubernetes_api.watch import Lines, Occurrence, read_event


@given(st.lists(st.binary(min_size=1).filter(lambda line: b"\n" not in line and not line.isspace())), st.data())
def test_lines_come_out_whole_however_they_are_cut(lines, data):
    content = b"".join(line + b"\n" for line in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)))))
    splitter, found = Lines(), []
    for begin, end in zip([0, *cuts], [*cuts, len(content)], strict=True):
        found += splitter.feed(content[begin:end])
    assert found == lines


def test_a_line_without_an_end_is_not_a_line():
    splitter = Lines()
    assert splitter.feed(b"one\n\n  \ntw") == [b"one"]
    assert splitter.feed(b"o") == []
    assert splitter.feed(b"\n") == [b"two"]


@pytest.mark.parametrize(
    "line", [b"{", b"null", b"[]", b'{"object": {}}', b'{"type": 3, "object": {}}', b"<html>", b'{"type":"ADDED"}{']
)
def test_what_is_no_event_is_garbled(line):
    assert read_event(POD, line).occurrence is Occurrence.GARBLED


@pytest.mark.parametrize(
    ("type_", "document", "occurrence", "key", "version"),
    [
        ("ADDED", {"metadata": {"name": "a", "namespace": "x", "resourceVersion": "7"}}, Occurrence.CHANGED, "x/a", "7"),
        ("MODIFIED", {"metadata": {"name": "a", "resourceVersion": "7"}}, Occurrence.CHANGED, "a", "7"),
        ("DELETED", {"metadata": {"name": "a", "resourceVersion": "7"}, "spec": 3}, Occurrence.DELETED, "a", "7"),
        ("BOOKMARK", {"metadata": {"resourceVersion": "7"}, "spec": {"containers": None}}, Occurrence.BOOKMARK, "", "7"),
        ("ADDED", {"metadata": {"name": "a", "resourceVersion": "7"}, "spec": 3}, Occurrence.BAD, "a", "7"),
        ("ADDED", {"metadata": 3}, Occurrence.BAD, "", ""),
        ("ADDED", 3, Occurrence.BAD, "", ""),
        ("RENAMED", {}, Occurrence.UNKNOWN, "", ""),
    ],
)
def test_events(type_, document, occurrence, key, version):
    event = read_event(POD, json.dumps({"type": type_, "object": document}).encode())
    assert (event.occurrence, event.key, event.resource_version) == (occurrence, key, version)
    assert (event.object is not None) == (occurrence is Occurrence.CHANGED)
    assert (event.bad is not None) == (occurrence is Occurrence.BAD)


@pytest.mark.parametrize(("code", "error"), [(410, Gone), (500, KubernetesApiError)])
def test_an_error_event_is_raised_as_its_code_says(code, error):
    with pytest.raises(error, match="too old"):
        read_event(POD, json.dumps({"type": "ERROR", "object": {"kind": "Status", "code": code, "message": "too old"}}).encode())
