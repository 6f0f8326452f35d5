import asyncio
import json
from contextlib import asynccontextmanager
from itertools import pairwise

import looptime
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midonet_kubernetes.errors import Unreachable
from midonet_kubernetes.exchange import Response
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.informer import Informer
from midonet_kubernetes.kubernetes_api.kinds import POD, raw
from midonet_kubernetes.testing.faulty_kubernetes import FaultyKubernetes, failure
from midonet_kubernetes.testing.virtual_time import elapse

pytestmark = pytest.mark.looptime

PODS = "/api/v1/pods"


def pod(name, node="", **metadata):
    return {"metadata": {"name": name, "namespace": "default", **metadata}, "spec": {"nodeName": node}}


class Seen:
    """What a handler was told: (key, node before, node after), None where there is no object."""

    def __init__(self):
        self.calls = []

    def __call__(self, key, old, new):
        self.calls.append((key, old and old.spec.node_name, new and new.spec.node_name))

    def take(self):
        taken, self.calls = self.calls, []
        return taken


@asynccontextmanager
async def watching(api, **options):
    """An informer that has synced, what its handler has seen since, and its server."""
    informer = Informer(Client(api), POD, random=lambda: 0.5, **options)
    seen = Seen()
    informer.add_handler(seen)
    running = asyncio.create_task(informer.run())
    async with asyncio.timeout(300):
        await informer.synced.wait()
    await elapse(0.01)
    seen.take()
    try:
        yield informer, seen
    finally:
        running.cancel()
        await asyncio.wait({running})
        assert running.cancelled()


@pytest.fixture
def api():
    return FaultyKubernetes()


def lists(api):
    return [request.path for request in api.requests if "watch=true" not in request.path]


def watches(api):
    return [request.path for request in api.requests if "watch=true" in request.path]


async def test_what_is_there_is_told_and_kept(api):
    api.put(PODS, pod("a", "n1"))
    informer, seen = Informer(Client(api), POD), Seen()
    informer.add_handler(seen)
    running = asyncio.create_task(informer.run())
    await informer.synced.wait()
    assert seen.take() == [("default/a", None, "n1")]
    assert informer.get("default/a").spec.node_name == "n1"
    running.cancel()


async def test_every_change_is_told_with_what_was_before(api):
    async with watching(api) as (informer, seen):
        api.put(PODS, pod("a", "n1"))
        api.put(PODS, pod("a", "n2"))
        api.remove(PODS, "default/a")
        await elapse(0.01)
        assert seen.take() == [("default/a", None, "n1"), ("default/a", "n1", "n2"), ("default/a", "n2", None)]
        assert len(informer.store) == 0


async def test_a_handler_that_comes_late_is_told_what_is_there(api):
    api.put(PODS, pod("a", "n1"))
    async with watching(api) as (informer, _):
        late = Seen()
        informer.add_handler(late)
        assert late.take() == [("default/a", None, "n1")]


async def test_a_list_is_read_in_pages_of_500(api):
    for number in range(1201):
        api.put(PODS, pod(f"p{number}"))
    async with watching(api) as (informer, _):
        assert len(informer.store) == 1201
        assert len(lists(api)) == 3
        assert "limit=500" in lists(api)[0]


async def test_a_410_between_two_pages_begins_the_list_anew(api):
    for number in range(600):
        api.put(PODS, pod(f"p{number}"))
    api.answers.extend([api._handle, failure(410, "Expired")])
    async with watching(api) as (informer, _):
        assert len(informer.store) == 600
        assert ["continue" in path for path in lists(api)] == [False, True, False, True]


async def test_a_watch_asks_for_bookmarks_and_for_an_end_between_four_and_eight_minutes(api):
    async with watching(api, namespace="default", labels="app=x", fields="spec.nodeName!=") as _:
        path = watches(api)[0]
        assert path.startswith("/api/v1/namespaces/default/pods?")
        assert "allowWatchBookmarks=true" in path
        assert "labelSelector=app%3Dx" in path
        assert "fieldSelector=spec.nodeName%21%3D" in path
        assert "timeoutSeconds=360" in path


async def test_a_cut_stream_is_resumed_where_it_was(api):
    async with watching(api) as (informer, seen):
        api.put(PODS, pod("a"))
        await elapse(0.01)
        api.streams[-1].cut()
        await elapse(0.01)
        api.put(PODS, pod("b"))
        await elapse(1)
        assert seen.take() == [("default/a", None, ""), ("default/b", None, "")]
        assert informer.statistics.lists == 1
        assert informer.statistics.failures == 1


