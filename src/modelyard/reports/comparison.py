"""The comparison report: several versions side by side, with everything that speaks for one of them.

Rules
1. The first version is the baseline; deltas and differences are measured by it.
2. A metric's best value is marked where its direction is known and the versions differ; what a version did not record
   is "n/a", and never counts as zero.
3. Parameters, fields of signatures, origins and files that are not the same for all stand first and are marked.
4. Everything comes from the records and events given; nothing is looked up, and no clock is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelyard.domain.compare import flattened, same_value
from modelyard.domain.contest import Contest, candidate_of
from modelyard.domain.directions import canonical, direction
from modelyard.domain.signature import Field, Signature, fields_of
from modelyard.domain.signature_diff import diff
from modelyard.domain.wire import EventRecord, FileRecord, VersionRecord
from modelyard.domain.wording import counted, moment, size
from modelyard.errors import InvalidMetadata
from modelyard.reports.markup import number
from modelyard.reports.sheet import Cell, Chapter, Grid, Listing, Passage, Row, Sheet
from modelyard.reports.timeline import happened

_ORIGIN = (
    ("training data", "training_data"),
    ("data version", "data_version"),
    ("feature version", "feature_version"),
    ("code version", "code_version"),
    ("training run", "training_run_id"),
    ("trained at", "training_timestamp"),
    ("framework", "framework"),
    ("framework version", "framework_version"),
    ("kind of model", "model_type"),
    ("flavour", "flavour"),
    ("architecture", "architecture"),
    ("optimizer", "optimizer"),
    ("loss function", "loss_function"),
    ("created by", "created_by"),
    ("owner", "owner"),
    ("team", "team"),
)
_PASSAGES = (
    ("description", "description"),
    ("changelog", "changelog"),
    ("migration notes", "migration_notes"),
    ("known issues", "known_issues"),
)
_ABSENT = object()
"""Stands for what was not recorded; null may have been."""
_TELLING = 1000
"""A relative change from here on is told by its delta only."""
_LONGEST_VALUE = 500


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A version of the report: its record, the reference of its parent, and what happened to it, the oldest first."""

    record: VersionRecord
    parent: str = ""
    events: Sequence[EventRecord] = ()
    unshown_events: int = 0

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.record.name}/{self.record.version}"


def comparison_sheet(subjects: Sequence[Subject], outcome: Contest, *, metrics: Sequence[str], at: str) -> Sheet:
    """Gather the report.

    Args:
        subjects: the versions, the baseline first.
        outcome: what the comparison of the same versions gave.
        metrics: the metrics to show; all where it is empty.
        at: the moment that the records are of.
    """
    names = {subject.record.id: subject.name for subject in subjects}
    wanted = {canonical(name) for name in metrics}
    models = list(dict.fromkeys(subject.record.name for subject in subjects))
    parameters = flattened([subject.record.hyperparameters for subject in subjects])
    title = f"Comparison of {len(subjects)} versions of {_listed(models)}"
    return Sheet(
        title=title,
        subtitle=f"As recorded at {at}. The baseline is {subjects[0].name}.",
        outcome=_outcome(outcome, names),
        chapters=[
            Chapter(title="Versions", blocks=[_standing(subjects, outcome, names)]),
            *_metric_chapters(subjects, wanted),
            Chapter(title="Parameters", blocks=[_grid("Parameters", subjects, parameters)]),
            Chapter(title="Signatures", blocks=_signatures(subjects)),
            Chapter(title="Lineage", blocks=[_origins(subjects)]),
            Chapter(title="Files", blocks=[_files(subjects)]),
            Chapter(title="Timeline", note=_unshown(subjects), blocks=[_timeline(subjects)]),
            Chapter(title="Notes", blocks=_passages(subjects)),
        ],
    )


def with_names(text: str, names: Mapping[str, str]) -> str:
    """A text in which versions have their references instead of their ids."""
    for identifier, name in names.items():
        text = text.replace(identifier, name)
    return text


def _listed(models: Sequence[str]) -> str:
    return ", ".join(models[:3]) + (f" and {len(models) - 3} more models" if len(models) > 3 else "")  # noqa: PLR2004


def _outcome(outcome: Contest, names: Mapping[str, str]) -> list[str]:
    why = with_names(outcome.explanation, names)
    if outcome.best is None:
        return [f"No winner: {why}."]
    sure = f"{outcome.confidence_score:.0%}"
    return [
        f"Winner: {names[outcome.best]}, with a confidence of {sure} ({_word(outcome.confidence_score)}).",
        f"{why}.",
    ]


def _word(confidence: float) -> str:
    limits = ((0.99, "very sure"), (0.95, "sure"), (0.8, "likely"), (0.6, "a hint"))
    return next((word for limit, word in limits if confidence >= limit), "hardly more than chance")


