"""Rows of manifests: which content there is, and which stored files it needs. Equal content shares one row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, exc, func, insert, select

from modelyard.domain.manifest import Manifest
from modelyard.domain.wire import FileRecord
from modelyard.metadata import versions
from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import manifest_blobs, manifests

LONG = 1 << 16
"""From this length on, some 250 files, a manifest's text is so slow to read and check that what it says is kept."""
MOST_KEPT = 2
"""Long manifests that are kept, by their text; one of 5,000 files takes 5 MB."""

_KNOWN = select(manifests.c.digest).where(manifests.c.digest == bindparam("digest"))
_BODIES = select(manifests).where(manifests.c.digest.in_(bindparam("digests", expanding=True)))
_INSERT = insert(manifests)
_INSERT_BLOB = insert(manifest_blobs)
_LIVE = versions.live_digests().subquery()
_LIVE_BLOBS = (
    select(manifest_blobs.c.blob, func.max(manifest_blobs.c.size).label("size"))
    .join(_LIVE, _LIVE.c.digest == manifest_blobs.c.manifest)
    .group_by(manifest_blobs.c.blob)
)
_IS_LIVE = (
    select(manifest_blobs.c.blob)
    .join(_LIVE, _LIVE.c.digest == manifest_blobs.c.manifest)
    .where(manifest_blobs.c.blob == bindparam("blob"))
    .limit(1)
)


@dataclass(frozen=True)
class _Body:
    v: int
    files: list[FileRecord]


_encoder = msgspec.json.Encoder(order="sorted")
_bodies = msgspec.json.Decoder(_Body)


def add(tx: Transaction, manifest: Manifest) -> None:
    """Store a manifest unless it is known."""
    if not manifest.files or tx.first(_KNOWN, {"digest": manifest.digest}) is not None:
        return
    blobs = {entry.blake3: entry.size for entry in manifest.files}
    try:
        with tx.savepoint():
            tx.run(_INSERT, {"digest": manifest.digest, "body": _encoder.encode(manifest.to_json()).decode()})
            rows = [{"manifest": manifest.digest, "blob": blob, "size": size} for blob, size in blobs.items()]
            tx.run(_INSERT_BLOB, rows)
    except exc.IntegrityError:
        # Another transaction has stored equal content since the look; its rows serve both.
        return


def load(tx: Transaction, digest: str) -> Manifest:
    """Return a manifest by its digest, checked by its rules; an empty one for a version without files."""
    rows = _rows(tx, [digest])
    if not rows:
        return Manifest(files=())
    body: str = rows[0].body
    return _read_once(body) if len(body) >= LONG else _read(body)


def _read(body: str) -> Manifest:
    return Manifest.from_json(msgspec.json.decode(body))


# A client that fetches thousands of files one by one asks for their manifest with each.
_read_once = lru_cache(maxsize=MOST_KEPT)(_read)


def files(tx: Transaction, digests: Iterable[str]) -> dict[str, list[FileRecord]]:
    """Return the files of many manifests by their digests, as records: the quick way for lists."""
    return {row.digest: _bodies.decode(row.body).files for row in _rows(tx, digests)}


def _rows(tx: Transaction, digests: Iterable[str]) -> list[Row[Any]]:
    wanted = sorted({digest for digest in digests if digest})
    return list(tx.all(_BODIES, {"digests": wanted})) if wanted else []


def live_blobs(tx: Transaction) -> dict[str, int]:
    """Return the stored files that live versions need, with their sizes in bytes."""
    return {row.blob: int(row.size) for row in tx.all(_LIVE_BLOBS)}


def is_live(tx: Transaction, blob: str) -> bool:
    """Tell whether a live version needs a stored file."""
    return tx.first(_IS_LIVE, {"blob": blob}) is not None
