"""The ecosystem: tags to search by, where versions came from, kept files, versions sent on to other systems."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.Text().with_variant(sa.Text(2**32 - 1), "mysql")
SEARCHED = sa.String(250).with_variant(sa.String(250, collation="C"), "postgresql")
PATH = sa.String(700).with_variant(sa.String(700, collation="C"), "postgresql")
HEAD = 250
BATCH = 1_000

LINE = ["state", "webhook_id", "model_id", "event_seq"]

WEBHOOKS = sa.table("webhooks", sa.column("secret"))
DELIVERIES = sa.table("deliveries", sa.column("message"))
UPDATED = "updated_at"
MODELS = sa.table("models", *map(sa.column, ("id", "tags", "edited_at")), sa.column(UPDATED, sa.String))
VERSIONS = sa.table(
    "versions", *map(sa.column, ("seq", "document", "source", "run_id", "edited_at")), sa.column(UPDATED, sa.String)
)


def _text(name: str, size: int, *, null: bool = False, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=size), nullable=null, primary_key=primary_key)


def _workspace() -> sa.Column[str]:
    return sa.Column("workspace", sa.String(length=64), nullable=False, server_default="default")


def upgrade() -> None:
    """Make the tables and columns, and fill them from what is recorded."""
    _make_tags()
    _make_columns()
    renamed = sa.text("type = 'model.renamed'")
    op.create_index("ix_events_renamed", "events", ["model"], sqlite_where=renamed, postgresql_where=renamed)
    _make_proxied_files()
    _make_forwards()
    _fill_models()
    _fill_versions()
    _widen_webhooks()


def downgrade() -> None:
    """Remove the tables and columns; tags and sources stay in the documents."""
    _narrow_webhooks()
    for table in ("forwards", "proxied_files", "version_tags", "model_tags"):
        op.drop_table(table)
    op.drop_index("ix_events_renamed", "events")
    op.drop_index("ix_versions_edited", "versions")
    op.drop_index("ix_versions_run", "versions")
    op.drop_index("ix_versions_newest", "versions")
    for name in ("edited_at", "run_id", "source"):
        op.drop_column("versions", name)
    op.drop_column("models", "edited_at")


def _make_tags() -> None:
    op.create_table(
        "model_tags",
        _text("model_id", 40, primary_key=True),
        sa.Column("key", SEARCHED, primary_key=True),
        sa.Column("head", SEARCHED, nullable=False),
        sa.Column("value", DOCUMENT, nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"]),
    )
    op.create_index("ix_model_tags_head", "model_tags", ["key", "head"])
    op.create_table(
        "version_tags",
        sa.Column("version_seq", SEQUENCE, primary_key=True, autoincrement=False),
        sa.Column("key", SEARCHED, primary_key=True),
        sa.Column("head", SEARCHED, nullable=False),
        sa.Column("value", DOCUMENT, nullable=False),
        sa.ForeignKeyConstraint(["version_seq"], ["versions.seq"]),
    )
    op.create_index("ix_version_tags_head", "version_tags", ["key", "head", "version_seq"])


def _make_columns() -> None:
    op.add_column("models", sa.Column("edited_at", sa.String(27), nullable=False, server_default=sa.text("''")))
    op.add_column("versions", sa.Column("edited_at", sa.String(27), nullable=False, server_default=sa.text("''")))
    op.add_column("versions", sa.Column("run_id", SEARCHED, nullable=False, server_default=sa.text("''")))
    # MySQL lets no text of any length have a default.
    op.add_column("versions", sa.Column("source", DOCUMENT, nullable=True))
    for table in (MODELS, VERSIONS):
        # Cut to milliseconds, as the program writes it: what MLflow's clients see as equal has to sort as equal.
        op.execute(sa.update(table).values(edited_at=sa.func.substr(table.c[UPDATED], 1, 23, type_=sa.String) + "Z"))
    op.create_index("ix_versions_edited", "versions", ["workspace", "edited_at"])
    op.create_index("ix_versions_newest", "versions", ["model_id", "stage", "number"])
    op.create_index("ix_versions_run", "versions", ["run_id"])


def _make_proxied_files() -> None:
    op.create_table(
        "proxied_files",
        _workspace(),
        sa.Column("path", PATH, primary_key=True),
        sa.Column("folder", PATH, nullable=False),
        _text("digest", 64),
        _text("sha256", 64),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("parts", DOCUMENT, nullable=False),
        _text("updated_at", 27),
    )
    op.create_index("ix_proxied_files_folder", "proxied_files", ["folder", "path"])
    op.create_index("ix_proxied_files_digest", "proxied_files", ["digest"])


def _make_forwards() -> None:
    op.create_table(
        "forwards",
        sa.Column("id", SEQUENCE, primary_key=True, autoincrement=True),
        _workspace(),
        _text("target", 20),
        _text("model_id", 40),
        _text("version_id", 40),
        _text("state", 20),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _text("due_at", 27),
        _text("claimed_until", 27, null=True),
        sa.Column("last_error", DOCUMENT, nullable=True),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("remote", DOCUMENT, nullable=False),
        _text("created_at", 27),
        _text("finished_at", 27, null=True),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"]),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"]),
        sa.UniqueConstraint("target", "version_id", name="uq_forwards_version"),
    )
    op.create_index("ix_forwards_line", "forwards", ["state", "due_at"])
    op.create_index("ix_forwards_model", "forwards", ["model_id", "id"])


def _widen_webhooks() -> None:
    op.add_column("webhooks", sa.Column("format", sa.String(20), nullable=False, server_default="modelyard"))
    with op.batch_alter_table("deliveries") as table:
        table.add_column(sa.Column("part", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("message", DOCUMENT, nullable=True))
        table.drop_constraint("uq_deliveries_event", type_="unique")
        table.create_unique_constraint("uq_deliveries_event", ["webhook_id", "event_seq", "part"])
    op.drop_index("ix_deliveries_line", "deliveries")
    op.create_index("ix_deliveries_line", "deliveries", [*LINE, "part"])


def _narrow_webhooks() -> None:
    """Remove what the older program does not know; it cannot open sealed secrets, so they have to be made anew.

    Webhooks in MLflow's form stay, as events tell of them, but no event of ours has the names that they wait for.
    """
    op.execute(sa.delete(DELIVERIES).where(DELIVERIES.c.message.is_not(None)))
    op.execute(sa.update(WEBHOOKS).where(WEBHOOKS.c.secret.like("sealed:%")).values({"secret": "[]"}))
    with op.batch_alter_table("deliveries") as table:
        table.drop_constraint("uq_deliveries_event", type_="unique")
        table.create_unique_constraint("uq_deliveries_event", ["webhook_id", "event_seq"])
        table.drop_index("ix_deliveries_line")
        table.drop_column("message")
        table.drop_column("part")
        table.create_index("ix_deliveries_line", LINE)
    op.drop_column("webhooks", "format")


def _fill_models() -> None:
    table = sa.table("model_tags", *map(sa.column, ("model_id", "key", "head", "value")))
    for rows in _pages(MODELS.c.id, MODELS.c.tags):
        found = [{"model_id": row.id, **tag} for row in rows for tag in _tags(json.loads(row.tags))]
        if found:
            op.bulk_insert(table, found)


def _fill_versions() -> None:
    table = sa.table("version_tags", *map(sa.column, ("version_seq", "key", "head", "value")))
    copied: dict[str, Any] = {"run_id": sa.bindparam("run"), "source": sa.bindparam("told")}
    write = sa.update(VERSIONS).where(VERSIONS.c.seq == sa.bindparam("at")).values(copied)
    for rows in _pages(VERSIONS.c.seq, VERSIONS.c.document):
        documents = {row.seq: json.loads(row.document) for row in rows}
        found = [{"version_seq": seq, **tag} for seq, read in documents.items() for tag in _tags(read.get("tags", {}))]
        if found:
            op.bulk_insert(table, found)
        named = [
            {"at": seq, "run": str(read.get("training_run_id", ""))[:HEAD], "told": read.get("source")}
            for seq, read in documents.items()
            if read.get("training_run_id") or read.get("source")
        ]
        if named:
            op.get_bind().execute(write, named)


def _pages(key: sa.ColumnClause[Any], value: sa.ColumnClause[Any]) -> Iterator[list[Any]]:
    """Yield rows of a table by its key, so many at once that memory does not grow with the registry."""
    query = sa.select(key, value).order_by(key).limit(BATCH)
    rows = list(op.get_bind().execute(query))
    while rows:
        yield rows
        rows = list(op.get_bind().execute(query.where(key > rows[-1][0])))


def _tags(tags: dict[str, str]) -> Iterable[dict[str, str]]:
    return ({"key": key, "head": value[:HEAD], "value": value} for key, value in tags.items())
