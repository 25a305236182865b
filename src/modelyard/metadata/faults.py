"""What a database driver complains of, said in modelyard's errors.

Drivers tell faults apart by text only, so the table below matches fragments of their messages, lower-cased.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from sqlalchemy import exc

from modelyard.errors import (
    DatabaseUnavailable,
    ModelyardError,
    RegistryCorrupt,
    RegistryReadOnly,
    StorageFull,
)

FAULTS: tuple[tuple[str, type[ModelyardError], str], ...] = (
    ("not a database", RegistryCorrupt, "the registry's database file is not a database"),
    ("malformed", RegistryCorrupt, "the registry's database file is damaged"),
    ("vtable constructor failed", RegistryCorrupt, "the registry's index of words is damaged"),
    ("could not decode", RegistryCorrupt, "the registry's database holds text that is damaged"),
    ("disk is full", StorageFull, "the disk that holds the registry's database is full"),
    ("disk i/o error", StorageFull, "the registry's database cannot be written: disk full or failing"),
    ("no space left", StorageFull, "the disk that holds the registry's database is full"),
    ("readonly database", RegistryReadOnly, "the registry's database is read-only for this user"),
    ("read-only transaction", RegistryReadOnly, "the registry's database is read-only"),
    ("unable to open database", RegistryReadOnly, "the registry's database file cannot be opened"),
    ("locked", DatabaseUnavailable, "another process holds the database for longer than the busy timeout"),
)


def translate(error: exc.SQLAlchemyError) -> ModelyardError | None:
    """Return modelyard's error for a driver's, or None where it is a fault of our own that must surface as it is."""
    if not isinstance(error, exc.DatabaseError | exc.InterfaceError | exc.TimeoutError):
        return None
    text = str(getattr(error, "orig", error))
    for fragment, kind, message in FAULTS:
        if fragment in text.lower():
            return kind(message)
    if isinstance(error, exc.OperationalError | exc.InterfaceError | exc.TimeoutError):
        return DatabaseUnavailable(f"the database does not answer: {text.partition(chr(10))[0]}")
    return None


@contextmanager
def translated() -> Iterator[None]:
    """Turn driver errors inside the block into modelyard's, and stored JSON that cannot be read as well."""
    try:
        yield
    except exc.SQLAlchemyError as error:
        known = translate(error)
        if known is None:
            raise
        raise known from error
    except msgspec.DecodeError as error:
        raise RegistryCorrupt(f"the registry's database holds a document that is damaged: {error}") from error
