"""Numbers that keep their promises: the same refusals, proposals and ranges, wherever the registry is."""

from __future__ import annotations

import numpy as np
import pytest

from components import onnx as made
from modelyard import InvalidMetadata, ModelNotFound, VersionExists
from modelyard.errors import BreakingChange

OLD = {"input_schema": {"age": "int32", "income": "float64"}, "output_schema": {"score": "float64"}}
GONE = {**OLD, "input_schema": {"age": "int32"}}
WIDER = {**OLD, "input_schema": {"age": "int64", "income": "float64"}}


@pytest.fixture
def fraud(registry):
    registry.create_model("fraud")
    registry.register_version("fraud", "1.4.0", **OLD)
    return registry


@pytest.mark.feature("EXP-35")
def test_a_false_minor_is_refused_and_let_in_for_a_reason(fraud):
    fraud.register_version("fraud", "2.0.0", **GONE)
    with pytest.raises(BreakingChange, match=r"'income' was removed") as caught:
        fraud.register_version("fraud", "1.5.0", **GONE)
    error = caught.value
    assert (error.code, error.exit_code) == ("breaking_change", 6)
    assert [change["field"] for change in error.details["changes"]] == ["income"]
    assert (error.details["baseline"], error.details["next_version"]) == ("1.4.0", "3.0.0")
    assert "3.0.0" in error.hint
    assert "allow_breaking" in error.hint
    with pytest.raises(BreakingChange):
        fraud.register_version("fraud", "1.5.0", allow_breaking="  ", **GONE)
    made_id = fraud.register_version("fraud", "1.5.0", allow_breaking="nobody sends it", **GONE)
    assert fraud.get_model(made_id).allow_breaking == "nobody sends it"
    event = fraud.get_history(made_id)[0]
    assert event.type == "version.registered"
    assert event.data["allow_breaking"]["reason"] == "nobody sends it"
    assert event.data["allow_breaking"]["changes"][0]["field"] == "income"


@pytest.mark.feature("EXP-35")
def test_an_upload_is_held_to_its_number_too(registry, tmp_path):
    file = tmp_path / "model.onnx"
    file.write_bytes(made.simple((None, 4)))
    first = registry.register_model(file, "fraud", "1.0.0")
    assert registry.get_model(first).input_schema["fields"][0]["shape"] == [-1, 4]
    file.write_bytes(made.simple((None, 5)))
    with pytest.raises(BreakingChange, match="a size changed"):
        registry.register_model(file, "fraud", "1.1.0")
    assert registry.propose_version("fraud", model_path=file).version == "2.0.0"
    second = registry.register_model(file, "fraud", "1.1.0", allow_breaking="same callers")
    assert registry.get_model(second).allow_breaking == "same callers"
    own = registry.register_model(file, "fraud", input_schema={"x": "string"}, input_example=np.zeros((2, 3)))
    assert registry.get_model(own).input_schema == {"x": "string"}
    assert registry.get_model(own).version == "2.0.0"


@pytest.mark.feature("EXP-35")
def test_the_signature_chooses_the_number(registry):
    registry.create_model("m")
    optional = {"fields": [{"name": "x", "type": "int64"}, {"name": "y", "type": "int8", "optional": True}]}
    steps = [
        ({"x": "int32"}, "0.1.0"),
        ({"x": "int32"}, "0.1.1"),
        ({"x": "int64"}, "0.1.2"),
        ({"x": "int32"}, "0.2.0"),
        ({}, "0.2.1"),
        ({"x": "string"}, "0.3.0"),  # nothing is known of 0.2.1, so it is compared with 0.2.0
        ("1.0.0", {"x": "int32"}),
        ({"x": "int64"}, "1.1.0"),
        (optional, "1.2.0"),
        (optional, "1.2.1"),
        ({"x": "int64"}, "2.0.0"),
    ]
    for given, expected in steps:
        if isinstance(given, str):
            registry.register_version("m", given, input_schema=expected)
            continue
        proposed = registry.propose_version("m", input_schema=given)
        registered = registry.get_model(registry.register_version("m", input_schema=given)).version
        assert (proposed.version, registered) == (expected, expected)


