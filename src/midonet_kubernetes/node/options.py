"""The daemon's settings as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from midonet_kubernetes import settings
from midonet_kubernetes.errors import SettingError


@dataclass(frozen=True, slots=True)
class Options:
    """What the environment says; ``settings.NODE_SETTINGS`` says what each means."""

    log_level: str
    log_format: str
    kubeconfig: str
    node: str
    clusters: tuple[IPv4Network, ...]
    configuration: Path | None
    plugin_folder: Path | None
    socket: Path
    state: Path
    datapath: str
    listen: tuple[str, int]

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Options:
        """Read them all.

        Raises:
            SettingError: one is missing or not allowed.
        """
        service = settings.SERVICE_CIDR.read(environment)
        configuration = settings.CNI_CONFIG_PATH.read(environment)
        plugins = settings.CNI_PLUGIN_DIRECTORY.read(environment)
        node = settings.NODE_NAME.read(environment)
        if not node:
            raise SettingError(settings.NODE_NAME.name, "", "it must be set to the Node's name")
        return cls(
            log_level=settings.LOG_LEVEL.read(environment),
            log_format=settings.LOG_FORMAT.read(environment),
            kubeconfig=settings.KUBECONFIG.read(environment),
            node=node,
            clusters=(settings.CLUSTER_CIDR.read(environment), *([service] if service else [])),
            configuration=Path(configuration) if configuration else None,
            plugin_folder=Path(plugins) if plugins else None,
            socket=Path(settings.NODE_SOCKET.read(environment)).absolute(),
            state=Path(settings.NODE_STATE.read(environment)),
            datapath=settings.DATAPATH_NAMESPACE.read(environment),
            listen=settings.LISTEN.read(environment),
        )
