"""Finding and describing: the same results and the same errors, wherever the registry is."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelyard import (
    AliasNotFound,
    InvalidMetadata,
    InvalidMetric,
    InvalidName,
    InvalidReference,
    InvalidRequest,
    InvalidStage,
    ModelNotFound,
    ModelStage,
    PreconditionFailed,
    VersionNotFound,
)

BAD_REFERENCES = [
    "", " ", None, 5, True, b"fraud", ["fraud"], "fraud@", "fraud@latest@x", "fraud/", "fraud/1.0.0/x",
    "fraud/v1.0.0", "fraud/01", "sha256:abc", "models:/", "fraud/>=1,<", "\ud800", "a\0b", "fraud/../x",
    "fraud@champion?x=1", "x" * 2000,
]  # fmt: skip


@pytest.fixture
def fraud(registry, weights: Path):
    """Three versions of a model: 0.9.0 archived, 1.0.0 in production, 1.4.2 in development."""
    facts = [("0.9.0", None, 0.8), ("1.0.0", "stable", 0.95), ("1.4.2", "beta", 0.9)]
    ids = [
        registry.register_model(weights, "fraud", version, label=label, metrics={"accuracy": accuracy}, tags={"n": n})
        for n, (version, label, accuracy) in enumerate(facts)
    ]
    registry.archive_model(ids[0])
    registry.promote_model(ids[1], ModelStage.STAGING)
    registry.promote_model(ids[1], ModelStage.PRODUCTION)
    registry.set_alias("fraud", "champion", "1.0.0")
    return ids


@pytest.mark.feature("REG-05", "STG-16")
def test_every_reference_finds_its_version(registry, fraud):
    old, champion, newest = fraud
    digest = registry.get_model(newest).digest
    assert len({registry.get_model(version).digest for version in fraud}) == 1, "the files are the same"
    for reference, version in {
        old: old, f"fraud/{old}": old, "fraud/0.9.0": old, "fraud/1": old, "fraud/archived": old,
        "fraud@champion": champion, "fraud/production": champion, "models:/fraud/Production": champion,
        "fraud/~1.0": champion,
        "fraud": newest, "fraud/latest": newest, "fraud@latest": newest, "fraud/^1": newest, "fraud/1.x": newest,
        "models:/fraud/3": newest, "fraud/none": newest,
    }.items():  # fmt: skip
        assert registry.get_model(reference).id == version, reference
        assert registry.resolve(reference).id == version, reference
    with pytest.raises(InvalidReference, match="3 versions have this content"):
        registry.get_model(f"blake3:{digest}")


def test_a_record_stands_for_what_it_is_of(registry, fraud):
    for record, version in (
        (registry.get_model(fraud[0]), fraud[0]),
        (registry.resolve(fraud[1]), fraud[1]),
        (registry.describe_model("fraud"), fraud[2]),
        (registry.list_aliases("fraud")[0], fraud[1]),
    ):
        assert registry.get_model(record).id == version
    assert registry.get_latest_version("fraud") == fraud[2] == registry.get_model(fraud[2])
    assert {registry.get_model(fraud[0])} == {fraud[0]}


@pytest.mark.feature("STG-16")
def test_a_version_is_named_by_its_model_and_something_in_it(registry, fraud):
    assert registry.get_model("fraud", "1.0.0") == fraud[1]
    assert registry.get_model("fraud", 3) == registry.get_model("fraud", "^1") == fraud[2]
    assert (
        registry.get_model("fraud", fraud[0]) == registry.get_model("fraud", registry.get_model(fraud[0])) == fraud[0]
    )
    assert registry.get_model("fraud", "@champion") == registry.get_model("fraud", stage="Production") == fraud[1]
    assert registry.get_model("fraud", stage=ModelStage.ARCHIVED) == fraud[0]
    assert (
        registry.get_model("fraud", "models:/fraud@champion") == registry.get_model("fraud", "fraud/1.0.0") == fraud[1]
    )
    assert registry.get_model("fraud", registry.list_aliases("fraud")[0]) == fraud[1]
    with pytest.raises(InvalidReference):
        registry.get_model("fraud", "other/1.0.0")
    with pytest.raises(VersionNotFound):
        registry.get_model("fraud", registry.register_version("other", "1.0.0", create=True))
    with pytest.raises(InvalidRequest, match="both"):
        registry.get_model("fraud", "1.0.0", stage="production")
    with pytest.raises(VersionNotFound):
        registry.get_model("fraud", stage="staging")
    with pytest.raises(InvalidStage):
        registry.get_model("fraud", stage="nowhere")


def test_what_is_not_there_is_told_apart(registry, fraud, subtests):
    asks = (registry.get_model, registry.resolve, registry.load_model, registry.get_model_lineage, registry.verify)
    for reference, error in (
        ("nobody", ModelNotFound),
        ("nobody/1.0.0", ModelNotFound),
        ("fraud/9.9.9", VersionNotFound),
        ("fraud/99", VersionNotFound),
        ("fraud/^9", VersionNotFound),
        ("fraud@nobody", AliasNotFound),
        ("fraud/staging", VersionNotFound),
        ("fraud/nostage", InvalidStage),
        ("mv_01m7yqr84m9xv7nx5f0nnjy8t7", VersionNotFound),
        ("blake3:" + "0" * 64, VersionNotFound),
    ):
        with subtests.test(reference):
            for ask in asks:
                with pytest.raises(error) as caught:
                    ask(reference)
                assert type(caught.value) is error
                assert caught.value.hint


def test_a_bad_reference_is_refused_everywhere(either_registry, subtests):
    registry = either_registry
    asks = (
        registry.get_model, registry.resolve, registry.load_model, registry.download_model, registry.get_model_lineage,
        registry.archive_model, registry.deprecate_model, registry.delete_model, registry.rollback_model,
        lambda given: registry.promote_model(given, "staging"),
        lambda given: registry.update_model_stage(given, "staging"),
        lambda given: registry.compare_models(given, given),
        lambda given: registry.update_model_metrics(given, {"a": 1}),
        lambda given: registry.set_tags(given, {"a": "b"}),
    )  # fmt: skip
    for reference in BAD_REFERENCES:
        with subtests.test(repr(reference)[:20]):
            for ask in asks:
                with pytest.raises(InvalidReference) as caught:
                    ask(reference)
                assert type(caught.value) is InvalidReference


@pytest.mark.feature("REG-06", "REG-07", "REG-08", "REG-09")
def test_versions_are_listed_newest_first_and_filtered(registry, fraud, weights):
    other = registry.register_model(weights, "other", label="stable")
    assert [version.id for version in registry.list_models()] == [other, *fraud[::-1]]
    assert [version.id for version in registry.list_versions("fraud")] == fraud[::-1]
    assert registry.list_models("production") == [fraud[1]]
    assert registry.list_models(stage=ModelStage.DEVELOPMENT, limit=1) == [other]
    assert registry.list_models(label="Stable") == [other, fraud[1]]
    assert (
        registry.list_models(name="fraud", stage="development")
        == registry.list_versions("fraud", label="beta")
        == [fraud[2]]
    )
    assert [f"{model.name} v{model.version} - {model.stage.value}" for model in registry.list_models(limit=2)] == [
        "other v0.1.0 - development", "fraud v1.4.2 - development",
    ]  # fmt: skip
    assert registry.list_models(limit=0) == []


@pytest.mark.every_way
def test_long_lists_are_fetched_page_by_page(registry, weights, monkeypatch):
    monkeypatch.setattr("modelyard.facade.base.PAGE", 2)
    ids = [registry.register_model(weights, f"model {number % 3}") for number in range(7)]
    assert registry.list_models() == ids[::-1]
    assert registry.list_models(limit=5) == ids[:1:-1]
    assert registry.list_versions("model 0") == [ids[6], ids[3], ids[0]]
    assert registry.search_models("model", limit=None) == ids[::-1]
    assert [model.name for model in registry.models()] == ["model 0", "model 1", "model 2"]
    assert [model.name for model in registry.models(limit=1)] == ["model 0"]
    assert [event.sequence for event in registry.get_history()] == sorted(
        event.sequence for event in registry.get_history()
    )
    assert len(registry.get_history()) == 10


def test_a_limit_is_a_whole_number(either_registry):
    for limit in [-1, 1.5, "3", True]:
        for ask in (either_registry.list_models, either_registry.models, either_registry.get_history):
            with pytest.raises(InvalidRequest, match="limit"):
                ask(limit=limit)


def test_a_filter_that_cannot_match_is_refused(registry):
    for filters, error in (
        ({"stage": "nowhere"}, InvalidStage),
        ({"label": "golden"}, InvalidMetadata),
        ({"label": 3}, InvalidMetadata),
        ({"name": "a/b"}, InvalidName),
        ({"name": "nobody"}, ModelNotFound),
    ):
        with pytest.raises(error):
            registry.list_models(**filters)


@pytest.mark.feature("REG-10")
def test_words_find_versions(registry, fraud, weights):
    detector = registry.register_model(weights, "CaféDetector", description="Finds cafés", tags={"city": "Zürich"})
    for query in ("cafe", "CAFÉ det", "zurich", "detector finds", "caf"):
        assert registry.search_models(query) == [detector], query
    assert registry.search_models("fraud") == fraud[::-1]
    assert registry.search_models("fraud", limit=1) == [fraud[2]]
    assert registry.search_models("fraud", stage="production") == [fraud[1]]
    assert registry.search_models("nothing like this") == []
    for wrong in ("", " ", "!?", "\0", "x" * 2000, 5, None):
        with pytest.raises(InvalidRequest):
            registry.search_models(wrong)


@pytest.fixture
def owned(registry):
    """Models of two people and two teams; versions that say nothing of it, and one that says otherwise."""
    registry.create_model("cards", owner="ana", team="risk", tags={"tier": "1", "pii": "yes"})
    registry.create_model("churn", owner="ben", team="risk", tags={"tier": "2"})
    registry.create_model("loans", owner="ana")
    for name in ("cards", "churn", "loans"):
        registry.register_version(name, "1.0.0", description="a model of money")
    registry.register_version("cards", "2.0.0", description="money too", owner="ben", team="ops", tags={"tier": "9"})
    registry.promote_model("churn/1.0.0", "staging")


@pytest.mark.feature("REG-09", "OBS-04")
@pytest.mark.every_way
def test_models_are_narrowed_by_owner_team_tag_and_stage(registry, owned, monkeypatch):
    monkeypatch.setattr("modelyard.facade.base.PAGE", 1)
    for wanted, names in (
        ({"owner": "ana"}, ["cards", "loans"]),
        ({"owner": "an"}, []),
        ({"team": "risk"}, ["cards", "churn"]),
        ({"team": "risk", "owner": "ana"}, ["cards"]),
        ({"tag": "tier"}, ["cards", "churn"]),
        ({"tag": "tier=2"}, ["churn"]),
        ({"tag": "tier="}, []),
        ({"stage": "staging"}, ["churn"]),
        ({"stage": ModelStage.DEVELOPMENT}, ["cards", "loans"]),
        ({"stage": "Development", "owner": "ana", "team": "risk", "tag": "pii=yes"}, ["cards"]),
        ({"stage": "production"}, []),
        ({"owner": "", "tag": None}, ["cards", "churn", "loans"]),
    ):
        assert [model.name for model in registry.models(**wanted)] == names, wanted
    assert [model.name for model in registry.models(owner="ana", limit=1)] == ["cards"]
    registry.update_model("loans", owner="ben", tags={"tier": "2"})
    assert [model.name for model in registry.models(owner="ben", tag="tier=2")] == ["churn", "loans"]
    registry.delete_model("churn/1.0.0", force=True)
    assert registry.models(stage="staging") == []


@pytest.mark.feature("REG-10", "OBS-04")
@pytest.mark.every_way
def test_found_versions_are_narrowed_by_what_they_or_their_models_say(registry, owned, monkeypatch):
    monkeypatch.setattr("modelyard.facade.base.PAGE", 1)
    for wanted, versions in (
        ({"owner": "ana"}, ["loans 1.0.0", "cards 1.0.0"]),
        ({"owner": "ben"}, ["cards 2.0.0", "churn 1.0.0"]),
        ({"team": "ops"}, ["cards 2.0.0"]),
        ({"team": "risk"}, ["churn 1.0.0", "cards 1.0.0"]),
        ({"tag": "tier"}, ["cards 2.0.0", "churn 1.0.0", "cards 1.0.0"]),
        ({"tag": "tier=1"}, ["cards 1.0.0"]),
        ({"tag": "tier=9"}, ["cards 2.0.0"]),
        ({"tag": "pii=yes", "owner": "ben"}, ["cards 2.0.0"]),
        ({"stage": "staging", "owner": "ben"}, ["churn 1.0.0"]),
        ({"stage": "production"}, []),
        ({"owner": "nobody"}, []),
    ):
        found = registry.search_models("money", **wanted, limit=None)
        assert [f"{one.name} {one.version}" for one in found] == versions, wanted
    assert [one.version for one in registry.search_models("too", owner="ben")] == ["2.0.0"]
    registry.update_version("cards/2.0.0", owner="", tags={"tier": None})
    registry.update_model("cards", owner="eve")
    assert [one.version for one in registry.search_models("money", owner="eve", tag="tier=1")] == ["2.0.0", "1.0.0"]


def test_what_no_list_can_be_narrowed_by_is_refused(registry):
    for wrong, error in (
        ({"owner": "x" * 251}, InvalidRequest),
        ({"owner": 5}, InvalidRequest),
        ({"team": "a\0b"}, InvalidRequest),
        ({"tag": "=1"}, InvalidRequest),
        ({"tag": "a\0"}, InvalidName),
        ({"tag": {"a": "b"}}, InvalidRequest),
        ({"stage": "nowhere"}, InvalidStage),
    ):
        for ask in (registry.models, lambda **wanted: registry.search_models("money", **wanted)):
            with pytest.raises(error):
                ask(**wrong)


@pytest.mark.feature("REG-15")
def test_the_latest_version_is_the_highest(registry, fraud, weights):
    registry.register_model(weights, "fraud", "0.9.5")
    assert registry.get_latest_version("fraud") == fraud[2]
    assert registry.get_latest_version("fraud", stage="production") == fraud[1]
    with pytest.raises(ModelNotFound):
        registry.get_latest_version("nobody")
    with pytest.raises(VersionNotFound):
        registry.get_latest_version("fraud", stage="staging")


@pytest.mark.feature("REG-16")
@pytest.mark.every_way
def test_the_best_version_by_a_metric(registry, fraud):
    registry.update_model_metrics(fraud[2], {"latency_ms": 5, "wobble": 1})
    registry.update_model_metrics(fraud[1], {"latency_ms": 9, "wobble": 2})
    assert registry.get_best_model("fraud", "accuracy") == fraud[1]
    assert registry.get_best_model("fraud", "accuracy", stage="development") == fraud[2]
    assert registry.get_best_model("fraud", "latency_ms") == fraud[2]
    assert registry.get_best_model("fraud", "wobble", direction="higher") == fraud[1]
    for arguments, error in (
        (("fraud", "wobble"), InvalidMetric),
        (("fraud", "recall"), VersionNotFound),
        (("nobody", "accuracy"), ModelNotFound),
        (("fraud", 5), InvalidMetric),
        (("fraud", None), InvalidMetric),
    ):
        with pytest.raises(error):
            registry.get_best_model(*arguments)
    with pytest.raises(InvalidMetric):
        registry.get_best_model("fraud", "wobble", direction="sideways")


@pytest.mark.feature("MET-05")
def test_metrics_are_added_and_corrected(registry, fraud):
    changed = registry.update_model_metrics(
        fraud[0], {"accuracy": 0.94, "f1_score": 0.93}, validation_metrics={"auc": 1}
    )
    assert changed == registry.get_model(fraud[0])
    assert (changed.metrics, changed.validation_metrics) == ({"accuracy": 0.94, "f1_score": 0.93}, {"auc": 1.0})
    revision = changed.revision
    for metrics in ({"accuracy": float("nan")}, {"accuracy": "high"}, {"accuracy": None}, 5):
        with pytest.raises(InvalidMetric):
            registry.update_model_metrics(fraud[0], metrics)
    with pytest.raises(PreconditionFailed) as caught:
        registry.update_model_metrics(fraud[0], {"accuracy": 0.1}, if_match=revision + 1)
    assert caught.value.details == {"revision": revision, "if_match": revision + 1}
    assert registry.get_model(fraud[0]).metrics["accuracy"] == 0.94
    assert registry.update_model_metrics(fraud[0], {"accuracy": 0.95}, if_match=revision).revision == revision + 1


@pytest.mark.feature("MET-01", "MET-02")
def test_metadata_grows_and_is_corrected(registry, fraud):
    changed = registry.update_version(
        fraud[0], description="Better", hyperparams={"depth": 3}, tags={"n": None, "more": 1}, status="stable"
    )
    assert (changed.description, changed.hyperparameters) == ("Better", {"depth": 3})
    assert (changed.tags, changed.label) == ({"more": "1"}, "stable")
    assert registry.set_tags(fraud[0], {"more": None, "x": "y"}).tags == {"x": "y"}
    assert registry.update_version(fraud[0], description="", label="").label == ""
    assert registry.get_model(fraud[0]).description == ""
    for fields, error in (
        ({"descripton": "x"}, InvalidMetadata),
        ({"stage": "production"}, InvalidMetadata),
        ({"files": []}, InvalidMetadata),
        ({"tags": {"a": {}}}, InvalidMetadata),
        ({"tags": 5}, InvalidMetadata),
        ({"metrics": {"a": float("inf")}}, InvalidMetric),
        ({"label": "golden"}, InvalidMetadata),
        ({"if_match": 1, "description": "old"}, PreconditionFailed),
        ({"if_match": "1"}, InvalidRequest),
    ):
        with pytest.raises(error):
            registry.update_version(fraud[0], **fields)
    assert registry.get_model(fraud[0]).tags == {"x": "y"}


def test_a_model_is_described_and_changed(registry, fraud):
    model = registry.describe_model("fraud")
    assert (model.versions, model.latest_version) == (3, "1.4.2")
    assert (model.stages, model.aliases) == ({"production": "1.0.0"}, {"champion": "1.0.0"})
    changed = registry.update_model("fraud", owner="ann", tags={"a": 1, "b": None})
    assert (changed.owner, changed.tags, changed.description) == ("ann", {"a": "1"}, "")
    assert registry.update_model("fraud", owner="", tags={"a": None}).tags == {}
    with pytest.raises(ModelNotFound):
        registry.update_model("nobody", owner="ann")
    with pytest.raises(PreconditionFailed):
        registry.update_model("fraud", owner="eve", if_match=1)
    with pytest.raises(InvalidRequest):
        registry.update_model("fraud", owner=5)


def test_aliases_move(registry, fraud):
    alias = registry.set_alias("fraud", "challenger", fraud[2], if_match=0)
    assert (alias.name, alias.alias, alias.version, alias.number, alias.version_id) == (
        "fraud",
        "challenger",
        "1.4.2",
        3,
        fraud[2],
    )
    assert registry.get_model(fraud[2]).aliases == ["challenger"]
    moved = registry.set_alias("fraud", "challenger", "fraud/0.9.0", if_match=alias.revision)
    assert (moved.version_id, moved.revision > alias.revision) == (fraud[0], True)
    with pytest.raises(PreconditionFailed):
        registry.set_alias("fraud", "challenger", 3, if_match=alias.revision)
    assert [entry.alias for entry in registry.list_aliases("fraud")] == ["challenger", "champion"]
    assert [entry.alias for entry in registry.delete_alias("fraud", "challenger")] == ["champion"]
    with pytest.raises(AliasNotFound):
        registry.delete_alias("fraud", "challenger")
    with pytest.raises(AliasNotFound):
        registry.get_model("fraud@challenger")


def test_an_alias_that_cannot_be(registry, fraud, weights):
    registry.register_model(weights, "other")
    for arguments, error in (
        (("fraud", "latest", 1), InvalidName),
        (("fraud", "v1", 1), InvalidName),
        (("fraud", "a b", 1), InvalidName),
        (("fraud", "", 1), InvalidName),
        (("fraud", None, 1), InvalidName),
        (("nobody", "a", 1), ModelNotFound),
        (("fraud", "a", 99), VersionNotFound),
        (("fraud", "a", "other/1"), VersionNotFound),
        (("fraud", "a", 1.5), InvalidReference),
    ):
        with pytest.raises(error):
            registry.set_alias(*arguments)
    assert [entry.alias for entry in registry.list_aliases("fraud")] == ["champion"]


@pytest.mark.feature("VER-12")
def test_history_tells_what_happened_in_order(registry, fraud, weights):
    registry.register_model(weights, "other")
    kinds = [event.type for event in registry.get_history("fraud")]
    assert kinds[:4] == ["model.created", "version.registered", "version.registered", "version.registered"]
    assert kinds[-1] == "alias.set"
    assert [event.position for event in registry.get_history("fraud")] == list(range(1, len(kinds) + 1))
    of_version = registry.get_history("fraud/1.0.0")
    assert of_version == registry.get_history(fraud[1]) == registry.get_history(registry.get_model(fraud[1]))
    assert {event.version_id for event in of_version} == {fraud[1]}
    assert [event.data["to"] for event in of_version if event.type == "version.stage_moved"] == [
        "staging",
        "production",
    ]
    assert len(registry.get_history()) == len(kinds) + 2
    assert len(registry.get_history("fraud", limit=2)) == 2
    with pytest.raises(ModelNotFound):
        registry.get_history("nobody")
