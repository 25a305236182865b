"""What rules measure: values of a window, how they stand to a baseline, and how fast an error budget burns.

Rules
1. From fewer than `min_requests` nothing follows, on either side of a comparison. Throughput, tokens and cost per hour
   are themselves about how much there is, so they are known from the first moment on; of such a comparison only the
   baseline needs the requests, and a baseline begins with the first thing that was counted in it.
2. Times are in seconds, `error_rate` in 0..1, `success_rate` in percent, `throughput` in requests a second.
3. Where rates of errors are compared, they have to differ by more than chance: their Wilson intervals (`NOISE` standard
   errors to each side) must not overlap.
4. An error budget is 1 - objective. Its burn rate is the share of errors divided by it; 1 uses it up exactly. A burn
   rate alerts where it is exceeded in a long window and in a short one, which lets it end soon after the trouble has:
   the multiwindow, multi-burn-rate form of "The Site Reliability Workbook" (Beyer et al., O'Reilly 2018), chapter 5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from modelyard.domain.alerts import BAD, BETWEEN, CLEAR, UNKNOWN, Reading, level_of
from modelyard.domain.divergence import FROM_STRONG, TOO_FEW
from modelyard.domain.durations import told
from modelyard.domain.sketch import Sketch
from modelyard.domain.wire.alerts import AlertRule, BurnWindow
from modelyard.domain.wire.profiles import FeatureDrift
from modelyard.domain.wording import counted, latency, percent

LATENCIES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
AMOUNTS: Final = ("throughput", "tokens_per_hour", "cost_per_hour")
"""Metrics of an endpoint as a whole: of one version alone they follow its share of the traffic."""
METRICS: Final = ("error_rate", "success_rate", *LATENCIES, *AMOUNTS)
NOISE: Final = 2.5
FAST: Final = (
    BurnWindow(long_s=3_600.0, short_s=300.0, factor=14.4),
    BurnWindow(long_s=21_600.0, short_s=1_800.0, factor=6.0),
)
"""Two per cent of a month's budget in an hour, or five in six hours: somebody has to get up."""
SLOW: Final = (BurnWindow(long_s=259_200.0, short_s=21_600.0, factor=1.0),)
"""Ten per cent of it in three days: somebody has to look at it on a working day."""
_NANO = 1e9
_WORDS: Final = {metric: metric.replace("_", " ") for metric in ("error_rate", "success_rate", *AMOUNTS)}
_HOUR = 3_600.0


@dataclass(kw_only=True, slots=True)
class Sums:
    """What was counted in a window of `seconds`; the sketch is empty where nobody asked for latencies."""

    seconds: float
    """How long the window is; of a baseline, how long there was something to count."""
    requests: int = 0
    errors: int = 0
    tokens: int = 0
    cost_nano: int = 0
    latency: Sketch = field(default_factory=Sketch)

    def add(self, other: Sums) -> None:
        """Count what another one of the same window has counted."""
        self.requests += other.requests
        self.errors += other.errors
        self.tokens += other.tokens
        self.cost_nano += other.cost_nano
        self.latency.merge(other.latency)


def value_of(metric: str, sums: Sums) -> float | None:
    """Return a metric of a window; None where there were no requests to have it."""
    if metric in AMOUNTS:
        total = {"throughput": sums.requests, "tokens_per_hour": sums.tokens * _HOUR}
        return total.get(metric, sums.cost_nano / _NANO * _HOUR) / sums.seconds
    if metric in LATENCIES:
        return sums.latency.quantile(LATENCIES[metric])
    if not sums.requests:
        return None
    rate = sums.errors / sums.requests
    return rate if metric == "error_rate" else 100.0 * (1.0 - rate)


def threshold(rule: AlertRule, sums: Sums) -> Reading:
    """Hold a window against fixed limits."""
    value = value_of(rule.metric, sums)
    if value is None or (rule.metric not in AMOUNTS and sums.requests < rule.min_requests):
        return _too_few(sums.requests, rule.min_requests)
    levels = [
        (level_of(value, limit, above=above, resolve_at=rule.resolve_at), limit, word)
        for limit, above, word in ((rule.above, True, "above"), (rule.below, False, "below"))
        if limit is not None
    ]
    level, limit, word = next(one for wanted in (BAD, BETWEEN, CLEAR) for one in levels if one[0] == wanted)
    where = word if level == BAD else "near" if level == BETWEEN else "within"
    length = told(max(round(sums.seconds), 1))
    summary = (
        f"{_WORDS.get(rule.metric, rule.metric)} is {_said(rule.metric, value)}, {where} the limit of"
        f" {_said(rule.metric, limit)}, on {counted(sums.requests, 'request')} in {length}"
    )
    return Reading(level=level, value=value, limit=limit, summary=summary, requests=sums.requests)


def degradation(rule: AlertRule, now: Sums, before: Sums | None) -> Reading:
    """Hold a window against a baseline: bad where it is `ratio` times as bad, clear where it is `resolve_at` times.

    Half of the excess of `ratio` is clear where `resolve_at` is None. Nothing is measured without a baseline.
    """
    enough = 0 if before is None else before.requests if rule.metric in AMOUNTS else min(now.requests, before.requests)
    if before is None or enough < max(1, rule.min_requests):
        return _too_few(enough, rule.min_requests)
    value, base = value_of(rule.metric, now), value_of(rule.metric, before)
    if value is None or base is None:
        return _too_few(0, rule.min_requests)
    worse = _times_as_bad(rule.metric, value, base)
    good = (1.0 + rule.ratio) / 2 if rule.resolve_at is None else rule.resolve_at
    level = level_of(worse, rule.ratio, above=True, resolve_at=min(good, rule.ratio))
    if level == BAD and not _beyond_chance(rule.metric, now, before):
        level = BETWEEN
    times = f"{worse:.3g} times as bad as" if math.isfinite(worse) else "worse than"
    summary = (
        f"{_WORDS.get(rule.metric, rule.metric)} is {_said(rule.metric, value)}, {times} before"
        f" ({_said(rule.metric, base)}), on {counted(now.requests, 'request')}"
    )
    details = {"baseline": base, "baseline_requests": before.requests}
    return Reading(
        level=level,
        value=value,
        limit=base / rule.ratio if rule.metric == "throughput" else base * rule.ratio,
        summary=summary,
        requests=now.requests,
        details=details,
    )


