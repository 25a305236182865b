"""Deploying, watching, steering and rolling back on the command line, on a folder and on a server alike."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from components.scripted import Reply, ScriptedServer, Seen
from modelyard import ModelRegistry

HOLDING = "--strategy canary --steps 25,100 --min-requests 1000"
"""A canary that stays at its first step, for want of requests."""


def answering(seen: Seen) -> Reply:
    """Say which version was asked, by the last part of its address."""
    return Reply(body=json.dumps(seen.target.rpartition("/")[2]).encode())


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[ScriptedServer]:
    """The server that runs the versions."""
    with ScriptedServer(answering) as server:
        yield server


def with_versions(terminal, elsewhere):
    """Register three versions that can be deployed; return the terminal."""
    with ModelRegistry(terminal.target) as registry:
        registry.create_model("fraud")
        for version in ("1.0.0", "1.1.0", "2.0.0"):
            registry.register_version("fraud", version, provider={"kind": "http", "url": f"{elsewhere.url}/{version}"})
    return terminal


@pytest.fixture
def fraud(terminal, elsewhere):
    """A registry with three versions that can be deployed."""
    return with_versions(terminal, elsewhere)


@pytest.fixture
def served(fraud):
    """The same, with the first version in production."""
    fraud.ok("deploy fraud 1.0.0 --wait --timeout 60 --quiet")
    return fraud


def until(look: Callable[[], Any]) -> Any:
    """Look again and again until there is something to see."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come")


def begin(terminal, line: str) -> str:
    """Begin a deployment and return its id, once traffic has moved."""
    identifier: str = terminal.ok(f"--quiet deploy fraud {line}").out.strip()
    until(lambda: terminal.json(f"status {identifier}")["state"] == "STAGE")
    return identifier


def predicted(terminal, version: str, more: str = "") -> bool:
    """Whether a prediction comes from a version, after the moment that gateways take to follow a route."""
    return bool(until(lambda: terminal.json(f"predict fraud --input 1 {more}")["version"] == version))


@pytest.mark.feature("DEP-01", "DEP-02", "DEP-09", "DEP-14", "DEP-16")
def test_a_version_is_deployed_and_asked(fraud):
    assert "nothing was ever deployed" in fraud.ok("status").out
    assert fraud.run("status fraud").code == 3
    answer = fraud.ok("deploy fraud@latest --wait --timeout 60 --reason first")
    assert "SUCCEEDED" in answer.out.splitlines()[-1]
    (listed,) = fraud.json("deployments fraud")
    assert (listed["version"], listed["state"]) == ("2.0.0", "SUCCEEDED")
    assert "2.0.0 100 %" in fraud.ok("status").out
    assert "2.0.0" in fraud.ok("endpoints fraud").out
    whole = fraud.ok("status fraud").out
    assert f"2.0.0  {'█' * 30}  100 %" in whole
    assert listed["id"] in whole
    assert fraud.ok(f"status {listed['id']}").out.splitlines()[0].split() == [
        "deployment",
        f"{listed['id']},",
        "direct",
    ]
    answer = fraud.ok("predict fraud --input '[[1, 2]]' --key ana")
    assert (answer.out, answer.err) == ("2.0.0\n", "answered by fraud/2.0.0\n")


@pytest.mark.feature("DEP-04", "DEP-20")
def test_a_canary_is_steered(served):
    plan = served.ok(f"deploy fraud 1.1.0 {HOLDING} --bake-seconds 30 --dry-run").out
    assert "1.1.0 25 %, 1.0.0 75 %" in plan
    assert len(served.json("deployments")) == 1
    identifier = begin(served, f"1.1.0 {HOLDING} --max-error-rate 0.1 --max-p95 2")
    assert f"1.1.0  {'█' * 8}" in served.ok("status fraud").out
    assert "is PAUSED: looking" in served.ok("pause fraud --reason looking").out
    assert f"modelyard resume {identifier}" in served.ok(f"status {identifier}").out
    assert "is STAGE" in served.ok(f"resume {identifier}").out
    assert "is STAGE" in served.ok("advance fraud").out
    assert served.json("endpoint fraud")["route"]["arms"][0]["weight"] == 1.0
    assert "is SUCCEEDED" in served.ok(f"promote {identifier} --full --comment enough").out
    assert served.run(f"advance {identifier}").code == 5
    assert served.run("pause fraud").code == 3


