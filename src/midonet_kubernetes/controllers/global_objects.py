"""What there is once per cluster, and belongs to nobody."""

from __future__ import annotations

from midonet_kubernetes.controllers.writer import Case
from midonet_kubernetes.model.names import Names
from midonet_kubernetes.translate import global_objects
from midonet_kubernetes.translate.outcome import Outcome

GLOBAL = "global"  # the one key


class GlobalObjects:
    """The global Translations."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def all_keys(self) -> list[str]:
        """One key."""
        return [GLOBAL]

    def look(self, _key: str) -> Case:
        """The global Translations. Others that are labelled so are left from a program of another version."""
        return Case(None, Outcome(global_objects.translations(self._names)), mine=lambda _name: True)
