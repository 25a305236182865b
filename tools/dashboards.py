"""Builds the Grafana dashboards that modelyard ships, with Grafana's own library.

python tools/dashboards.py           write src/modelyard/watch/shipped/grafana/*.json
python tools/dashboards.py --check   exit code 1 if one of them is not what this builds

Rules
- Queries use only metrics of `modelyard.watch.exposition`, and no recording rules: dashboards work without them.
- Series are summed over `instance`, so that they are right for one target and for a target for each process.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple

from grafana_foundation_sdk.builders import stat, timeseries
from grafana_foundation_sdk.builders.common import ScaleDistributionConfig
from grafana_foundation_sdk.builders.dashboard import (
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
    Row,
)
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import ScaleDistribution
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

FOLDER = Path(__file__).resolve().parent.parent / "src" / "modelyard" / "watch" / "shipped" / "grafana"
SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
TAG = "modelyard"

LIVE = 'role="live"'
HERE = 'model=~"$model", environment=~"$environment"'
LIVE_HERE = f"{HERE}, {LIVE}"
BY_VERSION = "{{model}} {{version}} ({{environment}})"
BY_MODEL = "{{model}} ({{environment}})"
COUNT = "modelyard_prediction_duration_seconds_count"
ERRORS = "modelyard_prediction_errors_total"
BUCKET = "modelyard_prediction_duration_seconds_bucket"
HTTP_BUCKET = "modelyard_http_request_duration_seconds_bucket"


class Panel(NamedTuple):
    """A panel: its title, its unit, its queries with their legends, and what it tells."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    text: str = ""
    is_number: bool = False
    is_logarithmic: bool = False


def rate(metric: str, labels: str, by: str) -> str:
    """A query for how much a counter grows in a second."""
    selector = f"{{{labels}}}" if labels else ""
    grouped = f" by ({by})" if by else ""
    return f"sum{grouped} (rate({metric}{selector}[$__rate_interval]))"


def ratio(labels: str, by: str) -> str:
    """A query for the share of predictions that fail."""
    return f"{rate(ERRORS, labels, by)} / ({rate(COUNT, labels, by)} > 0)"


def quantile(share: float, labels: str, by: str) -> str:
    """A query for a quantile of how long predictions take."""
    return f"histogram_quantile({share}, {rate(BUCKET, labels, f'{by}, le')})"


PLACE = "model, environment"
VERSION = "model, environment, version"

OVERVIEW: dict[str, tuple[Panel, ...]] = {
    "Now": (
        Panel("Processes", "none", (("sum(modelyard_processes)", ""),), "Server processes that live.", is_number=True),
        Panel("Database", "bool_on_off", (("min(modelyard_database_up)", ""),), is_number=True),
        Panel(
            "Endpoints",
            "none",
            ((f"count(count by ({PLACE}) (modelyard_route_weight))", ""),),
            "Endpoints that serve something.",
            is_number=True,
        ),
        Panel(
            "Live deployments",
            "none",
            ((f"count(count by ({VERSION}) (modelyard_deployment_weight)) or vector(0)", ""),),
            is_number=True,
        ),
        Panel(
            "Alerts",
            "none",
            (("count(max by (rule, severity) (modelyard_alerts_firing)) or vector(0)", ""),),
            "Rules of modelyard's own that are firing.",
            is_number=True,
        ),
        Panel("Version", "none", (("max by (version) (modelyard_build_info)", "{{version}}"),), is_number=True),
    ),
    "Predictions": (
        Panel("Predictions", "reqps", ((rate(COUNT, LIVE, PLACE), BY_MODEL),)),
        Panel(
            "Failed share", "percentunit", ((ratio(LIVE, PLACE), BY_MODEL),), "What callers did wrong is not counted."
        ),
        Panel("p95", "s", ((quantile(0.95, LIVE, PLACE), BY_MODEL),)),
        Panel("Waiting", "short", ((f"sum by ({PLACE}) (modelyard_requests_waiting)", BY_MODEL),)),
        Panel("Tokens", "short", ((rate("modelyard_tokens_total", LIVE, PLACE), BY_MODEL),), "In a second."),
        Panel(
            "Cost",
            "short",
            ((f"3600 * {rate('modelyard_cost_total', LIVE, PLACE)}", BY_MODEL),),
            "In an hour, in the currency of the versions' prices.",
        ),
    ),
    "Server": (
        Panel("HTTP requests", "reqps", ((rate("modelyard_http_requests_total", "", "status"), "{{status}}"),)),
        Panel(
            "HTTP p95 by route",
            "s",
            (
                (
                    f"histogram_quantile(0.95, {rate(HTTP_BUCKET, '', 'method, route, le')})",
                    "{{method}} {{route}}",
                ),
            ),
        ),
        Panel("CPU", "percentunit", ((rate("process_cpu_seconds_total", 'job="modelyard"', ""), "cores"),)),
        Panel("Memory", "bytes", (('sum(process_resident_memory_bytes{job="modelyard"})', "resident"),)),
        Panel(
            "Open files",
            "short",
            (('sum(process_open_fds{job="modelyard"})', "open"), ('sum(process_max_fds{job="modelyard"})', "most")),
            is_logarithmic=True,
        ),
        Panel("Loop is late", "s", (("max(modelyard_event_loop_lag_seconds)", "lag"),)),
        Panel(
            "Left out",
            "short",
            (
                (rate("modelyard_evidence_dropped_total", "", ""), "evidence"),
                (rate("modelyard_shadow_copies_dropped_total", "", ""), "copies"),
            ),
            "Requests that the judge's evidence leaves out, and copies that were not made.",
        ),
        Panel(
            "Worker restarts",
            "short",
            (
                (
                    "sum by (model, version) (increase(modelyard_worker_restarts_total[$__rate_interval]))",
                    "{{model}} {{version}}",
                ),
            ),
        ),
    ),
}