async def test_a_stream_that_ends_cleanly_is_resumed_at_once(api):
    async with watching(api) as (informer, seen):
        api.put(PODS, pod("a"))
        api.streams[-1].end()
        await elapse(0)
        api.put(PODS, pod("b"))
        await elapse(0.01)
        assert seen.take() == [("default/a", None, ""), ("default/b", None, "")]
        assert informer.statistics.lists == 1
        assert informer.statistics.failures == 0


async def test_a_server_that_ends_every_stream_at_once_is_not_overrun(api):
    async with watching(api) as (informer, _):
        ends_at = asyncio.get_running_loop().time() + 60
        while asyncio.get_running_loop().time() < ends_at:
            for stream in api.open_streams:
                stream.end()
            await elapse(0.05)
        assert informer.statistics.watches < 15


async def test_a_silent_stream_is_given_up_and_resumed(api):
    async with watching(api, idle_seconds=60) as (informer, seen):
        api.streams[-1].deaf = True
        api.put(PODS, pod("a"))
        await elapse(59)
        assert seen.take() == []
        assert informer.last_event_age() == pytest.approx(59, abs=0.1)
        await elapse(2)
        assert seen.take() == [("default/a", None, "")]
        assert informer.last_event_age() < 2
        assert informer.statistics.lists == 1
        assert not api.streams[0].open


async def test_bookmarks_keep_a_quiet_stream_alive_and_move_its_version(api):
    async with watching(api, idle_seconds=90) as (informer, _):
        for version in range(500, 505):
            api.streams[-1].event("BOOKMARK", {"metadata": {"resourceVersion": str(version)}, "spec": {"containers": None}})
            await elapse(60)
        assert informer.statistics.watches == 1
        api.streams[-1].cut()
        await elapse(1)
        assert "resourceVersion=504" in watches(api)[-1]


async def test_410_inside_a_stream_lists_again_and_tells_what_was_missed(api):
    api.put(PODS, pod("goes", "n1"))
    api.put(PODS, pod("stays", "n1"))
    api.put(PODS, pod("changes", "n1"))
    async with watching(api) as (informer, seen):
        api.streams[-1].deaf = True
        api.remove(PODS, "default/goes")
        api.put(PODS, pod("changes", "n2"))
        api.put(PODS, pod("comes", "n1"))
        api.forget_history()
        api.streams[-1].expire()
        await elapse(1)
        assert sorted(seen.take()) == [
            ("default/changes", "n1", "n2"),
            ("default/comes", None, "n1"),
            ("default/goes", "n1", None),
        ]
        assert informer.statistics.lists == 2


async def test_410_at_the_start_of_a_stream_lists_again_and_tells_what_was_missed(api):
    api.put(PODS, pod("goes", "n1"))
    async with watching(api) as (informer, seen):
        api.streams[-1].deaf = True
        api.remove(PODS, "default/goes")
        api.forget_history()
        api.streams[-1].cut()
        await elapse(1)
        assert seen.take() == [("default/goes", "n1", None)]
        assert informer.statistics.lists == 2


async def test_410_again_and_again_is_answered_ever_more_slowly(api):
    async with watching(api) as (informer, _):
        api.answers.extend([failure(410, "Expired"), api._handle] * 50)
        api.streams[-1].cut()
        await elapse(120)
        assert 5 < informer.statistics.lists < 15


async def test_an_object_made_anew_during_a_gap_is_told_with_both(api):
    api.put(PODS, pod("a", uid="1"))
    async with watching(api) as (informer, _):
        told = []
        informer.add_handler(lambda _, old, new: told.append((old and old.metadata.uid, new and new.metadata.uid)))
        api.streams[-1].deaf = True
        api.remove(PODS, "default/a")
        api.put(PODS, pod("a", uid="2"))
        api.forget_history()
        api.streams[-1].expire()
        await elapse(1)
        assert told == [(None, "1"), ("1", "2")]


