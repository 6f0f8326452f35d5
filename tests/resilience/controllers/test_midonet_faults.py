from contextlib import asynccontextmanager

import pytest

from midonet_kubernetes.errors import Unreachable
from midonet_kubernetes.exchange import Response
from midonet_kubernetes.kubernetes_api.kinds import EVENT
from midonet_kubernetes.minimidonet.server.api import Api
from midonet_kubernetes.minimidonet.store.store import Store
from midonet_kubernetes.testing.mortal import Life, running
from midonet_kubernetes.testing.objects import PODS, SERVICES, TRANSLATIONS, pod, service
from midonet_kubernetes.testing.twins import differences, host_id
from midonet_kubernetes.testing.virtual_time import elapse

pytestmark = pytest.mark.looptime

HTML = Response(500, {"content-type": "text/html"}, b"<html>Error 500</html>")


class Faulty:
    """A transport on which a test decides what is answered instead."""

    def __init__(self, inner, fault=lambda _request: None):
        self.inner, self.fault, self.requests = inner, fault, []

    async def send(self, request):
        self.requests.append((request.method, request.path))
        answer = self.fault(request)
        if isinstance(answer, Exception):
            raise answer
        return answer or await self.inner.send(request)

    @asynccontextmanager
    async def stream(self, request):
        async with self.inner.stream(request) as streamed:
            yield streamed

    async def close(self):
        await self.inner.close()


async def delete(twins, path):
    assert (await twins.midonet.request("DELETE", path)).ok


def rule_of(topology, type_):
    return next(id_ for id_, rule in topology["Rule"].items() if rule["type"] == type_)


async def test_what_is_deleted_in_midonet_is_found_and_put_right(shop):
    async with running(shop) as program:
        await shop.settle(program)
        whole = shop.topology()
        chain = next(id_ for id_, one in whole["Chain"].items() if one["name"].startswith("KUBE-SVC-default/web"))
        bridge_port = next(id_ for id_, one in whole["Port"].items() if one.get("peerId") and one["type"] == "Bridge")
        bound = next(id_ for id_, one in whole["Port"].items() if one.get("interfaceName") == "midokube-mido")
        await delete(shop, f"/chains/{chain}")  # and its rules, and the jumps to it
        await delete(shop, f"/rules/{rule_of(whole, 'rev_snat')}")
        await delete(shop, f"/ports/{bridge_port}/link")
        await delete(shop, f"/hosts/{host_id('n1')}/ports/{bound}")
        drift = await program.verification.verify()
        assert {kind for kind, _ in drift.found} == {"Chain", "Rule", "PortLink", "HostInterfacePort"}
        await shop.settle(program)
        assert differences(whole, shop.topology()) == []


async def test_what_is_changed_in_midonet_is_found_and_put_right(shop):
    async with running(shop) as program:
        await shop.settle(program)
        whole = shop.topology()
        bridge, before = next(iter(whole["Bridge"].items()))
        text = f'{{"id":"{bridge}","name":"{before["name"]}","tenantId":"{before["tenantId"]}","adminStateUp":false}}'
        media = "application/vnd.org.midonet.Bridge-v4+json"
        answer = await shop.midonet.request("PUT", f"/bridges/{bridge}", content_type=media, body=text.encode())
        assert answer.ok
        drift = await program.verification.verify()
        assert drift.found == [("Bridge", bridge)]
        await shop.settle(program)
        assert differences(whole, shop.topology()) == []


async def test_where_nothing_drifted_a_look_finds_nothing_and_writes_nothing(shop):
    life = Life()
    async with running(shop, life) as program:
        await shop.settle(program)
        writes = len(life.writes)
        drift = await program.verification.verify()
        await shop.settle(program)
    assert drift.checked > 30
    assert drift.found == []
    assert len(life.writes) == writes


async def test_drift_is_looked_for_every_now_and_then(shop):
    async with running(shop) as program:
        await shop.settle(program)
        whole = shop.topology()
        await delete(shop, f"/rules/{rule_of(whole, 'dnat')}")
        await elapse(100.0)
        await shop.settle(program)
        assert differences(whole, shop.topology()) == []


