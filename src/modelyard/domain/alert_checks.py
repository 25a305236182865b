"""What rules, silences and channels may say, and the rules that one command switches on.

Rules
1. What cannot be right is refused when it is written down, with the next step, and never at the time of the alert.
2. Secrets are not recorded. A channel names variables of the server's environment, and each only of its own kind: one
   for an address ends in `_WEBHOOK_URL`, for what signs in `_WEBHOOK_SECRET`, PagerDuty's key in `_ROUTING_KEY`, a mail
   password in `SMTP_PASSWORD`. So nobody has another secret of the server sent away, and none of modelyard's own.
3. A member that only another kind needs is refused: it would be without effect, and who gave it expects one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from typing import Any, Final

from modelyard.domain.alert_measures import FAST, METRICS, SLOW
from modelyard.domain.alerts import DEPLOYMENT, SEVERITIES
from modelyard.domain.names import printable, shown
from modelyard.domain.webhooks import address_of, check_text
from modelyard.domain.wire.alerts import AlertMatch, AlertRule, BurnWindow, Channel
from modelyard.errors import InvalidRequest

THRESHOLD, DEGRADATION, BURN_RATE, NO_DATA, DRIFT = "threshold", "degradation", "burn_rate", "no_data", "drift"
RULE_KINDS: Final = (THRESHOLD, DEGRADATION, BURN_RATE, NO_DATA, DRIFT)
WEBHOOK, SLACK, PAGERDUTY, EMAIL = "webhook", "slack", "pagerduty", "email"
CHANNEL_KINDS: Final = (WEBHOOK, SLACK, PAGERDUTY, EMAIL)
BASELINES: Final = ("earlier", "previous")
GROUPINGS: Final = ("rule", "model", "environment", "version", "severity")
TLS: Final = ("starttls", "tls", "none")
LONGEST_WINDOW_S: Final = 30 * 86_400.0
MOST_WINDOWS: Final = 5
MOST_NAMES: Final = 50
USUAL_INTERVALS_S: Final[Mapping[str, float]] = {WEBHOOK: 0.0, SLACK: 1.0, PAGERDUTY: 0.0, EMAIL: 60.0}
"""The least time between two messages, where a channel does not say: Slack takes one a second, people fewer mails."""
MOST_NOTICES: Final[Mapping[str, int]] = {WEBHOOK: 100, SLACK: 100, PAGERDUTY: 10, EMAIL: 100}
"""Alerts in one message. PagerDuty is told of each by a request of its own, and all of them are one attempt."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_PATTERN_SIZE = 250
_VARIABLES: Final = {
    "url_env": "_WEBHOOK_URL",
    "secret_env": "_WEBHOOK_SECRET",
    "routing_key_env": "_ROUTING_KEY",
    "password_env": "SMTP_PASSWORD",
}
_VARIABLE = re.compile(r"(?!MODELYARD_)[A-Z][A-Z0-9_]{0,200}")
_MAIL = re.compile(
    r"[^\s()<>\[\]@,;:\"\\\x00-\x1f\x7f\ud800-\udfff]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?"
)
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?|[0-9a-fA-F:.]{2,45}")
_MEMBERS: Final[Mapping[str, frozenset[str]]] = {
    WEBHOOK: frozenset({"url", "url_env", "secret_env"}),
    SLACK: frozenset({"url_env"}),
    PAGERDUTY: frozenset({"url", "routing_key_env"}),
    EMAIL: frozenset({"host", "port", "tls", "username", "password_env", "sender", "recipients"}),
}
_OWN: Final = frozenset().union(*_MEMBERS.values())
_HIGHEST_PORT = 65_535
_SAID_BY: Final[Mapping[str, frozenset[str]]] = {
    THRESHOLD: frozenset({"metric", "above", "below", "resolve_at", "window_s"}),
    DEGRADATION: frozenset({"metric", "ratio", "resolve_at", "baseline", "baseline_s", "window_s"}),
    BURN_RATE: frozenset({"objective", "burn"}),
    NO_DATA: frozenset({"window_s", "baseline_s"}),
    DRIFT: frozenset({"above", "resolve_at", "window_s"}),
}
_SAID: Final = frozenset().union(*_SAID_BY.values())


