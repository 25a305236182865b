"""Rows of kept artifacts: which bytes lie under which path. The bytes themselves lie in the store, equal ones once.

A path's own folder is a column, so that a folder's files are found at once. What lies anywhere below a folder is a
range of paths: `/` and `0` are neighbours, so it is everything from `folder/` up to, but not including, `folder0`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Integer, Row, bindparam, delete, exc, func, insert, or_, select, text, update

from modelyard.domain.manifest import FileEntry, media_type_of
from modelyard.domain.mlflow.artifacts import Child, folders_above
from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import proxied_files

PAGE = 500
"""How many folders are read at once."""
_LAST = "\U0010ffff"
"""Sorts behind every character that a path can have."""
_DIGEST = 64

_COLUMNS = ("path", "size", "digest", "sha256", "parts")
_FILES = select(*(proxied_files.c[name] for name in _COLUMNS))
_ONE = _FILES.where(proxied_files.c.path == bindparam("path"))
_ANY = select(proxied_files.c.path).where(proxied_files.c.path.in_(bindparam("paths", expanding=True))).limit(1)
_RANGE = (proxied_files.c.path >= bindparam("start"), proxied_files.c.path < bindparam("end"))
_BELOW = _FILES.where(*_RANGE).order_by(proxied_files.c.path)
_ANY_BELOW = select(proxied_files.c.path).where(*_RANGE).limit(1)
_DROP = delete(proxied_files).where(
    or_(proxied_files.c.path == bindparam("named"), proxied_files.c.path.between(bindparam("start"), bindparam("last")))
)
_IN_FOLDER = select(proxied_files.c.path, proxied_files.c.size).where(proxied_files.c.folder == bindparam("within"))
_FOLDERS = (
    select(proxied_files.c.folder)
    .where(proxied_files.c.folder > bindparam("after"), proxied_files.c.folder < bindparam("end"))
    .distinct()
    .order_by(proxied_files.c.folder)
    .limit(bindparam("page", type_=Integer))
)
_BLOBS = select(proxied_files.c.digest, func.max(proxied_files.c.size).label("size")).group_by(proxied_files.c.digest)
_NEEDS = select(proxied_files.c.path).where(proxied_files.c.digest == bindparam("blob")).limit(1)
_TOTALS = select(func.count().label("files"), func.coalesce(func.sum(proxied_files.c.size), 0).label("size"))
_INSERT = insert(proxied_files)
_LOCKS = 0x70617468  # "path", as the first of two numbers of PostgreSQL's lock space
# Folders are locked from the top on, so that no two wait for each other.
_SHARE = text(
    "SELECT pg_advisory_xact_lock_shared(CAST(:space AS integer), hashtext(name))"
    " FROM unnest(CAST(:names AS text[])) AS name"
)
_CLAIM = text("SELECT pg_advisory_xact_lock(CAST(:space AS integer), hashtext(:name))")
_UPDATE = update(proxied_files).where(proxied_files.c.path == bindparam("named"))


class Totals(NamedTuple):
    """How many files there are, and their bytes, equal content counted each time."""

    files: int
    size: int


def claim(tx: Transaction, path: str) -> None:
    """Keep others from making a folder of a path, or a file of a folder above it, until the transaction ends.

    Writers of SQLite wait for each other anyway.
    """
    if tx.dialect == "postgresql":
        tx.run(_SHARE, {"space": _LOCKS, "names": folders_above(path)})
        tx.run(_CLAIM, {"space": _LOCKS, "name": path})


def put(tx: Transaction, entry: FileEntry, at: str) -> None:
    """Put a file at its path, in the place of one that is there."""
    values = {
        "folder": entry.path.rpartition("/")[0],
        "digest": entry.blake3,
        "sha256": entry.sha256,
        "size": entry.size,
        "parts": "".join(entry.parts),
        "updated_at": at,
    }
    if _replaced(tx, entry.path, values):
        return
    try:
        with tx.savepoint():
            tx.run(_INSERT, {"path": entry.path, **values})
    except exc.IntegrityError:
        # Another transaction has put a file there since the look; this one is the later.
        _replaced(tx, entry.path, values)


def _replaced(tx: Transaction, path: str, values: dict[str, Any]) -> bool:
    return tx.run(_UPDATE, {"named": path, **values}).rowcount > 0


def one(tx: Transaction, path: str) -> FileEntry | None:
    """Find a file."""
    row = tx.first(_ONE, {"path": path})
    return _entry(row) if row is not None else None


def below(tx: Transaction, folder: str) -> list[FileEntry]:
    """Return all files anywhere below a folder, by path."""
    return [_entry(row) for row in tx.all(_BELOW, _range(folder))]


def has_below(tx: Transaction, folder: str) -> bool:
    """Tell whether a path is a folder with files."""
    return tx.first(_ANY_BELOW, _range(folder)) is not None


def any_of(tx: Transaction, paths: Sequence[str]) -> str | None:
    """Return one of some paths that is a file, if any is."""
    row = tx.first(_ANY, {"paths": list(paths)}) if paths else None
    return str(row.path) if row is not None else None


def drop(tx: Transaction, path: str) -> int:
    """Remove a file, or all files below a folder; return how many there were."""
    return tx.run(_DROP, {"named": path, "start": f"{path}/", "last": f"{path}/{_LAST}"}).rowcount


def children(tx: Transaction, folder: str) -> list[Child]:
    """Return what lies in a folder, by name; empty for the root, and where there is no such folder."""
    found = {row.path.rpartition("/")[2]: row.size for row in tx.all(_IN_FOLDER, {"within": folder})}
    found |= dict.fromkeys(_folders(tx, folder))
    return [Child(name, size) for name, size in sorted(found.items())]


def _folders(tx: Transaction, folder: str) -> set[str]:
    """Return the names of the folders in a folder, without reading all that lies in each of them."""
    names: set[str] = set()
    prefix = f"{folder}/" if folder else ""
    after, end = prefix, _range(folder)["end"]
    while rows := tx.all(_FOLDERS, {"after": after, "end": end, "page": PAGE}):
        names |= {row.folder.removeprefix(prefix).partition("/")[0] for row in rows}
        after = rows[-1].folder
        top = prefix + after.removeprefix(prefix).partition("/")[0]
        if after != top:
            after = f"{top}/{_LAST}"
    return names


def blobs(tx: Transaction) -> dict[str, int]:
    """Return the stored files that kept artifacts need, with their sizes in bytes."""
    return {row.digest: int(row.size) for row in tx.all(_BLOBS)}


def needs(tx: Transaction, blob: str) -> bool:
    """Tell whether a kept artifact needs a stored file."""
    return tx.first(_NEEDS, {"blob": blob}) is not None


def totals(tx: Transaction) -> Totals:
    """Return how much there is."""
    row = tx.all(_TOTALS)[0]
    return Totals(int(row.files), int(row.size))


def _range(folder: str) -> dict[str, str]:
    return {"start": f"{folder}/", "end": f"{folder}0"} if folder else {"start": "", "end": _LAST}


def _entry(row: Row[Any]) -> FileEntry:
    parts = tuple(row.parts[start : start + _DIGEST] for start in range(0, len(row.parts), _DIGEST))
    return FileEntry(
        path=row.path,
        size=int(row.size),
        blake3=row.digest,
        sha256=row.sha256,
        media_type=media_type_of(row.path),
        parts=parts,
    )
