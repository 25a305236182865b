"""Models and versions as the clients of the Hugging Face Hub ask for them: a repository at a revision.

What the words mean is decided in `modelyard.domain.hub`. Each of these functions is one read of the database; whoever
may not read a model's versions is refused before it is looked whether there is such a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from modelyard.domain import hub as rules
from modelyard.domain.manifest import Manifest
from modelyard.domain.permissions import Principal
from modelyard.domain.wire import ModelRecord, VersionRecord
from modelyard.errors import AliasNotFound
from modelyard.metadata import versions
from modelyard.operations import LIST_MODELS, ListModels
from modelyard.registry.context import SEEING, Context, Yard
from modelyard.registry.dispatch import perform
from modelyard.registry.lookup import content, find_model, find_reference, model_record, record, records

PAGE = 500
MOST_LOOKED_AT = 5_000
"""How many models are looked at for one page of a list that is searched."""
MOST_COMMITS = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """A version's files, under the commit that it is."""

    name: str
    version: str
    commit: str
    created_at: str
    manifest: Manifest


@dataclass(frozen=True, kw_only=True, slots=True)
class Repository:
    """A model, and one of its versions with the commit that it is; neither where the model has no versions."""

    model: ModelRecord
    version: VersionRecord | None
    commit: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Refs:
    """Branches and tags, each with its commit."""

    branches: dict[str, str]
    tags: dict[str, str]


def snapshot(yard: Yard, name: str, revision: str, principal: Principal) -> Snapshot:
    """Return the files of a model at a revision.

    Raises:
        PermissionDenied: who asks may not read the model's versions.
        ModelNotFound, InvalidName: there is no such model.
        VersionNotFound, AliasNotFound, InvalidReference: the revision names none of its versions.
    """
    with yard.database.read() as tx:
        context = Context(yard=yard, tx=tx, principal=principal, now=yard.clock(), permission=SEEING)
        row = find_revision(context, name, revision)
        manifest = content(context, row)
    commit = rules.commit_of(row.id, row.digest)
    return Snapshot(name=row.name, version=row.version, commit=commit, created_at=row.created_at, manifest=manifest)


def repository(yard: Yard, name: str, revision: str | None, principal: Principal) -> Repository:
    """Return a model with one version: that of the revision, or without one that of `main` if there is any.

    Raises: as `snapshot` does.
    """
    with yard.database.read() as tx:
        context = Context(yard=yard, tx=tx, principal=principal, now=yard.clock(), permission=SEEING)
        model = model_record(context, find_model(context, name))
        if revision is None and not model.versions:
            return Repository(model=model, version=None, commit=None)
        row = find_revision(context, name, revision or rules.MAIN)
        return Repository(model=model, version=record(context, row), commit=rules.commit_of(row.id, row.digest))


def refs(yard: Yard, name: str, principal: Principal) -> Refs:
    """Return a model's branches and tags."""
    with yard.database.read() as tx:
        context = Context(yard=yard, tx=tx, principal=principal, now=yard.clock(), permission=SEEING)
        row = find_model(context, name)
        model, stages = model_record(context, row), context.graphs.of(row.id).stages
        tags = {one.version: rules.commit_of(one.id, one.digest) for one in _versions(context, row.id)}
        latest = versions.highest(tx, row.id)
    if latest is None:
        return Refs(branches={}, tags={})
    found = rules.branches(model, latest.version, stages)
    return Refs(branches={branch: tags[version] for branch, version in found.items()}, tags=tags)


def history(yard: Yard, name: str, revision: str, principal: Principal) -> list[tuple[str, VersionRecord]]:
    """Return the commits up to a revision, the newest first: versions in the order of their registration."""
    with yard.database.read() as tx:
        context = Context(yard=yard, tx=tx, principal=principal, now=yard.clock(), permission=SEEING)
        newest = find_revision(context, name, revision)
        rows = versions.page(tx, model_id=newest.model_id, before=newest.seq + 1, limit=MOST_COMMITS)
        return [(rules.commit_of(one.id, one.digest), one) for one in records(context, rows)]


def repositories(
    yard: Yard, principal: Principal, *, words: str, limit: int, page_token: str
) -> tuple[Sequence[ModelRecord], str]:
    """Return models by name, and where to go on; empty at the end.

    Args:
        yard: the registry.
        principal: who asks; models that they may not see are left out.
        words: text that must occur in a model's name, in any case.
        limit: the most to return.
        page_token: where to begin. A page may be short, and even empty, though there are more.
    """
    found: list[ModelRecord] = []
    looked_at = 0
    while True:
        wanted = ListModels(limit=min(PAGE, limit - len(found)), page_token=page_token)
        page = perform(yard, LIST_MODELS, wanted, principal=principal)
        found += [model for model in page.models if words.casefold() in model.name.casefold()]
        looked_at += len(page.models)
        page_token = page.next_page_token
        if not page_token or len(found) >= limit or looked_at >= MOST_LOOKED_AT:
            return found, page_token


def find_revision(context: Context, name: str, revision: str) -> Row[Any]:
    """Return the row of the version that a revision of a model names; errors as of `snapshot`."""
    model = find_model(context, name)
    version_id = rules.version_of(revision)
    row = versions.by_id(context.tx, version_id) if version_id else None
    if row is not None and row.model_id == model.id and rules.commit_of(row.id, row.digest) == revision:
        return row
    *others, last = rules.readings(name, revision, context.graphs.of(model.id).stages)
    for reference in others:
        with suppress(AliasNotFound):
            return find_reference(context, reference)
    return find_reference(context, last)


def _versions(context: Context, model_id: str) -> list[Row[Any]]:
    found: list[Row[Any]] = []
    before: int | None = None
    while rows := versions.page(context.tx, model_id=model_id, before=before, limit=PAGE):
        found += rows
        before = rows[-1].seq
    return found
