"""The catalog: list, show, search, find the latest and the best."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Row

from modelyard.domain.checks import check_label
from modelyard.domain.directions import direction
from modelyard.domain.names import metric_name, shown
from modelyard.domain.paging import check_limit, key_of, number_of, token_after
from modelyard.domain.search import query_terms
from modelyard.domain.wire import EventPage, ModelPage, ModelRecord, Resolved, VersionPage, VersionRecord
from modelyard.errors import InvalidMetric, VersionNotFound
from modelyard.metadata import journal, models, search, versions
from modelyard.operations import (
    BEST,
    DESCRIBE_MODEL,
    GET_VERSION,
    LATEST,
    LINEAGE,
    LIST_ALL_VERSIONS,
    LIST_EVENTS,
    LIST_MODELS,
    LIST_VERSIONS,
    RESOLVE,
    SEARCH,
    Best,
    Latest,
    ListAllVersions,
    ListEvents,
    ListModels,
    ListVersions,
    Named,
    NamedModel,
    Search,
)
from modelyard.registry.context import Context
from modelyard.registry.dispatch import serves
from modelyard.registry.lookup import (
    find,
    find_model,
    model_record,
    model_records,
    record,
    records,
    resolved,
    stage_filter,
)

LONGEST_LINEAGE = 10_000


@serves(LIST_MODELS)
def list_models(context: Context, request: ListModels) -> ModelPage:
    """Return a page of models by name."""
    limit = check_limit(request.limit)
    after = str(key_of(request.page_token, str) or "")
    rows = models.page(context.tx, after=after, limit=limit + 1)
    token = token_after(rows[limit - 1].name) if len(rows) > limit else ""
    return ModelPage(models=model_records(context, rows[:limit]), next_page_token=token)


@serves(DESCRIBE_MODEL)
def describe_model(context: Context, request: NamedModel) -> ModelRecord:
    """Return one model."""
    return model_record(context, find_model(context, request.name))


@serves(LIST_VERSIONS)
def list_versions(context: Context, request: ListVersions) -> VersionPage:
    """Return a page of one model's versions, the newest first."""
    model = find_model(context, request.name)
    return _filtered(context, request, model_id=model.id)


@serves(LIST_ALL_VERSIONS)
def list_all_versions(context: Context, request: ListAllVersions) -> VersionPage:
    """Return a page of all versions, the newest first."""
    return _filtered(context, request)


@serves(SEARCH)
def find_words(context: Context, request: Search) -> VersionPage:
    """Return a page of the versions that have all words of the query, or words that begin so, the newest first."""
    terms = query_terms(request.q)
    stage = stage_filter(context, request.stage)

    def page(before: int | None, limit: int) -> list[Row[Any]]:
        found = search.find(context.tx, terms, stage=stage, before=before, limit=limit)
        return versions.by_seqs(context.tx, found) if found else []

    return _version_page(context, request.limit, request.page_token, page)


@serves(GET_VERSION)
def get_version(context: Context, request: Named) -> VersionRecord:
    """Return everything that is recorded about a version."""
    return record(context, find(context, request.reference))


@serves(RESOLVE)
def resolve(context: Context, request: Named) -> Resolved:
    """Tell which version a reference names."""
    return resolved(find(context, request.reference))


@serves(LATEST)
def latest(context: Context, request: Latest) -> VersionRecord:
    """Return a model's highest version, or the highest in a stage.

    Raises:
        VersionNotFound: the model has no version, or none in that stage.
    """
    model = find_model(context, request.name)
    stage = stage_filter(context, request.stage)
    row = versions.highest(context.tx, model.id, stage)
    if row is None:
        raise VersionNotFound(f"{model.name} has no version{f' in {stage}' if stage else ''} yet")
    return record(context, row)


@serves(BEST)
def best(context: Context, request: Best) -> VersionRecord:
    """Return the version with the best value of a metric; of equal ones, the one registered last.

    Raises:
        InvalidMetric: it is not known whether more is better, and the caller does not say.
        VersionNotFound: no version has the metric.
    """
    metric = metric_name(request.metric)
    way = request.direction or direction(metric)
    if way not in {"higher", "lower"}:
        problem = f"direction is {way!r}" if way else f"it is not known whether more {shown(request.metric)} is better"
        raise InvalidMetric(problem, hint="give direction='higher' or direction='lower'")
    model = find_model(context, request.name)
    row = versions.ranked(
        context.tx,
        model.id,
        metric,
        stage=stage_filter(context, request.stage),
        lower_is_better=way == "lower",
    )
    if row is None:
        raise VersionNotFound(f"no version of {model.name} has the metric {shown(request.metric)}")
    return record(context, row)


@serves(LINEAGE)
def lineage(context: Context, request: Named) -> VersionPage:
    """Return a version's line, the oldest first and the version itself last.

    A version comes from the parent that it names, else from the version of its model that was registered before it.
    """
    line = [find(context, request.reference)]
    seen = {line[0].id}
    while len(line) < LONGEST_LINEAGE:
        row = line[-1]
        parent = versions.by_id(context.tx, row.parent_id) if row.parent_id else None
        if row.parent_id is None:
            parent = versions.before(context.tx, row.model_id, row.number)
        if parent is None or parent.id in seen:
            break
        seen.add(parent.id)
        line.append(parent)
    return VersionPage(versions=records(context, line[::-1]))


@serves(LIST_EVENTS)
def list_events(context: Context, request: ListEvents) -> EventPage:
    """Return a page of events in order: of one version, of one model, or of all."""
    limit = check_limit(request.limit)
    after = number_of(request.page_token) or 0
    version_id = find(context, request.reference).id if request.reference else ""
    model_id = find_model(context, request.name).id if request.name else ""
    found = journal.page(context.tx, after=after, limit=limit + 1, model_id=model_id, version_id=version_id)
    token = token_after(found[limit - 1].sequence) if len(found) > limit else ""
    return EventPage(events=found[:limit], next_page_token=token)


def _filtered(context: Context, request: ListVersions | ListAllVersions, model_id: str = "") -> VersionPage:
    stage = stage_filter(context, request.stage)
    label = check_label(request.label)

    def page(before: int | None, limit: int) -> list[Row[Any]]:
        return versions.page(context.tx, model_id=model_id, stage=stage, label=label, before=before, limit=limit)

    return _version_page(context, request.limit, request.page_token, page)


def _version_page(
    context: Context, limit: int, token: str, page: Callable[[int | None, int], list[Row[Any]]]
) -> VersionPage:
    """Return the page behind a token; one row more than asked for tells whether there is a next one."""
    check_limit(limit)
    rows = page(number_of(token), limit + 1)
    following = token_after(rows[limit - 1].seq) if len(rows) > limit else ""
    return VersionPage(versions=records(context, rows[:limit]), next_page_token=following)
