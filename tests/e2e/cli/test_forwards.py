"""`forwards`: what is logged to tracking systems, listed, tried again and sent from the command line."""

from __future__ import annotations

import pytest

CONFIGURATION = """
mlflow:
  enabled: true
  tracking_uri: http://ann:hunter22@127.0.0.1:9
forwards:
  close_wait_s: 0
"""
"""An address that is not taken, so that everything fails at once; and nobody waits for that."""


@pytest.fixture
def logged(local) -> str:
    """The options of a registry that is logged, in vain, with one version."""
    options = f"--config {local.file('logged.yaml', CONFIGURATION)}"
    local.ok(f"{options} register --model-path {local.file('weights.bin')} --name fraud --version 1.0.0")
    return options


@pytest.mark.feature("INT-01")
def test_forwards_are_sent_shown_and_tried_again(local, logged):
    assert local.ok(f"{logged} --quiet forwards send --once").code == 0
    (record,) = local.json("forwards list --state failed")
    assert (record["name"], record["target"], record["state"]) == ("fraud", "mlflow", "failed")
    table = local.ok("forwards list fraud --target mlflow").out
    assert table == local.ok("forwards").out
    assert "fraud 1.0.0" in table
    assert "holds a user" in table
    assert "hunter22" not in table
    assert local.ok("forwards list --state sent").out == "nothing was sent on yet\n"
    assert local.ok(f"forwards retry {record['id']}").out == "queued 1 version\n"
    assert local.ok("forwards list --state pending --limit 1").out.count("fraud") == 1
    assert local.json(f"{logged} forwards send --once") == {"sent": 0, "failed": 1}
    assert local.json("forwards retry --failed")[0]["state"] == "pending"


def test_what_makes_no_sense_is_refused(local, logged):
    del logged
    for wrong, code in (
        ("forwards retry", 2),
        ("forwards retry 1 --failed", 2),
        ("forwards list --state odd", 2),
        ("forwards retry 99", 3),
        ("forwards list churn", 3),
        ("forwards send --once", 2),
    ):
        assert local.run(wrong).code == code, wrong
