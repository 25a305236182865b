"""Whether the server can work: what `/health` and `/health/ready` answer."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from modelyard._version import __version__
from modelyard.registry.context import Yard

_NO_DIGEST = "0" * 64


@dataclass(frozen=True, kw_only=True)
class Health:
    """The server answers."""

    status: str = "ok"
    modelyard: str = __version__


@dataclass(frozen=True, kw_only=True)
class Readiness:
    """The server can do its work: both parts that it depends on have answered just now."""

    status: str = "ready"
    database: str = "ok"
    store: str = "ok"


def look(yard: Yard) -> Readiness:
    """Ask the database and the store for something that costs nothing.

    Raises:
        RegistryUnusable: one of them does not answer.
    """
    with yard.database.read() as tx:
        tx.scalar(text("SELECT 1"))
    yard.store.exists(_NO_DIGEST)
    return Readiness()
