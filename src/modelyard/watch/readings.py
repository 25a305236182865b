"""What each kind of rule finds: one function a kind, from the windows of all endpoints to readings by subject.

Rules
- A version is read for itself in rules about errors and latencies; amounts (throughput, tokens and cost per hour),
  error budgets and missing traffic are the endpoint's, and its versions add up. A rule for some versions sees these.
- Windows are of whole minutes: a window of 5 minutes begins with the minute that it begins in.
- A stretch that has ended is remembered: it hardly changes any more, and a day of sketches is heavy to read.
- What drift is measured by is far heavier still; it is looked at once a minute, for all rules of one window together.
- What several rules ask for at one moment is found once: windows, what serves, and the sums of endpoints.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import Row

from modelyard.domain import alert_measures as measuring
from modelyard.domain.alert_checks import BURN_RATE, DEGRADATION, DRIFT, NO_DATA, THRESHOLD
from modelyard.domain.alert_measures import AMOUNTS, LATENCIES, Sums
from modelyard.domain.alerts import BAD, Reading, Subject, is_about
from modelyard.domain.deployment import HALTED, PAUSED, ROLLED_BACK
from modelyard.domain.durations import elapsed, later
from modelyard.domain.spans import MINUTE, begin_of
from modelyard.domain.webhooks import matches
from modelyard.domain.wire import AlertRule, DeploymentRecord, FeatureDrift
from modelyard.metadata import deployments, endpoints, measures
from modelyard.metadata.database import Transaction
from modelyard.metadata.measures import Measured, Place
from modelyard.watch.profiles import drift_of

TOLD_S = 86_400.0
"""How long a rollback is told of, unless another deployment follows."""
BY_ITSELF = frozenset({"verdict", "probe", "limit", "inconclusive"})
"""Causes of rollbacks that nobody asked for."""

Kept: TypeAlias = tuple[str, str, str, float]
"""Minute, endpoint, version and length of the window."""
Drift: TypeAlias = tuple[Sequence[FeatureDrift], int]
"""The features of a version at an endpoint, and how many rows were sampled."""
Stretch: TypeAlias = tuple[str, str, bool]
"""From when until when, and whether with latencies."""
Whole: TypeAlias = tuple[str, str, str, float, float]
"""Patterns of model, environment and version, and the length and the end of a window."""


class Windows:
    """What was counted, window by window, each read once.

    Args:
        tx: the transaction to read in.
        now: the present moment.
        closed: what is known of stretches that have ended.
    """

    def __init__(self, tx: Transaction, now: str, closed: Mapping[Stretch, Mapping[Place, Measured]]) -> None:
        self._tx, self._now, self._before = tx, now, closed
        self._open: dict[Stretch, Mapping[Place, Measured]] = {}
        self.closed: dict[Stretch, Mapping[Place, Measured]] = {}
        """The stretches that have ended and were asked for; the next look will ask for most of them again."""
        self.wholes: dict[Whole, dict[Subject, Sums]] = {}
        """What endpoints did as a whole, for rules that ask for the same."""

    def of(self, length: float, *, back: float = 0.0, latencies: bool = False) -> Mapping[Place, Measured]:
        """Return what each version at each endpoint did in `length` seconds, which ended `back` seconds ago."""
        since, until = self.bounds(length, back=back)
        known = self.closed if back else self._open
        stretch = (since, until, latencies)
        if back and stretch in self._before:
            known[stretch] = self._before[stretch]
        if stretch not in known:
            # Behind the present moment there is what a clock counts that is a little ahead.
            end = until if back else later(self._now, 60)
            seconds = max(1.0, elapsed(since, until))
            found = measures.measured(self._tx, since, end, seconds=seconds, latencies=latencies)
            known[stretch] = found
        return known[stretch]

    def bounds(self, length: float, *, back: float = 0.0) -> tuple[str, str]:
        """Return when such a window begins, with a whole minute, and when it ends."""
        until = begin_of(later(self._now, -back), MINUTE) if back else self._now
        return begin_of(later(until, -length), MINUTE), until


class Served(NamedTuple):
    """An endpoint, and the versions and ids of versions that it serves."""

    subject: Subject
    endpoint: Row[Any]
    versions: Mapping[str, str]


def all_served(tx: Transaction) -> list[Served]:
    """What serves now."""
    found = []
    for row in endpoints.all_current(tx):
        versions = {arm.version: arm.version_id for arm in endpoints.route_of(row).arms}
        found.append(Served(Subject(model=row.name, environment=row.environment), row, versions))
    return found


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What an evaluation looks at: the windows at a moment, and the subjects with an alert of the rule."""

    tx: Transaction
    now: str
    windows: Windows
    serving: Sequence[Served] = ()
    firing: frozenset[Subject] = frozenset()
    kept: dict[Kept, Drift] = field(default_factory=dict)
    """Drift, which is too heavy for every look, by the minute that it holds for."""


