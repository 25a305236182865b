"""From a prediction that fails, through a running server, to a message that is received."""

from __future__ import annotations

import json

import pytest

from components.deadlines import until
from components.predicting import Predicting
from components.receiver import Receiver
from modelyard import ModelRegistry
from modelyard.errors import PredictionFailed

SETTINGS = {"alerts.evaluate_s": 0.1, "alerts.allow_private": True, "delivery.circuit_failures": 1000}


@pytest.mark.slow
@pytest.mark.feature("PRF-08", "PRF-10")
def test_failing_predictions_are_told_of(tmp_path):
    with Receiver() as receiver:
        served = Predicting(tmp_path / "registry", overrides=SETTINGS)
        try:
            with ModelRegistry(served.url) as registry:
                served.version("1.0.0")
                served.serve({"1.0.0": 1.0})
                registry.set_channel("ops", "webhook", url=receiver.url, group_wait_s=0)
                registry.set_alert_rule("errors", "threshold", above=0.5, min_requests=5, keep_firing_s=0)
                served.backend("1.0.0").faults = [PredictionFailed("the model is broken")] * 10
                assert [served.predict().status_code for _ in range(10)] == [502] * 10
                receiver.wait(1)
                (alert,) = registry.list_alerts("fraud", state="firing")
                assert (alert.rule, alert.version, alert.environment) == ("errors", "1.0.0", "production")
                registry.delete_alert_rule("errors")
                heard = receiver.wait(2)
                events = [one["event"] for got in heard for one in json.loads(got.body)["data"]["alerts"]]
                assert events == ["fired", "resolved"]
                until(lambda: not registry.get_channel("ops").waiting, "both are recorded")
        finally:
            served.stop()
