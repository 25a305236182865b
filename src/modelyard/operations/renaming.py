"""Giving a model another name."""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.domain import wire
from modelyard.domain.contract import Operation


@dataclass(frozen=True, kw_only=True)
class RenameModel:
    """A model, and the name that it shall have."""

    name: str
    new_name: str
    force: bool = False
    """Rename it also where an endpoint of it serves: whoever calls it by the old name gets an error from then on."""
    if_match: int | None = None


RENAME_MODEL = Operation(
    "rename_model", "POST", "/api/models/{name}/rename", "model.update", RenameModel, wire.ModelRecord,
    "Give a model another name; its versions, aliases and history stay", example={"new_name": "card-fraud"},
)  # fmt: skip
