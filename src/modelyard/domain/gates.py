"""What a move between stages needs, and whether a version has it.

Requirements are written as users write them, a mapping of names and values:

    min_<metric>, max_<metric>      a finite number: the bound of a performance or validation metric
    training.min_<metric>, …        the same of a training metric; validation. for validation metrics only
    required_metrics                a list of metrics that must be recorded
    tests_passed, documentation_complete, validation_required, validation_report, signed, scanned
                                    true: something must be on record (see `modelyard.domain.evidence`)
    tests                           true, a suite, or a list of suites such as [cloud, edge]: each must have passed
    not_worse_than                  a stage, or {stage, tolerance, metrics}: no metric worse than of who stands there
    min_age, max_age                a time such as 7d: since the version was registered (a metric named age is bounded
                                    by validation.min_age)
    min_time_in_stage               a time such as 2d: since it entered the stage that it stands in
    <name of a custom gate>         whatever that gate understands

Rules
1. Anything else is refused. A boolean that is False demands nothing. No two requirements may contradict each other.
2. Every verdict keeps what was demanded and what was found, and one that is not met says what to do.
3. Nothing is raised by a judgement: an unmet requirement is an answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, cast

from modelyard.domain import durations
from modelyard.domain.checks import check_json, check_number
from modelyard.domain.directions import canonical, direction
from modelyard.domain.evidence import JUDGES, Evidence, Finding
from modelyard.domain.metric_gates import judge_bound, judge_parity, judge_presence
from modelyard.domain.names import metric_name, shown
from modelyard.domain.wire.registry import VerdictRecord
from modelyard.errors import InvalidName, InvalidRequest

DEFAULT_SUITE = "default"
AGES = ("min_age", "max_age", "min_time_in_stage")
_SOURCES = ("training", "validation")
_BOUND = re.compile(r"(?:(?:training|validation)\.)?(?:min|max)_.+", re.DOTALL)
"""What looks like a bound is one, also where a gate of that name was added."""
_PERCENT = 100.0
_USAGE = "write {'min_accuracy': 0.8, 'max_latency_ms': 50, 'tests_passed': True}, for example"

Kind = Literal["min", "max", "evidence", "required_metrics", "tests", "not_worse_than", "age", "custom"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirement:
    """One thing that a move needs.

    Attributes:
        name: as it was written, such as `min_f1` or `tests_passed`.
        kind: "min" and "max" bound a metric; the others are those of the module's table.
        metric: the metric of a bound, as it was written; empty for others.
        bound: the lowest or highest value allowed, the tolerance of a parity, or the seconds of an age.
        source: "training" or "validation" where a bound looks only there.
        words: the metrics or the suites that are named, or the one stage of a parity, then its metrics.
        wanted: what a custom gate was given.
    """

    name: str
    kind: Kind
    metric: str = ""
    bound: float = 0.0
    source: str = ""
    words: tuple[str, ...] = ()
    wanted: Any = None


def parse_requirements(requirements: Mapping[str, Any] | None, custom: Collection[str] = ()) -> tuple[Requirement, ...]:
    """The requirements of a mapping as users write it, in its order; `custom` are the gates that were added.

    Raises:
        InvalidRequest: a key is unknown, or its value has the wrong type, or no value could meet two bounds at once.
    """
    if requirements is None:
        return ()
    if not isinstance(requirements, Mapping):
        raise InvalidRequest(f"requirements are a mapping, not {type(requirements).__name__}", hint=_USAGE)
    parsed = [_parse(name, value, custom) for name, value in requirements.items() if not _is_waived(name, value)]
    _check_bounds(parsed)
    return tuple(parsed)


def evaluate(requirements: Sequence[Requirement], evidence: Evidence) -> tuple[VerdictRecord, ...]:
    """One verdict for each requirement, in order. Nothing is raised: an unmet requirement is an answer."""
    return tuple(_verdict(requirement, evidence) for requirement in requirements)


def all_met(verdicts: Sequence[VerdictRecord]) -> bool:
    """Whether every requirement is met; true where there is none."""
    return all(verdict.met for verdict in verdicts)


def suites(requirements: Sequence[Requirement]) -> list[str]:
    """The suites of tests that some requirements ask for."""
    return [suite for requirement in requirements if requirement.kind == "tests" for suite in requirement.words]


def parity_stages(requirements: Mapping[str, Any]) -> list[str]:
    """The stages whose holders some requirements, as written, compare with."""
    wanted = [_READERS[name](name, value) for name, value in requirements.items() if name == "not_worse_than"]
    return [it.words[0] for it in wanted]


def question(requirement: Requirement) -> str:
    """The key of what a custom gate was asked, in `Evidence.findings`: its name and what is wanted of it."""
    return f"{requirement.name}: {requirement.wanted!r}"


def _is_waived(name: object, value: object) -> bool:
    return value is False and (name in JUDGES or name == "tests")


# ------------------------------------------------------------------------------------------------------------- reading


def _parse(name: object, value: object, custom: Collection[str]) -> Requirement:
    if not isinstance(name, str):
        raise InvalidRequest(f"a requirement is named by a text, not by {shown(name)}", hint=_USAGE)
    if name in JUDGES:
        if value is not True:
            raise InvalidRequest(f"{name} is True or False, not {shown(value)}", hint=_USAGE)
        return Requirement(name=name, kind="evidence")
    if name in AGES:
        return Requirement(name=name, kind="age", bound=durations.seconds(value, name))
    if name in _READERS:
        return _READERS[name](name, value)
    if name in custom and not _BOUND.fullmatch(name):
        return Requirement(name=name, kind="custom", wanted=check_json(name, value))
    return _parse_bound(name, value, custom)


def _parse_bound(name: str, value: object, custom: Collection[str]) -> Requirement:
    source, dot, rest = name.partition(".")
    if not dot or source not in _SOURCES:
        source, rest = "", name
    kind, separator, metric = rest.partition("_")
    if not separator or kind not in ("min", "max") or not metric.strip():
        raise _unknown(name, custom)
    try:
        metric_name(metric)
    except InvalidName as error:
        raise InvalidRequest(f"the requirement {shown(name)} names no metric: {error.message}", hint=_USAGE) from error
    bound = _number(name, value)
    return Requirement(name=name, kind=cast("Kind", kind), metric=metric, bound=bound, source=source)


def _number(name: str, value: object) -> float:
    try:
        return check_number(value)
    except ValueError as error:
        raise InvalidRequest(f"{name[:250]} needs a finite number; {shown(value)} is {error}", hint=_USAGE) from None


def _parse_metrics(name: str, value: object) -> Requirement:
    return Requirement(name=name, kind="required_metrics", words=_words(name, value, "[accuracy, auc, f1]"))


def _parse_tests(name: str, value: object) -> Requirement:
    words = (DEFAULT_SUITE,) if value is True else _words(name, value, "true, or [cloud, edge]")
    return Requirement(name=name, kind="tests", words=words)


def _parse_parity(name: str, value: object) -> Requirement:
    usage = "write not_worse_than: production, or {stage: production, tolerance: 1%, metrics: [accuracy]}"
    given = value if isinstance(value, Mapping) else {"stage": value}
    stage = given.get("stage")
    if set(given) - {"stage", "tolerance", "metrics"} or not isinstance(stage, str) or not stage.strip():
        raise InvalidRequest(f"{name} is {shown(value)}", hint=usage)
    metrics = _words(f"metrics of {name}", given["metrics"], "[accuracy]") if "metrics" in given else ()
    for metric in metrics:
        if direction(metric) is None:
            raise InvalidRequest(
                f"nobody knows whether a higher {shown(metric)} is better, so {name} cannot compare it",
                hint=f"bound it by number: min_{metric} or max_{metric}",
            )
    tolerance = _share(name, given.get("tolerance", 0.0))
    return Requirement(name=name, kind="not_worse_than", bound=tolerance, words=(stage.strip().lower(), *metrics))


def _share(name: str, value: object) -> float:
    """A tolerance: a share such as 0.01, or a text such as "1 %"."""
    text = value.strip() if isinstance(value, str) else ""
    if text.endswith("%"):
        try:
            value, scale = float(text[:-1]), _PERCENT
        except ValueError:
            raise InvalidRequest(f"the tolerance of {name} is {shown(value)}", hint="write 0.01 or 1%") from None
    else:
        scale = 1.0
    share = _number(f"the tolerance of {name}", value) / scale
    if not 0 <= share < 1:
        raise InvalidRequest(
            f"the tolerance of {name} is {shown(value)}, which is no share", hint="write 0.01 or 1% for one per cent"
        )
    return share


def _words(name: str, value: object, usage: str) -> tuple[str, ...]:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list | tuple) or not words or not all(isinstance(word, str) for word in words):
        raise InvalidRequest(f"{name} is {shown(value)}, not a list of names", hint=f"write {name}: {usage}")
    try:
        return tuple(dict.fromkeys(metric_name(word) for word in words))
    except InvalidName as error:
        raise InvalidRequest(f"{name}: {error.message}", hint=f"write {name}: {usage}") from error


_READERS: Mapping[str, Callable[[str, object], Requirement]] = {
    "required_metrics": _parse_metrics,
    "tests": _parse_tests,
    "not_worse_than": _parse_parity,
}
NAMES = (*JUDGES, *_READERS, *AGES)
"""Every requirement that has a name of its own."""


def _unknown(name: str, custom: Collection[str]) -> InvalidRequest:
    close = _closest(name, custom)
    question = f"did you mean {close}? " if close else ""
    return InvalidRequest(
        f"{shown(name)} is not a requirement",
        hint=f"{question}use min_<metric>, max_<metric> or {', '.join((*NAMES, *sorted(custom)))}",
        details={"requirement": name[:250], "known": [*NAMES, *sorted(custom)]},
    )


def _closest(name: str, custom: Collection[str]) -> str | None:
    """The requirement that a wrong name was probably meant to be."""
    for long, short in (("minimum_", "min_"), ("maximum_", "max_")):
        if name.startswith(long) and len(name) > len(long):
            return f"{short}{name.removeprefix(long)}"
    if way := direction(name):
        return f"min_{name}" if way == "higher" else f"max_{name}"
    return next(iter(get_close_matches(name, [*JUDGES, *_READERS, *custom, "min_accuracy"], n=1)), None)


def _check_bounds(requirements: Sequence[Requirement]) -> None:
    lowest: dict[tuple[str, str], Requirement] = {}
    for requirement in requirements:
        if requirement.kind == "min":
            lowest[requirement.source, canonical(requirement.metric)] = requirement
    for requirement in requirements:
        floor = lowest.get((requirement.source, canonical(requirement.metric)))
        if requirement.kind == "max" and floor and floor.bound > requirement.bound:
            raise InvalidRequest(
                f"no value meets both {floor.name} = {floor.bound:g} and {requirement.name} = {requirement.bound:g}",
                hint="make the lower bound the smaller one",
            )


# ------------------------------------------------------------------------------------------------------------- judging


def _verdict(requirement: Requirement, evidence: Evidence) -> VerdictRecord:
    required, found = _JUDGED[requirement.kind](requirement, evidence)
    return VerdictRecord(
        requirement=requirement.name, required=required, actual=found.actual, met=found.met, reason=found.reason
    )


Judged = tuple[Any, Finding]
"""What a requirement demands, in a form that can be stored, and what was found."""


def _judge_metric(it: Requirement, evidence: Evidence) -> Judged:
    kind: Literal["min", "max"] = "min" if it.kind == "min" else "max"
    return it.bound, judge_bound(kind, it.metric, it.bound, evidence, it.source)


def _judge_evidence(it: Requirement, evidence: Evidence) -> Judged:
    return True, JUDGES[it.name](evidence)


def _judge_presence(it: Requirement, evidence: Evidence) -> Judged:
    return list(it.words), judge_presence(it.words, evidence)


def _judge_parity(it: Requirement, evidence: Evidence) -> Judged:
    stage, *metrics = it.words
    required = {"stage": stage, "tolerance": it.bound, **({"metrics": metrics} if metrics else {})}
    return required, judge_parity(stage, it.bound, metrics, evidence)


def _judge_tests(it: Requirement, evidence: Evidence) -> Judged:
    outcomes = {suite: evidence.tests.get(suite) for suite in it.words}
    unmet = [
        _untested(suite, outcome is not None) for suite, outcome in outcomes.items() if not (outcome and outcome.passed)
    ]
    actual = {
        suite: {"passed": found.passed, "at": found.at, "by": found.by, "exit_code": found.exit_code}
        for suite, found in outcomes.items()
        if found
    }
    reason = "; ".join(unmet) or f"passed: {', '.join(it.words)}"
    return list(it.words), Finding(actual=actual, met=not unmet, reason=reason)


def _untested(suite: str, was_run: bool) -> str:  # noqa: FBT001
    named = "" if suite == DEFAULT_SUITE else f" --suite {suite}"
    found = f"the tests of {suite} failed" if was_run else f"no tests of {suite} are recorded"
    return f"{found}; run them (`modelyard test REFERENCE{named}`), or report their outcome"


def _judge_age(it: Requirement, evidence: Evidence) -> Judged:
    age = evidence.stage_age_s if it.name == "min_time_in_stage" else evidence.age_s
    met = age <= it.bound if it.name == "max_age" else age >= it.bound
    since = "it entered its stage" if it.name == "min_time_in_stage" else "it was registered"
    limit = f"{'at most' if it.name == 'max_age' else 'at least'} {durations.told(it.bound)}"
    remedy = "" if met else "; register a fresh version" if it.name == "max_age" else "; wait"
    whole = durations.told(float(round(age)))
    return it.bound, Finding(actual=age, met=met, reason=f"{whole} since {since}, {limit} wanted{remedy}")


def _judge_custom(it: Requirement, evidence: Evidence) -> Judged:
    found = evidence.findings.get(question(it))
    missing = Finding(actual=None, met=False, reason=f"the gate {it.name} was not asked; repeat the evaluation")
    return it.wanted, found or missing


_JUDGED: Mapping[Kind, Callable[[Requirement, Evidence], Judged]] = {
    "min": _judge_metric,
    "max": _judge_metric,
    "evidence": _judge_evidence,
    "required_metrics": _judge_presence,
    "not_worse_than": _judge_parity,
    "tests": _judge_tests,
    "age": _judge_age,
    "custom": _judge_custom,
}
