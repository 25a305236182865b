"""Records of alerts: rules, what is firing, silences, channels, and the messages on their way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class BurnWindow:
    """Two windows in which an error budget must burn at least `factor` times as fast as it may; lengths in seconds."""

    long_s: float
    short_s: float
    factor: float


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertRule:
    """What is watched, and from when on people are told. Patterns may end in `*`; lengths of time are in seconds."""

    kind: str
    """`threshold`, `degradation`, `burn_rate`, `no_data` or `drift`."""
    metric: str = "error_rate"
    """`error_rate` (0..1), `success_rate` (percent), `p50`, `p95`, `p99` (seconds), `throughput` (requests a second),
    `tokens_per_hour` or `cost_per_hour`; of thresholds and degradations."""
    model: str = "*"
    environment: str = "*"
    version: str = "*"
    above: float | None = None
    """Of a threshold: fires beyond it. Of drift: the PSI of any feature."""
    below: float | None = None
    """Of a threshold: fires under it."""
    ratio: float = 2.0
    """Of a degradation: how many times as bad as the baseline."""
    baseline: str = "earlier"
    """`earlier` for the same version before the window, `previous` for the version that served before it."""
    baseline_s: float = 86_400.0
    """How long before the window the baseline begins; of `no_data`, within which there was traffic."""
    objective: float = 0.999
    """Of a burn rate: the share of requests that have to be answered well."""
    burn: list[BurnWindow] = field(default_factory=list)
    """Of a burn rate: any of these makes it fire; those of the SRE workbook where it is empty."""
    window_s: float = 300.0
    for_s: float = 0.0
    """How long it has to hold before the alert fires."""
    resolve_at: float | None = None
    """Back beyond this the alert may resolve; the limit itself where it is None."""
    keep_firing_s: float = 300.0
    """How long it has to be well before the alert resolves."""
    min_requests: int = 50
    """Nothing follows from fewer."""
    severity: str = "warning"
    """`info`, `warning` or `critical`."""
    channels: list[str] = field(default_factory=list)
    """Who is told; every channel that wants the model and the severity where it is empty."""
    enabled: bool = True
    description: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertRuleRecord:
    """A rule by its name."""

    name: str
    rule: AlertRule
    revision: int
    created_by: str
    created_at: str
    updated_at: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertRuleList:
    """Rules, by name."""

    rules: list[AlertRuleRecord] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertRecord:
    """Something that is, or was, wrong."""

    id: str
    rule: str
    """Name of the rule; `deployment` for what deployments tell by themselves."""
    state: str
    """`pending`, `firing` or `resolved`."""
    severity: str
    model: str
    environment: str
    """Empty where the application predicts elsewhere."""
    version: str
    """Empty where it is about the endpoint as a whole."""
    summary: str
    value: float | None = None
    limit: float | None = None
    requests: int = 0
    details: dict[str, Any] = field(default_factory=dict)
    silenced: bool = False
    started_at: str
    """Since when it holds."""
    fired_at: str | None = None
    updated_at: str
    resolved_at: str | None = None
    reason: str = ""
    """Why it resolved."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertPage:
    """Alerts, the newest first."""

    alerts: list[AlertRecord] = field(default_factory=list)
    next_page_token: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertMatch:
    """Which alerts are meant: patterns, each of which has to match; a `*` may stand at their end."""

    rule: str = "*"
    model: str = "*"
    environment: str = "*"
    version: str = "*"
    severity: str = "*"


@dataclass(frozen=True, kw_only=True, slots=True)
class SilenceRecord:
    """Alerts that nobody is told about until a moment; they are recorded all the same."""

    id: str
    match: AlertMatch
    until: str
    reason: str
    created_by: str
    created_at: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SilenceList:
    """Silences that hold now, the one that ends first at the top."""

    silences: list[SilenceRecord] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, slots=True)
class Channel:
    """A way to tell people. Secrets are never here: members that end in `_env` name variables of the server."""

    kind: str
    """`webhook`, `slack`, `pagerduty` or `email`."""
    url: str = ""
    """Of a webhook; of PagerDuty, where it is not its usual address."""
    url_env: str = ""
    """Variable with the address, where the address itself is a secret; ends in `_WEBHOOK_URL`."""
    secret_env: str = ""
    """Variable with the secret that webhooks are signed with; ends in `_WEBHOOK_SECRET`."""
    routing_key_env: str = ""
    """Variable with PagerDuty's integration key; ends in `_ROUTING_KEY`."""
    host: str = ""
    port: int = 587
    tls: str = "starttls"
    """`starttls`, `tls` from the first byte, or `none`."""
    username: str = ""
    password_env: str = ""
    """Variable with the password of the mail server; ends in `SMTP_PASSWORD`."""
    sender: str = ""
    recipients: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    """Patterns of the models that it wants to hear about; all where it is empty."""
    severity: str = "info"
    """The least severe alerts that it wants."""
    group_by: list[str] = field(default_factory=lambda: ["model", "environment"])
    """Alerts that agree in these go into one message: `rule`, `model`, `environment`, `version`, `severity`."""
    group_wait_s: float = 5.0
    """How long a message waits for others of its group."""
    min_interval_s: float | None = None
    """The least time between two messages; None for what is usual for the kind."""
    send_resolved: bool = True
    active: bool = True
    description: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChannelRecord:
    """A channel by its name, and how it stands."""

    name: str
    channel: Channel
    revision: int
    created_by: str
    created_at: str
    updated_at: str
    waiting: int = 0
    """Messages that are still to be sent."""
    given_up: int = 0
    last_error: str = ""
    """Why the last message that was not taken was not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChannelList:
    """Channels, by name."""

    channels: list[ChannelRecord] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertNotice:
    """What a message says of one alert."""

    alert: str
    """The alert's id."""
    event: str
    """`fired`, `resolved`, or `test`."""
    rule: str
    severity: str
    model: str = ""
    environment: str = ""
    version: str = ""
    summary: str = ""
    value: float | None = None
    limit: float | None = None
    started_at: str = ""
    at: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class NotificationRecord:
    """A message on its way to a channel, or that was."""

    id: str
    channel: str
    group: str
    state: str
    """`waiting`, `sent` or `given_up`."""
    attempts: int
    alerts: list[AlertNotice]
    error: str = ""
    due_at: str
    created_at: str
    updated_at: str


@dataclass(frozen=True, kw_only=True, slots=True)
class NotificationPage:
    """Messages to a channel, the newest first."""

    notifications: list[NotificationRecord] = field(default_factory=list)
    next_page_token: str = ""
