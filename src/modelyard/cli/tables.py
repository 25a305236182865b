"""How records look to people: tables and short texts that fit 80 columns, drawn by rich.

On a terminal a table takes the terminal's width; what does not fit is cut with an ellipsis or wrapped. In a pipe or a
file nothing is cut. Colours appear on terminals only, and not where NO_COLOR is set.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from modelyard.cli.text import digest, number, pairs, safe
from modelyard.domain.wire import (
    AliasRecord,
    ComparisonRecord,
    EventRecord,
    ModelRecord,
    VerdictRecord,
    Verification,
    VersionRecord,
)
from modelyard.domain.wording import counted, moment, size

Printable: TypeAlias = RenderableType
_UNCUT = 100_000
"""Columns of a pipe, which has no width."""
_STAGES = {"production": "green", "staging": "yellow", "archived": "dim", "rejected": "red"}
_WIDE = frozenset({"METRICS", "DETAIL", "DESCRIPTION", "DATA", "PROBLEM"})
"""Columns of long texts, which wrap where the terminal is narrow."""


def render(what: Printable) -> None:
    """Print on standard output, without blanks at the ends of lines."""
    made = console()
    if not made.is_terminal:
        for part in what.renderables if isinstance(what, Group) else [what]:
            if isinstance(part, Table) and part.show_header:
                part.width = made.measure(part, options=made.options.update(width=_UNCUT)).maximum
    with made.capture() as captured:
        made.print(what, crop=False, overflow="ignore")
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def console(*, stderr: bool = False) -> Console:
    """Return a console that takes names as they are: no markup, no emoji codes, no highlighting."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, markup=False, emoji=False, highlight=False)


def nothing() -> Printable:
    """Print an empty line; for answers that have a sentence instead of a table."""
    return Text("")


def stacked(*parts: Printable) -> Printable:
    """Return several things one below the other, with empty lines between them."""
    return Group(*(piece for part in parts for piece in (part, Text(""))))


def table(
    head: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = (), empty: str = ""
) -> Printable:
    """Return a table without the columns that are empty in every row.

    Args:
        head: the columns' names.
        rows: texts, or rich texts.
        right: the columns to align to the right.
        empty: the sentence to print instead when there is no row.
    """
    body = [[cell if isinstance(cell, Text) else Text(safe(cell)) for cell in row] for row in rows]
    if not body:
        return Text(empty)
    kept = [place for place, name in enumerate(head) if any(row[place].plain for row in body)]
    made = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    for place in kept:
        name = head[place]
        made.add_column(
            name,
            justify="right" if name in right else "left",
            no_wrap=name not in _WIDE,
            overflow="fold" if name in _WIDE else "ellipsis",
        )
    for row in body:
        made.add_row(*(row[place] for place in kept))
    return made


def facts(items: Iterable[tuple[str, object]]) -> Printable:
    """Return names and values in two columns; what has no value is left out."""
    made = Table.grid(padding=(0, 2))
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in items:
        text = value if isinstance(value, Text) else Text(safe(value, lines=True))
        if text.plain:
            made.add_row(name, text)
    return made


def versions(records: Sequence[VersionRecord]) -> Printable:
    """Return a table of versions, each with the reference by which other commands take it."""
    rows = (
        (
            f"{record.name}/{record.version}",
            stage(record.stage),
            record.label,
            ", ".join(record.aliases),
            _leading(record.metrics),
            size(record.model_size_bytes) if record.files else "",
            record.created_at[:10],
            ", ".join(_notes(record)),
        )
        for record in records
    )
    head = ("REFERENCE", "STAGE", "LABEL", "ALIASES", "METRICS", "SIZE", "REGISTERED", "NOTE")
    return table(head, rows, right=("SIZE",), empty="no versions")


def models(records: Sequence[ModelRecord]) -> Printable:
    """Return a table of models."""
    rows = (
        (
            record.name,
            record.versions,
            record.latest_version or "",
            pairs(record.stages),
            pairs(record.aliases),
            record.owner,
            record.description,
        )
        for record in records
    )
    head = ("MODEL", "VERSIONS", "LATEST", "STAGES", "ALIASES", "OWNER", "DESCRIPTION")
    return table(head, rows, right=("VERSIONS",), empty="no models")


