"""The Translation: an ordered list of MidoNet objects, stored in Kubernetes as a custom resource."""

from __future__ import annotations

from msgspec import Struct

from midonet_kubernetes.model.kubernetes import Metadata, Object, always

GROUP, VERSION, PLURAL, KIND = "midonet.org", "v1", "translations", "Translation"
FINALIZER = "midonet.org/deleter"
OWNER_LABEL = "midonet.org/owner-uid"
GLOBAL_LABEL = "midonet.org/global"
PUSHED = "Pushed"  # the condition's type


class Resource(Struct, frozen=True):
    """One MidoNet object to be there.

    Args:
        kind: a type name of the REST API (``Chain``, ``Port``, …).
        parent: UUID of the object that it is made under, or "".
        body: JSON text, keys in the contract's order.
    """

    kind: str
    parent: str
    body: str


class PushedResource(Object, frozen=True):
    """One MidoNet object known to be there; ``digest`` is that of its body."""

    kind: str
    id: str
    parent: str = ""
    digest: str = ""


class Condition(Object, frozen=True):
    """A condition, as ``kubectl wait`` reads it."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    observed_generation: int = 0
    last_transition_time: str | None = None


class TranslationStatus(Object, frozen=True):
    """What was last pushed. It follows behind; absent means unknown, never nothing. ``resources_pushed`` is for people."""

    resources_pushed: int = 0
    pushed: list[PushedResource] = []
    conditions: list[Condition] = []


class Translation(Object, frozen=True):
    """The whole wanted set of MidoNet objects for one key."""

    api_version: str = always(f"{GROUP}/{VERSION}")
    kind: str = always(KIND)
    metadata: Metadata = Metadata()
    resources: list[Resource] = []
    status: TranslationStatus | None = None
