import pytest

from midonet_kubernetes.controllers.pusher.wanted import Unusable, identity_of, read, read_all
from midonet_kubernetes.model.translation import PushedResource, Resource

BRIDGE, PORT, CHAIN, HOST = (f"{digit}" * 8 + "-0000-4000-8000-000000000000" for digit in "1234")


@pytest.mark.parametrize(
    ("resource", "needs", "gives"),
    [
        (Resource("Chain", "", f'{{"id":"{CHAIN}"}}'), (), CHAIN),
        (Resource("Bridge", "", f'{{"id":"{BRIDGE}","inboundFilterId":"{CHAIN}"}}'), (CHAIN,), BRIDGE),
        (Resource("Port", BRIDGE, f'{{"id":"{PORT}","type":"Bridge"}}'), (BRIDGE,), PORT),
        (Resource("PortLink", PORT, f'{{"portId":null,"peerId":"{BRIDGE}"}}'), (PORT, BRIDGE), ""),
        (Resource("Rule", CHAIN, f'{{"id":"{PORT}","type":"jump","jumpChainId":"{BRIDGE}"}}'), (CHAIN, BRIDGE), PORT),
        (Resource("TunnelZoneHost", CHAIN, f'{{"hostId":"{HOST}","ipAddress":"1.2.3.4"}}'), (CHAIN,), f"host/{HOST}"),
        (
            Resource("HostInterfacePort", HOST, f'{{"hostId":"{HOST}","portId":"{PORT}","interfaceName":"x"}}'),
            (PORT, f"host/{HOST}"),
            "",
        ),
        (Resource("MACPort", BRIDGE, f'{{"macAddr":"0a:00:00:00:00:01","portId":"{PORT}"}}'), (BRIDGE, PORT), ""),
    ],
)
def test_what_an_object_needs_and_gives_follows_from_its_references(resource, needs, gives):
    wanted = read(resource)
    assert (wanted.needs, wanted.gives) == (needs, gives)


def test_a_binding_is_the_same_object_on_whatever_host():
    one, other = (
        read(Resource("HostInterfacePort", host, f'{{"hostId":"{host}","portId":"{PORT}","interfaceName":"x"}}'))
        for host in (HOST, BRIDGE)
    )
    assert one.identity == other.identity
    assert one.digest != other.digest


def test_an_entry_of_an_arp_table_is_another_object_on_another_bridge():
    one, other = (
        read(Resource("IPv4MACPair", bridge, '{"ip":"1.2.3.4","mac":"0a:00:00:00:00:01"}')) for bridge in (BRIDGE, PORT)
    )
    assert one.identity != other.identity


def test_what_is_said_to_be_pushed_has_the_identity_of_what_was_wanted():
    wanted = read(Resource("MACPort", BRIDGE, f'{{"macAddr":"0a:00:00:00:00:01","portId":"{PORT}"}}'))
    assert identity_of(wanted.pushed()) == wanted.identity
    assert wanted.pushed() == PushedResource("MACPort", f"0a-00-00-00-00-01_{PORT}", BRIDGE, wanted.digest)


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        (Resource("Chain", "", "no JSON"), "the body of a Chain is no JSON object"),
        (Resource("Chain", "", "[1]"), "the body of a Chain is no JSON object"),
        (Resource("Chain", "", "{}"), "the body of a Chain lacks 'id'"),
        (Resource("Port", BRIDGE, f'{{"id":"{PORT}","type":"Vxlan"}}'), "the body of a Port lacks 'Vxlan'"),
        (Resource("MACPort", BRIDGE, '{"macAddr":7,"portId":"x"}'), "the body of a MACPort lacks"),
        (Resource("Chain", "", '{"id":"../ports/x"}'), "'../ports/x' cannot name a MidoNet object"),
        (Resource("Rule", "a b", f'{{"id":"{PORT}"}}'), "'a b' cannot name a MidoNet object"),
        (Resource("Nonsense", "", "{}"), "'Nonsense' is no kind of MidoNet object"),
    ],
)
def test_an_entry_that_cannot_be_pushed_says_why(resource, message):
    with pytest.raises(Unusable, match=message):
        read(resource)


def test_one_bad_entry_leaves_the_others_and_an_id_counts_once():
    chain = Resource("Chain", "", f'{{"id":"{CHAIN}"}}')
    wanted, wrong = read_all([Resource("Chain", "", "x"), chain, chain])
    assert [entry.id for entry in wanted] == [CHAIN]
    assert wrong[0].startswith("resources[0]: ")
    assert wrong[1] == f"resources[2]: Chain {CHAIN} is named twice"