@pytest.mark.feature("EXP-35")
def test_a_proposal_tells_its_reasons(fraud):
    proposed = fraud.propose_version("fraud", **GONE)
    assert (proposed.version, proposed.bump, proposed.baseline, proposed.outcome) == (
        "2.0.0", "major", "1.4.0", "breaking",
    )  # fmt: skip
    assert "'income' was removed" in proposed.reason
    assert fraud.propose_version("fraud", **WIDER).version == "1.5.0"
    unknown = fraud.propose_version("fraud")
    assert (unknown.version, unknown.bump, unknown.baseline) == ("1.4.1", "patch", None)
    fraud.create_model("new")
    assert fraud.propose_version("new", **OLD).version == "0.1.0"
    assert fraud.propose_version("fraud", input_example={"age": [1, 2]}).bump == "major"
    with pytest.raises(ModelNotFound):
        fraud.propose_version("nobody")
    with pytest.raises(InvalidMetadata):
        fraud.propose_version("fraud", input_schema={"fields": [1]})
    assert len(fraud.list_versions("fraud")) == 1


@pytest.mark.feature("EXP-35")
def test_the_baseline_is_the_parent_or_the_highest_release_before(fraud):
    fraud.register_version("fraud", "1.5.0", allow_breaking="tried out", **GONE)
    with pytest.raises(BreakingChange, match=r"callers of 1\.5\.0"):
        fraud.register_version("fraud", "1.6.0", input_schema={"agee": "int32"})
    back = fraud.register_version("fraud", "1.6.0", parent="fraud/1.4.0", **WIDER)
    assert fraud.get_model(back).allow_breaking == ""
    fraud.register_version("fraud", "2.0.0-rc.1", **GONE)
    fraud.register_version("fraud", "2.0.0", **OLD)
    with pytest.raises(BreakingChange, match=r"callers of 2\.0\.0"):
        fraud.register_version("fraud", "2.0.1", parent="fraud/1.4.0", **GONE)
    with pytest.raises(BreakingChange):
        fraud.register_version("fraud", "2.1.0-rc.1", **GONE)
    with pytest.raises(VersionExists):
        fraud.register_version("fraud", "1.4.0", **GONE)


def test_a_deprecated_or_deleted_version_is_no_baseline(fraud):
    fraud.register_version("fraud", "1.5.0", allow_breaking="a mistake", **GONE)
    fraud.deprecate_model("fraud/1.5.0", "a mistake")
    fraud.register_version("fraud", "1.5.1", **OLD)
    fraud.register_version("fraud", "1.6.0", **WIDER)
    fraud.delete_model("fraud/1.6.0", force=True)
    fraud.register_version("fraud", "1.6.1", **OLD)
    assert fraud.get_model("fraud/^1.4").version == "1.6.1"


@pytest.mark.feature("EXP-35")
def test_a_range_passes_over_a_breaking_version(fraud):
    fraud.register_version("fraud", "1.5.0", **WIDER)
    fraud.register_version("fraud", "1.6.0", allow_breaking="a new form", **GONE)
    resolved = {wanted: fraud.get_model(f"fraud/{wanted}").version for wanted in ("^1.4", "~1.6", ">=1.6", "latest")}
    assert resolved == {"^1.4": "1.5.0", "~1.6": "1.6.0", ">=1.6": "1.6.0", "latest": "1.6.0"}
    fraud.register_version("fraud", "1.6.1")
    fraud.register_version("fraud", "2.0.0", **GONE)
    assert fraud.get_model("fraud/^1.4").version == "1.6.1"  # its signature is not known
    assert fraud.get_model("fraud/>=1.4").version == "2.0.0"
    fraud.update_version("fraud/1.6.1", **GONE)
    assert fraud.get_model("fraud/^1.4").version == "1.5.0"


@pytest.mark.feature("VER-06", "EXP-35")
@pytest.mark.every_way
def test_compatibility_is_judged_by_numbers_and_signatures(fraud):
    fraud.register_version("fraud", "1.5.0", **WIDER)
    fraud.register_version("fraud", "1.6.0", allow_breaking="a new form", **GONE)
    fraud.register_version("fraud", "1.7.0")
    fraud.register_version("fraud", "2.0.0", **OLD)
    answers = {
        other: fraud.is_compatible("fraud/1.4.0", f"fraud/{other}") for other in ("1.5.0", "1.6.0", "1.7.0", "2.0.0")
    }
    assert {other: bool(answer) for other, answer in answers.items()} == {
        "1.5.0": True, "1.6.0": False, "1.7.0": True, "2.0.0": False,
    }  # fmt: skip
    assert "no change breaks" in answers["1.5.0"].reason
    assert "'income' was removed" in answers["1.6.0"].reason
    assert "not known" in answers["1.7.0"].reason
    assert "major" in answers["2.0.0"].reason
    found = fraud.compare_signatures("fraud/1.4.0", "fraud/1.5.0")
    assert (found.outcome, found.required_bump, found.compatible) == ("compatible", "minor", True)
    assert (found.a.version, found.b.version) == ("1.4.0", "1.5.0")
    assert not fraud.is_compatible("fraud/1.5.0", "fraud/1.4.0")
    same = fraud.compare_signatures("fraud/1.4.0", "fraud/2.0.0")
    assert (same.outcome, same.required_bump, same.changes) == ("none", "patch", [])


