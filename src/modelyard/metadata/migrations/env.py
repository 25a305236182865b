"""Alembic's entry point: run the migrations on the connection that `metadata.schema` hands over."""

from alembic import context

from modelyard.metadata.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=False,
)
context.run_migrations()
