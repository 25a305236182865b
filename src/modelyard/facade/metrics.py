"""What versions did in service: their figures, two of them side by side, and what applications tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from modelyard.domain.durations import is_duration
from modelyard.domain.wire import LiveComparison, MetricsRecord, TrackedPrediction, TrackedRecord, TrackedWindow
from modelyard.errors import InvalidRequest, PermissionDenied
from modelyard.facade.arguments import count_of, moment_of, name_of, selector_of
from modelyard.facade.base import Base
from modelyard.operations import COMPARE_WITHIN, METRICS, TRACK_PREDICTIONS

When = str | date | None
"""A moment, a date, or how long ago, such as "24h"."""


class Metrics(Base):
    """The methods of `ModelRegistry` that tell what predictions did."""

    def get_metrics(
        self,
        name: str,
        version: str | int | None = None,
        *,
        environment: str | None = None,
        role: str | None = None,
        since: When = None,
        until: When = None,
        points: int | None = None,
    ) -> MetricsRecord:
        """Return what a model's versions did: requests, errors, latencies, throughput, tokens and cost.

        Args:
            name: the model.
            version: only this version.
            environment: only what was asked of this environment's endpoint.
            role: "live", "shadow" or "tracked"; each by itself where it is left out.
            since: a moment, or how long ago, such as "24h" (also where it is left out).
            until: a moment, or how long ago; now where it is left out.
            points: about how many steps a series has; without it there is none.

        Raises:
            ModelNotFound, VersionNotFound, EndpointNotFound: there is no such thing.
        """
        return self._call(
            METRICS,
            name=name_of(name),
            version=selector_of(version),
            environment=environment,
            role=role,
            since=_when("since", since),
            until=_when("until", until),
            points=count_of("points", points),
        )

    def compare_live(
        self,
        name: str,
        version_a: str | int,
        version_b: str | int,
        *,
        environment: str | None = None,
        role: str | None = None,
        since: When = None,
        until: When = None,
    ) -> LiveComparison:
        """Return what two versions did in service, side by side; arguments as in `get_metrics`.

        A figure is better only where the two intervals do not overlap. It describes: a release is decided by the judge.

        Raises:
            ModelNotFound, VersionNotFound, EndpointNotFound: there is no such thing.
            PermissionDenied: who asks may not read metrics.
        """
        record = self._call(
            COMPARE_WITHIN,
            name=name_of(name),
            version_a=selector_of(version_a),
            version_b=selector_of(version_b),
            environment=environment,
            role=role,
            since=_when("since", since),
            until=_when("until", until),
        )
        if record.live is None:
            raise PermissionDenied(f"reading the metrics of {name} takes the permission {METRICS.permission}")
        return record.live

    def track_predictions(
        self,
        name: str,
        predictions: Sequence[TrackedPrediction | Mapping[str, Any]] = (),
        *,
        windows: Sequence[TrackedWindow] = (),
        writer: str = "",
        number: int = 0,
    ) -> TrackedRecord:
        """Tell how predictions went that were made elsewhere, at once; `PerformanceTracker` does it in the background.

        Args:
            name: the model.
            predictions: up to a thousand, each with `version` and `latency` in seconds, and where known `tokens`,
                `success`, `cost` and `at`.
            windows: the same, added up by the minute.
            writer: whoever numbers what it sends, so that a repeat counts nothing twice.
            number: higher with each batch of the writer.

        Raises:
            ModelNotFound, VersionNotFound: there is no such model or version; nothing is counted then.
            InvalidRequest: a number is none.
        """
        plain = [msgspec.to_builtins(one) if isinstance(one, TrackedPrediction) else dict(one) for one in predictions]
        return self._call(
            TRACK_PREDICTIONS,
            name=name_of(name),
            predictions=plain,
            windows=list(windows),
            writer=writer,
            number=number,
        )


def _when(what: str, value: object) -> str | None:
    """A moment or a duration as text.

    Raises:
        InvalidRequest: it is neither.
    """
    if isinstance(value, str) and not value.strip():
        raise InvalidRequest(f"{what} is empty", hint=f"write {what}='24h' or {what}='2026-03-01T12:00Z'")
    return value if isinstance(value, str) and is_duration(value) else moment_of(what, value)
