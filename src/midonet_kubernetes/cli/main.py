"""``midonet-kube``: what an operator types. Finds the subcommand, and turns errors into messages and exit codes."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NamedTuple, Protocol, cast

from midonet_kubernetes.errors import MidonetKubeError


class Command(NamedTuple):
    """A subcommand: its word, the module that is imported when it is used, and what it does in one line."""

    name: str
    module: str
    help: str


COMMANDS = (
    Command("lab", "midonet_kubernetes.cli.lab", "run a whole cluster network on this machine and check it"),
    Command("status", "midonet_kubernetes.cli.status", "show what is wanted and what is in MidoNet; --verify compares"),
    Command("translate", "midonet_kubernetes.cli.translate", "print what Kubernetes objects become in MidoNet, offline"),
    Command("kubernetes-api", "midonet_kubernetes.cli.kubernetes_api", "serve a small Kubernetes API, as the lab uses it"),
)


class _Module(Protocol):
    """What a subcommand's module has."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add description and arguments."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it; the exit code."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``midonet-kube``.

    Args:
        argv: the words after the program's name, None for those of this process.

    Returns:
        The exit code: 0, or 2 when what the user gave is wrong, or 1 for any other failure.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(
        prog="midonet-kube",
        description="MidoNet as the network of a Kubernetes cluster.",
        epilog="midonet-kube COMMAND --help tells more about a command, with examples.",
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    chosen: _Module | None = None
    for command in COMMANDS:
        subparser = subparsers.add_parser(command.name, help=command.help, formatter_class=argparse.RawDescriptionHelpFormatter)
        if words[:1] == [command.name]:  # the others' modules are not worth their time to load
            chosen = cast("_Module", importlib.import_module(command.module))
            chosen.configure(subparser)
    arguments = parser.parse_args(words)
    assert chosen is not None  # parse_args ends the program when the first word is no command
    return _run(chosen, arguments)


def _run(module: _Module, arguments: argparse.Namespace) -> int:
    try:
        code = module.run(arguments)
        sys.stdout.flush()
    except MidonetKubeError as error:
        print(f"midonet-kube: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # the reader has seen enough; nothing is to be said at exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return code


if __name__ == "__main__":
    sys.exit(main())
