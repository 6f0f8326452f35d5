"""From the objects of one host's view to what its kernel shall hold, change by change.

``Compiler.apply`` gathers the units that a change touches (a bridge, a chain, a Service's key, …), compiles those anew and
returns what came out differently. A first compilation is the same over all units.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

import msgspec

from midonet_kubernetes.model.midonet import Rule
from midonet_kubernetes.topology import network
from midonet_kubernetes.topology.bridges import bridge, shared
from midonet_kubernetes.topology.change import Change
from midonet_kubernetes.topology.filters import Filters
from midonet_kubernetes.topology.host_state import HostState, Step, Unsupported, host_state
from midonet_kubernetes.topology.items import Item, ItemKey, Items
from midonet_kubernetes.topology.objects import Objects
from midonet_kubernetes.topology.passes.balanced import Endpoint
from midonet_kubernetes.topology.passes.selection import ALL_PASSES, Pass
from midonet_kubernetes.topology.prefixes import Prefix
from midonet_kubernetes.topology.routing import Routing
from midonet_kubernetes.topology.services import Place, Services
from midonet_kubernetes.topology.touched import Touched


class Compiler:
    """The compiler of one host.

    Args:
        host_id: of the host.
        mtu: of the link that tunnelled packets leave by, bytes.
        slots: endpoints by slot that the kernel has from an earlier life, so that they stay where they are.
        passes: which optimisations are made.
    """

    def __init__(
        self,
        host_id: str,
        *,
        mtu: int = network.DEFAULT_MTU,
        slots: Mapping[Place, tuple[Endpoint, ...]] | None = None,
        passes: AbstractSet[Pass] = ALL_PASSES,
    ) -> None:
        self._host_id, self._mtu = host_id, mtu
        self._objects, self._items = Objects(passes), Items()
        self._services = Services(self._objects, self._items, slots or {}, passes)
        self._routing = Routing(host_id, self._objects)
        self._filters = Filters(host_id, self._objects, self._items, self._services, self._routing, passes=passes)
        self._here = network.Here(host_id, mtu=mtu)
        self._shared: set[Prefix] = set()  # routes that have a unit
        self._unsupported: dict[ItemKey, Unsupported] = {}

    @property
    def tunnel_address(self) -> str:
        """The address that tunnelled packets are sent from, "" for none."""
        return self._here.tunnel_address

    def state(self) -> HostState:
        """All that is wanted now."""
        return host_state(self._items.now.items())

    def unsupported(self) -> list[Unsupported]:
        """The objects that the kernel does not do as MidoNet would, by kind and id."""
        return [self._unsupported[key] for key in sorted(self._unsupported)]

    def apply(self, changes: Iterable[Change]) -> Step:
        """Take in changes of the host's view.

        Args:
            changes: those of one commit; a later one about the same object wins.

        Returns:
            What is to be different in the kernel.
        """
        touched = Touched(self._host_id)
        for change in changes:
            self._take(change, touched)
        self._compile(touched)
        return self._step()

    def replace(self, snapshot: Iterable[Change]) -> Step:
        """Take in a whole view: what it does not hold is gone."""
        puts = list(snapshot)
        there = {(change.kind, change.id) for change in puts}
        gone = [Change(kind, id_, None) for kind, id_ in self._objects.ids() if (kind, id_) not in there]
        return self.apply([*gone, *puts])

    def set_mtu(self, mtu: int) -> Step:
        """Take in that tunnelled packets leave by a link of another MTU."""
        self._mtu = mtu
        self._compile_network(set())
        return self._step()

    def _take(self, change: Change, touched: Touched) -> None:
        old = self._objects.get(change.kind, change.id)
        chains = _chains_of(change, old)
        dispatched = {chain for chain in chains if self._objects.is_dispatch(chain)}
        problem: dict[ItemKey, Item] = {}
        try:
            new = self._objects.take(change)
        except (msgspec.ValidationError, ValueError) as error:
            new = None
            why = Unsupported(change.kind, change.id, f"it cannot be read: {error}")
            problem = {("unsupported", change.kind, change.id): why}
        self._items.put(("object", change.kind, change.id), problem)
        if old == new:
            return
        for version in (old, new):
            touched.add(version, self._objects)
        for chain in chains:
            if (chain in dispatched) != self._objects.is_dispatch(chain):
                touched.add_all_rules(chain, self._objects)

    def _compile(self, touched: Touched) -> None:
        bridges, entries = touched.bridges, touched.entries
        if touched.routing:
            entered = self._routing.entered
            bridges = bridges | self._routing.refresh()
            self._items.put(("routing",), self._routing.items)
            entries |= entered != self._routing.entered
        if bridges or touched.tunnel:
            self._compile_network(bridges)
        self._compile_shared(bridges, everything=touched.routing)
        for router_id in touched.routers:
            self._items.put(("router", router_id), dict(network.router(self._objects, router_id)))
        groups_differ = [self._filters.refresh_group(group_id) for group_id in touched.groups]
        everything = touched.all_chains or any(groups_differ)
        chains = {chain for chain in touched.chains if self._filters.leads_to(chain)}
        chains |= self._services.refresh(touched.places)
        if chains or entries or everything:
            self._filters.refresh(chains, everything=everything)

    def _compile_network(self, bridges: set[str]) -> None:
        place = network.here(self._objects, self._host_id, self._mtu)
        if place != self._here:
            self._here, bridges = place, bridges | self._objects.bridges.keys()
            self._items.put(("tunnel",), dict(network.tunnel(place)))
        for bridge_id in bridges:
            self._items.put(("bridge", bridge_id), dict(bridge(self._objects, self._routing, place, bridge_id)))

    def _compile_shared(self, bridges: set[str], *, everything: bool) -> None:
        routes = self._routing.shared
        for to in self._shared - routes.keys():
            self._items.put(("shared", to), {})
        self._shared = set(routes)
        for to, way in routes.items():
            if everything or any(at in bridges for at, _, _ in way.gateways):
                self._items.put(("shared", to), dict(shared(self._objects, self._here, to, way)))

    def _step(self) -> Step:
        changes = self._items.take_changes()
        for key, (_, new) in changes.items():
            if key[0] == "unsupported":
                self._unsupported.pop(key, None)
                if new is not None:
                    self._unsupported[key] = new
        return Step(changes)


def _chains_of(change: Change, old: object) -> set[str]:
    """The chains that a changed rule is or was in."""
    chains = {old.chain_id} if isinstance(old, Rule) else set()
    if change.kind == "Rule" and change.object is not None:
        chains.add(str(change.object.get("chainId")))
    return chains
