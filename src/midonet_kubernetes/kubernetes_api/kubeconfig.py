"""The kubeconfig file: contexts, clusters and users, as kubectl reads them. Every complaint names file and field."""

from __future__ import annotations

import base64
import binascii
import os
import ssl
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec
import yaml

from midonet_kubernetes.errors import UserError
from midonet_kubernetes.kubernetes_api.access import Access
from midonet_kubernetes.kubernetes_api.credentials import ANONYMOUS, Credentials, Token, TokenFile
from midonet_kubernetes.kubernetes_api.exec_plugin import API_VERSIONS, ExecCredentials, Plugin
from midonet_kubernetes.settings import url


class _Cluster(msgspec.Struct, rename="kebab"):
    server: str
    certificate_authority: str = ""
    certificate_authority_data: str = ""
    insecure_skip_tls_verify: bool = False
    tls_server_name: str = ""


class _Variable(msgspec.Struct):
    name: str
    value: str


class _Exec(msgspec.Struct, rename="camel"):
    command: str
    api_version: str
    args: list[str] | None = None
    env: list[_Variable] | None = None
    install_hint: str = ""


class _User(msgspec.Struct, rename="kebab"):
    client_certificate: str = ""
    client_certificate_data: str = ""
    client_key: str = ""
    client_key_data: str = ""
    token: str = ""
    token_file: str = msgspec.field(default="", name="tokenFile")
    exec: _Exec | None = None


class _Context(msgspec.Struct):
    cluster: str
    user: str = ""
    namespace: str = ""


class _NamedCluster(msgspec.Struct):
    name: str
    cluster: _Cluster


class _NamedUser(msgspec.Struct):
    name: str
    user: _User


class _NamedContext(msgspec.Struct):
    name: str
    context: _Context


class _Kubeconfig(msgspec.Struct, rename="kebab"):
    current_context: str = ""
    clusters: list[_NamedCluster] | None = None
    users: list[_NamedUser] | None = None
    contexts: list[_NamedContext] | None = None


class _Named(Protocol):
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=_Named)


def read_kubeconfig(path: Path, context: str = "") -> Access:
    """The access that a kubeconfig describes.

    Args:
        path: of the file; relative names in it are relative to its folder.
        context: which one to take; "" is the current one.

    Raises:
        UserError: something in it is missing or wrong.
    """
    file = _File(path)
    chosen = file.named(
        "contexts", file.config.contexts, context or file.config.current_context or file.missing_context()
    ).context
    cluster = file.named("clusters", file.config.clusters, chosen.cluster).cluster
    user = file.named("users", file.config.users, chosen.user).user if chosen.user else _User()
    try:
        server = url(cluster.server)
    except ValueError:
        raise file.wrong(f"clusters[{chosen.cluster}].cluster.server", f"{cluster.server!r} is no http or https URL") from None
    tls = _tls(file, f"clusters[{chosen.cluster}].cluster", cluster, f"users[{chosen.user}].user", user)
    credentials = _credentials(file, f"users[{chosen.user}].user", user)
    return Access(server, tls, credentials, chosen.namespace or "default", cluster.tls_server_name)


class _File:
    """A kubeconfig file and how to complain about it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            document = yaml.safe_load(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise UserError(f"the kubeconfig {path} cannot be read: {error.strerror}") from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            where = getattr(error, "problem_mark", None)  # the full message quotes the file, which may hold secrets
            raise UserError(f"the kubeconfig {path} is no YAML" + (f" (line {where.line + 1})" if where else "")) from None
        try:
            self.config = msgspec.convert(document, _Kubeconfig)
        except msgspec.ValidationError as error:
            raise UserError(f"the kubeconfig {path} is not as it should be: {error}") from error

    def wrong(self, field: str, what: str) -> UserError:
        """The complaint that ``field`` is wrong."""
        return UserError(f"the kubeconfig {self.path}, {field}: {what}")

    def missing_context(self) -> str:
        """Complain that no context is chosen."""
        raise self.wrong("current-context", "it is not set; name a context or run kubectl config use-context")

    def named(self, field: str, entries: list[N] | None, name: str) -> N:
        """The entry of that name."""
        for entry in entries or []:
            if entry.name == name:
                return entry
        known = ", ".join(entry.name for entry in entries or []) or "none"
        raise self.wrong(field, f"there is no {name!r} (there is: {known})")

    def beside(self, name: str) -> Path:
        """A file named in this one."""
        return self.path.parent / name

    def content(self, field: str, name: str, data: str) -> bytes:
        """What is given in a file or, with precedence, as base64; nothing when neither is given."""
        try:
            if data:
                return base64.b64decode(data, validate=True)
            return self.beside(name).read_bytes() if name else b""
        except binascii.Error:
            raise self.wrong(f"{field}-data", "it is not base64") from None
        except OSError as error:
            raise self.wrong(field, f"{self.beside(name)} cannot be read: {error.strerror}") from error


def _tls(file: _File, cluster_field: str, cluster: _Cluster, user_field: str, user: _User) -> ssl.SSLContext | None:
    if cluster.server.startswith("http://"):
        return None
    authority_field = f"{cluster_field}.certificate-authority"
    authority = file.content(authority_field, cluster.certificate_authority, cluster.certificate_authority_data)
    try:
        context = ssl.create_default_context(cadata=authority.decode("ascii") if authority else None)
    except (ssl.SSLError, UnicodeDecodeError):
        raise file.wrong(authority_field, "it holds no PEM certificate") from None
    if cluster.insecure_skip_tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate = file.content(f"{user_field}.client-certificate", user.client_certificate, user.client_certificate_data)
    key = file.content(f"{user_field}.client-key", user.client_key, user.client_key_data)
    if bool(certificate) != bool(key):
        raise file.wrong(user_field, "client-certificate and client-key go together")
    if certificate:
        _load_pair(file, user_field, context, certificate + b"\n" + key)
    return context


def _load_pair(file: _File, field: str, context: ssl.SSLContext, pair: bytes) -> None:
    # Python reads certificates from files only; one in memory leaves no key behind, whatever happens to us.
    with os.fdopen(os.memfd_create("client certificate"), "wb") as opened:
        opened.write(pair)
        opened.flush()
        try:
            context.load_cert_chain(f"/proc/self/fd/{opened.fileno()}", password=_no_password)
        except (ssl.SSLError, ValueError):
            raise file.wrong(field, "client-certificate and client-key are no PEM certificate and its unencrypted key") from None


def _no_password() -> str:
    """Instead of a question on the terminal."""
    return ""


def _credentials(file: _File, field: str, user: _User) -> Credentials:
    if user.token_file:  # as kubectl does, before the token
        return TokenFile(file.beside(user.token_file))
    if user.token:
        return Token(user.token)
    if user.exec is None:
        return ANONYMOUS
    if user.exec.api_version not in API_VERSIONS:
        raise file.wrong(f"{field}.exec.apiVersion", f"{user.exec.api_version!r} is none of {', '.join(API_VERSIONS)}")
    command = user.exec.command
    return ExecCredentials(
        Plugin(
            user.exec.api_version,
            str(file.beside(command)) if "/" in command else command,
            tuple(user.exec.args or ()),
            tuple((variable.name, variable.value) for variable in user.exec.env or ()),
            user.exec.install_hint,
        )
    )
