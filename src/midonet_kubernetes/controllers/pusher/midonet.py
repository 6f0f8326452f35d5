"""One change of one MidoNet object, and what each answer means (translations 6, rest-api 10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from midonet_kubernetes.controllers.pusher.normal import parent_of, same
from midonet_kubernetes.controllers.pusher.plan import Action, Step
from midonet_kubernetes.controllers.pusher.wanted import Wanted
from midonet_kubernetes.errors import MidonetApiError
from midonet_kubernetes.midonet_api import Answer, Client
from midonet_kubernetes.model.resource_kinds import KINDS
from midonet_kubernetes.model.translation import PushedResource

_PORT = KINDS["Port"]
_TABLES = frozenset({"MACPort", "IPv4MACPair"})
_ON_A_PORT = frozenset({"PortLink", "HostInterfacePort"})  # fields of a port, and read there


class NotYet(MidonetApiError):
    """Something that the object refers to is not in MidoNet yet, or something that it replaces still is: try again later."""


class Occupied(NotYet):
    """Another object has what only one can have: an interface of a host, or the name of a tunnel zone."""


class Editor:
    """Makes changes in MidoNet, one at a time, each on condition that we may write.

    Args:
        client: of the MidoNet API.
        fence: called before each write; raises when we may not write (any more).
    """

    def __init__(self, client: Client, fence: Callable[[], None]) -> None:
        self._client, self._fence = client, fence

    async def take(self, step: Step) -> None:
        """Take one step of a plan.

        Raises:
            NotYet: try again later; ``Occupied``: when another object is gone.
            MidonetApiError: MidoNet refused.
            Unreachable: it did not answer; whether the change was made is not known.
        """
        match step:
            case Step(Action.CREATE, wanted=Wanted() as wanted):
                await self._create(wanted)
            case Step(Action.REPLACE, wanted=Wanted() as wanted):
                await self._replace(wanted)
            case Step(Action.RECREATE, wanted=Wanted() as wanted, old=PushedResource() as old):
                await self.delete(old)
                await self._create(wanted)
            case Step(Action.RETIRE, old=PushedResource() as old):
                await self.delete(old)

    async def delete(self, old: PushedResource) -> None:
        """DELETE; what is not there is done."""
        kind = KINDS.get(old.kind)
        if kind is None:  # named by a status that a person edited
            return
        self._fence()
        answer = await self._client.delete(kind, old.parent, old.id)
        if not answer.ok and answer.status != 404:
            raise _refused("DELETE", old.kind, old.id, answer)

    async def _create(self, wanted: Wanted) -> None:
        answer = await self._post(wanted)
        if answer.ok:
            return
        if answer.status in {400, 404}:
            raise NotYet(f"what {_name(wanted)} refers to is not there yet: {_said(answer)}", status=answer.status)
        if answer.status == 409 or (answer.status == 500 and wanted.kind.name in _TABLES):
            await self._adopt(wanted, answer)
        else:
            raise _refused("POST", wanted.kind.name, wanted.id, answer)

    async def _post(self, wanted: Wanted) -> Answer:
        self._fence()
        return await self._client.create(wanted.kind, wanted.parent, wanted.body, wanted.text)

    async def _adopt(self, wanted: Wanted, refusal: Answer) -> None:
        """It exists, or MidoNet says so: make it what is wanted. A 409 has many meanings, so it is read first (rest-api 10.5)."""
        actual = await self.read(wanted)
        if actual is None:
            kind = Occupied if refusal.status == 409 else NotYet
            raise kind(f"{_name(wanted)} is refused and not there: {_said(refusal)}", status=refusal.status)
        if same(wanted, actual):
            return
        parent = parent_of(wanted.kind.name, actual, wanted.parent)
        if wanted.kind.replaceable and parent == wanted.parent:
            await self._replace(wanted)
            return
        await self.delete(PushedResource(kind=wanted.kind.name, id=wanted.id, parent=parent))
        answer = await self._post(wanted)
        if not answer.ok:
            raise NotYet(f"{_name(wanted)} could not be made anew: {_said(answer)}", status=answer.status)

    async def read(self, wanted: Wanted) -> dict[str, Any] | None:
        """The object as MidoNet has it, None if it has not. A link or a binding that its port does not have is none.

        Raises:
            MidonetApiError: MidoNet refused.
            Unreachable: it did not answer.
        """
        if wanted.kind.name not in _ON_A_PORT:
            return await self._get(wanted.kind.name, wanted.parent, wanted.id)
        port = await self._get(_PORT.name, "", wanted.id)
        bound = port is not None and (port.get("peerId") if wanted.kind.name == "PortLink" else port.get("hostId"))
        return port if bound else None

    async def _get(self, kind: str, parent: str, id: str) -> dict[str, Any] | None:  # noqa: A002 - the contract's word
        answer = await self._client.get(KINDS[kind], parent, id)
        if answer.ok:
            return answer.object()
        if answer.status == 404:
            return None
        raise _refused("GET", kind, id, answer)

    async def _replace(self, wanted: Wanted) -> None:
        self._fence()
        answer = await self._client.replace(wanted.kind, wanted.parent, wanted.id, wanted.text)
        if answer.ok or (answer.status == 409 and wanted.kind.name == "TunnelZone"):  # MNA-1293: it clashes with itself
            return
        if answer.status in {400, 404}:
            raise NotYet(f"what {_name(wanted)} refers to is not there yet: {_said(answer)}", status=answer.status)
        raise _refused("PUT", wanted.kind.name, wanted.id, answer)


def _name(wanted: Wanted) -> str:
    return f"{wanted.kind.name} {wanted.id}"


def _said(answer: Answer) -> str:
    return f"{answer.status} {answer.message}".strip()


def _refused(verb: str, kind: str, id: str, answer: Answer) -> MidonetApiError:  # noqa: A002 - the contract's word
    return MidonetApiError(f"MidoNet answers {verb} of {kind} {id} with {_said(answer)}", status=answer.status)