Evaluator: TypeAlias = Callable[[AlertRule, Scene], Mapping[Subject, Reading]]


def read_threshold(rule: AlertRule, scene: Scene) -> Mapping[Subject, Reading]:
    """Hold each version, or each endpoint, against fixed limits."""
    if rule.metric in AMOUNTS:
        sums = _whole(rule, scene, rule.window_s)
        return {subject: measuring.threshold(rule, one) for subject, one in sums.items()}
    found = scene.windows.of(rule.window_s, latencies=rule.metric in LATENCIES)
    return {one.subject: measuring.threshold(rule, one.sums) for one in found.values() if is_about(rule, one.subject)}


def read_degradation(rule: AlertRule, scene: Scene) -> Mapping[Subject, Reading]:
    """Hold each version against its own past, or against the version that served before it."""
    if rule.metric in AMOUNTS:
        present = _whole(rule, scene, rule.window_s)
        before = _whole(rule, scene, rule.baseline_s, back=rule.window_s)
        return {subject: measuring.degradation(rule, one, before.get(subject)) for subject, one in present.items()}
    latencies = rule.metric in LATENCIES
    now = scene.windows.of(rule.window_s, latencies=latencies)
    earlier = rule.baseline == "earlier"
    past = scene.windows.of(rule.baseline_s, back=rule.window_s if earlier else 60.0, latencies=latencies)
    bases = {} if earlier else measures.bases(scene.tx)
    readings = {}
    for place, one in now.items():
        if is_about(rule, one.subject):
            base = past.get(place if earlier else Place(place.endpoint_id, bases.get(place, "")))
            readings[one.subject] = measuring.degradation(rule, one.sums, None if base is None else base.sums)
    return readings


def read_burn_rate(rule: AlertRule, scene: Scene) -> Mapping[Subject, Reading]:
    """Say how fast each endpoint's error budget burns."""
    windows = [
        (window, _whole(rule, scene, window.long_s), _whole(rule, scene, window.short_s)) for window in rule.burn
    ]
    return {
        subject: measuring.burn_rate(rule, [(window, long[subject], short[subject]) for window, long, short in windows])
        for subject in windows[0][1]
        if all(subject in long and subject in short for _, long, short in windows)
    }


def read_no_data(rule: AlertRule, scene: Scene) -> Mapping[Subject, Reading]:
    """Say which endpoints had requests and have none."""
    now = _whole(rule, scene, rule.window_s)
    before = _whole(rule, scene, rule.baseline_s, back=rule.window_s)
    return {
        subject: measuring.no_data(rule, now[subject], before[subject], firing=subject in scene.firing)
        for subject in _serving(rule, scene)
        if subject in now and subject in before
    }