async def test_a_midonet_that_lost_everything_gets_everything_back(shop):
    async with running(shop) as program:
        await shop.settle(program)
    whole = shop.topology()
    shop.midonet_store = Store()
    shop.midonet_api = Api(shop.midonet_store)
    shop.midonet.__init__(shop.midonet_transport())
    for number in (1, 2):
        await shop.add_host(f"n{number}")
    async with running(shop) as program:
        await shop.settle(program)
    assert differences(whole, shop.topology()) == []


async def test_midonet_away_for_an_hour_costs_nothing_but_the_hour(shop):
    midonet, away = Faulty(shop.midonet_transport()), Unreachable("away")
    async with running(shop, midonet=midonet) as program:
        await shop.settle(program)
        events = len(await shop.kubernetes.list(EVENT))
        midonet.fault = lambda _request: away
        midonet.requests.clear()
        await shop.apply(SERVICES, service("other", 53))
        for number in range(50):
            await shop.apply(PODS, pod(f"p{number}", "n1", f"10.1.1.{number + 10}", mac=f"0a:00:00:00:01:{number:02x}"))
        await elapse(3600.0)
        assert program.not_ready() == "MidoNet: away"
        assert len(midonet.requests) < 400
        told = [event for event in await shop.kubernetes.list(EVENT) if event.involved_object.kind == "Translation"]
        assert not [event for event in told if event.type == "Warning"]
        assert len(await shop.kubernetes.list(EVENT)) - events < 300
        midonet.fault = lambda _request: None
        await elapse(20.0)
        assert program.not_ready() == ""
        await shop.settle(program)
        got = shop.topology()
    async with running(shop) as program:
        drift = await program.verification.verify()
    assert drift.found == []
    assert sum(port.get("interfaceName", "").startswith("mido") for port in got["Port"].values() if port.get("hostId")) == 54


@pytest.mark.parametrize(
    "fault",
    [Unreachable("the certificate is not trusted"), HTML, Response(401), Response(503, {"retryafter": "3"})],
    ids=["certificate", "500", "401", "503"],
)
async def test_a_midonet_that_is_out_of_order_is_waited_for_without_a_word_on_each_object(shop, fault):
    async with running(shop) as program:
        await shop.settle(program)
    whole, midonet = shop.topology(), Faulty(shop.midonet_transport(), lambda _request: fault)
    async with running(shop, Life(statuses=False), midonet=midonet) as program:
        await shop.apply(SERVICES, service("other", 53))
        await elapse(300.0)
        assert program.not_ready().startswith("MidoNet: ")
        events = [one for one in await shop.kubernetes.list(EVENT) if one.involved_object.kind == "Translation"]
        assert not [event for event in events if event.type == "Warning"]
        await shop.remove(f"{SERVICES}/other")
        midonet.fault = lambda _request: None
        await elapse(20.0)
        await shop.settle(program, statuses=False)
        assert program.not_ready() == ""
        assert differences(whole, shop.topology()) == []


async def test_a_refused_object_is_told_and_stops_nothing_else(shop):
    await shop.apply(SERVICES, service("odd", 99))

    def refuse(request):
        return HTML if request.method == "POST" and b"KUBE-SVC-default/odd" in request.body else None

    midonet = Faulty(shop.midonet_transport(), refuse)
    async with running(shop, midonet=midonet):
        await elapse(60.0)
        translations = await shop.translations()
        odd = translations["default/service.4.odd"].status.conditions[0]
        assert (odd.status, odd.reason) == ("False", "Failed")
        assert "500" in odd.message
        waiting = [
            one
            for key, one in translations.items()
            if "odd" in key and one.status and one.status.conditions[0].reason == "Waiting"
        ]
        assert waiting
        assert all(one.status.conditions[0].status == "True" for key, one in translations.items() if "odd" not in key)
        told = [one for one in await shop.kubernetes.list(EVENT) if one.involved_object.name == "service.4.odd"]
        assert "TranslationUpdateError" in {event.reason for event in told}
        assert sum(event.count for event in told if event.type == "Warning") == 1
        midonet.fault = lambda _request: None
        await elapse(120.0)
        assert {one.status.conditions[0].status for one in (await shop.translations()).values()} == {"True"}


