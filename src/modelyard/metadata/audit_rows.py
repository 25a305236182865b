"""Rows that the check of the record compares with events, beside those of models and versions.

Promotions, users, tokens, webhooks, what follows from documents, manifests; and what a database lacks, or has though no
registry has it. Each function reads one table as it is stored. Whether what it holds has the right form, is for the
caller to expect: `UNREADABLE` names what reading a row of the wrong form raises.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, exc, inspect, select, text

from modelyard.domain.manifest import Manifest
from modelyard.domain.webhooks import origin_of
from modelyard.errors import ModelyardError
from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import (
    DEFAULT_WORKSPACE,
    ab_tests,
    alert_rules,
    alerts,
    audit_marks,
    channels,
    deliveries,
    deployment_history,
    deployments,
    endpoints,
    evidence,
    exports,
    feedback,
    forwards,
    judgements,
    leases,
    lineage_refs,
    manifest_blobs,
    manifests,
    metadata,
    model_tags,
    notifications,
    observations,
    placements,
    principals,
    profiles,
    promotions,
    proxied_files,
    recorders,
    routes,
    secrets,
    silences,
    snapshots,
    stage_graphs,
    tokens,
    version_metrics,
    version_tags,
    versions,
    webhooks,
)

PAGE = 500
OLDEST = "0001"
"""The schema of modelyard 0.1, before governance."""
BEFORE_DELIVERY = frozenset({OLDEST, "0002"})
"""The schemas that know no endpoints."""
BEFORE_JUDGE = BEFORE_DELIVERY | {"0003"}
"""The schemas that know no judge and no alerts."""
BEFORE_ECOSYSTEM = BEFORE_JUDGE | {"0004"}
"""The schemas that know no clients of other systems."""
DELIVERY = frozenset(
    table.name for table in (deployment_history, deployments, endpoints, leases, observations, routes, snapshots)
)
JUDGE = frozenset(
    table.name
    for table in (
        ab_tests, alert_rules, alerts, channels, evidence, exports, feedback, judgements, notifications, profiles,
        recorders, secrets, silences,
    )
)  # fmt: skip
ECOSYSTEM = frozenset(table.name for table in (forwards, model_tags, proxied_files, version_tags))
GOVERNANCE = frozenset(
    table.name
    for table in (
        audit_marks, deliveries, lineage_refs, placements, principals, promotions, stage_graphs, tokens, webhooks,
    )
)  # fmt: skip
UNREADABLE = (
    TypeError, ValueError, KeyError, IndexError, AttributeError, ArithmeticError, RecursionError,
    msgspec.MsgspecError, ModelyardError,
)  # fmt: skip

_SIGNATURES = select(versions.c.seq, versions.c.signature).where(
    versions.c.seq.in_(bindparam("seqs", expanding=True))
)  # fmt: skip
_METRICS = select(
    version_metrics.c.version_seq, version_metrics.c.metric, version_metrics.c.value, version_metrics.c.model_id
).where(version_metrics.c.version_seq.in_(bindparam("seqs", expanding=True)))
_REFS = select(
    lineage_refs.c.version_seq, lineage_refs.c.kind, lineage_refs.c.name, lineage_refs.c.model_id
).where(lineage_refs.c.version_seq.in_(bindparam("seqs", expanding=True)))  # fmt: skip
_PROMOTIONS = select(promotions).where(promotions.c.model_id == bindparam("model_id"))
_PRINCIPALS = select(principals)
_TOKENS = select(tokens)
# No more than what is compared: a copy of an older schema has not every column.
_WEBHOOKS = select(
    webhooks.c.id, webhooks.c.url, webhooks.c.document, webhooks.c.active, webhooks.c.deleted_at, webhooks.c.workspace
)
_MANIFESTS = select(manifests).where(manifests.c.digest > bindparam("after")).order_by(manifests.c.digest).limit(PAGE)
_BLOBS = select(manifest_blobs).where(manifest_blobs.c.manifest.in_(bindparam("digests", expanding=True)))
_WITHOUT_MANIFEST = (
    select(versions.c.id, versions.c.version, versions.c.model_id)
    .join(manifests, manifests.c.digest == versions.c.digest, isouter=True)
    .where(versions.c.deleted_at.is_(None), versions.c.digest != "", manifests.c.digest.is_(None))
    .order_by(versions.c.seq)
)
_ACTIVE_SQLITE = text("SELECT type, name FROM sqlite_master WHERE type IN ('trigger', 'view') ORDER BY name")
_ACTIVE_POSTGRESQL = text(
    "SELECT 'trigger' AS type, t.tgname AS name FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
    " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT t.tgisinternal AND n.nspname = current_schema()"
    " ORDER BY t.tgname"
)

_grants = msgspec.json.Decoder(list[dict[str, str]])

Facts = dict[str, Any]


def missing_tables(tx: Transaction, revision: str) -> list[str]:
    """Return the tables that a database of some schema should have and has not."""
    return sorted(set(metadata.tables) - later_tables(revision) - tables_of(tx))


def later_tables(revision: str) -> frozenset[str]:
    """Return the tables that a database of some schema cannot have yet."""
    governance = GOVERNANCE if revision == OLDEST else frozenset()
    judge = JUDGE if revision in BEFORE_JUDGE else frozenset()
    ecosystem = ECOSYSTEM if revision in BEFORE_ECOSYSTEM else frozenset()
    return governance | judge | ecosystem | (DELIVERY if revision in BEFORE_DELIVERY else frozenset())


def tables_of(tx: Transaction) -> set[str]:
    """Return the names of all tables."""
    return set(inspect(tx.connection).get_table_names())


def added_objects(tx: Transaction) -> list[str]:
    """Return triggers and, on SQLite, views: a registry has none, and one could change rows behind its back."""
    query = _ACTIVE_SQLITE if tx.dialect == "sqlite" else _ACTIVE_POSTGRESQL
    return [f"{row.type} {row.name}" for row in tx.all(query)]


def is_about_schema(error: exc.DBAPIError) -> bool:
    """Tell whether a query failed because a table or a column is not there, or one before it did."""
    return isinstance(error, exc.ProgrammingError | exc.InternalError) or "no such" in str(error.orig)


def signatures(tx: Transaction, seqs: Sequence[int]) -> dict[int, str | None]:
    """Return the digests of signatures of some versions."""
    return {row.seq: row.signature for row in tx.all(_SIGNATURES, {"seqs": seqs})}


def rankings(tx: Transaction, seqs: Sequence[int], model_id: str) -> dict[int, dict[str, float]]:
    """Return what some versions are ranked by; a row of another model is named by it."""
    found: dict[int, dict[str, float]] = {seq: {} for seq in seqs}
    for row in tx.all(_METRICS, {"seqs": seqs}):
        name = row.metric if row.model_id == model_id else f"{row.metric} of {row.model_id}"
        found[row.version_seq][name] = row.value
    return found


def inputs(tx: Transaction, seqs: Sequence[int], model_id: str) -> dict[int, set[tuple[str, str]]]:
    """Return kind and name of what some versions are indexed by; a row of another model is named by it."""
    found: dict[int, set[tuple[str, str]]] = {seq: set() for seq in seqs}
    for row in tx.all(_REFS, {"seqs": seqs}):
        found[row.version_seq].add((row.kind, row.name if row.model_id == model_id else f"{row.name} {row.model_id}"))
    return found


def promotion_facts(tx: Transaction, model_id: str) -> dict[str, Facts]:
    """Return the promotions of a model by their ids, with what their events tell of them."""
    return {row.id: _promotion(row) for row in tx.all(_PROMOTIONS, {"model_id": model_id})}


def user_facts(tx: Transaction) -> dict[str, Facts]:
    """Return users and services by name."""
    return {
        row.name: {
            "kind": row.kind,
            "grants": _grants.decode(row.grants),
            "disabled": row.disabled_at is not None,
            **_placed(row),
        }
        for row in tx.all(_PRINCIPALS)
    }


def token_facts(tx: Transaction) -> dict[str, Facts]:
    """Return tokens by id."""
    return {
        row.id: {
            "principal": row.principal,
            "grants": None if row.grants is None else _grants.decode(row.grants),
            "expires_at": row.expires_at,
            "revoked": row.revoked_at is not None,
            **_placed(row),
        }
        for row in tx.all(_TOKENS)
    }


def webhook_facts(tx: Transaction) -> dict[str, Facts]:
    """Return webhooks by id, deleted ones too."""
    found = {}
    for row in tx.all(_WEBHOOKS):
        choice = msgspec.json.decode(row.document)
        found[row.id] = {
            "to": origin_of(row.url),
            "events": choice["events"],
            "models": choice["models"],
            "active": bool(row.active),
            "deleted": row.deleted_at is not None,
            **_placed(row),
        }
    return found


def manifest_problems(tx: Transaction) -> Iterator[tuple[str, str]]:
    """Yield (digest, what is wrong) of manifests that are not those of their digest."""
    after = ""
    while rows := tx.all(_MANIFESTS, {"after": after}):
        blobs: dict[str, dict[str, int]] = {row.digest: {} for row in rows}
        for blob in tx.all(_BLOBS, {"digests": list(blobs)}):
            blobs[blob.manifest][blob.blob] = blob.size
        for row in rows:
            try:
                manifest = Manifest.from_json(msgspec.json.decode(row.body))
                is_whole = manifest.digest == row.digest
            except UNREADABLE:
                is_whole = False
            if not is_whole:
                yield str(row.digest), "its text is not that of its digest"
            elif blobs[row.digest] != {entry.blake3: entry.size for entry in manifest.files}:
                yield str(row.digest), "the list of stored files that it needs is not that of its text"
        after = rows[-1].digest


def without_manifest(tx: Transaction) -> Iterator[tuple[str, str]]:
    """Yield (model id, version) of live versions whose manifest is missing."""
    for row in tx.all(_WITHOUT_MANIFEST):
        yield row.model_id, str(row.version)


def _promotion(row: Any) -> Facts:
    document = msgspec.json.decode(row.document)
    return {
        "version": row.version_id,
        "target": row.target_stage,
        "state": row.state,
        "requester": row.requester,
        "direct": bool(document.get("direct", False)),
        "expires_at": row.expires_at,
        "votes": [[vote["by"], vote["decision"], vote.get("comment", "")] for vote in document.get("votes", [])],
        **_placed(row),
    }


def _placed(row: Any) -> Facts:
    """Return the workspace only where it is not the one that there is."""
    return {} if row.workspace == DEFAULT_WORKSPACE else {"workspace": row.workspace}
