"""Feedback on predictions, and tests between versions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from modelyard.domain import wire
from modelyard.domain.contract import Operation
from modelyard.operations.delivery import NamedDeployment


@dataclass(frozen=True, kw_only=True)
class RecordFeedback:
    """What became known of a prediction: one thing, or up to 1,000 as `items` with these fields."""

    prediction_id: str = ""
    """As the answer told it."""
    metric: str = ""
    value: float | bool | None = None
    """A finite number, or whether something came true."""
    at: str = ""
    """When it happened; now where it is left out."""
    items: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class SummariseFeedback:
    """A model whose feedback is asked for; of one version if given."""

    name: str
    version: str = ""


RECORD_FEEDBACK = Operation(
    "record_feedback", "POST", "/api/feedback", "prediction.record", RecordFeedback, wire.FeedbackReceipt,
    "Tell how predictions went", example={"prediction_id": "pn_ZXBf", "metric": "converted", "value": True},
)  # fmt: skip
FEEDBACK_SUMMARY = Operation(
    "feedback_summary", "GET", "/api/models/{name}/feedback", "metrics.read", SummariseFeedback, wire.FeedbackSummary,
    "Show what applications said of predictions, by version and metric",
)  # fmt: skip
AB_RESULT = Operation(
    "ab_result", "GET", "/api/deployments/{id}/test", "deployment.read", NamedDeployment, wire.AbResult,
    "Show how a test between versions stands, and who has won",
)  # fmt: skip
