"""`events` and `webhook`: what happens, for people, programs and other systems."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from components.receiver import Receiver
from modelyard import verify_webhook


@pytest.mark.feature("EXP-06")
def test_events_are_listed_from_the_end_or_from_a_place(terminal):
    for name in "abc":
        terminal.ok(f"create {name}")
    assert [event["model"] for event in terminal.json("events")] == ["a", "b", "c"]
    (last,) = terminal.json("events --last 1")
    assert last["model"] == "c"
    assert terminal.json(f"events --after {last['sequence']}") == []
    assert "model.created" in terminal.ok("events --types 'model.*' --model b").out
    doer = last["actor"]
    assert [event["model"] for event in terminal.json(f"events --actor {doer} --last 2")] == ["b", "c"]
    assert terminal.json("events --actor nobody") == terminal.json("events --until 2020-01-01") == []
    second = terminal.json("events")[1]
    assert [event["model"] for event in terminal.json(f"events --until {second['at']}")] == ["a", "b"]
    for wrong in (
        "events --after -1",
        "events --after 1 --last 1",
        "events --types Model",
        "events --until tomorrow",
        "events --follow --until 2026-01-01",
    ):
        assert terminal.run(wrong).code == 2


@pytest.mark.feature("EXP-06")
@pytest.mark.parametrize("output", ["table", "json"])
def test_events_are_followed_line_by_line(terminal, output):
    terminal.ok("create a")
    arguments = ["--registry", terminal.target, "--output", output, "--quiet", "events", "--follow", "--after", "0"]
    command = [sys.executable, "-m", "modelyard.cli.main", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as follower:
        assert follower.stdout is not None
        try:
            first = follower.stdout.readline()
            terminal.ok("create b")
            second = follower.stdout.readline()
        finally:
            follower.kill()
    if output == "json":
        assert [json.loads(line)["model"] for line in (first, second)] == ["a", "b"]
    else:
        assert "model.created  a" in first
        assert "model.created  b" in second


@pytest.mark.feature("EXP-05")
def test_a_webhook_is_made_looked_at_and_deleted(terminal):
    terminal.ok("create churn")
    secret = "whsec_" + "A" * 44
    said = terminal.ok(
        f"webhook create https://e.com/x --events 'model.*' --secret-file {terminal.file('s', secret)}"
    ).out
    assert secret in said
    shown = terminal.ok("--quiet webhook create https://e.com/y --models 'fraud*' --description CI --inactive").out
    assert shown.startswith("whsec_")
    assert len(shown.split()) == 1
    first, second = terminal.json("webhook list")
    assert (second["active"], second["models"], second["description"]) == (False, ["fraud*"], "CI")
    listed = terminal.ok("webhook list").out
    assert first["id"] in listed
    assert secret not in listed + terminal.ok(f"webhook show {first['id']}").out
    terminal.ok("create fraud")
    assert "pending" in terminal.ok(f"webhook deliveries {first['id']}").out
    assert terminal.json(f"webhook update {first['id']} --inactive --events alias.set")["events"] == ["alias.set"]
    assert terminal.run(f"webhook test {first['id']}").code == 5
    assert terminal.json(f"webhook replay {first['id']} --dead") == {"queued": 0}
    assert terminal.run(f"webhook delete {first['id']}").code == 2, "something waits, and nobody can be asked"
    assert terminal.ok(f"webhook delete {first['id']} --yes").out.startswith("deleted")
    assert terminal.ok(f"--quiet webhook rotate {second['id']} --overlap 0").out.strip() not in {"", shown.strip()}
    assert terminal.run(f"webhook show {first['id']}").code == 3
    assert terminal.run("webhook create ftp://e.com/").code == 2
    assert terminal.run("webhook create https://e.com/ --secret-file nowhere").code == 2


@pytest.mark.feature("EXP-05")
def test_what_waits_is_delivered_without_a_server(local, monkeypatch):
    local.ok("create before")
    with Receiver() as receiver:
        secret = local.ok(f"--quiet webhook create {receiver.url} --events 'model.*'").out.strip()
        local.ok("create fraud")
        assert local.json("webhook deliver --once") == {"delivered": 0, "failed": 1}
        assert receiver.heard == [], "this machine is no place for webhooks unless it is permitted"
        monkeypatch.setenv("MODELYARD_WEBHOOKS_ALLOW_PRIVATE", "true")
        monkeypatch.setenv("MODELYARD_WEBHOOKS_LONGEST_RETRY_S", "0")
        (webhook,) = local.json("webhook list")
        local.ok(f"webhook replay {webhook['id']} --after 0")
        (pending,) = local.json(f"webhook deliveries {webhook['id']} --state pending")[1:]
        local.ok(f"webhook replay {webhook['id']} --delivery {pending['id']}")
        local.ok("webhook deliver --once")
        heard = receiver.wait(1)
    assert verify_webhook(secret, heard[0].headers, heard[0].body)["data"]["model"] in {"before", "fraud"}


@pytest.mark.feature("EXP-23")
def test_a_webhook_in_mlflows_format_is_made_and_seen(terminal):
    secret = terminal.file("s", "any text will do")
    made = "webhook create https://e.com/x --events 'model_version*'"
    said = terminal.ok(f"{made} --format mlflow --name ci --secret-file {secret}").out
    assert "any text will do" in said
    (webhook,) = terminal.json("webhook list")
    assert (webhook["format"], webhook["name"], len(webhook["events"])) == ("mlflow", "ci", 5)
    assert "mlflow" in terminal.ok("webhook list").out
    assert "ci" in terminal.ok(f"webhook show {webhook['id']}").out
    assert terminal.ok(f"webhook test {webhook['id']}").out.startswith("queued")
    assert "model_version.created" in terminal.ok(f"webhook deliveries {webhook['id']}").out
    assert terminal.json("webhook reseal") == {"resealed": 0, "locked": 0}
    for wrong in (f"{made} --format mlflow", f"{made} --name ci", f"{made} --format mlflow --name -"):
        assert terminal.run(wrong).code == 2
