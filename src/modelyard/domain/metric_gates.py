"""Requirements on metrics: bounds, presence, and being no worse than the version that stands there now.

Rules
1. A bound is met at the bound itself. The metric is looked up among the performance metrics, then among the validation
   metrics; among the training metrics only where the requirement says `training.`. The spelling of the requirement
   comes first, then its synonyms; where synonyms disagree, the value that is worst for the version counts.
2. A metric that is required is recorded among the performance or the validation metrics, in any of its spellings.
3. A version is not worse than a holder if no metric of the holder's whose direction is known got worse by more than the
   tolerance, which is a share of the holder's value. A metric of the holder's that the version lacks counts as worse.
   Where nobody stands in the stage, or the version itself does, nothing is demanded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from modelyard.domain.directions import canonical, direction
from modelyard.domain.evidence import Evidence, Finding, Holder

LISTED = 20
Kind = Literal["min", "max"]
REMEDY = "register a better version, or record the metric again after a new evaluation"


def judge_bound(kind: Kind, metric: str, bound: float, evidence: Evidence, source: str = "") -> Finding:
    """Judge a metric against a bound; `source` is "training", "validation", or empty for the usual look-up."""
    found = _worst_recorded(metric, kind, _sources(evidence, source))
    if found is None:
        return Finding(actual=None, met=False, reason=_no_metric(metric, evidence, source))
    spelling, value = found
    least = kind == "min"
    met = value >= bound if least else value <= bound
    if met:
        relation = "at least" if least else "at most"
        return Finding(actual=value, met=True, reason=f"{spelling} is {value:g}, {relation} {bound:g}")
    relation = "below the least" if least else "above the most"
    return Finding(actual=value, met=False, reason=f"{spelling} is {value!r}, {relation} allowed, {bound!r}; {REMEDY}")


def judge_presence(metrics: Sequence[str], evidence: Evidence) -> Finding:
    """Judge whether all of some metrics are recorded."""
    recorded = {canonical(name) for name in (*evidence.metrics, *evidence.validation_metrics)}
    missing = [name for name in metrics if canonical(name) not in recorded]
    there = [name for name in metrics if name not in missing]
    if not missing:
        return Finding(actual=there, met=True, reason=f"recorded are {', '.join(there)}")
    reason = f"missing: {', '.join(missing)}; record them among the metrics, measured on held-out data"
    return Finding(actual=there, met=False, reason=reason)


def judge_parity(stage: str, tolerance: float, metrics: Sequence[str], evidence: Evidence) -> Finding:
    """Judge whether a version is not worse than who stands in a stage; `metrics` restricts the comparison if given."""
    holder = evidence.holders.get(stage)
    if holder is None or holder.is_candidate:
        who = f"nobody stands in {stage}" if holder is None else f"it is the version that stands in {stage}"
        return Finding(actual=None, met=True, reason=f"{who}, so there is nothing to be worse than")
    inputs, worse = _compared(holder, tolerance, metrics, evidence)
    against = f"{holder.version} in {stage}"
    if worse:
        reason = f"worse than {against}: {'; '.join(worse)}; {REMEDY}"
    elif not inputs:
        return Finding(
            actual={"holder": holder.version, "metrics": {}},
            met=False,
            reason=f"{against} has no metric of a known direction; bound metrics by number instead",
        )
    else:
        reason = f"not worse than {against} in {', '.join(sorted(inputs)[:LISTED])}"
    return Finding(actual={"holder": holder.version, "metrics": inputs}, met=not worse, reason=reason)


def _compared(
    holder: Holder, tolerance: float, metrics: Sequence[str], evidence: Evidence
) -> tuple[dict[str, list[float | None]], list[str]]:
    """Compare metric by metric; return [candidate, holder] for each, and what is worse in words."""
    inputs: dict[str, list[float | None]] = {}
    worse: list[str] = []
    for name in metrics or sorted(name for name in holder.metrics if direction(name)):
        way = direction(name)
        kind: Kind = "max" if way == "lower" else "min"
        theirs = _worst_recorded(name, kind, [holder.metrics])
        if theirs is None or way is None:
            continue
        ours = _worst_recorded(name, kind, _sources(evidence))
        inputs[name] = [ours[1] if ours else None, theirs[1]]
        allowance = tolerance * abs(theirs[1])
        if ours is None:
            worse.append(f"{name} is not recorded")
        elif (ours[1] < theirs[1] - allowance) if kind == "min" else (ours[1] > theirs[1] + allowance):
            worse.append(f"{name} is {ours[1]:g} against {theirs[1]:g}, beyond the {tolerance:.3g} allowed")
    return inputs, worse


def _sources(evidence: Evidence, source: str = "") -> list[Mapping[str, float]]:
    if source == "training":
        return [evidence.training_metrics]
    if source == "validation":
        return [evidence.validation_metrics]
    return [evidence.metrics, evidence.validation_metrics]


def _worst_recorded(metric: str, kind: Kind, sources: Iterable[Mapping[str, float]]) -> tuple[str, float] | None:
    wanted = canonical(metric)
    for recorded in sources:
        if metric in recorded:
            return metric, recorded[metric]
        spellings = [name for name in sorted(recorded) if canonical(name) == wanted]
        if spellings:
            worst = min if kind == "min" else max
            name = worst(spellings, key=recorded.__getitem__)
            return name, recorded[name]
    return None


def _no_metric(metric: str, evidence: Evidence, source: str) -> str:
    if source:
        names = sorted(_sources(evidence, source)[0])
        listed = f"recorded are {', '.join(names[:LISTED])}" if names else "none is recorded"
        return f"{metric} is not among the {source} metrics ({listed}); record it there"
    names = sorted({*evidence.metrics, *evidence.validation_metrics})
    listed = f"recorded are {', '.join(names[:LISTED])}" if names else "no metric is recorded"
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    training = any(canonical(name) == canonical(metric) for name in evidence.training_metrics)
    aside = "; its value among the training metrics does not count" if training else ""
    return f"{metric} is not recorded ({listed}{more}){aside}; record it among the metrics, measured on held-out data"
