"""A node daemon that dies at a chosen step, as by SIGKILL: before or after a change of the kernel or a write to the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from midonet_kubernetes.node.state import State

_CHANGES = ("add_", "set_", "delete_", "replace_", "move_", "send")


class Killed(BaseException):
    """The process is dead. Nothing that it does from now on reaches kernel or disk; no ``except Exception`` sees it."""


class Life:
    """The steps of a process.

    Args:
        steps: how many it lives; a change is two, before it and after it. None: for ever.

    Attributes:
        taken: how many steps there were.
    """

    def __init__(self, steps: int | None = None) -> None:
        self.taken = 0
        self._steps = steps

    def step(self) -> None:
        """Live on, or die.

        Raises:
            Killed: it is dead.
        """
        if self._steps is not None and self.taken >= self._steps:
            raise Killed
        self.taken += 1


class Mortal:
    """A kernel, a routing socket or a batch whose changes are steps of a life.

    Args:
        inner: does the work.
        life: of the process.
    """

    def __init__(self, inner: Any, life: Life) -> None:
        self._inner, self._life = inner, life

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name in {"routing", "batch"}:
            return lambda *arguments: Mortal(found(*arguments), self._life)
        return self._counted(found) if name.startswith(_CHANGES) else found

    def _counted(self, change: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self._life.step()
            result = change(*arguments)
            self._life.step()
            return result

        return call


class MortalState(State):
    """A state whose writes are steps of a life.

    Args:
        folder: see ``State``.
        life: of the process.
    """

    def __init__(self, folder: Path, life: Life) -> None:
        super().__init__(folder)
        self._life = life

    @contextmanager
    def together(self) -> Iterator[None]:
        """See ``State.together``."""
        self._life.step()
        with super().together():
            yield
            self._life.step()
        self._life.step()
