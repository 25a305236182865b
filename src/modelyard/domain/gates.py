"""What a move between stages needs, and whether a version has it.

Rules
1. Requirements are written as users write them: `min_<metric>` and `max_<metric>` with a finite number, and the
   booleans of `EVIDENCE`. Anything else is refused. A boolean that is False demands nothing.
2. A bound is met at the bound itself. The metric is looked up among the performance metrics, then among the validation
   metrics, and never among the training metrics. The spelling of the requirement comes first, then its synonyms; where
   synonyms disagree, the value that is worst for the version counts.
3. A boolean asks for recorded evidence, and never takes the caller's word:
   - `tests_passed`: a tag `tests_passed` with the value true, yes, 1 or passed;
   - `documentation_complete`: a tag `documentation_complete` of such a value, or a description and no essential
     metadata field missing;
   - `validation_required`: a tag `validated` of such a value, a tag `validation_report` that says where the report is,
     or some performance or validation metric.
   Where `tests_passed`, `documentation_complete` or `validated` has any other value, it says no, whatever else is
   recorded.
4. Every verdict that is not met says what is recorded, and what to record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Literal

from modelyard.domain.checks import check_number
from modelyard.domain.directions import canonical, direction, is_training
from modelyard.domain.names import metric_name, shown
from modelyard.domain.wire import VerdictRecord
from modelyard.errors import InvalidName, InvalidRequest

_YES = frozenset({"true", "yes", "1", "passed"})
_NO = frozenset({"", "false", "no", "0", "none", "failed"})
_USAGE = "write {'min_accuracy': 0.8, 'max_latency_ms': 50, 'tests_passed': True}, for example"


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirement:
    """One thing that a move needs.

    Attributes:
        name: as it was written, such as `min_f1` or `tests_passed`.
        kind: "min" and "max" bound a metric; "evidence" asks for something on record.
        metric: the metric of a bound, as it was written; empty for evidence.
        bound: the lowest or highest value allowed; 0.0 for evidence.
    """

    name: str
    kind: Literal["min", "max", "evidence"]
    metric: str = ""
    bound: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is on record of a version when it is judged; `missing` are the essential metadata fields without a value."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    validation_metrics: Mapping[str, float] = field(default_factory=dict)
    training_metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    missing: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Finding:
    """What was found for a requirement: the value, whether it is enough, and the sentence about it."""

    actual: Any
    met: bool
    reason: str


def parse_requirements(requirements: Mapping[str, Any] | None) -> tuple[Requirement, ...]:
    """The requirements of a mapping as users write it, in its order.

    Raises:
        InvalidRequest: a key is unknown, or its value has the wrong type, or no value could meet two bounds at once.
    """
    if requirements is None:
        return ()
    if not isinstance(requirements, Mapping):
        raise InvalidRequest(f"requirements are a mapping, not {type(requirements).__name__}", hint=_USAGE)
    parsed = [_parse(name, value) for name, value in requirements.items() if not _is_waived(name, value)]
    _check_bounds(parsed)
    return tuple(parsed)


def evaluate(requirements: Sequence[Requirement], evidence: Evidence) -> tuple[VerdictRecord, ...]:
    """One verdict for each requirement, in order. Nothing is raised: an unmet requirement is an answer."""
    return tuple(_verdict(requirement, evidence) for requirement in requirements)


def all_met(verdicts: Sequence[VerdictRecord]) -> bool:
    """Whether every requirement is met; true where there is none."""
    return all(verdict.met for verdict in verdicts)


def _is_waived(name: object, value: object) -> bool:
    return value is False and name in EVIDENCE


def _parse(name: object, value: object) -> Requirement:
    if not isinstance(name, str):
        raise InvalidRequest(f"a requirement is named by a text, not by {shown(name)}", hint=_USAGE)
    if name in EVIDENCE:
        if value is not True:
            raise InvalidRequest(f"{name} is True or False, not {shown(value)}", hint=_USAGE)
        return Requirement(name=name, kind="evidence")
    kind, separator, metric = name.partition("_")
    if not separator or kind not in ("min", "max") or not metric.strip():
        raise _unknown(name)
    try:
        metric_name(metric)
    except InvalidName as error:
        raise InvalidRequest(f"the requirement {shown(name)} names no metric: {error.message}", hint=_USAGE) from error
    return Requirement(name=name, kind="min" if kind == "min" else "max", metric=metric, bound=_bound(name, value))


def _bound(name: str, value: object) -> float:
    try:
        return check_number(value)
    except ValueError as error:
        raise InvalidRequest(f"{shown(name)} needs a finite number; {shown(value)} is {error}", hint=_USAGE) from None


def _unknown(name: str) -> InvalidRequest:
    close = _closest(name)
    question = f"did you mean {close}? " if close else ""
    return InvalidRequest(
        f"{shown(name)} is not a requirement",
        hint=f"{question}use min_<metric>, max_<metric> or {', '.join(EVIDENCE)}",
        details={"requirement": name[:250], "known": list(EVIDENCE)},
    )


def _closest(name: str) -> str | None:
    """The requirement that a wrong name was probably meant to be."""
    for long, short in (("minimum_", "min_"), ("maximum_", "max_")):
        if name.startswith(long) and len(name) > len(long):
            return f"{short}{name.removeprefix(long)}"
    if way := direction(name):
        return f"min_{name}" if way == "higher" else f"max_{name}"
    return next(iter(get_close_matches(name, [*EVIDENCE, "min_accuracy"], n=1)), None)


def _check_bounds(requirements: Sequence[Requirement]) -> None:
    lowest: dict[str, Requirement] = {}
    for requirement in requirements:
        if requirement.kind == "min":
            lowest[canonical(requirement.metric)] = requirement
    for requirement in requirements:
        floor = lowest.get(canonical(requirement.metric))
        if requirement.kind == "max" and floor and floor.bound > requirement.bound:
            raise InvalidRequest(
                f"no value meets both {floor.name} = {floor.bound:g} and {requirement.name} = {requirement.bound:g}",
                hint="make the lower bound the smaller one",
            )


def _verdict(requirement: Requirement, evidence: Evidence) -> VerdictRecord:
    if requirement.kind == "evidence":
        found, required = EVIDENCE[requirement.name](evidence), True
        return _record(requirement, required, found)
    return _record(requirement, requirement.bound, _judge_metric(requirement, evidence))


def _record(requirement: Requirement, required: float | bool, found: _Finding) -> VerdictRecord:  # noqa: FBT001
    return VerdictRecord(
        requirement=requirement.name, required=required, actual=found.actual, met=found.met, reason=found.reason
    )


def _judge_metric(requirement: Requirement, evidence: Evidence) -> _Finding:
    found = _look_up(requirement, evidence)
    if found is None:
        return _Finding(actual=None, met=False, reason=_no_metric(requirement.metric, evidence))
    spelling, value = found
    least = requirement.kind == "min"
    met = value >= requirement.bound if least else value <= requirement.bound
    if met:
        relation = "at least" if least else "at most"
        return _Finding(actual=value, met=True, reason=f"{spelling} is {value:g}, {relation} {requirement.bound:g}")
    relation = "below the least" if least else "above the most"
    remedy = "register a better version, or record the metric again after a new evaluation"
    reason = f"{spelling} is {value!r}, {relation} allowed, {requirement.bound!r}; {remedy}"
    return _Finding(actual=value, met=False, reason=reason)


def _look_up(requirement: Requirement, evidence: Evidence) -> tuple[str, float] | None:
    for recorded in (evidence.metrics, evidence.validation_metrics):
        if requirement.metric in recorded:
            return requirement.metric, recorded[requirement.metric]
        wanted = canonical(requirement.metric)
        spellings = [name for name in sorted(recorded) if canonical(name) == wanted]
        if spellings:
            worst = min if requirement.kind == "min" else max
            name = worst(spellings, key=recorded.__getitem__)
            return name, recorded[name]
    return None


def _no_metric(metric: str, evidence: Evidence) -> str:
    names = sorted({*evidence.metrics, *evidence.validation_metrics})
    listed = f"recorded are {', '.join(names[:20])}" if names else "no metric is recorded"
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""  # noqa: PLR2004
    training = any(canonical(name) == canonical(metric) for name in evidence.training_metrics)
    aside = "; its value among the training metrics does not count" if training else ""
    return f"{metric} is not recorded ({listed}{more}){aside}; record it among the metrics, measured on held-out data"


def _tests_passed(evidence: Evidence) -> _Finding:
    tag = evidence.tags.get("tests_passed")
    if tag is not None and _says_yes(tag):
        return _Finding(actual=tag, met=True, reason=f"the tag tests_passed is {shown(tag)}")
    found = "there is no tag tests_passed" if tag is None else f"the tag tests_passed is {shown(tag)}"
    return _Finding(actual=tag, met=False, reason=f"{found}; run the tests and set the tag tests_passed to true")


def _documentation_complete(evidence: Evidence) -> _Finding:
    remedy = "complete the metadata and set the tag documentation_complete to true"
    tag = evidence.tags.get("documentation_complete")
    if tag is not None:
        yes = _says_yes(tag)
        reason = f"the tag documentation_complete is {shown(tag)}"
        return _Finding(actual=tag, met=yes, reason=reason if yes else f"{reason}; {remedy}")
    gaps = list(evidence.missing)
    if not evidence.description.strip() and "description" not in gaps:
        gaps.insert(0, "description")
    if not gaps:
        return _Finding(
            actual=True, met=True, reason="there is a description, and no essential metadata field is missing"
        )
    return _Finding(actual=False, met=False, reason=f"missing: {', '.join(gaps)}; {remedy}, or add what is missing")


def _validation(evidence: Evidence) -> _Finding:
    remedy = "record metrics measured on held-out data, or set the tag validation_report to where the report is"
    tag = evidence.tags.get("validated")
    if tag is not None:
        yes = _says_yes(tag)
        reason = f"the tag validated is {shown(tag)}"
        return _Finding(
            actual=tag, met=yes, reason=reason if yes else f"{reason}; validate the version and set it to true"
        )
    report = evidence.tags.get("validation_report", "").strip()
    if report.lower() not in _NO:
        return _Finding(actual=report, met=True, reason=f"the tag validation_report is {shown(report)}")
    names = sorted(name for name in {*evidence.metrics, *evidence.validation_metrics} if not is_training(name))
    if names:
        return _Finding(actual=True, met=True, reason=f"recorded metrics: {', '.join(names[:20])}")
    return _Finding(actual=None, met=False, reason=f"no performance or validation metric is recorded; {remedy}")


def _says_yes(tag: str) -> bool:
    return tag.strip().lower() in _YES


EVIDENCE: Mapping[str, Callable[[Evidence], _Finding]] = MappingProxyType(
    {
        "tests_passed": _tests_passed,
        "documentation_complete": _documentation_complete,
        "validation_required": _validation,
    }
)
"""The booleans that a requirement can be, each with the rule that judges it."""