async def test_a_line_of_3_mb_in_small_chunks_is_read(api):
    async with watching(api) as (_, seen):
        big = pod("big", "n1", annotations={"x": "y" * 3_000_000})
        line = json.dumps({"type": "ADDED", "object": big}).encode() + b"\n"
        for at in range(0, len(line), 4096):
            api.streams[-1].send(line[at : at + 4096])
        await elapse(0.01)
        assert seen.take() == [("default/big", None, "n1")]


async def test_bad_json_reconnects_where_the_last_good_event_was(api):
    async with watching(api) as (informer, seen):
        api.put(PODS, pod("a"))
        api.streams[-1].send(b'{"type": "ADD\n')
        await elapse(0.01)
        api.put(PODS, pod("b"))
        await elapse(1)
        assert seen.take() == [("default/a", None, ""), ("default/b", None, "")]
        assert informer.statistics.garbled_lines == 1
        assert informer.statistics.lists == 1


async def test_bad_json_at_the_same_place_again_is_gone_round_by_a_list(api):
    async with watching(api) as (informer, seen):
        api.streams[-1].send(b"<html>\n")
        await elapse(1)
        api.put(PODS, pod("b"))
        await elapse(0.01)
        assert seen.take() == [("default/b", None, "")]
        assert informer.statistics.lists == 2


async def test_an_event_of_unknown_type_is_counted_and_passed_over(api):
    async with watching(api) as (informer, seen):
        api.streams[-1].event("RENAMED", pod("x"))
        api.put(PODS, pod("a"))
        await elapse(0.01)
        assert seen.take() == [("default/a", None, "")]
        assert informer.statistics.unknown_events == 1
        assert informer.statistics.watches == 1


async def test_an_object_that_cannot_be_read_is_reported_and_the_others_go_on(api):
    bad = []
    api.put(PODS, pod("a", "n1"))
    api.put(PODS, pod("listed", 7))
    async with watching(api, on_bad=bad.append) as (informer, seen):
        api.put(PODS, pod("a", ["no", "name"]))
        api.put(PODS, pod("b", "n1"))
        await elapse(0.01)
        assert [(each.kind, each.key) for each in bad] == [("Pod", "default/listed"), ("Pod", "default/a")]
        assert "nodeName" in bad[0].message
        assert seen.take() == [("default/b", None, "n1")]
        assert informer.get("default/a").spec.node_name == "n1"
        assert informer.statistics.bad_objects == 2
        assert informer.statistics.watches == 1


async def test_an_object_that_became_unreadable_in_a_gap_is_not_taken_for_deleted(api):
    api.put(PODS, pod("a", "n1"))
    async with watching(api, on_bad=lambda _: None) as (informer, seen):
        api.streams[-1].deaf = True
        api.put(PODS, pod("a", 7))
        api.forget_history()
        api.streams[-1].expire()
        await elapse(1)
        assert seen.take() == []
        assert "default/a" in informer.store


async def test_a_deleted_object_need_not_be_readable(api):
    api.put(PODS, pod("a", "n1"))
    async with watching(api) as (_, seen):
        api.streams[-1].event("DELETED", pod("a", 7, resourceVersion="999"))
        await elapse(0.01)
        assert seen.take() == [("default/a", "n1", None)]


async def test_429_is_waited_out_as_long_as_the_server_asks(api):
    async with watching(api) as (_, _):
        api.answers.append(failure(429, "TooManyRequests", headers={"retry-after": "17"}))
        api.streams[-1].cut()
        await elapse(17)
        assert len(watches(api)) == 2
        await elapse(2)
        assert len(watches(api)) == 3


async def test_429_while_a_new_resource_initializes_is_waited_out(api):
    api.put(PODS, pod("a"))
    status = json.loads(failure(429, "TooManyRequests", "storage is (re)initializing").body)
    status["details"] = {"retryAfterSeconds": 1}
    api.answers.append(Response(429, {}, json.dumps(status).encode()))
    async with watching(api) as (informer, _):
        assert 1 <= asyncio.get_running_loop().time() < 2
        assert "default/a" in informer.store


async def test_an_hour_without_a_server_costs_few_attempts_and_then_nothing_is_missing(api):
    api.put(PODS, pod("a", "n1"))
    async with watching(api) as (informer, seen):
        before = len(api.requests)
        api.reachable = False
        api.streams[-1].cut()
        await elapse(3600)
        assert len(api.requests) - before < 200
        assert informer.last_error == "connection refused"
        api.put(PODS, pod("b", "n1"))
        api.reachable = True
        await elapse(31)
        assert seen.take() == [("default/b", None, "n1")]
        assert informer.last_error == ""


