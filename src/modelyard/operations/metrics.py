"""Metrics of what predictions did: read by version and time, compared, and told by applications."""

from __future__ import annotations

from dataclasses import dataclass, field

from modelyard.domain import wire
from modelyard.domain.contract import Operation


@dataclass(frozen=True, kw_only=True)
class ReadMetrics:
    """A model, and of what its versions did, which part; all of the last 24 hours where nothing is said."""

    name: str
    version: str = ""
    """Only this version: what stands behind the model's name in a reference."""
    environment: str = ""
    """Only what was asked of this environment's endpoint."""
    role: str = ""
    """`live`, `shadow` or `tracked`; each of them by itself where it is empty."""
    since: str = ""
    """A moment, or how long ago, such as `24h`; a day before `until` where it is empty."""
    until: str = ""
    """A moment, or how long ago; now where it is empty."""
    points: int = 0
    """Steps of a series, about; none where it is 0."""


@dataclass(frozen=True, kw_only=True)
class TrackPredictions:
    """Predictions of one model that the application made elsewhere: one by one, or added up by the minute."""

    name: str
    predictions: list[wire.TrackedPrediction] = field(default_factory=list)
    windows: list[wire.TrackedWindow] = field(default_factory=list)
    writer: str = ""
    """Whoever numbers what it sends: with a number that was not higher than the last one, nothing is counted again."""
    number: int = 0

    @property
    def is_numbered(self) -> bool:
        """Whether its writer has numbered it."""
        return bool(self.writer)


METRICS = Operation(
    "metrics", "GET", "/api/models/{name}/metrics", "metrics.read", ReadMetrics, wire.MetricsRecord,
    "Show what the versions of a model did: requests, errors, latencies, throughput, tokens, cost",
)  # fmt: skip
TRACK_PREDICTIONS = Operation(
    "track_predictions", "POST", "/api/models/{name}/predictions", "prediction.record", TrackPredictions,
    wire.TrackedRecord, "Tell how predictions went that were made elsewhere",
    example={"predictions": [{"version": "1.0.0", "latency": 1.5, "tokens": 100}]},
)  # fmt: skip
