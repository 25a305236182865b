"""Words, names and figures that no page expects: text stays text, every page can be read, and none is kept busy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect

from components.browser import Visitor, visit
from components.servers import server_process
from components.yard_to_fear import ALIASES, CARDS, LONGEST, MODEL, ODD_NAMES, ODD_VERSION, fill
from modelyard import ModelRegistry

PHONE = {"width": 360, "height": 740}
EVIL = f"/models/{MODEL}/versions/2.0.0"
PAGES = [
    "/",
    "/?q=img",
    f"/models/{MODEL}",
    EVIL,
    f"{EVIL}?tab=files",
    f"{EVIL}?tab=gates",
    f"{EVIL}?tab=lineage",
    f"{EVIL}?tab=use",
    f"/models/{LONGEST}",
    f"/models/{LONGEST}/versions/{quote(ODD_VERSION, safe='')}?tab=use",
    "/models/sixty",
    "/compare",
    f"/compare?v={MODEL}/3.0.0&v={MODEL}/2.0.0&v={MODEL}/1.0.0%2Ba.b",
    "/promotions",
    "/promotions/{promotion}",
    "/deployments",
    "/deployments/{deployment}",
    "/endpoints",
    f"/endpoints/{MODEL}",
    "/alerts?tab=rules",
    "/alerts?tab=channels",
    "/alerts?tab=silences",
    "/events",
    "/people?tab=users",
    "/people?tab=tokens",
    "/storage",
    "/settings?model=sixty",
]
FOREIGN = "main img, main iframe, main script, main style, main object, main [onclick], main [onerror]"
# The longest time in which a page did nothing but its work.
WATCH = """window.longest = 0;
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) window.longest = Math.max(window.longest, one.duration);
}).observe({ type: "longtask", buffered: true });"""
MOST_BUSY_MS = 2_000

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ModelRegistry, str]]:
    """A client of a server with a yard to fear, and the id of the promotion that is talked about."""
    folder: Path = tmp_path_factory.mktemp("fear")
    (folder / "model_registry").mkdir()
    with server_process(folder, {"MODELYARD_CACHE_PATH": str(folder / "cache")}) as url, ModelRegistry(url) as registry:
        yield registry, fill(registry, folder)


@pytest.fixture
def visitor(yard: tuple[ModelRegistry, str], browser: Browser) -> Iterator[Visitor]:
    with visit(browser, yard[0].address, viewport=PHONE) as looking:
        # Nobody stands in production, and the page asks who does.
        looking.allow("evil%2Fproduction/metadata")
        looking.context.add_init_script(WATCH)
        looking.page.on("dialog", lambda asked: looking.faults.append(f"dialog: {asked.message}"))
        yield looking


@pytest.mark.feature("OBS-04")
@pytest.mark.parametrize("path", PAGES)
def test_no_page_takes_words_for_anything_else(path: str, yard: tuple[ModelRegistry, str], visitor: Visitor):
    registry, promotion = yard
    deployment = registry.list_deployments(MODEL)[0].id
    page = visitor.go(path.replace("{promotion}", promotion).replace("{deployment}", deployment))
    expect(page.get_by_text("Loading", exact=True)).to_have_count(0)
    assert visitor.fits, "the page has to be scrolled sideways"
    assert page.locator(FOREIGN).count() == 0
    assert page.get_by_role("alert").all_inner_texts() == []
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("window.longest") < MOST_BUSY_MS


@pytest.mark.feature("OBS-04")
@pytest.mark.parametrize("name", CARDS)
def test_no_card_keeps_a_page_busy(name: str, visitor: Visitor):
    page = visitor.go(f"/models/{quote(f'card {name}')}")
    expect(page.locator(".markdown").or_(page.get_by_text("too much to be shown"))).to_be_visible()
    links = page.locator(".markdown a").evaluate_all("(all) => all.map((one) => new URL(one.href).protocol)")
    assert set(links) <= {"https:", "http:", "mailto:"}
    assert page.locator(FOREIGN).count() == 0
    assert visitor.fits
    assert page.evaluate("window.longest") < MOST_BUSY_MS


def test_a_link_of_a_card_tells_nobody_where_it_was(visitor: Visitor):
    page = visitor.go("/models/card%20attack")
    link = page.locator(".markdown a").first
    expect(link).to_have_attribute("rel", "noreferrer noopener")


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_odd_name_has_an_address_that_lasts(name: str, visitor: Visitor):
    page = visitor.go("/?q=alpha")
    visitor.go(f"/models/{quote(name, safe='')}")
    expect(page.get_by_role("heading", level=1, name=name, exact=True)).to_be_visible()
    page.get_by_role("link", name=ODD_VERSION, exact=True).first.click()
    title = page.get_by_role("heading", level=1, name=f"{name} {ODD_VERSION}", exact=True)
    expect(title).to_be_visible()
    address = page.url
    page.reload()
    expect(title).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", level=1, name=name, exact=True)).to_be_visible()
    page.go_forward()
    expect(title).to_be_visible()
    assert page.url == address
    assert page.get_by_role("alert").count() == 0


def test_figures_at_the_ends_of_the_scale_are_no_rows_of_zeros(visitor: Visitor):
    page = visitor.go(f"/compare?v={MODEL}/3.0.0&v={MODEL}/2.0.0")
    table = page.get_by_role("table").first
    for name, told in (("large", "1E308"), ("small", "5E-324"), ("minus_zero", "0")):
        row = table.get_by_role("row").filter(has=page.get_by_text(name, exact=True))
        expect(row.get_by_role("cell").last).to_have_text(told)


def test_forty_aliases_are_forty_lines(visitor: Visitor):
    page = visitor.go(f"/models/{MODEL}")
    heights = page.locator("dl.facts dt", has_text="@alias-").evaluate_all(
        "(all) => all.map((one) => one.nextElementSibling.clientHeight)"
    )
    assert len(heights) == ALIASES
    assert max(heights) < 40
