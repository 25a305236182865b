"""What is on record of a version when a move is judged, and the judges of the yes-or-no requirements.

A judge asks for recorded evidence, and never takes the caller's word:

- `tests_passed`: a tag `tests_passed` with the value true, yes, 1 or passed;
- `documentation_complete`: a tag `documentation_complete` of such a value, or a description and no essential metadata
  field missing;
- `validation_required`: a tag `validated` of such a value, a validation report, or some performance or validation
  metric;
- `validation_report`: a tag `validation_report` that says where the report is, or a file of that name among the
  version's files;
- `signed`, `scanned`: a check of that name that the registry itself has recorded as passed.

Where `tests_passed`, `documentation_complete` or `validated` has any other value, it says no, whatever else is
recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

from modelyard.domain.directions import is_training
from modelyard.domain.names import shown

_YES = frozenset({"true", "yes", "1", "passed"})
_NO = frozenset({"", "false", "no", "0", "none", "failed"})
_REPORT = "validation_report"


@dataclass(frozen=True, kw_only=True, slots=True)
class SuiteOutcome:
    """How a suite of tests, or a check such as a scan, ended last: whether it passed, when, and who says so.

    Attributes:
        passed: whether it passed.
        at: the moment when it was recorded.
        by: who recorded it.
        source: "command" where the registry ran it itself, "report" where it was told, "registry" for own checks.
        exit_code: what the command ended with, if one was run.
    """

    passed: bool
    at: str = ""
    by: str = ""
    source: str = "report"
    exit_code: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """Who stands in a stage now: the version, and the metrics that it was registered with."""

    version: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    is_candidate: bool = False


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is on record of a version when it is judged; `missing` are the essential metadata fields without a value.

    Attributes:
        metrics, validation_metrics, training_metrics: numbers by the name of the metric.
        tags, description: as recorded.
        missing: the essential metadata fields without a value.
        files: the paths of the version's files.
        tests: suite → how it ended last.
        holders: stage → who stands there now.
        age_s, stage_age_s: seconds since it was registered, and since it entered the stage that it stands in.
        findings: what custom gates found, by what they were asked (`gates.question`).
    """

    metrics: Mapping[str, float] = field(default_factory=dict)
    validation_metrics: Mapping[str, float] = field(default_factory=dict)
    training_metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    missing: Sequence[str] = ()
    files: Sequence[str] = ()
    tests: Mapping[str, SuiteOutcome] = field(default_factory=dict)
    holders: Mapping[str, Holder] = field(default_factory=dict)
    age_s: float = 0.0
    stage_age_s: float = 0.0
    findings: Mapping[str, Finding] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What was found for a requirement: the value, whether it is enough, and the sentence about it."""

    actual: Any
    met: bool
    reason: str


def _tests_passed(evidence: Evidence) -> Finding:
    tag = evidence.tags.get("tests_passed")
    if tag is not None and _says_yes(tag):
        return Finding(actual=tag, met=True, reason=f"the tag tests_passed is {shown(tag)}")
    found = "there is no tag tests_passed" if tag is None else f"the tag tests_passed is {shown(tag)}"
    return Finding(actual=tag, met=False, reason=f"{found}; run the tests and set the tag tests_passed to true")


def _documentation_complete(evidence: Evidence) -> Finding:
    remedy = "complete the metadata and set the tag documentation_complete to true"
    tag = evidence.tags.get("documentation_complete")
    if tag is not None:
        yes = _says_yes(tag)
        reason = f"the tag documentation_complete is {shown(tag)}"
        return Finding(actual=tag, met=yes, reason=reason if yes else f"{reason}; {remedy}")
    gaps = list(evidence.missing)
    if not evidence.description.strip() and "description" not in gaps:
        gaps.insert(0, "description")
    if not gaps:
        return Finding(
            actual=True, met=True, reason="there is a description, and no essential metadata field is missing"
        )
    return Finding(actual=False, met=False, reason=f"missing: {', '.join(gaps)}; {remedy}, or add what is missing")


def _validation(evidence: Evidence) -> Finding:
    remedy = "record metrics measured on held-out data, or set the tag validation_report to where the report is"
    tag = evidence.tags.get("validated")
    if tag is not None:
        yes = _says_yes(tag)
        reason = f"the tag validated is {shown(tag)}"
        return Finding(
            actual=tag, met=yes, reason=reason if yes else f"{reason}; validate the version and set it to true"
        )
    report = _report(evidence)
    if report.met:
        return report
    names = sorted(name for name in {*evidence.metrics, *evidence.validation_metrics} if not is_training(name))
    if names:
        return Finding(actual=True, met=True, reason=f"recorded metrics: {', '.join(names[:20])}")
    return Finding(actual=None, met=False, reason=f"no performance or validation metric is recorded; {remedy}")


def _report(evidence: Evidence) -> Finding:
    tag = evidence.tags.get(_REPORT)
    if tag is not None and tag.strip().lower() not in _NO:
        return Finding(actual=tag.strip(), met=True, reason=f"the tag {_REPORT} is {shown(tag.strip())}")
    attached = [path for path in evidence.files if PurePosixPath(path).stem == _REPORT]
    if tag is None and attached:
        return Finding(actual=attached[0], met=True, reason=f"the file {shown(attached[0])} is attached")
    found = f"there is no tag {_REPORT}, and no file of that name" if tag is None else f"the tag {_REPORT} says no"
    remedy = f"set the tag {_REPORT} to where the report is"
    return Finding(actual=tag, met=False, reason=f"{found}; {remedy}")


def _check(name: str, remedy: str) -> Callable[[Evidence], Finding]:
    def judge(evidence: Evidence) -> Finding:
        outcome = evidence.tests.get(name)
        if outcome is None or outcome.source != "registry":
            return Finding(actual=None, met=False, reason=f"no {name} is recorded; {remedy}")
        word = "passed" if outcome.passed else "failed"
        return Finding(actual=outcome.passed, met=outcome.passed, reason=f"the {name} of {outcome.at} {word}")

    return judge


def _says_yes(tag: str) -> bool:
    return tag.strip().lower() in _YES


OWN_CHECKS = frozenset({"signature", "scan"})
"""Checks that only the registry itself records; nobody can report them from outside."""

JUDGES: Mapping[str, Callable[[Evidence], Finding]] = MappingProxyType(
    {
        "tests_passed": _tests_passed,
        "documentation_complete": _documentation_complete,
        "validation_required": _validation,
        "validation_report": _report,
        "signed": _check("signature", "sign the version's files"),
        "scanned": _check("scan", "have the version's files scanned"),
    }
)
"""The yes-or-no requirements, each with the rule that judges it."""
