"""Copying a version to another model of the same registry."""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.domain import wire
from modelyard.domain.contract import Operation


@dataclass(frozen=True, kw_only=True)
class CopyVersion:
    """A version, the model that gets a copy of it, and the copy's number; the version's own, where it is left out."""

    reference: str
    name: str
    version: str | None = None


COPY_VERSION = Operation(
    "copy_version", "POST", "/api/models/{reference}/copy", "version.create", CopyVersion, wire.CopyRecord,
    "Copy a version to another model; files are shared, and nothing is moved", example={"name": "fraud-eu"},
)  # fmt: skip
