"""What there is once per cluster: the tunnel zone, the cluster router and the chains that every node's bridge runs.

A rule that is POSTed goes to the head of its chain, so the last one here is the first to be evaluated: KUBE-MAIN runs
KUBE-PRE (reverse NAT, for replies) before KUBE-SERVICES.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from midonet_kubernetes.model.bodies import Chain, Router, Rule, TunnelZone
from midonet_kubernetes.model.names import Names, sub_id
from midonet_kubernetes.model.translation import Translation
from midonet_kubernetes.translate.ownership import Owner, resource

_KIND = "midonet-global"


@dataclass(frozen=True, slots=True)
class GlobalIds:
    """Ids of the objects that all others lean on."""

    main_chain: UUID
    pre_chain: UUID
    services_chain: UUID
    cluster_router: UUID
    tunnel_zone: UUID


@lru_cache(maxsize=8)
def global_ids(names: Names) -> GlobalIds:
    """The ids in the space of a tenant."""
    base = names.id_for(_KIND, "chain")
    return GlobalIds(
        main_chain=base,
        pre_chain=sub_id(base, "Pre Chain"),
        services_chain=sub_id(base, "Services Chain"),
        cluster_router=sub_id(base, "Cluster Router"),
        tunnel_zone=sub_id(base, "Default Tunnel Zone"),
    )


def translations(names: Names) -> tuple[Translation, ...]:
    """The global Translations, in the order in which they are written."""
    ids, tenant, nobody = global_ids(names), names.tenant, Owner(None)
    main, pre, services = ids.main_chain, ids.pre_chain, ids.services_chain
    return (
        nobody.translation(
            _KIND, "tunnel-zone", resource(TunnelZone(id=ids.tunnel_zone, name="DefaultTunnelZone", type="vxlan"))
        ),
        nobody.translation(
            _KIND, "cluster-router", resource(Router(id=ids.cluster_router, tenant_id=tenant, name="ClusterRouter"))
        ),
        nobody.translation(
            _KIND,
            "chain",
            resource(Chain(id=main, tenant_id=tenant, name="KUBE-MAIN")),
            resource(Chain(id=pre, tenant_id=tenant, name="KUBE-PRE")),
            resource(Chain(id=services, tenant_id=tenant, name="KUBE-SERVICES")),
            resource(Rule(id=sub_id(main, "Jump To Services"), type="jump", jump_chain_id=services), main),
            resource(Rule(id=sub_id(main, "Jump To Pre"), type="jump", jump_chain_id=pre), main),
            resource(Rule(id=sub_id(main, "Reverse DNAT"), type="rev_dnat", flow_action="accept"), pre),
            resource(Rule(id=sub_id(main, "Reverse SNAT"), type="rev_snat", flow_action="continue"), pre),
        ),
    )
