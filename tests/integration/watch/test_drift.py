"""Drift from end to end: a real server, real workers, a model of scikit-learn, and requests that change."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sqlalchemy import update

from components.asking import Asking
from components.deadlines import until
from components.predicting import Predicting
from modelyard.domain.durations import later
from modelyard.domain.profiles import Profile
from modelyard.domain.wire import DriftReport
from modelyard.metadata import profiles, tables
from modelyard.metadata.database import Database
from modelyard.watch.jobs import jobs_of
from modelyard.watch.profiles import drift_of

pytestmark = pytest.mark.feature("EXP-25")

ROWS = 60
"""Rows that one request asks for; of them 20 are sampled."""


def table(source: np.random.Generator, count: int, *, age: float = 40.0, income: float = 5.0) -> pd.DataFrame:
    """Rows of two features."""
    return pd.DataFrame({"age": source.normal(age, 10, count), "income": source.lognormal(income, 0.5, count)})


class Drifting:
    """A server with two versions of one model, and ways to ask it.

    Args:
        folder: the registry's.
    """

    def __init__(self, folder: Path) -> None:
        self.source = np.random.default_rng(11)
        self.train = table(self.source, 3000)
        self.labels = (self.train["age"] > 45).astype(int)
        self.model = LogisticRegression().fit(self.train, self.labels)
        self.server = Predicting(folder, workers=True)
        self.registry = Asking(self.server.caller)
        for version in ("1.0.0", "2.0.0"):
            made = self.registry.register_model(self.model, "fraud", version, input_example=self.train.head())
            self.server.ids[version] = made
        self.registry.set_reference("fraud/1.0.0", self.train, predictions=self.model.predict(self.train))

    def ask(self, requests: int, *, form: str = "records", **moved: float) -> None:
        """Send requests, whose features may have moved, and let them be profiled."""
        profiler = self.server.app.delivery.gateway.profiler
        assert profiler is not None
        for number in range(requests):
            rows = table(self.source, ROWS, **moved)
            if form == "tensor":
                data = rows.to_numpy().ravel().tolist()
                tensor = {"name": "input", "shape": [ROWS, 2], "datatype": "FP64", "data": data}
                answer = self.server.client.post("/v2/models/fraud/infer", json={"inputs": [tensor]})
            else:
                value = rows.to_dict("records") if form == "records" else rows.to_numpy().tolist()
                answer = self.server.predict({"input": value})
            assert answer.status_code == 200, answer.text
            if number % 10 == 9:
                profiler.read()
        assert profiler.flush()

    def drift(self, **query: str) -> DriftReport:
        """Ask the server how far the model's traffic has moved."""
        answer = self.server.client.get("/api/models/fraud/drift", params=query)
        assert answer.status_code == 200, answer.text
        found = self.registry.drift("fraud", **query)
        assert [one["feature"] for one in answer.json()["features"]] == [one.feature for one in found.features]
        return found


@pytest.fixture(scope="module")
def drifting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drifting]:
    """The server, which serves version 1.0.0."""
    made = Drifting(tmp_path_factory.mktemp("drift") / "registry")
    made.server.serve({"1.0.0": 1.0})
    yield made
    made.server.stop()


@pytest.fixture(autouse=True)
def fresh(drifting: Drifting) -> None:
    """No profile of live traffic from the test before."""
    profiler = drifting.server.app.delivery.gateway.profiler
    assert profiler is not None
    profiler.flush()
    profiler._cells.clear()
    with drifting.server.caller.yard.database.write() as tx:
        profiles.forget(tx, "9999")


@pytest.mark.slow
@pytest.mark.parametrize("form", ["records", "rows", "tensor"])
def test_traffic_like_the_training_data_has_not_drifted_in_any_form(drifting, form):
    drifting.ask(20, form=form)
    found = drifting.drift()
    assert (found.version, found.against, found.drift) == ("1.0.0", "reference", "none"), found.reason
    assert {one.feature: one.drift for one in found.features} == {"age": "none", "income": "none", "prediction": "none"}
    assert found.rows >= 300
    assert (found.only_in_baseline, found.only_live) == ([], [])


@pytest.mark.slow
def test_moved_inputs_and_what_follows_in_the_predictions_are_seen(drifting):
    drifting.ask(20, age=60.0)
    found = drifting.drift()
    assert found.drift == "strong"
    by_name = {one.feature: one for one in found.features}
    assert (by_name["age"].drift, by_name["income"].drift, by_name["prediction"].drift) == ("strong", "none", "strong")
    assert by_name["age"].median == pytest.approx(60, rel=0.05)
    assert by_name["age"].baseline_median == pytest.approx(40, rel=0.05)
    assert by_name["age"].ks > 0.5
    assert by_name["age"].ks_p_value < 1e-6
    assert "strong drift of" in found.reason
    # Nothing was rolled back for it.
    assert drifting.server.predict({"input": [{"age": 1, "income": 2}]}).json()["version"] == "1.0.0"


