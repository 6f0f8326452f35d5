"""Translations, section 6: what each answer means."""

import json

import pytest

from midonet_kubernetes.controllers.fence import NotLeading, fence
from midonet_kubernetes.controllers.pusher.midonet import Editor, NotYet
from midonet_kubernetes.controllers.pusher.plan import Action, Step
from midonet_kubernetes.controllers.pusher.wanted import read
from midonet_kubernetes.errors import MidonetApiError, Unreachable
from midonet_kubernetes.exchange import Response
from midonet_kubernetes.midonet_api import Client
from midonet_kubernetes.model.translation import PushedResource, Resource

ID, PARENT, OTHER = (f"{digit}" * 8 + "-0000-4000-8000-000000000000" for digit in "123")

CHAIN = read(Resource("Chain", "", f'{{"id":"{ID}","name":"n"}}'))
PORT = read(Resource("Port", PARENT, f'{{"id":"{ID}","type":"Bridge"}}'))
ZONE = read(Resource("TunnelZone", "", f'{{"id":"{ID}","name":"z","type":"vxlan"}}'))
LINK = read(Resource("PortLink", ID, f'{{"portId":null,"peerId":"{PARENT}"}}'))
BINDING = read(Resource("HostInterfacePort", PARENT, f'{{"hostId":"{PARENT}","portId":"{ID}","interfaceName":"i"}}'))
MAC = read(Resource("MACPort", PARENT, f'{{"macAddr":"0a:00:00:00:00:01","portId":"{ID}"}}'))
ARP = read(Resource("IPv4MACPair", PARENT, '{"ip":"10.0.0.1","mac":"0a:00:00:00:00:01"}'))

AS_WANTED = {
    "Chain": {"id": ID, "name": "n"},
    "Port": {"id": ID, "type": "Bridge", "deviceId": PARENT},
    "TunnelZone": {"id": ID, "name": "z", "type": "vxlan"},
    "PortLink": {"id": ID, "type": "Bridge", "peerId": PARENT},
    "HostInterfacePort": {"id": ID, "hostId": PARENT, "interfaceName": "i"},
    "MACPort": {"macAddr": "0a:00:00:00:00:01", "portId": ID},
    "IPv4MACPair": {"ip": "10.0.0.1", "mac": "0a:00:00:00:00:01"},
}


