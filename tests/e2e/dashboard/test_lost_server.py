"""A server that is killed, silent, slow or renewed while people look at it: nothing is lost, nothing is done twice."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from components.browser import Visitor, visit
from components.servers import ServerProcess
from components.yard_to_see import MODEL, fill
from modelyard import ModelRegistry

AWAY = r"net::ERR_"
# Each loads what it shows in a way of its own; all others do as the last one.
PAGES = [
    "/",
    "/?q=fraud",
    f"/models/{MODEL}",
    f"/compare?v={MODEL}/1.0.0&v={MODEL}/1.1.0",
    "/events",
    "/settings",
]
OPEN = """(path) => {
  const link = Object.assign(document.createElement("a"), { href: path });
  document.querySelector("main").append(link);
  link.click();
}"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with a yard, which may be killed; whoever does starts it again."""
    folder: Path = tmp_path_factory.mktemp("mortal")
    (folder / "model_registry").mkdir()
    running = ServerProcess(folder, {"MODELYARD_CACHE_PATH": str(folder / "cache")})
    try:
        with ModelRegistry(running.url) as registry:
            fill(registry, folder)
        yield running
    finally:
        running.stop()


@pytest.fixture
def visitor(server: ServerProcess, browser: Browser) -> Iterator[Visitor]:
    with visit(browser, server.url) as looking:
        looking.allow(AWAY)
        yield looking


def connection(page: Page) -> Locator:
    """What the frame of each page tells of the stream of events."""
    return page.get_by_role("banner").get_by_role("status")


@pytest.mark.feature("OBS-04")
def test_pages_that_are_opened_while_the_server_is_away_come_back_by_themselves(
    server: ServerProcess, visitor: Visitor
):
    page = visitor.go("/settings")
    for path in PAGES:
        page.evaluate(OPEN, path)
        expect(page.get_by_role("heading", level=1)).not_to_have_text("")
        page.get_by_text("Loading", exact=True).first.wait_for(state="detached")
    for path in PAGES:
        page.evaluate(OPEN, "/people" if path == "/settings" else "/settings")
        expect(connection(page)).to_have_text("Live")
        with server.killed():
            expect(connection(page)).to_have_text(re.compile("lost"))
            page.evaluate(OPEN, path)
            expect(page.get_by_role("main").get_by_role("alert").first).to_contain_text("does not answer")
        expect(connection(page)).to_have_text("Live", timeout=30_000)
        expect(page.get_by_role("main").get_by_role("alert")).to_have_count(0)


@pytest.mark.feature("OBS-04")
def test_who_saw_no_event_yet_misses_none_while_the_server_is_away(server: ServerProcess, visitor: Visitor):
    page = visitor.go("/models/churn")
    expect(connection(page)).to_have_text("Live")
    with server.killed():
        expect(connection(page)).to_have_text(re.compile("lost"))
    # It happens before the page follows again.
    with ModelRegistry(server.url) as registry:
        registry.update_model("churn", owner="grace")
    expect(page.get_by_text("grace").first).to_be_visible(timeout=30_000)


def test_a_server_that_says_nothing_any_more_is_told_as_lost(server: ServerProcess, visitor: Visitor):
    page = visitor.page
    page.clock.install()
    visitor.go("/settings")
    expect(connection(page)).to_have_text("Live")
    server.signal(signal.SIGSTOP)
    try:
        page.clock.run_for(60_000)
        expect(connection(page)).to_have_text(re.compile("lost"))
    finally:
        server.signal(signal.SIGCONT)
    page.clock.run_for(60_000)
    expect(connection(page)).to_have_text("Live")


def new_alias(page: Page, name: str) -> Locator:
    """The dialog that sets an alias of version 1.1.0, filled in."""
    page.get_by_role("button", name="Set alias").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Alias").fill(name)
    return dialog


@pytest.mark.feature("OBS-04")
def test_a_dialog_keeps_what_was_typed_while_the_server_is_away(server: ServerProcess, visitor: Visitor):
    page = visitor.go(f"/models/{MODEL}/versions/1.1.0")
    dialog = new_alias(page, "typed-with-care")
    with server.killed():
        dialog.get_by_role("button", name="Set alias").click()
        expect(dialog.get_by_role("alert")).to_contain_text("does not answer")
    expect(connection(page)).to_have_text("Live", timeout=30_000)
    expect(dialog.get_by_label("Alias")).to_have_value("typed-with-care")
    dialog.get_by_role("button", name="Set alias").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_text("@typed-with-care").first).to_be_visible()


