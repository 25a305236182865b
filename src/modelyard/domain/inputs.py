"""What a version was made from, read from its metadata document: datasets, features, code and runs.

Reading never fails, whatever people wrote: what names nothing is passed over.

Rules
1. `training_data` and `data_version` each name a dataset, `feature_version` a feature, `code_version` the code and
   `training_run_id` the run. A text that is a JSON object or list is read as one.
2. Code is named by its commit; `-dirty`, `+dirty`, `.dirty` or `*` behind it says that it was changed, and is no part
   of the name.
3. `data_lineage` is an entry. An entry is a mapping; it is named by `dataset`, `dataset_name`, `name`, `data` or
   `table`, or else by the place where the data lies: `source`, `uri`, `url`, `path`, `file` or `location`. A mapping
   that says only a version or a place is named by the key that it stands under: `{"payments": {"version": 3}}`.
4. `version`, `data_version`, `dataset_version`, `revision` or `snapshot` in an entry is its version. The dataset is
   then named `payments@3`, unless its name ends with the version already, as `payments v3` does.
5. Under `dataset`, `data`, `table`, `source`, `input` and their plurals, and under `train`, `validation`, `test`,
   `raw` and their like, stand names, entries, or lists of both. In a mapping under one of them whose keys say none of
   this, each key is a name and each plain value its version: `{"datasets": {"payments": 3}}`.
6. Under any other key, mappings and lists are looked through for entries; plain values (a date, a remark) name nothing.
7. Under `features`, `feature_set`, `feature_view`, `feature_version` and the like stand features that come from the
   datasets of the entry: a name, a list, or mappings. One may say by `from`, `derived_from` or as an entry does where
   it comes from instead.
8. Numbers are names as they are written; truth values and null are none. Names are in Unicode form NFC, with single
   blanks; what cannot be printed stands in them as U+FFFD. Of a name of more than 250 characters the middle is replaced
   by a digest.
9. Of one version the first 500 inputs count, down to 16 levels.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from blake3 import blake3

from modelyard.domain.names import shown
from modelyard.errors import InvalidRequest

CODE, DATASET, FEATURE, RUN = "code", "dataset", "feature", "run"
KINDS = (DATASET, FEATURE, CODE, RUN)
"""What a version may be made from, besides its parent."""

LONGEST = 250
MOST = 500
DEEPEST = 16

_KEPT, _DIGEST = 220, 16
_LAST = 0x10FFFF
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_NAMES = ("dataset", "dataset_name", "name", "data", "table")
_PLACES = ("source", "uri", "url", "path", "file", "location")
_VERSIONS = ("version", "data_version", "dataset_version", "revision", "snapshot")
_SETS = frozenset(
    {
        *("dataset", "datasets", "data", "table", "tables", "source", "sources", "input", "inputs", "files", "raw"),
        *("train", "training", "train_data", "training_data", "training_dataset"),
        *("validation", "validation_data", "val", "eval", "evaluation", "test", "test_data", "holdout"),
    }
)
_FEATURES = (
    "features", "feature", "feature_set", "feature_sets", "feature_view", "feature_views", "feature_version",
    "feature_store", "feature_group",
)  # fmt: skip
_FEATURE_NAMES = ("name", "feature_set", "feature_view", "feature_group", "feature")
_ORIGINS = ("from", "derived_from", "datasets", "sources", "dataset", "data", "table", "source")
_KINDS = {**{kind: kind for kind in KINDS}, "data": DATASET, "commit": CODE, "training_run": RUN}
_DIRTY = re.compile(r"(?:[-+._ ]?\(?dirty\)?|\*)$", re.IGNORECASE)


@dataclass(frozen=True)
class Inputs:
    """What a version was made from.

    Attributes:
        found: (kind, name) → what else is known of it, in the order of its discovery.
        derived: (name of a feature, name of the dataset that it comes from).
    """

    found: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    derived: tuple[tuple[str, str], ...] = ()


def inputs_of(document: Mapping[str, Any]) -> Inputs:
    """Read what a version was made from; see the rules."""
    reader = _Reader()
    for key in ("training_data", "data_version"):
        reader.datasets(_unpacked(document.get(key)), DEEPEST)
    lineage = document.get("data_lineage")
    if isinstance(lineage, Mapping):
        reader.entry(lineage, DEEPEST)
    reader.features(_unpacked(document.get("feature_version")), (), DEEPEST)
    commit, dirty = commit_of(str(document.get("code_version") or ""))
    reader.note(CODE, commit, state="uncommitted changes" if dirty else "")
    reader.note(RUN, document.get("training_run_id"))
    return Inputs(reader.found, tuple(reader.derived))


def check_kind(text: str) -> str:
    """The kind of inputs that a word names, in one or many.

    Raises:
        InvalidRequest: there is no such kind.
    """
    word = _folded(text)
    kind = _KINDS.get(word) or _KINDS.get(word.removesuffix("s"))
    if kind is None:
        raise InvalidRequest(f"there are no inputs of the kind {shown(text)}", hint=f"the kinds are {', '.join(KINDS)}")
    return kind


def commit_of(code: str) -> tuple[str, bool]:
    """Return the commit that a code version names, and whether the code was changed since; see rule 2."""
    commit = _DIRTY.sub("", code.strip())
    return (commit, commit != code.strip()) if commit else (code, False)


def input_name(value: object) -> str:
    """The name that a plain value stands for, as it is stored and looked up; empty where it stands for none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    try:
        text = " ".join(str(value).split())
    except ValueError:
        # Python refuses to write integers of thousands of digits.
        return ""
    if not text.isascii() or not text.isprintable():
        text = unicodedata.normalize("NFC", "".join(map(_printable, text)))
    if len(text) <= LONGEST:
        return text
    digest = blake3(text.encode()).hexdigest()[:_DIGEST]
    return f"{text[:_KEPT]}…{digest}"


