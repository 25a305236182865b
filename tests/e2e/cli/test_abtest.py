"""Tests between versions on the command line: begun, fed, looked at and ended, on a folder and on a server alike."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from components.deadlines import until
from components.scripted import Reply, ScriptedServer
from modelyard import ModelRegistry

pytestmark = pytest.mark.feature("DEP-06", "DEP-22")


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[ScriptedServer]:
    """The server that runs the versions."""
    with ScriptedServer(lambda _seen: Reply(body=b'{"output": 1}')) as server:
        yield server


@pytest.fixture
def testing(terminal, elsewhere):
    """A registry that tests 2.0.0 beside 1.0.0 by what was sold."""
    with ModelRegistry(terminal.target) as registry:
        registry.create_model("fraud")
        for version in ("1.0.0", "2.0.0"):
            registry.register_version("fraud", version, provider={"kind": "http", "url": elsewhere.url})
    terminal.ok("deploy fraud 1.0.0 --wait --timeout 60 --quiet")
    begun = terminal.json(
        "deploy fraud 2.0.0 --strategy ab-test --split 1.0.0=80 --option metric=sold --option alpha=0.1 --output json"
    )
    until(lambda: terminal.json(f"status {begun['id']} --output json")["state"] == "STAGE", "the test begins")
    return terminal


def test_feedback_by_the_name_of_a_prediction_shows_in_the_test(testing):
    def counted() -> bool:
        name = testing.json("predict fraud --input '[1]' --key ana --output json")["prediction_id"]
        assert testing.ok(["feedback", name, "sold", "true"]).out == "1 value of sold recorded\n"
        assert testing.ok(["feedback", name, "sold", "true"]).out == "1 value of sold had been recorded\n"
        return bool(testing.json("abtest fraud --output json")["standing"]["units"])

    # The first predictions may still enter the epoch before the test.
    until(counted, "feedback that counts")
    found = testing.json("abtest show fraud --output json")
    assert (found["options"]["metric"], found["options"]["alpha"], found["standing"]["units"]) == ("sold", 0.1, 1)
    shown = testing.ok("abtest fraud").out
    for told in ("nobody has won yet by sold, after 1 unit", "reference", "80 %", "20 %", "decides", "2.0.0"):
        assert told in shown


def test_the_winner_is_named_by_a_person_and_the_result_stays(testing):
    deployment = testing.json("abtest fraud --output json")["deployment_id"]
    testing.ok("advance fraud --winner 1.0.0")
    assert testing.json(f"abtest {deployment} --output json")["state"] == "SUCCEEDED"
    assert testing.run("abtest fraud").code == 3, "there is no live one"


def test_what_makes_no_sense_is_refused(testing):
    name = testing.json("predict fraud --input '[1]' --output json")["prediction_id"]
    assert testing.run(["feedback", name, "sold", "perhaps"]).code == 2
    assert testing.run(["feedback", "pn_none", "sold", "1"]).code == 3
    assert testing.run("deploy fraud 1.0.0 --strategy ab-test --option metrik=sold").code != 0
    assert testing.run("abtest advise --base-rate many --effect 1%").code == 2
    assert testing.run("abtest advise --base-rate 5% --effect 99%").code == 2


def test_the_length_of_a_test_is_told_in_words_and_as_json(terminal):
    advice = terminal.json("abtest advise --base-rate 5% --effect 1% --output json")
    assert (advice["base_rate"], advice["effect"], advice["power"]) == (0.05, 0.01, 0.8)
    shown = terminal.ok("abtest advise --base-rate 0.05 --effect 0.01").out
    assert f"{advice['units']:,} of both versions together" in shown
    assert terminal.json("abtest advise --base-rate 30% --effect -5% --split 20% --output json")["split"] == 0.2
