"""From a version's row to what a runtime needs of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from modelyard.domain.wire import EndpointConfiguration, FileRecord
from modelyard.errors import VersionNotFound
from modelyard.metadata import manifests, versions
from modelyard.metadata.database import Transaction
from modelyard.registry.lookup import document
from modelyard.runtimes.backend import Runnable, Sizing


def runnable_of(tx: Transaction, version_id: str) -> Runnable:
    """Return what is needed to run a version.

    Raises:
        VersionNotFound: there is none any more.
    """
    row = versions.by_id(tx, version_id)
    if row is None:
        raise VersionNotFound(f"the version {version_id} is gone")
    return runnable(row, manifests.files(tx, [row.digest]).get(row.digest, []))


def runnable(row: Row[Any], files: list[FileRecord]) -> Runnable:
    """Return what is needed to run the version of a row that has these files."""
    facts = document(row)
    return Runnable(
        version_id=row.id,
        name=row.name,
        version=row.version,
        flavour=facts.get("flavour", ""),
        files=tuple(files),
        provider=facts.get("provider", {}),
        input_schema=facts.get("input_schema", {}),
        output_schema=facts.get("output_schema", {}),
        input_example=facts.get("input_example"),
    )


def sizing_of(configuration: EndpointConfiguration) -> Sizing:
    """Return how much of a version an endpoint wants to run."""
    return Sizing(
        replicas=configuration.replicas,
        max_batch=configuration.max_batch,
        batch_delay_ms=configuration.batch_delay_ms,
        memory_mb=configuration.memory_mb,
    )
