import ipaddress
from pathlib import Path

import pytest

from midonet_kubernetes.errors import SettingError
from midonet_kubernetes.node.options import Options

LEAST = {"MIDONETKUBE_NODENAME": "n1", "MIDONETKUBE_CLUSTERCIDR": "10.244.0.0/16"}


def test_node_and_cluster_network_are_enough():
    options = Options.read(LEAST)
    assert options.clusters == (ipaddress.ip_network("10.244.0.0/16"),)
    assert (options.configuration, options.plugin_folder, options.datapath) == (None, None, "/run/netns/midonet")
    assert options.socket == Path("/var/run/midonet-kube-node/api")


def test_services_are_reached_through_the_virtual_network_too():
    options = Options.read({**LEAST, "MIDONETKUBE_SERVICECIDR": "10.96.0.0/12"})
    assert [str(network) for network in options.clusters] == ["10.244.0.0/16", "10.96.0.0/12"]


def test_an_empty_datapath_namespace_means_a_real_midonet():
    assert Options.read({**LEAST, "MIDONETKUBE_DATAPATHNAMESPACE": ""}).datapath == ""


@pytest.mark.parametrize(
    "environment",
    [{}, {"MIDONETKUBE_NODENAME": "n1"}, {**LEAST, "MIDONETKUBE_NODENAME": ""}, {**LEAST, "MIDONETKUBE_CLUSTERCIDR": "x"}],
)
def test_a_missing_or_bad_setting_is_named(environment):
    with pytest.raises(SettingError, match="MIDONETKUBE_"):
        Options.read(environment)
