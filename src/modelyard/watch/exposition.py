"""The metrics of `/metrics`: each one's name, labels and meaning, and how samples become text for Prometheus.

Rules
- A name stands here once; dashboards, rules and tests look names up here.
- The values of labels are names of things that there are few of: models, environments, versions, codes, routes. What a
  caller sends is never one.
- The text is OpenMetrics where the scraper asks for that, and Prometheus' own form otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from prometheus_client import Metric as Family
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from modelyard.telemetry.totals import (
    BOUNDS,
    COST,
    ERRORS,
    LOOP_LAG,
    PREDICTION_SECONDS,
    PREDICTIONS,
    START_TIME,
    TOKENS,
    Histogram,
    Totals,
)

COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"

_PLACE = ("model", "environment", "version")
_SUBJECT = (*_PLACE, "role")

IN_PROGRESS, WAITING = "modelyard_requests_in_progress", "modelyard_requests_waiting"
CIRCUITS = "modelyard_circuits_open"
WORKERS, WORKERS_READY = "modelyard_workers", "modelyard_workers_ready"
RESTARTS = "modelyard_worker_restarts"
COPIES_DROPPED, EVIDENCE_DROPPED = "modelyard_shadow_copies_dropped", "modelyard_evidence_dropped"
HTTP_REQUESTS, HTTP_SECONDS = "modelyard_http_requests", "modelyard_http_request_duration_seconds"
ROUTE_WEIGHT = "modelyard_route_weight"
DEPLOYMENTS, LIVE_WEIGHT = "modelyard_deployments", "modelyard_deployment_weight"
EVIDENCE, EVIDENCE_LIMIT = "modelyard_deployment_evidence", "modelyard_deployment_evidence_limit"
HARM = "modelyard_deployment_harm_errors"
ALERTS = "modelyard_alerts_firing"
PROCESSES, DATABASE_UP, BUILD = "modelyard_processes", "modelyard_database_up", "modelyard_build_info"
CPU, MEMORY, VIRTUAL = "process_cpu_seconds", "process_resident_memory_bytes", "process_virtual_memory_bytes"
OPEN_FILES, MOST_FILES = "process_open_fds", "process_max_fds"


class Metric(NamedTuple):
    """One metric: its name (of a counter without `_total`), what it is, its labels, and what it tells."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str

    @property
    def samples(self) -> tuple[str, ...]:
        """The names under which Prometheus knows it."""
        if self.kind == COUNTER:
            return (f"{self.name}_total",)
        return (
            tuple(f"{self.name}_{end}" for end in ("bucket", "count", "sum"))
            if self.kind == HISTOGRAM
            else (self.name,)
        )


