"""`promote --wait`: who has to agree is asked and waited for, and every end has its exit code."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from components.deadlines import until
from modelyard import ModelRegistry
from modelyard.cli import waiting
from modelyard.domain.wire import Promotion

pytestmark = pytest.mark.feature("STG-12", "API-08")

GRAPH: dict[str, Any] = {
    "initial": "development",
    "moves": {
        "development": ["staging"],
        "staging": {"production": {"requirements": {"min_auc": 0.9}, "approvals": 1}},
        "production": [],
    },
}
WAIT = "promote fraud/0.1.0 --stage production --wait --timeout 60s"


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LOOK_S", 0.02)


@pytest.fixture
def staged(terminal):
    """A version in staging that meets its gate, in a registry whose production needs a second person."""
    terminal.register("fraud", "0.1.0", more="--metrics '{\"auc\": 0.95}'")
    terminal.ok(["stages", "set", json.dumps(GRAPH)])
    terminal.ok("promote fraud/0.1.0 --target-stage staging")
    return terminal


Meanwhile = Callable[[Callable[[ModelRegistry, Promotion], Any]], "Future[Any]"]


@pytest.fixture
def meanwhile(staged) -> Iterator[Meanwhile]:
    """Do something, in another thread, with the open request as soon as there is one."""
    with ThreadPoolExecutor(1) as pool:

        def act(what: Callable[[ModelRegistry, Promotion], Any]) -> Any:
            with ModelRegistry(staged.target) as registry:
                until(lambda: registry.list_promotions(state="open"), "a request")
                return what(registry, registry.list_promotions(state="open")[0])

        yield lambda what: pool.submit(act, what)


def test_a_move_that_needs_nobody_is_made_at_once(staged, tmp_path):
    staged.register("fraud", "0.2.0")
    moved = staged.json(f"promote fraud/0.2.0 --stage staging --wait --summary {tmp_path / 'summary.md'}")
    assert (moved["to_stage"], moved["version"]["version"]) == ("staging", "0.2.0")
    assert "### fraud/0.2.0 to staging" in (tmp_path / "summary.md").read_text()
    assert staged.json("requests list --state open") == []


def test_what_is_approved_is_applied(staged, meanwhile, tmp_path):
    done = meanwhile(lambda registry, found: registry.approve_promotion(found, "bob", comment="better | safer"))
    answer = staged.ok(f"{WAIT} --comment nightly --summary {tmp_path / 'summary.md'}")
    assert done.result().state == "approved"
    assert f"moved from staging to production by {done.result().id}" in answer.out
    assert "stays open whatever becomes of this command" in answer.err
    assert staged.json("show fraud/production")["version"] == "0.1.0"
    assert staged.json(f"requests show {done.result().id}")["comment"] == "nightly"
    summary, identifier = (tmp_path / "summary.md").read_text(), done.result().id.replace("_", r"\_")
    assert summary.splitlines()[1:4] == ["### fraud/0.1.0 to production", "", f"{identifier} is applied.  "]
    assert "bob: approve, better \\| safer" in summary
    assert "| min\\_auc | 0.9 | 0.95 | yes |" in summary


def test_the_answer_is_one_document(staged, meanwhile):
    meanwhile(lambda registry, found: registry.approve_promotion(found, "bob"))
    record = staged.json(WAIT)
    assert (record["state"], record["target_stage"]) == ("applied", "production")


def test_what_others_apply_counts_too(staged, meanwhile, monkeypatch):
    monkeypatch.setattr(waiting, "APPROVED", "nobody")

    def decide(registry: ModelRegistry, found: Promotion) -> None:
        registry.approve_promotion(found, "bob")
        registry.apply_promotion(found)

    meanwhile(decide)
    assert staged.json(WAIT)["state"] == "applied"


@pytest.mark.parametrize("end", ["reject", "withdraw"])
def test_what_is_refused_ends_with_the_reason(staged, meanwhile, tmp_path, end):
    if end == "reject":
        meanwhile(lambda registry, found: registry.reject_promotion(found, "bob", comment="recall fell"))
    else:
        meanwhile(lambda registry, found: registry.withdraw_promotion(found))
    refused = staged.run(f"--output json {WAIT} --summary {tmp_path / 'summary.md'}")
    assert refused.code == 6
    problem = json.loads(refused.err[refused.err.index("{") :])
    word = {"reject": "rejected", "withdraw": "withdrawn"}[end]
    assert (problem["code"], problem["details"]["state"]) == ("gate_refused", word)
    assert ("bob: recall fell" in problem["detail"]) == (end == "reject")
    assert f"is {word}." in (tmp_path / "summary.md").read_text()
    assert staged.json("show fraud/0.1.0")["stage"] == "staging"


def test_a_request_that_expires_ends_the_waiting(staged):
    rule = {"approvals": 1, "expires_after": "0.3s"}
    staged.ok(["stages", "set", json.dumps({**GRAPH, "moves": {**GRAPH["moves"], "staging": {"production": rule}}})])
    refused = staged.run(WAIT)
    (asked,) = staged.json("requests list")[:1]
    assert (refused.code, f"{asked['id']} is expired" in refused.err, asked["state"]) == (6, True, "expired")


def test_time_that_is_over_leaves_the_request_open_for_the_next_run(staged, meanwhile, tmp_path):
    summary = tmp_path / "summary.md"
    late = staged.run(f"promote fraud/0.1.0 --stage production --wait --timeout 0.1 --summary {summary}")
    assert (late.code, "is still pending after 0.1s" in late.err) == (8, True)
    assert "is pending." in summary.read_text()
    (opened,) = staged.json("requests list --state open")
    meanwhile(lambda registry, found: registry.approve_promotion(found, "bob"))
    assert staged.json(WAIT)["id"] == opened["id"]


@pytest.mark.parametrize("timeout", ["nan", "inf", "-1"])
def test_a_time_that_never_ends_is_refused(staged, timeout):
    refused = staged.run(f"promote fraud/0.1.0 --stage production --wait --timeout {timeout}")
    assert (refused.code, "is no length of time" in refused.err) == (2, True), refused.err


def test_a_summary_that_cannot_be_written_changes_no_exit_code(staged, tmp_path):
    summary = tmp_path / "none" / "summary.md"
    late = staged.run(f"promote fraud/0.1.0 --stage production --wait --timeout 0.1 --summary {summary}")
    assert (late.code, f"the summary {summary} cannot be written" in late.err) == (8, True), late.err


def test_gates_that_are_not_met_refuse_as_without_waiting(staged, tmp_path):
    summary = tmp_path / "summary.md"
    refused = staged.run(f"{WAIT} --requirements '{{\"min_f1\": 0.5}}' --summary {summary}")
    assert (refused.code, "NOT MET  min_f1" in refused.err) == (6, True)
    assert "| min\\_f1 | 0.5 | n/a | NO |" in summary.read_text()
    assert summary.read_text().count("###") == 1
    (ended,) = staged.json("requests list")[:1]
    assert ended["state"] == "withdrawn"


def test_an_open_request_with_unmet_gates_stays_open(staged):
    wish = "fraud/0.1.0 --requirements '{\"min_f1\": 0.5}'"
    staged.ok(f"request {wish} --target-stage production")
    assert staged.run(f"promote {wish} --stage production --wait").code == 6
    assert len(staged.json("requests list --state open")) == 1


def test_an_open_request_that_demands_other_things_is_not_waited_for(staged):
    staged.ok("request fraud/0.1.0 --target-stage production")
    other = staged.run(f"{WAIT} --requirements '{{\"min_auc\": 0.5}}'")
    assert (other.code, "has other requirements" in other.err, "requests withdraw" in other.err) == (5, True, True)
    assert staged.run(f"{WAIT} --keep-previous").code == 5


def test_gates_that_fail_after_the_approval_refuse_the_move(staged, meanwhile, tmp_path):
    def decide(registry: ModelRegistry, found: Promotion) -> None:
        stricter = {"requirements": {"min_auc": 0.99}, "approvals": 1}
        registry.set_stage_graph({**GRAPH, "moves": {**GRAPH["moves"], "staging": {"production": stricter}}})
        registry.approve_promotion(found, "bob")

    meanwhile(decide)
    refused = staged.run(f"{WAIT} --summary {tmp_path / 'summary.md'}")
    assert (refused.code, "NOT MET  min_auc" in refused.err) == (6, True)
    assert (tmp_path / "summary.md").read_text().count("###") == 1


def test_nothing_else_is_refused_otherwise_than_without_waiting(staged):
    assert staged.run("promote fraud/9.9.9 --stage production --wait").code == 3
    assert staged.run("promote fraud/0.1.0 --stage development --wait").code == 5
    assert staged.run("promote fraud/0.1.0 --stage production --timeout 3s").code == 2
    assert staged.run("promote dp_01 --wait").code == 2


def test_a_check_writes_the_summary_too(staged, tmp_path):
    summary = tmp_path / "summary.md"
    staged.ok(f"gates fraud/0.1.0 --target-stage production --summary {summary}")
    staged.ok(f"promote fraud/0.1.0 --stage production --dry-run --summary {summary}")
    assert summary.read_text().count("The gates are met. Approvals needed: 1.") == 2
    told = staged.run(f"gates fraud/0.1.0 --target-stage production --summary {tmp_path / 'no' / 'where'}")
    assert (told.code, "cannot be written" in told.err) == (0, True)


@pytest.mark.feature("SEC-01", "SEC-02")
def test_who_may_only_ask_waits_for_who_may_move(tmp_path, local, threaded_server, monkeypatch):
    folder = tmp_path / "guarded"
    with ModelRegistry(folder) as boss:
        (tmp_path / "model.bin").write_bytes(b"weights")
        boss.register_model(tmp_path / "model.bin", "fraud", version="0.1.0", metrics={"auc": 0.95})
        boss.set_stage_graph(GRAPH)
        boss.promote_model("fraud/0.1.0", "staging")
        monkeypatch.setenv("MODELYARD_TOKEN", boss.create_token("ci", "developer").token)
        tokens = {role: boss.create_token(f"a-{role}", role).token for role in ("reviewer", "deployer")}
    with threaded_server.serving(folder, {"auth.enabled": True}) as url, ThreadPoolExecutor(1) as pool:

        def decide() -> None:
            with ModelRegistry(url, token=tokens["reviewer"]) as reviewer:
                until(lambda: reviewer.list_promotions(state="open"), "a request")
                (found,) = reviewer.list_promotions(state="open")
                reviewer.approve_promotion(found)
            with ModelRegistry(url, token=tokens["deployer"]) as deployer:
                deployer.apply_promotion(found)

        deciding = pool.submit(decide)
        guarded = type(local)(target=url, folder=Path(tmp_path), kind="url")
        answer = guarded.run(WAIT)
        deciding.result()
    assert (answer.code, answer.err.count("has to apply it") <= 1) == (0, True)
