"""``midonet-kube translate``: Kubernetes objects in, Translations out, without a cluster."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from midonet_kubernetes.errors import ManifestError
from midonet_kubernetes.model.names import Names
from midonet_kubernetes.model.translation import Translation
from midonet_kubernetes.settings import ENDPOINTS_SOURCE, TENANT
from midonet_kubernetes.translate import manifest, offline
from midonet_kubernetes.translate.service import TYPES

DESCRIPTION = f"""\
Print the Translations that the controllers would write for the given Kubernetes objects.

Objects are taken as they are: what only a cluster knows has to be there already, such as nodeName and podIP of a Pod,
clusterIP of a Service, podCIDR and the annotation midonet.org/host-id of a Node. Only endpoints are worked out: a
Service without EndpointSlices gets those of its Endpoints object, or else of the ready Pods that it selects.

Kinds that have no meaning for the network are counted and ignored; what cannot be translated is told on standard error,
one line each. The exit code is 0, or 2 when the input cannot be read.

environment:
  {TENANT.name:<30}{TENANT.help} (default {TENANT.default})
  {ENDPOINTS_SOURCE.name:<30}{ENDPOINTS_SOURCE.help}: {ENDPOINTS_SOURCE.allowed} (default {ENDPOINTS_SOURCE.default})
"""

EXAMPLES = """\
examples:
  # what the cluster at hand becomes
  kubectl get nodes,pods,services,endpointslices -A -o yaml | midonet-kube translate -f -

  # only the names
  midonet-kube translate -f nodes.yaml -f shop.yaml -o name

  # the rules of one Service
  midonet-kube translate -f shop.yaml -o json | jq '.items[] | select(.metadata.name | startswith("endpoints-port"))'
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add description and arguments."""
    parser.description, parser.epilog = DESCRIPTION, EXAMPLES
    parser.add_argument(
        "-f",
        "--filename",
        dest="files",
        action="append",
        required=True,
        metavar="FILE",
        help="YAML or JSON, one document or several; - for standard input; may be given more than once",
    )
    parser.add_argument(
        "-o", "--output", choices=("yaml", "json", "name"), default="yaml", help="how Translations are printed (default yaml)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Translate the files.

    Raises:
        UserError: a setting is wrong, or a file cannot be read or understood.
    """
    names, source = Names(TENANT.read(os.environ)), ENDPOINTS_SOURCE.read(os.environ)
    objects, ignored = offline.Objects(), Counter[tuple[str, str]]()
    for file in arguments.files:
        for document in manifest.documents(_text(file), "standard input" if file == "-" else file):
            value = manifest.typed(document)
            if value is None:
                ignored[document.kind] += 1
            else:
                objects.add(value)
    report = offline.translate(objects, names, source)
    for line in (*_ignored(ignored), *_unfinished(objects)):
        print(f"ignored: {line}", file=sys.stderr)
    for title, problem in report.problems:
        print(f"{title}: {problem.reason}: {problem.message}", file=sys.stderr)
    sys.stdout.writelines(_printed(report.translations, arguments.output))
    return 0


def _ignored(kinds: Mapping[tuple[str, str], int]) -> Iterator[str]:
    for (version, kind), count in sorted(kinds.items()):
        yield f"{count} {kind} ({version}), which by itself has no meaning for the network"


def _unfinished(objects: offline.Objects) -> Iterator[str]:
    """What came out of an editor and not out of a cluster would otherwise vanish without a word."""
    unassigned = sum(service.spec.type in TYPES and not service.spec.cluster_ip for service in objects.services.values())
    if unassigned:
        yield f"{unassigned} Service without clusterIP, which a cluster assigns"
    unplaced = sum(not pod.spec.node_name for pod in objects.pods.values())
    if unplaced:
        yield f"{unplaced} Pod without nodeName, which a cluster assigns"


def _text(file: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return raw.decode("utf-8-sig")
    except OSError as error:
        raise ManifestError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ManifestError(f"{file}: byte {error.start} is no UTF-8; YAML and JSON have to be") from None


def _printed(translations: Iterable[Translation], output: str) -> Iterable[str]:
    if output == "name":
        return (f"{t.metadata.namespace}/{t.metadata.name}\n" for t in translations)
    everything: dict[str, Any] = {"apiVersion": "v1", "kind": "List", "items": msgspec.to_builtins(list(translations))}
    if output == "json":
        return (msgspec.json.format(msgspec.json.encode(everything), indent=2).decode(), "\n")
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return (yaml.dump(everything, Dumper=dumper, sort_keys=False, allow_unicode=True, width=1_000_000),)