def _whole(rule: AlertRule, scene: Scene, length: float, *, back: float = 0.0) -> dict[Subject, Sums]:
    """What was counted at each endpoint as a whole; nothing, where it serves and nothing came."""
    wholes, key = scene.windows.wholes, (rule.model, rule.environment, rule.version, length, back)
    if key in wholes:
        return wholes[key]
    since, until = scene.windows.bounds(length, back=back)
    seconds = max(1.0, elapsed(since, until))
    sums = {subject: Sums(seconds=seconds) for subject in _serving(rule, scene)}
    first: dict[Subject, str] = {}
    for one in scene.windows.of(length, back=back).values():
        if is_about(rule, one.subject):
            whole = replace(one.subject, version="")
            sums.setdefault(whole, Sums(seconds=seconds)).add(one.sums)
            first[whole] = min(first.get(whole, until), max(one.first, since))
    for whole, begun in first.items() if back else ():
        # A day before which nothing was there for 23 hours is an hour: amounts by the day would all seem to rise.
        sums[whole].seconds = max(1.0, elapsed(begun, until))
    wholes[key] = sums
    return sums


def _serving(rule: AlertRule, scene: Scene) -> list[Subject]:
    """The endpoints that a rule is about and that serve something which it is about."""
    return [
        one.subject
        for one in scene.serving
        if is_about(rule, one.subject) and any(matches(rule.version, version) for version in one.versions)
    ]


def read_drift(rule: AlertRule, scene: Scene) -> Mapping[Subject, Reading]:
    """Say how far inputs and predictions of what serves have moved; looked at once a minute."""
    minute = begin_of(scene.now, MINUTE)
    for old in [key for key in scene.kept if key[0] != minute]:
        del scene.kept[old]
    readings = {}
    since = later(scene.now, -rule.window_s)
    for one in scene.serving:
        for version, version_id in one.versions.items():
            subject = replace(one.subject, version=version)
            if not is_about(rule, subject):
                continue
            key = (minute, one.endpoint.id, version_id, rule.window_s)
            if key not in scene.kept:
                report = drift_of(scene.tx, version_id, endpoint=one.endpoint, since=since, until=scene.now)
                scene.kept[key] = (report.features, report.rows)
            readings[subject] = measuring.drift(rule, *scene.kept[key])
    return readings


EVALUATORS: Mapping[str, Evaluator] = {
    THRESHOLD: read_threshold,
    DEGRADATION: read_degradation,
    BURN_RATE: read_burn_rate,
    NO_DATA: read_no_data,
    DRIFT: read_drift,
}
"""Kind of rule → what looks for it."""


def read_deployments(scene: Scene) -> Mapping[Subject, Reading]:
    """Say which deployments need a person: those that halted, could not decide, or were undone by themselves."""
    readings: dict[Subject, Reading] = {}
    seen: set[str] = set()
    for row in measures.deployments_since(scene.tx, later(scene.now, -TOLD_S)):
        if row.endpoint_id in seen:
            continue
        seen.add(row.endpoint_id)
        found = deployments.record(row)
        trouble = _trouble(scene.tx, found)
        if trouble is not None:
            severity, words = trouble
            subject = Subject(model=found.name, environment=found.environment, version=found.version)
            summary = f"the deployment of {found.version} {words}: {found.reason.removeprefix(HALTED)}"
            details = {"deployment": found.id, "state": found.state}
            readings[subject] = Reading(level=BAD, summary=summary, severity=severity, details=details)
    return readings


def _trouble(tx: Transaction, found: DeploymentRecord) -> tuple[str, str] | None:
    """The severity of what a deployment tells, and in words; None where it tells nothing."""
    if found.state == PAUSED:
        if found.reason.startswith(HALTED):
            return "critical", "has halted"
        # A person who pauses a deployment knows of it.
        last = deployments.history(tx, found.id)[-1]
        return ("warning", "waits, undecided") if last.event == "inconclusive" else None
    if found.rollback is not None and found.rollback.cause in BY_ITSELF:
        return "warning", "was rolled back" if found.state == ROLLED_BACK else "rolled the endpoint back"
    return None
