"""What holds for every page: it can be read by everybody, fits every window, and what people wrote stays text."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from components.browser import visit
from components.yard_to_see import MODEL
from modelyard import ModelRegistry

WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 360, "height": 740}
PAGES = {
    "yard": "/",
    "search": "/?q=fraud",
    "model": f"/models/{MODEL}",
    "model of strangers": "/models/churn",
    "version": f"/models/{MODEL}/versions/1.0.0",
    "files": f"/models/{MODEL}/versions/1.0.0?tab=files",
    "gates": f"/models/{MODEL}/versions/1.0.0?tab=gates",
    "lineage": f"/models/{MODEL}/versions/1.0.0?tab=lineage",
    "use": f"/models/{MODEL}/versions/1.0.0?tab=use",
    "compare": f"/compare?v={MODEL}/1.0.0&v={MODEL}/1.1.0",
    "promotions": "/promotions",
    "deployments": "/deployments",
    "deployment": "/deployments/{deployment}",
    "endpoints": "/endpoints",
    "endpoint": f"/endpoints/{MODEL}",
    "alerts": "/alerts",
    "events": "/events",
    "agents": "/agents",
    "people": "/people",
    "storage": "/storage",
    "settings": "/settings",
}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]


@pytest.fixture(scope="module")
def paths(registry: ModelRegistry) -> dict[str, str]:
    """Pages of the yard that is shown."""
    deployment = registry.list_deployments()[0].id
    return {name: path.replace("{deployment}", deployment) for name, path in PAGES.items()}


@pytest.mark.feature("OBS-04")
@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_nobody_is_kept_out_of_a_page(name, look, paths, registry: ModelRegistry, browser: Browser):
    viewport = WIDE if look == "light" else PHONE
    with visit(browser, registry.address, color_scheme=look, viewport=viewport) as visitor:
        page = visitor.go(paths[name])
        page.get_by_text("Loading", exact=True).first.wait_for(state="detached")
        assert visitor.barriers() == []
        assert visitor.fits, "the page has to be scrolled sideways"
        assert page.get_by_role("alert").count() == 0, page.get_by_role("alert").all_inner_texts()
        assert page.evaluate("window.hacked") is None