async def test_a_full_load_meets_no_refusal(shop):
    seen = []

    class Watching(Faulty):
        async def send(self, request):
            response = await super().send(request)
            seen.append((request.method, request.path, response.status))
            return response

    async with running(shop, midonet=Watching(shop.midonet_transport())) as program:
        await shop.settle(program)
    assert [one for one in seen if one[2] >= 400] == []


CHAINS = ("7b8b6f5a-0c5b-5c2e-9a55-3d9f4b6b5d70", "7b8b6f5a-0c5b-5c2e-9a55-3d9f4b6b5d71")
BY_HAND = {"kind": "Translation", "apiVersion": "midonet.org/v1"}


def chain(name, id_):
    resources = [{"kind": "Chain", "parent": "", "body": f'{{"id":"{id_}","name":"x"}}'}]
    return {**BY_HAND, "metadata": {"name": name, "finalizers": ["midonet.org/deleter"]}, "resources": resources}


def jump(name, id_, from_, to):
    body = f'{{"id":"{id_}","type":"jump","jumpChainId":"{to}"}}'
    resources = [{"kind": "Rule", "parent": from_, "body": body}]
    return {**BY_HAND, "metadata": {"name": name, "finalizers": ["midonet.org/deleter"]}, "resources": resources}


async def test_what_comes_before_its_referents_waits_for_them_without_a_request(shop):
    rule = "7b8b6f5a-0c5b-5c2e-9a55-3d9f4b6b5d72"
    midonet = Faulty(shop.midonet_transport())
    async with running(shop, midonet=midonet) as program:
        await shop.settle(program)
        midonet.requests.clear()
        await shop.apply(TRANSLATIONS, jump("early", rule, *CHAINS))
        await elapse(10.0)
        assert midonet.requests == []
        for number, id_ in enumerate(CHAINS):
            await shop.apply(TRANSLATIONS, chain(f"late-{number}", id_))
        await elapse(0.2)
        paths = [path.partition("/midonet-api")[2] for _, path in midonet.requests]
        assert paths == ["/chains", "/chains", f"/chains/{CHAINS[0]}/rules"]


async def test_a_referent_that_no_translation_makes_is_hoped_for_and_then_tried(shop):
    rule = "7b8b6f5a-0c5b-5c2e-9a55-3d9f4b6b5d72"
    for id_ in CHAINS:
        body = f'{{"id":"{id_}","name":"somebody else\'s"}}'.encode()
        answer = await shop.midonet.request(
            "POST", "/chains", content_type="application/vnd.org.midonet.Chain-v1+json", body=body
        )
        assert answer.ok
    async with running(shop) as program:
        await shop.settle(program)
        await shop.apply(TRANSLATIONS, jump("early", rule, *CHAINS))
        await elapse(120.0)
        assert rule in shop.topology()["Rule"]


async def test_an_endpoint_more_is_one_rule_more_and_then_one_less(shop):
    midonet = Faulty(shop.midonet_transport())
    async with running(shop, midonet=midonet) as program:
        await shop.settle(program)
        rules = {id_ for id_, rule in shop.topology()["Rule"].items() if rule["type"] == "dnat"}
        midonet.requests.clear()
        await shop.apply(PODS, pod("c", "n1", "10.1.1.7", mac="0a:00:00:00:00:03"))
        await shop.settle(program)
    about_rules = [
        (method, path.rpartition("/")[2]) for method, path in midonet.requests if "rules" in path and "GET" not in method
    ]
    deleted = [id_ for method, id_ in about_rules if method == "DELETE"]
    assert set(deleted) == rules
    assert [method for method, _ in about_rules].count("POST") == len(deleted) + 1  # one is the Pod's own
    for position, (method, _) in enumerate(about_rules):
        made = [one for one, _ in about_rules[:position]].count("POST")
        assert method != "DELETE" or made > [one for one, _ in about_rules[:position]].count("DELETE")
