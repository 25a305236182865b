"""What the client writes, the server reads: the two bindings are each other's inverse for every row of the table."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelyard.client.binding import bind, quoted
from modelyard.domain.contract import PLACEHOLDER
from modelyard.domain.wire import Limits, Window
from modelyard.errors import InvalidMetadata, InvalidRequest
from modelyard.operations import (
    DELETE,
    DESCRIBE_MODEL,
    GET_VERSION,
    LIST_VERSIONS,
    PROMOTE,
    REGISTER_VERSION,
    SEARCH,
    TABLE,
    Delete,
    ListVersions,
    NamedModelThen,
    NamedThen,
    Operation,
    Promote,
    Search,
)
from modelyard.server.binding import Binder

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
REVISION = st.none() | st.integers(0, 10**12)
LIMITS = st.builds(Limits, **dict.fromkeys(("max_error_rate", "max_p95_s", "max_p99_s"), st.none() | NUMBER))
WINDOW = st.builds(Window, days=st.lists(TEXT, max_size=3), start=TEXT, end=TEXT, timezone=TEXT)
BY_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    str | None: st.none() | TEXT,
    bool: st.booleans(),
    bool | None: st.none() | st.booleans(),
    int: st.integers(-(10**12), 10**12),
    int | None: REVISION,
    float: NUMBER,
    float | None: st.none() | NUMBER,
    list[float] | None: st.none() | st.lists(NUMBER, max_size=3),
    Limits: LIMITS,
    Limits | None: st.none() | LIMITS,
    Window | None: st.none() | WINDOW,
    list[str]: st.lists(TEXT.map(lambda text: text.replace(",", "").strip()).filter(bool), max_size=3),
    list[str] | None: st.none() | st.lists(TEXT, max_size=3),
    list[dict[str, str]]: st.lists(st.dictionaries(TEXT, TEXT, max_size=2), max_size=3),
    list[dict[str, str]] | None: st.none() | st.lists(st.dictionaries(TEXT, TEXT, max_size=2), max_size=3),
    dict[str, Any]: st.dictionaries(TEXT, JSON, max_size=3),
    dict[str, str]: st.dictionaries(TEXT, TEXT, max_size=3),
    dict[str, float]: st.dictionaries(TEXT, NUMBER, max_size=3),
    dict[str, str | None]: st.dictionaries(TEXT, st.none() | TEXT, max_size=3),
}


def strategy_of(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type: one of those above, a record of such, a list, or a choice of them."""
    if hint in BY_TYPE:
        return BY_TYPE[hint]
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        members = {item.name: strategy_of(hints[item.name]) for item in fields(hint)}
        return st.builds(hint, **members)  # type: ignore[arg-type]  # a hint is a class, not a value of it
    parts = get_args(hint)
    if get_origin(hint) is list:
        return st.lists(strategy_of(parts[0]), max_size=2)
    if get_origin(hint) is tuple:
        return st.tuples(*map(strategy_of, parts))
    if get_origin(hint) is dict:
        return st.dictionaries(strategy_of(parts[0]), strategy_of(parts[1]), max_size=2)
    return st.one_of([st.none() if part is type(None) else strategy_of(part) for part in parts])


def requests(operation: Operation[Any, Any]) -> st.SearchStrategy[Any]:
    """Requests of a row, with texts that can stand in its path."""
    hints = get_type_hints(operation.request)
    in_path = {
        name: TEXT.filter(lambda text: text not in {"", ".", ".."} and "/versions/" not in text)
        for name in operation.path_fields
    }
    values = {item.name: in_path.get(item.name, strategy_of(hints[item.name])) for item in fields(operation.request)}
    return st.builds(operation.request, **values)


def read(operation: Operation[Any, Any], target: str, if_match: str, body: bytes) -> Any:
    """Read a request as the server does."""
    path, _, query = target.partition("?")
    pattern = PLACEHOLDER.sub(
        lambda found: f"(?P<{found[1]}>.+)" if found[1] == "reference" else f"(?P<{found[1]}>[^/]+)", operation.path
    )
    found = re.fullmatch(pattern, path, re.DOTALL)
    assert found, f"{path} does not lead to {operation.path}"
    values = {name: unquote(text, errors="strict") for name, text in found.groupdict().items()}
    return Binder(operation).bind(values, query.encode("ascii"), if_match, body)


@pytest.mark.parametrize("operation", [row for row in TABLE if row is not REGISTER_VERSION], ids=lambda row: row.name)
def test_the_server_reads_what_the_client_writes(operation):
    @settings(max_examples=25)
    @given(requests(operation))
    def check(request):
        bound = bind(operation, request)
        assert bound.method == operation.method
        assert read(operation, bound.target, bound.headers.get("If-Match", ""), bound.body) == request

    check()


def test_what_equals_its_default_is_left_out():
    bound = bind(LIST_VERSIONS, ListVersions(name="fraud", limit=100))
    assert (bound.target, bound.body) == ("/api/models/fraud/versions", b"")


def test_a_reference_keeps_its_slashes_and_nothing_else():
    assert bind(GET_VERSION, NamedThen(reference="a b/^1.4?#%")).target == "/api/models/a%20b/%5E1.4%3F%23%25/metadata"
    assert bind(DESCRIBE_MODEL, NamedModelThen(name="a/b")).target == "/api/models/a%2Fb"
    assert quoted("fraud@champion/x y") == "fraud%40champion/x%20y"


def test_truth_values_are_written_as_json_writes_them():
    assert bind(DELETE, Delete(reference="fraud", force=True)).target == "/api/models/fraud?force=true"


def test_the_revision_travels_as_a_strong_tag():
    bound = bind(PROMOTE, Promote(reference="fraud", target_stage="staging", if_match=7))
    assert bound.headers["If-Match"] == '"7"'
    assert b"if_match" not in bound.body


@pytest.mark.parametrize("name", ["", ".", "..", "\ud800"])
def test_what_would_be_another_path_is_refused(name):
    with pytest.raises(InvalidRequest):
        bind(DESCRIBE_MODEL, NamedModelThen(name=name))


def test_half_a_surrogate_pair_is_refused():
    with pytest.raises(InvalidRequest):
        bind(SEARCH, Search(q="\ud800"))
    with pytest.raises(InvalidMetadata):
        bind(PROMOTE, Promote(reference="fraud", target_stage="\ud800"))
