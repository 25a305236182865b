"""`alerts` and `alert`: what is wrong, the rules that say so, silences, and who is told."""

from __future__ import annotations

import json

import pytest

from components.alarms import SECRET
from components.receiver import Receiver
from modelyard import verify_webhook

RULE = "alert rule set slow --kind threshold --model fraud --metric p95 --above 0.3 --resolve-at 0.25 --for 2m"


@pytest.mark.feature("PRF-08")
def test_rules_are_set_shown_and_deleted(terminal):
    terminal.ok("create fraud")
    assert "slow (threshold) watches fraud/*/*" in terminal.ok(RULE).out
    (rule,) = terminal.json("alert rule list")
    assert (rule["name"], rule["rule"]["for_s"], rule["rule"]["resolve_at"]) == ("slow", 120.0, 0.25)
    table = terminal.ok("alert rule list").out
    assert "p95 above 0.3" in table
    terminal.ok("alert rule set slo --kind burn_rate --objective 0.99 --burn 3600/300/10 --severity critical")
    terminal.ok("alert rule set worse --kind degradation --metric error_rate --baseline previous --baseline-window 7d")
    terminal.ok("alert rule set quiet --kind no_data --window 600")
    terminal.ok("alert rule set moved --kind drift --disabled")
    table = terminal.ok("alert rule list").out
    for words in ("burns 10 times", "2 times as bad as previous", "no requests", "PSI above 0.25", "off"):
        assert words in table
    assert "resolve_at" in terminal.ok("alert rule show slow").out
    assert "deleted rule slow" in terminal.ok("alert rule delete slow").out
    assert terminal.run("alert rule show slow").code == 3


def test_a_rule_may_be_a_document(terminal, tmp_path):
    terminal.ok("create fraud")
    file = tmp_path / "rule.json"
    file.write_text(json.dumps({"kind": "threshold", "above": 0.5, "metric": "error_rate"}))
    made = terminal.json(f"alert rule set slow {file} --above 0.4")
    assert made["rule"]["above"] == 0.4
    for wrong in ('{"mood": 1}', '{"name": "other", "kind": "no_data"}', '{"kind": "no_data", "channels": "x"}'):
        assert terminal.run(["alert", "rule", "set", "slow", wrong]).code == 2
    for wrong in ("--window soon", "--burn 1", "--kind threshold"):
        assert terminal.run(f"alert rule set other {wrong}").code == 2


@pytest.mark.feature("PRF-08")
def test_the_rules_for_everybody(terminal):
    terminal.ok("create fraud")
    assert "7 rules: errors" in terminal.ok("alert rule defaults").out
    assert "no alerts" in terminal.ok("alerts").out
    assert terminal.json("alerts fraud --state all --severity critical --rule errors --environment edge") == []
    assert terminal.run("alert show al_none").code == 3


@pytest.mark.feature("PRF-10")
def test_silences(terminal):
    terminal.ok("create fraud")
    assert "nothing is silenced" in terminal.ok("alert silence list").out
    made = terminal.json("alert silence add --model fraud --for 2h --reason 'a move'")
    assert "a move" in terminal.ok("alert silence list").out
    assert "silent until" in terminal.ok("alert silence add --rule slow --for 30d").out
    assert terminal.ok(f"alert silence end {made['id']}").out
    assert terminal.run("alert silence add --for 2h").code == 2


@pytest.mark.feature("PRF-10")
def test_channels_are_set_tested_and_deleted(terminal, monkeypatch):
    terminal.ok("create fraud")
    monkeypatch.setenv("MODELYARD_ALERTS_ALLOW_PRIVATE", "true")
    monkeypatch.setenv("OPS_WEBHOOK_SECRET", SECRET)
    with Receiver() as receiver:
        given = f"--kind webhook --url {receiver.url} --secret-env OPS_WEBHOOK_SECRET --group-wait 0"
        assert "ops (webhook) hears of info and above" in terminal.ok(f"alert channel set ops {given}").out
        assert "queued no_" in terminal.ok("alert channel test ops").out
        if terminal.kind == "path":
            assert "1 sent, 0 failed" in terminal.ok("alert send --once").out
            (heard,) = receiver.heard
            assert verify_webhook(SECRET, heard.headers, heard.body)["data"]["channel"] == "ops"
            assert "sent" in terminal.ok("alert channel messages ops --state sent").out
        else:
            assert terminal.run("alert send --once").code == 2, "it works where the registry lies"
            assert terminal.run("alert channel delete ops").code == 2, "nobody is here to ask"
    assert "url" in terminal.ok("alert channel show ops").out
    assert "ops" in terminal.ok("alert channel list").out
    assert terminal.ok("--yes alert channel delete ops").out
    assert "nobody is told" in terminal.ok("alert channel list").out
    assert terminal.run("alert channel set ops --kind slack --url https://example.com").code == 2
