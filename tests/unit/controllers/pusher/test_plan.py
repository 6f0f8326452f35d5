import pytest
from hypothesis import given
from hypothesis import strategies as st

from midonet_kubernetes.controllers.pusher.plan import Action, plan
from midonet_kubernetes.controllers.pusher.wanted import identity_of, read
from midonet_kubernetes.model.translation import PushedResource, Resource

A, B, C, D = (f"{digit}" * 8 + "-0000-4000-8000-000000000000" for digit in "abcd")


def chain(id_, name="x"):
    return read(Resource("Chain", "", f'{{"id":"{id_}","name":"{name}"}}'))


def rule(id_, parent, type_="accept"):
    return read(Resource("Rule", parent, f'{{"id":"{id_}","type":"{type_}"}}'))


def port(id_, bridge, filter_=""):
    extra = f',"outboundFilterId":"{filter_}"' if filter_ else ""
    return read(Resource("Port", bridge, f'{{"id":"{id_}","type":"Bridge"{extra}}}'))


def there(*entries):
    pushed = [entry if isinstance(entry, PushedResource) else entry.pushed() for entry in entries]
    return {identity_of(entry): entry for entry in pushed}


def actions(wanted, known, is_mine=lambda _: True):
    return [(step.action, (step.wanted or step.old).id) for step in plan(wanted, known, is_mine)]


@pytest.mark.parametrize(
    ("claim", "wanted", "known", "expected"),
    [
        ("nothing known", [chain(A), rule(B, A)], there(), [(Action.CREATE, A), (Action.CREATE, B)]),
        ("all as wanted", [chain(A), rule(B, A)], there(chain(A), rule(B, A)), []),
        ("a port with other filters", [port(A, B, C)], there(port(A, B)), [(Action.REPLACE, A)]),
        ("a port on another bridge", [port(A, C)], there(port(A, B)), [(Action.RECREATE, A)]),
        ("a chain renamed", [chain(A, "y")], there(chain(A)), [(Action.RECREATE, A)]),
        (
            "what needs a chain made anew",
            [chain(A, "y"), rule(B, A), rule(C, D)],
            there(chain(A), rule(B, A), rule(C, D)),
            [(Action.RECREATE, A), (Action.CREATE, B)],
        ),
        ("new before old", [rule(B, A)], there(rule(C, A)), [(Action.CREATE, B), (Action.RETIRE, C)]),
        (
            "what is there but not as wanted",
            [rule(B, A)],
            there(PushedResource(kind="Rule", id=B, parent=A)),
            [(Action.RECREATE, B)],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_steps_are_the_smallest_change(claim, wanted, known, expected):
    assert actions(wanted, known) == expected, claim


def test_what_somebody_else_wants_is_not_deleted():
    assert actions([], there(chain(A), chain(B)), lambda identity: identity != f"Chain/{A}") == [(Action.RETIRE, B)]


objects = st.builds(
    lambda id_, name: chain(f"{id_:08x}-0000-4000-8000-000000000000", name), st.integers(0, 5), st.sampled_from("xy")
)
sets = st.lists(objects, max_size=5, unique_by=lambda entry: entry.id)


@given(sets, sets)
def test_taking_the_steps_leads_to_what_is_wanted_and_then_there_is_nothing_to_do(before, after):
    known = there(*before)
    created = False
    for step in plan(after, known, lambda _: True):
        if step.action is Action.RETIRE:
            del known[identity_of(step.old)]
        else:
            created = created or step.action is Action.CREATE
            known[step.wanted.identity] = step.wanted.pushed()
    assert known == there(*after)
    assert plan(after, known, lambda _: True) == []


@given(sets, sets)
def test_nothing_is_deleted_before_all_new_objects_are_there(before, after):
    steps = [step.action for step in plan(after, there(*before), lambda _: True)]
    first = steps.index(Action.RETIRE) if Action.RETIRE in steps else len(steps)
    assert Action.CREATE not in steps[first:]
