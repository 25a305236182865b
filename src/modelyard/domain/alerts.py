"""Alerts: when one begins, fires and resolves, who is told, and what goes into one message.

    (nothing) ─ pending ─ firing ─ resolved
         └────────┘ dropped          a new one may begin

Rules
1. An alert is about one subject of one rule, and a subject has one alert that is not resolved. It is pending until the
   rule has held for `for_s`, and then fires. A pending one that does not hold any more is forgotten, untold.
2. Hysteresis: a firing alert resolves when it has been clear for `keep_firing_s` without a break. Clear is what lies
   beyond `resolve_at`; what lies between that and the limit neither keeps an alert from going on nor lets one begin.
3. From too little data nothing follows: none begins, a pending one is forgotten, and a firing one stays. When nothing
   was measured for `stale_s`, it resolves, and says why. What is gone, such as a rule or an endpoint, resolves at once.
4. A silence keeps people from being told, never an alert from being recorded. Who was told that an alert fires is told
   that it is over, also when a silence has begun meanwhile.
5. A channel hears of an alert if the rule names it, or names none, and its own models and severity fit. One that was
   made, switched on or named later, or that a silence kept from it, hears of what still fires.
6. Alerts whose labels agree in `group_by` go into one message. One alert stands in a message once, as it is last known.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import blake2b
from typing import Any, Final

from modelyard.domain.durations import elapsed
from modelyard.domain.webhooks import matches
from modelyard.domain.wire.alerts import AlertMatch, AlertNotice, AlertRule, Channel

PENDING, FIRING, RESOLVED = "pending", "firing", "resolved"
STATES: Final = (PENDING, FIRING, RESOLVED)
SEVERITIES: Final = ("info", "warning", "critical")
"""From the least severe on."""

BAD, BETWEEN, CLEAR, UNKNOWN, GONE = "bad", "between", "clear", "unknown", "gone"
"""What a reading says."""
BEGAN, FIRED, RESOLVES, DROPPED, CHANGED = "began", "fired", "resolved", "dropped", "changed"
"""What becomes of an alert."""
TEST: Final = "test"

DEPLOYMENT: Final = "deployment"
"""The rule that is always on: what deployments tell."""
REFRESH_S: Final = 60.0
"""How often the numbers of an alert that goes on as before are written anew."""
_LONGEST_GROUP = 200


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Subject:
    """What an alert is about. Without a version it is about the endpoint as a whole."""

    model: str
    environment: str = ""
    version: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What an evaluation found of a subject."""

    level: str
    value: float | None = None
    limit: float | None = None
    summary: str = ""
    requests: int = 0
    severity: str = ""
    """Where the finding is more, or less, severe than its rule."""
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """What of a rule decides about time, in seconds."""

    for_s: float = 0.0
    keep_firing_s: float = 0.0
    stale_s: float = 300.0
    severity: str = "warning"


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How an alert stands; `since` is when it began to be clear, `silent` when data ended, each while that lasts."""

    state: str
    severity: str
    started_at: str
    updated_at: str
    fired_at: str | None = None
    resolved_at: str | None = None
    since: str | None = None
    silent: str | None = None
    summary: str = ""
    value: float | None = None
    limit: float | None = None
    requests: int = 0
    details: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    told: list[str] = field(default_factory=list)
    """Ids of the channels that were told that it fires."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """What becomes of an alert now."""

    event: str
    standing: Standing


def follow(timing: Timing, standing: Standing | None, reading: Reading, now: str) -> Turn | None:
    """Say what becomes of a subject's alert; None for nothing that has to be written."""
    if standing is None:
        return _begun(timing, reading, now) if reading.level == BAD else None
    if standing.state == PENDING:
        return _waited(timing, standing, reading, now)
    if standing.state == FIRING:
        return _fired(timing, standing, reading, now)
    return None


def _begun(timing: Timing, reading: Reading, now: str) -> Turn:
    fires = timing.for_s <= 0
    fresh = Standing(
        state=FIRING if fires else PENDING,
        severity=timing.severity,
        started_at=now,
        updated_at=now,
        fired_at=now if fires else None,
    )
    return Turn(event=FIRED if fires else BEGAN, standing=_told(timing, fresh, reading, now))


def _waited(timing: Timing, standing: Standing, reading: Reading, now: str) -> Turn | None:
    if reading.level != BAD:
        return Turn(event=DROPPED, standing=standing)
    if elapsed(standing.started_at, now) >= timing.for_s:
        fired = replace(_told(timing, standing, reading, now), state=FIRING, fired_at=now)
        return Turn(event=FIRED, standing=fired)
    return None


def _fired(timing: Timing, standing: Standing, reading: Reading, now: str) -> Turn | None:
    if reading.level == GONE:
        return _resolved(standing, reading.summary or "what it was about is gone", now)
    if reading.level == UNKNOWN:
        silent = standing.silent or now
        if elapsed(silent, now) >= timing.stale_s:
            return _resolved(standing, f"nothing was measured for {timing.stale_s:g} s", now)
        # Time without data is no time in which it was well.
        return _noted(standing, replace(standing, silent=silent, since=None), now)
    return _measured(timing, standing, reading, now)


def _measured(timing: Timing, standing: Standing, reading: Reading, now: str) -> Turn | None:
    if reading.level == CLEAR:
        since = standing.since or now
        if elapsed(since, now) >= timing.keep_firing_s:
            return _resolved(standing, reading.summary, now)
        return _noted(standing, replace(standing, since=since, silent=None), now)
    kept = replace(standing, since=None, silent=None)
    if reading.level == BETWEEN:
        return _noted(standing, kept, now)
    return _refreshed(standing, _told(timing, kept, reading, now), now)


