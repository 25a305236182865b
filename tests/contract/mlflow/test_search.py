"""Searches as MLflow's clients make them: filters, orders, pages, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from components.mlflow_wire import MlflowWire, tagged

pytestmark = pytest.mark.feature("EXP-23")
WRONG = "INVALID_PARAMETER_VALUE"
LIST = "While parsing a list in the query, expected "
CLAUSE = "Invalid clause(s) in filter string"

MODEL_FILTERS = {
    "": "RM1 RM2 RM4 RM4A RM4ab",
    "name='RM1'": "RM1",
    'name = "RM1"': "RM1",
    "name = 'rm1'": "",
    "name != 'RM1'": "RM2 RM4 RM4A RM4ab",
    "name LIKE 'RM4%'": "RM4 RM4A RM4ab",
    "name LIKE 'rm4%'": "",
    "name lIkE '%4a%'": "RM4ab",
    "name ILIKE '%4a%'": "RM4A RM4ab",
    "name iLike '%%'": "RM1 RM2 RM4 RM4A RM4ab",
    "name LIKE 'RM_'": "RM1 RM2 RM4",
    "name LIKE 'RM4'": "RM4",
    "attribute.name = 'RM2'": "RM2",
    "tag.team = 'risk'": "RM1",
    "tags.team = 'risk'": "RM1",
    "tags.`team` = 'risk'": "RM1",
    "tags.\"team\" = 'risk'": "RM1",
    "tags.`two words` = 'x y'": "RM4",
    "tags.`a.b/c:d` LIKE '%'": "RM4",
    "tags.Team = 'risk'": "",
    "tags.team != 'risk'": "RM2",
    "tags.team LIKE 'ri%'": "RM1",
    "tags.team ILIKE 'RI%'": "RM1 RM2",
    "tags.team ILIKE 'RI%' AND tags.team != 'risk'": "RM2",
    "tags.team LIKE '%' and name = 'RM2'": "RM2",
    "tags._mlflow_ids LIKE '%,1,%'": "RM2",
    "tags.quote = \"it's\"": "RM4A",
    "tags.percent LIKE '100\\%'": "",
    "name = ''": "",
    "  name   =   'RM1'  ": "RM1",
}  # fmt: skip
"""Filter → names of the models that it finds."""
VERSION_FILTERS = {
    "version_number = 2": "A/2 B/2",
    "version_number != 2": "A/1 A/3 B/1",
    "version_number >= 2": "A/2 A/3 B/2",
    "version_number < 2": "A/1 B/1",
    "name = 'A' AND version_number > 1 AND version_number <= 3": "A/2 A/3",
    "run_id = 'Run1'": "A/1",
    "run_id != 'Run1'": "A/2 A/3 B/1 B/2",
    "run_id IN ('Run1', 'run2')": "A/1 A/2",
    "run_id IN ('run1','run2')": "A/2",
    "run_id LIKE 'run%'": "A/2 A/3 B/1",
    "run_id ILIKE 'RUN%'": "A/1 A/2 A/3 B/1",
    "name IN ('B')": "B/1 B/2",
    "source_path = 's3://b/x'": "A/2 A/3",
    "source_path = 's3://b/'": "",
    "source_path = ''": "",
    "source_path LIKE 's3://b/%' AND name = 'B'": "B/1 B/2",
    "tag.fruit = 'apple'": "A/1 B/1",
    "tag.fruit != 'apple'": "A/2",
    "tag.fruit LIKE 'AP%'": "",
    "tag.fruit ILIKE 'AP%'": "A/1 B/1",
    "tags.fruit = 'apple' AND name = 'B'": "B/1",
}
"""Filter → names and numbers of the versions that it finds."""
BAD_FILTERS = {
    "name!=something": "either not quoted or unidentified quote types used for string value something",
    "evilhax = true": CLAUSE,
    "name LIKE": CLAUSE,
    "run_id IN": CLAUSE,
    "run_id IN (": CLAUSE,
    "name = 'a' OR name = 'b'": "Invalid clause",
    "(name = 'a')": CLAUSE,
    "name": CLAUSE,
    "AND": CLAUSE,
    "name = 'a' AND": CLAUSE,
    "name = 'unfinished": "",
    "'a' = name": "",
    "name > 'a'": "",
    "nonsense.key = 'a'": "",
    "tags. = 'a'": "",
}
BAD_VERSION_FILTERS = {
    "run_id IN (1,2,3)": LIST + "string value, punctuation, or whitespace, but got different type in list",
    "run_id IN ()": LIST + "a non-empty list of string values, but got empty list",
    "run_id IN (,)": LIST + "a non-empty list of string values, but got ill-formed list",
    "run_id IN ('a',,'b')": LIST + "a non-empty list of string values, but got ill-formed list",
    "version_number = '1'": "",
    "version_number LIKE 1": "",
    "version_number = 99999999999999999999999": None,
    "status = 'READY'": "Invalid attribute key 'status' specified",
    "tags.fruit IN ('apple')": "",
}
"""Filter → what the refusal says; None where an empty answer will do as well."""
FRUIT: dict[str, list[str | None]] = {"A": ["apple", "pear", None], "B": ["apple", None]}
RUNS: dict[str, list[str | None]] = {"A": ["Run1", "run2", "run3"], "B": ["run4", None]}


@pytest.fixture(scope="module")
def stock(mlflow_server: MlflowWire) -> MlflowWire:
    """Five models, and two more with five versions."""
    given = {
        "RM1": {"team": "risk"}, "RM2": {"team": "RISKY", "_mlflow_ids": ",1,2,"},
        "RM4": {"two words": "x y", "a.b/c:d": "1"}, "RM4A": {"quote": "it's"}, "RM4ab": {"percent": "100x"},
    }  # fmt: skip
    for name in ["RM4ab", "RM2", "RM4A", "RM1", "RM4"]:
        mlflow_server.model(name, tags=tagged(**given[name]))
    for name, sources in {"A": ["s3://b/y", "s3://b/x", "s3://b/x"], "B": ["s3://b/z", "s3://b/q"]}.items():
        mlflow_server.model(name, tags=tagged(kind="versions"))
        for source, run, fruit in zip(sources, RUNS[name], FRUIT[name], strict=True):
            more: dict[str, Any] = {"run_id": run} if run else {}
            mlflow_server.version(name, source, tags=tagged(fruit=fruit) if fruit else [], **more)
    return mlflow_server


@pytest.mark.parametrize(("text", "found"), MODEL_FILTERS.items())
def test_a_filter_finds_models(stock: MlflowWire, text: str, found: str):
    assert [name for name in stock.models(filter=text) if name.startswith("RM")] == found.split()


@pytest.mark.parametrize(("text", "found"), VERSION_FILTERS.items())
def test_a_filter_finds_versions(stock: MlflowWire, text: str, found: str):
    wanted = {"filter": text, "order_by": ["name", "version_number"]}
    assert [f"{name}/{number}" for name, number in stock.versions(**wanted)] == found.split()


@pytest.mark.parametrize(
    ("text", "told"), [*BAD_FILTERS.items(), ("run_id='x'", "Invalid attribute key 'run_id' specified")]
)
def test_a_bad_filter_of_models_is_refused(stock: MlflowWire, text: str, told: str):
    status, code, message = stock.refusal("GET", "registered-models/search", filter=text)
    assert (status, code) == (400, WRONG)
    assert told in message


@pytest.mark.parametrize(("text", "told"), [*BAD_FILTERS.items(), *BAD_VERSION_FILTERS.items()])
def test_a_bad_filter_of_versions_is_refused(stock: MlflowWire, text: str, told: str | None):
    if told is None:
        response = stock.send("GET", "model-versions/search", filter=text)
        assert response.status_code in {200, 400}
        return
    status, code, message = stock.refusal("GET", "model-versions/search", filter=text)
    assert (status, code) == (400, WRONG)
    assert told in message


def test_models_come_in_the_order_that_is_asked_for(stock: MlflowWire):
    only, names = "name LIKE 'RM%'", ["RM1", "RM2", "RM4", "RM4A", "RM4ab"]
    made = ["RM4ab", "RM2", "RM4A", "RM1", "RM4"]
    for order_by, expected in [
        ([], names),
        (["name"], names),
        (["name DESC"], names[::-1]),
        (["name   desc"], names[::-1]),
        (["NAME\tDeSc".lower().replace("desc", "DeSc")], names[::-1]),
        (["timestamp"], made),
        (["last_updated_timestamp ASC", "name DESC"], made),
        (["timestamp\r\rDESC"], made[::-1]),
        (["timestamp\ndesc", "name"], made[::-1]),
    ]:
        assert stock.models(filter=only, order_by=order_by) == expected, order_by


def test_versions_come_in_the_order_that_is_asked_for(stock: MlflowWire):
    only = "name IN ('A', 'B')"
    made = [("A", 1), ("A", 2), ("A", 3), ("B", 1), ("B", 2)]
    assert stock.versions(filter=only) == made[::-1], "the newest first"
    for order_by, expected in [
        (["name"], [("A", 3), ("A", 2), ("A", 1), ("B", 2), ("B", 1)]),
        (["name DESC"], [("B", 2), ("B", 1), ("A", 3), ("A", 2), ("A", 1)]),
        (["version_number DESC"], [("A", 3), ("A", 2), ("B", 2), ("A", 1), ("B", 1)]),
        (["version_number", "name DESC"], [("B", 1), ("A", 1), ("B", 2), ("A", 2), ("A", 3)]),
        (["creation_timestamp ASC"], made),
        (["creation_timestamp DESC"], made[::-1]),
        (["last_updated_timestamp ASC"], made),
    ]:
        assert stock.versions(filter=only, order_by=order_by) == expected, order_by


@pytest.mark.parametrize(
    ("what", "order_by", "told"),
    [
        (
            "registered-models",
            ["name ASC", "creation_timestamp DESC"],
            "Invalid order by key 'creation_timestamp' specified",
        ),
        ("registered-models", ["name ASC", "timestamp DESC blah"], "Invalid order_by clause 'timestamp DESC blah'"),
        ("registered-models", ["timestamp", "last_updated_timestamp DESC"], "`order_by` contains duplicate fields:"),
        ("registered-models", ["name", "name"], "`order_by` contains duplicate fields:"),
        ("registered-models", [""], "Invalid order_by clause ''"),
        ("registered-models", ["name sideways"], "Invalid order_by clause"),
        ("model-versions", ["name ASC", "run_id DESC"], "Invalid attribute key 'run_id' specified"),
        (
            "model-versions",
            ["name ASC", "version_number DESC blah"],
            "Invalid order_by clause 'version_number DESC blah'",
        ),
        ("model-versions", ["name; DROP TABLE versions"], "Invalid "),
    ],
)
def test_a_bad_order_is_refused(stock: MlflowWire, what: str, order_by: list[str], told: str):
    status, code, message = stock.refusal("GET", f"{what}/search", filter="name LIKE 'RM%'", order_by=order_by)
    assert (status, code) == (400, WRONG)
    assert told in message


def pages(stock: MlflowWire, what: str, sizes: list[int], **search: Any) -> list[list[str]]:
    """The names, or names with numbers, on the pages of a search, which have these sizes."""
    found, token = [], ""
    for size in sizes:
        answer = stock.ask("GET", f"{what}/search", max_results=size, page_token=token, **search)
        entries = answer.get(what.replace("-", "_"), [])
        found.append(["/".join(filter(None, [entry["name"], entry.get("version")])) for entry in entries])
        token = answer.get("next_page_token", "")
        if not token:
            return found
    return found


@pytest.mark.parametrize("order_by", [[], ["name DESC"], ["timestamp DESC"], ["last_updated_timestamp", "name DESC"]])
def test_pages_of_models_follow_each_other(stock: MlflowWire, order_by: list[str]):
    search: dict[str, Any] = {"filter": "name LIKE 'RM%'", "order_by": order_by}
    whole = stock.models(**search)
    assert pages(stock, "registered-models", [5, 5], **search) == [whole], "a full page that is the last has no token"
    assert pages(stock, "registered-models", [1, 2, 100], **search) == [whole[:1], whole[1:3], whole[3:]]
    assert pages(stock, "registered-models", [1] * 9, **search) == [[name] for name in whole]


@pytest.mark.parametrize("order_by", [[], ["name"], ["version_number DESC"], ["creation_timestamp", "name DESC"]])
def test_pages_of_versions_follow_each_other(stock: MlflowWire, order_by: list[str]):
    search: dict[str, Any] = {"filter": "name IN ('A', 'B')", "order_by": order_by}
    whole = [f"{name}/{number}" for name, number in stock.versions(**search)]
    assert pages(stock, "model-versions", [2, 1, 200_000], **search) == [whole[:2], whole[2:3], whole[3:]]


@pytest.mark.parametrize("what", ["registered-models", "model-versions"])
def test_a_page_has_bounds(stock: MlflowWire, what: str):
    for token in ["evilhax", "!!!", "bm9uc2Vuc2U=", "ü", "x" * 20_000]:
        status, code, message = stock.refusal("GET", f"{what}/search", page_token=token)
        assert (status, code) == (400, WRONG)
        assert "Invalid page token" in message
    assert "could not base64-decode" in stock.refusal("GET", f"{what}/search", page_token="evilhax")[2]
    for size in ["1000000000000000", "-1", "x", "1.5", "9" * 40]:
        assert stock.refusal("GET", f"{what}/search", max_results=size)[:2] == (400, WRONG)
