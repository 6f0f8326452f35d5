"""Cluster addresses and node ports of Services: given out at creation, checked when asked for, free again on deletion."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from midonet_kubernetes.kubernetes_api.embedded.failures import Cause, Json, invalid_value
from midonet_kubernetes.kubernetes_api.embedded.kinds.services import is_published
from midonet_kubernetes.kubernetes_api.embedded.store import Change, Store

NODE_PORTS = range(30_000, 32_768)  # kube-apiserver's --service-node-port-range
_STATIC_LEAST, _STATIC_MOST = 16, 256  # the low addresses that are given out only when asked for (KEP-3070)


class ServiceAddresses:
    """What Services have, and what the next one gets.

    Args:
        network: of all cluster addresses.
        store: whose Services have addresses.
    """

    def __init__(self, network: ipaddress.IPv4Network, store: Store) -> None:
        self._network = network
        self._addresses: dict[str, str] = {}  # address to the Service's uid
        self._ports: dict[int, str] = {}
        usable = max(network.num_addresses - 2, 1)
        static = min(max(_STATIC_LEAST, usable // 16), _STATIC_MOST)
        self._next_address = static if static < usable else 0
        self._next_port = 0
        for stored in store.all("services"):
            self._hold(stored.uid, stored.body()["spec"])
        store.subscribe(self._learn)

    def first(self) -> str:
        """The address of the ``kubernetes`` Service."""
        return str(self._network.network_address + 1)

    def _learn(self, change: Change) -> None:
        if change.now.key.resource != "services":
            return
        if change.before is not None:
            spec = change.before.body()["spec"]
            for address in _addresses(spec):
                self._addresses.pop(address, None)
            for port in _node_ports(spec):
                self._ports.pop(port, None)
        if change.type != "DELETED":
            self._hold(change.now.uid, change.now.body()["spec"])

    def _hold(self, uid: str, spec: Json) -> None:
        self._addresses |= dict.fromkeys(_addresses(spec), uid)
        self._ports |= dict.fromkeys(_node_ports(spec), uid)

    def assign(self, body: Json, old: Json | None) -> list[Cause]:
        """Complete a Service's addresses and node ports; what it asks for and cannot have is a cause."""
        causes = list(self._assign_address(body, old["spec"] if old else {}))
        return causes or list(self._assign_ports(body, old["spec"] if old else {}))

    def _assign_address(self, body: Json, old: Json) -> Iterable[Cause]:
        spec, uid = body["spec"], body["metadata"]["uid"]
        if spec["type"] == "ExternalName":
            for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"):
                spec.pop(name, None)
            return
        wanted = spec.get("clusterIP") or next(iter(spec.get("clusterIPs", [])), "")
        before = old.get("clusterIP", "")
        if before and wanted and wanted != before and old.get("type") != "ExternalName":
            yield invalid_value("spec.clusterIPs[0]", [wanted], "may not change once set")
            return
        address = wanted or before
        if not address:
            address = self._free_address()
            if not address:
                yield invalid_value("spec.clusterIPs", [], f"failed to allocate an IP: the range {self._network} is full")
                return
        elif address != "None":
            refused = self._refused(address, uid)
            if refused is not None:
                yield refused
                return
        spec["clusterIP"], spec["clusterIPs"] = address, [address]

    def _refused(self, text: str, uid: str) -> Cause | None:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return invalid_value("spec.clusterIPs[0]", text, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")
        if address not in self._network or address in {self._network.network_address, self._network.broadcast_address}:
            wrong = "the provided network does not match the current range"
        elif self._addresses.get(text, uid) != uid:
            wrong = "provided IP is already allocated"
        else:
            return None
        return invalid_value("spec.clusterIPs", [text], f"failed to allocate IP {text}: {wrong}")

    def _free_address(self) -> str:
        usable = max(self._network.num_addresses - 2, 1)
        for _ in range(usable):
            address = str(self._network.network_address + 1 + self._next_address)
            self._next_address = (self._next_address + 1) % usable
            if address not in self._addresses:
                return address
        return ""

    def _assign_ports(self, body: Json, old: Json) -> Iterable[Cause]:
        spec, uid = body["spec"], body["metadata"]["uid"]
        if not is_published(spec):
            for port in spec.get("ports", []):
                port.pop("nodePort", None)
            return
        before = {(port["protocol"], port["port"]): port.get("nodePort") for port in old.get("ports", [])}
        taken = {port["nodePort"] for port in spec["ports"] if port.get("nodePort")}
        for index, port in enumerate(spec["ports"]):
            number = port.get("nodePort") or before.get((port["protocol"], port["port"])) or self._free_port(taken)
            if not number:
                yield invalid_value(f"spec.ports[{index}].nodePort", 0, "failed to allocate a nodePort: range is full")
            elif number not in NODE_PORTS:
                valid = f"The range of valid ports is {NODE_PORTS.start}-{NODE_PORTS.stop - 1}"
                yield invalid_value(f"spec.ports[{index}].nodePort", number, f"provided port is not in the valid range. {valid}")
            elif self._ports.get(number, uid) != uid:
                yield invalid_value(f"spec.ports[{index}].nodePort", number, "provided port is already allocated")
            else:
                port["nodePort"] = number
                taken.add(number)

    def _free_port(self, taken: set[int]) -> int:
        for _ in NODE_PORTS:
            number = NODE_PORTS[self._next_port]
            self._next_port = (self._next_port + 1) % len(NODE_PORTS)
            if number not in self._ports and number not in taken:
                return number
        return 0


def _addresses(spec: Json) -> list[str]:
    return [address for address in spec.get("clusterIPs", []) if address != "None"]


def _node_ports(spec: Json) -> list[int]:
    return [port["nodePort"] for port in spec.get("ports", []) if port.get("nodePort")]
