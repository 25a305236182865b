"""The path of somebody new: look at the yard, compare, release carefully, see it go back, look at what was before."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest
from playwright.sync_api import Browser, Page, expect

from components.browser import visit
from components.yard_to_see import CARELESS_VERSION, MODEL
from modelyard import ModelRegistry, ModelyardError

RELEASE_MS = 90_000

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@contextmanager
def users(registry: ModelRegistry) -> Iterator[None]:
    """Ask the endpoint all the while, as many users do."""
    over = threading.Event()

    def ask() -> None:
        with ModelRegistry(registry.address) as own:
            for number in count():
                if over.wait(0.01):
                    return
                try:
                    own.predict(MODEL, [[number]], key=f"user-{number % 300}")
                except ModelyardError:
                    continue  # Some get no answer from the careless version; that is the story.

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def deploy(page: Page, strategy: str) -> None:
    """Deploy the version that is looked at, through the dialog."""
    page.get_by_role("button", name="Deploy", exact=True).first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Strategy").select_option(strategy)
    expect(dialog).to_contain_text(f"modelyard deploy {MODEL} {CARELESS_VERSION}")
    expect(dialog.get_by_role("list", name="Plan")).to_contain_text("10%")
    dialog.get_by_role("button", name="Deploy", exact=True).click()


@pytest.mark.feature("OBS-04", "EXP-04", "LIN-06", "CMP-05")
def test_a_newcomer_sees_compares_releases_and_looks_back(registry: ModelRegistry, browser: Browser):
    with visit(browser, registry.address) as visitor, users(registry):
        page = visitor.go("/")
        expect(page.get_by_text("Serving")).to_be_visible()
        visitor.shot("01-yard")
        page.get_by_role("link", name=MODEL, exact=True).first.click()

        expect(page.get_by_role("heading", level=1, name=MODEL)).to_be_visible()
        expect(page.get_by_role("heading", name="Fraud", exact=True)).to_be_visible()
        visitor.shot("02-model")
        for version in ("1.0.0", CARELESS_VERSION):
            page.get_by_label(f"Choose {version} for comparing").check()
        page.get_by_text("Compare 2").click()

        expect(page.get_by_role("rowheader", name=re.compile("accuracy")).first).to_be_visible()
        visitor.shot("03-compare")

        visitor.go(f"/models/{MODEL}/versions/{CARELESS_VERSION}?tab=lineage")
        expect(page.get_by_role("tabpanel")).to_contain_text(CARELESS_VERSION)
        visitor.shot("04-version")
        deploy(page, "canary")
        expect(page.get_by_role("heading", level=1)).to_contain_text(f"{MODEL} {CARELESS_VERSION}")
        expect(page.get_by_text(re.compile("Rolled back: 1.0.0 serves again")).first).to_be_visible(timeout=RELEASE_MS)
        visitor.shot("05-rolled-back")

        ended = registry.list_deployments(MODEL)[0]
        page = visitor.go(f"/events?at={ended.created_at}")
        expect(page.get_by_text(re.compile("up to the chosen moment")).first).to_be_visible()
        visitor.shot("06-before-it")
        slider = page.get_by_role("slider")
        slider.press("ArrowLeft")
        expect(page).not_to_have_url(re.compile(re.escape(ended.created_at)))