def model(record: ModelRecord) -> Printable:
    """Return one model, whole."""
    return facts(
        (
            ("model", record.name),
            ("description", record.description),
            ("owner", record.owner),
            ("team", record.team),
            ("tags", pairs(record.tags)),
            ("versions", record.versions),
            ("latest", record.latest_version or ""),
            ("stages", pairs(record.stages)),
            ("aliases", pairs(record.aliases)),
            ("serving", pairs(record.serving)),
            ("created", moment(record.created_at)),
            ("changed", moment(record.updated_at)),
            ("id", record.id),
        )
    )


def _notes(record: VersionRecord) -> list[str]:
    return [note for note, holds in (("deprecated", record.deprecated), ("unproven", record.unproven)) if holds]


def version(record: VersionRecord) -> Printable:
    """Return one version: its identity, what is recorded about it, and its files."""
    missing = f"{record.completeness.score:.0%}" + (
        f", missing: {', '.join(record.completeness.missing)}" if record.completeness.missing else ""
    )
    return Group(
        facts(
            (
                ("version", f"{record.name}/{record.version}"),
                ("number", record.number),
                ("id", record.id),
                ("stage", stage(record.stage)),
                ("label", record.label),
                ("aliases", ", ".join(record.aliases)),
                ("serving", ", ".join(f"{100 * share:.4g} % of {where}" for where, share in record.serving.items())),
                ("deprecated", (record.deprecation_reason or "yes") if record.deprecated else ""),
                ("source", record.source),
                ("unproven", "its bytes are not here, and cannot be verified" if record.unproven else ""),
                ("parent", record.parent_id or ""),
                *_described(record),
                ("metadata", missing),
                ("registered", moment(record.created_at)),
                ("changed", moment(record.updated_at)),
                ("blake3", record.digest),
                ("sha256", record.model_hash),
                ("artifact", record.artifact_path or record.artifact_uri),
            )
        ),
        *files(record),
    )


def files(record: VersionRecord) -> list[Printable]:
    """Return the table of a version's files, or a sentence where it has none."""
    rows = [(file.path, size(file.size), digest(file.blake3), file.media_type) for file in record.files]
    return [Text(""), table(("FILE", "SIZE", "BLAKE3", "TYPE"), rows, right=("SIZE",), empty="no files")]


def comparison(record: ComparisonRecord) -> Printable:
    """Return two versions side by side, and which one is better."""
    a, b = f"{record.a.name}/{record.a.version}", f"{record.b.name}/{record.b.version}"
    names = {record.a.id: a, record.b.id: b}
    rows = (
        (
            row.name,
            number(row.a),
            number(row.b),
            f"{row.delta:+.6g}" if row.delta is not None else "",
            f"{row.relative_change:+.1%}" if row.relative_change is not None else "",
            {"a": "A", "b": "B", "tie": "tie"}.get(row.better or "", "no vote"),
        )
        for row in record.metrics
    )
    head = ("METRIC", "A", "B", "B - A", "CHANGE", "BETTER")
    sides = facts((("A", a), ("B", b)))
    metrics = table(head, rows, right=("A", "B", "B - A", "CHANGE"), empty="no metric in common")
    outcome = facts(
        (
            ("winner", names.get(record.winner or "", "none")),
            ("confidence", f"{record.confidence_score:.3f}  ({record.basis})"),
            ("because", with_names(record.explanation, names)),
        )
    )
    parameters = [Text(""), _parameters(record.params_diff)] if record.params_diff else []
    return Group(sides, Text(""), metrics, *parameters, Text(""), outcome)


def aliases(records: Sequence[AliasRecord]) -> Printable:
    """Return a table of a model's aliases."""
    rows = ((record.alias, f"{record.name}/{record.version}", moment(record.updated_at)) for record in records)
    return table(("ALIAS", "VERSION", "MOVED"), rows, empty="no aliases")


def events(records: Sequence[EventRecord]) -> Printable:
    """Return a table of what happened, in order."""
    rows = ((moment(e.at), e.type, e.model, e.actor, told(e.data)) for e in records)
    return table(("AT (UTC)", "EVENT", "MODEL", "BY", "DATA"), rows, empty="nothing has happened yet")


def verdicts(records: Sequence[VerdictRecord]) -> Printable:
    """Return a table of a gate's requirements, each with its verdict."""
    rows = (
        (r.requirement, _plain(r.required), _plain(r.actual), "met" if r.met else "not met", r.reason) for r in records
    )
    return table(("REQUIREMENT", "NEEDS", "FOUND", "VERDICT", "DETAIL"), rows)