@pytest.mark.slow
def test_a_version_without_a_reference_is_compared_with_the_one_before(drifting):
    drifting.ask(10)
    drifting.server.serve({"2.0.0": 1.0})
    drifting.ask(10, income=7.0)
    found = drifting.drift()
    assert (found.version, found.against, found.drift) == ("2.0.0", "1.0.0", "strong")
    assert found.features[0].feature == "income"
    assert drifting.drift(version="1.0.0", against="2.0.0").drift == "strong"
    assert drifting.drift(version="1.0.0", environment="production").against == "reference"
    drifting.server.serve({"1.0.0": 1.0})


@pytest.mark.slow
def test_a_few_requests_prove_nothing(drifting):
    drifting.ask(1, age=90.0)
    assert drifting.drift().drift == "not_enough_data"
    assert "too few" in drifting.drift().reason


@pytest.mark.slow
def test_alerts_ask_by_the_rows_that_they_have(drifting):
    drifting.ask(20, age=60.0)
    yard = drifting.server.caller.yard
    now = yard.clock()
    with yard.database.read() as tx:
        found = drift_of(tx, drifting.server.ids["1.0.0"], since=later(now, -3600.0), until=now)
    assert found.drift == "strong"


@pytest.mark.slow
@pytest.mark.feature("PRF-09")
def test_drifted_traffic_is_an_alert_of_the_running_server_and_no_rollback(drifting):
    alerts = drifting.registry.list_alerts
    drifting.ask(10)
    made = {"kind": "drift", "above": 0.25, "window_s": 3_600.0, "min_requests": 100}
    drifting.registry.set_alert_rule("moved", **made)
    drifting.registry.set_alert_rule("marker", "threshold", metric="throughput", above=0.0, keep_firing_s=0)
    until(lambda: alerts(rule="marker"), "the server has looked")
    assert alerts(rule="moved") == [], "what is like the training data is no drift"
    drifting.ask(20, age=60.0)
    drifting.registry.set_alert_rule("moved", **made | {"window_s": 7_200.0})
    until(lambda: alerts(rule="moved", state="firing"), "the drift is told")
    (alert,) = alerts(rule="moved")
    assert (alert.model, alert.version, alert.environment) == ("fraud", "1.0.0", "production")
    assert alert.details["feature"] in {"age", "prediction"}
    assert alert.value > 0.25
    assert drifting.server.predict({"input": [{"age": 1, "income": 2}]}).json()["version"] == "1.0.0"
    for rule in ("moved", "marker"):
        drifting.registry.delete_alert_rule(rule)
    until(lambda: not alerts(state="live"), "they are over with their rules")


@pytest.mark.slow
def test_odd_requests_are_answered_as_ever_and_profiled_or_not(drifting):
    for body in (b"{", b"[]", b'{"input": "text"}', b'{"input": [{"age": null, "income": 1e300}]}', b"\xff" * 90_000):
        answer = drifting.server.client.post("/api/models/fraud/predict", content=body)
        assert answer.status_code in {200, 400, 413, 502}, answer.text
    drifting.ask(1)
    assert drifting.drift().rows >= 20


@pytest.mark.slow
def test_old_hours_are_forgotten_by_the_job_and_the_reference_is_not(drifting):
    drifting.ask(1)
    yard = drifting.server.caller.yard
    (job,) = [job for job in jobs_of(yard, drifting.server.settings) if job.name == "profiles"]
    with yard.database.write() as tx:
        assert not job.wanted(tx)
        tx.run(update(tables.profiles).where(tables.profiles.c.role == "live").values(start="2020-01-01"))
        assert job.wanted(tx)
    controller = drifting.server.app.delivery.controller
    assert controller is not None
    until(controller.lease.hold, "this process holds the lease")
    job.run(controller._driver.transaction)
    with yard.database.read() as tx:
        assert not job.wanted(tx)
    assert drifting.registry.get_reference("fraud/1.0.0").rows == 3000


def test_profiles_can_be_switched_off(tmp_path):
    server = Predicting(tmp_path / "registry", overrides={"telemetry.profiles": False})
    try:
        assert server.app.delivery.gateway.profiler is None
        server.version("1.0.0")
        server.serve({"1.0.0": 1.0})
        assert server.predict().status_code == 200
    finally:
        server.stop()


def test_what_was_sampled_is_written_when_the_server_ends(tmp_path):
    server = Predicting(tmp_path / "registry")
    server.version("1.0.0")
    server.serve({"1.0.0": 1.0})
    assert server.predict({"input": [[1, 2]]}).status_code == 200
    version_id, url = server.ids["1.0.0"], server.caller.yard.database.url
    server.stop()
    with closing(Database(str(url))) as database, database.read() as tx:
        found = profiles.live_of(tx, version_id, most=10).profile
    assert found.rows == 1


def test_a_profile_of_another_hour_has_the_size_that_was_promised():
    source = random.Random(1)
    whole = Profile()
    for _ in range(5_000):
        whole.add([{f"f{number}": source.gauss(0, 1) for number in range(10)}])
    assert len(json.dumps(json.loads(profiles.encoded(whole.to_document())))) < 10 * 10_000
