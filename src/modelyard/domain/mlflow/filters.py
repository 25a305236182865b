"""The filters of MLflow's searches: `name LIKE 'fraud%' AND tags.team = 'risk'`.

Rules
1. A filter is comparisons joined by `AND`, in any case. There is neither OR nor a bracket but that of a list.
2. The left side is an attribute (`name`, `attribute.name`) or a tag (`tag.K`, `tags.K`); a key may stand in backticks
   or double quotes.
3. Text stands in single or double quotes; numbers stand alone. Attributes of numbers take `= != < <= > >=`, all others
   `= != LIKE ILIKE`, and those of `IN_LISTS` also `IN ('a', 'b')`. Operators are words in any case.
4. The texts of refusals are those that MLflow's clients know.
5. A prompt is what has the tag `PROMPT_TAG` = `true`. A search that does not name the tag leaves prompts out; one
   that wants `= 'false'` or `!= 'true'` means everything that is no prompt, though it lacks the tag.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

PROMPT_TAG: Final = "mlflow.prompt.is_prompt"
MOST_CLAUSES: Final = 100
LONGEST_PATTERN: Final = 10_000
"""Characters of a pattern; databases refuse much longer ones."""
LARGEST_NUMBER: Final = 1 << 62

MODEL_TEXTS: Final = frozenset({"name"})
VERSION_TEXTS: Final = frozenset({"name", "run_id", "source_path"})
VERSION_NUMBERS: Final = frozenset({"version_number"})
IN_LISTS: Final = frozenset({"name", "run_id"})

_TEXT_OPERATORS: Final = frozenset({"=", "!=", "LIKE", "ILIKE"})
_NUMBER_OPERATORS: Final = frozenset({"=", "!=", "<", "<=", ">", ">="})
_IDENTIFIER_OF: Final = {"attribute": "attribute", "attributes": "attribute", "attr": "attribute", "run": "attribute",
                         "tag": "tag", "tags": "tag"}  # fmt: skip
_KEYWORDS: Final = frozenset({"true", "false", "null", "not", "or"})
"""Words that are no value, quoted or not."""
_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<text>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")
      | (?P<operator><=|>=|!=|=|<|>)
      | (?P<list>\((?:'[^']*'|"[^"]*"|[^()'"])*\))
      | (?P<word>(?:`[^`]*`|"[^"]*"|[^\s=<>!,()'"`])+)
    )""",
    re.VERBOSE | re.DOTALL,
)
# White space is no part of it: an item that began with any amount of it would be tried again from each blank on.
_LIST_ITEM: Final = re.compile(r"""(?P<text>'[^']*'|"[^"]*")|(?P<comma>,)|(?P<other>[^\s,]+)""")
_KEY: Final = re.compile(r"""(?P<kind>\w+)\.(?:`(?P<ticks>[^`]*)`|"(?P<quotes>[^"]*)"|(?P<plain>.+))""", re.DOTALL)


class InvalidFilter(ValueError):
    """A filter that cannot be understood; the text is what MLflow's clients are told."""


@dataclass(frozen=True)
class Clause:
    """One comparison.

    Attributes:
        kind: `attribute` or `tag`.
        key: the attribute, or the key of the tag.
        operator: `=`, `!=`, `LIKE`, `ILIKE`, `IN`, or `< <= > >=` for numbers.
        value: text, a whole number, or the texts of a list.
    """

    kind: str
    key: str
    operator: str
    value: str | int | tuple[str, ...]


@dataclass(frozen=True)
class Filter:
    """What a search wants.

    Attributes:
        clauses: all of them hold.
        prompts: whether prompts are left out (False), alone wanted (True), or told by the clauses (None).
    """

    clauses: tuple[Clause, ...] = ()
    prompts: bool | None = False


def parse_models(text: str) -> Filter:
    """The filter of a search of models.

    Raises:
        InvalidFilter: it cannot be understood.
    """
    return _parse(text, MODEL_TEXTS, frozenset())


def parse_versions(text: str) -> Filter:
    """The filter of a search of versions.

    Raises:
        InvalidFilter: it cannot be understood.
    """
    return _parse(text, VERSION_TEXTS, VERSION_NUMBERS)


def _parse(text: str, texts: frozenset[str], numbers: frozenset[str]) -> Filter:
    clauses = [_clause(tokens, texts, numbers) for tokens in _comparisons(text)]
    if len(clauses) > MOST_CLAUSES:
        raise InvalidFilter(f"Invalid filter: {len(clauses)} comparisons, and at most {MOST_CLAUSES} are possible")
    return _settle_prompts(clauses)


def _settle_prompts(clauses: Sequence[Clause]) -> Filter:
    about = [clause for clause in clauses if (clause.kind, clause.key) == ("tag", PROMPT_TAG)]
    others = tuple(clause for clause in clauses if clause not in about)
    wishes = {(clause.operator, clause.value) for clause in about}
    if not about:
        return Filter(others, prompts=False)
    if wishes <= {("=", "false"), ("!=", "true")}:
        return Filter(others, prompts=False)
    if wishes == {("=", "true")}:
        return Filter(others, prompts=True)
    return Filter(tuple(clauses), prompts=None)


Token = tuple[str, str]
PARTS: Final = 3
"""Left side, operator, right side."""


