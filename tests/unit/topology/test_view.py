import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midonet_kubernetes.topology.change import Change
from midonet_kubernetes.topology.view import Views


def put(kind, id_, **fields):
    return Change(kind, id_, {"id": id_, **fields})


def gone(kind, id_):
    return Change(kind, id_, None)


HOSTS = [put("Host", "h1"), put("Host", "h2")]


def bridge(id_="b1", **fields):
    return put("Bridge", id_, **fields)


def bound(id_, host, bridge_id="b1", **fields):
    return put("Port", id_, type="Bridge", deviceId=bridge_id, hostId=host, interfaceName=id_, **fields)


def ids(changes):
    return {(change.kind, change.id) for change in changes}


def views(*changes):
    made = Views()
    made.apply([*HOSTS, *changes])
    return made


@pytest.mark.parametrize(
    "change",
    [
        put("Router", "r"),
        bridge(),
        put("Route", "ro", routerId="r"),
        put("TunnelZone", "z"),
        put("TunnelZoneHost", "z/h1"),
        put("Host", "h3"),
        put("IpAddrGroup", "g"),
        put("PortGroup", "pg"),
        put("Port", "p", type="Router", deviceId="r"),
        put("Port", "p", type="Bridge", deviceId="b1", peerId="q"),
    ],
    ids=lambda change: change.kind,
)
def test_everyone_needs(change):
    assert ids(views().apply([change])["h2"]) >= {(change.kind, change.id)}


def test_a_bridge_port_neither_bound_nor_linked_is_needed_by_nobody():
    assert views().apply([put("Port", "p", type="Bridge", deviceId="b1")]) == {}


def test_a_bound_port_is_for_its_host_and_the_bridge_home_for_all():
    news = views(bridge()).apply([bound("p", "h1")])
    assert ids(news["h1"]) == {("Port", "p"), ("BridgeHome", "b1")}
    assert news["h2"] == [Change("BridgeHome", "b1", {"id": "b1", "hostIds": ["h1"]})]


def test_a_second_port_of_a_bridge_on_a_host_is_news_for_that_host_only():
    assert views(bridge(), bound("p", "h1")).apply([bound("q", "h1")]).keys() == {"h1"}


def test_the_home_is_gone_with_the_last_bound_port():
    news = views(bridge(), bound("p", "h1")).apply([gone("Port", "p")])
    assert ids(news["h1"]) == {("Port", "p"), ("BridgeHome", "b1")}
    assert news["h2"] == [gone("BridgeHome", "b1")]


def test_a_port_that_moves_is_gone_from_one_host_and_new_on_the_other():
    news = views(bridge(), bound("p", "h1")).apply([bound("p", "h2")])
    assert gone("Port", "p") in news["h1"]
    assert bound("p", "h2") in news["h2"]


def test_table_entries_follow_the_home_of_their_bridge():
    view = views(bridge(), put("MacPort", "b1/0/m/p", bridgeId="b1"), put("Ip4Mac", "b1/i/m", bridgeId="b1"))
    assert ids(view.apply([bound("p", "h1")])["h1"]) >= {("MacPort", "b1/0/m/p"), ("Ip4Mac", "b1/i/m")}
    assert view.apply([put("Ip4Mac", "b1/j/m", bridgeId="b1")]).keys() == {"h1"}
    assert gone("MacPort", "b1/0/m/p") in view.apply([gone("Port", "p")])["h1"]


def test_where_the_addresses_of_a_bridge_on_several_hosts_are_is_for_all():
    view = views(bridge(), bound("p", "h1"), put("MacPort", "m", bridgeId="b1"), put("Host", "h3"))
    news = view.apply([bound("q", "h2")])
    assert ids(news["h1"]) == {("Port", "q"), ("BridgeHome", "b1")}
    assert ids(news["h2"]) == ids(news["h3"]) == {("Port", "p"), ("Port", "q"), ("BridgeHome", "b1"), ("MacPort", "m")}
    news = view.apply([gone("Port", "q")])
    assert news["h1"] == [gone("Port", "q"), Change("BridgeHome", "b1", {"id": "b1", "hostIds": ["h1"]})]
    assert ids(change for change in news["h3"] if change.object is None) >= {("Port", "p"), ("MacPort", "m")}


def test_a_filter_of_a_port_is_for_its_host_even_if_its_bridge_is_on_several():
    view = views(bridge(), bound("p", "h1", outboundFilterId="out"), bound("q", "h2"), put("Chain", "out"))
    assert ("Chain", "out") in ids(view.snapshot("h1"))
    assert ("Chain", "out") not in ids(view.snapshot("h2"))


def test_a_chain_behind_a_bridge_is_for_all_and_one_behind_a_port_for_its_host():
    view = views(bridge(inboundFilterId="main"), bound("p", "h1", outboundFilterId="out"))
    chains = [put("Chain", "main"), put("Chain", "out"), put("Rule", "r", chainId="out", type="accept")]
    news = view.apply(chains)
    assert ids(news["h1"]) == {("Chain", "main"), ("Chain", "out"), ("Rule", "r")}
    assert ids(news["h2"]) == {("Chain", "main")}


def test_a_jump_makes_a_known_chain_known_to_a_host():
    view = views(
        bound("p", "h1", outboundFilterId="out"), put("Chain", "policy"), put("Rule", "r", chainId="policy", type="drop")
    )
    jump = put("Rule", "j", chainId="out", type="jump", jumpChainId="policy")
    assert ids(view.apply([jump])["h1"]) == {("Rule", "j"), ("Chain", "policy"), ("Rule", "r")}