def prefix_end(prefix: str) -> str:
    """The least text, by code points, that is greater than every name which begins so."""
    for place in range(len(prefix) - 1, -1, -1):
        point = ord(prefix[place]) + 1
        if point <= _LAST:
            # Surrogates are no characters.
            return prefix[:place] + chr(0xE000 if point == 0xD800 else point)  # noqa: PLR2004
    return chr(_LAST) * (LONGEST + 1)


class _Reader:
    """Gathers inputs from a document."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], dict[str, str]] = {}
        self.derived: dict[tuple[str, str], None] = {}

    def note(self, kind: str, value: object, **facts: str) -> list[str]:
        """Remember an input; return its name, or nothing if it has none."""
        name = input_name(value)
        if not name or (len(self.found) >= MOST and (kind, name) not in self.found):
            return []
        known = self.found.setdefault((kind, name), {})
        for key, fact in facts.items():
            if fact and fact != name:
                known.setdefault(key, fact)
        return [name]

    def datasets(self, value: Any, depth: int) -> list[str]:
        """Read what stands where a dataset is expected; return the names of the datasets."""
        if depth == 0:
            return []
        if isinstance(value, list):
            return [name for item in value for name in self.datasets(item, depth - 1)]
        if not isinstance(value, Mapping):
            return self.note(DATASET, value)
        if _says_something(value):
            return self.entry(value, depth)
        named = []
        for key, inner in value.items():
            if isinstance(inner, Mapping):
                named += self.entry(inner, depth - 1, key) or self.note(DATASET, key)
            elif isinstance(inner, list):
                named += self.datasets(inner, depth - 1)
            else:
                named += self.note(DATASET, _with_version(key, inner), version=input_name(inner))
        return named

    def entry(self, entry: Mapping[str, Any], depth: int, default: str = "") -> list[str]:
        """Read an entry; `default` names it where it says only a version or a place. Return the datasets in it."""
        if depth == 0:
            return []
        facts = {_folded(key): value for key, value in entry.items()}
        place, version = _first(facts, _PLACES), _first(facts, _VERSIONS)
        name = _first(facts, _NAMES) or (default if place or version else "") or place
        named = self.note(DATASET, _with_version(name, version), source=place, version=version)
        for key, inner in facts.items():
            if key not in _FEATURES:
                named += self._inside(key, inner, depth - 1, {name, place, version})
        for key in _FEATURES:
            self.features(facts.get(key), named, depth - 1)
        return named

    def _inside(self, key: str, inner: Any, depth: int, told: set[str]) -> list[str]:
        """Read one of an entry's values, unless the entry itself was named or placed by it."""
        if key in _SETS:
            return (
                []
                if isinstance(inner, str | int | float) and input_name(inner) in told
                else self.datasets(inner, depth)
            )
        if isinstance(inner, Mapping):
            return self.entry(inner, depth, key)
        if isinstance(inner, list):
            mappings = (item for item in inner if isinstance(item, Mapping))
            return [name for item in mappings for name in self.entry(item, depth)]
        return []

    def features(self, value: Any, origins: Iterable[str], depth: int, default: str = "") -> None:
        """Read what stands where features are expected, and draw them to the datasets that they come from."""
        if depth <= 0:
            return
        if isinstance(value, list):
            for item in value:
                self.features(item, origins, depth - 1)
        elif isinstance(value, Mapping):
            self._feature(value, origins, depth, default)
        else:
            self._draw(self.note(FEATURE, value), origins)

    def _feature(self, value: Mapping[str, Any], origins: Iterable[str], depth: int, default: str) -> None:
        facts = {_folded(key): inner for key, inner in value.items()}
        told = [name for key in _ORIGINS for name in self.datasets(facts.get(key), depth - 1)]
        name, version = _first(facts, _FEATURE_NAMES), _first(facts, ("feature_version", *_VERSIONS))
        if name or told or version:
            self._draw(self.note(FEATURE, _with_version(name or default, version), version=version), told or origins)
            return
        for key, inner in value.items():
            if isinstance(inner, Mapping):
                self.features(inner, origins, depth - 1, key)
            else:
                self._draw(self.note(FEATURE, key), origins)

    def _draw(self, features: Iterable[str], origins: Iterable[str]) -> None:
        for feature in features:
            self.derived.update(dict.fromkeys((feature, origin) for origin in origins))


def _unpacked(value: Any) -> Any:
    """The object or list that a text holds as JSON; any other value as it is."""
    if not isinstance(value, str) or value[:1] not in {"{", "["}:
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _says_something(entry: Mapping[str, Any]) -> bool:
    """Whether a key of a mapping has a meaning of its own, so that it is no name."""
    known = {*_NAMES, *_PLACES, *_VERSIONS, *_FEATURES, *_SETS}
    return any(_folded(key) in known for key in entry)


def _first(facts: Mapping[str, Any], keys: Iterable[str]) -> str:
    """The first of some values that is a plain one, as text."""
    return next((name for name in (input_name(facts.get(key)) for key in keys) if name), "")


def _with_version(name: object, version: object) -> str:
    text, number = input_name(name), input_name(version)
    held = re.search(rf"(?:^|[^0-9A-Za-z]v?){re.escape(number)}$", text)
    return f"{text}@{number}" if text and number and not held else text


def _folded(key: object) -> str:
    return re.sub(r"[\s-]+", "_", str(key).strip().lower())


def _printable(character: str) -> str:
    odd = character in _TURNING or unicodedata.category(character) in _UNPRINTABLE
    return "\ufffd" if odd else character
