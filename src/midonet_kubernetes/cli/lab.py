"""``midonet-kube lab``: a whole cluster network on this machine."""

from __future__ import annotations

import argparse
import json
import os
import sys
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from rich.console import Console

from midonet_kubernetes import settings
from midonet_kubernetes.errors import UserError
from midonet_kubernetes.lab import ending, launch, manifests, telling
from midonet_kubernetes.lab.cluster import DEFAULT_NETWORKS, Networks
from midonet_kubernetes.lab.control import ask
from midonet_kubernetes.lab.processes import with_outside_pids
from midonet_kubernetes.lab.session import Plan
from midonet_kubernetes.lab.state import DEFAULT_NAME, Place, place
from midonet_kubernetes.lab.underlay import MOST_NODES, NETWORK

DESCRIPTION = """\
Starts nodes as network namespaces, runs the real programs on them, wires pods through the real CNI plugin, and checks
every path with real packets. Needs no container engine and no root; nothing is left when it ends, however it ends.
"""
EXAMPLES = """\
examples:
  midonet-kube lab                               three nodes and the web shop of examples/, then the check
  midonet-kube lab -f my.yaml --nodes 5          your own manifests
  midonet-kube lab exec node-1 -- ip route       a command on a node (or in a pod), from another terminal
  midonet-kube lab check -o json                 the check again, for machines
  midonet-kube lab apply -f more.yaml            change it while it runs
  midonet-kube lab down                          end it from another terminal
  midonet-kube lab --kubeconfig admin.conf       on a real API server, whose cluster has no MidoNet; all of it goes with the lab
"""
SHOP = Path("examples/shop.yaml")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add description and arguments."""
    parser.description, parser.epilog = DESCRIPTION, EXAMPLES
    _name(parser)
    parser.add_argument("--nodes", type=_node_count, default=3, metavar="N", help="number of nodes (3)")
    parser.add_argument(
        "-f", dest="files", action="append", type=Path, metavar="FILE", help="manifests to run; - is standard input"
    )
    parser.add_argument(
        "--once", action="store_true", help="end after the check, also on a terminal; the exit code tells its outcome"
    )
    parser.add_argument(
        "--kubeconfig", type=Path, metavar="FILE", help="run it on this cluster's API server, as an administrator"
    )
    for flag, default, what in (("pod", DEFAULT_NETWORKS.pods, "pods"), ("service", DEFAULT_NETWORKS.services, "Services")):
        text = f"network of the cluster's {what} ({default})"
        parser.add_argument(f"--{flag}-network", type=_network, default=default, metavar="CIDR", help=text)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", title="actions on a running lab")
    check = _action(actions, "check", "try every path again and show the table")
    check.add_argument(
        "--patience", type=float, default=10.0, metavar="SECONDS", help="how long a failed row is tried again (10)"
    )
    _output(check)
    _output(_action(actions, "status", "show programs, nodes and pods"))
    _action(actions, "export", "print Nodes, Pods, Services and EndpointSlices as a List, for midonet-kube translate -f -")
    for name, text in (("apply", "create or change the objects of a file"), ("delete", "delete the objects of a file")):
        files = _action(actions, name, text)
        files.add_argument("-f", dest="files", action="append", type=Path, metavar="FILE", required=True, help="manifests")
    execute = _action(actions, "exec", "run a command in a pod or on a node: lab exec POD|NODE -- COMMAND")
    execute.add_argument(
        "where", metavar="POD|NODE", help="a node, the virtual network on it as NODE.midonet, or a pod as NAME or NAMESPACE/NAME"
    )
    execute.add_argument("argv", metavar="COMMAND", nargs="+", help="after --")
    _action(actions, "down", "end the lab, or remove what a killed one left")


def _action(actions: Any, name: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=text, description=text)
    _name(parser, default=argparse.SUPPRESS)
    return parser


def _name(parser: argparse.ArgumentParser, default: str = DEFAULT_NAME) -> None:
    parser.add_argument("--name", default=default, help=f"which lab, when several run side by side ({DEFAULT_NAME})")


def _output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", dest="output", choices=["table", "json"], default="table", help="how the answer looks (table)")


def _node_count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_NODES:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {MOST_NODES}")
    return int(text)


def _network(text: str) -> str:
    try:
        network = settings.cidr(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no IPv4 network such as 10.96.0.0/16") from None
    if network.overlaps(NETWORK):
        raise argparse.ArgumentTypeError(f"{text} overlaps with {NETWORK}, the network of the lab's nodes")
    return str(network)


def _networks(arguments: argparse.Namespace) -> Networks:
    pods, services = IPv4Network(arguments.pod_network), IPv4Network(arguments.service_network)
    if pods.overlaps(services):
        raise UserError(f"--pod-network {pods} and --service-network {services} overlap")
    if pods.num_addresses < 256 * arguments.nodes:
        raise UserError(f"--pod-network {pods} is too small: each of the {arguments.nodes} nodes needs a /24 of it")
    return Networks(str(pods), str(services))


def run(arguments: argparse.Namespace) -> int:
    """Do it; the exit code."""
    where = place(arguments.name)
    match arguments.action:
        case None:
            stay = sys.stdout.isatty() and sys.stdin.isatty() and not arguments.once
            plan = Plan(arguments.nodes, _networks(arguments), manifests.read(arguments.files or [_shop()]), stay)
            return launch.launch(where, plan, arguments.kubeconfig)
        case "down":
            return ending.down(where)
        case "exec":
            request = {"do": "exec", "where": arguments.where, "argv": arguments.argv, "environment": dict(os.environ)}
            return int(_ask(where, request, (0, 1, 2))["code"])
        case "check":
            return _show(arguments, _ask(where, {"do": "check", "patience": arguments.patience}))
        case "status":
            return _show(arguments, _ask(where, {"do": "status"}))
        case "export":
            answer = _ask(where, {"do": "export"})
            print(json.dumps({"apiVersion": "v1", "kind": "List", "items": answer.get("objects", [])}, indent=2))
            return int(answer["code"])
        case action:
            return int(_ask(where, {"do": action, "objects": manifests.read(arguments.files)})["code"])


def _shop() -> Path:
    """The example that comes with the program: of the checkout that it is installed from, or of the current folder."""
    for folder in (Path(__file__).parents[3], Path()):
        if (folder / SHOP).is_file():
            return folder / SHOP
    raise UserError(f"{SHOP} is not here: name your own manifests with -f FILE")


def _ask(where: Place, request: dict[str, Any], descriptors: tuple[int, ...] = ()) -> dict[str, Any]:
    """The last line of the answer; those before are shown as they come."""
    answer: dict[str, Any] = {}
    for answer in ask(where.control, request, descriptors):
        if "line" in answer:
            print(answer["line"], flush=True)
    if "error" in answer:
        print(f"midonet-kube lab: {answer['error']}", file=sys.stderr)
    return answer


def _show(arguments: argparse.Namespace, answer: dict[str, Any]) -> int:
    if "error" in answer:
        return int(answer["code"])
    content: Any = answer["verdicts"] if arguments.action == "check" else with_outside_pids(answer["status"])
    if arguments.output == "json":
        print(json.dumps(content, indent=2))
    elif arguments.action == "check":
        telling.show_check(Console(), content)
    else:
        telling.show_status(Console(), content)
    return int(answer["code"])
