"""The desired state of a registry as people write it into a file, read strictly.

    modelyard: 1                      the form of this file
    prune: {aliases: true}            sections in which what the file does not name is removed
    stages: {initial: …, moves: …}    the registry's stage graph
    models:
      fraud:
        description: Flags card payments
        owner: risk
        team: payments
        tags: {tier: gold, old: null}         null: the model shall not have it
        aliases: {champion: 1.4.2, old: null}
        stages: {initial: …, moves: …}        a graph of its own; null: it follows the registry's
    webhooks:
      - {url: https://…, events: [version.*], models: [fraud-*], description: …, active: true, secret_env: NAME}
    users:
      ana: {grants: [{allow: deployer, model: fraud-*}], disabled: false}

Rules
1. Only what the file names is wished for; a key that is left out says nothing.
2. Every mistake names its line and its place, and the nearest word that is known. Nothing is guessed: a version that
   YAML reads as a fraction (`1.4`) is refused, since 1.10 would be 1.1; and so is what moves: `latest`, a range, a
   stage, another alias. The same file shall not wish for something else tomorrow.
3. `prune` reaches `tags` and `aliases` of models whose section of that name stands in the file, `stages` of models that
   the file names, and all `models`, `webhooks` and `users`.
4. A wish compares by its fields. What a registry cannot show, the secret of a webhook, is only used when it is made.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final, NoReturn, TypeVar

from modelyard.domain.checks import check_tags, check_text
from modelyard.domain.grants import principal_name
from modelyard.domain.names import alias_name, model_name, shown
from modelyard.domain.references import Reference
from modelyard.errors import InvalidConfig, InvalidRequest

FORM: Final = 1
MODEL, ALIAS, GRAPH, WEBHOOK, USER = "model", "alias", "stage graph", "webhook", "user"
KINDS: Final = (MODEL, ALIAS, GRAPH, WEBHOOK, USER)
REGISTRY_GRAPH: Final = ""
"""The key of the registry's own stage graph; the others have their model's name."""

TAG: Final = "tags."
PRUNABLE: Final = ("models", "tags", "aliases", "stages", "webhooks", "users")
_SECTIONS: Final = ("modelyard", "prune", "stages", "models", "webhooks", "users")
_MODEL_KEYS: Final = ("description", "owner", "team", "tags", "aliases", "stages")
_WEBHOOK_KEYS: Final = ("url", "events", "models", "description", "active", "secret_env")
_USER_KEYS: Final = ("kind", "grants", "disabled")
_EXACT: Final = frozenset({"number", "version", "id", "digest"})
_LONGEST_WORD: Final = 250
_LONGEST_TEXT: Final = 100_000

Path = tuple[str | int, ...]
Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """One thing as it shall be.

    Attributes:
        kind: one of `KINDS`.
        key: which one: a model's name, `model@alias`, a URL, a user's name.
        fields: what it shall say, by name; a tag is a field of its own, and None stands for "not there".
        absent: it shall not be there at all.
        prune_tags: tags that the file does not name shall go.
        where: the line of the file, from 1; 0 where it is not known.
        secret_env: the variable that holds the secret of a new webhook.
    """

    kind: str
    key: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    absent: bool = False
    prune_tags: bool = False
    where: int = 0
    secret_env: str = ""


@dataclass(frozen=True, kw_only=True)
class Desired:
    """A whole file: its wishes in order, and what is to be removed besides.

    Attributes:
        wishes: the things as they shall be.
        models: the models that the file names.
        pruned: kinds of which nothing but the wishes shall be left.
        pruned_aliases: models of which no other alias shall be left.
        pruned_graphs: models that shall have no stage graph of their own.
    """

    wishes: tuple[Wish, ...]
    models: tuple[str, ...] = ()
    pruned: frozenset[str] = frozenset()
    pruned_aliases: frozenset[str] = frozenset()
    pruned_graphs: frozenset[str] = frozenset()


def read_desired(document: Any, lines: Mapping[Path, int] | None = None) -> Desired:
    """Check a document.

    Args:
        document: what the file holds, as plain values.
        lines: the line at which the value of each path begins, for messages.

    Raises:
        InvalidConfig: something in it is wrong; `details` has the line and the path.
    """
    reader = _Reader(lines or {})
    sections = reader.mapping((), {} if document is None else document, _SECTIONS)
    form = sections.get("modelyard", FORM)
    if type(form) is not int or form != FORM:
        reader.refuse(("modelyard",), f"the form is {shown(sections['modelyard'])}", hint=f"write modelyard: {FORM}")
    prune = _prune(reader, sections.get("prune"))
    models = reader.entries(("models",), sections.get("models"))
    wishes: list[Wish] = []
    if "stages" in sections:
        wishes.append(_graph(reader, ("stages",), REGISTRY_GRAPH, sections["stages"]))
    for name, given in models.items():
        wishes += _model(reader, name, given, prune)
    wishes += _webhooks(reader, sections.get("webhooks"))
    wishes += _users(reader, sections.get("users"))
    keys = {"models": MODEL, "webhooks": WEBHOOK, "users": USER}
    return Desired(
        wishes=tuple(wishes),
        models=tuple(models),
        pruned=frozenset(kind for name, kind in keys.items() if name in prune),
        pruned_aliases=frozenset(
            name for name, given in models.items() if "aliases" in prune and _has(given, "aliases")
        ),
        pruned_graphs=frozenset(
            name for name, given in models.items() if "stages" in prune and not _has(given, "stages")
        ),
    )


class _Reader:
    """Takes values out of the document, and says where a wrong one stands."""

    def __init__(self, lines: Mapping[Path, int]) -> None:
        self._lines = lines

    def line(self, path: Path) -> int:
        """The line of a path, or of the nearest thing around it; 0 where none is known."""
        around = (path[:length] for length in range(len(path), -1, -1))
        return next((self._lines[part] for part in around if part in self._lines), 0)

    def refuse(self, path: Path, problem: str, *, hint: str = "") -> NoReturn:
        """Raise the error for a place."""
        place = ".".join(map(str, path)) or "the file"
        line = self.line(path)
        at = f"line {line}: " if line else ""
        raise InvalidConfig(f"{at}{place}: {problem}", hint=hint, details={"line": line, "path": place})

    def mapping(self, path: Path, value: Any, known: Collection[str] = ()) -> Mapping[str, Any]:
        """A mapping with texts as keys, all of them known where `known` is given."""
        if not isinstance(value, Mapping):
            self.refuse(path, f"{shown(value)} is no mapping", hint="indent its keys below it, as in `key: value`")
        for key in value:
            if not isinstance(key, str):
                self.refuse((*path, key), f"the key {shown(key)} is no text", hint="put it in quotes")
            if known and key not in known:
                near = get_close_matches(key, known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"the keys are {', '.join(known)}"
                self.refuse((*path, key), "nobody knows this key", hint=hint)
        return value

    def entries(self, path: Path, value: Any) -> Mapping[str, Any]:
        """A mapping that may be left out or empty."""
        return {} if value is None else self.mapping(path, value)

    def items(self, path: Path, value: Any) -> Sequence[Any]:
        """A list."""
        if not isinstance(value, list):
            self.refuse(path, f"{shown(value)} is no list", hint="write [one, two], or a line with `- ` for each")
        return value

    def text(self, path: Path, value: Any, longest: int = _LONGEST_WORD) -> str:
        """A text."""
        if not isinstance(value, str):
            hint = 'write "" to empty it, or leave the key out' if value is None else "put it in quotes"
            self.refuse(path, f"{shown(value)} is no text", hint=hint)
        return self.checked(path, lambda: check_text(str(path[-1]), value, longest))

    def flag(self, path: Path, value: Any) -> bool:
        """A truth value."""
        if not isinstance(value, bool):
            self.refuse(path, f"{shown(value)} is neither true nor false")
        return value

    def checked(self, path: Path, check: Callable[[], Value]) -> Value:
        """What a rule of another module makes of the value; its refusal gets the place."""
        try:
            return check()
        except InvalidRequest as error:
            self.refuse(path, error.message, hint=error.hint)


def _prune(reader: _Reader, value: Any) -> frozenset[str]:
    given = reader.mapping(("prune",), {} if value is None else value, PRUNABLE)
    return frozenset(name for name, flag in given.items() if reader.flag(("prune", name), flag))


def _has(given: Any, section: str) -> bool:
    return isinstance(given, Mapping) and section in given


def _model(reader: _Reader, name: str, given: Any, prune: Collection[str]) -> Iterator[Wish]:
    path: Path = ("models", name)
    reader.checked(path, lambda: model_name(name))
    keys = reader.mapping(path, {} if given is None else given, _MODEL_KEYS)
    fields: dict[str, Any] = {
        key: reader.text((*path, key), keys[key], _LONGEST_TEXT if key == "description" else _LONGEST_WORD)
        for key in _MODEL_KEYS[:3]
        if key in keys
    }
    for key, value in reader.entries((*path, "tags"), keys.get("tags")).items():
        fields[TAG + key] = _tag(reader, (*path, "tags", key), key, value)
    prune_tags = "tags" in prune and "tags" in keys
    yield Wish(kind=MODEL, key=name, fields=fields, prune_tags=prune_tags, where=reader.line(path))
    if "stages" in keys:
        yield _graph(reader, (*path, "stages"), name, keys["stages"])
    for alias, version in reader.entries((*path, "aliases"), keys.get("aliases")).items():
        yield _alias(reader, (*path, "aliases", alias), name, alias, version)


def _tag(reader: _Reader, path: Path, key: str, value: Any) -> str | None:
    if value is None:
        return None
    return reader.checked(path, lambda: check_tags({key: value}))[key]


def _alias(reader: _Reader, path: Path, model: str, alias: str, version: Any) -> Wish:
    reader.checked(path, lambda: alias_name(alias))
    wrong = isinstance(version, bool) or not isinstance(version, str | int | None)
    if wrong or (isinstance(version, str) and version.strip()[:1] in {"", "@"}):
        reader.refuse(path, f"{shown(version)} names no version", hint='write a version in quotes, as in "1.4.2"')
    key = f"{model}@{alias}"
    if version is not None:
        kind = reader.checked(path, lambda: Reference.within(model, str(version))).kind
        if kind not in _EXACT:
            hint = 'write the exact version, as in "1.4.2"'
            reader.refuse(path, f"{shown(version)} names now one version and now another", hint=hint)
    if version is None:
        return Wish(kind=ALIAS, key=key, absent=True, where=reader.line(path))
    return Wish(kind=ALIAS, key=key, fields={"version": str(version)}, where=reader.line(path))


def _graph(reader: _Reader, path: Path, key: str, document: Any) -> Wish:
    line = reader.line(path)
    if document is None:
        if key == REGISTRY_GRAPH:
            reader.refuse(path, "the registry always has a stage graph", hint="write it out, or leave the key out")
        return Wish(kind=GRAPH, key=key, absent=True, where=line)
    return Wish(kind=GRAPH, key=key, fields={"document": reader.mapping(path, document)}, where=line)


def _webhooks(reader: _Reader, value: Any) -> Iterator[Wish]:
    seen = set()
    for place, given in enumerate([] if value is None else reader.items(("webhooks",), value)):
        path: Path = ("webhooks", place)
        keys = reader.mapping(path, given, _WEBHOOK_KEYS)
        if "url" not in keys:
            reader.refuse(path, "the webhook has no url", hint="write url: https://…")
        url = reader.text((*path, "url"), keys["url"], 2_000)
        if url in seen:
            reader.refuse((*path, "url"), "the url stands in two webhooks", hint="keep one of the two")
        seen.add(url)
        fields: dict[str, Any] = {}
        for key in ("events", "models"):
            if key in keys:
                listed = reader.items((*path, key), keys[key])
                fields[key] = [reader.text((*path, key, at), item) for at, item in enumerate(listed)]
        if "description" in keys:
            fields["description"] = reader.text((*path, "description"), keys["description"], 2_000)
        if "active" in keys:
            fields["active"] = reader.flag((*path, "active"), keys["active"])
        secret = reader.text((*path, "secret_env"), keys["secret_env"]) if "secret_env" in keys else ""
        yield Wish(kind=WEBHOOK, key=url, fields=fields, where=reader.line(path), secret_env=secret)


def _users(reader: _Reader, value: Any) -> Iterator[Wish]:
    for name, given in reader.entries(("users",), value).items():
        path: Path = ("users", name)
        reader.checked(path, lambda: principal_name(name))  # noqa: B023 - called at once
        keys = reader.mapping(path, {} if given is None else given, _USER_KEYS)
        fields: dict[str, Any] = {}
        if "kind" in keys:
            fields["kind"] = reader.text((*path, "kind"), keys["kind"])
        if "grants" in keys:
            fields["grants"] = list(reader.items((*path, "grants"), keys["grants"]))
        if "disabled" in keys:
            fields["disabled"] = reader.flag((*path, "disabled"), keys["disabled"])
        yield Wish(kind=USER, key=name, fields=fields, where=reader.line(path))
