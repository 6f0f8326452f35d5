import pytest

from midonet_kubernetes.controllers.pusher.normal import FIELDS, same
from midonet_kubernetes.controllers.pusher.wanted import read
from midonet_kubernetes.model.resource_kinds import KINDS
from midonet_kubernetes.model.translation import Resource

ID, PARENT = "11111111-0000-4000-8000-000000000000", "22222222-0000-4000-8000-000000000000"
RULE = read(
    Resource(
        "Rule",
        PARENT,
        f'{{"id":"{ID}","type":"dnat","dlType":2048,"flowAction":"accept",'
        '"natTargets":[{"addressFrom":"10.0.0.1","addressTo":"10.0.0.1","portFrom":80,"portTo":80}]}',
    )
)
TARGET = {"addressFrom": "10.0.0.1", "addressTo": "10.0.0.1", "portFrom": 80, "portTo": 80}
ANSWER = {
    **dict.fromkeys(FIELDS["Rule"]),
    "id": ID,
    "chainId": PARENT,
    "uri": "http://h/rules/x",
    "position": 3,
    "type": "dnat",
    "dlType": 2048,
    "flowAction": "accept",
    "invDlType": False,
    "nwSrcLength": 0,
    "inPorts": [],
    "fragmentPolicy": "unfragmented",
    "natTargets": [TARGET],
}


def test_every_kind_says_what_counts():
    assert FIELDS.keys() == KINDS.keys()


def test_defaults_links_and_positions_do_not_count():
    assert same(RULE, ANSWER)


@pytest.mark.parametrize(
    "change",
    [
        {"type": "snat"},
        {"dlType": None},
        {"invDlType": True},
        {"inPorts": [ID]},
        {"natTargets": [TARGET, TARGET]},
        {"natTargets": [{**TARGET, "portTo": 81}]},
        {"chainId": ID},
    ],
)
def test_what_a_packet_would_notice_counts(change):
    assert not same(RULE, ANSWER | change)


@pytest.mark.parametrize(("state", "expected"), [(True, True), (None, True), (False, False)])
def test_a_bridge_that_was_put_down_is_not_as_wanted(state, expected):
    bridge = read(Resource("Bridge", "", f'{{"id":"{ID}","name":"n"}}'))
    assert same(bridge, {"id": ID, "name": "n", "adminStateUp": state, "vxLanPortIds": []}) is expected


def test_a_binding_and_a_link_are_read_from_their_port():
    binding = read(Resource("HostInterfacePort", PARENT, f'{{"hostId":"{PARENT}","portId":"{ID}","interfaceName":"i"}}'))
    assert same(binding, {"id": ID, "hostId": PARENT, "interfaceName": "i", "deviceId": "x"})
    assert not same(binding, {"id": ID, "hostId": ID, "interfaceName": "i"})
    link = read(Resource("PortLink", ID, f'{{"portId":null,"peerId":"{PARENT}"}}'))
    assert same(link, {"id": ID, "peerId": PARENT})
    assert not same(link, {"id": ID, "peerId": ID})
