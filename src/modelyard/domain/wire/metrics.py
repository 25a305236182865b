"""Records: metrics of what predictions did: read by version and time, compared, and told by applications."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class LikelyRange:
    """Between what and what a figure lies with the confidence that its record tells; None: not enough data to say."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricPoint:
    """One step of a series, `seconds` long; figures as in `VersionMetrics`."""

    at: str
    seconds: int
    requests: int = 0
    errors: int = 0
    error_rate: float | None = None
    throughput: float = 0.0
    avg_latency: float | None = None
    p50_s: float | None = None
    p95_s: float | None = None
    p99_s: float | None = None
    tokens: int = 0
    cost: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionMetrics:
    """What one version did in one role, over the range that was asked for; None where there is nothing to tell."""

    version: str
    version_id: str
    role: str
    """`live`; `shadow` for copies whose answers were thrown away; `tracked` where the application told it."""
    requests: int = 0
    errors: int = 0
    error_rate: float | None = None
    """In 0..1."""
    success_rate: float | None = None
    """In per cent, 0..100."""
    codes: dict[str, int] = field(default_factory=dict)
    """Errors by their code."""
    throughput: float = 0.0
    """Requests in a second, from the first span of time with data to the end of the last one."""
    seconds: float = 0.0
    """The length of that stretch."""
    avg_latency: float | None = None
    """In seconds, of good and bad answers, as are the quantiles, which are right to one per cent."""
    p50_s: float | None = None
    p95_s: float | None = None
    p99_s: float | None = None
    intervals: dict[str, LikelyRange] = field(default_factory=dict)
    """Name of a figure → between what and what it lies."""
    tokens: int = 0
    tokens_per_request: float | None = None
    cost: float = 0.0
    cost_per_request: float | None = None
    currency: str = ""
    """Of the version's prices; empty where it has none."""
    first_seen: str | None = None
    """Beginning of the first span of time with data."""
    last_seen: str | None = None
    """End of the last one; the present moment where it has not ended."""
    series: list[MetricPoint] = field(default_factory=list)
    """Steps of equal length, the earliest first; only where points were asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricsRecord:
    """What a model's versions did between two moments."""

    name: str
    environment: str
    """Empty where all of them are added up."""
    since: str
    until: str
    confidence: float
    """With which each interval holds, however often one looks."""
    windows: int
    """Rows that were added up; it does not grow with the number of predictions."""
    versions: list[VersionMetrics]
    """One for each version and role, the latest version first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveMetric:
    """One figure of two versions."""

    name: str
    a: float | None
    b: float | None
    difference: float | None
    """b - a."""
    relative_change: float | None
    """(b - a) / a."""
    better: str | None
    """`a` or `b`, where the two intervals do not overlap; None where no difference is shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveComparison:
    """What two versions did in service, side by side.

    It describes; it does not decide. Versions that served at different times had different requests: whether a release
    is better, the judge decides, who compares what was drawn by lot.
    """

    role: str
    environment: str
    since: str
    until: str
    confidence: float
    a: VersionMetrics
    b: VersionMetrics
    metrics: list[LiveMetric]
    explanation: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackedWindow:
    """Predictions of one version in one minute, added up by the application; see `modelyard.domain.cells`."""

    version: str
    """What stands behind the model's name in a reference: a SemVer, a number, an alias with `@`, a stage."""
    start: str = ""
    """When the minute began; the present one where it is empty, or lies in the future."""
    requests: int = 0
    """With none, only the version is looked up."""
    errors: int = 0
    tokens: int = 0
    cost_nano: int = 0
    """In billionths of the currency."""
    latency_ns: int = 0
    """The sum of all latencies, in nanoseconds; what their bins tell where it is 0."""
    latency: dict[str, int] = field(default_factory=dict)
    """Latencies in seconds as bins of a DDSketch with an accuracy of 1 %: bin → count; they add up to `requests`."""
    sizes: dict[str, int] = field(default_factory=dict)
    """Tokens of those that have any, as bins of the same kind."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackedPrediction:
    """One prediction that the application made elsewhere."""

    version: str
    latency: float
    """In seconds."""
    tokens: int = 0
    success: bool = True
    cost: float = 0.0
    at: str = ""
    """When; now where it is empty."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackedRecord:
    """What became of predictions that an application told."""

    name: str
    recorded: int
    """How many were counted; none where the batch had been counted before."""
    repeated: bool = False