def test_the_reason_stays_as_it_was_said(fraud):
    needless = fraud.register_version("fraud", "1.4.1", allow_breaking="just in case", **OLD)
    assert fraud.get_model(needless).allow_breaking == ""
    with pytest.raises(InvalidMetadata, match="allow_breaking"):
        fraud.update_version(needless, allow_breaking="afterwards")
    fraud.register_version("fraud", "1.5.0", allow_breaking="a new form", **GONE)
    record = fraud.update_version("fraud/1.5.0", allow_breaking="a new form", description="x")
    assert (record.allow_breaking, record.description) == ("a new form", "x")
    for wrong in (True, 5, "x" * 1001):
        with pytest.raises(InvalidMetadata):
            fraud.register_version("fraud", "1.6.0", allow_breaking=wrong, **OLD)


@pytest.mark.feature("VER-14")
def test_what_changed_is_recorded_corrected_and_told(fraud):
    notes = {"changelog": "- more trees", "migration_notes": "Send cents.", "known_issues": "Slow."}
    fraud.register_version("fraud", "1.5.0", **notes, **WIDER)
    record = fraud.update_version("fraud/1.5.0", known_issues="Slow on old machines.")
    assert (record.changelog, record.migration_notes, record.known_issues) == (
        "- more trees", "Send cents.", "Slow on old machines.",
    )  # fmt: skip
    text = fraud.changelog("fraud")
    assert text.index("## 1.5.0") < text.index("Slow on old machines.") < text.index("## 1.4.0")
    for since in ("1.4.0", "1", "latest"):
        assert "## 1.4.0" not in fraud.changelog("fraud", since)
    with pytest.raises(ModelNotFound):
        fraud.changelog("nobody")


@pytest.mark.feature("EXP-35")
def test_a_release_without_a_signature_does_not_end_the_promise(fraud):
    half = {"input_schema": OLD["input_schema"]}
    fraud.register_version("fraud", "1.5.0")
    fraud.register_version("fraud", "1.6.0", **half)
    for schemas, old in ((GONE, "1.6.0"), ({**half, "output_schema": {"score": "string"}}, "1.4.0")):
        with pytest.raises(BreakingChange, match="callers of " + old) as caught:
            fraud.register_version("fraud", "1.7.0", **schemas)
        assert caught.value.details["baseline"] == old
        assert fraud.propose_version("fraud", **schemas).version == "2.0.0"
    assert "1.6.0 (inputs) and 1.4.0 (outputs)" in fraud.propose_version("fraud", **WIDER).reason
    fraud.register_version("fraud", "1.7.0", **WIDER)
    assert fraud.get_model("fraud/^1.4").version == "1.7.0"
    fraud.register_version("fraud", "2.0.0")
    fraud.register_version("fraud", "2.1.0", **GONE)


@pytest.mark.feature("EXP-35")
def test_a_later_change_of_schemas_is_held_to_the_number_too(fraud):
    fraud.update_version("fraud/1.4.0", **WIDER)
    fraud.update_version("fraud/1.4.0", **OLD)
    fraud.register_version("fraud", "1.5.0", **OLD)
    with pytest.raises(BreakingChange, match=r"1\.5\.0 would break callers of 1\.4\.0.*'income' was removed"):
        fraud.update_version("fraud/1.5.0", **GONE)
    assert fraud.update_version("fraud/1.5.0", allow_breaking="needless", **WIDER).allow_breaking == ""
    record = fraud.update_version("fraud/1.5.0", allow_breaking="nobody sends it", **GONE)
    assert (record.allow_breaking, record.input_schema) == ("nobody sends it", {"age": "int32"})
    event = fraud.get_history("fraud/1.5.0")[-1]
    assert event.type == "version.updated"
    assert event.data["allow_breaking"]["changes"][0]["field"] == "income"
    with pytest.raises(BreakingChange):
        fraud.update_version("fraud/1.5.0", input_schema={"age": "string"})


@pytest.mark.feature("MET-19")
def test_a_version_tells_what_is_missing_until_it_is_there(fraud):
    before = fraud.get_model("fraud/1.4.0").completeness
    assert "description" in before.missing
    assert not {"input_schema", "output_schema"} & set(before.missing)
    after = fraud.update_version("fraud/1.4.0", description="Flags payments").completeness
    assert "description" not in after.missing
    assert after.score > before.score