def test_a_chain_that_loses_its_last_jump_is_gone():
    jump = put("Rule", "j", chainId="out", type="jump", jumpChainId="policy")
    view = views(bound("p", "h1", outboundFilterId="out"), put("Chain", "policy"), jump)
    assert ids(view.apply([gone("Rule", "j")])["h1"]) == {("Rule", "j"), ("Chain", "policy")}


def test_what_ends_as_it_began_is_no_news():
    view = views(bridge(), bound("p", "h1"))
    assert view.apply([gone("Port", "p"), bound("p", "h1"), bridge()]) == {}


def test_a_host_that_nobody_registered_gets_nothing():
    assert "h9" not in views(bridge()).apply([bound("p", "h9")])


def test_a_deleted_object_that_was_never_there_is_no_news():
    assert views().apply([gone("Rule", "x"), gone("Chain", "y"), gone("Port", "z")]) == {}


OPTIONAL_CHAIN = st.sampled_from([None, "c1", "c2", "c3"])
HOST = st.sampled_from([None, "h1", "h2", "h3"])
BRIDGE = st.sampled_from(["b1", "b2"])
CHANGE = st.one_of(
    st.builds(lambda i: put("Host", i), st.sampled_from(["h1", "h2", "h3"])),
    st.builds(lambda i, f: bridge(i, inboundFilterId=f), BRIDGE, OPTIONAL_CHAIN),
    st.builds(
        lambda i, b, h, peer, f: put("Port", i, type="Bridge", deviceId=b, hostId=h, peerId=peer, outboundFilterId=f),
        st.sampled_from(["p1", "p2", "p3"]),
        BRIDGE,
        HOST,
        st.sampled_from([None, "x"]),
        OPTIONAL_CHAIN,
    ),
    st.builds(lambda i: put("Chain", i), st.sampled_from(["c1", "c2", "c3"])),
    st.builds(
        lambda i, c, j: put("Rule", i, chainId=c, jumpChainId=j, type="jump"),
        st.sampled_from(["r1", "r2", "r3", "r4"]),
        st.sampled_from(["c1", "c2", "c3"]),
        OPTIONAL_CHAIN,
    ),
    st.builds(lambda i, b: put("MacPort", i, bridgeId=b), st.sampled_from(["m1", "m2"]), BRIDGE),
    st.builds(
        gone,
        st.sampled_from(["Bridge", "Port", "Chain", "Rule", "MacPort"]),
        st.sampled_from(["b1", "b2", "p1", "p2", "c1", "r1", "m1"]),
    ),
)


@given(st.lists(st.lists(CHANGE, max_size=4), max_size=12))
def test_following_the_news_gives_the_snapshot_of_a_view_made_at_once(commits):
    view, followed, final = Views(), {host: {} for host in ("h1", "h2", "h3")}, {}
    view.apply([put("Host", host) for host in followed])
    for commit in commits:
        for change in commit:
            final[change.kind, change.id] = change
        for host, news in view.apply(commit).items():
            for change in news:
                if change.object is None:
                    del followed[host][change.kind, change.id]  # it was there
                else:
                    followed[host][change.kind, change.id] = change.object
    fresh = Views()
    fresh.apply([*(put("Host", host) for host in followed), *final.values()])
    for host, objects in followed.items():
        hosts = {("Host", other): {"id": other} for other in followed}
        assert hosts | objects == {(change.kind, change.id): change.object for change in fresh.snapshot(host)}
        assert ids(view.snapshot(host)) == ids(fresh.snapshot(host))


@given(st.lists(CHANGE, max_size=16), st.lists(st.lists(CHANGE, max_size=4), max_size=6))
def test_views_that_are_filled_are_as_those_that_were_told(first, commits):
    final = {(change.kind, change.id): change for change in (*HOSTS, *first)}
    there = [change for change in final.values() if change.object is not None]
    told, filled, objects = Views(), Views(), {}
    told.apply(there)
    for change in there:
        objects.setdefault(change.kind, {})[change.id] = change.object
    for _ in filled.fill(objects):
        pass
    for commit in ([], *commits):
        one, other = told.apply(commit), filled.apply(commit)
        assert {host: set(map(repr, news)) for host, news in one.items()} == {h: set(map(repr, n)) for h, n in other.items()}
        for host in ("h1", "h2", "h3"):
            assert sorted(map(repr, told.snapshot(host))) == sorted(map(repr, filled.snapshot(host)))


def test_views_are_filled_in_steps_that_do_not_grow():
    rules = {f"r{number}": {"id": f"r{number}", "chainId": "c", "type": "accept"} for number in range(10_000)}
    view = Views()
    assert sum(1 for _ in view.fill({"Chain": {"c": {"id": "c"}}, "Rule": rules})) == 10


def calls_for(services):
    changes = [bridge(inboundFilterId="main"), put("Rule", "j", chainId="main", type="jump", jumpChainId="services")]
    for number in range(services):
        changes.append(put("Chain", f"svc{number}"))
        changes.append(put("Rule", f"j{number}", chainId="services", type="jump", jumpChainId=f"svc{number}"))
        changes.append(put("Rule", f"d{number}", chainId=f"svc{number}", type="dnat"))
    view = views(*changes)
    count = 0

    def counter(_frame, event, _argument):
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(counter)
    try:
        view.apply([put("Rule", "d7", chainId="svc7", type="drop"), gone("Rule", "j5"), bridge(inboundFilterId="main", name="x")])
    finally:
        sys.setprofile(None)
    return count


def test_a_change_costs_the_same_among_ten_and_among_a_thousand_services():
    assert calls_for(1000) == calls_for(10)
