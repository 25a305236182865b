"""Two versions side by side: metrics, parameters, and which one is better, with no more certainty than was recorded.

Rules
1. Two names with one canonical spelling are one metric (f1 and f1_score); see `modelyard.domain.directions`.
2. A metric votes when both sides have it and its direction is known or given. What only one side has, and what has no
   direction, is shown and does not vote. Spellings of one metric share one vote.
3. The winner is the side with more voting weight; each metric weighs 1 unless told otherwise. Equal values vote for
   neither, and equal weights have no winner.
4. `confidence_score` tells how sure it is that the winner is better, in 0..1, on the best basis there is:
   - "paired bootstrap": both sides store equally many scores per fold or per example of deciding metrics;
   - "beta-binomial": the metric is a share of examples (accuracy), and both sides store a sample size;
   - "weighted agreement": only single numbers exist. It is the share of agreeing votes, shrunk towards one half, and no
     probability;
   - "none": nothing voted, or the votes are equal.
   A basis counts only where the metrics that it covers favour the winner; else the next one is taken.
5. Where a basis makes the winner no more likely than the other side, there is no winner. Without one the score is 0.
6. Comparing b with a gives the same winner and the same confidence as comparing a with b.
"""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal

from modelyard.domain.directions import canonical, direction, is_share
from modelyard.domain.names import shown
from modelyard.domain.statistics import Paired, agreement, beta_binomial, paired_bootstrap
from modelyard.domain.wire import MetricComparison
from modelyard.errors import InvalidMetric, InvalidRequest

Basis = Literal["paired bootstrap", "beta-binomial", "weighted agreement", "none"]
Side = Literal["a", "b"]
_SAME = 1e-9
_HEAVIEST = 1e9
_EVEN = 0.5
_FEWEST_SCORES = 2


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """What is compared of a version.

    Attributes:
        id: what `Comparison.winner` shall say.
        metrics: performance by metric name, finite numbers.
        params: hyperparameters, JSON values.
        samples: scores per fold or per example by metric name, in an order that both candidates share.
        sample_size: number of examples behind the metrics.
    """

    id: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    samples: Mapping[str, Sequence[float]] = field(default_factory=dict)
    sample_size: int | None = None

    def values(self) -> dict[str, float]:
        """The metrics, completed by the means of the scores of metrics that are not among them."""
        known = {canonical(name) for name in self.metrics}
        means = {name: math.fsum(x / len(s) for x in s) for name, s in self.samples.items() if s}
        return dict(self.metrics) | {name: mean for name, mean in means.items() if canonical(name) not in known}

    def scores(self, name: str) -> Sequence[float]:
        """The stored scores of a metric under any of its spellings; empty where there are none."""
        spellings = sorted(self.samples, key=lambda other: (other != name, other))
        return next((self.samples[other] for other in spellings if canonical(other) == canonical(name)), ())


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The outcome; every value is a JSON value. `metric_changes` and every delta are b - a."""

    winner: str | None
    confidence_score: float
    basis: Basis
    explanation: str
    metrics: tuple[MetricComparison, ...]
    metric_changes: dict[str, float]
    params_diff: dict[str, dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class _Vote:
    """A metric that both sides have and that has a direction; `weight` 1 is the mean of all votes."""

    row: MetricComparison
    weight: float

    def values(self, side: Side) -> tuple[float, float]:
        """This side's value, and the other's."""
        a, b = self.row.a or 0.0, self.row.b or 0.0
        return (a, b) if side == "a" else (b, a)


@dataclass(frozen=True, kw_only=True)
class _Judgement:
    confidence: float
    basis: Basis
    explanation: str


def compare(
    a: Candidate,
    b: Candidate,
    *,
    metrics_to_compare: Iterable[str] | None = None,
    directions: Mapping[str, str] | None = None,
    weights: Mapping[str, float] | None = None,
) -> Comparison:
    """Compare two versions by the rules above.

    Args:
        a: one version.
        b: the other one.
        metrics_to_compare: the metrics to look at; all where it is None or empty.
        directions: metric → "higher" or "lower", for metrics that are not known or known wrongly.
        weights: metric → weight of its vote, 0 or more; 0 takes its vote away. Metrics not named weigh 1.

    Raises:
        InvalidMetric: `metrics_to_compare` names a metric that neither side has.
        InvalidRequest: a direction or a weight has an impossible value.
    """
    given, heavy = _given_directions(directions or {}), _given_weights(weights or {})
    rows = _rows(a.values(), b.values(), given, heavy)
    if metrics_to_compare is not None:
        rows = _restricted(rows, metrics_to_compare)
    winner, judgement = _judge(a, b, _votes(rows, heavy))
    return Comparison(
        winner=None if winner is None else (a if winner == "a" else b).id,
        confidence_score=judgement.confidence if winner else 0.0,
        basis=judgement.basis,
        explanation=judgement.explanation,
        metrics=tuple(rows),
        metric_changes={row.name: row.delta for row in rows if row.delta is not None},
        params_diff=params_diff(a.params, b.params),
    )


def params_diff(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The parameters that differ: dotted name → {"a": …, "b": …}; one that is absent counts as None."""
    left, right = flattened([a, b])
    pairs = {name: (left.get(name), right.get(name)) for name in sorted(left.keys() | right.keys())}
    return {name: {"a": x, "b": y} for name, (x, y) in pairs.items() if not same_value(x, y)}


