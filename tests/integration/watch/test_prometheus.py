"""What modelyard ships for Prometheus, Alertmanager and Grafana, with the real programs and a real server."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from sklearn.dummy import DummyClassifier

from components.asking import Asking
from components.deadlines import until
from components.needs import need
from components.predicting import Predicting
from components.prometheus import RULES, SHIPPED, Alertmanager, Prometheus, hurried
from components.receiver import Receiver
from modelyard.telemetry.totals import BOUNDS
from modelyard.watch.exposition import SAMPLES

DASHBOARDS = sorted((SHIPPED / "grafana").glob("*.json"))
RULE_TESTS = Path(__file__).with_name("rules.test.yml")
METRIC = re.compile(r"\b(?:modelyard|process)_[a-z0-9_]+\b")
SILENT = re.compile(r'modelyard_(tokens|cost|deployment_evidence|deployment_harm)|role="shadow"|alerts_firing')
"""Queries that give nothing in the test: no provider, no judged deployment, no copies, no alert."""


def recorded() -> set[str]:
    """The names of the recording rules."""
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    return {rule["record"] for rule in rules if "record" in rule}


def alerting() -> list[dict[str, Any]]:
    """The alerting rules."""
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    return [rule for rule in rules if "alert" in rule]


def expressions(file: Path) -> list[str]:
    """The queries of a dashboard's panels."""
    panels = json.loads(file.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    return [target["expr"] for panel in panels for target in panel.get("targets", [])]


def run(*command: str, folder: Path) -> str:
    """Run a program that has to succeed; gives what it printed."""
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A copy of what is shipped."""
    need("prometheus")
    return Path(shutil.copytree(SHIPPED, tmp_path / "shipped"))


@pytest.mark.feature("OBS-01")
def test_rules_and_configurations_pass_the_programs_own_checks(shipped):
    run("promtool", "check", "rules", "modelyard.rules.yml", folder=shipped)
    run("promtool", "check", "config", "prometheus.yml", folder=shipped)
    need("alertmanager")
    run("amtool", "check-config", "alertmanager.yml", folder=shipped)


@pytest.mark.feature("OBS-01")
def test_rules_fire_when_they_should_and_only_then(shipped):
    shutil.copy(RULE_TESTS, shipped)
    run("promtool", "test", "rules", RULE_TESTS.name, folder=shipped)


def test_every_alert_is_seen_firing_in_a_test_and_says_what_it_is_about():
    tested = {
        case["alertname"]
        for story in yaml.safe_load(RULE_TESTS.read_text())["tests"]
        for case in story.get("alert_rule_test", [])
        if case.get("exp_alerts")
    }
    assert {rule["alert"] for rule in alerting()} == tested
    for rule in alerting():
        assert rule["annotations"]["summary"]
        assert rule["alert"] == "ModelyardAlert" or rule["labels"]["severity"] in {"critical", "warning", "info"}


def test_every_metric_that_rules_and_dashboards_use_is_one_of_ours():
    texts = [RULES.read_text(), *(expression for file in DASHBOARDS for expression in expressions(file))]
    used = {name for text in texts for name in METRIC.findall(re.sub(r"modelyard:\S+", "", text))}
    assert used - {"modelyard_rules"} <= SAMPLES
    assert set(re.findall(r"modelyard:[a-z0-9_:]+", RULES.read_text())) == recorded()


def test_bounds_that_alerts_compare_latencies_with_are_bounds_of_buckets():
    (slow,) = [rule for rule in alerting() if rule["alert"] == "ModelyardSlow"]
    assert float(slow["expr"].rsplit(">", 1)[1]) in BOUNDS


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Predicting]:
    """A server with real workers: of fraud, one version answers and one always fails; churn is being released."""
    server = Predicting(tmp_path_factory.mktemp("watched") / "registry", workers=True)
    registry = Asking(server.caller)
    fitted = DummyClassifier(strategy="constant", constant=1).fit([[0.0], [1.0]], [1, 0])
    for version, model in (("1.0.0", fitted), ("2.0.0", DummyClassifier())):
        server.ids[version] = registry.register_model(model, "fraud", version)
    for version in ("1.0.0", "2.0.0"):
        registry.register_model(fitted, "churn", version, input_example=[[0.0]])
    server.serve({"1.0.0": 0.5, "2.0.0": 0.5})
    server.client.post("/api/models/churn/deploy?wait=60", json={"version": "1.0.0"}).raise_for_status()
    canary = {"version": "2.0.0", "strategy": "canary", "step_seconds": 3600}
    server.client.post("/api/models/churn/deploy", json=canary).raise_for_status()
    yield server
    server.stop()


def ask(yard: Predicting, count: int) -> None:
    """Make predictions, about half of which fail."""
    for number in range(count):
        yard.predict({"input": [[0.5]]}, headers={"x-modelyard-key": f"user-{number}"})
        yard.predict({"input": [[0.5]]}, name="churn")


@pytest.mark.slow
@pytest.mark.feature("OBS-01", "OBS-02")
def test_every_query_of_every_panel_answers_with_data_from_a_real_server(yard, tmp_path):
    need("prometheus")
    with Prometheus(tmp_path / "prometheus", yard.url, rules=RULES.read_text()) as prometheus:
        ask(yard, 20)
        prometheus.wait_for("modelyard_prediction_errors_total > 0")
        prometheus.wait_for('modelyard_deployment_weight{model="churn"}')
        ask(yard, 20)
        prometheus.wait_for("rate(modelyard_prediction_errors_total[5s]) > 0")
        for file in DASHBOARDS:
            for expression in expressions(file):
                query = expression.replace("$__rate_interval", "60s")
                query = query.replace("$model", ".*").replace("$environment", ".*")
                assert "$" not in query, query
                found = prometheus.query(query)
                assert found or SILENT.search(query), f"{file.name}: {query} gives nothing"
        for name in sorted(recorded()):
            prometheus.wait_for(name)
        assert prometheus.value('up{job="modelyard"}') == 1


@pytest.mark.slow
@pytest.mark.feature("OBS-01")
def test_a_model_that_fails_is_told_to_people_by_way_of_prometheus_and_alertmanager(yard, tmp_path):
    need("prometheus")
    need("alertmanager")
    with Receiver() as receiver:
        configuration = yaml.safe_load((SHIPPED / "alertmanager.yml").read_text())
        for route in (configuration["route"], *configuration["route"]["routes"]):
            route |= {"group_wait": "100ms", "group_interval": "1s"}
        for one in configuration["receivers"]:
            one["webhook_configs"][0]["url"] = f"{receiver.url}/{one['name']}"
        with (
            Alertmanager(tmp_path / "alertmanager", configuration) as alertmanager,
            Prometheus(
                tmp_path / "prometheus",
                yard.url,
                rules=hurried(RULES.read_text()),
                alertmanager=alertmanager.address,
            ) as prometheus,
        ):

            def is_firing() -> bool:
                ask(yard, 5)
                return bool(prometheus.query('ALERTS{alertname="ModelyardErrorRateHigh"}'))

            until(is_firing, "an alert", 60)

            def is_told() -> bool:
                ask(yard, 5)
                return any(b"ModelyardErrorRateHigh" in heard.body for heard in receiver.heard)

            until(is_told, "the webhook of the alert", 60)
        (first, *_) = [heard for heard in receiver.heard if b"ModelyardErrorRateHigh" in heard.body]
        assert first.path == "/hook/on-call"
        told = json.loads(first.body)
        assert told["status"] == "firing"
        alert = next(one for one in told["alerts"] if one["labels"]["alertname"] == "ModelyardErrorRateHigh")
        assert (alert["labels"]["model"], alert["labels"]["environment"]) == ("fraud", "production")
        assert "of fraud's predictions in production fail" in alert["annotations"]["summary"]