METRICS: Final = (
    Metric(
        PREDICTIONS, COUNTER, (*_SUBJECT, "code"), "Predictions by how they ended; callers' mistakes are not counted."
    ),
    Metric(ERRORS, COUNTER, _SUBJECT, "Predictions that failed, whatever their code."),
    Metric(PREDICTION_SECONDS, HISTOGRAM, _SUBJECT, "Seconds from the gateway's door to the answer."),
    Metric(TOKENS, COUNTER, _SUBJECT, "Tokens that providers counted, in and out."),
    Metric(COST, COUNTER, _SUBJECT, "What predictions cost, in the currency of the version's prices."),
    Metric(IN_PROGRESS, GAUGE, _PLACE, "Predictions that a version works on."),
    Metric(WAITING, GAUGE, _PLACE, "Predictions that wait for a free place."),
    Metric(CIRCUITS, GAUGE, _PLACE, "Processes in which a version is left alone after failures in a row."),
    Metric(WORKERS, GAUGE, ("model", "version"), "Worker processes that a version should have."),
    Metric(WORKERS_READY, GAUGE, ("model", "version"), "Worker processes of a version that are ready."),
    Metric(RESTARTS, COUNTER, ("model", "version"), "Worker processes that ended and were replaced."),
    Metric(COPIES_DROPPED, COUNTER, (), "Copies for shadow versions that were not made for want of a free place."),
    Metric(
        EVIDENCE_DROPPED, COUNTER, (), "Requests that the judge's evidence leaves out, because there were too many."
    ),
    Metric(HTTP_REQUESTS, COUNTER, ("method", "route", "status"), "HTTP requests by route and class of status."),
    Metric(HTTP_SECONDS, HISTOGRAM, ("method", "route"), "Seconds until an HTTP answer was sent."),
    Metric(ROUTE_WEIGHT, GAUGE, _PLACE, "Share of an endpoint's requests that a version gets."),
    Metric(DEPLOYMENTS, GAUGE, ("state",), "Deployments by state, ended ones too."),
    Metric(
        LIVE_WEIGHT,
        GAUGE,
        (*_PLACE, "strategy", "state", "verdict"),
        "Share of the new version in each live deployment.",
    ),
    Metric(EVIDENCE, GAUGE, _PLACE, "The judge's evidence (E) that a new version is worse, in live deployments."),
    Metric(EVIDENCE_LIMIT, GAUGE, _PLACE, "Evidence at which the new version is rolled back."),
    Metric(HARM, GAUGE, _PLACE, "Errors suffered beyond what the old version would have made."),
    Metric(ALERTS, GAUGE, ("rule", "severity"), "Alerts of modelyard's own rules that are firing."),
    Metric(PROCESSES, GAUGE, (), "Server processes of the registry that live."),
    Metric(DATABASE_UP, GAUGE, (), "Whether the database answers: 1 or 0."),
    Metric(BUILD, GAUGE, ("version", "python"), "Always 1; which modelyard runs."),
    Metric(LOOP_LAG, GAUGE, (), "Seconds that the event loop was late last, the worst of all processes."),
    Metric(CPU, COUNTER, (), "CPU time of all processes, in seconds."),
    Metric(MEMORY, GAUGE, (), "Resident memory of all processes, without their workers."),
    Metric(VIRTUAL, GAUGE, (), "Virtual memory of all processes, without their workers."),
    Metric(OPEN_FILES, GAUGE, (), "Open file descriptors of all processes."),
    Metric(MOST_FILES, GAUGE, (), "Most file descriptors that all processes may open."),
    Metric(START_TIME, GAUGE, (), "When the first of the processes began, in seconds since 1970."),
)
BY_NAME: Final[Mapping[str, Metric]] = {metric.name: metric for metric in METRICS}
SAMPLES: Final = frozenset(sample for metric in METRICS for sample in metric.samples)
"""Every name that a query may use."""


def families(totals: Totals) -> Iterator[Family]:
    """Yield what Prometheus' client calls metric families; a series that the table does not know is left out."""
    kinds = {
        COUNTER: (CounterMetricFamily, totals.counters),
        GAUGE: (GaugeMetricFamily, totals.gauges),
    }
    for metric in METRICS:
        if metric.kind == HISTOGRAM:
            yield _histogram(metric, totals.histograms)
            continue
        make, values = kinds[metric.kind]
        family = make(metric.name, metric.help, labels=metric.labels)
        for series in sorted(series for series in values if series[0] == metric.name):
            family.add_metric(series[1:], values[series])
        yield family


def rendered(totals: Totals, accept: str) -> tuple[bytes, str]:
    """Return the text of totals, and its content type.

    Args:
        totals: what there is to tell.
        accept: the scraper's `Accept` header.
    """
    render, content_type = choose_encoder(accept)
    return render(_Once(totals)), content_type


class _Once(Collector):
    """What the client's encoders want: something that can be collected."""

    def __init__(self, totals: Totals) -> None:
        self._totals = totals

    def collect(self) -> Iterable[Family]:
        """Return the families that have samples."""
        return [family for family in families(self._totals) if family.samples]


def _histogram(metric: Metric, found: Mapping[tuple[str, ...], Histogram]) -> Family:
    family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    for series in sorted(series for series in found if series[0] == metric.name):
        histogram, below = found[series], 0
        buckets: list[tuple[str, float]] = []
        for bound, count in zip([*map(str, BOUNDS), "+Inf"], histogram.counts, strict=True):
            below += count
            buckets.append((bound, below))
        family.add_metric(series[1:], buckets=buckets, sum_value=histogram.seconds)
    return family
