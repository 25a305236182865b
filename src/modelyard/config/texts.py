"""Texts made from the table: its documentation, a `.env.example`, and an annotated `registry_config.yaml`."""

from __future__ import annotations

import json
from typing import NamedTuple

from modelyard.config.table import OTHER_VARIABLES, SETTINGS, Value


class Row(NamedTuple):
    """One row of the settings' documentation, all text."""

    name: str
    variable: str
    type: str
    default: str
    help: str


def describe() -> list[Row]:
    """The table as text, in its own order."""
    return [Row(s.name, s.variable, s.type_name, _text(s.default), s.help) for s in SETTINGS]


def env_example() -> str:
    """The text of a `.env.example`: every variable with its default, commented out."""
    blocks = [f"# {s.help} ({s.type_name})\n# {s.variable}={_text(s.default)}\n" for s in SETTINGS]
    blocks += [f"# {text}\n# {name}=\n" for name, text in OTHER_VARIABLES.items()]
    return "\n".join(blocks)


def document() -> str:
    """The text of a `registry_config.yaml` with every default, annotated; loading it changes nothing."""
    lines = ["# Every setting of modelyard with its default. MODELYARD_SERVER_PORT=… goes over server.port, and so on."]
    opened: list[str] = []
    for setting in SETTINGS:
        *groups, last = setting.name.split(".")
        for depth, group in enumerate(groups):
            if opened[: depth + 1] != groups[: depth + 1]:
                lines += ([""] if depth == 0 else []) + [f"{'  ' * depth}{group}:"]
        opened = groups
        indent = "  " * len(groups)
        line = f"# {last}:" if setting.default is None else f"{last}: {json.dumps(setting.default)}"
        lines += [f"{indent}# {setting.help} ({setting.type_name})", indent + line]
    return "\n".join(lines) + "\n"


def _text(value: Value) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