def verifications(records: Sequence[Verification]) -> Printable:
    """Return a table of versions whose bytes were read back; damaged ones with what is wrong."""
    rows = [
        (
            f"{record.name}/{record.version}",
            record.files,
            size(record.bytes),
            Text("damaged", style="red") if record.damage else "sound",
            "; ".join(f"{damage.subject}: {damage.problem}" for damage in record.damage),
        )
        for record in records
    ]
    return table(
        ("VERSION", "FILES", "SIZE", "BYTES ARE", "PROBLEM"), rows, right=("FILES", "SIZE"), empty="no versions"
    )


def stats(numbers: Mapping[str, Any]) -> Printable:
    """Return the registry in numbers."""
    total, stored = int(numbers["total_size_bytes"]), int(numbers["stored_size_bytes"])
    return facts(
        (
            ("models", f"{numbers['total_models']:,}"),
            ("versions", f"{numbers['total_versions']:,}"),
            ("by stage", pairs(numbers["models_by_stage"])),
            ("by label", pairs(numbers["versions_by_label"])),
            ("frameworks", pairs(numbers["frameworks"])),
            ("aliases", f"{numbers['total_aliases']:,}"),
            ("events", f"{numbers['total_events']:,}"),
            ("endpoints", f"{numbers['total_endpoints']:,}, {numbers['serving_endpoints']:,} serving"),
            ("deployments", pairs(numbers["deployments_by_state"])),
            ("artifacts", f"{numbers['total_artifacts']:,}, {size(numbers['artifacts_size_bytes'])}"),
            ("bytes", f"{size(total)} in versions, {size(stored)} stored"),
            ("last registered", moment(numbers["last_registered"] or "")),
        )
    )


def stage(name: str) -> Text:
    """Return a stage in its colour."""
    return Text(safe(name), style=_STAGES.get(str(name), ""))


def _described(record: VersionRecord) -> list[tuple[str, object]]:
    """Return what people recorded, by the fields' names; nested documents in short."""
    made_with = " ".join(part for part in (record.framework, record.framework_version) if part)
    schema = ", ".join(f"{name} schema" for name in ("input", "output") if getattr(record, f"{name}_schema"))
    return [
        ("description", record.description),
        ("tags", pairs(record.tags)),
        ("metrics", pairs(record.metrics)),
        ("validation", pairs(record.validation_metrics)),
        ("training", pairs(record.training_metrics)),
        (
            "scores",
            ", ".join(f"{name} ({counted(len(found), 'value')})" for name, found in record.metric_samples.items()),
        ),
        ("parameters", pairs(record.hyperparameters)),
        ("framework", made_with),
        ("model type", record.model_type),
        ("flavour", record.flavour),
        ("schemas", schema),
        ("training data", record.training_data),
        ("data version", record.data_version),
        ("code version", record.code_version),
        ("lineage", pairs(record.data_lineage)),
        ("created by", record.created_by),
        ("owner", record.owner),
        ("team", record.team),
        ("changelog", record.changelog),
        ("migration", record.migration_notes),
        ("known issues", record.known_issues),
        ("breaks, because", record.allow_breaking),
        ("extra", pairs(record.extra)),
    ]


def _parameters(differences: Mapping[str, Any]) -> Printable:
    rows = (
        (name, _plain(sides.get("a")), _plain(sides.get("b")))
        if isinstance(sides, Mapping)
        else (name, _plain(sides), "")
        for name, sides in differences.items()
    )
    return table(("PARAMETER", "A", "B"), rows)


def _leading(metrics: Mapping[str, float]) -> str:
    """Return the first metrics, and how many more there are."""
    first = pairs(dict(list(metrics.items())[:2]))
    return f"{first}, +{len(metrics) - 2}" if len(metrics) > 2 else first  # noqa: PLR2004


def told(data: Mapping[str, Any]) -> str:
    """Return an event's facts in short: no identifiers and digests, which the JSON output has."""
    return pairs({key: value for key, value in data.items() if _is_short(key, value)})


def _is_short(key: str, value: object) -> bool:
    if key in {"metadata", "digest", "model_hash"} or value == "":
        return False
    return isinstance(value, str | int | float) and not str(value).startswith(("mv_", "md_", "pr_"))


def with_names(text: str, names: Mapping[str, str]) -> str:
    """Return a text in which versions have their references instead of their ids."""
    for identifier, name in names.items():
        text = text.replace(identifier, name)
    return text


def _plain(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, float):
        return "" if value is None else str(value)
    return number(value)
