"""The catalog: references, lists, search, the latest, the best, lineage, on both databases."""

from __future__ import annotations

import pytest

from components.yards import register
from modelyard.bootstrap import EmbeddedCaller
from modelyard.errors import (
    AliasNotFound,
    InvalidMetric,
    InvalidReference,
    InvalidRequest,
    ModelNotFound,
    VersionNotFound,
)
from modelyard.operations import (
    BEST,
    DEPRECATE,
    LATEST,
    LINEAGE,
    LIST_ALL_VERSIONS,
    LIST_MODELS,
    LIST_VERSIONS,
    RESOLVE,
    SEARCH,
    SET_ALIAS,
    UPDATE_METRICS,
    UPDATE_STAGE,
    UPDATE_VERSION,
    Best,
    Deprecate,
    Latest,
    ListAllVersions,
    ListModels,
    ListVersions,
    Named,
    NamedThen,
    Search,
    SetAlias,
    UpdateMetrics,
    UpdateStage,
    UpdateVersion,
)


def resolve(caller: EmbeddedCaller, reference: str) -> str:
    return caller.call(RESOLVE, NamedThen(reference=reference)).version


@pytest.mark.feature("EXP-01")
def test_every_kind_of_reference(caller: EmbeddedCaller) -> None:
    made = [
        register(caller, "fraud", version.encode(), version=version) for version in ("1.4.2", "1.10.0", "2.0.0-rc.1")
    ]
    caller.call(SET_ALIAS, SetAlias(name="fraud", alias="champion", version="1"))
    caller.call(UPDATE_STAGE, UpdateStage(reference="fraud/1.10.0", stage="staging"))
    expected = {
        "fraud": "2.0.0-rc.1",
        "fraud/latest": "2.0.0-rc.1",
        "fraud@champion": "1.4.2",
        "fraud/2": "1.10.0",
        "fraud/1.4.2": "1.4.2",
        "fraud/^1.4": "1.10.0",
        "fraud/>=1,<1.5": "1.4.2",
        "fraud/Staging": "1.10.0",
        f"sha256:{made[0].model_hash}": "1.4.2",
        f"blake3:{made[1].digest}": "1.10.0",
        made[2].id: "2.0.0-rc.1",
        f"fraud/{made[0].id}": "1.4.2",
    }
    for reference, version in expected.items():
        assert resolve(caller, reference) == version
        assert resolve(caller, f"models:/{reference}") == version


@pytest.mark.parametrize(
    ("reference", "error"),
    [
        ("nothing", ModelNotFound),
        ("nothing/1", ModelNotFound),
        ("fraud/7", VersionNotFound),
        ("fraud/9.9.9", VersionNotFound),
        ("fraud/^9", VersionNotFound),
        ("fraud/production", VersionNotFound),
        ("fraud@nobody", AliasNotFound),
        ("fraud/heaven", InvalidRequest),
        ("fraud/01", InvalidReference),
        ("", InvalidReference),
        ("mv_00000000000000000000000000", VersionNotFound),
        ("sha256:" + "0" * 64, VersionNotFound),
        ("sha256:zz", InvalidReference),
    ],
)
def test_what_names_nothing_says_so(caller: EmbeddedCaller, reference: str, error: type[Exception]) -> None:
    register(caller, "fraud")
    with pytest.raises(error):
        resolve(caller, reference)


def test_a_version_of_another_model_is_not_found_under_this_one(caller: EmbeddedCaller) -> None:
    register(caller, "fraud")
    other = register(caller, "churn", b"other")
    with pytest.raises(VersionNotFound, match="of churn"):
        resolve(caller, f"fraud/{other.id}")


def test_shared_content_is_ambiguous(caller: EmbeddedCaller) -> None:
    made = register(caller, "fraud", b"same")
    register(caller, "churn", b"same")
    with pytest.raises(InvalidReference, match="2 versions"):
        resolve(caller, f"sha256:{made.model_hash}")
    assert resolve(caller, f"churn/sha256:{made.model_hash}") == "0.1.0"


def test_ranges_pass_over_deprecated_versions(caller: EmbeddedCaller) -> None:
    register(caller, "fraud", b"1", version="1.0.0")
    register(caller, "fraud", b"2", version="1.1.0")
    caller.call(DEPRECATE, Deprecate(reference="fraud/1.1.0"))
    assert resolve(caller, "fraud/^1") == "1.0.0"


