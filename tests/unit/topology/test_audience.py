from hypothesis import given
from hypothesis import strategies as st

from midonet_kubernetes.topology.audience import EVERYONE, ChainAudience


def quiet() -> ChainAudience:
    return ChainAudience(lambda _chain: None)


def test_a_chain_that_nothing_leads_to_is_needed_by_nobody():
    chains = quiet()
    chains.add_jump("a", "b")
    assert chains.of("a") == chains.of("b") == frozenset()


def test_a_filter_is_needed_with_all_that_it_leads_to():
    chains = quiet()
    chains.add_jump("b", "c")
    chains.add_jump("a", "b")
    chains.add_filter("a", "h1")
    assert chains.of("c") == {"h1"}


def test_everyone_stands_for_all_single_hosts():
    chains = quiet()
    chains.add_filter("a", "h1")
    chains.add_filter("a", EVERYONE)
    assert chains.of("a") == {EVERYONE}
    chains.remove_filter("a", EVERYONE)
    assert chains.of("a") == {"h1"}


def test_a_loop_of_chains_is_let_go_with_its_last_filter():
    chains = quiet()
    chains.add_filter("a", "h1")
    chains.add_jump("a", "b")
    chains.add_jump("b", "c")
    chains.add_jump("c", "b")
    chains.remove_jump("a", "b")
    assert chains.of("a") == {"h1"}
    assert chains.of("b") == chains.of("c") == frozenset()


def test_one_of_two_jumps_is_enough():
    chains = quiet()
    chains.add_filter("a", "h1")
    chains.add_jump("a", "b")
    chains.add_jump("a", "b")
    chains.remove_jump("a", "b")
    assert chains.of("b") == {"h1"}


def test_a_change_is_told_before_it_happens():
    told = []
    chains = ChainAudience(lambda chain: told.append((chain, chains.of(chain))))
    chains.add_jump("a", "b")
    chains.add_filter("a", "h1")
    chains.remove_filter("a", "h1")
    assert told == [("a", frozenset()), ("b", frozenset()), ("a", {"h1"}), ("b", {"h1"})]


chain = st.sampled_from("abcde")
step = st.one_of(
    st.tuples(st.just("filter"), chain, st.sampled_from(["h1", "h2", EVERYONE])),
    st.tuples(st.just("jump"), chain, chain),
    st.tuples(st.just("undo"), st.integers(0, 30), st.none()),
)


@given(st.lists(step, max_size=40))
def test_the_audience_is_what_a_search_from_every_filter_finds(steps):
    chains, there = quiet(), []
    for kind, first, second in steps:
        if kind == "undo":
            if there:
                undone, source, target = there.pop(first % len(there))
                (chains.remove_filter if undone == "filter" else chains.remove_jump)(source, target)
        else:
            there.append((kind, first, second))
            (chains.add_filter if kind == "filter" else chains.add_jump)(first, second)
    for name in "abcde":
        assert chains.of(name) == searched(there, name)


def searched(there, name):
    found = set()
    for kind, start, audience in there:
        if kind == "filter":
            reached = {start}
            while more := {t for k, s, t in there if k == "jump" and s in reached} - reached:
                reached |= more
            if name in reached:
                found.add(audience)
    return {EVERYONE} if EVERYONE in found else found
