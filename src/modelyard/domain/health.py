"""Whether a version is fit to serve: the probes before it gets traffic, and the pulse of what serves.

Rules
1. Before any traffic moves, all probes of a set have to pass: n of n. From no probe at all nothing follows, so such a
   set does not pass.
2. Where a limit is set, 95 of 100 probes have to answer within it: the smallest duration that at least 95 % of them do
   not exceed (nearest rank; of up to 19 probes that is the slowest).
3. What serves is probed continuously. `fall` failures in a row make it dead, `rise` successes in a row make it alive
   again; one failure among successes means nothing, and neither does one success among failures.
4. Nothing here reads a clock: the same probes give the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

LONGEST_DETAIL = 500
"""Characters of a probe's detail that are kept as evidence."""


def judge_probes(
    probes: Sequence[tuple[bool, float, str]], max_p95_s: float | None = None
) -> tuple[bool, str, dict[str, Any]]:
    """Judge a set of probes.

    Args:
        probes: of each, whether it passed, how many seconds it took, and a detail for people.
        max_p95_s: seconds that 95 of 100 probes may take at most; None for no limit.

    Returns:
        Whether the set passed, why or why not in a sentence, and the evidence as JSON values.
    """
    failures = [(place, detail) for place, (passed, _, detail) in enumerate(probes, start=1) if not passed]
    p95 = p95_of([seconds for _, seconds, _ in probes])
    evidence: dict[str, Any] = {"probes": len(probes), "failed": len(failures), "p95_s": p95, "max_p95_s": max_p95_s}
    if not probes:
        return False, "no probe was made", evidence
    if failures:
        place, detail = failures[0]
        evidence |= {"first_failure": place, "detail": detail[:LONGEST_DETAIL]}
        told = f": {detail[:LONGEST_DETAIL]}" if detail else ""
        return False, f"{len(failures)} of {len(probes)} probes failed{told}", evidence
    if max_p95_s is not None and (p95 is None or p95 > max_p95_s):
        shown = "is not known" if p95 is None else f"is {p95:.4g} s"
        reason = f"p95 of {len(probes)} probes {shown}, and the limit is {max_p95_s:.4g} s"
        return False, reason, evidence
    return True, f"{len(probes)} of {len(probes)} probes passed", evidence


def p95_of(seconds: Sequence[float]) -> float | None:
    """Return the 95th percentile of durations by nearest rank; None without any, or if one is no finite number."""
    if not seconds or not all(map(isfinite, seconds)):
        return None
    # In whole numbers: 0.95 * 20 is not exactly 19.
    return sorted(seconds)[-(-95 * len(seconds) // 100) - 1]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pulse:
    """Whether something that is probed again and again is alive.

    Attributes:
        fall: failures in a row after which it is dead.
        rise: successes in a row after which it is alive again.
        alive: as it was found; who passed the probes before a deployment begins alive.
        run: how many probes in a row contradict `alive`, from 0 up to one below the limit.
        detail: of the newest failure.
    """

    fall: int = 3
    rise: int = 2
    alive: bool = True
    run: int = 0
    detail: str = ""

    def __post_init__(self) -> None:
        """Refuse limits that could never be counted up to."""
        if self.fall < 1 or self.rise < 1:
            raise ValueError(f"fall is {self.fall} and rise is {self.rise}; both are 1 or more")

    def after(self, ok: bool, detail: str = "") -> Pulse:  # noqa: FBT001 - a probe's outcome is the whole call
        """Return the pulse after one more probe."""
        kept = self.detail if ok else detail[:LONGEST_DETAIL]
        if ok == self.alive:
            return replace(self, run=0, detail=kept)
        if self.run + 1 < (self.fall if self.alive else self.rise):
            return replace(self, run=self.run + 1, detail=kept)
        return replace(self, alive=not self.alive, run=0, detail=kept)

    def evidence(self) -> dict[str, Any]:
        """Return how it stands, as JSON values."""
        return {"alive": self.alive, "run": self.run, "fall": self.fall, "rise": self.rise, "detail": self.detail}
