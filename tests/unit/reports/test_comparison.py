"""The comparison report: everything is in it, however much there is and whatever people wrote."""

from __future__ import annotations

from dataclasses import fields

import pytest

from components.pages import Page
from modelyard.domain.contest import candidate_of, contest
from modelyard.domain.wire import EventRecord, FileRecord, VersionRecord
from modelyard.reports.comparison import Subject, comparison_sheet
from modelyard.reports.drawing import as_html, as_markdown
from modelyard.reports.timeline import happened

AT = "2026-03-01T12:00:00.000000Z"
IDENTITY = ("id", "version_id", "name", "version", "stage", "digest")
NASTY = "</td><script>alert(1)</script><img src=http://x onerror=y>|`*\"'&lt;\u202e"


def subject(number, **fields):
    record = VersionRecord(
        id=f"mv_{number}", name="fraud", number=number, version=f"{number}.0.0", stage="development", **fields
    )  # fmt: skip
    return Subject(record=record)


def sheet(subjects, metrics=()):
    outcome = contest([candidate_of(item.record) for item in subjects], metrics=metrics)
    return comparison_sheet(subjects, outcome, metrics=metrics, at=AT)


def html(subjects, metrics=()):
    made = Page(as_html(sheet(subjects, metrics)))
    made.check()
    return made


def rows(made, caption):
    """The rows of the table with that caption, as lists of texts."""
    found: list[list[str]] = []
    inside = False
    for tag in made.tags:
        if tag.name == "caption":
            inside = tag.text.startswith(caption)
        if inside and tag.name == "tr":
            found.append([])
        if inside and tag.name in {"td", "th"}:
            found[-1].append(tag.text)
    return found


@pytest.mark.feature("CMP-05")
def test_metrics_have_deltas_directions_and_a_best_one():
    subjects = [
        subject(1, metrics={"accuracy": 0.8, "rmse": 2.0, "custom": 1.0}),
        subject(2, metrics={"acc": 0.9, "rmse": 3.0}),
    ]
    made = html(subjects)
    table = {row[0]: row[1:] for row in rows(made, "Metrics")}
    assert table["accuracy higher is better"] == ["0.8", "0.9 +0.1 (+12.5%), best"]
    assert table["rmse lower is better"] == ["2 best", "3 +1 (+50.0%)"]
    assert table["custom no known direction"] == ["1", "n/a"], "what was not recorded is no zero"
    assert len(made.all("rect", class_="best")) == 2
    assert "No winner: the votes of accuracy, rmse cancel each other" in made.text()
    only = html(subjects, ["accuracy"])
    assert [row[0] for row in rows(only, "Metrics")] == ["metric", "accuracy higher is better"]
    assert "Winner: fraud/2.0.0, with a confidence of 67% (a hint)." in only.text()
    assert len(only.all("tr", class_="marked")) == 1


def test_what_differs_stands_first_and_is_marked_in_words():
    subjects = [
        subject(
            1,
            hyperparameters={"a": 1, "deep": {"x": [1, 2]}, "z": None},
            input_schema={"age": "int64"},
            data_version="v1",
        ),
        subject(2, hyperparameters={"a": 1, "deep": {"x": [1, 3]}}, input_schema={"type": "object"}, data_version="v2"),
    ]
    made = html(subjects)
    assert rows(made, "Parameters")[1:] == [
        ["deep.x", "[1, 2]", "[1, 3] differs"],
        ["z", "null", "n/a differs"],
        ["a", "1", "1"],
    ]
    assert rows(made, "Inputs")[1:] == [
        ["(schema)", "n/a", '{"type": "object"} differs'],
        ["age", "int64", "n/a differs"],
    ]
    assert ["data version", "v1", "v2 differs"] in rows(made, "Where the versions come from")


@pytest.mark.feature("CMP-05")
def test_what_breaks_callers_is_said():
    subjects = [
        subject(1, input_schema={"age": "int64"}, output_schema={"p": "float32"}),
        subject(2, input_schema={"age": "int64", "income": "int64"}, output_schema={"p": "float32", "q": "float32"}),
        subject(3, input_schema={"fields": [5]}),
    ]
    assert rows(html(subjects), "What the differences mean")[1:] == [
        ["fraud/2.0.0", "breaking", "the input 'income' was added; it is required, and callers do not send it"],
        ["fraud/2.0.0", "compatible", "the output 'q' was added"],
    ]


