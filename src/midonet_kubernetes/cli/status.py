"""``midonet-kube status``: wanted against pushed, as the running controllers see it."""

from __future__ import annotations

import argparse
import json
import urllib.error
import urllib.request
from typing import Any

from midonet_kubernetes.errors import MidonetKubeError, Unreachable, UserError

DESCRIPTION = """\
Asks the running controllers how many MidoNet objects are wanted and how many are known to be in MidoNet, by kind, and
which Translations are not settled and why. With --verify they compare MidoNet with what is wanted now, object by
object, and put right what differs.
"""
EXAMPLES = """\
examples:
  midonet-kube status                                     on the controllers' own host or Pod
  kubectl -n midonet-kube exec deploy/midonet-kube-controllers -- midonet-kube status --verify
  midonet-kube status --url http://192.0.2.1:9453 -o json
exit code: 0 when everything wanted is pushed (with --verify: and nothing differed), 1 when not, 2 for a wrong --url
"""
DEFAULT_URL = "http://127.0.0.1:9453"
PATIENCE = 300.0  # seconds for a comparison with a slow MidoNet


def configure(parser: argparse.ArgumentParser) -> None:
    """Add description and arguments."""
    parser.description, parser.epilog = DESCRIPTION, EXAMPLES
    parser.add_argument(
        "--url", default=DEFAULT_URL, help=f"where the controllers listen, see MIDONETKUBE_LISTEN ({DEFAULT_URL})"
    )
    parser.add_argument("--verify", action="store_true", help="compare MidoNet with what is wanted, now")
    parser.add_argument("-o", dest="output", choices=["table", "json"], default="table", help="how the answer looks (table)")


def run(arguments: argparse.Namespace) -> int:
    """Do it; the exit code."""
    if not arguments.url.startswith(("http://", "https://")):
        raise UserError(f"--url {arguments.url!r} is no URL: it starts with http:// or https://, as {DEFAULT_URL} does")
    url = arguments.url.rstrip("/")
    status = _ask(f"{url}/status", "GET")
    if arguments.verify:
        status["drift"] = _ask(f"{url}/verify", "POST")
    if arguments.output == "json":
        print(json.dumps(status, indent=2))
    else:
        _show(status)
    return int(bool(status["unsettled"] or status["notReady"] or status.get("drift", {}).get("found")))


def _ask(url: str, method: str) -> dict[str, Any]:
    request = urllib.request.Request(url, method=method, data=b"" if method == "POST" else None)  # noqa: S310 - checked above
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310 - as above
            found: dict[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        raise MidonetKubeError(f"{url}: {error.read().decode(errors='replace').strip() or error.reason}") from None
    except (urllib.error.URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise Unreachable(f"{url}: {reason}. Do the controllers run there? --url names another place") from None


def _show(status: dict[str, Any]) -> None:
    from rich.console import Console  # noqa: PLC0415 - for machines it would be loaded in vain
    from rich.table import Table  # noqa: PLC0415 - as above

    console = Console(highlight=False)
    table = Table("kind", "wanted", "pushed", box=None, pad_edge=False, header_style="bold")
    for kind, count in status["kinds"].items():
        table.add_row(kind, str(count["wanted"]), str(count["pushed"]))
    console.print(table)
    console.print("this replica leads" if status["leader"] else "this replica stands by", markup=False)
    if status["notReady"]:
        console.print(f"not ready: {status['notReady']}", markup=False)
    for work in status["unsettled"]:
        why = work["complaint"] or ("waits for an object of another Translation" if work["parked"] else "being pushed")
        console.print(f"{work['translation']}: {why}", markup=False, soft_wrap=True)
    if "drift" in status:
        console.print(f"compared {status['drift']['checked']} objects with MidoNet, {len(status['drift']['found'])} differed")
        for found in status["drift"]["found"]:
            console.print(f"  {found['kind']} {found['id']} was changed or missing and is being put right", markup=False)
