"""What only this registry knows; all its processes share it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, select

from modelyard.errors import RegistryCorrupt
from modelyard.metadata.database import Transaction
from modelyard.metadata.tables import secrets

PREDICTIONS: Final = "predictions"
"""The secret that seals the names of predictions."""

_VALUE = select(secrets.c.value).where(secrets.c.name == bindparam("name"))


def secret(tx: Transaction, name: str) -> bytes:
    """Return a secret; the migration that made its table made it.

    Raises:
        RegistryCorrupt: it is gone, or damaged.
    """
    try:
        found = bytes.fromhex(tx.scalar(_VALUE, {"name": name}) or "")
    except ValueError:
        found = b""
    if not found:
        raise RegistryCorrupt(
            f"the registry's secret for {name} is gone or damaged", hint="restore the database from a backup"
        )
    return found
