"""NAT rules, and rules whose id follows from what they do."""

from __future__ import annotations

from ipaddress import IPv4Address
from uuid import UUID

from msgspec.structs import replace

from midonet_kubernetes.model.bodies import IPV4, NatTarget, Rule, text
from midonet_kubernetes.model.names import sub_id

FIRST_SOURCE_PORT, LAST_SOURCE_PORT = 30000, 60000  # of connections whose source is translated


def snat(source: IPv4Address, gateway: IPv4Address, *, flow_action: str, id: UUID | None = None) -> Rule:  # noqa: A002 - as in Rule
    """A rule that lets what ``source`` sends come from ``gateway``."""
    to = NatTarget(address_from=str(gateway), address_to=str(gateway), port_from=FIRST_SOURCE_PORT, port_to=LAST_SOURCE_PORT)
    return Rule(
        id=id,
        type="snat",
        dl_type=IPV4,
        nw_src_address=str(source),
        nw_src_length=32,
        flow_action=flow_action,
        nat_targets=(to,),
    )


def with_id_from_content(rule: Rule, chain: UUID) -> Rule:
    """``rule`` with an id that follows from its chain and what it does.

    Rules cannot be replaced in MidoNet: one that does something else is another rule, posted before the old one goes.
    """
    return replace(rule, id=sub_id(chain, text(replace(rule, id=None))))
