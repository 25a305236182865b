"""The tables that let other systems' clients work: tags to search by, files kept for them, versions sent on to them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from modelyard.metadata.tables.registry import (
    DIGEST,
    DOCUMENT,
    IDENTIFIER,
    MOMENT,
    SEARCHED,
    SEQUENCE,
    metadata,
    workspace,
)

LONGEST_PATH = 700
"""Characters of a kept file's path; MySQL's keys have room for 768."""
PATH = String(LONGEST_PATH).with_variant(String(LONGEST_PATH, collation="C"), "postgresql")

model_tags = Table(
    "model_tags",
    metadata,
    Column("model_id", IDENTIFIER, ForeignKey("models.id"), primary_key=True),
    Column("key", SEARCHED, primary_key=True),
    # The beginning of the value, which is short enough for an index.
    Column("head", SEARCHED, nullable=False),
    Column("value", DOCUMENT, nullable=False),
    Index("ix_model_tags_head", "key", "head"),
)

version_tags = Table(
    "version_tags",
    metadata,
    Column("version_seq", SEQUENCE, ForeignKey("versions.seq"), primary_key=True, autoincrement=False),
    Column("key", SEARCHED, primary_key=True),
    Column("head", SEARCHED, nullable=False),
    Column("value", DOCUMENT, nullable=False),
    Index("ix_version_tags_head", "key", "head", "version_seq"),
)

proxied_files = Table(
    "proxied_files",
    metadata,
    workspace(),
    Column("path", PATH, primary_key=True),
    Column("folder", PATH, nullable=False),
    Column("digest", DIGEST, nullable=False),
    Column("sha256", DIGEST, nullable=False),
    Column("size", BigInteger, nullable=False),
    # The digests of its parts of 8 MiB, one behind the other; empty up to one part.
    Column("parts", DOCUMENT, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    Index("ix_proxied_files_folder", "folder", "path"),
    Index("ix_proxied_files_digest", "digest"),
)

forwards = Table(
    "forwards",
    metadata,
    Column("id", SEQUENCE, primary_key=True, autoincrement=True),
    workspace(),
    Column("target", String(20), nullable=False),
    Column("model_id", IDENTIFIER, ForeignKey("models.id"), nullable=False),
    Column("version_id", IDENTIFIER, ForeignKey("versions.id"), nullable=False),
    Column("state", String(20), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", MOMENT, nullable=False),
    Column("claimed_until", MOMENT, nullable=True),
    Column("last_error", DOCUMENT, nullable=True),
    # Counts what there was to send; a change during an attempt leaves it pending.
    Column("wanted", Integer, nullable=False),
    # Where it went: the run's id and address there, as JSON.
    Column("remote", DOCUMENT, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Column("finished_at", MOMENT, nullable=True),
    UniqueConstraint("target", "version_id", name="uq_forwards_version"),
    Index("ix_forwards_line", "state", "due_at"),
    Index("ix_forwards_model", "model_id", "id"),
)
