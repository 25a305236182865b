"""The jobs that one process of all does in the background, besides driving deployments."""

from __future__ import annotations

from collections.abc import Sequence

from modelyard.config import Settings
from modelyard.delivery.controller import Job
from modelyard.registry.context import Yard
from modelyard.watch import evaluating, profiles, rollup
from modelyard.watch.abtests import AbTests


def jobs_of(yard: Yard, settings: Settings) -> Sequence[Job]:
    """Return the jobs of a registry."""
    return (
        profiles.forgetting(yard, settings),
        rollup.rolling_up(yard, settings),
        evaluating.evaluation_job(yard, settings["alerts.evaluate_s"]),
        AbTests(yard).job(),
    )
