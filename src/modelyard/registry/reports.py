"""Reports: several versions compared, as numbers and as a document.

What a report tells is read in one transaction, so that it is of one moment; the document is written after it.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from sqlalchemy import Row

from modelyard._version import __version__
from modelyard.domain.compare import Comparison
from modelyard.domain.contest import FEWEST, MOST, candidate_of, contest
from modelyard.domain.permissions import Principal
from modelyard.domain.wire import ComparisonRecord, ComparisonReport, EventRecord, Resolved
from modelyard.errors import InvalidRequest
from modelyard.metadata import journal, versions
from modelyard.operations import COMPARE_MANY, CompareMany
from modelyard.registry.context import Context, Yard
from modelyard.registry.dispatch import serves
from modelyard.registry.lookup import find, records, resolved
from modelyard.reports.comparison import Subject, comparison_sheet
from modelyard.reports.drawing import as_html, as_markdown

EVENTS = 100
"""The newest events of a version that a report shows."""

_PAGE = 500
_WRITERS = {"html": as_html, "markdown": as_markdown}


@serves(COMPARE_MANY)
def compare_many(yard: Yard, request: CompareMany, principal: Principal) -> ComparisonReport:
    """Compare several versions with the first of them.

    Raises:
        InvalidRequest: fewer than two versions or more than 50, one of them twice, or an unknown format.
    """
    if request.format and request.format not in _WRITERS:
        raise InvalidRequest(f"a report has no format {request.format!r}", hint="a report is html or markdown")
    if not FEWEST <= len(request.version) <= MOST:
        hint = f"a comparison takes {FEWEST} to {MOST} versions"
        raise InvalidRequest(f"{len(request.version)} versions are given", hint=hint)
    with yard.database.read() as tx:
        context = Context(yard=yard, tx=tx, principal=principal, now=yard.clock(), permission=COMPARE_MANY.permission)
        rows = [find(context, reference) for reference in request.version]
        subjects = _subjects(context, rows)
    outcome = contest([candidate_of(subject.record) for subject in subjects], metrics=request.metrics)
    document = ""
    if request.format:
        sheet = comparison_sheet(subjects, outcome, metrics=request.metrics, at=context.now)
        document = _WRITERS[request.format](sheet, footer=f"Written by modelyard {__version__}.")
    short = [resolved(row) for row in rows]
    pairs = zip(short[1:], outcome.comparisons, strict=True)
    return ComparisonReport(
        versions=short,
        comparisons=[_record(short[0], other, made) for other, made in pairs],
        winner=outcome.best,
        confidence_score=outcome.confidence_score,
        explanation=outcome.explanation,
        format=request.format,
        document=document,
    )


def _subjects(context: Context, rows: list[Row[Any]]) -> list[Subject]:
    found = []
    for row, record in zip(rows, records(context, rows), strict=True):
        parent = versions.by_id(context.tx, row.parent_id) if row.parent_id else None
        # The timeline tells who did what, which not everybody may know who may read versions.
        seen = context.principal.allows("event.read", row.name)
        events, unshown = _newest(context, row.id) if seen else ([], 0)
        seen_parent = parent is not None and context.sees(parent.name)
        name = f"{parent.name}/{parent.version}" if parent is not None and seen_parent else row.parent_id or ""
        found.append(Subject(record=record, parent=name, events=events, unshown_events=unshown))
    return found


def _newest(context: Context, version_id: str) -> tuple[list[EventRecord], int]:
    """A version's newest events in order, and how many older ones there are."""
    kept: deque[EventRecord] = deque(maxlen=EVENTS)
    after = count = 0
    while page := journal.page(context.tx, after=after, limit=_PAGE, version_id=version_id):
        kept.extend(page)
        count += len(page)
        after = page[-1].sequence
    return list(kept), count - len(kept)


def _record(a: Resolved, b: Resolved, made: Comparison) -> ComparisonRecord:
    return ComparisonRecord(
        a=a,
        b=b,
        winner=made.winner,
        confidence_score=made.confidence_score,
        basis=made.basis,
        explanation=made.explanation,
        metrics=list(made.metrics),
        metric_changes=made.metric_changes,
        params_diff=made.params_diff,
    )
