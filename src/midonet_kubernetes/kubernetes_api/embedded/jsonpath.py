"""The JSONPath that printer columns use: ``.status.conditions[?(@.type=="Ready")].status`` and the like.

As in apiextensions' table convertor, a path means its first result.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

_STEP = re.compile(
    r"""\.(?P<name>[A-Za-z0-9_\-]+(?:\\\.[A-Za-z0-9_\-/]+)*)   # .name, with dots of a name escaped
      | \[(?P<index>-?\d+)\]                                   # [0]
      | \[(?P<quote>['"])(?P<quoted>[^'"]+)(?P=quote)\]        # ['name']
      | \[(?P<all>\*)\]                                        # [*]
      | \[\?\(@(?P<left>[^=!<>]+?)\s*==\s*["'](?P<right>[^"']*)["']\s*\)\]  # [?(@.type=="Ready")]
    """,
    re.VERBOSE,
)


@lru_cache(maxsize=256)
def _steps(path: str) -> tuple[re.Match[str], ...]:
    steps, position = [], 0
    text = path if path.startswith((".", "[")) else f".{path}"
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise ValueError(f"{path!r} is not a JSONPath that printer columns may have")
        steps.append(match)
        position = match.end()
    return tuple(steps)


def first(path: str, value: Any) -> Any:
    """The first thing that a path finds, or None.

    Raises:
        ValueError: it is not such a path.
    """
    found = [value]
    for step in _steps(path):
        found = [inner for outer in found for inner in _follow(step, outer)]
    return found[0] if found else None


def _follow(step: re.Match[str], value: Any) -> list[Any]:
    name = step["name"] or step["quoted"]
    if name is not None:
        name = name.replace("\\.", ".")
        return [value[name]] if isinstance(value, dict) and name in value else []
    if not isinstance(value, list):
        return []
    if step["index"] is not None:
        index = int(step["index"])
        return value[index : index + 1 or None]
    if step["all"]:
        return value
    return [item for item in value if first(step["left"], item) == step["right"]]
