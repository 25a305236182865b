"""The job that adds up what was observed, and forgets what is too old."""

from __future__ import annotations

from modelyard.config import Settings
from modelyard.delivery.controller import Job, Transactions
from modelyard.registry.context import Yard
from modelyard.telemetry import rollup
from modelyard.telemetry.rollup import Keeping

EVERY_S = 300.0


def rolling_up(yard: Yard, settings: Settings) -> Job:
    """Return the job; `telemetry.*` says how long what is kept."""
    keeping = Keeping(
        minutes_hours=settings["telemetry.minutes_hours"],
        hours_days=settings["telemetry.hours_days"],
        days_days=settings["telemetry.days_days"],
        evidence_days=settings["telemetry.evidence_days"],
    )

    def run(transactions: Transactions) -> None:
        more = True
        while more:
            with transactions() as context:
                more = rollup.roll(context.tx, context.now, keeping)

    return Job(
        name="rollup", every_s=EVERY_S, wanted=lambda tx: rollup.wanted(tx, yard.clock(), keeping), run=run
    )  # fmt: skip
