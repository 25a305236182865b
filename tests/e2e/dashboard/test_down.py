"""A server that goes away: people are told, and what they had on the screen stays."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from components.browser import visit
from modelyard import ModelRegistry

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.mark.feature("OBS-04")
def test_a_page_that_does_not_load_says_so_and_comes_when_somebody_answers(registry: ModelRegistry, browser: Browser):
    with visit(browser, registry.address) as visitor:
        visitor.allow("net::ERR_FAILED")
        page = visitor.go("/")
        away = re.compile("/(assets|health)")
        page.route(away, lambda route: route.abort())
        page.get_by_role("link", name="Storage", exact=True).first.press("Enter")
        expect(page.get_by_role("heading", level=1, name="This page did not load")).to_be_focused()
        assert visitor.barriers() == []
        expect(page.get_by_role("button", name="Try again")).to_be_visible()
        page.unroute(away)
        expect(page.get_by_role("heading", level=1, name="Storage")).to_be_visible()
