"""The annotations by which Nodes and Pods tell what only MidoNet or the node knows."""

from __future__ import annotations

HOST_ID = "midonet.org/host-id"
TUNNEL_ZONE_ID = "midonet.org/tunnel-zone-id"  # empty: the default zone
TUNNEL_ENDPOINT_IP = "midonet.org/tunnel-endpoint-ip"
MAC_ADDRESS = "midonet.org/mac-address"
