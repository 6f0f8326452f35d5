"""What midonetclient and midonet-cli do on the wire (rest-api 7): bodies everywhere, numbers as text, whole objects."""

from __future__ import annotations

import base64
import json

import pytest

from midonet_kubernetes.exchange import Request
from midonet_kubernetes.minimidonet.server.service import Service
from midonet_kubernetes.minimidonet.store.store import Store

VENDOR = "application/vnd.org.midonet.{}+json"
LISTS = ["bridges", "routers", "chains", "hosts", "tunnelZones", "portGroups", "ipAddrGroups", "tenants", "ports"]
TYPES = {
    "bridges": "Bridge-v4",
    "routers": "Router-v3",
    "chains": "Chain-v1",
    "hosts": "Host-v3",
    "tunnelZones": "TunnelZone-v1",
    "portGroups": "PortGroup-v1",
    "ipAddrGroups": "IpAddrGroup-v1",
    "tenants": "Tenant-v2",
    "ports": "Port-v3",
}


class MidonetClient:
    """Sends as httplib2 does under midonetclient."""

    def __init__(self) -> None:
        self._handle = Service(Store()).handle
        basic = base64.b64encode(b"admin:midonet").decode()
        login = self._send("POST", "/midonet-api/login", {"Authorization": f"Basic {basic}", "X-Auth-Project": "admin"})
        cookie = login.headers["set-cookie"]
        self._token = cookie[cookie.find("=") + 1 :].split(";")[0]
        self.root = json.loads(self._send("GET", "/midonet-api/", {"Accept": VENDOR.format("Application-v5")}).body)

    def _send(self, method, uri, headers, body=None):
        path = uri.removeprefix("http://server:8181")
        sent = {"Host": "server:8181", **headers}
        return self._handle(Request(method, path, sent, json.dumps(body or {}).encode()))

    def get(self, uri, kind, /):
        kind = VENDOR.format(kind)
        answer = self._send("GET", uri, {"Accept": kind, "Content-Type": kind, "X-Auth-Token": self._token})
        assert answer.status == 200, answer
        return json.loads(answer.body)

    def create(self, uri, kind, /, **fields):
        headers = {"Content-Type": VENDOR.format(kind), "X-Auth-Token": self._token}
        answer = self._send("POST", uri, headers, fields)
        assert answer.status == 201, answer
        location = answer.headers.get("location")
        return self.get(location, kind) if location else None

    def update(self, object_, kind, /, **fields):
        answer = self._send(
            "PUT", object_["uri"], {"Content-Type": VENDOR.format(kind), "X-Auth-Token": self._token}, {**object_, **fields}
        )
        assert answer.status == 204, answer
        return self.get(object_["uri"], kind)

    def delete(self, object_):
        return self._send("DELETE", object_["uri"], {"X-Auth-Token": self._token}).status

    def status(self, uri, name):
        return self._send("GET", uri, {"Accept": VENDOR.format(name), "X-Auth-Token": self._token}).status


@pytest.fixture
def client():
    return MidonetClient()


def test_it_starts_with_the_root_document_and_the_systems_state(client):
    assert client.get(client.root["systemState"], "SystemState-v2")["availability"] == "READWRITE"


@pytest.mark.parametrize("name", LISTS)
def test_every_list_of_the_root_document_can_be_read(client, name):
    assert isinstance(client.get(client.root[name], f"collection.{TYPES[name]}"), list)


def test_numbers_may_be_text(client):
    chain = client.create(client.root["chains"], "Chain-v1", name="c", tenantId="t")
    rule = client.create(
        chain["rules"], "Rule-v2", type="drop", position="1", nwSrcAddress="10.0.0.0", nwSrcLength="8", nwProto="6"
    )
    assert (rule["position"], rule["nwSrcLength"], rule["nwProto"]) == (1, 8, 6)


def test_a_whole_body_goes_back_with_one_change(client):
    bridge = client.create(client.root["bridges"], "Bridge-v4", name="b")
    assert client.update(bridge, "Bridge-v4", name="c") == {**bridge, "name": "c"}
    router = client.create(client.root["routers"], "Router-v3", name="r")
    port = client.create(
        router["ports"], "Port-v3", type="Router", portAddress="10.0.0.1", networkAddress="10.0.0.0", networkLength="24"
    )
    assert client.update(port, "Port-v3", adminStateUp=False) == {**port, "adminStateUp": False}


def test_ports_are_linked_with_the_whole_port_as_a_body(client):
    bridge = client.create(client.root["bridges"], "Bridge-v4", name="b")
    router = client.create(client.root["routers"], "Router-v3", name="r")
    one = client.create(bridge["ports"], "Port-v3", type="Bridge")
    other = client.create(router["ports"], "Port-v3", type="Router", portSubnet=["10.0.0.1/24"])
    assert client.create(other["link"], "PortLink-v1", **{**other, "peerId": one["id"]}) is None
    assert client.get(one["uri"], "Port-v3")["peerId"] == other["id"]
    assert client.delete({"uri": one["link"]}) == 204
    assert client.get(other["uri"], "Port-v3")["peerId"] is None


