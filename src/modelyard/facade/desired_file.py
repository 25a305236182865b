"""Reading and writing the file of a desired state: YAML, with the line of everything that stands in it.

Rules
- A key given twice is refused, since one of its values would be lost; so are anchors, which let a small file stand for
  an endless one.
- Nothing that the file asks for is run: only plain values are made.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from modelyard.domain.desired import Desired, read_desired
from modelyard.domain.desired import Path as Place
from modelyard.errors import InvalidConfig

MAX_FILE_BYTES = 1 << 20
STDIN = "-"
_TAGS = {"sequence": "seq", "mapping": "map"}
_HEADER = "# The state of a registry, as `modelyard dump` wrote it; `modelyard apply -f FILE` makes it true.\n"


Source = str | os.PathLike[str] | Mapping[str, Any] | Desired


def desired_of(source: Source) -> Desired:
    """Read a desired state from a file, from standard input (`-`), or from a document; one that was read stays so.

    Raises:
        InvalidConfig: it cannot be read, is no YAML, or says something that no registry can be.
    """
    if isinstance(source, Desired):
        return source
    if isinstance(source, Mapping):
        return read_desired(dict(source))
    name = os.fspath(source)
    document, lines = _parse(_text(name), "standard input" if name == STDIN else name)
    return read_desired(document, lines)


def as_yaml(document: Mapping[str, Any]) -> str:
    """Write a document in the form that `desired_of` reads."""
    import yaml

    return _HEADER + str(yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True))


def _text(name: str) -> str:
    try:
        if name == STDIN:
            data = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        else:
            with Path(name).open("rb") as stream:
                data = stream.read(MAX_FILE_BYTES + 1)
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidConfig(f"{name} is not UTF-8 text: {error.reason}", hint="save it as UTF-8") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        hint = "`modelyard dump` writes a first one; -f names another file"
        raise InvalidConfig(f"{name} cannot be read: {reason}", hint=hint) from error
    if len(data) > MAX_FILE_BYTES:
        raise InvalidConfig(f"{name} is larger than {MAX_FILE_BYTES} bytes", hint="is it the right file?")
    return text


def _parse(text: str, name: str) -> tuple[Any, dict[Place, int]]:
    # Few programs read such a file, and the others should not pay for the parser.
    import yaml

    lines: dict[Place, int] = {}
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        document = None if root is None else _Values(loader, lines).of((), root)
    except InvalidConfig:
        raise
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 0
        reason = getattr(error, "problem", None) or str(error).splitlines()[0]
        _refuse(line, f"{name} is not valid YAML: {reason}", "correct the file at this place")
    except (ValueError, RecursionError) as error:
        _refuse(0, f"{name}: a value cannot be read: {error}", "correct the file")
    return document, lines


class _Values:
    """Makes plain values of YAML nodes, and notes the line of each path."""

    def __init__(self, loader: Any, lines: dict[Place, int]) -> None:
        self._loader = loader
        self._lines = lines
        self._seen: set[int] = set()

    def of(self, path: Place, node: Any, key: Any = None) -> Any:
        """The value of a node; its line is that of its key where it has one."""
        line = (key or node).start_mark.line + 1
        if id(node) in self._seen:
            _refuse(line, f"{'.'.join(map(str, path))}: anchors are not supported", "write the value out")
        self._seen.add(id(node))
        self._lines[path] = line
        if node.id != "scalar" and node.tag != f"tag:yaml.org,2002:{_TAGS[node.id]}":
            _refuse(line, f"{'.'.join(map(str, path))}: the tag {node.tag} is not supported", "leave it out")
        if node.id == "sequence":
            return [self.of((*path, place), item) for place, item in enumerate(node.value)]
        if node.id == "mapping":
            return self._mapping(path, node)
        return self._loader.construct_object(node)

    def _mapping(self, path: Place, node: Any) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.id != "scalar" or key.tag.endswith(":merge"):
                _refuse(line, "this key is no text", "a key is a word, with a colon behind it")
            name = self._loader.construct_object(key)
            if name in found:
                _refuse(line, f"the key {name!r} is given twice", "keep one of the two")
            found[name] = self.of((*path, name), value, key)
        return found


def _refuse(line: int, problem: str, hint: str) -> NoReturn:
    raise InvalidConfig(f"line {line}: {problem}" if line else problem, hint=hint, details={"line": line})