@pytest.mark.feature("REG-06", "REG-07", "REG-08", "REG-09")
def test_lists_page_through_everything_once(caller: EmbeddedCaller) -> None:
    for number in range(7):
        register(caller, f"model {number % 3}", bytes([number]), status="stable" if number % 2 else "")
    seen, token = [], ""
    while True:
        page = caller.call(LIST_ALL_VERSIONS, ListAllVersions(limit=2, page_token=token))
        seen += [(record.name, record.number) for record in page.versions]
        token = page.next_page_token
        if not token:
            break
    assert seen == [
        ("model 0", 3),
        ("model 2", 2),
        ("model 1", 2),
        ("model 0", 2),
        ("model 2", 1),
        ("model 1", 1),
        ("model 0", 1),
    ]
    names = caller.call(LIST_MODELS, ListModels(limit=2))
    assert [record.name for record in names.models] == ["model 0", "model 1"]
    rest = caller.call(LIST_MODELS, ListModels(limit=2, page_token=names.next_page_token))
    assert ([record.name for record in rest.models], rest.next_page_token) == (["model 2"], "")
    assert [record.versions for record in names.models] == [3, 2]
    assert [
        record.number
        for record in caller.call(LIST_VERSIONS, ListVersions(name="model 0", stage="Development")).versions
    ] == [3, 2, 1]
    assert len(caller.call(LIST_ALL_VERSIONS, ListAllVersions(label="stable")).versions) == 3
    assert caller.call(LIST_ALL_VERSIONS, ListAllVersions(stage="production")).versions == []


@pytest.mark.feature("REG-10", "MET-01", "MET-02")
def test_search_finds_words_and_beginnings(caller: EmbeddedCaller) -> None:
    register(caller, "FraudDetector", b"1", description="Flags card payments", tags={"region": "Île-de-France"})
    register(caller, "churn", b"2", description="Who leaves, and fraud among them")
    found = {
        "fraud": ["churn", "FraudDetector"],
        "FRAUDDET": ["FraudDetector"],
        "card flags": ["FraudDetector"],
        "ile": ["FraudDetector"],
        "leaves fraud": ["churn"],
        "nothing": [],
        "0.1": ["churn", "FraudDetector"],
    }
    for words, names in found.items():
        assert [record.name for record in caller.call(SEARCH, Search(q=words)).versions] == names, words
    caller.call(UPDATE_VERSION, UpdateVersion(reference="churn", metadata={"description": "Who leaves"}))
    assert [record.name for record in caller.call(SEARCH, Search(q="fraud")).versions] == ["FraudDetector"]
    caller.call(UPDATE_STAGE, UpdateStage(reference="churn", stage="staging"))
    assert caller.call(SEARCH, Search(q="fraud", stage="staging")).versions == []
    first = caller.call(SEARCH, Search(q="0.1.0", limit=1))
    assert [record.name for record in first.versions] == ["churn"]
    second = caller.call(SEARCH, Search(q="0.1.0", limit=1, page_token=first.next_page_token))
    assert [record.name for record in second.versions] == ["FraudDetector"]
    for nothing in ("", "  ", '"', "'; DROP TABLE models; --"):
        if nothing.startswith("'"):
            assert caller.call(SEARCH, Search(q=nothing)).versions == []
        else:
            with pytest.raises(InvalidRequest):
                caller.call(SEARCH, Search(q=nothing))


@pytest.mark.feature("REG-15")
def test_latest_is_by_precedence(caller: EmbeddedCaller) -> None:
    for version in ("1.10.0", "1.9.0", "1.10.0-rc.1"):
        register(caller, "fraud", version.encode(), version=version)
    assert caller.call(LATEST, Latest(name="fraud")).version == "1.10.0"
    with pytest.raises(VersionNotFound, match="staging"):
        caller.call(LATEST, Latest(name="fraud", stage="Staging"))


@pytest.mark.feature("REG-16", "MET-05")
def test_best_by_metric(caller: EmbeddedCaller) -> None:
    for accuracy, loss in ((0.8, 0.5), (0.9, 0.7), (0.9, 0.6)):
        register(caller, "fraud", str(loss).encode(), metrics={"accuracy": accuracy, "log_loss": loss, "wobble": loss})
    assert caller.call(BEST, Best(name="fraud", metric="acc")).number == 3
    assert caller.call(BEST, Best(name="fraud", metric="logloss")).number == 1
    with pytest.raises(InvalidMetric, match="wobble"):
        caller.call(BEST, Best(name="fraud", metric="wobble"))
    assert caller.call(BEST, Best(name="fraud", metric="wobble", direction="higher")).number == 2
    with pytest.raises(VersionNotFound, match="recall"):
        caller.call(BEST, Best(name="fraud", metric="recall"))
    caller.call(UPDATE_METRICS, UpdateMetrics(reference="fraud/1", metrics={"accuracy": 0.95}))
    assert caller.call(BEST, Best(name="fraud", metric="accuracy")).number == 1


@pytest.mark.feature("LIN-01")
def test_lineage_follows_parents_and_else_the_line_of_the_model(caller: EmbeddedCaller) -> None:
    base = register(caller, "base", b"0")
    register(caller, "fraud", b"1", parent=base.id)
    register(caller, "fraud", b"2")
    last = register(caller, "fraud", b"3", parent="fraud/1")
    line = caller.call(LINEAGE, Named(reference=last.id)).versions
    assert [(record.name, record.number) for record in line] == [("base", 1), ("fraud", 1), ("fraud", 3)]
