import asyncio

import pytest

from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.event_correlation import REMEMBERED, Correlator, Happening
from midonet_kubernetes.kubernetes_api.events import EventRecorder, reference_to
from midonet_kubernetes.model.kubernetes import EventSource, Metadata, Node, ObjectReference, Pod
from midonet_kubernetes.testing.faulty_kubernetes import FaultyKubernetes, failure
from midonet_kubernetes.testing.virtual_time import elapse

pytestmark = pytest.mark.looptime

POD = reference_to(Pod(metadata=Metadata(name="a", namespace="x", uid="u1")))
NOON = 1_700_000_000.0


@pytest.fixture
def api():
    return FaultyKubernetes()


@pytest.fixture
async def recorder(api):
    loop = asyncio.get_running_loop()
    recorder = EventRecorder(Client(api), "midonet-kube-controllers", clock=lambda: NOON + loop.time())
    running = asyncio.create_task(recorder.run())
    yield recorder
    running.cancel()
    await asyncio.wait({running})


def events(api):
    return [found for place, found in api._objects.items() if place[0] == "/api/v1/events"]


async def test_an_event_is_as_kubectl_describe_expects(api, recorder):
    recorder.record(POD, "Pushed", "all is there")
    await recorder.join()
    (event,) = events(api)
    assert event["metadata"]["namespace"] == "x"
    assert event["metadata"]["name"].startswith("a.")
    assert event["involvedObject"] == {"apiVersion": "v1", "kind": "Pod", "namespace": "x", "name": "a", "uid": "u1"}
    assert (event["type"], event["reason"], event["message"], event["count"]) == ("Normal", "Pushed", "all is there", 1)
    assert event["source"] == {"component": "midonet-kube-controllers"}
    assert event["firstTimestamp"] == event["lastTimestamp"] == "2023-11-14T22:13:20Z"


async def test_an_event_on_a_node_names_it_by_its_name_and_lives_in_the_default_namespace(api, recorder):
    recorder.record(reference_to(Node(metadata=Metadata(name="n1", uid="not-this"))), "MidoNetHostIDAnnotated", "done")
    await recorder.join()
    (event,) = events(api)
    assert event["involvedObject"] == {"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": "n1"}
    assert event["metadata"]["namespace"] == "default"


async def test_the_same_again_is_counted(api, recorder):
    for _ in range(3):
        recorder.record(POD, "Failed", "no answer", type="Warning")
        await recorder.join()
        await elapse(60)
    (event,) = events(api)
    assert event["count"] == 3
    assert event["firstTimestamp"] == "2023-11-14T22:13:20Z"
    assert event["lastTimestamp"] == "2023-11-14T22:15:20Z"
    assert [request.method for request in api.requests] == ["POST", "PATCH", "PATCH"]


async def test_an_event_that_has_lived_its_time_is_made_anew_with_its_count(api, recorder):
    recorder.record(POD, "Failed", "no answer")
    await recorder.join()
    api.remove("/api/v1/events", "x/" + events(api)[0]["metadata"]["name"])
    recorder.record(POD, "Failed", "no answer")
    await recorder.join()
    assert [event["count"] for event in events(api)] == [2]


async def test_many_similar_events_are_combined_into_one(api, recorder):
    for number in range(20):
        recorder.record(POD, "Failed", f"attempt {number}")
    await recorder.join()
    messages = {event["message"]: event["count"] for event in events(api)}
    assert messages == {**{f"attempt {number}": 1 for number in range(9)}, "(combined from similar events): attempt 19": 11}


async def test_similar_events_ten_minutes_apart_are_not_combined(api, recorder):
    for number in range(12):
        recorder.record(POD, "Failed", f"attempt {number}")
        await recorder.join()
        await elapse(601)
    assert len(events(api)) == 12


async def test_an_object_may_cause_25_events_and_then_one_in_five_minutes(api, recorder):
    for number in range(100):
        recorder.record(POD, f"Reason{number}", "x")
    other = ObjectReference(kind="Pod", namespace="x", name="b")
    recorder.record(other, "Reason", "x")
    await recorder.join()
    assert len(events(api)) == 26
    await elapse(301)
    for number in range(100, 110):
        recorder.record(POD, f"Reason{number}", "x")
    await recorder.join()
    assert len(events(api)) == 27


async def test_recording_never_waits_and_drops_what_does_not_fit(api):
    recorder = EventRecorder(Client(api), "c", capacity=10)
    for _ in range(1000):
        recorder.record(POD, "Reason", "x")
    assert recorder.dropped == 990


async def test_an_outage_is_waited_out_for_a_while_and_a_refusal_is_not(api, recorder):
    api.answers.extend([failure(500), failure(429, headers={"retry-after": "3"}), failure(403, "Forbidden")])
    recorder.record(POD, "Reason", "first")
    recorder.record(POD, "Reason", "second")
    await recorder.join()
    assert [event["message"] for event in events(api)] == ["second"]
    assert (recorder.written, recorder.dropped) == (1, 1)
    api.reachable = False
    recorder.record(POD, "Reason", "third")
    await recorder.join()
    assert recorder.dropped == 2
    api.reachable = True
    recorder.record(POD, "Reason", "fourth")
    await recorder.join()
    assert recorder.written == 2


async def test_a_creation_whose_answer_was_lost_is_not_doubled(api, recorder):
    def lose(request):
        api._handle(request)
        return failure(500)

    api.answers.append(lose)
    recorder.record(POD, "Reason", "x")
    await recorder.join()
    assert len(events(api)) == 1
    assert recorder.written == 1


def test_the_name_of_an_event_fits_and_is_never_used_twice():
    about = ObjectReference(kind="Translation", namespace="x", name="n" * 252 + "x")
    correlator = Correlator(EventSource(component="c"))
    names = [correlator.correlate(Happening(about, "Reason", str(number)), NOON).event.metadata.name for number in range(9)]
    assert all(len(name) == 253 for name in names)
    assert len(set(names)) == 9


def test_what_is_remembered_is_bounded():
    correlator = Correlator(EventSource(component="c"))
    for number in range(3 * REMEMBERED):
        about = ObjectReference(kind="Pod", namespace="x", name=f"p{number % (2 * REMEMBERED)}")
        correlator.correlate(Happening(about, "Reason", "x"), NOON)
    for number in range(1000):
        correlator.correlate(Happening(POD, "Reason", str(number)), NOON)
    for remembered in (correlator._similar, correlator._events, correlator._buckets):
        assert len(remembered._things) <= REMEMBERED
    assert all(len(similar.messages) < 10 for similar in correlator._similar._things.values())
