"""Records of predictions: what a version answered, and which one it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class PredictionRecord:
    """An output, and who gave it."""

    output: Any
    name: str = ""
    version: str = ""
    version_id: str = ""
    deployment_id: str = ""
    """The deployment that made the route which the request went by."""
    epoch: int = 0
    """The number of that route."""
    prediction_id: str = ""
    """A name for this prediction, to tell later how it went (`ModelRegistry.feedback`)."""
    usage: dict[str, Any] | None = None
    """Tokens and cost, where a provider told them."""
