"""What each kind of rule finds: one function a kind, from the windows of all endpoints to readings by subject.

Rules
- A version is read for itself in rules about errors and latencies; amounts (throughput, tokens and cost per hour),
  error budgets and missing traffic are the endpoint's, and its versions add up. A rule for some versions sees these.
- Windows are of whole minutes: a window of 5 minutes begins with the minute that it begins in.
- A stretch that has ended is remembered: it hardly changes any more, and a day of sketches is heavy to read.
- What drift is measured by is far heavier still; it is looked at once a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from modelyard.domain import alert_measures as measuring
from modelyard.domain.alert_checks import BURN_RATE, DEGRADATION, DRIFT, NO_DATA, THRESHOLD
from modelyard.domain.alert_measures import AMOUNTS, LATENCIES, Sums
from modelyard.domain.alerts import BAD, Reading, Subject, is_about
from modelyard.domain.deployment import HALTED, PAUSED, ROLLED_BACK
from modelyard.domain.durations import elapsed, later
from modelyard.domain.spans import MINUTE, begin_of
from modelyard.domain.webhooks import matches
from modelyard.domain.wire import AlertRule, DeploymentRecord
from modelyard.metadata import deployments, endpoints, measures
from modelyard.metadata.database import Transaction
from modelyard.metadata.measures import Measured, Place
from modelyard.watch.profiles import drift_of

TOLD_S = 86_400.0
"""How long a rollback is told of, unless another deployment follows."""
BY_ITSELF = frozenset({"verdict", "probe", "limit", "inconclusive"})
"""Causes of rollbacks that nobody asked for."""

Kept: TypeAlias = tuple[str, str, str, str]
"""Minute, endpoint, version and rule."""
Stretch: TypeAlias = tuple[str, str, bool]
"""From when until when, and whether with latencies."""


class Windows:
    """What was counted, window by window, each read once.

    Args:
        tx: the transaction to read in.
        now: the present moment.
        closed: what is known of stretches that have ended; added to.
    """

    def __init__(self, tx: Transaction, now: str, closed: dict[Stretch, Mapping[Place, Measured]]) -> None:
        self._tx, self._now, self._closed = tx, now, closed
        self._open: dict[Stretch, Mapping[Place, Measured]] = {}

    def of(self, length: float, *, back: float = 0.0, latencies: bool = False) -> Mapping[Place, Measured]:
        """Return what each version at each endpoint did in `length` seconds, which ended `back` seconds ago."""
        until = begin_of(later(self._now, -back), MINUTE) if back else self._now
        since = begin_of(later(until, -length), MINUTE)
        known = self._closed if back else self._open
        if (since, until, latencies) not in known:
            # Behind the present moment there is what a clock counts that is a little ahead.
            end = until if back else later(self._now, 60)
            seconds = max(1.0, elapsed(since, until))
            found = measures.measured(self._tx, since, end, seconds=seconds, latencies=latencies)
            known[since, until, latencies] = found
        return known[since, until, latencies]

    def seconds(self, length: float, *, back: float = 0.0) -> float:
        """Return how long such a window is, begun as it is with a whole minute."""
        until = begin_of(later(self._now, -back), MINUTE) if back else self._now
        return max(1.0, elapsed(begin_of(later(until, -length), MINUTE), until))


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What an evaluation looks at: the windows at a moment, and the subjects with an alert of the rule."""

    tx: Transaction
    now: str
    windows: Windows
    firing: frozenset[Subject] = frozenset()
    kept: dict[Kept, Reading] = field(default_factory=dict)
    """Readings that are too heavy for every look, by the minute that they hold for."""


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
    seconds = scene.windows.seconds(length, back=back)
    sums = {subject: Sums(seconds=seconds) for subject in _serving(rule, scene)}
    for one in scene.windows.of(length, back=back).values():
        whole = Subject(model=one.subject.model, environment=one.subject.environment)
        if is_about(rule, one.subject):
            sums.setdefault(whole, Sums(seconds=seconds)).add(one.sums)
    return sums


def _serving(rule: AlertRule, scene: Scene) -> list[Subject]:
    """The endpoints that a rule is about and that serve something which it is about."""
    found = []
    for row in endpoints.all_current(scene.tx):
        subject = Subject(model=row.name, environment=row.environment)
        arms = endpoints.route_of(row).arms
        if is_about(rule, subject) and any(matches(rule.version, arm.version) for arm in arms):
            found.append(subject)
    return found


def read_drift(rule: AlertRule, scene: Scene) -> Mapping[Subject, Reading]:
    """Say how far inputs and predictions of what serves have moved; looked at once a minute."""
    minute = begin_of(scene.now, MINUTE)
    for old in [key for key in scene.kept if key[0] != minute]:
        del scene.kept[old]
    readings = {}
    since = later(scene.now, -rule.window_s)
    for row in endpoints.all_current(scene.tx):
        for arm in endpoints.route_of(row).arms:
            subject = Subject(model=row.name, environment=row.environment, version=arm.version)
            if not is_about(rule, subject):
                continue
            key = (minute, row.id, arm.version_id, repr(rule))
            if key not in scene.kept:
                report = drift_of(scene.tx, arm.version_id, endpoint=row, since=since, until=scene.now)
                scene.kept[key] = measuring.drift(rule, report.features, report.rows)
            readings[subject] = scene.kept[key]
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