async def test_attempts_grow_apart_from_a_fifth_of_a_second_to_half_a_minute(api):
    times = []

    def note(_):
        times.append(asyncio.get_running_loop().time())
        raise Unreachable("refused")

    api.answers.extend([note] * 10)
    async with watching(api):
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert 0.2 <= gaps[0] <= 0.4
        assert all(later > earlier - 0.001 for earlier, later in pairwise(gaps))
        assert 15 <= gaps[-1] <= 30


async def test_after_a_good_stream_the_first_wait_is_short_again(api):
    async with watching(api) as (_, seen):
        api.reachable = False
        api.streams[-1].cut()
        await elapse(3600)
        api.reachable = True
        api.put(PODS, pod("a"))
        await elapse(31)
        api.streams[-1].cut()
        await elapse(0)
        api.put(PODS, pod("b"))
        await elapse(0.5)
        assert [key for key, _, _ in seen.take()] == ["default/a", "default/b"]


async def test_a_handler_that_fails_stops_neither_the_others_nor_the_stream(api, caplog):
    async with watching(api) as (informer, _):

        def fails(*_):
            raise RuntimeError("mistake")

        after = Seen()
        informer.add_handler(fails)
        informer.add_handler(after)
        api.put(PODS, pod("a"))
        api.put(PODS, pod("b"))
        await elapse(0.01)
        assert [key for key, _, _ in after.take()] == ["default/a", "default/b"]
        assert "a handler failed for default/a" in caplog.text


async def test_only_what_trim_keeps_is_stored_and_told(api):
    def trim(found):
        return msgspec.structs.replace(found, spec=type(found.spec)(node_name="trimmed"))

    async with watching(api, trim=trim) as (informer, seen):
        api.put(PODS, pod("a", "n1"))
        await elapse(0.01)
        assert seen.take() == [("default/a", None, "trimmed")]
        assert informer.get("default/a").spec.node_name == "trimmed"


async def test_an_index_finds_objects_and_follows_their_changes(api):
    async with watching(api, indexers={"node": lambda found: [found.spec.node_name]}) as (informer, _):
        api.put(PODS, pod("a", "n1"))
        api.put(PODS, pod("b", "n1"))
        api.put(PODS, pod("a", "n2"))
        await elapse(0.01)
        assert [found.metadata.name for found in informer.by_index("node", "n1")] == ["b"]
        assert [found.metadata.name for found in informer.by_index("node", "n2")] == ["a"]
        api.remove(PODS, "default/b")
        await elapse(0.01)
        assert informer.by_index("node", "n1") == []


async def test_an_index_that_fails_for_an_object_reports_it_and_the_others_go_on(api):
    bad = []
    indexers = {"first": lambda found: [found.spec.containers[0].name]}
    async with watching(api, indexers=indexers, on_bad=bad.append) as (_, seen):
        api.put(PODS, pod("a"))
        api.put(PODS, {**pod("b"), "spec": {"containers": [{"name": "c"}]}})
        await elapse(0.01)
        assert [each.key for each in bad] == ["default/a"]
        assert [key for key, _, _ in seen.take()] == ["default/b"]


async def test_objects_of_any_kind_are_kept_whole_as_dictionaries(api):
    kind = raw("apps/v1", "Deployment", "deployments", namespaced=True)
    api.put("/apis/apps/v1/deployments", {"metadata": {"name": "web", "namespace": "x"}, "spec": {"odd": [1]}})
    informer = Informer(Client(api), kind)
    running = asyncio.create_task(informer.run())
    await informer.synced.wait()
    assert informer.get("x/web")["spec"] == {"odd": [1]}
    assert informer.get("x/web")["kind"] == "Deployment"
    running.cancel()


def _put(api, name):
    api.put(PODS, pod(name, f"n{api._now}"))


def _remove(api, name):
    if any(place[2] == name for place in api._objects):
        api.remove(PODS, f"default/{name}")


def _to_open_streams(act):
    def step(api, _):
        for stream in api.open_streams:
            act(stream)

    return step


def _refuse(api, _):
    api.reachable = not api.reachable


def _answer(*answers):
    def step(api, _):
        api.answers.extend(answers)

    return step


