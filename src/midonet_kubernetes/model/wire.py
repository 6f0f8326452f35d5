"""How Python field names become JSON keys, for Kubernetes and MidoNet alike."""

from __future__ import annotations

_ACRONYMS = {
    "cluster_ip": "clusterIP",
    "cluster_ips": "clusterIPs",
    "external_ips": "externalIPs",
    "host_ip": "hostIP",
    "pod_cidr": "podCIDR",
    "pod_cidrs": "podCIDRs",
    "pod_ip": "podIP",
    "pod_ips": "podIPs",
}


def camel(name: str) -> str:
    """``target_port`` as ``targetPort``, with the acronyms that Kubernetes writes in capitals; a trailing ``_`` is dropped."""
    if name in _ACRONYMS:
        return _ACRONYMS[name]
    head, *rest = name.rstrip("_").split("_")
    return head + "".join(word.capitalize() for word in rest)