def _comparisons(text: str) -> Iterator[list[Token]]:
    """Yield the tokens of each comparison; `AND` parts them."""
    tokens = _tokens(text)
    if not tokens:
        return
    part: list[Token] = []
    for kind, word in [*tokens, ("word", "AND")]:
        if kind == "word" and word.upper() == "AND":
            if len(part) != PARTS:
                raise _invalid(" ".join(token for _, token in part) or text)
            yield part
            part = []
        else:
            part.append((kind, word))


def _tokens(text: str) -> list[Token]:
    found: list[Token] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise _invalid(text)
        found.append((str(match.lastgroup), match.group(str(match.lastgroup))))
        position = match.end()
    return found


def _clause(tokens: Sequence[Token], texts: frozenset[str], numbers: frozenset[str]) -> Clause:
    (left_kind, left), (operator_kind, word), (right_kind, right) = tokens
    operator = word.upper()
    whole = " ".join(token for _, token in tokens)
    is_form = left_kind in {"word", "text"} and operator_kind in {"operator", "word"}
    if not is_form or (right_kind == "word" and right.lower() in _KEYWORDS):
        raise _invalid(whole)
    kind, key = _left(left, texts | numbers, whole)
    if kind == "attribute" and key in numbers:
        return Clause(kind, key, _operator(operator, _NUMBER_OPERATORS, key), _number(right_kind, right, key))
    if operator == "IN":
        return Clause(kind, key, operator, _list(right_kind, right, key if kind == "attribute" else "", whole))
    if operator not in _TEXT_OPERATORS and operator_kind == "word":
        raise _invalid(whole)
    return Clause(kind, key, _operator(operator, _TEXT_OPERATORS, key), _text(right_kind, right, operator))


def _left(text: str, attributes: frozenset[str], whole: str) -> tuple[str, str]:
    """Kind and key of a comparison's left side."""
    if text in attributes:
        return "attribute", text
    match = _KEY.fullmatch(text)
    if match is None:
        plain = _unquoted(text)
        if plain in attributes:
            return "attribute", plain
        raise (
            InvalidFilter(f"Invalid attribute key '{plain}' specified. The valid keys are {_listed(attributes)}")
            if (re.fullmatch(r"\w+", plain))
            else _invalid(whole)
        )
    kind = _IDENTIFIER_OF.get(match["kind"].lower())
    key = next(part for part in (match["ticks"], match["quotes"], match["plain"]) if part is not None)
    if kind is None:
        raise InvalidFilter(f"Invalid entity type '{match['kind']}'. Valid values are ['tag', 'attribute']")
    if kind == "attribute" and key not in attributes:
        raise InvalidFilter(f"Invalid attribute key '{key}' specified. The valid keys are {_listed(attributes)}")
    return kind, key


def _operator(operator: str, known: frozenset[str], key: str) -> str:
    if operator not in known:
        raise InvalidFilter(f"Invalid comparator for '{key}': {operator}. It takes {_listed(known)}")
    return operator


def _number(kind: str, text: str, key: str) -> int:
    if kind != "word" or not re.fullmatch(r"[+-]?\d{1,4000}", text) or abs(int(text)) > LARGEST_NUMBER:
        raise InvalidFilter(f"Expected numeric value type for numeric attribute: {key}. Found {text}")
    return int(text)


def _text(kind: str, text: str, operator: str) -> str:
    if kind != "text":
        raise InvalidFilter(
            "Parameter value is either not quoted or unidentified quote types used for"
            f" string value {text}. Use either single or double quotes."
        )
    plain = _unquoted(text)
    if "LIKE" in operator and len(plain) > LONGEST_PATTERN:
        raise InvalidFilter(f"The pattern of {operator} has {len(plain)} characters; the most is {LONGEST_PATTERN}")
    if "\0" in plain:
        raise InvalidFilter("A filter has no NUL characters")
    return plain


def _list(kind: str, text: str, key: str, whole: str) -> tuple[str, ...]:
    """The texts of a list, each in quotes, parted by commas."""
    if key not in IN_LISTS:
        raise InvalidFilter(f"Only the attributes {_listed(IN_LISTS)} support the IN comparator. Found {whole}")
    if kind != "list":
        raise _invalid(whole)
    expected = "While parsing a list in the query, expected"
    items = [(str(item.lastgroup), item.group(str(item.lastgroup))) for item in _LIST_ITEM.finditer(text[1:-1])]
    if any(name == "other" for name, _ in items):
        raise InvalidFilter(
            f"{expected} string value, punctuation, or whitespace, but got different type in list: {text}"
        )
    non_empty = f"{expected} a non-empty list of string values, but got"
    if not items:
        raise InvalidFilter(f"{non_empty} empty list: {text}")
    # A comma may follow the last item, as in Python's lists.
    wanted = ["text" if place % 2 == 0 else "comma" for place in range(len(items))]
    if [name for name, _ in items] != wanted:
        raise InvalidFilter(f"{non_empty} ill-formed list: {text}")
    return tuple(_unquoted(value) for name, value in items if name == "text")


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"`" else text


def _listed(words: frozenset[str]) -> str:
    return str(sorted(words))


def _invalid(text: str) -> InvalidFilter:
    return InvalidFilter(f"Invalid clause(s) in filter string: '{text}'")