def check_name(name: str, what: str) -> str:
    """The name of a rule or of a channel.

    Raises:
        InvalidRequest: it is none.
    """
    if not _NAME.fullmatch(name):
        raise InvalidRequest(f"{what} cannot be called {shown(name)}", hint="use 1 to 100 of A-Z a-z 0-9 _ . -")
    if name == DEPLOYMENT:
        raise InvalidRequest(f"{name!r} stands for what deployments tell by themselves", hint="choose another name")
    return name


def check_rule(rule: AlertRule) -> AlertRule:
    """A rule that can be followed, with the burn windows that it goes by.

    Raises:
        InvalidRequest: something in it cannot be right.
    """
    _one_of("kind", rule.kind, RULE_KINDS)
    _one_of("metric", rule.metric, METRICS)
    _one_of("severity", rule.severity, SEVERITIES)
    _one_of("baseline", rule.baseline, BASELINES)
    for name in ("model", "environment", "version"):
        _pattern(name, getattr(rule, name))
    _refuse_strangers(rule, AlertRule(kind=rule.kind), "rule", _SAID - _SAID_BY[rule.kind], _SAID_BY[rule.kind])
    for name, least in (("window_s", 60.0), ("baseline_s", 60.0), ("for_s", 0.0), ("keep_firing_s", 0.0)):
        _within(name, getattr(rule, name), least, LONGEST_WINDOW_S)
    _within("min_requests", rule.min_requests, 0, 1e9)
    for name in rule.channels[:MOST_NAMES]:
        check_name(name, "a channel")
    _few("channels", rule.channels)
    check_text(rule.description, "the description")
    if rule.kind in _CHECKS:
        _CHECKS[rule.kind](rule)
    return replace(rule, burn=list(rule.burn or FAST)) if rule.kind == BURN_RATE else rule


def _check_threshold(rule: AlertRule) -> None:
    limits = [limit for limit in (rule.above, rule.below) if limit is not None]
    if not limits:
        raise InvalidRequest("a threshold needs a limit", hint="give above, below, or both")
    for limit in limits:
        _within("the limit", limit, 0.0, 1e15)
    if rule.above is not None and rule.below is not None and rule.below >= rule.above:
        raise InvalidRequest(f"nothing lies between below={rule.below:g} and above={rule.above:g}")
    if rule.resolve_at is None:
        return
    _within("resolve_at", rule.resolve_at, 0.0, 1e15)
    if (rule.above is not None and rule.resolve_at > rule.above) or (
        rule.below is not None and rule.resolve_at < rule.below
    ):
        raise InvalidRequest(
            f"resolve_at is {rule.resolve_at:g}, which is beyond the limit", hint="give a value on the good side"
        )


def _check_degradation(rule: AlertRule) -> None:
    _within("ratio", rule.ratio, 1.01, 1e6)
    if rule.resolve_at is not None:
        _within("resolve_at", rule.resolve_at, 1.0, rule.ratio)
    if rule.metric == "success_rate":
        raise InvalidRequest("a degradation of success_rate is one of error_rate", hint="write metric error_rate")


def _check_burn(rule: AlertRule) -> None:
    _within("objective", rule.objective, 0.5, 0.999999)
    if len(rule.burn) > MOST_WINDOWS:
        raise InvalidRequest(f"there are {len(rule.burn)} burn windows; the most is {MOST_WINDOWS}")
    for window in rule.burn:
        _within("long_s", window.long_s, 60.0, LONGEST_WINDOW_S)
        _within("short_s", window.short_s, 60.0, window.long_s)
        _within("factor", window.factor, 0.01, 1 / (1 - rule.objective))


def _check_drift(rule: AlertRule) -> None:
    if rule.above is not None:
        _within("above", rule.above, 0.001, 1e6)
    if rule.resolve_at is not None:
        _within("resolve_at", rule.resolve_at, 0.0, 0.25 if rule.above is None else rule.above)