def test_promote_tells_versions_and_deployments_apart(served):
    identifier = begin(served, f"1.1.0 {HOLDING}")
    for line in (f"promote {identifier} --target-stage staging", "promote fraud/1.0.0", "promote fraud/1.0.0 --full"):
        assert served.run(line).code == 2
    assert "is ROLLED_BACK: wrong" in served.ok(f"abort {identifier} --reason wrong").out


@pytest.mark.feature("DEP-06", "DEP-22")
def test_the_winner_of_a_test_serves(served):
    begin(served, "1.1.0 --strategy ab-test --split 1.0.0=50")
    assert "modelyard advance dp_" in served.ok("status fraud").out
    assert "SUCCEEDED" in served.ok("advance fraud --winner 1.1.0").out
    assert served.json("status")[0]["version"] == "1.1.0"
    assert served.run("deploy fraud 2.0.0 --strategy ab-test --split 1.1.0=much").code == 2


def test_watching_writes_a_line_for_each_change_and_tells_how_it_ended(served):
    identifier = served.ok(f"--quiet deploy fraud 1.1.0 {HOLDING}").out.strip()
    with ModelRegistry(served.target) as registry:
        until(lambda: registry.get_deployment(identifier).state == "STAGE")
        registry.promote_deployment(identifier, full=True)
    lines = served.ok(f"status {identifier} --watch").out.splitlines()
    assert lines[-1].split()[2] == "SUCCEEDED"
    records = [json.loads(line) for line in served.ok(f"--output json status {identifier} --watch").out.splitlines()]
    assert [record["state"] for record in records] == ["SUCCEEDED"]
    aborted = begin(served, f"2.0.0 {HOLDING}")
    served.ok("abort fraud --reason no")
    answer = served.run(f"status {aborted} --watch")
    assert (answer.code, "ROLLED_BACK" in answer.out) == (1, True)
    assert served.run("status --watch").code == 3


def test_waiting_has_an_end(served):
    answer = served.run(f"deploy fraud 1.1.0 {HOLDING} --wait --timeout 0.2")
    assert (answer.code, "is still STAGE" in answer.err or "is still PREFLIGHT" in answer.err) == (8, True)
    again = served.run("deploy fraud 2.0.0")
    assert (again.code, "dp_" in again.err) == (5, True)


@pytest.mark.feature("RBK-01", "RBK-02", "RBK-03", "RBK-08")
def test_one_command_brings_back_what_was_served(served):
    served.ok("deploy fraud 1.1.0 --wait --timeout 60")
    rehearsal = served.ok("rollback fraud --dry-run")
    assert "would serve 1.0.0, instead of 1.1.0; nothing was changed" in rehearsal.err
    assert "route.arms" in rehearsal.out
    answer = served.ok("rollback fraud --reason 'errors doubled'").out
    assert answer.startswith("fraud in production serves 1.0.0 again, instead of 1.1.0; it took 0.")
    assert answer.endswith(" seconds\n")
    assert predicted(served, "1.0.0")
    listed = served.ok("rollbacks fraud").out
    assert "1.1.0 -> 1.0.0" in listed
    assert "errors doubled" in listed
    assert served.json("rollback fraud --to 2.0.0 --not-at-fault")["endpoint"]["version"] == "2.0.0"
    assert served.run("rollback fraud --to 1.1.0").code == 5
    served.ok("rollback fraud --to 1.1.0 --force --not-at-fault")
    assert predicted(served, "1.1.0")


@pytest.mark.feature("RBK-06", "RBK-07")
def test_a_snapshot_is_kept_and_restored(served):
    identifier = served.ok("snapshot create fraud --reason sale --quiet").out.strip()
    assert "sale" in served.ok("snapshot list fraud").out
    assert "served    1.0.0 100 %" in served.ok(f"snapshot show {identifier}").out
    assert served.ok(f"snapshot diff {identifier}").out == "nothing differs\n"
    served.ok("deploy fraud 1.1.0 --wait --timeout 60")
    assert "route.arms" in served.ok(f"snapshot diff {identifier}").out
    assert "nothing was changed" in served.ok(f"snapshot restore {identifier} --dry-run").err
    assert "serves 1.0.0 again" in served.ok(f"snapshot restore {identifier}").out
    assert served.run("snapshot show sn_none").code == 3


