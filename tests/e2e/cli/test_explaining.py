"""`deployment explain` and the judge's options of `deploy`, on a folder and on a server alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest

from components.deadlines import until
from components.scripted import Reply, ScriptedServer, Seen
from modelyard import ModelRegistry, PredictionFailed


def answering(seen: Seen) -> Reply:
    """Fail where the new version is asked."""
    if seen.target.endswith("/1.1.0") and seen.method == "POST":
        return Reply(status=500, body=b'{"error": "no"}')
    return Reply(body=b'"well"')


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[ScriptedServer]:
    """The server that runs the versions."""
    with ScriptedServer(answering) as server:
        yield server


@pytest.fixture
def served(terminal, elsewhere):
    """A registry with two versions, the first one in production."""
    with ModelRegistry(terminal.target) as registry:
        registry.create_model("fraud")
        for version in ("1.0.0", "1.1.0"):
            registry.register_version("fraud", version, provider={"kind": "http", "url": f"{elsewhere.url}/{version}"})
    terminal.ok("deploy fraud 1.0.0 --wait --timeout 60 --quiet")
    return terminal


@pytest.mark.feature("EXP-22")
def test_a_canary_that_fails_is_rolled_back_and_explained(served, tmp_path):
    begun = served.ok(
        "deploy fraud 1.1.0 --strategy canary --steps 50 --step-seconds 600 --alpha 1% --tolerate-latency 50%"
        " --tolerate-errors 1.5 --slo-error-rate 2% --judge act --quiet"
    ).out.strip()

    with ModelRegistry(served.target) as registry:

        def is_back() -> bool:
            for _ in range(5):
                with suppress(PredictionFailed):
                    registry.predict("fraud", 1)
            return registry.follow_deployment(begun).state == "ROLLED_BACK"

        until(is_back, "the rollback", 60)
    status = served.ok(f"status {begun}").out
    assert "JUDGED" in status
    assert "1 in 100" in status
    text = served.ok(f"deployment explain {begun}").out
    assert "It was rolled back to 1.0.0" in text
    assert "limit of 1 in 100 (alpha 1 %)" in text
    assert "same to the last bit" in text.replace("\n", " ")
    assert "●" in text
    assert max(len(line) for line in text.splitlines() if "┤" in line) <= 80
    assert served.ok("explain fraud").out == text
    found = served.json(f"explain {begun}")
    assert found["replayed"] is True
    assert found["judgement"]["challengers"][0]["metrics"][-1]["metric"] == "slo"
    page = tmp_path / "judgement.html"
    served.ok(f"explain {begun} --html {page}")
    assert "<svg" in page.read_text()
    assert served.ok(f"explain {begun} --html -").out.startswith("<!DOCTYPE html>")


def test_what_nobody_judges_says_why_and_what_is_not_there_is_an_error(served):
    assert "Nobody judges this deployment: nothing served before 1.0.0" in " ".join(
        served.ok("deployment explain fraud").out.split()
    )
    assert served.run("explain dp_nothing").code == 3
    assert served.run("explain other").code == 3
    assert served.run("explain fraud --environment nowhere").code == 3


@pytest.mark.parametrize(
    "wrong", ["--alpha much", "--alpha 2", "--judge maybe", "--require-proof 1", "--tolerate-latency -1"]
)
def test_options_that_no_judge_could_go_by_are_refused(served, wrong):
    assert served.run(f"deploy fraud 1.1.0 --strategy canary {wrong}").code in {1, 2}