_CHECKS = {
    THRESHOLD: _check_threshold,
    DEGRADATION: _check_degradation,
    BURN_RATE: _check_burn,
    DRIFT: _check_drift,
}
"""Kind of rule → what is checked of it alone."""


def check_match(match: AlertMatch) -> AlertMatch:
    """Patterns of a silence.

    Raises:
        InvalidRequest: one of them can match nothing.
    """
    for name, pattern in asdict(match).items():
        _pattern(name, pattern)
    if all(pattern == "*" for pattern in asdict(match).values()):
        raise InvalidRequest("this would silence everything", hint="name a rule, a model, a version or a severity")
    return match


def check_channel(channel: Channel) -> Channel:
    """A channel that messages can be sent through, with the interval that holds for it.

    Raises:
        InvalidRequest: something in it cannot be right; no message repeats an address.
    """
    _one_of("kind", channel.kind, CHANNEL_KINDS)
    _one_of("severity", channel.severity, SEVERITIES)
    own = _MEMBERS[channel.kind]
    _refuse_strangers(channel, Channel(kind=channel.kind), "channel", _OWN - own, own)
    for name, ending in _VARIABLES.items():
        _variable(name, getattr(channel, name), ending)
    for one in channel.models[:MOST_NAMES]:
        _pattern("models", one)
    _few("models", channel.models)
    for one in channel.group_by[:MOST_NAMES]:
        _one_of("group_by", one, GROUPINGS)
    _few("group_by", channel.group_by)
    check_text(channel.description, "the description")
    usual = USUAL_INTERVALS_S[channel.kind]
    interval = usual if channel.min_interval_s is None else channel.min_interval_s
    _within("group_wait_s", channel.group_wait_s, 0.0, 3_600.0)
    _within("min_interval_s", interval, 0.0, 86_400.0)
    (_check_mail if channel.kind == EMAIL else _check_address)(channel)
    return replace(channel, min_interval_s=interval, group_by=[one for one in GROUPINGS if one in channel.group_by])


def _refuse_strangers(
    given: AlertRule | Channel, usual: AlertRule | Channel, what: str, strange: Collection[str], own: Collection[str]
) -> None:
    """Refuse members that say something, and say nothing to a rule or a channel of this kind."""
    for name in sorted(strange):
        if getattr(given, name) != getattr(usual, name):
            raise InvalidRequest(
                f"a {what} of the kind {given.kind} has no {name}", hint=f"it has {', '.join(sorted(own))}"
            )


def _check_address(channel: Channel) -> None:
    if channel.kind == PAGERDUTY and not channel.routing_key_env:
        raise InvalidRequest("routing_key_env is missing", hint="name a variable such as PAGERDUTY_ROUTING_KEY")
    if channel.kind == SLACK and not channel.url_env:
        raise InvalidRequest("url_env is missing", hint="name a variable such as SLACK_WEBHOOK_URL")
    if channel.kind == WEBHOOK and bool(channel.url) == bool(channel.url_env):
        raise InvalidRequest("a webhook has an address", hint="give url, or url_env where the address is a secret")
    if channel.url:
        address_of(channel.url)


def _check_mail(channel: Channel) -> None:
    _one_of("tls", channel.tls, TLS)
    if not _HOST.fullmatch(channel.host):
        raise InvalidRequest(f"host is {shown(channel.host)}", hint="name the mail server, such as smtp.example.com")
    _within("port", channel.port, 1, _HIGHEST_PORT)
    for name, address in [("sender", channel.sender), *(("recipients", one) for one in channel.recipients)]:
        if not _MAIL.fullmatch(address):
            raise InvalidRequest(f"{name}: {shown(address)} is no mail address", hint="write it as name@example.com")
    if not channel.recipients:
        raise InvalidRequest("recipients is empty", hint="give at least one mail address")
    _few("recipients", channel.recipients)
    check_text(printable(channel.username, "the user name"), "the user name")
    if bool(channel.username) != bool(channel.password_env):
        raise InvalidRequest("a user name goes with a password", hint="give both username and password_env, or neither")
    if channel.username and channel.tls == "none":
        raise InvalidRequest("a password is not sent in clear", hint="use tls starttls or tls")


