"""Where settings come from: a YAML file, a `.env` file, environment variables, a dictionary.

Each reader returns a layer: checked values by dotted name, each with the place that it stands at. A reader refuses what
it does not know, with that place (`registry_config.yaml:12`). It never runs anything that a file asks for.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from modelyard.config.table import (
    BY_VARIABLE,
    GROUPS,
    OTHER_VARIABLES,
    PREFIX,
    Value,
    check,
    find,
    parse,
    problem,
    unknown,
)
from modelyard.errors import InvalidConfig

MAX_FILE_BYTES = 1 << 20
SHORT_FORMS = {"registry": "registry.path", "database": "database.url", "storage": "storage.url"}
"""Groups that a YAML file may give as one value: `registry: ./models` says where the registry is, and no more."""


class Given(NamedTuple):
    """A value and the place that it stands at."""

    value: Value
    where: str


Layer: TypeAlias = dict[str, Given]


def from_overrides(overrides: Mapping[str, Any]) -> Layer:
    """Values by dotted name, of the right types; None counts as not given."""
    found = ((find(name, "overrides"), value) for name, value in overrides.items())
    return {
        setting.name: Given(check(setting, value, "overrides"), "overrides")
        for setting, value in found
        if value is not None
    }


def from_environ(environ: Mapping[str, str]) -> Layer:
    """The variables that begin with `MODELYARD_`; an empty one counts as not set."""
    return _from_variables(
        (name, text, f"environment variable {name}") for name, text in environ.items() if name.startswith(PREFIX)
    )


def from_dotenv(file: Path) -> Layer:
    """The variables of a `.env` file that begin with `MODELYARD_`; nothing when there is no such file."""
    text = _read(file) if file.is_file() else ""
    return _from_variables(_dotenv_variables(file, text)) if PREFIX in text else {}


def from_yaml(file: Path) -> Layer:
    """The settings of a YAML file: nested groups, as in `server:` / `  port: 5000`."""
    # Most processes have no such file and should not pay for the parser.
    import yaml  # noqa: PLC0415

    text = _read(file)
    try:
        return _walk(yaml.SafeLoader(text), file)
    except InvalidConfig:
        raise
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark else str(file)
        reason = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise problem(f"{where}: not valid YAML: {reason}", "correct the file at this place", where) from error
    except (ValueError, RecursionError) as error:
        raise problem(f"{file}: a value cannot be read: {error}", "correct the file", str(file)) from error


def _from_variables(variables: Iterable[tuple[str, str, str]]) -> Layer:
    layer: Layer = {}
    for variable, text, where in variables:
        if variable in OTHER_VARIABLES:
            continue
        setting = BY_VARIABLE.get(variable)
        if setting is None:
            raise unknown(variable, where, [*BY_VARIABLE, *OTHER_VARIABLES])
        if text.strip():
            layer[setting.name] = Given(parse(setting, text.strip(), where), where)
    return layer


def _dotenv_variables(file: Path, text: str) -> Iterator[tuple[str, str, str]]:
    # The import costs as much as a bare interpreter's start, and most processes have no .env file.
    from dotenv.parser import parse_stream  # noqa: PLC0415

    for binding in parse_stream(io.StringIO(text)):
        raw = binding.original.string
        where = f"{file}:{binding.original.line + raw[: len(raw) - len(raw.lstrip())].count(chr(10))}"
        if binding.key is not None and binding.key.startswith(PREFIX):
            if binding.value is None:
                raise problem(f"{where}: {binding.key} has no value", "write NAME=value", where, binding.key)
            yield binding.key, binding.value, where
        elif binding.error and PREFIX in raw:
            raise problem(f"{where}: the line cannot be read", "write NAME=value and close all quotes", where)


def _read(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
        text = data.decode("utf-8")
    except OSError as error:
        raise problem(f"{file} cannot be read: {error.strerror}", "check its permissions", str(file)) from error
    except UnicodeDecodeError as error:
        raise problem(f"{file} is not UTF-8 text: {error.reason}", "save it as UTF-8", str(file)) from error
    if len(data) > MAX_FILE_BYTES:
        raise problem(f"{file} is larger than {MAX_FILE_BYTES} bytes", "is it the right file?", str(file))
    return text


def _walk(loader: Any, file: Path) -> Layer:
    layer: Layer = {}
    root = loader.get_single_node()
    for name, node in _leaves(root, "", file) if root is not None else ():
        where = f"{file}:{node.start_mark.line + 1}"
        setting = find(name, where)
        value = loader.construct_object(node, deep=True)
        # `key:` with nothing behind it says what the default says where the default is to have no value.
        if value is not None or setting.default is not None:
            layer[name] = Given(check(setting, value, where), where)
    return layer


def _leaves(node: Any, prefix: str, file: Path) -> Iterator[tuple[str, Any]]:
    """Yield (dotted name, node) of a YAML document, refusing keys given twice and values in the place of a group."""
    if node.id != "mapping":
        if prefix and node.tag.endswith(":null"):
            return
        where = f"{file}:{node.start_mark.line + 1}"
        what = f"'{prefix}' is a group of settings, not a value" if prefix else "the file is not a mapping of settings"
        raise problem(f"{where}: {what}", "indent its keys below it, as in `server:` / `  port: 5000`", where, prefix)
    seen: set[str] = set()
    for key, child in node.value:
        where = f"{file}:{key.start_mark.line + 1}"
        name = f"{prefix}.{key.value}" if prefix else str(key.value)
        if name in seen:
            raise problem(f"{where}: '{name}' is given twice", "keep one of the two", where, name)
        seen.add(name)
        if name in SHORT_FORMS and child.id == "scalar" and not child.tag.endswith(":null"):
            yield SHORT_FORMS[name], child
        elif name in GROUPS:
            yield from _leaves(child, name, file)
        else:
            yield find(name, where).name, child
