"""What a runtime asks for by the CNI protocol (specification 1.1.0): the plugin's line in, a ``Call`` out. All of it is pure.

The plugin sends one line (``cni/midonet-kube-cni.c`` says how) and prints what it gets back (``cni_results``). Cases of
an old plugin with a new daemon and the other way round:

* a plugin with a protocol that we know: it is answered in that protocol;
* a plugin with a newer one: it is told to try again later (11), since the daemon is about to be replaced too;
* a plugin that sends variables that we do not know: they are left out of account.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import msgspec

from midonet_kubernetes.errors import MidonetKubeError

PROTOCOL = 1
VERSIONS = ("0.3.1", "0.4.0", "1.0.0", "1.1.0")
SINCE = {"ADD": "0.3.1", "DEL": "0.3.1", "CHECK": "0.4.0", "STATUS": "1.1.0", "GC": "1.1.0"}

INCOMPATIBLE_VERSION = 1
BAD_ENVIRONMENT = 4
IO_FAILURE = 5
UNDECODABLE = 6
BAD_CONFIGURATION = 7
TRY_AGAIN = 11
NOT_AVAILABLE = 50
LIMITED = 51  # not available, and pods that are there may be cut off
INTERFACE_DIFFERS = 100  # codes from 100 are the plugin's own
INTERNAL = 101

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]*")
_INTERFACE = re.compile(r"[^\s/:%\x00-\x1f]+")  # the kernel makes up a number for "%d"
_LONGEST_INTERFACE = 15  # bytes; the kernel's IFNAMSIZ without the end
_NEEDED = {
    "ADD": ("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"),
    "DEL": ("CNI_CONTAINERID", "CNI_IFNAME"),
    "CHECK": ("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"),
    "STATUS": (),
    "GC": (),
}


class CniError(MidonetKubeError):
    """What the runtime asked cannot be done; ``code`` is the specification's (section 5), or from 100 ours."""

    def __init__(self, code: int, message: str, details: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.details = code, message, details


class Envelope(msgspec.Struct, frozen=True):
    """The plugin's line."""

    protocol: int
    environment: dict[str, str] = {}
    stdin: str = ""


class _PreviousResult(msgspec.Struct, frozen=True):
    """What we read of ``prevResult``; an empty list may be null or missing."""

    interfaces: list[dict[str, Any]] | None = None
    ips: list[dict[str, Any]] | None = None
    routes: list[dict[str, Any]] | None = None
    dns: dict[str, Any] | None = None


class _ValidAttachment(msgspec.Struct, frozen=True):
    container: str = msgspec.field(name="containerID")
    interface: str = msgspec.field(name="ifname")


@dataclass(frozen=True, slots=True)
class PodName:
    """Which Pod a container belongs to, as Kubernetes' runtimes say in CNI_ARGS; ``uid`` may be empty."""

    namespace: str
    name: str
    uid: str = ""

    @property
    def key(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Call:
    """One operation that a runtime asks for.

    Args:
        command: ADD, DEL, CHECK, STATUS or GC.
        version: of the specification, for the answer.
        network: name of the network.
        container: id of the container; "" for STATUS and GC, as the next two.
        interface: name inside the container.
        namespace: path of the container's network namespace as the runtime sees it.
        pod: the Kubernetes Pod, None when the runtime named none; for ADD only.
        dns: ``dns`` of the configuration, which the result repeats.
        previous: ``prevResult``, None when there is none; for ADD and CHECK only, so that a DEL does not fail for it.
        valid: (container, interface) of every attachment that is still valid; for GC only.
    """

    command: str
    version: str
    network: str
    container: str = ""
    interface: str = ""
    namespace: str = ""
    pod: PodName | None = None
    dns: dict[str, Any] | None = None
    previous: dict[str, Any] | None = None
    valid: frozenset[tuple[str, str]] = frozenset()


def read_envelope(line: bytes) -> Envelope:
    """The plugin's line.

    Raises:
        CniError: it is none, or of a protocol that we do not speak.
    """
    try:
        envelope = msgspec.json.decode(line, type=Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CniError(UNDECODABLE, f"the CNI variables or the network configuration are not UTF-8 text: {error}") from None
    if envelope.protocol < 1 or envelope.protocol > PROTOCOL:
        message = (
            f"the CNI plugin speaks protocol {envelope.protocol}, this midonet-kube-node only {PROTOCOL}: "
            "the daemon on this node is older than its plugin, try again when it has been updated"
        )
        raise CniError(TRY_AGAIN, message)
    return envelope


def command_of(line: bytes) -> str:
    """CNI_COMMAND of the plugin's line, "" when there is none; never raises."""
    try:
        return read_envelope(line).environment.get("CNI_COMMAND", "")
    except CniError:
        return ""


def version_of(envelope: Envelope) -> str:
    """The version to answer in: that of the configuration if it is one of ours, else the newest; never raises."""
    try:
        version = msgspec.json.decode(envelope.stdin)["cniVersion"]
    except (msgspec.DecodeError, KeyError, TypeError, RecursionError):
        return VERSIONS[-1]
    return version if version in VERSIONS else VERSIONS[-1]


def read_call(envelope: Envelope) -> Call:
    """What the runtime asks for.

    Raises:
        CniError: a variable (4), the JSON (6), the configuration (7) or its version (1) is wrong.
    """
    environment = envelope.environment
    command = environment.get("CNI_COMMAND", "")
    if command not in SINCE:
        raise CniError(BAD_ENVIRONMENT, f"CNI_COMMAND={command!r} is not known: it must be VERSION, {', '.join(SINCE)}")
    configuration = _configuration(envelope.stdin)
    version = _version(configuration, command)
    missing = [name for name in _NEEDED[command] if not environment.get(name)]
    if missing:
        raise CniError(BAD_ENVIRONMENT, f"{', '.join(missing)} must be set for {command}")
    impossible = [name for name, value in environment.items() if "\0" in value]  # no environment has one, nor a path
    if impossible:
        raise CniError(BAD_ENVIRONMENT, f"{', '.join(impossible)} must not hold a NUL byte")
    container, interface = environment.get("CNI_CONTAINERID", ""), environment.get("CNI_IFNAME", "")
    if "CNI_CONTAINERID" in _NEEDED[command]:
        _check_names(container, interface)
    return Call(
        command,
        version,
        configuration["name"],
        container,
        interface,
        environment.get("CNI_NETNS", ""),
        _pod(environment.get("CNI_ARGS", "")) if command == "ADD" else None,
        _object(configuration, "dns"),
        _previous(configuration, command),
        _valid(configuration) if command == "GC" else frozenset(),
    )


def _configuration(stdin: str) -> dict[str, Any]:
    try:
        configuration = msgspec.json.decode(stdin, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise CniError(UNDECODABLE, f"the network configuration on standard input is not a JSON object: {error}") from None
    name = configuration.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise CniError(BAD_CONFIGURATION, '"name" in the network configuration must be letters, digits, "_", "." and "-"')
    return configuration


def _version(configuration: dict[str, Any], command: str) -> str:
    version = configuration.get("cniVersion", "0.1.0")  # an old configuration has none
    if version not in VERSIONS:
        raise CniError(
            INCOMPATIBLE_VERSION,
            f"cniVersion {version!r} is not supported",
            f"supported are {', '.join(VERSIONS)}; change the configuration",
        )
    if VERSIONS.index(version) < VERSIONS.index(SINCE[command]):
        raise CniError(INCOMPATIBLE_VERSION, f"{command} needs cniVersion {SINCE[command]}, the configuration says {version}")
    return str(version)


def _check_names(container: str, interface: str) -> None:
    if not _NAME.fullmatch(container):
        raise CniError(BAD_ENVIRONMENT, "CNI_CONTAINERID must be letters, digits, _, . and -, and begin with a letter or digit")
    if not _INTERFACE.fullmatch(interface) or interface in {".", ".."} or len(interface.encode()) > _LONGEST_INTERFACE:
        message = f"CNI_IFNAME must be at most {_LONGEST_INTERFACE} bytes without spaces, slashes, colons and %"
        raise CniError(BAD_ENVIRONMENT, message)


def _pod(arguments: str) -> PodName | None:
    pairs = dict(pair.partition("=")[::2] for pair in arguments.split(";") if "=" in pair)
    namespace, name = pairs.get("K8S_POD_NAMESPACE", ""), pairs.get("K8S_POD_NAME", "")
    for key, value in (("K8S_POD_NAMESPACE", namespace), ("K8S_POD_NAME", name)):
        if value and not _NAME.fullmatch(value):
            raise CniError(BAD_ENVIRONMENT, f"CNI_ARGS: {key} must be letters, digits, _, . and -")
    return PodName(namespace, name, pairs.get("K8S_POD_UID", "")) if namespace and name else None


def _object(configuration: dict[str, Any], key: str) -> dict[str, Any] | None:
    value = configuration.get(key)
    if value is not None and not isinstance(value, dict):
        raise CniError(BAD_CONFIGURATION, f'"{key}" in the network configuration must be an object')
    return value


def _previous(configuration: dict[str, Any], command: str) -> dict[str, Any] | None:
    if command not in {"ADD", "CHECK"}:
        return None
    previous = _object(configuration, "prevResult")
    if previous is None and command == "CHECK":
        raise CniError(BAD_CONFIGURATION, "CHECK needs prevResult in the network configuration")
    try:
        msgspec.convert(previous or {}, _PreviousResult)
    except msgspec.ValidationError as error:
        raise CniError(BAD_CONFIGURATION, f"prevResult is not the result of an ADD: {error}") from None
    return previous


def _valid(configuration: dict[str, Any]) -> frozenset[tuple[str, str]]:
    """The valid attachments. libcni writes null or leaves the key out when there are none."""
    keys = ("cni.dev/valid-attachments", "cni.dev/attachments")  # the second is what libcni wrote before 1.1.0
    found = next((configuration[key] for key in keys if key in configuration), None)
    try:
        attachments = msgspec.convert(found or [], list[_ValidAttachment])
    except msgspec.ValidationError:
        message = f'"{keys[0]}" in the network configuration must be a list of objects with containerID and ifname'
        raise CniError(BAD_CONFIGURATION, message) from None
    return frozenset((attachment.container, attachment.interface) for attachment in attachments)
