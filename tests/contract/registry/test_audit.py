"""Looking back: who was live when, the record as it was, the log, checkpoints and evidence."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from modelyard import ModelRegistry
from modelyard.errors import InvalidRequest, InvalidStage, ModelNotFound, VersionNotFound
from modelyard.facade.proof import check_evidence


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def moments(registry: ModelRegistry, weights: Path) -> dict[str, datetime]:
    """A life of a model, and moments in it."""
    moments = {"before": now()}
    first = registry.register_model(str(weights), name="fraud", metrics={"accuracy": 0.9})
    registry.promote_model(first, "staging")
    registry.promote_model(first, "production", requirements={"min_accuracy": 0.8}, comment="first")
    registry.set_alias("fraud", "champion", 1)
    moments["first"] = now()
    weights.write_bytes(b"others")
    second = registry.register_model(str(weights), name="fraud", metrics={"accuracy": 0.95})
    registry.promote_model(second, "staging")
    registry.promote_model(second, "production")
    registry.set_alias("fraud", "champion", 2)
    registry.update_model_metrics(first, {"accuracy": 0.1})
    moments["second"] = now()
    registry.delete_model("fraud", force=True)
    moments["deleted"] = now()
    registry.create_model("fraud", owner="another")
    moments["again"] = now()
    return moments


@pytest.mark.feature("EXP-31", "LIN-09")
def test_who_was_live_is_told_with_the_evidence(registry: ModelRegistry, moments: dict[str, datetime]):
    told = registry.who_was_live("fraud", moments["first"])
    assert told.version is not None
    assert (told.version.version, told.version.metrics, told.aliases) == (
        "0.1.0", {"accuracy": 0.9}, {"champion": "0.1.0"},
    )  # fmt: skip
    assert told.since is not None
    assert told.until is not None
    assert told.since < told.at < told.until
    assert told.by == "local"
    assert told.event is not None
    assert (told.event.type, told.event.data["to"]) == ("version.stage_moved", "production")
    assert [(verdict["requirement"], verdict["actual"]) for verdict in told.verdicts] == [("min_accuracy", 0.9)]
    later = registry.who_was_live("fraud", moments["second"].astimezone(timezone(timedelta(hours=5))))
    assert later.version is not None
    assert (later.version.version, later.aliases) == ("0.1.1", {"champion": "0.1.1"})
    assert registry.who_was_live("fraud", moments["second"], stage="staging").version is None
    assert registry.who_was_live("fraud").version is None
    with pytest.raises(ModelNotFound, match="it was created at"):
        registry.who_was_live("fraud", moments["before"])
    with pytest.raises(ModelNotFound) as refused:
        registry.who_was_live("fraud", moments["deleted"])
    assert "created" in str(refused.value)


@pytest.mark.feature("EXP-31")
def test_a_stage_that_never_was_is_refused(registry: ModelRegistry, moments: dict[str, datetime]):
    with pytest.raises(InvalidStage, match="there is no stage 'prodution'"):
        registry.who_was_live("fraud", moments["first"], stage="prodution")
    registry.set_stage_graph({"initial": "new", "moves": {"new": ["done"], "done": []}}, "fraud")
    # The graph has lost it, and what happened in it stays.
    assert registry.who_was_live("fraud", moments["first"], stage="production").version is not None


@pytest.mark.feature("EXP-31")
def test_reads_answer_as_of_a_moment(registry: ModelRegistry, moments: dict[str, datetime]):
    first, second = moments["first"], moments["second"]
    for reference, then, later in (
        ("fraud/production", 1, 2),
        ("fraud@champion", 1, 2),
        ("fraud", 1, 2),
        ("fraud/^0.1", 1, 2),
        ("fraud/1", 1, 1),
    ):
        assert registry.resolve(reference, as_of=first).number == then
        assert registry.get_model(reference, as_of=second).number == later
    one, again = (registry.get_model("fraud/1", as_of=moment) for moment in (first, second))
    assert (one.stage, one.metrics, one.aliases, len(one.files)) == ("production", {"accuracy": 0.9}, ["champion"], 1)
    assert (again.stage, again.metrics, again.aliases) == ("archived", {"accuracy": 0.1}, [])
    assert again.revision > one.revision
    assert registry.get_model(one.id, as_of=first.isoformat()) == one
    assert [version.number for version in registry.list_versions("fraud", as_of=second)] == [2, 1]
    assert [version.number for version in registry.list_versions("fraud", as_of=second, stage="production")] == [2]
    assert [version.number for version in registry.list_versions("fraud", as_of=second, limit=1)] == [2]
    described = registry.describe_model("fraud", as_of=second)
    assert (described.versions, described.latest_version, described.stages) == (2, "0.1.1", {"production": "0.1.1"})
    assert [alias.version for alias in registry.list_aliases("fraud", as_of=first)] == ["0.1.0"]
    assert registry.describe_model("fraud", as_of=moments["again"]).owner == "another"
    with pytest.raises(VersionNotFound):
        registry.get_model("fraud/2", as_of=first)
    with pytest.raises(VersionNotFound):
        registry.get_model(one.id, as_of=moments["deleted"])
    assert registry.get_model("sha256:" + one.model_hash, as_of=first).number == 1
    with pytest.raises(VersionNotFound):
        registry.get_model("sha256:" + "0" * 64, as_of=first)


@pytest.mark.parametrize(
    "moment",
    ["", "yesterday", "2999-01-01", "2026-03-01T12:00 02:00", datetime(2026, 3, 1), 7],  # noqa: DTZ001 - on purpose
)
def test_what_is_no_moment_of_the_past_is_refused(either_registry: ModelRegistry, moment: Any):
    either_registry.create_model("fraud")
    for ask in (either_registry.describe_model, either_registry.get_model):
        with pytest.raises(InvalidRequest):
            ask("fraud", as_of=moment)
    with pytest.raises(InvalidRequest):
        either_registry.who_was_live("fraud", moment)


@pytest.mark.feature("SEC-04", "LIN-09", "VER-13")
def test_the_log_tells_who_did_what_of_deleted_models_too(registry: ModelRegistry, moments: dict[str, datetime]):
    every = registry.audit_log("fraud")
    kinds = [event.type for event in every]
    assert kinds.count("model.created") == 2
    assert "model.deleted" in kinds
    assert {event.actor for event in every} == {"local"}
    assert [event.type for event in registry.audit_log("fraud", type="alias.*", until=moments["first"])] == [
        "alias.set"
    ]
    period = registry.audit_log(since=moments["first"], until=moments["second"])
    assert "model.created" not in {event.type for event in period}
    assert registry.audit_log(actor="nobody") == []
    assert registry.audit_log("unknown") == []
    assert len(registry.audit_log(limit=3)) == 3
    assert registry.audit_log(since=date(1999, 1, 1), limit=1)[0].type == "model.created"


@pytest.mark.feature("SEC-04", "SEC-08")
def test_the_record_is_verified_against_a_checkpoint(registry: ModelRegistry, moments: dict[str, datetime]):
    assert moments
    made = registry.audit_checkpoint()
    assert made.made
    again = registry.audit_checkpoint()
    assert (again.made, again.hash) == (False, made.hash)
    report = registry.verify_record(made.hash)
    assert (report.sound, report.anchored, report.findings, report.anchor) == (True, True, [], made.hash)
    assert not registry.verify_record("0" * 64).sound


@pytest.mark.feature("SEC-08")
@pytest.mark.every_way
def test_evidence_is_written_and_checked_without_a_registry(
    registry: ModelRegistry, moments: dict[str, datetime], tmp_path: Path
):
    anchor = registry.audit_checkpoint().hash
    whole = registry.export_audit(tmp_path / "evidence.zip")
    report = check_evidence(whole, anchor)
    assert report.findings == []
    assert (report.sound, report.anchored, report.unanchored_events) == (True, True, 0)
    assert report.events == len(registry.audit_log())
    with zipfile.ZipFile(whole) as archive:
        versions = [json.loads(line) for line in archive.read("versions.jsonl").splitlines()]
    assert [(line["version"], line["deleted"]) for line in versions] == [("0.1.0", True), ("0.1.1", True)]
    part = registry.export_audit(tmp_path / "part", "fraud", since=moments["first"], until=moments["second"])
    report = check_evidence(part)
    assert (report.findings, report.chains) == ([], 1)
    assert report.events == len(registry.audit_log("fraud", since=moments["first"], until=moments["second"]))
    assert "canonical form" in (part / "README.md").read_text()
    with pytest.raises(InvalidRequest):
        registry.export_audit(part)
    (part / "README.md").unlink()
    assert [finding.problem for finding in check_evidence(part).findings] == ["the file is missing"]


@pytest.mark.feature("EXP-31", "SEC-08")
def test_approvals_are_part_of_the_answer_and_of_the_evidence(registry: ModelRegistry, tmp_path: Path):
    registry.create_model("fraud")
    version = registry.register_version("fraud", metrics={"accuracy": 0.9})
    registry.promote_model(version, "staging")
    asked = registry.request_promotion(
        version, target_stage="production", requester="bo", requirements={"min_accuracy": 0.8}
    )
    registry.approve_promotion(asked.id, "cy", comment="looks right")
    registry.apply_promotion(asked.id)
    told = registry.who_was_live("fraud", now())
    assert told.event is not None
    assert told.event.data["promotion"] == asked.id
    assert [(one.decision, one.by, one.comment) for one in told.approvals] == [("approved", "cy", "looks right")]
    assert "promotion.requested" in {event.type for event in told.promotion}
    assert [(verdict["requirement"], verdict["actual"]) for verdict in told.verdicts] == [("min_accuracy", 0.9)]
    folder = registry.export_audit(tmp_path / "evidence")
    (line,) = [
        json.loads(text)
        for text in (folder / "promotions.jsonl").read_text().splitlines()
        if json.loads(text)["promotion"] == asked.id
    ]
    assert [one["by"] for one in line["approvals"]] == ["cy"]
    assert check_evidence(folder).findings == []