def flattened(documents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Nested parameters of each document by dotted name; an empty mapping stands for itself.

    Where two parameters of one document would have one name, `{"a.b": 1, "a": {"b": 2}}`, keys with dots stand in
    quotation marks, in all documents.
    """
    found = [list(_leaves(document, ())) for document in documents]
    twice = {name for leaves in found for name, times in Counter(".".join(p) for p, _ in leaves).items() if times > 1}
    return [{_dotted(path, twice): value for path, value in leaves} for leaves in found]


def _leaves(params: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in params.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*path, name))
        else:
            yield (*path, name), value


def _dotted(path: tuple[str, ...], twice: Collection[str]) -> str:
    plain = ".".join(path)
    quoted = plain in twice or '"' in plain
    return ".".join(json.dumps(key) if "." in key or '"' in key else key for key in path) if quoted else plain


def same_value(x: Any, y: Any) -> bool:
    """Whether two parameters have the same value."""
    # True == 1 in Python; as parameters of a training they are two things.
    return isinstance(x, bool) == isinstance(y, bool) and bool(x == y)


def _rows(
    a: Mapping[str, float], b: Mapping[str, float], given: Mapping[str, str], heavy: Mapping[str, float]
) -> list[MetricComparison]:
    rows, voted = [], set[str]()
    for name, left, right in _paired_names(a, b):
        key = canonical(name)
        way = given.get(key) or direction(name)
        x, y = a.get(left), b.get(right)
        better = None if key in voted or heavy.get(key) == 0 else _better(x, y, way)
        voted |= {key} if better else set()
        rows.append(_row(name, x, y, way, better))
    return rows


def _paired_names(a: Mapping[str, float], b: Mapping[str, float]) -> list[tuple[str, str, str]]:
    """(name to show, name on side a, name on side b), sorted: equal names first make a pair, then equal meanings."""
    pairs = {name: (name, name) for name in a.keys() & b.keys()}
    paired = {canonical(name) for name in pairs}
    left = {canonical(name): name for name in sorted(a.keys() - b.keys(), reverse=True)}
    right = {canonical(name): name for name in sorted(b.keys() - a.keys(), reverse=True)}
    meant = (left.keys() & right.keys()) - paired
    pairs |= {key: (left[key], right[key]) for key in meant}
    used = {name for key in meant for name in (left[key], right[key])}
    alone = {name: (name, name) for name in (a.keys() ^ b.keys()) - used}
    return sorted((name, x, y) for name, (x, y) in (alone | pairs).items())


def _better(x: float | None, y: float | None, way: str | None) -> Literal["a", "b", "tie"] | None:
    if x is None or y is None or way is None:
        return None
    if math.isclose(x, y, rel_tol=_SAME, abs_tol=_SAME**2):
        return "tie"
    return "b" if (y > x) == (way == "higher") else "a"


def _row(name: str, x: float | None, y: float | None, way: str | None, better: str | None) -> MetricComparison:
    delta = None if x is None or y is None else _finite(y - x)
    return MetricComparison(
        name=name,
        a=x,
        b=y,
        delta=delta,
        relative_change=_finite(delta / abs(x)) if delta is not None and x else None,
        direction=way,
        better=better,
    )


def _finite(number: float) -> float:
    return max(-sys.float_info.max, min(sys.float_info.max, number))


def _restricted(rows: Sequence[MetricComparison], wanted: Iterable[object]) -> list[MetricComparison]:
    if isinstance(wanted, str):
        raise InvalidRequest("metrics_to_compare is a text, not a list of names", hint=f"write [{wanted!r}]")
    keys = {canonical(row.name): row.name for row in rows}
    chosen = set()
    for name in wanted:
        if not isinstance(name, str) or canonical(name) not in keys:
            close = get_close_matches(str(name), keys.values(), n=1, cutoff=0.5)
            listed = ", ".join(sorted(keys.values())[:20]) or "no metric at all"
            question = f"did you mean {close[0]}? " if close else ""
            raise InvalidMetric(f"neither version has the metric {shown(name)}", hint=f"{question}recorded: {listed}")
        chosen.add(canonical(name))
    return [row for row in rows if canonical(row.name) in chosen] if chosen else list(rows)


def _given_directions(directions: Mapping[str, str]) -> dict[str, str]:
    for name, way in directions.items():
        if way not in ("higher", "lower"):
            raise InvalidRequest(
                f"the direction of {shown(name)} is {shown(way)}", hint="a direction is 'higher' or 'lower'"
            )
    return {canonical(name): way for name, way in directions.items()}


def _given_weights(weights: Mapping[str, object]) -> dict[str, float]:
    given = {}
    for name, weight in weights.items():
        if not isinstance(weight, int | float) or isinstance(weight, bool) or not 0 <= weight <= _HEAVIEST:
            raise InvalidRequest(
                f"the weight of {shown(name)} is {shown(weight)}", hint="a weight is a number, 0 to 1e9"
            )
        given[canonical(name)] = float(weight)
    return given


def _votes(rows: Sequence[MetricComparison], heavy: Mapping[str, float]) -> list[_Vote]:
    voting = [(row, heavy.get(canonical(row.name), 1.0)) for row in rows if row.better]
    total = math.fsum(weight for _, weight in voting)
    return [_Vote(row=row, weight=weight * len(voting) / total) for row, weight in voting]


def _weight(votes: Iterable[_Vote], better: str) -> float:
    return math.fsum(vote.weight for vote in votes if vote.row.better == better)


def _favoured(votes: Iterable[_Vote]) -> Side | None:
    votes = list(votes)
    a, b = _weight(votes, "a"), _weight(votes, "b")
    if math.isclose(a, b, rel_tol=_SAME):
        return None
    return "a" if a > b else "b"


def _judge(a: Candidate, b: Candidate, votes: Sequence[_Vote]) -> tuple[Side | None, _Judgement]:
    winner = _favoured(votes)
    if winner is None:
        return None, _Judgement(confidence=0.0, basis="none", explanation=_why_none(votes))
    first, other = (a, b) if winner == "a" else (b, a)
    judgement = (
        _by_scores(winner, first, other, votes)
        or _by_size(winner, first, other, votes)
        or _by_agreement(winner, first, votes)
    )
    if judgement.confidence > _EVEN:
        return winner, judgement
    doubt = f"the recorded metrics favour {first.id}, but {judgement.explanation}: no winner"
    return None, _Judgement(confidence=0.0, basis=judgement.basis, explanation=doubt)


def _why_none(votes: Sequence[_Vote]) -> str:
    if not votes:
        return "no metric that both versions have has a known direction; give one with directions={metric: 'higher'}"
    if all(vote.row.better == "tie" for vote in votes):
        return f"the versions are equal in {_names(votes)}"
    return f"the votes of {_names(votes)} cancel each other; weights say which matters more"


def _by_scores(winner: Side, first: Candidate, other: Candidate, votes: Sequence[_Vote]) -> _Judgement | None:
    covered, pairs = [], []
    for vote in votes:
        ours, theirs = first.scores(vote.row.name), other.scores(vote.row.name)
        if vote.row.better != "tie" and len(ours) == len(theirs) >= _FEWEST_SCORES:
            sign = 1.0 if vote.row.direction == "higher" else -1.0
            # Halves, because the difference of two huge scores would be infinite.
            halves = [sign * (x / 2 - y / 2) for x, y in zip(ours, theirs, strict=True)]
            covered.append(vote)
            pairs.append(Paired(differences=halves, weight=vote.weight))
    if _favoured(covered) != winner:
        return None
    confidence = paired_bootstrap(pairs)
    fewest = min(len(pair.differences) for pair in pairs)
    text = f"{first.id} is better in {confidence:.1%} of the resamples of {fewest:,} paired scores of {_names(covered)}"
    return _Judgement(confidence=confidence, basis="paired bootstrap", explanation=text)


def _by_size(winner: Side, first: Candidate, other: Candidate, votes: Sequence[_Vote]) -> _Judgement | None:
    shares = [
        vote
        for vote in votes
        if vote.row.better == winner
        and is_share(vote.row.name)
        and all(0 <= value <= 1 for value in vote.values(winner))
    ]
    if not shares or not first.sample_size or not other.sample_size:
        return None
    # Shares of the same examples say the same thing again, so that the weightiest speaks for all.
    vote = min(shares, key=lambda vote: (-vote.weight, vote.row.name))
    ours, theirs = vote.values(winner)
    mine, its = (ours, first.sample_size), (theirs, other.sample_size)
    confidence = beta_binomial(mine, its) if vote.row.direction == "higher" else beta_binomial(its, mine)
    text = (
        f"the probability that {first.id} has the better {vote.row.name} is {confidence:.1%}, "
        f"given {first.sample_size:,} and {other.sample_size:,} examples"
    )
    return _Judgement(confidence=confidence, basis="beta-binomial", explanation=text)


def _by_agreement(winner: Side, first: Candidate, votes: Sequence[_Vote]) -> _Judgement:
    won, tied = _weight(votes, winner), _weight(votes, "tie")
    lost = _weight(votes, "a" if winner == "b" else "b")
    ahead = [vote for vote in votes if vote.row.better == winner]
    text = (
        f"{first.id} is better in {len(ahead)} of {len(votes)} deciding metrics ({_names(ahead)}); "
        "the score is their weighted agreement and no probability, which takes scores per fold or a sample size"
    )
    return _Judgement(confidence=agreement(won, tied, lost), basis="weighted agreement", explanation=text)


def _names(votes: Iterable[_Vote]) -> str:
    return ", ".join(vote.row.name for vote in votes)
