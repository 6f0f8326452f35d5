import argparse
import os

import pytest

from midonet_kubernetes.cli import lab
from midonet_kubernetes.cli.main import main
from midonet_kubernetes.errors import UserError
from midonet_kubernetes.lab.cluster import DEFAULT_NETWORKS, Networks


def parsed(*words):
    parser = argparse.ArgumentParser()
    lab.configure(parser)
    return parser.parse_args(words)


def test_without_flags_the_networks_are_the_usual_ones():
    assert lab._networks(parsed()) == DEFAULT_NETWORKS


def test_networks_are_written_as_networks():
    arguments = parsed("--pod-network", "10.10.3.4/16", "--service-network", "172.20.0.0/16")
    assert lab._networks(arguments) == Networks("10.10.0.0/16", "172.20.0.0/16")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--pod-network", "10.96.0.0/12"], "overlap"),
        (["--pod-network", "10.200.0.0/23"], "too small"),
        (["--pod-network", "10.200.0.0/22", "--nodes", "5"], "each of the 5 nodes"),
    ],
)
def test_networks_that_do_not_fit_are_refused(words, says):
    with pytest.raises(UserError, match=says):
        lab._networks(parsed(*words))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--service-network", "fd00::/108"], "no IPv4 network"),
        (["--pod-network", "192.168.0.0/16"], "the network of the lab's nodes"),
    ],
)
def test_what_is_no_network_or_that_of_the_nodes_is_refused_at_once(words, says, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["lab", *words])
    assert says in capsys.readouterr().err


def test_a_kubeconfig_that_is_not_there_is_named(capsys):
    assert main(["lab", "--name", f"absent{os.getpid()}", "--kubeconfig", "/nowhere/config"]) == 2
    assert "/nowhere/config cannot be read" in capsys.readouterr().err