MODEL: dict[str, tuple[Panel, ...]] = {
    "Predictions": (
        Panel("Predictions", "reqps", ((rate(COUNT, LIVE_HERE, VERSION), BY_VERSION),)),
        Panel("Failed share", "percentunit", ((ratio(LIVE_HERE, VERSION), BY_VERSION),)),
        Panel(
            "Failures by code",
            "reqps",
            (
                (
                    rate("modelyard_predictions_total", f'{LIVE_HERE}, code!="ok"', "version, code"),
                    "{{version}} {{code}}",
                ),
            ),
        ),
        Panel(
            "Latency",
            "s",
            tuple(
                (quantile(share, LIVE_HERE, VERSION), f"p{share * 100:.0f} {{{{version}}}}")
                for share in (0.5, 0.95, 0.99)
            ),
        ),
        Panel(
            "Copies", "reqps", ((rate(COUNT, f'{HERE}, role="shadow"', VERSION), BY_VERSION),), "For shadow versions."
        ),
        Panel(
            "Share of requests",
            "percentunit",
            ((f"max by ({VERSION}) (modelyard_route_weight{{{HERE}}})", BY_VERSION),),
        ),
    ),
    "Work": (
        Panel(
            "In progress", "short", ((f"sum by ({VERSION}) (modelyard_requests_in_progress{{{HERE}}})", BY_VERSION),)
        ),
        Panel("Waiting", "short", ((f"sum by ({VERSION}) (modelyard_requests_waiting{{{HERE}}})", BY_VERSION),)),
        Panel("Circuits open", "short", ((f"sum by ({VERSION}) (modelyard_circuits_open{{{HERE}}})", BY_VERSION),)),
        Panel(
            "Workers",
            "short",
            (
                ('sum by (model, version) (modelyard_workers_ready{model=~"$model"})', "{{version}} ready"),
                ('sum by (model, version) (modelyard_workers{model=~"$model"})', "{{version}} wanted"),
            ),
        ),
    ),
    "Providers": (
        Panel("Tokens", "short", ((rate("modelyard_tokens_total", LIVE_HERE, VERSION), BY_VERSION),), "In a second."),
        Panel(
            "Tokens in an answer",
            "short",
            (
                (
                    f"{rate('modelyard_tokens_total', LIVE_HERE, VERSION)} / ({rate(COUNT, LIVE_HERE, VERSION)} > 0)",
                    BY_VERSION,
                ),
            ),
        ),
        Panel(
            "Cost",
            "short",
            ((f"3600 * {rate('modelyard_cost_total', LIVE_HERE, VERSION)}", BY_VERSION),),
            "In an hour.",
        ),
    ),
}

