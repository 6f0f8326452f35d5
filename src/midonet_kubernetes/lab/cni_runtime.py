"""Executes CNI plugins as a container runtime does (CNI specification 1.1.0, sections 2 and 3)."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from midonet_kubernetes.errors import MidonetKubeError


class CniError(MidonetKubeError):
    """A plugin refused: its code, message and details."""


@dataclass(frozen=True)
class Attachment:
    """A container's interface.

    Args:
        container: the container's id.
        namespace: file of its network namespace.
        pod: ``namespace/name`` of the Pod.
        uid: of the Pod.
        interface: the name inside the container.
    """

    container: str
    namespace: Path
    pod: str
    uid: str = ""
    interface: str = "eth0"

    def environment(self, command: str, plugin_path: Path) -> dict[str, str]:
        """What the specification passes in the environment; the arguments are those that kubelet's runtimes add."""
        namespace, _, name = self.pod.partition("/")
        arguments = {
            "IgnoreUnknown": "1",
            "K8S_POD_NAMESPACE": namespace,
            "K8S_POD_NAME": name,
            "K8S_POD_INFRA_CONTAINER_ID": self.container,
            "K8S_POD_UID": self.uid,
        }
        return {
            "CNI_COMMAND": command,
            "CNI_CONTAINERID": self.container,
            "CNI_NETNS": str(self.namespace),
            "CNI_IFNAME": self.interface,
            "CNI_ARGS": ";".join(f"{key}={value}" for key, value in arguments.items()),
            "CNI_PATH": str(plugin_path),
            "PATH": os.environ.get("PATH", os.defpath),
        }


class CniRuntime:
    """Runs the plugins of one network configuration list.

    Args:
        configuration: file of the list; read anew for each command, as runtimes do.
        plugin_path: folder of the plugins.
    """

    def __init__(self, configuration: Path, plugin_path: Path) -> None:
        self._configuration, self._plugin_path = configuration, plugin_path

    async def add(self, attachment: Attachment) -> dict[str, Any]:
        """Attach the container: each plugin in order, with the result of the one before it.

        Raises:
            CniError: a plugin refused, or there is no usable configuration (yet).
        """
        name, version, plugins = self._read()
        result: dict[str, Any] | None = None
        for plugin in plugins:
            previous = {} if result is None else {"prevResult": result}
            output = await self._execute("ADD", attachment, {**plugin, "name": name, "cniVersion": version, **previous})
            result = json.loads(output)
        return result or {}

    async def delete(self, attachment: Attachment) -> None:
        """Detach the container: each plugin in reverse order.

        Raises:
            CniError: a plugin refused; a runtime tries again later.
        """
        name, version, plugins = self._read()
        for plugin in reversed(plugins):
            await self._execute("DEL", attachment, {**plugin, "name": name, "cniVersion": version})

    def _read(self) -> tuple[str, str, list[dict[str, Any]]]:
        try:
            content = json.loads(self._configuration.read_bytes())
            return content["name"], content["cniVersion"], content["plugins"]
        except FileNotFoundError:
            raise CniError("no CNI configuration yet: the node daemon writes it when pods can be served") from None
        except (ValueError, KeyError, TypeError) as error:
            raise CniError(f"{self._configuration}: no CNI configuration list ({error})") from None

    async def _execute(self, command: str, attachment: Attachment, configuration: dict[str, Any]) -> bytes:
        process = await asyncio.create_subprocess_exec(
            str(self._plugin_path / configuration["type"]),
            env=attachment.environment(command, self._plugin_path),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate(json.dumps(configuration).encode())
        if process.returncode != 0:
            raise CniError(f"CNI {command} of {attachment.pod}: {_explain(output, errors, process.returncode)}")
        return output


def _explain(output: bytes, errors: bytes, code: int | None) -> str:
    try:
        error = json.loads(output)
        return f"{error['msg']} (code {error['code']}) {error.get('details', '')}".strip()
    except (ValueError, KeyError, TypeError):
        text = (errors or output).decode(errors="replace").strip()
        return text or f"exit code {code} without a word"