@pytest.mark.feature("DEP-08", "DEP-18")
def test_endpoints_are_configured_and_flagged(served):
    shown = served.ok("endpoint fraud --set timeout_s=5 --set 'guard={\"max_error_rate\": 0.5}'").out
    assert "timeout_s" in shown
    configuration = served.json("endpoint fraud")["configuration"]
    assert (configuration["timeout_s"], configuration["guard"]["max_error_rate"]) == (5.0, 0.5)
    assert served.run("endpoint fraud --set nope=1").code == 2
    assert "x-channel=beta" in served.ok("flag set fraud beta 2.0.0 --header x-channel=beta --percentage 100").out
    assert predicted(served, "2.0.0", "--header x-channel=beta")
    assert served.json("flag list fraud")[0]["name"] == "beta"
    served.ok("flag delete fraud beta")
    assert "no feature flags" in served.ok("flag list fraud").out
    assert predicted(served, "1.0.0", "--header x-channel=beta")
    assert len(served.json("endpoint fraud --history")) == 3
    served.ok("deploy fraud 2.0.0 -e edge --kind edge --wait --timeout 60")
    assert predicted(served, "2.0.0", "--environment edge")
    assert "2.0.0" in served.ok("status fraud -e edge").out
    assert len(served.json("endpoints")) == 2


def test_what_is_predicted_from_is_json_a_file_or_a_text(served, elsewhere):
    served.file("rows.csv", "a,b\n1,2\n")
    lines = {
        "[[1, 2]]": [[1, 2]],
        "@rows.csv": [{"a": 1.0, "b": 2.0}],
        "Explain AI": "Explain AI",
        "true": True,
    }
    for text, value in lines.items():
        served.ok(["predict", "fraud", "--input", text, "--parameters", '{"x": 1}'])
        sent = [json.loads(seen.body) for seen in elsewhere.seen if seen.method == "POST"]
        assert sent[-1] == {"input": value, "parameters": {"x": 1}}
    assert served.run(["predict", "fraud", "--input", "-"], stdin="[3]").code == 0
    assert json.loads(elsewhere.seen[-1].body)["input"] == [3]
    assert served.run(["predict", "fraud", "--input", "{broken"]).code == 2
    assert served.run(["predict", "fraud", "--input", "@none.csv"]).code == 2
    assert served.run(["predict", "other", "--input", "1"]).code == 3


@pytest.mark.parametrize(
    "line", ["--steps 10,many", "--window 'at night'", "--start-at tomorrow", "--strategy magic", "--max-error-rate 7"]
)
def test_what_cannot_be_asked_is_a_usage_error(served, line):
    answer = served.run(f"deploy fraud 1.1.0 {line}")
    assert (answer.code, len(answer.err) > 20) == (2, True)
    assert len(served.json("deployments")) == 1


def watch(local, identifier: str) -> tuple[subprocess.Popen[bytes], int]:
    """Watch a deployment on a terminal of its own; return the process, and what reads the terminal."""
    screen, terminal = pty.openpty()
    command = [sys.executable, "-m", "modelyard.cli.main", "-r", local.target, "status", identifier, "--watch"]
    process = subprocess.Popen(command, stdout=terminal, stderr=terminal, stdin=terminal)
    os.close(terminal)
    return process, screen


def read(screen: int, wanted: str = "") -> str:
    """Read a terminal until it shows a text, or until it is closed."""
    seen = b""
    with suppress(OSError):  # Linux tells the end of a terminal so.
        while not wanted or wanted not in seen.decode(errors="ignore"):
            piece = os.read(screen, 4096)
            if not piece:
                break
            seen += piece
    return seen.decode(errors="ignore")


@pytest.mark.slow
def test_on_a_terminal_a_picture_is_drawn_until_somebody_stops_it_or_it_ends(local, elsewhere):
    served = with_versions(local, elsewhere)
    served.ok("deploy fraud 1.0.0 --wait --timeout 60 --quiet")
    identifier = begin(served, f"1.1.0 {HOLDING}")
    process, screen = watch(local, identifier)
    assert "█" in read(screen, "█" * 8)
    process.send_signal(signal.SIGINT)
    rest = read(screen)
    assert (process.wait(60), "Traceback" in rest) == (130, False)
    os.close(screen)
    assert served.json(f"status {identifier}")["live"]
    served.ok(f"abort {identifier}")
    process, screen = watch(local, identifier)
    assert "ROLLED_BACK" in read(screen)
    assert process.wait(60) == 1
    os.close(screen)