RELEASE: dict[str, tuple[Panel, ...]] = {
    "Deployments": (
        Panel(
            "Share of the new version",
            "percentunit",
            (
                (
                    f"max by ({VERSION}, strategy, state, verdict) (modelyard_deployment_weight{{{HERE}}})",
                    "{{model}} {{version}} {{state}} {{verdict}}",
                ),
            ),
        ),
        Panel(
            "Deployments by state",
            "none",
            (("max by (state) (modelyard_deployments)", "{{state}}"),),
        ),
    ),
    "Judge": (
        Panel(
            "Evidence that the new version is worse",
            "none",
            (
                (f"max by ({VERSION}) (modelyard_deployment_evidence{{{HERE}}})", BY_VERSION),
                (f"max by ({VERSION}) (modelyard_deployment_evidence_limit{{{HERE}}})", "limit of {{version}}"),
            ),
            "E: at the limit the version is rolled back. 1 says nothing.",
            is_logarithmic=True,
        ),
        Panel(
            "Harm",
            "short",
            ((f"max by ({VERSION}) (modelyard_deployment_harm_errors{{{HERE}}})", BY_VERSION),),
            "Errors suffered beyond what the old version would have made.",
        ),
    ),
    "Old and new": (
        Panel("Predictions", "reqps", ((rate(COUNT, LIVE_HERE, VERSION), BY_VERSION),)),
        Panel("Failed share", "percentunit", ((ratio(LIVE_HERE, VERSION), BY_VERSION),)),
        Panel("p50", "s", ((quantile(0.5, LIVE_HERE, VERSION), BY_VERSION),)),
        Panel("p95", "s", ((quantile(0.95, LIVE_HERE, VERSION), BY_VERSION),)),
    ),
}

DASHBOARDS = {
    "overview": ("modelyard: overview", OVERVIEW),
    "model": ("modelyard: a model", MODEL),
    "release": ("modelyard: releases", RELEASE),
}


def built(name: str) -> str:
    """Return a dashboard as JSON, the same at each call."""
    title, rows = DASHBOARDS[name]
    board = (
        Dashboard(title)
        .uid(f"modelyard-{name}")
        .tags([TAG])
        .time("now-3h", "now")
        .refresh("30s")
        .timezone("browser")
        .editable()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(
            DashboardLink("modelyard")
            .type(DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(as_dropdown=True)
            .keep_time(keep_time=True)
        )
        .with_variable(DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    )
    if rows is not OVERVIEW:
        for variable in ("model", "environment"):
            board = board.with_variable(_choice(variable))
    numbers = count(1)
    for heading, panels in rows.items():
        board = board.with_row(Row(heading).id(next(numbers)))
        for panel in panels:
            board = board.with_panel(_panel(panel).id(next(numbers)))
    return json.dumps(board.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


def drifted(folder: Path = FOLDER) -> list[str]:
    """Return the files that are not what is built here."""
    return [
        f"{name}.json"
        for name in DASHBOARDS
        if not (folder / f"{name}.json").is_file()
        or (folder / f"{name}.json").read_text(encoding="utf-8") != built(name)
    ]


def _choice(name: str) -> QueryVariable:
    return (
        QueryVariable(name)
        .label(name)
        .datasource(SOURCE)
        .query(f"label_values(modelyard_route_weight, {name})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(".*")
        .current(VariableOption(selected=True, text="All", value="$__all"))
    )


def _panel(panel: Panel) -> stat.Panel | timeseries.Panel:
    made: stat.Panel | timeseries.Panel
    made = stat.Panel().span(4).height(4) if panel.is_number else timeseries.Panel().span(12).height(8).min(0)
    made = made.title(panel.title).unit(panel.unit).datasource(SOURCE)
    if panel.text:
        made = made.description(panel.text)
    if panel.is_logarithmic and isinstance(made, timeseries.Panel):
        made = made.scale_distribution(ScaleDistributionConfig().type(ScaleDistribution.LOG).log(10))
    for letter, (expression, legend) in zip("ABCDEF", panel.queries, strict=False):
        query = Dataquery().expr(expression).legend_format(legend).ref_id(letter).datasource(SOURCE)
        made = made.with_target(query.instant() if panel.is_number else query.range())
    return made


def main(arguments: Sequence[str]) -> int:
    """Write the dashboards, or check them; return the exit code."""
    if "--check" in arguments:
        found = drifted()
        print(
            "\n".join(f"{name} is out of date: run tools/dashboards.py" for name in found)
            or "dashboards are up to date"
        )
        return 1 if found else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in DASHBOARDS:
        (FOLDER / f"{name}.json").write_text(built(name), encoding="utf-8")
        print(f"wrote {name}.json")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
