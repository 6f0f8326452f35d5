"""The command line: ``minimidonet serve | agent | backup | passwd``."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import importlib
import json
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path

from midonet_kubernetes.errors import MidonetKubeError, SettingError, UserError
from midonet_kubernetes.minimidonet.auth.tokens import TokenAccess
from midonet_kubernetes.minimidonet.auth.users import Users, new_user, write_user
from midonet_kubernetes.minimidonet.quirks import Quirks
from midonet_kubernetes.observability.logs import Redactor, configure
from midonet_kubernetes.settings import LOG_FORMAT, LOG_LEVEL, address

_SERVE = """\
Serves MidoNet's REST API under /midonet-api and minimidonet's extensions under /minimidonet/v1.
The same addresses answer /healthz, /readyz and /metrics, and show the topology to a browser at /. When requests are
answered, one line with the URL is printed for each address. SIGTERM ends it: running requests are answered first."""

_ADD_USER = "Reads a password (from standard input when that is no terminal) and makes the line for the users' file."


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["agent"]:
        return _agent(arguments[1:])
    try:
        options = _parser().parse_args(arguments)
        return int(options.run(options))
    except MidonetKubeError as error:
        sys.stderr.write(f"minimidonet: {error}\n")
        return error.exit_code


def _agent(arguments: list[str]) -> int:
    """The agent has a command line of its own, and is imported only when it is wanted."""
    agent = importlib.import_module("midonet_kubernetes.minimidonet.agent.main")
    return int(agent.run(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("minimidonet", description="An embedded MidoNet: REST API and agent.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="serve the REST API", description=_SERVE)
    serve.add_argument("--listen", action="append", metavar="HOST:PORT", help="may be repeated; default 127.0.0.1:8181")
    serve.add_argument("--store", default=":memory:", metavar="FILE", help="SQLite file; default :memory:, lost at the end")
    serve.add_argument("--allow-anonymous", action="store_true", help="let everybody in, from other machines too")
    serve.add_argument(
        "--without-quirk", action="append", default=[], metavar="MNA-NNNN", help="do not show this known defect of MidoNet"
    )
    serve.add_argument("--users", type=Path, metavar="FILE", help="who may log in; made by minimidonet passwd")
    serve.add_argument("--token-seconds", type=float, default=3600.0, metavar="N", help="how long a login holds; default 3600")
    serve.add_argument("--cert", type=Path, metavar="FILE", help="certificate and chain, PEM: serve https")
    serve.add_argument("--key", type=Path, metavar="FILE", help="its private key, PEM; default: in --cert")
    serve.add_argument("--access-log", action="store_true", help="log a line for each request")
    serve.add_argument("--log-format", help=LOG_FORMAT.allowed + "; default " + str(LOG_FORMAT.default))
    serve.add_argument("--log-level", help=LOG_LEVEL.allowed + "; default " + str(LOG_LEVEL.default))
    serve.set_defaults(run=_serve)
    commands.add_parser("agent", help="put the topology into this host's kernel", add_help=False)
    backup = commands.add_parser("backup", help="copy a store while it is in use")
    backup.add_argument("store", type=Path, metavar="STORE", help="the file that the server has as --store")
    backup.add_argument("target", type=Path, metavar="FILE", help="the copy; must not be there yet")
    backup.set_defaults(run=_backup)
    passwd = commands.add_parser("passwd", help="add a user, or change a password", description=_ADD_USER)
    passwd.add_argument("name", metavar="NAME")
    passwd.add_argument("--users", type=Path, metavar="FILE", help="write the line into this file; default: print it")
    passwd.add_argument("--role", default="admin", choices=("admin", "tenant_admin", "tenant_user"), help="default admin")
    passwd.set_defaults(run=_passwd)
    commands.add_parser("openapi", help="print the API as an OpenAPI 3.1 document").set_defaults(run=_openapi)
    commands.add_parser("reference", help="print the API's reference page").set_defaults(run=_reference)
    return parser


def _serve(options: argparse.Namespace) -> int:
    from midonet_kubernetes.minimidonet.server.run import Options, say, serve  # noqa: PLC0415 - not needed for the others

    given = {LOG_LEVEL.name: options.log_level, LOG_FORMAT.name: options.log_format}
    environment = {name: value for name, value in given.items() if value}
    configure(LOG_LEVEL.read(environment), LOG_FORMAT.read(environment), Redactor())
    asyncio.run(
        serve(
            Options(
                listen=tuple(_address(text) for text in options.listen or ["127.0.0.1:8181"]),
                store=options.store,
                quirks=Quirks.without(options.without_quirk),
                access=_access(options),
                allow_anonymous=options.allow_anonymous,
                tls=_tls(options),
                log_access=options.access_log,
            ),
            say=say,
        )
    )
    return 0


def _address(text: str) -> tuple[str, int]:
    try:
        host, port = address(text)
    except ValueError:
        raise SettingError("--listen", text, "HOST:PORT") from None
    return host.strip("[]"), port


def _access(options: argparse.Namespace) -> TokenAccess | None:
    if options.users is None:
        return None
    if options.token_seconds <= 0:
        raise SettingError("--token-seconds", str(options.token_seconds), "more than 0")
    return TokenAccess(Users(options.users), seconds=options.token_seconds)


def _tls(options: argparse.Namespace) -> ssl.SSLContext | None:
    if options.cert is None:
        if options.key is not None:
            raise SettingError("--key", str(options.key), "used together with --cert")
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(options.cert, options.key)
    except (OSError, ssl.SSLError) as error:
        raise UserError(f"--cert {options.cert}: no certificate with its private key can be read there ({error})") from error
    return context


def _passwd(options: argparse.Namespace) -> int:
    password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    user = new_user(options.name, password, options.role)
    if options.users is None:
        sys.stdout.write(user.line() + "\n")
    else:
        write_user(options.users, user)
    return 0


def _backup(options: argparse.Namespace) -> int:
    from midonet_kubernetes.minimidonet.store.file import backup  # noqa: PLC0415 - as above

    backup(options.store, options.target)
    return 0


def _openapi(_: argparse.Namespace) -> int:
    from midonet_kubernetes.minimidonet.server.reference import openapi  # noqa: PLC0415 - as above

    sys.stdout.write(json.dumps(openapi(), indent=1) + "\n")
    return 0


def _reference(_: argparse.Namespace) -> int:
    from midonet_kubernetes.minimidonet.server.reference import page  # noqa: PLC0415 - as above

    sys.stdout.write(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
