"""`monitor`: the registry's numbers and newest events, as a table or line by line."""

from __future__ import annotations

import json
import threading

import pytest

from modelyard.cli.monitor import NEWEST, watch
from modelyard.facade.opening import connect


@pytest.mark.feature("REG-21")
def test_once_prints_numbers_and_the_newest_events(fraud):
    text = fraud.ok("monitor --once").out
    assert "versions         2" in text
    assert "from=staging, to=production" in text
    assert text.splitlines()[0].endswith("UTC")


@pytest.mark.feature("REG-21")
def test_each_look_is_a_line_of_json_that_holds_what_is_new(fraud):
    answer = fraud.ok("--output json monitor --interval 0.01 --count 3")
    looks = [json.loads(line) for line in answer.out.splitlines()]
    assert [look["stats"]["total_versions"] for look in looks] == [2, 2, 2]
    assert len(looks[0]["events"]) == 5
    assert [look["events"] for look in looks[1:]] == [[], []]
    assert json.loads(fraud.ok("monitor --count 1").out)["stats"] == looks[0]["stats"]


def test_a_look_holds_the_events_since_the_one_before_in_order(terminal):
    for number in range(NEWEST + 5):
        terminal.ok(f"create model-{number:02}")
    caller = connect(terminal.target).caller
    try:
        looks = watch(caller, 0.001, None, threading.Event())
        first = next(looks)
        assert [event.model for event in first.events] == [f"model-{number:02}" for number in range(5, NEWEST + 5)]
        assert next(looks).events == []
        terminal.ok("create later")
        terminal.ok("create latest")
        assert [event.model for event in next(looks).events] == ["later", "latest"]
        assert next(looks).stats.total_models == NEWEST + 7
    finally:
        caller.close()


def test_an_empty_registry_is_watched_too(terminal):
    terminal.ok("create fraud")
    terminal.ok("delete fraud --yes")
    assert "nothing has happened yet" not in terminal.ok("monitor --once").out
