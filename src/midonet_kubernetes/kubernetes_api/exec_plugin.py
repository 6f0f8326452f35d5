"""Credentials that a program prints when asked: ``users[].user.exec`` of a kubeconfig (client.authentication.k8s.io)."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from midonet_kubernetes.errors import UserError

API_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_SECONDS = 60.0  # that a plugin may take
_EARLY = 10.0  # seconds before its end that a token is renewed


@dataclass(frozen=True)
class Plugin:
    """What to run.

    Args:
        api_version: one of ``API_VERSIONS``.
        command: the program; with a slash in it, a path.
        arguments: of the program.
        environment: added to our own.
        install_hint: what the kubeconfig says to do when the program is not there.
    """

    api_version: str
    command: str
    arguments: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    install_hint: str = ""


class _Status(msgspec.Struct, rename="camel"):
    token: str = ""
    expiration_timestamp: datetime | None = None


class _ExecCredential(msgspec.Struct, rename="camel"):
    status: _Status
    api_version: str = ""


_DECODER = msgspec.json.Decoder(_ExecCredential)


class ExecCredentials:
    """The token that a plugin prints, kept until it ends or the server refuses it.

    Args:
        plugin: what to run.
        clock: seconds since 1970, as the plugin's expiry is written.
    """

    def __init__(self, plugin: Plugin, clock: Callable[[], float] = time.time) -> None:
        self._plugin, self._clock = plugin, clock
        self._headers: Mapping[str, str] = {}
        self._good_until = float("-inf")
        self._running = asyncio.Lock()

    async def headers(self) -> Mapping[str, str]:
        """The token as a header.

        Raises:
            UserError: the plugin cannot be run, fails, or prints something else than a token.
        """
        async with self._running:
            if self._clock() >= self._good_until - _EARLY:
                status = await self._ask()
                self._headers = {"Authorization": f"Bearer {status.token}"}
                ends = status.expiration_timestamp
                self._good_until = ends.timestamp() if ends else float("inf")
        return self._headers

    def forget(self) -> bool:
        """Run the plugin again next time."""
        self._good_until = float("-inf")
        return True

    async def _ask(self) -> _Status:
        name = f"the credential plugin {self._plugin.command!r}"
        printed = await self._run(name)
        try:
            credential = _DECODER.decode(printed)
        except msgspec.DecodeError as error:  # what it printed may be a secret and stays out of the message
            raise UserError(f"{name} printed no ExecCredential: {error}") from error
        if credential.api_version != self._plugin.api_version:
            raise UserError(f"{name} answered in {credential.api_version!r} instead of {self._plugin.api_version}")
        if not credential.status.token:
            raise UserError(f"{name} gave no token; client certificates from plugins are not supported")
        return credential.status

    async def _run(self, name: str) -> bytes:
        plugin = self._plugin
        request = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": {"interactive": False}}
        environment = {
            **os.environ,
            **dict(plugin.environment),
            "KUBERNETES_EXEC_INFO": msgspec.json.encode(request).decode(),
        }
        try:
            process = await asyncio.create_subprocess_exec(
                plugin.command,
                *plugin.arguments,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
            )
        except OSError as error:
            raise UserError(f"{name} cannot be run: {error}. {plugin.install_hint}".strip()) from error
        try:
            async with asyncio.timeout(_SECONDS):
                printed, _ = await process.communicate()
        except TimeoutError as error:
            raise UserError(f"{name} did not end within {_SECONDS:g} s") from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            raise UserError(f"{name} failed with exit code {process.returncode}; its own message is above")
        return printed
