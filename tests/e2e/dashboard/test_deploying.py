"""Deploying through the dialog: every strategy with all of its options, and the command that says the same."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from components.browser import visit
from components.yard_to_see import MODEL
from modelyard import ModelRegistry

VERSION, BASE = "1.1.0", "1.0.0"
STRATEGIES = ("direct", "blue-green", "canary", "rolling", "ab-test", "shadow")
FILLED = {
    "Other version": BASE,
    "Its share, in per cent": "80",
    "Steps: shares of the new version, in per cent": "5, 25",
    "Seconds that each step lasts at least": "90",
    "Requests that each step needs of the new version": "30",
    "Worker processes": "2",
    "What decides": "converted",
    "Risk of a false decision, in per cent": "1",
    "Roll back above this share of errors, in per cent": "0.7",
    "Risk of sending back what is no worse, in per cent": "2",
    "So many times as many errors are no reason": "1.5",
    "So much slower is no reason, in per cent": "10",
    "So many more tokens are no reason, in per cent": "20",
    "Go on only with proof of less than so many times the errors": "2",
    "Roll back on evidence of more errors than this, in per cent": "5",
    "Roll back where p95 is longer, in seconds": "0.3",
    "Roll back where p99 is longer, in seconds": "0.6",
    "Seconds after which a step is inconclusive": "7200",
    "Seconds that the last step is watched": "60",
    "Share of the old version meanwhile, in per cent": "10",
    "Seconds that the old version stays loaded afterwards": "120",
    "Seconds that a probe may take": "2",
    "Begins at": "2026-03-01T02:00",
    "May go on in this window only": "sat,sun 02:00-05:00 Europe/Berlin",
}
CHOSEN = {"Where the evidence says that it does harm": "observe", "After an inconclusive step": "rollback"}
CHECKED = (
    "The winner takes all traffic by itself",
    "Less is better, of a metric of your own",
    "Roll a live deployment back first",
    "Deprecate this version if its verdict rolls it back",
)
LAST = "Probes that have to pass before traffic"
TOLD = ("strategy", "environment", "base", "plan", "options")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def opened(page: Page, strategy: str) -> Locator:
    """The dialog with a strategy chosen."""
    page.get_by_role("button", name="Deploy", exact=True).first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Strategy").select_option(strategy)
    dialog.locator("summary").click()
    return dialog


def fill(dialog: Locator) -> None:
    """Say something about all that the strategy takes."""
    for label, text in FILLED.items():
        for field in dialog.get_by_label(label, exact=True).all():
            field.fill(text)
    for label, value in CHOSEN.items():
        for field in dialog.get_by_label(label, exact=True).all():
            field.select_option(value)
    for label in CHECKED:
        for field in dialog.get_by_label(label, exact=True).all():
            field.check()


def planned(line: str, address: str) -> dict[str, Any]:
    """What a line of `modelyard` would do on a server."""
    environment = {**os.environ, "MODELYARD_URI": address}
    words = [sys.executable, "-m", "modelyard.cli.main", *shlex.split(line)[1:], "--dry-run", "--output", "json"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.feature("OBS-04")
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_command_says_what_the_dialog_says(strategy, registry: ModelRegistry, browser: Browser):
    with visit(browser, registry.address) as visitor:
        # Half of what is typed may be refused.
        visitor.allow(r"status of 400")
        page = visitor.go(f"/models/{MODEL}/versions/{VERSION}")
        dialog = opened(page, strategy)
        fill(dialog)
        with page.expect_response(lambda answer: '"probes":7' in (answer.request.post_data or "")) as told:
            dialog.get_by_label(LAST).fill("7")
        shown = told.value.json()
        assert told.value.status == 201, shown
        silent = [one for one in dialog.locator("input:not([type=checkbox])").all() if one.input_value() == ""]
        assert len(silent) == 1, "all but the reason is filled in"
        assert all(box.is_checked() for box in dialog.get_by_role("checkbox").all())
        line = dialog.locator(".command code").last.inner_text()
        expect(dialog.get_by_role("list", name="Plan")).to_be_visible()
        visitor.shot(f"deploy-{strategy}", whole=False)
        assert visitor.barriers() == []
    by_command = planned(line, registry.address)
    assert {name: shown[name] for name in TOLD} == {name: by_command[name] for name in TOLD}
    assert registry.list_deployments(MODEL)[0].version == BASE, "a plan is only a plan"


@pytest.mark.feature("OBS-04")
def test_an_ab_test_is_begun_with_shares_that_people_chose(registry: ModelRegistry, browser: Browser):
    with visit(browser, registry.address) as visitor:
        page = visitor.go(f"/models/{MODEL}/versions/{VERSION}")
        dialog = opened(page, "ab-test")
        plan = dialog.get_by_role("list", name="Plan")
        expect(plan).to_contain_text(f"{BASE} 50%, {VERSION} 50%, until a person names the winner")
        dialog.get_by_label("Other version").fill(BASE)
        visitor.allow(r"status of 400")
        dialog.get_by_label("Its share, in per cent").fill("60")
        dialog.get_by_role("button", name="One more version").click()
        dialog.get_by_label("Other version").last.fill("1.2.0")
        dialog.get_by_label("Its share, in per cent").last.fill("10")
        dialog.get_by_label("The winner takes all traffic by itself").check()
        expect(plan).to_contain_text(f"{BASE} 60%, 1.2.0 10%, {VERSION} 30%, until there is a winner")
        dialog.get_by_role("button", name="Deploy", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(f"{MODEL} {VERSION}")
    begun = registry.list_deployments(MODEL)[0]
    try:
        assert begun.strategy == "ab"
        assert {arm.version: round(arm.weight, 6) for arm in begun.plan.steps[0].arms} == {
            BASE: 0.6,
            "1.2.0": 0.1,
            VERSION: 0.3,
        }
        assert begun.options.more == {"promote_winner": True}
    finally:
        registry.abort_deployment(begun.id)
