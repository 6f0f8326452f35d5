from __future__ import annotations

from midonet_kubernetes.linux.kernel import Flow


def test_a_new_namespace_tracks_nothing(kernel, here):
    conntrack = kernel.conntrack(here)
    usage = conntrack.usage()
    assert usage.entries == 0
    assert usage.limit > 1000
    conntrack.close()


def test_forgetting_what_is_not_tracked_is_fine(kernel, here):
    conntrack = kernel.conntrack(here)
    assert conntrack.forget([]) == 0
    assert conntrack.forget([Flow("10.96.0.10", 53, "10.1.0.5", 53)]) == 0
    conntrack.close()
