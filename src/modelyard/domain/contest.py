"""Several versions side by side: each beside the first one, the baseline, and whether one is better than all others.

Rules
1. Two versions are compared by the rules of `modelyard.domain.compare`, with the same metrics for all.
2. The best version is the one that wins against every other version. A tie, or a version that it has no deciding metric
   in common with, leaves the contest without a best one.
3. The confidence that it is the best is that of its least sure win.
4. Who picks the best of many is fooled by chance more often than who compares two: the explanation says so, because the
   confidence is not corrected for it.
5. Metrics to look at are named once; each must be known of at least one version.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from modelyard.domain.compare import Candidate, Comparison, compare
from modelyard.domain.directions import canonical
from modelyard.domain.metadata import performance
from modelyard.domain.names import shown
from modelyard.domain.wire import VersionRecord
from modelyard.errors import InvalidMetric, InvalidRequest

FEWEST = 2
MOST = 50
"""Versions of one contest; more columns would be a table that nobody reads."""

_NAMED = 3


@dataclass(frozen=True, kw_only=True)
class Contest:
    """The outcome.

    Attributes:
        comparisons: the baseline with each of the others, in their order; the baseline is `a`.
        best: the id of the version that wins against all others, or None.
        confidence_score: in 0..1; 0 where there is no best one.
        explanation: one or two sentences, with ids.
    """

    comparisons: tuple[Comparison, ...]
    best: str | None
    confidence_score: float
    explanation: str


def candidate_of(record: VersionRecord) -> Candidate:
    """What is compared of a version, from its record."""
    return Candidate(
        id=record.id,
        metrics=performance({"metrics": record.metrics, "validation_metrics": record.validation_metrics}),
        params=record.hyperparameters,
        samples=record.metric_samples,
        sample_size=record.sample_size,
    )


def contest(candidates: Sequence[Candidate], *, metrics: Sequence[str] = ()) -> Contest:
    """Compare two or more versions, the first of which is the baseline.

    Args:
        candidates: the versions, each with an id of its own.
        metrics: the metrics to look at; all where it is empty.

    Raises:
        InvalidRequest: there are fewer than two versions, more than `MOST`, or one comes twice.
        InvalidMetric: no version has a metric of that name.
    """
    _check(candidates)
    matches = _Matches(restricted(candidates, metrics))
    comparisons = tuple(matches.between(0, other) for other in range(1, len(candidates)))
    leader = _leader(matches)
    wins = [matches.between(leader, other) for other in range(len(candidates)) if other != leader]
    if any(won.winner != candidates[leader].id for won in wins):
        text = _undecided(candidates, leader, wins)
        return Contest(comparisons=comparisons, best=None, confidence_score=0.0, explanation=text)
    least = min(wins, key=lambda won: won.confidence_score)
    return Contest(
        comparisons=comparisons,
        best=candidates[leader].id,
        confidence_score=least.confidence_score,
        explanation=_decided(candidates[leader].id, least, len(wins)),
    )


def restricted(candidates: Sequence[Candidate], metrics: Iterable[str]) -> list[Candidate]:
    """The candidates with the named metrics only, under any of their spellings.

    Raises:
        InvalidMetric: no version has a metric of that name.
    """
    known = {canonical(name): name for candidate in candidates for name in candidate.values()}
    wanted = set()
    for name in metrics:
        if canonical(name) not in known:
            near = get_close_matches(name, known.values(), n=1, cutoff=0.5)
            listed = ", ".join(sorted(known.values())[:20]) or "no metric at all"
            question = f"did you mean {near[0]}? " if near else ""
            raise InvalidMetric(f"no version has the metric {shown(name)}", hint=f"{question}recorded: {listed}")
        wanted.add(canonical(name))
    return [_only(candidate, wanted) for candidate in candidates] if wanted else list(candidates)


class _Matches:
    """Comparisons by the places of their two sides, each made once."""

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self.candidates = candidates
        self._made: dict[tuple[int, int], Comparison] = {}

    def between(self, a: int, b: int) -> Comparison:
        """The comparison of two candidates; whichever side stands first, it has the same winner."""
        if (b, a) in self._made:
            return self._made[b, a]
        if (a, b) not in self._made:
            self._made[a, b] = compare(self.candidates[a], self.candidates[b])
        return self._made[a, b]


def _check(candidates: Sequence[Candidate]) -> None:
    if not FEWEST <= len(candidates) <= MOST:
        raise InvalidRequest(
            f"{len(candidates)} versions are given", hint=f"a comparison takes {FEWEST} to {MOST} versions"
        )
    seen = set()
    for candidate in candidates:
        if candidate.id in seen:
            raise InvalidRequest(f"the version {candidate.id} is given twice", hint="name each version once")
        seen.add(candidate.id)


def _only(candidate: Candidate, wanted: set[str]) -> Candidate:
    return replace(
        candidate,
        metrics={name: value for name, value in candidate.metrics.items() if canonical(name) in wanted},
        samples={name: scores for name, scores in candidate.samples.items() if canonical(name) in wanted},
    )


def _leader(matches: _Matches) -> int:
    """Who is left when each challenger in turn meets who won before; only this one can win against all."""
    leader = 0
    for challenger in range(1, len(matches.candidates)):
        if matches.between(leader, challenger).winner == matches.candidates[challenger].id:
            leader = challenger
    return leader


def _decided(best: str, least: Comparison, wins: int) -> str:
    if wins == 1:
        return least.explanation
    text = f"{best} wins against each of the {wins} others; the least sure of these wins: {least.explanation}"
    return f"{text}. The best of many is overrated more easily than the better of two"


def _undecided(candidates: Sequence[Candidate], leader: int, wins: Sequence[Comparison]) -> str:
    if len(candidates) == FEWEST:
        return wins[0].explanation
    others = [candidate.id for place, candidate in enumerate(candidates) if place != leader]
    matched = [other for other, won in zip(others, wins, strict=True) if won.winner != candidates[leader].id]
    listed = ", ".join(matched[:_NAMED]) + (f" and {len(matched) - _NAMED} more" if len(matched) > _NAMED else "")
    beaten = len(others) - len(matched)
    return (
        f"no version wins against all others; {candidates[leader].id} wins against {beaten} of {len(others)}, "
        f"but not against {listed}"
    )
