"""Settings of the programs, read from the environment. Each is declared once; the reference page is made from here."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from midonet_kubernetes.errors import SettingError

T_co = TypeVar("T_co", covariant=True)

CONTROLLERS = ("node", "pod", "service", "endpoints", "pusher", "nodeannotator")
LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True)
class Setting(Generic[T_co]):
    """One environment variable.

    Args:
        name: of the variable.
        default: the text used when it is not set; None means it must be set.
        parse: text to value; raises ValueError.
        allowed: what is right, in words, for the error and the reference page.
        help: what it does.
        aliases: other variables that are read when ``name`` is not set.
        secret: the value is never printed.
    """

    name: str
    default: str | None
    parse: Callable[[str], T_co]
    allowed: str
    help: str
    aliases: tuple[str, ...] = ()
    secret: bool = False

    def read(self, environment: Mapping[str, str]) -> T_co:
        """The value.

        Raises:
            SettingError: it is not set and has no default, or its text is not allowed.
        """
        for name in (self.name, *self.aliases):
            if name in environment:
                text = environment[name]
                break
        else:
            if self.default is None:
                raise SettingError(self.name, "", f"it must be set to {self.allowed}")
            name, text = self.name, self.default
        try:
            return self.parse(text)
        except ValueError:
            raise SettingError(name, "***" if self.secret else text, self.allowed) from None


def text(value: str) -> str:
    """Any text."""
    return value


def one_of(*choices: str) -> Callable[[str], str]:
    """One of ``choices``, in any case."""

    def parse(value: str) -> str:
        if value.lower() not in choices:
            raise ValueError(value)
        return value.lower()

    return parse


def some_of(*choices: str) -> Callable[[str], tuple[str, ...]]:
    """A comma-separated list out of ``choices``."""

    def parse(value: str) -> tuple[str, ...]:
        chosen = tuple(word.strip() for word in value.split(",") if word.strip())
        if not chosen or not set(chosen) <= set(choices):
            raise ValueError(value)
        return chosen

    return parse


def url(value: str) -> str:
    """An http or https URL; a trailing slash is dropped."""
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(value)
    _ = parts.port  # raises ValueError when it is none
    return value.rstrip("/")


def cidr(value: str) -> ipaddress.IPv4Network:
    """An IPv4 network."""
    return ipaddress.IPv4Network(value, strict=False)


def optional_cidr(value: str) -> ipaddress.IPv4Network | None:
    """An IPv4 network or nothing."""
    return cidr(value) if value else None


def address(value: str) -> tuple[str, int]:
    """``HOST:PORT`` to listen on; an empty host means all addresses."""
    host, colon, port = value.rpartition(":")
    if not colon or not 0 <= int(port) <= 65535:
        raise ValueError(value)
    return host, int(port)


LOG_LEVEL = Setting("MIDONETKUBE_LOG_LEVEL", "info", one_of(*LOG_LEVELS), "one of " + ", ".join(LOG_LEVELS), "how much is logged")
LOG_FORMAT = Setting("MIDONETKUBE_LOG_FORMAT", "text", one_of("text", "json"), "text or json", "how log lines look")
KUBECONFIG = Setting("MIDONETKUBE_KUBECONFIG", "", text, "a file name", "kubeconfig file; empty: the Pod's service account")
LISTEN = Setting("MIDONETKUBE_LISTEN", "0.0.0.0:9453", address, "HOST:PORT", "where metrics, health and profiles are served")
TENANT = Setting("MIDONETKUBE_TENANT", "midonetkube", text, "any text", "MidoNet tenant that owns what we make")

ENABLED_CONTROLLERS = Setting(
    "MIDONETKUBE_ENABLED_CONTROLLERS",
    ",".join(CONTROLLERS),
    some_of(*CONTROLLERS),
    "a comma-separated list of " + ", ".join(CONTROLLERS),
    "which controllers run",
)
ENDPOINTS_SOURCE = Setting(
    "MIDONETKUBE_ENDPOINTS_SOURCE",
    "endpointslices",
    one_of("endpointslices", "endpoints"),
    "endpointslices or endpoints",
    "which objects name a Service's endpoints",
)
MIDONET_API = Setting(
    "MIDONETKUBE_MIDONET_API",
    "https://localhost:8181/midonet-api",
    url,
    "an http or https URL",
    "the MidoNet API",
    aliases=("MIDONET_API",),
)
MIDONET_USERNAME = Setting(
    "MIDONETKUBE_MIDONET_USERNAME", "admin", text, "any text", "user of the MidoNet API", aliases=("MIDONET_USERNAME",)
)
MIDONET_PASSWORD = Setting(
    "MIDONETKUBE_MIDONET_PASSWORD", "", text, "any text", "its password", aliases=("MIDONET_PASSWORD",), secret=True
)
MIDONET_PROJECT = Setting(
    "MIDONETKUBE_MIDONET_PROJECT", "", text, "any text", "its project (Keystone)", aliases=("MIDONET_PROJECT",)
)

NODE_NAME = Setting("MIDONETKUBE_NODENAME", None, text, "the Node's name", "the Node that this daemon serves")
CLUSTER_CIDR = Setting("MIDONETKUBE_CLUSTERCIDR", None, cidr, "an IPv4 network", "network of all Pods")
SERVICE_CIDR = Setting("MIDONETKUBE_SERVICECIDR", "", optional_cidr, "an IPv4 network or empty", "network of all ClusterIPs")
CNI_CONFIG_PATH = Setting(
    "MIDONETKUBE_CNICONFIGPATH", "", text, "a file name", "where the CNI configuration is written; empty: nowhere"
)
CNI_PLUGIN_DIRECTORY = Setting(
    "MIDONETKUBE_CNIPLUGINDIRECTORY", "", text, "a folder", "where the CNI plugin is installed; empty: nowhere"
)
NODE_SOCKET = Setting(
    "MIDONETKUBE_NODESOCKET", "/var/run/midonet-kube-node/api", text, "a file name", "Unix socket between plugin and daemon"
)
NODE_STATE = Setting(
    "MIDONETKUBE_NODESTATE", "/var/lib/midonet-kube-node", text, "a folder", "where the daemon remembers addresses"
)
DATAPATH_NAMESPACE = Setting(
    "MIDONETKUBE_DATAPATHNAMESPACE",
    "/run/netns/midonet",
    text,
    "a file name or empty",
    "network namespace that minimidonet's agent programs; empty: a real MidoNet, whose agent binds interfaces of the host",
)

CONTROLLERS_SETTINGS: tuple[Setting[object], ...] = (
    LOG_LEVEL,
    LOG_FORMAT,
    ENABLED_CONTROLLERS,
    KUBECONFIG,
    MIDONET_API,
    MIDONET_USERNAME,
    MIDONET_PASSWORD,
    MIDONET_PROJECT,
    TENANT,
    ENDPOINTS_SOURCE,
    LISTEN,
)
NODE_SETTINGS: tuple[Setting[object], ...] = (
    LOG_LEVEL,
    LOG_FORMAT,
    KUBECONFIG,
    NODE_NAME,
    CLUSTER_CIDR,
    SERVICE_CIDR,
    CNI_CONFIG_PATH,
    CNI_PLUGIN_DIRECTORY,
    NODE_SOCKET,
    NODE_STATE,
    DATAPATH_NAMESPACE,
    LISTEN,
)
