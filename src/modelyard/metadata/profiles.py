"""Rows of profiles: one reference for each version, and what came in live by version, endpoint, hour and writer.

Rules
- A row holds all that its writer saw of its hour. Writing it again replaces it, so a repeat does no harm; writers never
  touch each other's rows.
- The reference of a version is one row, which the next one replaces.
- Rows of a version or an endpoint stay when it is gone; nobody looks for them then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Row, bindparam, delete, func, insert, select

from modelyard.domain.profiles import Profile
from modelyard.domain.wire import ProfileDocument
from modelyard.errors import RegistryCorrupt
from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import profiles, versions

REFERENCE: Final = "reference"
LIVE: Final = "live"
MOST_BYTES: Final = 64 << 20
"""Of stored profiles that are added up for one answer; about two seconds."""
KEY: Final = ("version_id", "role", "endpoint_id", "start", "writer")

_DROP = delete(profiles).where(*(profiles.c[name] == bindparam(f"key_{name}") for name in KEY))
_INSERT = insert(profiles)
_REFERENCE = select(profiles).where(
    profiles.c.version_id == bindparam("version_id"), profiles.c.role == REFERENCE, profiles.c.endpoint_id == ""
)
_LIVE = (
    select(*(profiles.c[name] for name in KEY))
    .where(
        profiles.c.version_id == bindparam("version_id"),
        profiles.c.role == LIVE,
        profiles.c.start >= bindparam("since"),
    )
    .order_by(profiles.c.start.desc())
    .limit(bindparam("most"))
)
_ROW = select(profiles).where(*(profiles.c[name] == bindparam(name) for name in KEY))
_LIVE_AT = _LIVE.where(profiles.c.endpoint_id == bindparam("endpoint_id"))
_SEEN_BEFORE = (
    select(versions.c.id, func.max(profiles.c.start))
    .join(profiles, profiles.c.version_id == versions.c.id)
    .where(
        versions.c.model_id == bindparam("model_id"),
        versions.c.id != bindparam("version_id"),
        versions.c.number < bindparam("number"),
        versions.c.deleted_at.is_(None),
        profiles.c.role == LIVE,
    )
    .group_by(versions.c.id, versions.c.number)
    .order_by(versions.c.number.desc())
    .limit(1)
)
_OLD = (
    select(profiles.c.start).where(profiles.c.start > "", profiles.c.start < bindparam("before")).limit(1)
)  # fmt: skip
_FORGET = delete(profiles).where(profiles.c.start > "", profiles.c.start < bindparam("before"))

_encoder = msgspec.json.Encoder()
_documents = msgspec.json.Decoder(ProfileDocument)


def encoded(document: ProfileDocument) -> bytes:
    """Return a profile as it is stored; features stay in their order."""
    return _encoder.encode(document)


def profile_of(row: Row[Any]) -> Profile:
    """Return the profile of a row.

    Raises:
        RegistryCorrupt: it holds none.
    """
    return Profile.of(document_of(row))


def document_of(row: Row[Any]) -> ProfileDocument:
    """Return what a row holds; errors as in `profile_of`."""
    try:
        return _documents.decode(row.document)
    except (msgspec.MsgspecError, ValueError) as error:
        raise RegistryCorrupt(f"a stored profile of {row.version_id} is damaged: {error}") from error


def put(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows with all their columns, in place of what the same writer wrote for the same keys before."""
    if rows:
        tx.run(_DROP, [{f"key_{name}": row[name] for name in KEY} for row in rows])
        tx.run(_INSERT, rows)


def put_reference(tx: Transaction, version_id: str, document: ProfileDocument, at: str) -> None:
    """Write the reference of a version, in place of the one before."""
    key = {"version_id": version_id, "role": REFERENCE, "endpoint_id": "", "start": "", "writer": ""}
    put(tx, [{**key, "count": document.rows, "document": encoded(document).decode(), "updated_at": at}])


def reference_of(tx: Transaction, version_id: str) -> Row[Any] | None:
    """Return the row of a version's reference, if it has one."""
    return tx.first(_REFERENCE, {"version_id": version_id})


@dataclass(frozen=True, kw_only=True)
class LiveProfile:
    """What came in for a version, added up.

    Attributes:
        profile: the sum.
        since: the moment that it begins at; later than what was asked for where that would have been too much.
    """

    profile: Profile
    since: str


def live_of(tx: Transaction, version_id: str, *, endpoint_id: str = "", since: str = "", most: int) -> LiveProfile:
    """Return what came in for a version, added up; the newest, up to `MOST_BYTES`.

    Args:
        tx: the transaction to read in.
        version_id: the version.
        endpoint_id: only what came in there; empty for all endpoints.
        since: only hours that began at this moment or later.
        most: how many rows at most.
    """
    values = {"version_id": version_id, "since": since, "most": most}
    keys = tx.all(_LIVE_AT, {**values, "endpoint_id": endpoint_id}) if endpoint_id else tx.all(_LIVE, values)
    whole, size = Profile(), 0
    for number, key in enumerate(keys, 1):
        # One by one: those of a month, of many features, are more than a server has memory for.
        row = tx.first(_ROW, key._asdict())
        if row is not None:
            whole.merge(profile_of(row))
            size += len(row.document)
        if number == most or size >= MOST_BYTES:
            return LiveProfile(profile=whole, since=key.start)
    return LiveProfile(profile=whole, since=since)


def seen_before(tx: Transaction, version: Row[Any]) -> str:
    """Return the id of the nearest version of the same model before one of which anything came in; empty for none."""
    values = {"model_id": version.model_id, "version_id": version.id, "number": version.number}
    found = tx.first(_SEEN_BEFORE, values)
    return str(found[0]) if found is not None else ""


def are_old(tx: Transaction, before: str) -> bool:
    """Whether there are hours that began before a moment."""
    return tx.first(_OLD, {"before": before}) is not None


def forget(tx: Transaction, before: str) -> int:
    """Delete the hours that began before a moment; return how many rows."""
    return tx.run(_FORGET, {"before": before}).rowcount
