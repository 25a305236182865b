"""From what predictions did to alerts and to messages in queues; on SQLite and PostgreSQL, in a time moved by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from components.alarms import Alarms
from components.delivering import open_idle
from components.rollouts import Rollouts
from components.templates import prepared
from modelyard.delivery.lease import Lease
from modelyard.domain.permissions import Grant, Principal
from modelyard.domain.wire import AlertMatch, AlertRule, Limits
from modelyard.errors import AlertNotFound, Conflict, InvalidRequest, LeaseLost, PermissionDenied
from modelyard.metadata import alerts
from modelyard.operations import (
    DELETE_ALERT_RULE,
    DELETE_CHANNEL,
    END_SILENCE,
    GET_ALERT,
    LIST_ALERT_RULES,
    LIST_ALERTS,
    LIST_EVENTS,
    LIST_SILENCES,
    SET_ALERT_RULE,
    SET_DEFAULT_ALERT_RULES,
    SILENCE_ALERTS,
    VERIFY_RECORD,
    DeleteAlertRule,
    DeleteChannel,
    ListAlertRules,
    ListAlerts,
    ListEvents,
    ListSilences,
    NamedAlert,
    NamedSilence,
    SetAlertRule,
    SetDefaultAlertRules,
    Silence,
    VerifyRecord,
)
from modelyard.watch.evaluating import Evaluation, apply
from modelyard.watch.profiles import drift_of


@pytest.fixture
def alarms(database_url: str, tmp_path: Path) -> Iterator[Alarms]:
    """A model with 1.0.0 in production and no rule."""
    with open_idle(prepared(tmp_path / "registry", database_url), database_url) as caller:
        rollouts = Rollouts(caller)
        rollouts.register("1.0.0", "1.1.0")
        rollouts.serve("1.0.0")
        yield Alarms(rollouts)


@pytest.mark.feature("PRF-08", "PRF-09")
def test_errors_fire_and_resolve(alarms):
    alarms.rule(for_s=60.0, keep_firing_s=120.0)
    alarms.channel()
    assert alarms.look() == []
    alarms.fails()
    assert alarms.look() == [("errors", "pending")]
    assert alarms.messages() == []
    alarms.clock.move(59)
    assert alarms.look() == [("errors", "pending")]
    assert alarms.look(1) == [("errors", "firing")]
    (alert,) = alarms.alerts()
    assert (alert.model, alert.environment, alert.version, alert.value) == ("fraud", "production", "1.0.0", 0.1)
    assert "error rate is 10 %, above the limit of 5 %, on 100 requests" in alert.summary
    alarms.clock.move(400)
    alarms.fails(errors=0)
    assert alarms.look() == [("errors", "firing")]
    alarms.fails(errors=0)
    assert alarms.look(120) == [("errors", "resolved")]
    (alert,) = alarms.alerts()
    assert "within the limit of 5 %" in alert.reason
    (message,) = alarms.messages()
    assert [(one.event, one.alert) for one in message.alerts] == [("resolved", alert.id)], "one message, as it is now"
    assert alarms.look(10) == [("errors", "resolved")]


def test_nothing_follows_from_too_few_requests(alarms):
    alarms.rule(min_requests=100)
    alarms.fails(requests=99, errors=99)
    assert alarms.look() == []
    alarms.fails(requests=1, errors=1)
    assert alarms.look() == [("errors", "firing")]


def test_each_version_is_an_alert_of_its_own(alarms):
    alarms.rule()
    alarms.fails()
    alarms.fails("1.1.0")
    alarms.look()
    assert [one.version for one in alarms.alerts()] == ["1.0.0", "1.1.0"]
    alarms.look(30)
    assert len(alarms.alerts()) == 2, "and there is one at a time"


def test_copies_count_for_nothing_and_applications_elsewhere_do(alarms):
    alarms.rule()
    alarms.fails(role="shadow")
    assert alarms.look() == []
    alarms.fails(role="tracked")
    assert alarms.look() == [("errors", "firing")]


@pytest.mark.feature("PRF-09")
def test_a_version_slower_than_the_one_before_it_is_noticed(alarms):
    alarms.rule("slow", kind="degradation", metric="p95", ratio=1.5, baseline="previous")
    alarms.fails(errors=0, seconds=0.02)
    alarms.clock.move(600)
    alarms.rollouts.serve("1.1.0")
    alarms.fails("1.1.0", errors=0, seconds=0.025)
    assert alarms.look() == []
    alarms.clock.move(360)
    alarms.fails("1.1.0", errors=0, seconds=0.05)
    assert alarms.look() == [("slow", "firing")]
    assert alarms.alerts()[0].details["baseline"] == pytest.approx(0.02, rel=0.02)


@pytest.mark.feature("PRF-09")
def test_a_version_worse_than_its_own_past_is_noticed(alarms):
    alarms.rule("worse", kind="degradation", metric="error_rate", ratio=2.0, min_requests=100)
    alarms.rule("more", kind="degradation", metric="tokens_per_hour", ratio=2.0)
    for _ in range(4):
        alarms.fails(requests=500, errors=5)
        assert alarms.look(300) == []
    alarms.fails(requests=500, errors=50)
    assert alarms.look() == [("worse", "firing")]


@pytest.mark.feature("PRF-09")
def test_a_burning_budget_and_its_end(alarms):
    alarms.rule("slo", kind="burn_rate", objective=0.99, severity="critical", min_requests=100)
    for _ in range(12):
        alarms.fails(requests=100, errors=20)
        alarms.look(300)
    assert alarms.look() == [("slo", "firing")]
    (alert,) = alarms.alerts()
    assert (alert.version, alert.severity, alert.environment) == ("", "critical", "production")
    alarms.clock.move(2000)
    alarms.fails(requests=100, errors=0)
    assert alarms.look() == [("slo", "resolved")]


def test_missing_traffic_and_its_return(alarms):
    alarms.rule("silent", kind="no_data", window_s=600.0, baseline_s=3600.0, min_requests=60)
    alarms.fails(errors=0)
    assert alarms.look() == []
    assert alarms.look(700) == [("silent", "firing")]
    assert alarms.look(20_000) == [("silent", "firing")], "also when the baseline has none any more"
    alarms.fails(requests=1, errors=0)
    assert alarms.look() == [("silent", "resolved")]


def test_missing_traffic_is_over_at_once_where_the_rule_is_about_something_else(alarms):
    alarms.rule("silent", kind="no_data", window_s=600.0, baseline_s=3_600.0, min_requests=60)
    alarms.fails(errors=0)
    assert alarms.look(700) == [("silent", "firing")]
    alarms.rule("silent", kind="no_data", model="churn", window_s=600.0, baseline_s=3_600.0, min_requests=60)
    assert alarms.look(1) == [("silent", "resolved")]


def test_amounts_are_of_the_endpoint(alarms):
    alarms.rule("quiet", metric="throughput", above=None, below=0.1)
    assert alarms.look() == [("quiet", "firing")]
    alarms.fails(errors=0)
    alarms.fails("1.1.0", errors=0)
    assert alarms.look() == [("quiet", "resolved")]
    assert alarms.alerts()[0].version == ""


def test_a_deleted_rule_ends_its_alerts(alarms):
    alarms.rule()
    alarms.rule("other")
    alarms.fails()
    alarms.look()
    alarms.call(DELETE_ALERT_RULE, DeleteAlertRule(name="errors"))
    alarms.rule("other", enabled=False)
    assert {state for _, state in alarms.look()} == {"resolved"}
    assert {one.reason for one in alarms.alerts()} == {"the rule was deleted or switched off"}


def test_what_is_not_measured_any_more_resolves(alarms):
    alarms.rule()
    alarms.fails()
    alarms.look()
    assert alarms.look(400) == [("errors", "firing")]
    assert alarms.look(400) == [("errors", "resolved")]
    assert "nothing was measured" in alarms.alerts()[0].reason


def test_a_rolled_back_deployment_is_an_alert_without_any_rule(alarms):
    alarms.channel()
    begun = alarms.rollouts.deploy(
        "1.1.0", "canary", steps=[50, 100], min_requests=20, limits=Limits(max_error_rate=0.1)
    )
    alarms.fails("1.1.0", errors=50)
    done = alarms.rollouts.after(begun, 1)
    assert done.state == "ROLLED_BACK"
    assert alarms.look() == [("deployment", "firing")]
    (alert,) = alarms.alerts()
    assert (alert.severity, alert.version, alert.details["deployment"]) == ("warning", "1.1.0", done.id)
    assert alert.summary.startswith("the deployment of 1.1.0 was rolled back: error rate is 50 %")
    alarms.rollouts.serve("1.1.0")
    assert alarms.look() == [("deployment", "resolved")]
    assert alarms.told() == [("resolved", "deployment")]


def test_a_rollback_is_told_of_for_a_day(alarms):
    begun = alarms.rollouts.deploy(
        "1.1.0", "canary", steps=[50, 100], min_requests=20, limits=Limits(max_error_rate=0.1)
    )
    alarms.fails("1.1.0", errors=50)
    alarms.rollouts.after(begun, 1)
    alarms.look()
    assert alarms.look(86_000) == [("deployment", "firing")]
    assert alarms.look(500) == [("deployment", "resolved")]


def test_a_deployment_that_cannot_decide_or_has_halted_waits_for_a_person(alarms):
    begun = alarms.rollouts.deploy("1.1.0", "canary", steps=[50, 100], min_requests=20, max_step_seconds=60.0)
    assert alarms.look() == []
    alarms.rollouts.after(begun, 61)
    assert alarms.look() == [("deployment", "firing")]
    assert alarms.alerts()[0].severity == "warning"
    alarms.rollouts.dies("1.1.0", "1.0.0")
    alarms.rollouts.after(begun, 1)
    alarms.look()
    (alert,) = alarms.alerts()
    assert (alert.severity, alert.state) == ("critical", "firing"), "it has become worse"
    alarms.rollouts.abort(begun)
    assert alarms.look() == [("deployment", "resolved")]


def test_who_pauses_or_aborts_a_deployment_knows_of_it(alarms):
    begun = alarms.rollouts.deploy("1.1.0", "canary", steps=[50, 100], min_requests=20)
    alarms.rollouts.pause(begun)
    assert alarms.look() == []
    alarms.rollouts.abort(begun)
    assert alarms.look() == []


@pytest.mark.feature("PRF-10")
def test_a_silence_keeps_people_from_being_told_until_it_ends(alarms):
    alarms.rule()
    alarms.channel()
    silence = alarms.silence(model="fraud")
    alarms.fails()
    assert alarms.look() == [("errors", "firing")]
    assert alarms.alerts()[0].silenced
    assert alarms.messages() == []
    alarms.end(silence)
    alarms.look(1)
    assert (alarms.told(), alarms.alerts()[0].silenced) == ([("fired", "errors")], False)
    alarms.silence(rule="errors")
    alarms.clock.move(400)
    alarms.fails(errors=0)
    alarms.look()
    assert alarms.told() == [("resolved", "errors")], "who knows that it began hears that it is over"


def test_a_silence_runs_out_by_itself(alarms):
    alarms.rule()
    alarms.channel()
    alarms.silence("2m", rule="err*")
    alarms.fails()
    alarms.look()
    assert alarms.look(119) == [("errors", "firing")]
    assert alarms.messages() == []
    alarms.look(2)
    assert alarms.told() == [("fired", "errors")]
    assert alarms.call(LIST_SILENCES, ListSilences()).silences == []


@pytest.mark.feature("PRF-10")
def test_alerts_of_one_group_are_one_message(alarms):
    alarms.rule()
    alarms.rule("other", severity="critical")
    alarms.channel(group_by=["model"])
    alarms.channel("each", group_by=["rule"])
    alarms.channel("pager", severity="critical")
    alarms.channel("off", active=False)
    alarms.channel("elsewhere", models=["churn"])
    alarms.fails()
    alarms.fails("1.1.0")
    alarms.look()
    assert [len(one.alerts) for one in alarms.messages()] == [4]
    assert [len(one.alerts) for one in alarms.messages("each")] == [2, 2]
    assert [one.rule for message in alarms.messages("pager") for one in message.alerts] == ["other", "other"]
    assert alarms.messages("off") == alarms.messages("elsewhere") == []


def test_a_rule_may_name_who_is_told(alarms):
    alarms.channel()
    alarms.channel("other")
    alarms.rule(channels=["other"])
    alarms.fails()
    alarms.look()
    assert (alarms.told(), alarms.told("other")) == ([], [("fired", "errors")])


def test_a_channel_that_is_made_later_hears_of_what_nobody_was_told(alarms):
    alarms.rule()
    alarms.fails()
    alarms.look()
    alarms.channel()
    alarms.look(1)
    alarms.look(1)
    assert alarms.told() == [("fired", "errors")]
    alarms.call(DELETE_CHANNEL, DeleteChannel(name="team"))
    alarms.clock.move(400)
    alarms.fails(errors=0)
    assert alarms.look() == [("errors", "resolved")]


def test_a_channel_that_a_rule_names_later_hears_of_what_still_fires(alarms):
    alarms.channel()
    alarms.channel("pager")
    alarms.rule(channels=["team"])
    alarms.fails()
    alarms.look()
    assert (alarms.told(), alarms.told("pager")) == ([("fired", "errors")], [])
    alarms.rule(channels=["team", "pager"])
    alarms.look(1)
    alarms.look(1)
    assert alarms.told("pager") == [("fired", "errors")]
    assert alarms.told() == [("fired", "errors")], "it was told already"


def test_a_channel_may_not_want_to_hear_that_it_is_over(alarms):
    alarms.rule()
    alarms.channel(send_resolved=False)
    alarms.fails()
    alarms.look()
    alarms.clock.move(400)
    alarms.fails(errors=0)
    alarms.look()
    assert alarms.told() == [("fired", "errors")]


def test_alerts_survive_a_restart_and_another_owner_of_the_lease(alarms):
    alarms.rule(for_s=60.0, keep_firing_s=60.0)
    alarms.fails()
    assert alarms.look() == [("errors", "pending")]
    other = Alarms(alarms.rollouts)
    assert other.look(61) == [("errors", "firing")]
    third = Alarms(alarms.rollouts)
    third.clock.move(300)
    third.fails(errors=0)
    third.look()
    assert alarms.look(60) == [("errors", "resolved")]
    assert len(alarms.alerts()) == 1


def test_who_lost_the_lease_writes_nothing(alarms):
    alarms.rule()
    alarms.fails()
    late, other = Lease(alarms.yard, 10), Lease(alarms.yard, 10)
    assert late.hold()
    alarms.clock.move(11)
    assert other.hold()
    alarms.rollouts.driver._check = late.check
    with pytest.raises(LeaseLost):
        alarms.look()
    assert alarms.alerts() == []


def test_what_has_changed_meanwhile_is_not_written_over(alarms):
    alarms.rule()
    alarms.fails()
    alarms.look()
    alarms.clock.move(400)
    alarms.fails(errors=0)
    with alarms.yard.database.read() as tx:
        changes = Evaluation(alarms.yard).look(tx, alarms.clock.now)
    assert alarms.look() == [("errors", "resolved")]
    with alarms.rollouts.driver.transaction() as context:
        assert [apply(context, change) for change in changes] == [False]
    assert len(alarms.alerts()) == 1


def test_what_was_pending_and_is_gone_leaves_no_trace(alarms):
    alarms.rule(for_s=60.0)
    alarms.fails()
    assert alarms.look() == [("errors", "pending")]
    alarms.clock.move(30)
    alarms.fails(requests=1000, errors=0)
    assert alarms.look() == []


def test_old_alerts_and_messages_are_forgotten(alarms):
    alarms.rule()
    alarms.fails()
    alarms.look()
    alarms.look(400)
    assert alarms.look(400) == [("errors", "resolved")]
    assert alarms.look(366 * 86_400 + 60) == []


def test_the_chain_tells_what_fired_and_stays_sound(alarms):
    alarms.rule()
    alarms.channel()
    alarms.silence(model="fraud")
    alarms.fails()
    alarms.look()
    alarms.look(400)
    alarms.look(400)
    told = [event for event in alarms.call(LIST_EVENTS, ListEvents(name="fraud")).events if event.type.startswith("al")]
    assert [(event.type, event.data["rule"]) for event in told] == [
        ("alert.fired", "errors"),
        ("alert.resolved", "errors"),
    ]
    every = [event.type for event in alarms.call(LIST_EVENTS, ListEvents()).events]
    assert {"alert.rule_set", "channel.set", "alert.silenced"} <= set(every)
    assert alarms.call(VERIFY_RECORD, VerifyRecord()).sound


def test_a_registry_where_nothing_can_be_wrong_is_left_alone(alarms):
    alarms.clock.move(2 * 86_400)
    with alarms.yard.database.read() as tx:
        assert not alarms.evaluation.wanted(tx)
    alarms.rule()
    with alarms.yard.database.read() as tx:
        assert alarms.evaluation.wanted(tx)


def test_rows_are_changed_only_from_what_was_seen(alarms):
    alarms.rule()
    alarms.fails()
    alarms.look()
    with alarms.yard.database.write() as tx:
        (row,) = alerts.live(tx)
        standing = alerts.standing_of(row)
        assert alerts.change(tx, row, replace(standing, summary="moved"))
        assert not alerts.change(tx, row, standing)
        assert not alerts.drop(tx, row)
    assert alarms.alerts()[0].summary == "moved"


def test_lists_show_what_one_may_see(alarms):
    alarms.rule(model="fraud")
    alarms.rule("all")
    alarms.rule("churn", model="churn*")
    alarms.fails()
    alarms.look()
    viewer = Principal(name="vic", grants=(Grant(allow="viewer", model="churn"),))
    other = alarms.rollouts.asked_by(viewer)
    assert other.call(LIST_ALERTS, ListAlerts()).alerts == []
    assert [one.name for one in other.call(LIST_ALERT_RULES, ListAlertRules()).rules] == ["all", "churn"]
    with pytest.raises(AlertNotFound):
        other.call(GET_ALERT, NamedAlert(id=alarms.alerts()[0].id))
    manager = Principal(
        name="mia", grants=(Grant(allow="alert.manage", model="churn"), Grant(allow="alert.read", model="churn"))
    )
    limited = alarms.rollouts.asked_by(manager)
    rule = alarms.rule("churn", model="churn").rule
    assert limited.call(SET_ALERT_RULE, SetAlertRule(name="mine", rule=rule)).created_by == "mia"
    for change in (SetAlertRule(name="mine", rule=replace(rule, model="*")), SetAlertRule(name="all", rule=rule)):
        with pytest.raises(PermissionDenied):
            limited.call(SET_ALERT_RULE, change)
    with pytest.raises(PermissionDenied):
        limited.call(DELETE_ALERT_RULE, DeleteAlertRule(name="all"))


def test_no_refusal_names_a_model_that_one_may_not_know_of(alarms):
    alarms.rule(model="fraud")
    silence = alarms.silence(model="fraud")
    grants = (Grant(allow="alert.manage", model="churn"), Grant(allow="alert.read", model="churn"))
    limited = alarms.rollouts.asked_by(Principal(name="mia", grants=grants))
    rule = AlertRule(kind="no_data", model="churn")
    with pytest.raises(Conflict) as taken:
        limited.call(SET_ALERT_RULE, SetAlertRule(name="errors", rule=rule))
    with pytest.raises(AlertNotFound) as hidden:
        limited.call(END_SILENCE, NamedSilence(id=silence.id))
    assert "fraud" not in f"{taken.value}{taken.value.details}{hidden.value}{hidden.value.details}"
    alarms.end(silence)


@pytest.mark.parametrize("text", ["a\0", "\ud800"])
def test_text_that_no_database_takes_is_refused(alarms, text):
    for wanted in (ListAlerts(model=text), ListAlerts(environment=text), ListAlerts(rule=text)):
        with pytest.raises(InvalidRequest):
            alarms.call(LIST_ALERTS, wanted)
    with pytest.raises(InvalidRequest):
        alarms.call(SET_DEFAULT_ALERT_RULES, SetDefaultAlertRules(prefix=text))
    with pytest.raises(InvalidRequest):
        alarms.call(SILENCE_ALERTS, Silence(match=AlertMatch(model="fraud"), duration="1h", reason="\ud800"))


def test_the_rules_for_everybody_are_switched_on_once(alarms):
    first = alarms.call(SET_DEFAULT_ALERT_RULES, SetDefaultAlertRules()).rules
    alarms.rule("errors", above=0.5)
    again = alarms.call(SET_DEFAULT_ALERT_RULES, SetDefaultAlertRules()).rules
    assert [one.name for one in first] == [one.name for one in again]
    assert next(one for one in again if one.name == "errors").rule.above == 0.5
    own = alarms.call(SET_DEFAULT_ALERT_RULES, SetDefaultAlertRules(model="fraud", prefix="fraud-")).rules
    assert {one.rule.model for one in own} == {"fraud"}
    alarms.fails(errors=0)
    assert alarms.look() == []


def test_filters_of_the_list(alarms):
    alarms.rule()
    alarms.rule("other", severity="critical")
    alarms.fails()
    alarms.look()
    alarms.call(DELETE_ALERT_RULE, DeleteAlertRule(name="errors"))
    alarms.look()
    assert [one.rule for one in alarms.alerts(state="live")] == ["other"]
    assert [one.rule for one in alarms.alerts(state="resolved")] == ["errors"]
    assert [one.rule for one in alarms.alerts(severity="critical")] == ["other"]
    assert [one.rule for one in alarms.alerts(rule="errors")] == ["errors"]
    assert alarms.alerts(environment="edge") == alarms.alerts(model="churn") == []
    page = alarms.call(LIST_ALERTS, ListAlerts(limit=1))
    (newest,) = page.alerts
    (older,) = alarms.call(LIST_ALERTS, ListAlerts(limit=1, page_token=page.next_page_token)).alerts
    assert [older.id, newest.id] == [one.id for one in alarms.alerts()]


@pytest.mark.feature("PRF-09")
def test_an_endpoint_that_is_an_hour_old_has_the_hour_for_a_baseline(alarms):
    alarms.rule("fewer", kind="degradation", metric="throughput", min_requests=10)
    for _ in range(12):
        alarms.fails(requests=100, errors=0)
        alarms.clock.move(300)
    alarms.fails(requests=100, errors=0)
    assert alarms.look() == []
    alarms.clock.move(360)
    alarms.fails(requests=20, errors=0)
    assert alarms.look() == [("fewer", "firing")], "by the day that it compares with, it would be more than before"


@pytest.mark.feature("PRF-09")
def test_traffic_that_has_all_but_ended_is_noticed(alarms):
    alarms.rule("quiet", kind="degradation", metric="throughput", min_requests=100, baseline_s=3_600.0)
    alarms.fails(requests=3_600, errors=0)
    alarms.clock.move(1_800)
    alarms.fails(requests=5, errors=0)
    assert alarms.look() == [("quiet", "firing")], "five requests are few because the traffic has gone"
    (alert,) = alarms.alerts()
    assert alert.limit == pytest.approx(alert.details["baseline"] / 2)


def test_a_rule_that_cannot_be_followed_stops_no_other(alarms, monkeypatch, caplog):
    alarms.rule("broken", kind="drift")
    alarms.rule()
    alarms.fails()

    def breaks(*_args, **_named):
        raise ArithmeticError

    monkeypatch.setattr("modelyard.watch.readings.drift_of", breaks)
    assert alarms.look() == [("errors", "firing")]
    assert "the rule broken met something that nobody foresaw" in caplog.text


def test_only_what_the_next_look_may_ask_for_is_remembered(alarms):
    alarms.rule("worse", kind="degradation")
    alarms.fails(errors=0)
    for _ in range(3):
        alarms.look(60)
    assert len(alarms.evaluation._closed) == 1


def test_rules_of_one_window_measure_drift_once_a_minute(alarms, monkeypatch):
    asked = []

    def counted(*args, **named):
        asked.append(args)
        return drift_of(*args, **named)

    monkeypatch.setattr("modelyard.watch.readings.drift_of", counted)
    for number in range(5):
        alarms.rule(f"moved-{number}", kind="drift", above=0.1 + number)
    alarms.look(60)
    alarms.look(1)
    assert len(asked) == 1
    alarms.look(60)
    assert len(asked) == 2
