"""Nothing moves while a page is made, however late its parts come; and long lists are drawn only where one looks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, ViewportSize, expect

from components.browser import visit
from components.busy_yard import MANY, crowd
from components.servers import server_process
from components.stillness import go_within, moved, slow_down
from components.yard_to_see import MODEL
from modelyard import ModelRegistry

MOST = 0.02
WIDE: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 360, "height": 740}
LISTS = {
    "yard": "/",
    "search": "/?q=fraud",
    "compare nothing": "/compare",
    "promotions": "/promotions",
    "deployments": "/deployments",
    "endpoints": "/endpoints",
    "alerts": "/alerts",
    "rules": "/alerts?tab=rules",
    "silences": "/alerts?tab=silences",
    "channels": "/alerts?tab=channels",
    "events": "/events",
    "people": "/people",
    "users": "/people?tab=users",
    "tokens": "/people?tab=tokens",
    "storage": "/storage",
    "forwards": "/storage?tab=forwards",
    "webhooks": "/storage?tab=webhooks",
    "settings": "/settings",
}
VERSION = f"/models/{MODEL}/versions/1.1.0"
PAGES = LISTS | {
    "model": f"/models/{MODEL}",
    "model of many versions": f"/models/{MANY}",
    "version": VERSION,
    "files": f"{VERSION}?tab=files",
    "signature": f"{VERSION}?tab=signature",
    "gates": f"{VERSION}?tab=gates",
    "lineage": f"{VERSION}?tab=lineage",
    "use": f"{VERSION}?tab=use",
    "compare": f"/compare?v={MODEL}/1.0.0&v={MODEL}/1.1.0&v={MODEL}/1.2.0",
    "promotion": "/promotions/{promotion}",
    "live deployment": "/deployments/{live}",
    "ended deployment": "/deployments/{ended}",
    "endpoint": f"/endpoints/{MODEL}",
    "history": f"/endpoints/{MODEL}?tab=history",
    "snapshots": f"/endpoints/{MODEL}?tab=snapshots",
    "events of a model": f"/events?model={MODEL}",
}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """A server with everything that a page can show; yield its address and the ids of what has one."""
    folder: Path = tmp_path_factory.mktemp("busy")
    (folder / "model_registry").mkdir()
    with server_process(folder, {"MODELYARD_CACHE_PATH": str(folder / "cache")}) as url, ModelRegistry(url) as registry:
        yield url, crowd(registry, folder)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with nothing."""
    folder: Path = tmp_path_factory.mktemp("empty")
    (folder / "model_registry").mkdir()
    with server_process(folder) as url:
        yield url


def check(browser: Browser, url: str, path: str) -> None:
    """Open a page in a wide window; leave it, and come back to it from within, in a narrow one."""
    with visit(browser, url, viewport=WIDE) as visitor:
        # A stage that nobody holds has no version; the page of a promotion asks all the same.
        visitor.allow(r"status of 404 .*%2Fstaging/metadata")
        slow_down(visitor)
        visitor.go(path)
        loaded = moved(visitor)
        assert loaded.score <= MOST, f"loaded: {loaded.what}"
        visitor.page.set_viewport_size(PHONE)
        go_within(visitor, "/" if path == "/settings" else "/settings")
        moved(visitor)
        go_within(visitor, path)
        again = moved(visitor)
        assert again.score <= MOST, f"come to from within: {again.what}"


@pytest.mark.feature("OBS-04")
@pytest.mark.parametrize("name", PAGES)
def test_nothing_moves_while_a_page_is_made(name, busy: tuple[str, dict[str, str]], browser: Browser):
    url, ids = busy
    check(browser, url, PAGES[name].format(**ids))


@pytest.mark.feature("OBS-04")
@pytest.mark.parametrize("name", LISTS)
def test_nothing_moves_where_there_is_nothing_yet(name, empty: str, browser: Browser):
    check(browser, empty, LISTS[name])


@pytest.mark.feature("OBS-04")
def test_a_list_stays_while_more_of_it_or_another_part_is_asked_for(busy: tuple[str, dict[str, str]], browser: Browser):
    with visit(browser, busy[0]) as visitor:
        slow_down(visitor)
        page = visitor.go("/deployments")
        moved(visitor)
        page.evaluate("window.gone = 0")
        page.evaluate("""new MutationObserver(() => { window.gone += document.querySelector('.deployments') ? 0 : 1; })
            .observe(document.querySelector('main'), { childList: true, subtree: true })""")
        page.get_by_label("State").select_option("ROLLED_BACK")
        expect(page.locator(".deployments > li")).to_have_count(1)
        assert page.evaluate("window.gone") == 0


def drawn(page: Page) -> int:
    """Tell of how many elements the page is made."""
    return int(page.evaluate("document.querySelectorAll('*').length"))


@pytest.mark.feature("OBS-04")
def test_of_ten_thousand_versions_only_those_in_sight_are_drawn(busy: tuple[str, dict[str, str]], browser: Browser):
    count = 10_000

    def answer(route: Route) -> None:
        """Answer with all versions at once, whatever page of them is asked for: the server's own are made of one."""
        response = route.fetch()
        first = response.json()["versions"][0]
        made = [{**first, "id": f"mv_{number}", "version": f"9.{number}.0"} for number in range(count, 0, -1)]
        route.fulfill(response=response, body=json.dumps({"versions": made, "next_page_token": ""}))

    with visit(browser, busy[0]) as visitor:
        visitor.page.route("**/api/models/*/versions?limit=100*", answer)
        page = visitor.go(f"/models/{MANY}")
        listed = page.get_by_role("list", name="Versions")
        expect(listed.get_by_text(f"9.{count}.0", exact=True)).to_be_visible(timeout=60_000)
        assert drawn(page) < 2_500
        listed.evaluate("(one) => { one.scrollTop = one.scrollHeight; }")
        expect(listed.get_by_role("listitem").last).to_have_attribute("aria-posinset", str(count))
        assert drawn(page) < 2_500


@pytest.mark.feature("OBS-04")
def test_of_five_thousand_files_a_part_is_drawn_until_more_are_wanted(
    busy: tuple[str, dict[str, str]], browser: Browser
):
    def answer(route: Route) -> None:
        """Answer with the version as it is, but for a great many files."""
        response = route.fetch()
        record = response.json()
        record["files"] = [{**record["files"][0], "path": f"part-{number}.bin"} for number in range(5_000)]
        route.fulfill(response=response, body=json.dumps(record))

    with visit(browser, busy[0]) as visitor:
        visitor.page.route("**/api/models/*/metadata", answer)
        page = visitor.go(f"{VERSION}?tab=files")
        rows = page.get_by_role("table", name="Files").get_by_role("row")
        expect(rows).to_have_count(101)
        assert drawn(page) < 2_500
        page.get_by_role("button", name="Show more").click()
        expect(rows).to_have_count(201)
