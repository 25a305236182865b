"""The catalog: list, show, search, find the latest and the best."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy import Row

from modelyard.domain.checks import check_label
from modelyard.domain.directions import direction
from modelyard.domain.names import metric_name, shown
from modelyard.domain.paging import check_limit, key_of, number_of, token_after
from modelyard.domain.search import query_terms
from modelyard.domain.selection import Selection, selection
from modelyard.domain.wire import ModelPage, ModelRecord, Resolved, VersionPage, VersionRecord
from modelyard.errors import InvalidMetric, VersionNotFound
from modelyard.metadata import models, search, versions
from modelyard.operations import (
    BEST,
    DESCRIBE_MODEL,
    GET_VERSION,
    LATEST,
    LIST_ALL_VERSIONS,
    LIST_MODELS,
    LIST_VERSIONS,
    RESOLVE,
    SEARCH,
    Best,
    Latest,
    ListAllVersions,
    ListModels,
    ListVersions,
    NamedModelThen,
    NamedThen,
    Search,
)
from modelyard.registry.context import Context
from modelyard.registry.dispatch import serves
from modelyard.registry.history import described_then, resolved_then, version_then, versions_then
from modelyard.registry.lookup import (
    find,
    find_model,
    highest_in_stage,
    model_record,
    model_records,
    record,
    records,
    resolved,
    stage_filter,
)


@serves(LIST_MODELS)
def list_models(context: Context, request: ListModels) -> ModelPage:
    """Return a page of models by name."""
    limit = check_limit(request.limit)
    after = str(key_of(request.page_token, str) or "")
    wanted, placed = _wanted(context, request)
    rows = models.page(context.tx, after=after, limit=limit + 1, seen=context.models, wanted=wanted, placed=placed)
    token = token_after(rows[limit - 1].name) if len(rows) > limit else ""
    return ModelPage(models=model_records(context, rows[:limit]), next_page_token=token)


@serves(DESCRIBE_MODEL)
def describe_model(context: Context, request: NamedModelThen) -> ModelRecord:
    """Return one model, now or at a moment."""
    if request.as_of:
        return described_then(context, request.name, request.as_of)
    return model_record(context, find_model(context, request.name))


@serves(LIST_VERSIONS)
def list_versions(context: Context, request: ListVersions) -> VersionPage:
    """Return a page of one model's versions, the newest first, now or at a moment."""
    if request.as_of:
        return versions_then(context, request)
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
    wanted, placed = _wanted(context, request)
    look = partial(search.find, context.tx, terms, wanted=wanted, placed=placed, seen=context.models)

    def page(before: int | None, limit: int) -> list[Row[Any]]:
        found = look(before=before, limit=limit)
        return versions.by_seqs(context.tx, found) if found else []

    return _version_page(context, request.limit, request.page_token, page)


@serves(GET_VERSION)
def get_version(context: Context, request: NamedThen) -> VersionRecord:
    """Return everything that is recorded about a version, or was at a moment."""
    if request.as_of:
        return version_then(context, request.reference, request.as_of)
    return record(context, find(context, request.reference))


@serves(RESOLVE)
def resolve(context: Context, request: NamedThen) -> Resolved:
    """Tell which version a reference names, or named at a moment."""
    if request.as_of:
        return resolved_then(context, request.reference, request.as_of)
    return resolved(find(context, request.reference))


@serves(LATEST)
def latest(context: Context, request: Latest) -> VersionRecord:
    """Return a model's highest version, or the highest in a stage.

    Raises:
        VersionNotFound: the model has no version, or none in that stage.
    """
    model = find_model(context, request.name)
    stage = stage_filter(context, request.stage)
    row = highest_in_stage(context, model.id, stage) if stage else versions.highest(context.tx, model.id)
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
    stage = stage_filter(context, request.stage)
    row = versions.ranked(
        context.tx,
        model.id,
        metric,
        stage=stage,
        placed=stage in context.graphs.placed,
        lower_is_better=way == "lower",
    )
    if row is None:
        raise VersionNotFound(f"no version of {model.name} has the metric {shown(request.metric)}")
    return record(context, row)


def _wanted(context: Context, request: ListModels | Search) -> tuple[Selection, bool]:
    """Return what a request demands, and whether its stage may be one of an environment."""
    stage = stage_filter(context, request.stage)
    wanted = selection(owner=request.owner, team=request.team, tag=request.tag, stage=stage)
    return wanted, stage in context.graphs.placed


def _filtered(context: Context, request: ListVersions | ListAllVersions, model_id: str = "") -> VersionPage:
    stage = stage_filter(context, request.stage)
    label = check_label(request.label)
    seen = partial(versions.page_seen, context.tx, context.models)

    look = partial(versions.page, context.tx, model_id=model_id) if model_id else seen

    def page(before: int | None, limit: int) -> list[Row[Any]]:
        placed = stage in context.graphs.placed
        return look(stage=stage, placed=placed, label=label, before=before, limit=limit)

    return _version_page(context, request.limit, request.page_token, page)


def _version_page(
    context: Context, limit: int, token: str, page: Callable[[int | None, int], list[Row[Any]]]
) -> VersionPage:
    """Return the page behind a token; one row more than asked for tells whether there is a next one."""
    check_limit(limit)
    rows = page(number_of(token), limit + 1)
    following = token_after(rows[limit - 1].seq) if len(rows) > limit else ""
    return VersionPage(versions=records(context, rows[:limit]), next_page_token=following)