def _standing(subjects: Sequence[Subject], outcome: Contest, names: Mapping[str, str]) -> Listing:
    rows = []
    for place, subject in enumerate(subjects):
        record = subject.record
        against = outcome.comparisons[place - 1] if place else None
        judged = "baseline"
        if against is not None:
            judged = "better" if against.winner == record.id else "worse" if against.winner else "no winner"
            judged += f": {with_names(against.explanation, names)}"
        rows.append(
            [
                subject.name + (" (winner)" if record.id == outcome.best else ""),
                str(record.stage) + (", deprecated" if record.deprecated else ""),
                record.label,
                ", ".join(record.aliases),
                moment(record.created_at),
                judged,
                f"{against.confidence_score:.0%}" if against and against.winner else "",
            ]
        )
    return Listing(
        caption="The versions, and how each compares with the baseline",
        head=("version", "stage", "label", "aliases", "registered (UTC)", "beside the baseline", "confidence"),
        rows=rows,
        numeric=(6,),
        marked=[place for place, subject in enumerate(subjects) if subject.record.id == outcome.best],
    )


def _metric_chapters(subjects: Sequence[Subject], wanted: set[str]) -> list[Chapter]:
    kinds: tuple[tuple[str, str, Callable[[VersionRecord], Mapping[str, float]]], ...] = (
        ("Metrics", "These decide: performance, completed by validation metrics and means of scores.", _deciding),
        ("Validation metrics", "", lambda record: record.validation_metrics),
        ("Training metrics", "Measured on training data; these do not decide.", lambda record: record.training_metrics),
        ("Resources", "", lambda record: record.resource_utilisation),
    )
    return [
        Chapter(title=title, note=note, blocks=[_metrics(title, subjects, values, wanted)])
        for title, note, values in kinds
    ]


def _deciding(record: VersionRecord) -> Mapping[str, float]:
    return candidate_of(record).values()


def _metrics(
    caption: str, subjects: Sequence[Subject], values: Callable[[VersionRecord], Mapping[str, float]], wanted: set[str]
) -> Grid:
    columns = [_by_meaning(values(subject.record)) for subject in subjects]
    keys: dict[str, str] = {}
    for column in columns:
        for key, (name, _) in column.items():
            keys.setdefault(key, name)
    rows = [
        _metric_row(name, [column[key][1] if key in column else None for column in columns])
        for key, name in sorted(keys.items(), key=lambda item: item[1])
        if not wanted or key in wanted
    ]
    return Grid(caption=caption, head=_head(subjects), first="metric", rows=rows, numeric=True)


def _by_meaning(metrics: Mapping[str, float]) -> dict[str, tuple[str, float]]:
    """Metrics by canonical name, except spellings of one metric within a version: those stay apart."""
    found: dict[str, tuple[str, float]] = {}
    for name in sorted(metrics):
        key = canonical(name)
        found[name if key in found else key] = (name, metrics[name])
    return found


def _metric_row(name: str, values: Sequence[float | None]) -> Row:
    way = direction(name)
    known = [value for value in values if value is not None]
    best = (max(known) if way == "higher" else min(known)) if way and len(set(known)) > 1 else None
    cells = []
    for place, value in enumerate(values):
        notes = [_delta(value, values[0])] if place else []
        top = value is not None and value == best
        cells.append(
            Cell(
                text=number(value),
                note=", ".join([*filter(None, notes), *(["best"] if top else [])]),
                flag="best" if top else "",
                value=value,
            )
        )
    return Row(name=name, note=f"{way} is better" if way else "no known direction", cells=cells)


def _delta(value: float | None, base: float | None) -> str:
    if value is None or base is None:
        return ""
    delta = value - base
    relative = f" ({delta / abs(base):+.1%})" if base and abs(delta / abs(base)) < _TELLING else ""
    return f"{delta:+.6g}{relative}" if delta else "same"


def _differing(
    caption: str, subjects: Sequence[Subject], values: Callable[[VersionRecord], Mapping[str, Any]], first: str = "name"
) -> Grid:
    """A grid of facts by name; those that are not the same for all come first."""
    return _grid(caption, subjects, [values(subject.record) for subject in subjects], first)


def _grid(caption: str, subjects: Sequence[Subject], columns: Sequence[Mapping[str, Any]], first: str = "name") -> Grid:
    names = sorted({name for column in columns for name in column})
    rows = [_fact_row(name, [column.get(name, _ABSENT) for column in columns]) for name in names]
    rows.sort(key=lambda row: not any(cell.flag for cell in row.cells))
    return Grid(caption=f"{caption}; those that differ stand first", head=_head(subjects), first=first, rows=rows)


def _fact_row(name: str, values: Sequence[Any]) -> Row:
    cells = []
    for value in values:
        differs = not same_value(value, values[0])
        text = "n/a" if value is _ABSENT else "null" if value is None else _plain(value)
        cells.append(Cell(text=text, note="differs" if differs else "", flag="differs" if differs else ""))
    return Row(name=name, cells=cells)


def _signatures(subjects: Sequence[Subject]) -> list[Grid | Listing]:
    return [
        _differing("Inputs", subjects, lambda record: _fields(record.input_schema), "input"),
        _differing("Outputs", subjects, lambda record: _fields(record.output_schema), "output"),
        _callers(subjects),
    ]


