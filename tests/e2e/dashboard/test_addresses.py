"""Addresses that lead nowhere, or are no addresses: a page that says so, and the way back."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from components.browser import visit
from components.yard_to_see import MODEL
from modelyard import ModelRegistry

NOWHERE = (
    "/nowhere",
    "/models",
    "/models/a/b",
    "/models/%FF",
    "/models/%E0%A4%A",
    "/models/fraud/versions/%FF",
    "/constructor",
    "/deployments/..%2F..%2Fapi%2Fusers/x",
)
UNKNOWN = (
    "/models/nobody",
    "/models/100%25",
    "/models/%00",
    "/models/cafe%CC%81",
    f"/models/{MODEL}/versions/9.9.9",
    f"/models/{MODEL}/versions/%3Cb%3E",
    "/promotions/pr_no",
    "/deployments/dp_no",
    "/endpoints/nobody",
    "/compare?v=nobody/1&v=a/b/c",
    "/?q=" + "x" * 3_000,
    "/events?model=nobody",
    "/events?at=9999-12-31T23:59:59Z",
    "/events?at=99999-01-01",
    "/settings?model=nobody",
    "/deployments?state=__proto__",
)
RUBBISH = (
    "/events?at=garbage",
    "/events?tab=no",
    "/events?at=1970-01-01T00:00:00Z",
    "/?page_token=x&sort=constructor",
    "/compare?v=",
    f"/models/{MODEL}/versions/1.0.0?tab=constructor",
    "/promotions?state=__proto__",
    "/alerts?tab=__proto__",
    "/people?tab=no",
    "/?" + "a=b&" * 1_500,
    f"/models/{MODEL}/",
)
FOLLOW = """(path) => {
  const link = Object.assign(document.createElement("a"), { href: location.origin + path });
  document.querySelector("main").append(link);
  link.click();
  link.remove();
}"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]


@pytest.mark.feature("OBS-04")
@pytest.mark.parametrize("path", NOWHERE)
def test_an_address_where_nothing_is_says_so_and_leads_back(path: str, registry: ModelRegistry, browser: Browser):
    with visit(browser, registry.address) as visitor:
        visitor.allow("status of 404")
        page = visitor.go("/settings")
        for follow in (False, True):
            if follow:
                visitor.go("/settings")
                page.evaluate(FOLLOW, path)
            else:
                visitor.go(path)
            expect(page.get_by_role("heading", level=1, name="There is no such page")).to_be_visible()
            page.get_by_role("main").get_by_role("link").click()
            expect(page.get_by_role("heading", level=1, name="Yard")).to_be_visible()


@pytest.mark.feature("OBS-04")
def test_two_slashes_lead_to_no_other_host(registry: ModelRegistry, browser: Browser):
    with visit(browser, registry.address) as visitor:
        visitor.allow("status of 404")
        page = visitor.go("//nowhere.example/x")
        expect(page.get_by_role("heading", level=1, name="There is no such page")).to_be_visible()
        assert page.url == f"{registry.address}/nowhere.example/x"


@pytest.mark.feature("OBS-04")
@pytest.mark.parametrize("path", UNKNOWN)
def test_what_nobody_knows_is_told_with_the_next_step(path: str, registry: ModelRegistry, browser: Browser):
    with visit(browser, registry.address) as visitor:
        visitor.allow("status of 40[04]")
        page = visitor.go(path)
        expect(page.get_by_role("alert").first).to_be_visible()
        assert page.get_by_text("Loading", exact=True).count() == 0
        assert visitor.fits


@pytest.mark.parametrize("path", RUBBISH)
def test_rubbish_in_an_address_is_passed_over(path: str, registry: ModelRegistry, browser: Browser):
    with visit(browser, registry.address) as visitor:
        if path.endswith("/"):
            visitor.allow("status of 404")
        page = visitor.go(path)
        expect(page.get_by_text("Loading", exact=True)).to_have_count(0)
        assert page.get_by_role("alert").all_inner_texts() == []


def test_a_page_that_breaks_says_so_and_the_next_one_does_not(registry: ModelRegistry, browser: Browser):
    with visit(browser, registry.address) as visitor:
        page = visitor.go("/deployments")
        # What a server of another make might answer.
        page.route("**/api/alerts*", lambda route: route.fulfill(json={"alerts": [None], "next_page_token": ""}))
        page.get_by_role("link", name="Alerts").click()
        expect(page.get_by_role("heading", level=1, name="This page cannot be shown")).to_be_visible()
        page.get_by_role("link", name="Settings").click()
        expect(page.get_by_role("heading", level=1, name="Settings")).to_be_visible()


def test_without_javascript_the_page_names_the_command_line(registry: ModelRegistry, browser: Browser):
    with visit(browser, registry.address, java_script_enabled=False) as visitor:
        for path in ("/", f"/models/{MODEL}"):
            visitor.page.goto(registry.address + path)
            told = visitor.page.locator("noscript")
            expect(told).to_be_visible()
            assert "needs JavaScript" in told.evaluate("(one) => one.textContent")