def test_files_tell_which_content_is_the_same():
    def file(path, digest, size=1500):
        return FileRecord(path=path, size=size, blake3=digest * 64, sha256=digest * 64)

    subjects = [
        subject(1, digest="a" * 64, model_size_bytes=3000, files=[file("m", "1"), file("gone", "2")]),
        subject(2, digest="b" * 64, model_size_bytes=1500, files=[file("m", "1")]),
        subject(3, digest="b" * 64, model_size_bytes=9, files=[file("m", "4", 9)]),
    ]
    table = {row[0]: row[1:] for row in rows(html(subjects), "Files")}
    assert table["total"] == ["3.0 kB in 2 files", "1.5 kB in 1 file", "9 B in 1 file"]
    assert table["m"] == [
        f"1.5 kB, {'1' * 12}",
        f"1.5 kB, {'1' * 12} same content as the baseline",
        f"9 B, {'4' * 12} differs",
    ]
    assert table["gone"] == [f"1.5 kB, {'2' * 12}", "absent", "absent"]


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (
            {"from": "", "to": "PENDING", "strategy": "canary", "environment": "eu", "epoch": 0, "plan": {"steps": []}},
            "canary deployment: new to PENDING in eu",
        ),
        (
            {"from": "STAGE", "to": "ROLLING_BACK", "strategy": "direct", "epoch": 7, "reason": "too many errors"},
            "direct deployment: STAGE to ROLLING_BACK, epoch 7: too many errors",
        ),
        ({}, "? deployment: new to ?"),
    ],
)
def test_a_deployment_is_told_in_short(facts, told):
    event = EventRecord(
        sequence=1, model="fraud", position=1, type="deployment.x", at=AT, actor="ann", version_id="mv_1", data=facts,
        previous="", hash="",
    )  # fmt: skip
    assert happened(event) == told


def test_the_timeline_is_in_order_and_names_who():
    def event(sequence, kind, version, **data):
        return EventRecord(
            sequence=sequence, model="fraud", position=sequence, type=kind, at=AT, actor="ann", version_id=version,
            data=data, previous="", hash="",
        )  # fmt: skip

    one = [
        event(1, "version.registered", "mv_1", metadata={"x": 1}),
        event(3, "version.stage_moved", "mv_1", **{"from": "development", "to": "eu-production", "environment": "eu"}),
        event(6, "promotion.approved", "mv_1", promotion="mp_1", comment=NASTY, verdicts=[1]),
    ]
    two = [
        event(2, "version.updated", "mv_2", changes={"description": ["", "x" * 999]}),
        event(4, "version.rolled_back", "mv_2", to="production", replaced="mv_1", reason="errors"),
        event(5, "version.deprecated", "mv_2", reason="leaks"),
    ]
    first, second = subject(1), subject(2)
    subjects = [
        Subject(record=first.record, events=one, unshown_events=1200),
        Subject(record=second.record, events=two, parent="fraud/1.0.0"),
    ]
    made = html(subjects)
    table = rows(made, "What happened")[1:]
    assert [(row[1], row[2], row[3]) for row in table[:5]] == [
        ("fraud/1.0.0", "registered", "ann"),
        ("fraud/2.0.0", "changed: description", "ann"),
        ("fraud/1.0.0", "moved from development to eu-production in eu", "ann"),
        ("fraud/2.0.0", "rolled back to production: errors", "ann"),
        ("fraud/2.0.0", "deprecated: leaks", "ann"),
    ]
    assert table[5][2].startswith("promotion.approved: promotion mp_1, comment </td>")
    assert "1,200 older events are not shown" in made.text()
    assert ["parent", "n/a", "fraud/1.0.0 differs"] in rows(made, "Where the versions come from")


@pytest.mark.feature("CMP-05")
def test_no_field_gets_out_of_its_place():
    texts = [item.name for item in fields(VersionRecord) if item.type == "str" and item.name not in IDENTITY]
    nasty = {
        **dict.fromkeys(texts, NASTY),
        "metrics": {NASTY: 1.0},
        "training_metrics": {NASTY: 1.0},
        "validation_metrics": {f"{NASTY}v": 1.0},
        "hyperparameters": {NASTY: {NASTY: [NASTY]}},
        "data_lineage": {NASTY: NASTY},
        "input_schema": {NASTY: NASTY},
        "aliases": [NASTY],
        "label": NASTY,
        "files": [FileRecord(path=NASTY, size=1, blake3="1", sha256="2", media_type=NASTY)],
    }
    subjects = [subject(1, **nasty), subject(2)]
    made = html(subjects)
    assert made.text().count("<script>alert(1)</script>") >= 20
    assert "\u202e" not in made.source
    text = as_markdown(sheet(subjects))
    assert "<script" not in text.replace("\\<script", "")
    assert "\u202e" not in text
    for line in text.splitlines():
        if line.startswith("|"):
            assert line.replace("\\|", "").count("|") in {4, 5, 8}, line


@pytest.mark.feature("CMP-05")
def test_fifty_versions_with_two_hundred_metrics_each():
    subjects = [
        subject(
            number,
            metrics={f"metric_{place}": number * place / 7 for place in range(200)} | {"accuracy": number / 100},
            description="long " * 20_000,
        )
        for number in range(1, 51)
    ]  # fmt: skip
    made = html(subjects)
    assert "Winner: fraud/50.0.0" in made.text()
    names = {row[0].split(" ")[0] for row in rows(made, "Metrics")}
    assert {f"metric_{place}" for place in range(200)} <= names
    heads = [tag.text for tag in made.all("th", scope="col")]
    assert all(f"fraud/{number}.0.0" in heads for number in range(2, 51))
    assert len(made.source) < 12_000_000
    assert "nan" not in made.text().lower().split()