def _said(metric: str, value: float) -> str:
    """A value with its unit, as people read it."""
    if metric == "error_rate":
        return percent(value)
    if metric == "success_rate":
        return percent(value / 100)
    return latency(value) if metric in LATENCIES else f"{value:,.4g}"


def _times_as_bad(metric: str, value: float, base: float) -> float:
    """How many times as bad a value is; of what should be high, its shortfall counts."""
    if metric == "success_rate":
        value, base = 100.0 - value, 100.0 - base
    if metric == "throughput":
        value, base = base, value
    if base <= 0:
        return math.inf if value > 0 else 1.0
    return value / base


def _beyond_chance(metric: str, now: Sums, before: Sums) -> bool:
    if metric not in {"error_rate", "success_rate"}:
        return True
    highest = 1.0 - wilson_lower(before.requests - before.errors, before.requests)
    return wilson_lower(now.errors, now.requests) > highest


def wilson_lower(count: int, total: int, z: float = NOISE) -> float:
    """The lower end of Wilson's interval of a share, `count` of `total`, at `z` standard errors (Wilson 1927)."""
    share = count / total
    middle = share + z * z / (2 * total)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return max(0.0, (middle - spread) / (1 + z * z / total))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Burning:
    """How fast a budget burns in one pair of windows."""

    level: str
    window: BurnWindow
    long: float
    short: float
    requests: int


def burn_rate(rule: AlertRule, windows: Sequence[tuple[BurnWindow, Sums, Sums]]) -> Reading:
    """Hold the burn rates of an error budget against their factors; each with its long and its short window.

    Clear is where no short window burns too fast: the long ones stay high for hours after the trouble is over.
    """
    needed = max(1, rule.min_requests)
    found = [_burning(rule, window, long, short) for window, long, short in windows if long.requests >= needed]
    if not found:
        return _too_few(max((long.requests for _, long, _ in windows), default=0), rule.min_requests)
    worst = next(one for wanted in (BAD, BETWEEN, CLEAR) for one in found if one.level == wanted)
    # Of a budget that burns no more, the short window is what tells so: the long one is still full of the trouble.
    over = worst.level == CLEAR
    burn, length = (worst.short, worst.window.short_s) if over else (worst.long, worst.window.long_s)
    summary = (
        f"the error budget of {rule.objective:.6g} burns {burn:.3g} times as fast as it may, over {told(length)} "
        f"(limit {worst.window.factor:g})"
    )
    details = {"long_s": worst.window.long_s, "short_s": worst.window.short_s, "objective": rule.objective}
    return Reading(
        level=worst.level,
        value=burn,
        limit=worst.window.factor,
        summary=summary,
        requests=worst.requests,
        details=details,
    )


def _burning(rule: AlertRule, window: BurnWindow, long: Sums, short: Sums) -> _Burning:
    budget = 1.0 - rule.objective
    long_burn, short_burn = (one.errors / one.requests / budget if one.requests else 0.0 for one in (long, short))
    level = CLEAR if short_burn < window.factor else BAD if long_burn >= window.factor else BETWEEN
    return _Burning(level=level, window=window, long=long_burn, short=short_burn, requests=long.requests)


def no_data(rule: AlertRule, now: Sums, before: Sums, *, firing: bool) -> Reading:
    """Say whether requests have ended that were there before; one that fires goes on until there are requests again."""
    if now.requests:
        return Reading(level=CLEAR, value=0.0, summary="requests are coming again", requests=now.requests)
    if not firing and before.requests < max(1, rule.min_requests):
        return _too_few(before.requests, rule.min_requests)
    summary = f"no request in {told(now.seconds)}; there were {before.requests} in {told(before.seconds)} before"
    return Reading(level=BAD, value=now.seconds, limit=rule.window_s, summary=summary)


def drift(rule: AlertRule, features: Sequence[FeatureDrift], rows: int) -> Reading:
    """Hold the feature that has drifted furthest against a limit of its PSI, as far as that is more than noise."""
    known = [(one.psi, one.noise_limit or 0.0, one) for one in features if one.psi is not None and one.drift != TOO_FEW]
    if not known or rows < rule.min_requests:
        return _too_few(rows, rule.min_requests)
    limit = FROM_STRONG if rule.above is None else rule.above
    value, noise, worst = max(known, key=lambda one: (one[0] > one[1], one[0]))
    level = level_of(value, limit, above=True, resolve_at=rule.resolve_at) if value > noise else CLEAR
    summary = f"{worst.role} {worst.feature} has a PSI of {value:.3g} (limit {limit:g}), on {rows} sampled rows"
    details = {"feature": worst.feature, "ks": worst.ks}
    return Reading(level=level, value=value, limit=limit, summary=summary, requests=rows, details=details)


def _too_few(requests: int, needed: int) -> Reading:
    return Reading(level=UNKNOWN, summary=f"{requests} of {max(1, needed)} requests that are needed", requests=requests)