STEPS = [
    *[_put] * 4,
    *[_remove] * 2,
    lambda api, _: api.forget_history(),
    _refuse,
    _to_open_streams(lambda stream: stream.cut()),
    _to_open_streams(lambda stream: stream.end()),
    _to_open_streams(lambda stream: stream.expire()),
    _to_open_streams(lambda stream: setattr(stream, "deaf", True)),
    _to_open_streams(lambda stream: stream.send(b'{"type": "ADDED", "obj\n')),
    _to_open_streams(lambda stream: stream.event("RENAMED", {})),
    _to_open_streams(lambda stream: stream.send(b"half a line")),
    _answer(failure(429, headers={"retry-after": "5"})),
    _answer(failure(500)),
    _answer(failure(410, "Expired")),
    _answer(Response(200, {}, b"<html>")),
]


@given(
    steps=st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from("abcde"), st.sampled_from([0, 0.01, 1, 100])), max_size=30)
)
def test_whatever_goes_wrong_store_and_handlers_end_up_with_the_truth(steps):
    async def scenario():
        api, told = FaultyKubernetes(), {}

        def handler(key, old, new):
            assert told.get(key) == old
            told[key] = new

        informer = Informer(Client(api), POD)
        informer.add_handler(handler)
        running = asyncio.create_task(informer.run())
        for step, name, pause in steps:
            step(api, name)
            await elapse(pause)
        api.reachable = True
        api.answers.clear()
        await elapse(200)  # longer than a silent stream and the longest back-off
        assert not running.done()
        running.cancel()
        await asyncio.wait({running})
        truth = {f"default/{place[2]}": found["spec"]["nodeName"] for place, found in api._objects.items()}
        assert {key: informer.get(key).spec.node_name for key in informer.store} == truth
        assert {key: new.spec.node_name for key, new in told.items() if new} == truth

    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        runner.run(scenario())


async def test_a_streamed_list_is_one_request_after_which_the_watch_goes_on(api):
    for name in "ab":
        api.put(PODS, pod(name))
    async with watching(api, streamed=True) as (informer, seen):
        assert sorted(informer.store) == ["default/a", "default/b"]
        api.put(PODS, pod("c"))
        await elapse(1.0)
        assert seen.take() == [("default/c", None, "")]
        assert len(api.requests) == 1


async def test_a_streamed_list_takes_away_what_went_while_nobody_watched(api):
    for name in "ab":
        api.put(PODS, pod(name))
    async with watching(api, streamed=True) as (informer, seen):
        api.open_streams[0].deaf = True
        api.remove(PODS, "default/a")
        api.forget_history()
        api.open_streams[0].expire()
        await elapse(5.0)
        assert seen.take() == [("default/a", "", None)]
        assert sorted(informer.store) == ["default/b"]
        assert lists(api) == []


async def test_a_server_that_streams_no_lists_is_asked_for_pages(api):
    api.put(PODS, pod("a"))
    api.answers.append(failure(422, "Invalid", "sendInitialEvents: Forbidden"))
    async with watching(api, streamed=True) as (informer, _):
        assert list(informer.store) == ["default/a"]
        assert len(lists(api)) == 1


async def test_a_streamed_list_that_breaks_is_followed_by_a_paged_one_and_nothing_is_known_before(api):
    api.put(PODS, pod("a"))
    api.put(PODS, pod("b"))
    event = json.dumps({"type": "ADDED", "object": pod("a", resourceVersion="101")}).encode() + b"\n"
    api.answers.append(Response(200, {}, event))
    informer, told = Informer(Client(api), POD, random=lambda: 0.5, streamed=True), []
    informer.add_handler(lambda key, *_: told.append((key, informer.synced.is_set())))
    running = asyncio.create_task(informer.run())
    await informer.synced.wait()
    assert told == [("default/a", False), ("default/b", False)]
    assert len(lists(api)) == 1
    running.cancel()
    await asyncio.wait({running})


async def test_a_server_that_passes_over_the_wish_is_found_out_by_its_first_bookmark(api):
    api.put(PODS, pod("a"))
    events = [
        {"type": "ADDED", "object": pod("a", resourceVersion="101")},
        {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "102"}}},
    ]
    api.answers.append(Response(200, {}, b"".join(json.dumps(one).encode() + b"\n" for one in events)))
    async with watching(api, streamed=True) as (informer, _):
        assert list(informer.store) == ["default/a"]
        assert len(lists(api)) == 1
