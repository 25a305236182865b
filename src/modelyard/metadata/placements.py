"""Where versions stand in environments, besides their own stage: at most one stage in each environment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, select

from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import models, placements, versions

_OF_VERSIONS = select(placements).where(placements.c.version_seq.in_(bindparam("seqs", expanding=True)))
_OF_MODELS = (
    select(placements.c.model_id, placements.c.stage, versions.c.version)
    .join(versions, versions.c.seq == placements.c.version_seq)
    .where(placements.c.model_id.in_(bindparam("keys", expanding=True)), versions.c.deleted_at.is_(None))
    .order_by(versions.c.precedence, versions.c.number)
)
_FULL = (
    select(versions, models.c.name)
    .join(models, models.c.id == versions.c.model_id)
    .join(placements, placements.c.version_seq == versions.c.seq)
    .where(
        versions.c.deleted_at.is_(None),
        placements.c.model_id == bindparam("model_id"),
        placements.c.stage == bindparam("stage"),
    )
)
_IN_STAGE = _FULL.order_by(versions.c.seq)
_HIGHEST = _FULL.order_by(versions.c.precedence.desc(), versions.c.number.desc()).limit(1)
_INSERT = insert(placements)
_LEAVE = delete(placements).where(
    placements.c.version_seq == bindparam("seq"), placements.c.environment == bindparam("name")
)
_LEAVE_ALL = delete(placements).where(placements.c.version_seq == bindparam("seq"))


def of_versions(tx: Transaction, seqs: Sequence[int]) -> dict[int, dict[str, str]]:
    """Return environment → stage for each of some versions that stands in any."""
    found: dict[int, dict[str, str]] = defaultdict(dict)
    for row in tx.all(_OF_VERSIONS, {"seqs": list(seqs)}):
        found[row.version_seq][row.environment] = row.stage
    return {seq: dict(sorted(stages.items())) for seq, stages in found.items()}


def entered(tx: Transaction, seq: int) -> dict[str, str]:
    """Return stage → the moment when a version entered it, for the stages of environments."""
    return {row.stage: row.entered_at for row in tx.all(_OF_VERSIONS, {"seqs": [seq]})}


def highest_of_models(tx: Transaction, model_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return, for each model, stage of an environment → the highest version there."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for row in tx.all(_OF_MODELS, {"keys": list(model_ids)}):
        found[row.model_id][row.stage] = row.version
    return found


def in_stage(tx: Transaction, model_id: str, stage: str) -> Sequence[Row[Any]]:
    """Return a model's versions in a stage of an environment, oldest first."""
    return tx.all(_IN_STAGE, {"model_id": model_id, "stage": stage})


def highest(tx: Transaction, model_id: str, stage: str) -> Row[Any] | None:
    """Return a model's highest version in a stage of an environment."""
    return tx.first(_HIGHEST, {"model_id": model_id, "stage": stage})


def enter(tx: Transaction, row: Row[Any], environment: str, stage: str, at: str) -> None:
    """Put a version into a stage of an environment, in place of the one that it has there."""
    leave(tx, row.seq, environment)
    values = {"environment": environment, "model_id": row.model_id, "stage": stage, "entered_at": at}
    tx.run(_INSERT, {**values, "version_seq": row.seq})


def leave(tx: Transaction, seq: int, environment: str = "") -> None:
    """Take a version out of an environment, or out of all."""
    if environment:
        tx.run(_LEAVE, {"seq": seq, "name": environment})
    else:
        tx.run(_LEAVE_ALL, {"seq": seq})
