"""One cache of compiled statements for all databases of a process.

SQLAlchemy keeps the text of a statement with the engine that it was made for. A registry opens its database once and
gains by that; a test opens one of its own, and would spend a third of its time on making the same texts again.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache

MOST = 3000
"""Statements that are kept; the project has fewer."""


def share_compiled() -> None:
    """Let every engine that is made from now on use the same cache, and take dialects of a kind for one."""
    texts: LRUCache[Any, Any] = LRUCache(MOST)
    prepare = Engine.__init__

    def prepare_shared(self: Engine, *args: Any, **options: Any) -> None:
        prepare(self, *args, **options)
        self._compiled_cache = texts

    Engine.__init__ = prepare_shared  # type: ignore[method-assign]
    DefaultDialect.__eq__ = _is_alike  # type: ignore[method-assign, assignment]
    DefaultDialect.__hash__ = _kind  # type: ignore[method-assign, assignment]


def _kind(dialect: DefaultDialect) -> int:
    return hash(type(dialect))


def _is_alike(dialect: DefaultDialect, other: object) -> bool:
    """Whether two dialects write the same: the same driver to the same version of a database."""
    if dialect is other:
        return True
    return type(dialect) is type(other) and _version(dialect) == _version(other)


def _version(dialect: Any) -> Any:
    return getattr(dialect, "server_version_info", None)
