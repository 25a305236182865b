"""What lists are narrowed by: owners and teams of versions as columns, and indexes by owner, team, actor and moment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SEARCHED = sa.String(250).with_variant(sa.String(250, collation="C"), "postgresql")
HEAD = 250
BATCH = 1_000

INDEXES = {
    "ix_models_owner": ("models", ["owner", "live_name"]),
    "ix_models_team": ("models", ["team", "live_name"]),
    "ix_versions_owner": ("versions", ["owner", "seq"]),
    "ix_versions_team": ("versions", ["team", "seq"]),
    "ix_events_actor": ("events", ["actor", "txid", "seq"]),
    "ix_events_at": ("events", ["at", "txid", "seq"]),
}
VERSIONS = sa.table("versions", *map(sa.column, ("seq", "document", "owner", "team")))


def upgrade() -> None:
    """Make the columns, fill them from the documents, and make the indexes."""
    for name in ("owner", "team"):
        op.add_column("versions", sa.Column(name, SEARCHED, nullable=False, server_default=sa.text("''")))
    _fill()
    for name, (table, columns) in INDEXES.items():
        op.create_index(name, table, columns)


def downgrade() -> None:
    """Remove them; owners and teams stay in the documents."""
    for name, (table, _) in INDEXES.items():
        op.drop_index(name, table)
    for name in ("team", "owner"):
        op.drop_column("versions", name)


def _fill() -> None:
    copied: dict[str, Any] = {"owner": sa.bindparam("own"), "team": sa.bindparam("group")}
    write = sa.update(VERSIONS).where(VERSIONS.c.seq == sa.bindparam("at")).values(copied)
    for rows in _pages():
        documents = {row.seq: json.loads(row.document) for row in rows}
        named = [
            {"at": seq, "own": str(read.get("owner", ""))[:HEAD], "group": str(read.get("team", ""))[:HEAD]}
            for seq, read in documents.items()
            if read.get("owner") or read.get("team")
        ]
        if named:
            op.get_bind().execute(write, named)


def _pages() -> Iterator[list[Any]]:
    """Yield versions by their numbers, so many at once that memory does not grow with the registry."""
    query = sa.select(VERSIONS.c.seq, VERSIONS.c.document).order_by(VERSIONS.c.seq).limit(BATCH)
    rows = list(op.get_bind().execute(query))
    while rows:
        yield rows
        rows = list(op.get_bind().execute(query.where(VERSIONS.c.seq > rows[-1].seq)))
