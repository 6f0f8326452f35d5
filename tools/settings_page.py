"""Prints docs/reference/settings.md, made from the settings themselves."""

from __future__ import annotations

from midonet_kubernetes.settings import CONTROLLERS_SETTINGS, NODE_SETTINGS, Setting

HEAD = """\
# Settings

The programs are set by environment variables; a value that is not allowed stops the start with the variable's name, the value
and what is allowed. This page is made from the code: `python tools/settings_page.py > docs/reference/settings.md`.
minimidonet is set by flags instead: `minimidonet serve --help`, `minimidonet agent --help`.
"""


def table(settings: tuple[Setting[object], ...]) -> str:
    """A Markdown table."""
    rows = ["| variable | default | allowed | what it does |", "|---|---|---|---|"]
    for setting in settings:
        names = "<br>".join(f"`{name}`" for name in (setting.name, *setting.aliases))
        default = "must be set" if setting.default is None else f"`{setting.default}`" if setting.default else "empty"
        rows.append(f"| {names} | {default} | {setting.allowed} | {setting.help} |")
    return "\n".join(rows)


def page() -> str:
    """The whole page."""
    return (
        f"{HEAD}\n## midonet-kube-controllers\n\n{table(CONTROLLERS_SETTINGS)}\n\n"
        f"The first of two names wins.\n\n## midonet-kube-node\n\n{table(NODE_SETTINGS)}\n"
    )


if __name__ == "__main__":
    print(page(), end="")
