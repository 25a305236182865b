"""Look after the registry: verify, collect garbage, count, export.

Verifying and collecting read or delete files, which takes long: they hold no transaction while they do, except that a
file is deleted inside a short one that keeps registrations away and looks once more whether the file is still unused.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from modelyard._version import __version__
from modelyard.artifacts import gc
from modelyard.domain.checks import check_number
from modelyard.domain.deployment import TERMINAL
from modelyard.domain.permissions import Principal
from modelyard.domain.wire import Damage, GarbageReport, RegistryExport, Stats, Verification
from modelyard.errors import IntegrityError, InvalidRequest, RegistryCorrupt
from modelyard.metadata import (
    aliases,
    deployment_counts,
    endpoints,
    journal,
    manifests,
    models,
    proxied,
    requests,
    versions,
)
from modelyard.metadata.database import Transaction
from modelyard.operations import COLLECT_GARBAGE, EXPORT, STATS, VERIFY, CollectGarbage, Empty, Named
from modelyard.registry.context import Context, Yard
from modelyard.registry.dispatch import serves
from modelyard.registry.lookup import content, find, model_records, records
from modelyard.registry.views import settle_all

EXPORT_FORMAT = 1
IDLE_UPLOAD_SECONDS = 3600.0
KEEP_ANSWERS = timedelta(days=7)
EVERY = 1 << 30


@serves(VERIFY)
def verify(yard: Yard, request: Named, principal: Principal) -> Verification:
    """Read a version's files back and compare every digest."""
    with yard.database.read() as tx:
        context = Context(yard=yard, tx=tx, principal=principal, now=yard.clock(), permission=VERIFY.permission)
        row = find(context, request.reference)
        manifest = content(context, row)
    damage = []
    if row.digest and manifest.digest != row.digest:
        damage.append(Damage(subject="manifest", problem="the list of files does not match the version's digest"))
    for entry in manifest.files:
        try:
            yard.store.verify(entry.blake3, name=entry.path)
        except IntegrityError as error:
            damage.append(Damage(subject=entry.path, problem=error.message, hint=error.hint))
    return Verification(
        name=row.name,
        version=row.version,
        id=row.id,
        files=len(manifest.files),
        bytes=manifest.total_size,
        damage=damage,
    )


@serves(COLLECT_GARBAGE)
def collect_garbage(yard: Yard, request: CollectGarbage, _principal: Principal) -> GarbageReport:
    """Remove files that no version and no artifact refers to, unfinished uploads, and answers kept for repetitions."""
    try:
        grace = check_number(request.grace_seconds)
    except ValueError as error:
        raise InvalidRequest(f"grace_seconds is {request.grace_seconds!r}, {error}") from None
    if grace < 0:
        raise InvalidRequest(f"grace_seconds is {grace}; it cannot be negative")
    settle_all(yard)
    backend, older_than = yard.store.backend, time.time() - grace
    live = _live(yard)
    condemned = gc.candidates(backend, lambda: _live(yard), older_than=older_than)
    _refuse_without_history(yard, condemned)
    # A running upload writes to its file now and then, whatever grace is asked for.
    idle = min(older_than, time.time() - IDLE_UPLOAD_SECONDS)
    stale = gc.sweep_temporary(backend, older_than=idle, dry_run=request.dry_run)
    if request.dry_run:
        swept = gc.Swept(count=len(condemned), size=sum(candidate.size for candidate in condemned))
    else:
        swept = gc.sweep(
            backend,
            [candidate.digest for candidate in condemned],
            older_than=older_than,
            guard=lambda digest: _unused(yard, digest),
        )
        _forget_answers(yard)
    return GarbageReport(
        dry_run=request.dry_run,
        blobs=swept.count,
        bytes=swept.size + stale.size,
        stale_uploads=stale.count,
        kept_blobs=len(live),
        kept_bytes=sum(live.values()),
    )


@serves(STATS)
def stats(context: Context, _request: Empty) -> Stats:
    """Return the registry in numbers."""
    tx = context.tx
    live, kept = _needed(tx), proxied.totals(tx)
    newest = versions.page(tx, limit=1)
    by_stage = versions.counted(tx, "stage")
    return Stats(
        total_models=models.count(tx),
        total_versions=sum(by_stage.values()),
        total_size_bytes=versions.total_size(tx),
        stored_size_bytes=sum(live.values()),
        total_aliases=aliases.count(tx),
        total_events=journal.count(tx),
        total_artifacts=kept.files,
        artifacts_size_bytes=kept.size,
        **_delivery(context),
        models_by_stage=by_stage,
        versions_by_label={label or "none": count for label, count in versions.counted(tx, "label").items()},
        frameworks={name or "unknown": count for name, count in versions.counted(tx, "framework").items()},
        last_registered=newest[0].created_at if newest else None,
    )


def _delivery(context: Context) -> dict[str, Any]:
    """Return the fields of the statistics that delivery has."""
    has_endpoints = context.graphs.has_endpoints
    routes = [endpoints.route_of(row) for row in endpoints.all_current(context.tx)] if has_endpoints else []
    by_state = deployment_counts.by_state(context.tx) if has_endpoints else {}
    return {
        "total_endpoints": len(routes),
        "serving_endpoints": sum(bool(route.arms) for route in routes),
        "live_deployments": sum(count for state, count in by_state.items() if state not in TERMINAL),
        "deployments_by_state": by_state,
    }


@serves(EXPORT)
def export(context: Context, _request: Empty) -> RegistryExport:
    """Return all models, versions and events as they are at one moment."""
    rows = models.page(context.tx, after="", limit=EVERY)
    return RegistryExport(
        format=EXPORT_FORMAT,
        modelyard=__version__,
        exported_at=context.now,
        models=model_records(context, rows),
        versions=records(context, versions.page(context.tx, limit=EVERY)[::-1]),
        events=journal.page(context.tx, after=0, limit=EVERY),
    )


def _refuse_without_history(yard: Yard, condemned: list[gc.Candidate]) -> None:
    """Refuse to empty a bucket for a database in which nothing ever happened: it is not the bucket's."""
    if yard.store.root is not None or not condemned:
        return
    with yard.database.read() as tx:
        if not journal.count(tx):
            raise RegistryCorrupt(
                f"the store holds {len(condemned)} files, but in this database nothing was ever registered",
                hint="name the database that belongs to the store",
            )


def _live(yard: Yard) -> dict[str, int]:
    with yard.database.read() as tx:
        return _needed(tx)


def _needed(tx: Transaction) -> dict[str, int]:
    """Return the stored files that versions or kept artifacts need, with their sizes in bytes."""
    return proxied.blobs(tx) | manifests.live_blobs(tx)


@contextmanager
def _unused(yard: Yard, digest: str) -> Iterator[bool]:
    with yard.database.write() as tx:
        tx.guard_artifacts(alone=True)
        yield not (manifests.is_live(tx, digest) or proxied.needs(tx, digest))


def _forget_answers(yard: Yard) -> None:
    before = datetime.fromisoformat(yard.clock()).astimezone(UTC) - KEEP_ANSWERS
    with yard.database.write() as tx:
        requests.expire(tx, before.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