def test_the_wrong_kind_of_device_is_not_found(client):
    bridge = client.create(client.root["bridges"], "Bridge-v4", name="b")
    uri = client.root["routerTemplate"].replace("{id}", bridge["id"])
    assert client.status(uri, "Router-v3") == 404


LINKS = {
    "bridge": {"ports": "Port-v3", "peerPorts": "Port-v3", "dhcpSubnets": "DhcpSubnet-v2"},
    "router": {
        "ports": "Port-v3",
        "routes": "Route-v1",
        "peerPorts": "Port-v3",
        "bgpNetworks": "BgpNetwork-v1",
        "bgpPeers": "BgpPeer-v1",
    },
    "chain": {"rules": "Rule-v2"},
    "bridge port": {"portGroups": "PortGroupPort-v1"},
    "host": {"interfaces": "Interface-v1", "ports": "HostInterfacePort-v1"},
    "tunnel zone": {"hosts": "TunnelZoneHost-v1"},
    "address group": {"addrs": "IpAddrGroupAddr-v1"},
    "port group": {"ports": "PortGroupPort-v1"},
    "load balancer": {"pools": "Pool-v1", "vips": "VIP-v1"},
    "pool": {"poolMembers": "PoolMember-v1", "vips": "VIP-v1"},
    "health monitor": {"pools": "Pool-v1"},
}


def one_of_each(client) -> dict[str, dict]:
    """Objects made as the client makes them, each with parts, where it makes parts."""
    root, create = client.root, client.create
    made = {
        "bridge": create(root["bridges"], "Bridge-v4", name="b"),
        "router": create(root["routers"], "Router-v3", name="r", asNumber="65000"),
        "chain": create(root["chains"], "Chain-v1", name="c"),
        "host": create(root["hosts"], "Host-v3", id="11111111-1111-4111-8111-111111111111", name="h"),
        "tunnel zone": create(root["tunnelZones"], "TunnelZone-v1", name="z", type="gre"),
        "address group": create(root["ipAddrGroups"], "IpAddrGroup-v1", name="g"),
        "port group": create(root["portGroups"], "PortGroup-v1", name="g", stateful="True"),
        "load balancer": create(root["loadBalancers"], "LoadBalancer-v1"),
        "health monitor": create(root["healthMonitors"], "HealthMonitor-v1", type="TCP", delay="1", timeout="1", maxRetries="1"),
    }
    made["bridge port"] = create(made["bridge"]["ports"], "Port-v3", type="Bridge")
    made["router port"] = create(made["router"]["ports"], "Port-v3", type="Router", portAddress="10.0.0.1", networkLength="24")
    made["pool"] = create(made["load balancer"]["pools"], "Pool-v1", lbMethod="ROUND_ROBIN")
    create(made["chain"]["rules"], "Rule-v2", type="accept", position="1")
    create(made["router"]["routes"], "Route-v1", type="Reject", srcNetworkAddr="0.0.0.0", dstNetworkAddr="10.1.0.0", weight="5")
    create(made["router"]["bgpPeers"], "BgpPeer-v1", asNumber="65001", address="10.0.0.2")
    create(made["router"]["bgpNetworks"], "BgpNetwork-v1", subnetAddress="10.0.0.0", subnetLength="24")
    create(made["bridge"]["dhcpSubnets"], "DhcpSubnet-v2", subnetPrefix="10.0.0.0", subnetLength="24")
    create(made["tunnel zone"]["hosts"], "GreTunnelZoneHost-v1", hostId=made["host"]["id"], ipAddress="10.0.0.9")
    create(made["host"]["ports"], "HostInterfacePort-v1", portId=made["bridge port"]["id"], interfaceName="eth0")
    create(made["address group"]["addrs"], "IpAddrGroupAddr-v1", version="6", addr="fd00::1")
    create(made["port group"]["ports"], "PortGroupPort-v1", portId=made["bridge port"]["id"])
    create(made["pool"]["poolMembers"], "PoolMember-v1", address="10.0.0.3", protocolPort="80")
    create(made["pool"]["vips"], "VIP-v1", address="10.0.0.4", protocolPort="80")
    create(made["router port"]["peeringTable"], "MacIp-v1", ip="10.9.0.1", mac="aa:bb:cc:dd:ee:ff")
    return made


EMPTY = {("bridge", "peerPorts"), ("router", "peerPorts"), ("host", "interfaces"), ("health monitor", "pools")}


def test_every_link_that_it_follows_leads_to_a_list(client):
    made = one_of_each(client)
    for name, links in LINKS.items():
        for link, kind in links.items():
            found = client.get(made[name][link], f"collection.{kind}")
            assert bool(found) is ((name, link) not in EMPTY), (name, link)
    assert client.get(made["router port"]["peeringTable"], "MacIp-v1")[0]["ip"] == "10.9.0.1"


def test_a_rule_is_found_by_its_template(client):
    chain = client.create(client.root["chains"], "Chain-v1", name="c")
    rule = client.create(chain["rules"], "Rule-v2", type="accept")
    assert client.get(client.root["ruleTemplate"].replace("{id}", rule["id"]), "Rule-v2") == rule
    assert client.delete(rule) == 204
    assert client.get(chain["rules"], "collection.Rule-v2") == []