def test_what_was_done_though_nobody_heard_of_it_is_not_done_again(server: ServerProcess, visitor: Visitor):
    with ModelRegistry(server.url) as registry:
        promotion = registry.request_promotion(f"{MODEL}/1.1.0", target_stage="staging", requester="ana")
    page = visitor.go(f"/promotions/{promotion.id}")
    # Nobody stands in the stage that is asked for.
    visitor.allow(r"fraud%2Fstaging/metadata")
    page.get_by_role("button", name="Comment").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").first.fill("once is enough")

    def cut(route):
        route.fetch()
        route.abort()

    page.route("**/comments", cut, times=1)
    dialog.get_by_role("button", name="Comment").click()
    expect(dialog.get_by_role("alert")).to_contain_text("does not answer")
    dialog.get_by_role("button", name="Comment").click()
    expect(dialog).to_be_hidden()
    with ModelRegistry(server.url) as registry:
        comments = registry.get_promotion(promotion).comments
        assert [one.text for one in comments] == ["once is enough"]
        # To say the same again later is another thing.
        page.get_by_role("button", name="Comment").click()
        dialog.get_by_role("textbox").first.fill("once is enough")
        dialog.get_by_role("button", name="Comment").click()
        expect(dialog).to_be_hidden()
        assert len(registry.get_promotion(promotion).comments) == 2


def test_an_impatient_click_acts_once_and_cannot_be_taken_back(server: ServerProcess, visitor: Visitor):
    page = visitor.go(f"/models/{MODEL}/versions/1.1.0")
    dialog = new_alias(page, "twice")
    held: list[Route] = []
    sent = []

    def hold(route: Route) -> None:
        held.append(route)

    page.on("request", lambda asked: sent.append(asked) if asked.method == "PUT" else None)
    page.route("**/aliases/twice", hold)
    dialog.get_by_role("button", name="Set alias").dblclick()
    expect(dialog).to_contain_text("Working")
    # What is under way cannot be cancelled any more, and a button must not say so.
    expect(dialog.get_by_role("button", name="Cancel")).to_be_disabled()
    held[0].continue_()
    expect(dialog).to_be_hidden()
    assert len(sent) == 1


@pytest.mark.feature("OBS-04")
def test_a_tab_that_is_open_while_the_server_is_renewed_loads_what_is_new(server: ServerProcess, visitor: Visitor):
    page = visitor.go("/settings")
    expect(connection(page)).to_have_text("Live")
    visitor.allow("status of 404")
    # The files of a new build have other names, and the old ones are gone.
    page.route(re.compile(r"/assets/releases-.*\.js"), lambda route: route.fulfill(status=404), times=1)
    page.get_by_role("link", name="Deployments").click()
    expect(page.get_by_role("heading", level=1, name="Deployments")).to_be_visible()
    page.wait_for_url("**/deployments")
    assert page.evaluate("performance.getEntriesByType('navigation')[0].type") == "reload"


def test_a_page_whose_file_is_not_there_at_all_says_so_and_does_not_load_for_ever(
    server: ServerProcess, visitor: Visitor
):
    visitor.allow("status of 404")
    page = visitor.go("/settings")
    tries: list[Route] = []

    def refuse(route: Route) -> None:
        tries.append(route)
        route.fulfill(status=404)

    page.route(re.compile(r"/assets/events-.*\.js"), refuse)
    page.get_by_role("link", name="Events").click()
    expect(page.get_by_role("heading", level=1, name="This page cannot be shown")).to_be_visible()
    assert len(tries) == 2
    page.get_by_role("link", name="Deployments").click()
    expect(page.get_by_role("heading", level=1, name="Deployments")).to_be_visible()


def test_a_page_that_was_never_loaded_comes_when_the_server_does(server: ServerProcess, visitor: Visitor):
    page = visitor.go("/settings")
    page.evaluate("window.isTheSame = true")
    expect(connection(page)).to_have_text("Live")
    with server.killed():
        expect(connection(page)).to_have_text(re.compile("lost"))
        page.get_by_role("link", name="Compare").click()
        expect(page.get_by_role("heading", level=1, name="This page did not load")).to_be_visible()
        page.go_back()
        expect(page.get_by_role("heading", level=1, name="Settings")).to_be_visible()
    # Whoever went elsewhere is left alone.
    expect(connection(page)).to_have_text("Live", timeout=30_000)
    assert page.evaluate("window.isTheSame")
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("heading", level=1, name="Compare")).to_be_visible(timeout=30_000)
