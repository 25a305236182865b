"""Databases of older schemas, for the tests of migrations."""

from __future__ import annotations

from alembic import command
from alembic.config import Config

from modelyard.metadata import schema
from modelyard.metadata.database import Database


def downgrade(url: str, revision: str) -> None:
    """Take a database back to an older schema."""
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    database = Database(url)
    with database.write() as tx:
        config.attributes["connection"] = tx.connection
        command.downgrade(config, revision)
    database.close()
