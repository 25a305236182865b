"""Without a mouse: the focus is where one expects it, is never lost, and every dialog can be read by everybody."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from components.browser import Visitor, visit
from components.yard_to_see import MODEL
from modelyard import ModelRegistry

DIALOGS = {
    "model": (f"/models/{MODEL}", 3),
    "version": (f"/models/{MODEL}/versions/1.0.0", 5),
    "endpoint": (f"/endpoints/{MODEL}", 1),
    "flags": (f"/endpoints/{MODEL}?tab=flags", 2),
    "configuration": (f"/endpoints/{MODEL}?tab=configuration", 2),
    "snapshots": (f"/endpoints/{MODEL}?tab=snapshots", 2),
    "rules": ("/alerts?tab=rules", 1),
    "channels": ("/alerts?tab=channels", 1),
    "silences": ("/alerts?tab=silences", 1),
    "webhooks": ("/storage?tab=webhooks", 1),
    "users": ("/people?tab=users", 1),
}
"""Pages, with how many dialogs each has at least."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]


@pytest.mark.feature("OBS-04")
def test_the_first_tab_skips_the_menu_and_a_link_leads_to_the_heading(registry: ModelRegistry, browser: Browser):
    with visit(browser, registry.address) as visitor:
        page = visitor.go("/")
        page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Skip to the content")
        expect(skip).to_be_focused()
        expect(skip).to_be_in_viewport()
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()
        page.get_by_role("link", name="Alerts", exact=True).first.press("Enter")
        expect(page.get_by_role("heading", level=1, name="Alerts")).to_be_focused()
        expect(page).to_have_title("Alerts · modelyard")


@pytest.mark.feature("OBS-04")
def test_a_dialog_gives_the_focus_back(registry: ModelRegistry, browser: Browser):
    with visit(browser, registry.address) as visitor:
        visitor.allow("status of 4")
        page = visitor.go(f"/models/{MODEL}/versions/1.0.0")
        opener = page.get_by_role("button", name="Set alias").first
        opener.press("Enter")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_be_visible()
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        expect(opener).to_be_focused()
        opener.press("Enter")
        dialog.get_by_label("Alias").fill("v1")
        go = dialog.get_by_role("button", name="Set alias")
        go.press("Enter")
        expect(dialog.get_by_role("alert")).to_be_visible()
        expect(go).to_be_focused()


@pytest.mark.feature("OBS-04")
def test_the_focus_is_not_lost_with_the_button_that_had_it(registry: ModelRegistry, browser: Browser):
    begun = registry.deploy(MODEL, "1.1.0", "canary", step_seconds=600)
    try:
        with visit(browser, registry.address) as visitor:
            page = visitor.go(f"/deployments/{begun.id}")
            page.get_by_role("button", name="Pause", exact=True).press("Enter")
            page.get_by_role("dialog").get_by_role("button", name="Pause").press("Enter")
            expect(page.get_by_role("button", name="Resume", exact=True)).to_be_visible()
            expect(page.get_by_role("heading", level=1)).to_be_focused()
    finally:
        registry.abort_deployment(begun)


@pytest.mark.feature("OBS-04")
@pytest.mark.parametrize("name", DIALOGS)
def test_nobody_is_kept_out_of_a_dialog(name: str, registry: ModelRegistry, browser: Browser):
    path, least = DIALOGS[name]
    with visit(browser, registry.address) as visitor:
        # What would happen is asked of the server, which also says that it would refuse.
        visitor.allow("status of 4")
        page = visitor.go(path)
        page.get_by_text("Loading", exact=True).first.wait_for(state="detached")
        openers = page.locator("main button[aria-haspopup=dialog]:enabled:visible")
        expect(openers.nth(least - 1)).to_be_visible()
        for opener in openers.all():
            told(visitor, page, opener)


def told(visitor: Visitor, page: Page, opener) -> None:
    """Look into a dialog, and leave it by the keyboard."""
    opener.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("modelyard ")
    assert visitor.barriers() == []
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