class Script:
    """Answers by turns: a status, or a status with an object."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    async def send(self, request):
        self.asked.append(request.method)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, value = answer if isinstance(answer, tuple) else (answer, {})
        return Response(status, {}, json.dumps(value).encode())


def editor(script, is_leader=lambda: True):
    return Editor(Client(script), fence(is_leader))


def create(wanted):
    return Step(Action.CREATE, wanted)


@pytest.mark.parametrize("wanted", [CHAIN, PORT, ZONE, LINK, BINDING, MAC, ARP], ids=lambda wanted: wanted.kind.name)
async def test_2xx_to_a_post_is_done(wanted):
    script = Script(201)
    await editor(script).take(create(wanted))
    assert script.asked == ["POST"]


@pytest.mark.parametrize("status", [400, 404])
async def test_a_missing_referent_is_tried_later(status):
    with pytest.raises(NotYet):
        await editor(Script(status)).take(create(PORT))


@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [(CHAIN, 409), (PORT, 409), (ZONE, 409), (LINK, 409), (BINDING, 409), (MAC, 500), (ARP, 500), (MAC, 409)],
    ids=lambda value: value if isinstance(value, int) else value.kind.name,
)
async def test_what_exists_as_wanted_is_done(wanted, refusal):
    script = Script(refusal, (200, AS_WANTED[wanted.kind.name]))
    await editor(script).take(create(wanted))
    assert script.asked == ["POST", "GET"]


@pytest.mark.parametrize(
    ("wanted", "actual", "then"),
    [
        (PORT, {"outboundFilterId": OTHER}, ["PUT"]),
        (PORT, {"deviceId": OTHER}, ["DELETE", "POST"]),
        (ZONE, {"type": "gre"}, ["PUT"]),
        (CHAIN, {"name": "other"}, ["DELETE", "POST"]),
        (LINK, {"peerId": OTHER}, ["DELETE", "POST"]),
        (BINDING, {"hostId": OTHER}, ["DELETE", "POST"]),
    ],
    ids=lambda value: "" if isinstance(value, dict | list) else value.kind.name,
)
async def test_what_exists_otherwise_is_made_as_wanted(wanted, actual, then):
    script = Script(409, (200, AS_WANTED[wanted.kind.name] | actual), *[204 for _ in then])
    await editor(script).take(create(wanted))
    assert script.asked == ["POST", "GET", *then]


@pytest.mark.parametrize(
    ("wanted", "refusal", "read_back"),
    [
        (CHAIN, 409, 404),
        (MAC, 500, 404),
        (LINK, 409, (200, {"id": ID, "peerId": None})),
        (BINDING, 409, (200, {"id": ID, "hostId": None})),
        (BINDING, 409, 404),
    ],
    ids=["gone", "table entry gone", "port not linked", "host in no tunnel zone", "port gone"],
)
async def test_what_is_refused_and_not_there_is_tried_later(wanted, refusal, read_back):
    with pytest.raises(NotYet):
        await editor(Script(refusal, read_back)).take(create(wanted))


async def test_the_put_of_a_tunnel_zone_clashes_with_itself_and_that_is_done():
    script = Script(409)
    await editor(script).take(Step(Action.REPLACE, ZONE))
    assert script.asked == ["PUT"]


@pytest.mark.parametrize("status", [400, 404])
async def test_a_put_whose_referent_or_object_is_missing_is_tried_later(status):
    with pytest.raises(NotYet):
        await editor(Script(status)).take(Step(Action.REPLACE, PORT))


@pytest.mark.parametrize("status", [401, 403, 405, 500, 503])
@pytest.mark.parametrize("step", [create(CHAIN), Step(Action.REPLACE, PORT), Step(Action.RETIRE, old=CHAIN.pushed())])
async def test_anything_else_is_an_error_that_names_object_and_status(step, status):
    with pytest.raises(MidonetApiError, match=f"{ID} with {status}") as caught:
        await editor(Script(status)).take(step)
    assert not isinstance(caught.value, NotYet)
    assert caught.value.status == status


@pytest.mark.parametrize("status", [204, 200, 404])
async def test_a_delete_is_done_whether_the_object_was_there_or_not(status):
    script = Script(status)
    await editor(script).take(Step(Action.RETIRE, old=CHAIN.pushed()))
    assert script.asked == ["DELETE"]


async def test_an_entry_of_an_unknown_kind_needs_no_deletion():
    await editor(Script()).take(Step(Action.RETIRE, old=PushedResource(kind="Nonsense", id="x")))


async def test_what_has_no_put_is_deleted_and_made_anew():
    script = Script(204, 201)
    await editor(script).take(Step(Action.RECREATE, CHAIN, CHAIN.pushed()))
    assert script.asked == ["DELETE", "POST"]


async def test_no_answer_is_passed_on():
    with pytest.raises(Unreachable):
        await editor(Script(Unreachable("away"))).take(create(CHAIN))


@pytest.mark.parametrize(
    "step", [create(CHAIN), Step(Action.REPLACE, PORT), Step(Action.RETIRE, old=CHAIN.pushed())], ids=lambda s: s.action.name
)
async def test_nothing_is_sent_after_the_lead_is_lost(step):
    script = Script()
    with pytest.raises(NotLeading):
        await editor(script, is_leader=lambda: False).take(step)
    assert script.asked == []


async def test_between_the_two_writes_of_making_anew_the_lead_is_looked_at_again():
    script, looks = Script(204, 201), iter([True, False])
    with pytest.raises(NotLeading):
        await editor(script, is_leader=lambda: next(looks)).take(Step(Action.RECREATE, CHAIN, CHAIN.pushed()))
    assert script.asked == ["DELETE"]