def _callers(subjects: Sequence[Subject]) -> Listing:
    """What each version means for those who call the baseline, where its signature differs."""
    base = _signature(subjects[0].record)
    rows = [
        [subject.name, "breaking" if change.breaking else "compatible", change.reason]
        for subject in subjects[1:]
        for change in diff(base, _signature(subject.record)).changes
    ]
    return Listing(
        caption="What the differences mean for callers of the baseline",
        head=("version", "for callers", "why"),
        rows=rows,
        marked=[place for place, row in enumerate(rows) if row[1] == "breaking"],
    )


def _signature(record: VersionRecord) -> Signature:
    try:
        return Signature.from_json({"input_schema": record.input_schema, "output_schema": record.output_schema})
    except InvalidMetadata:
        return Signature()


def _fields(schema: Mapping[str, Any]) -> dict[str, str]:
    try:
        fields = fields_of(schema)
    except InvalidMetadata:
        fields = ()
    if fields or not schema:
        return {field.name: _kind(field) for field in fields}
    return {"(schema)": json.dumps(schema, ensure_ascii=False, sort_keys=True)}


def _kind(field: Field) -> str:
    shape = f" [{', '.join('any' if size == -1 else str(size) for size in field.shape)}]" if field.shape else ""
    return f"{field.type}{shape}{', optional' if field.optional else ''}"


def _origins(subjects: Sequence[Subject]) -> Grid:
    parents = {subject.record.id: subject.parent for subject in subjects}

    def facts(record: VersionRecord) -> dict[str, Any]:
        found = {title: getattr(record, field) for title, field in _ORIGIN}
        found |= {f"data lineage: {name}": value for name, value in flattened([record.data_lineage])[0].items()}
        found["parent"] = parents[record.id]
        return {name: value for name, value in found.items() if value not in ("", None)}

    return _differing("Where the versions come from", subjects, facts)


def _files(subjects: Sequence[Subject]) -> Grid:
    paths = sorted({file.path for subject in subjects for file in subject.record.files})
    held = [{file.path: file for file in subject.record.files} for subject in subjects]
    records = [subject.record for subject in subjects]
    totals = [
        Cell(text=f"{size(record.model_size_bytes)} in {counted(len(record.files), 'file')}") for record in records
    ]
    contents = [_content(record.digest, records[0].digest, not place) for place, record in enumerate(records)]
    rows = [Row(name="total", cells=totals), Row(name="content", note="BLAKE3", cells=contents)] if paths else []
    rows += [Row(name=path, cells=_file_cells([files.get(path) for files in held])) for path in paths]
    return Grid(caption="Files with their sizes and digests", head=_head(subjects), first="file", rows=rows)


def _file_cells(files: Sequence[FileRecord | None]) -> list[Cell]:
    """One file in each version, beside that of the baseline."""
    base = files[0].blake3 if files[0] else ""
    cells = []
    for place, file in enumerate(files):
        if file is None:
            cells.append(Cell(text="absent", flag="differs" if base else ""))
        else:
            cell = _content(file.blake3, base, not place)
            cells.append(Cell(text=f"{size(file.size)}, {cell.text}", note=cell.note, flag=cell.flag))
    return cells


def _content(digest: str, base: str, is_base: bool) -> Cell:  # noqa: FBT001
    if is_base or not digest:
        return Cell(text=digest[:12] or "no files")
    same = digest == base
    note = "same content as the baseline" if same else "differs"
    return Cell(text=digest[:12], note=note, flag="" if same else "differs")


def _timeline(subjects: Sequence[Subject]) -> Listing:
    names = {subject.record.id: subject.name for subject in subjects}
    told = sorted(
        ((event.at, event.sequence, subject.name, event) for subject in subjects for event in subject.events),
        key=lambda item: item[:2],
    )
    rows = [[moment(at), name, with_names(happened(event), names), event.actor] for at, _, name, event in told]
    return Listing(
        caption="What happened to the versions, in order", head=("at (UTC)", "version", "what", "by"), rows=rows
    )


def _unshown(subjects: Sequence[Subject]) -> str:
    count = sum(subject.unshown_events for subject in subjects)
    return f"{count:,} older events are not shown; `modelyard history` lists them." if count else ""


def _passages(subjects: Sequence[Subject]) -> list[Passage]:
    return [
        Passage(title=f"{subject.name}: {title}", text=text)
        for subject in subjects
        for title, field in _PASSAGES
        if (text := getattr(subject.record, field).strip())
    ]


def _head(subjects: Iterable[Subject]) -> list[str]:
    return [subject.name + ("" if place else " (baseline)") for place, subject in enumerate(subjects)]


def _plain(value: Any) -> str:
    if value is None:
        return "n/a"
    if isinstance(value, str):
        text = value
    elif isinstance(value, float):
        text = number(value)
    else:
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    rest = len(text) - _LONGEST_VALUE
    return text if rest <= 0 else f"{text[:_LONGEST_VALUE]} … ({rest:,} more characters)"