def _resolved(standing: Standing, reason: str, now: str) -> Turn:
    over = replace(standing, state=RESOLVED, resolved_at=now, updated_at=now, reason=reason)
    return Turn(event=RESOLVES, standing=over)


def _noted(before: Standing, after: Standing, now: str) -> Turn | None:
    return None if before == after else Turn(event=CHANGED, standing=replace(after, updated_at=now))


def _refreshed(before: Standing, after: Standing, now: str) -> Turn | None:
    """The numbers of an alert that goes on: written now and then, and at once where more than numbers has changed."""
    same = (before.severity, before.since, before.silent) == (after.severity, after.since, after.silent)
    if same and elapsed(before.updated_at, now) < REFRESH_S:
        return None
    return Turn(event=CHANGED, standing=after)


def _told(timing: Timing, standing: Standing, reading: Reading, now: str) -> Standing:
    return replace(
        standing,
        severity=reading.severity or timing.severity,
        summary=reading.summary,
        value=reading.value,
        limit=reading.limit,
        requests=reading.requests,
        details=reading.details,
        updated_at=now,
    )


def level_of(value: float, limit: float, *, above: bool, resolve_at: float | None = None) -> str:
    """Say where a value lies.

    Args:
        value: what was measured.
        limit: beyond it, it is bad.
        above: whether beyond means above; below otherwise.
        resolve_at: what it has to come back to, the limit itself where it is None; it lies on the limit's good side.
    """
    sign = 1 if above else -1
    if sign * value > sign * limit:
        return BAD
    good = limit if resolve_at is None else resolve_at
    return CLEAR if sign * value <= sign * good else BETWEEN


def timing_of(rule: AlertRule) -> Timing:
    """What of a rule decides about time."""
    longest = max([rule.window_s, *(one.long_s for one in rule.burn)])
    return Timing(for_s=rule.for_s, keep_firing_s=rule.keep_firing_s, stale_s=longest, severity=rule.severity)


def is_about(rule: AlertRule, subject: Subject) -> bool:
    """Whether a rule watches a subject; a rule for some versions watches endpoints as a whole by these versions."""
    return (
        matches(rule.model, subject.model)
        and matches(rule.environment, subject.environment)
        and (not subject.version or matches(rule.version, subject.version))
    )


def fits(match: AlertMatch, rule: str, subject: Subject, severity: str) -> bool:
    """Whether patterns match an alert."""
    wanted = {"rule": rule, **asdict(subject), "severity": severity}
    return all(matches(pattern, wanted[name]) for name, pattern in asdict(match).items())


def wants(channel: Channel, subject: Subject, severity: str) -> bool:
    """Whether a channel wants to hear of an alert."""
    severe = SEVERITIES.index(severity) >= SEVERITIES.index(channel.severity)
    return channel.active and severe and any(matches(one, subject.model) for one in channel.models or ["*"])


def is_named(name: str, channels: Collection[str]) -> bool:
    """Whether a rule that names channels, or none for all of them, means this one."""
    return not channels or name in channels


def notice(alert: str, rule: str, subject: Subject, turn: Turn) -> AlertNotice:
    """What a message says of an alert."""
    standing = turn.standing
    summary = standing.summary
    return AlertNotice(
        alert=alert,
        event=turn.event,
        rule=rule,
        severity=standing.severity,
        model=subject.model,
        environment=subject.environment,
        version=subject.version,
        summary=f"{summary} (over: {standing.reason})" if turn.event == RESOLVES and standing.reason else summary,
        value=standing.value,
        limit=standing.limit,
        started_at=standing.started_at,
        at=standing.updated_at,
    )


def group_of(notice: AlertNotice, by: Sequence[str]) -> str:
    """The group that an alert belongs to, as text of at most 200 characters; the empty text where all are one."""
    text = ", ".join(f"{name}={getattr(notice, name)}" for name in by)
    if len(text) <= _LONGEST_GROUP:
        return text
    digest = blake2b(text.encode(), digest_size=16).hexdigest()
    return f"{text[: _LONGEST_GROUP - len(digest) - 2]}… {digest}"


def gathered(present: Sequence[AlertNotice], new: AlertNotice) -> list[AlertNotice]:
    """The notices of a message, with another one; an alert stands there once, as it is last known."""
    return [*(one for one in present if one.alert != new.alert), new]


def subject_text(subject: Subject) -> str:
    """A subject in one line: `fraud 1.2.0 in production`."""
    name = f"{subject.model} {subject.version}" if subject.version else subject.model
    return f"{name} in {subject.environment}" if subject.environment else name


def live_key(rule: str, subject: Subject) -> str:
    """What an alert that is not resolved is unique by: 32 hexadecimal digits."""
    parts = f"{rule}\0{subject.model}\0{subject.environment}\0{subject.version}"
    return blake2b(parts.encode(), digest_size=16).hexdigest()


def hearers(
    turn: Turn, before: Standing | None, wanting: Sequence[str], resolving: Collection[str], *, silenced: bool
) -> list[str]:
    """Say which channels are told of a turn, by their ids.

    Args:
        turn: what becomes of the alert.
        before: how it stood; None for a new one.
        wanting: the channels that want to hear of it, if anything is to be told.
        resolving: the channels that want to hear that something is over.
        silenced: whether a silence is about it.
    """
    after = turn.standing
    if after.state == RESOLVED:
        return [one for one in after.told if one in resolving]
    if after.state != FIRING or silenced:
        return []
    if turn.event == FIRED or is_worse(before, after):
        return list(wanting)
    return [one for one in wanting if one not in after.told]


def is_worse(before: Standing | None, after: Standing) -> bool:
    """Whether an alert has become more severe."""
    return before is not None and SEVERITIES.index(after.severity) > SEVERITIES.index(before.severity)
