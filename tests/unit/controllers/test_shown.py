import json

import pytest
from msgspec.structs import replace

from midonet_kubernetes.controllers.packed import unpack
from midonet_kubernetes.controllers.pusher.status import Report
from midonet_kubernetes.controllers.pusher.wanted import read_all
from midonet_kubernetes.controllers.shown import RETIRED, digest_of, retired, show
from midonet_kubernetes.model.kubernetes import Metadata, OwnerReference
from midonet_kubernetes.model.translation import FINALIZER, GLOBAL_LABEL, OWNER_LABEL, PUSHED, Resource, Translation

A, B = (f"{digit}" * 8 + "-0000-4000-8000-000000000000" for digit in "ab")


def translation(*ids, generation=1, annotations=None, status=None, owner="u1", kind="Service", version="7", uid=A, **metadata):
    return Translation(
        metadata=Metadata(
            name="t",
            namespace="ns",
            uid=uid,
            resource_version=version,
            generation=generation,
            labels={OWNER_LABEL: owner},
            annotations=annotations or {},
            finalizers=[FINALIZER],
            owner_references=[OwnerReference("v1", kind, "web", owner)],
            **metadata,
        ),
        resources=[Resource("Chain", "", f'{{"id":"{id_}"}}') for id_ in ids],
        status=status,
    )


def pushed(made, generation=1):
    return Report(generation, tuple(entry.pushed() for entry in read_all(made.resources)[0]), PUSHED).status()


def names(packed):
    return [entry.id for entry in unpack(packed)]


def test_what_is_needed_of_a_translation_is_remembered():
    shown = show(translation(A, B))
    assert (shown.key, shown.resource_version, shown.uid, shown.owner) == ("ns/t", "7", A, "u1")
    assert names(shown.entries) == [A, B]
    assert not shown.pushed
    assert not shown.deleting
    assert shown.metadata is shown


def test_a_status_that_names_the_resources_as_they_are_spares_reading_them_and_changes_nothing():
    made = translation(A, B)
    told = translation(A, B, status=pushed(made))
    assert show(told).entries == show(made).entries
    assert show(told).pushed


@pytest.mark.parametrize("others", [(A,), (B, A), (A, A), ()], ids=["fewer", "another order", "others", "none"])
def test_a_status_that_names_others_is_not_taken_for_the_resources(others):
    shown = show(translation(A, B, status=pushed(translation(*others))))
    assert names(shown.entries) == [A, B]
    assert not shown.pushed


def test_global_translations_are_a_family_without_an_owner():
    made = translation(A)
    shown = show(replace(made, metadata=Metadata(name="t", namespace="ns", uid=A, labels={GLOBAL_LABEL: ""})))
    assert (shown.owner, shown.reference, shown.family, shown.is_global) == (GLOBAL_LABEL, "", GLOBAL_LABEL, True)


def test_a_service_and_its_endpoints_are_one_family():
    assert show(translation(A, kind="Endpoints")).family == show(translation(A)).family == "Service/ns/web"
    assert show(translation(A, kind="Endpoints")).reference == "Endpoints/ns/web"


def test_a_status_is_believed_only_for_its_generation_and_its_content():
    status = pushed(translation(A))
    assert show(translation(A, status=status)).pushed
    assert not show(translation(A, generation=2, status=status)).pushed
    assert not show(translation(B, status=status)).pushed


def test_a_status_that_is_behind_names_what_may_be_left():
    assert names(show(translation(B, generation=2, status=pushed(translation(A)))).left) == [A]


def test_the_annotation_means_nothing_any_more_once_all_is_pushed():
    annotations = {RETIRED: json.dumps([{"kind": "Chain", "id": B}])}
    assert names(show(translation(A, annotations=annotations)).left) == [B]
    assert names(show(translation(A, annotations=annotations, status=pushed(translation(A)))).left) == []
    assert names(show(translation(A, annotations={RETIRED: "edited"})).left) == []


def test_what_a_change_drops_is_named_with_it():
    before = show(translation(A, B))
    assert json.loads(retired(translation(B), before)) == [{"kind": "Chain", "id": A}]
    assert retired(translation(A, B), before) == ""


def test_what_was_dropped_before_and_is_not_gone_yet_is_named_again():
    before = show(translation(B, annotations={RETIRED: json.dumps([{"kind": "Chain", "id": A}])}))
    assert json.loads(retired(translation(), before)) == [{"kind": "Chain", "id": A}, {"kind": "Chain", "id": B}]


def test_the_digest_is_of_what_we_write():
    assert digest_of(translation(A)) == digest_of(translation(A, generation=3, annotations={"x": "y"}))
    assert digest_of(translation(A)) != digest_of(translation(B))
    assert digest_of(translation(A)) != digest_of(translation(A, owner="u2"))


def test_the_resources_are_not_read_again_while_the_generation_is_the_same():
    before = show(translation(A))
    # cannot be: the server would have raised the generation
    assert show(translation(B, version="8"), before).entries == before.entries
    assert names(show(translation(B, generation=2, version="8"), before).entries) == [B]


@pytest.mark.parametrize("version", ["7", "a-version-that-is-no-number"])
def test_what_is_shown_twice_at_one_version_is_remembered_once(version):
    before = show(translation(A, version=version))
    assert show(translation(A, version=version), before) is before


@pytest.mark.parametrize(("before", "now"), [({}, {"version": "8"}), ({}, {"uid": B}), ({"version": ""}, {"version": ""})])
def test_another_version_or_another_object_is_looked_at_anew(before, now):
    assert show(translation(A, owner="u2", **now), show(translation(A, **before))).owner == "u2"