def _variable(name: str, value: str, ending: str) -> None:
    if value and not (_VARIABLE.fullmatch(value) and value.endswith(ending)):
        raise InvalidRequest(
            f"{name} is {shown(value)}", hint=f"name a variable of the server's environment that ends in {ending}"
        )


def _pattern(name: str, pattern: str) -> None:
    text = printable(pattern, name)
    if not text or len(text) > _PATTERN_SIZE or "*" in text[:-1]:
        raise InvalidRequest(
            f"{name}: {shown(pattern)} is no pattern", hint="a pattern is a name, or the beginning of one and *"
        )


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InvalidRequest(f"{name} is {shown(value)}", hint=f"it is one of {', '.join(known)}")


def _within(name: str, value: float, least: float, most: float) -> None:
    # NaN lies between no two numbers; a whole number of any length can be compared, and not always be converted.
    if not least <= value <= most:
        raise InvalidRequest(f"{name} is {shown(value)}; it goes from {least:g} to {most:g}")


def _few(name: str, given: list[str]) -> None:
    if len(given) > MOST_NAMES:
        raise InvalidRequest(f"{name} has {len(given)} entries; the most is {MOST_NAMES}")


def default_rules(model: str = "*", **common: Any) -> dict[str, AlertRule]:
    """Sensible rules by name, which hold for all models or for those of a pattern; `common` goes into each."""
    about: dict[str, Any] = {"model": model, **common}
    return {
        "errors": AlertRule(
            kind=THRESHOLD, metric="error_rate", above=0.05, resolve_at=0.03, for_s=60.0, min_requests=100,
            description="More than 5 % of the predictions of a version failed in 5 minutes.", **about,
        ),
        "errors-worse": AlertRule(
            kind=DEGRADATION, metric="error_rate", ratio=2.0, baseline="previous", baseline_s=7 * 86_400.0,
            window_s=900.0, for_s=60.0, min_requests=200,
            description="Twice as many errors as the version had that served before.", **about,
        ),
        "latency-worse": AlertRule(
            kind=DEGRADATION, metric="p95", ratio=1.5, baseline="earlier", window_s=600.0, for_s=300.0,
            min_requests=200, description="The 95th percentile is half as long again as in the day before.", **about,
        ),
        "budget-fast": AlertRule(
            kind=BURN_RATE, objective=0.99, burn=list(FAST), severity="critical", min_requests=100,
            description="At this pace, an objective of 99 % good answers a month is missed in days.", **about,
        ),
        "budget-slow": AlertRule(
            kind=BURN_RATE, objective=0.99, burn=list(SLOW), min_requests=1_000,
            description="At this pace, an objective of 99 % good answers a month is missed.", **about,
        ),
        "no-traffic": AlertRule(
            kind=NO_DATA, window_s=600.0, baseline_s=3_600.0, min_requests=60,
            description="An endpoint that had at least a request a minute has had none for 10 minutes.", **about,
        ),
        "inputs-drifted": AlertRule(
            kind=DRIFT, above=0.25, resolve_at=0.1, window_s=86_400.0, min_requests=500,
            description="A feature, or the prediction, is spread differently from the reference (PSI over 0.25).",
            **about,
        ),
    }  # fmt: skip


def check_burn_windows(text: str) -> list[BurnWindow]:
    """Burn windows as people write them: `3600/300/14.4,21600/1800/6`, long and short length and factor.

    Raises:
        InvalidRequest: it is not of that form.
    """
    try:
        parts = [[float(number) for number in one.split("/")] for one in text.split(",") if one.strip()]
        return [BurnWindow(long_s=long, short_s=short, factor=factor) for long, short, factor in parts]
    except ValueError:
        raise InvalidRequest(f"{shown(text)} are no burn windows", hint="write LONG/SHORT/FACTOR in seconds") from None
