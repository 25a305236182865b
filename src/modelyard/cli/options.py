"""How arguments are read: documents in JSON, `key=value` pairs, lists with commas."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from modelyard.domain.metadata import normalise

LONGEST_DOCUMENT = 64 << 20
_Function = TypeVar("_Function", bound=Callable[..., Any])


class Document(click.ParamType[Any]):
    """A JSON object: written out, or the name of a JSON or YAML file, or `-` for standard input."""

    name = "JSON|FILE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the object."""
        if not isinstance(value, str):
            return value
        try:
            found = read_document(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not isinstance(found, dict):
            self.fail(f'an object like {{"accuracy": 0.92}} is expected, not {_kind(found)}', param, ctx)
        return found


class Names(click.ParamType[list[str]]):
    """Names separated by commas."""

    name = "NAME,NAME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ARG002 - click's signature
        """Return the list of names."""
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def read_document(text: str) -> Any:
    """Return the value of a JSON text, of a JSON or YAML file, or of standard input (`-`).

    Raises:
        ValueError: there is no such file, or it does not hold one value.
    """
    if text.lstrip()[:1] in {"{", "["}:
        return parse_json(text, "the text")
    if text == "-":
        return parse_json(sys.stdin.read(), "standard input")
    path = Path(text)
    try:
        if path.stat().st_size > LONGEST_DOCUMENT:
            raise ValueError(f"{text} is larger than {LONGEST_DOCUMENT} bytes")
        content = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{text} is not UTF-8 text: {error.reason}") from error
    except OSError as error:
        raise ValueError(f"{text!r} is no JSON object and cannot be read as a file: {error.strerror}") from error
    if path.suffix.lower() in {".yaml", ".yml"}:
        return parse_yaml(content, text)
    return parse_json(content, text)


def parse_yaml(content: str, where: str) -> Any:
    """Return the value of a YAML text; keys given twice are refused, since one of the two values would be lost."""
    import yaml  # noqa: PLC0415 - most commands read none

    try:
        _refuse_repeats(yaml.compose(content, Loader=yaml.SafeLoader), where)
        return msgspec.yaml.decode(content)
    except (msgspec.DecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{where}: not valid YAML: {error}") from error


def _refuse_repeats(root: Any, where: str) -> None:
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen or not isinstance(getattr(node, "value", None), list):
            continue
        seen.add(id(node))
        keys = [part[0] for part in node.value if isinstance(part, tuple)]
        names = [key.value for key in keys if isinstance(key.value, str)]
        for key in keys:
            if names.count(key.value) > 1:
                raise ValueError(
                    f"{where}: the key {key.value!r} is given twice, at line {key.start_mark.line + 1} too"
                )
        waiting += [inner for part in node.value for inner in (part if isinstance(part, tuple) else (part,))]


def parse_json(text: str, where: str) -> Any:
    """Return the value of a JSON text; keys given twice are refused, since one of the two values would be lost."""
    try:
        return json.loads(text, object_pairs_hook=_without_repeats, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"{where}: not valid JSON: {error.msg} at line {error.lineno} column {error.colno}") from error
    except RecursionError as error:
        raise ValueError(f"{where}: nested too deeply") from error
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def pairs(given: Iterable[str]) -> dict[str, str]:
    """Return `key=value` texts as a mapping.

    Raises:
        click.BadParameter: one has no `=`, or a key comes twice.
    """
    found: dict[str, str] = {}
    for text in given:
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise click.BadParameter(f"{text!r} is not of the form KEY=VALUE")
        if key in found:
            raise click.BadParameter(f"{key!r} is given twice")
        found[key] = value
    return found


def changes(given: Iterable[str]) -> dict[str, str | None]:
    """Return `key=value` and `key-` texts as a mapping; None stands for a key to remove."""
    given = list(given)
    removed = [text.removesuffix("-") for text in given if "=" not in text and text.endswith("-") and text != "-"]
    kept = pairs(text for text in given if "=" in text or not text.endswith("-") or text == "-")
    if both := sorted(set(kept) & set(removed)):
        raise click.BadParameter(f"{both[0]!r} is both set and removed")
    return {**kept, **dict.fromkeys(removed)}


def metadata_options(function: _Function) -> _Function:
    """Add the options that give metadata of a version."""
    for option in reversed(
        (
            click.option("--description", metavar="TEXT", help="What the version is."),
            click.option("--metrics", type=Document(), help="Metrics by name."),
            click.option("--tags", type=Document(), help="Tags by key."),
            click.option("--tag", "tag", multiple=True, metavar="KEY=VALUE", help="One tag; may be repeated."),
            click.option("--hyperparams", type=Document(), help="Hyperparameters by name."),
            click.option("--metadata", type=Document(), help="Other metadata by field name, such as training_data."),
            click.option("--framework", metavar="NAME", help="What the model was made with, such as sklearn."),
            click.option("--changelog", metavar="TEXT", help="What changed since the version before."),
            click.option("--migration-notes", metavar="TEXT", help="What callers have to do about it."),
            click.option("--known-issues", metavar="TEXT", help="What is known not to work."),
        )
    ):
        function = option(function)
    return function


def gathered(given: dict[str, Any]) -> dict[str, Any]:
    """Return what the metadata options gave, as keyword arguments of `register_model` and its like.

    `--metrics` and the like win over the same field inside `--metadata`; `--tag` wins over `--tags`.
    """
    fields = normalise(given.get("metadata") or {})
    for option, field in (("metrics", "metrics"), ("hyperparams", "hyperparameters"), ("tags", "tags")):
        if given.get(option) is not None:
            fields[field] = given[option]
    if given.get("tag"):
        fields["tags"] = {**(fields.get("tags") or {}), **pairs(given["tag"])}
    for name in ("description", "framework", "changelog", "migration_notes", "known_issues"):
        if given.get(name) is not None:
            fields[name] = given[name]
    return fields


def _without_repeats(items: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in items:
        if key in found:
            raise ValueError(f"the key {key!r} is given twice")
        found[key] = value
    return found


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is no JSON number")


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "null")
