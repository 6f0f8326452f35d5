from __future__ import annotations

import errno

import pytest

from midonet_kubernetes.errors import KernelError
from midonet_kubernetes.linux import probe


@pytest.mark.parametrize(
    ("code", "modules", "advice"),
    [
        (errno.EOPNOTSUPP, "vxlan", "modprobe -a vxlan"),
        (errno.ENOENT, "nft_chain_nat, nft_nat", "modprobe -a nft_chain_nat nft_nat"),
        (errno.EPERM, "veth", "as root or in a user namespace"),
        (errno.EROFS, "", "mounted read-only"),
    ],
)
def test_a_missing_feature_comes_with_what_to_do(code, modules, advice):
    def refuse():
        raise KernelError("try it", code)

    finding = probe.attempt("a feature", modules, refuse)
    assert not finding.works
    assert finding.remedy.startswith("try it: ")
    assert advice in finding.remedy


def test_a_feature_that_works_needs_nothing():
    assert probe.attempt("a feature", "module", lambda: None) == probe.Finding("a feature", works=True)
