import pytest

BASE = "/api/v1/namespaces/default/services"
MERGE = "application/merge-patch+json"


async def make(server, name, **spec):
    return (await server.ask("POST", BASE, server.service(name, **spec)))["spec"]


async def test_each_service_has_an_address_of_its_own_above_the_ones_kept_for_those_who_ask(server):
    addresses = [(await make(server, f"s{number}"))["clusterIP"] for number in range(20)]
    assert addresses == [f"10.96.1.{number}" for number in range(1, 21)]


async def test_an_address_that_was_asked_for_is_given_once(server):
    assert (await make(server, "a", clusterIP="10.96.0.10"))["clusterIPs"] == ["10.96.0.10"]
    status = await server.refuse("POST", BASE, server.service("b", clusterIP="10.96.0.10"))
    assert status["details"]["causes"][0]["field"] == "spec.clusterIPs"
    assert "failed to allocate IP 10.96.0.10: provided IP is already allocated" in status["message"]
    await server.ask("DELETE", f"{BASE}/a")
    assert (await make(server, "b", clusterIP="10.96.0.10"))["clusterIP"] == "10.96.0.10"


@pytest.mark.parametrize("address", ["10.97.0.1", "10.96.0.0", "10.96.255.255", "fd00::1", "nonsense"])
async def test_an_address_outside_of_the_range_is_refused(server, address):
    status = await server.refuse("POST", BASE, server.service("a", clusterIP=address))
    assert status["code"] == 422
    assert status["details"]["causes"][0]["field"].startswith("spec.clusterIPs")


async def test_headless_and_external_services_have_no_address(server):
    assert (await make(server, "a", clusterIP="None"))["clusterIPs"] == ["None"]
    assert "clusterIP" not in await make(server, "b", type="ExternalName", externalName="x.org")


async def test_an_address_stays_when_a_service_is_replaced_without_it_and_cannot_be_changed(server):
    address = (await make(server, "a"))["clusterIP"]
    replaced = await server.ask("PUT", f"{BASE}/a", server.service("a", ports=[{"port": 81}]))
    assert replaced["spec"]["clusterIP"] == address
    status = await server.refuse("PATCH", f"{BASE}/a", {"spec": {"clusterIP": "10.96.0.77", "clusterIPs": None}}, MERGE)
    assert "may not change once set" in status["message"]


async def test_node_ports_are_given_kept_and_taken_back(server):
    spec = await make(server, "a", type="NodePort")
    assert spec["ports"][0]["nodePort"] == 30_000
    replaced = await server.ask("PUT", f"{BASE}/a", server.service("a", type="NodePort"))
    assert replaced["spec"]["ports"][0]["nodePort"] == 30_000
    status = await server.refuse("POST", BASE, server.service("b", type="NodePort", ports=[{"port": 80, "nodePort": 30_000}]))
    assert "spec.ports[0].nodePort: Invalid value: 30000: provided port is already allocated" in status["message"]
    back = await server.ask("PATCH", f"{BASE}/a", {"spec": {"type": "ClusterIP"}}, MERGE)
    assert "nodePort" not in back["spec"]["ports"][0]
    assert (await make(server, "b", type="NodePort", ports=[{"port": 80, "nodePort": 30_000}]))["ports"][0]["nodePort"] == 30_000


async def test_a_node_port_outside_of_the_range_is_refused(server):
    status = await server.refuse("POST", BASE, server.service("a", type="NodePort", ports=[{"port": 80, "nodePort": 80}]))
    assert "The range of valid ports is 30000-32767" in status["message"]


async def test_one_node_port_may_serve_two_protocols_of_one_service(server):
    ports = [
        {"name": "t", "port": 53, "nodePort": 30_053},
        {"name": "u", "port": 53, "protocol": "UDP", "nodePort": 30_053},
    ]
    assert [port["nodePort"] for port in (await make(server, "dns", type="NodePort", ports=ports))["ports"]] == [30_053] * 2


@pytest.mark.parametrize(
    ("ports", "field"),
    [
        ([], "spec.ports"),
        ([{"port": 0}], "spec.ports[0].port"),
        ([{"port": 70_000, "targetPort": 80}], "spec.ports[0].port"),
        ([{"port": 80, "targetPort": 70_000}], "spec.ports[0].targetPort"),
        ([{"port": 80, "targetPort": "no_such"}], "spec.ports[0].targetPort"),
        ([{"port": 80, "protocol": "ICMP"}], "spec.ports[0].protocol"),
        ([{"port": 80, "name": "a"}, {"port": 81, "name": "a"}], "spec.ports[1].name"),
        ([{"port": 80, "name": "a"}, {"port": 81}], "spec.ports[1].name"),
        ([{"port": 80, "name": "a"}, {"port": 80, "name": "b"}], "spec.ports[1]"),
        ([{"port": 80, "name": "A!"}], "spec.ports[0].name"),
    ],
)
async def test_a_broken_port_is_named(server, ports, field):
    status = await server.refuse("POST", BASE, server.service("a", ports=ports))
    assert (status["code"], status["reason"]) == (422, "Invalid")
    assert field in [cause["field"] for cause in status["details"]["causes"]]
    assert status["message"].startswith('Service "a" is invalid: ')


async def test_what_was_refused_or_tried_holds_no_address(server):
    await server.ask("POST", f"{BASE}?dryRun=All", server.service("a", clusterIP="10.96.0.10"))
    assert (await make(server, "b", clusterIP="10.96.0.10"))["clusterIP"] == "10.96.0.10"


async def test_addresses_are_known_after_a_restart(server):
    await make(server, "a", clusterIP="10.96.0.10")
    again = type(server)(server.store)
    assert "already allocated" in (await again.refuse("POST", BASE, again.service("b", clusterIP="10.96.0.10")))["message"]
