"""People who have to say who they are: tokens that end while they look, tabs that share one, nothing left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from components.browser import visit
from components.servers import server_process
from components.yard_to_see import MODEL, fill
from modelyard import ModelRegistry
from modelyard.domain.wire import IssuedToken

STORED = "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, history.state])"
PAGES = (
    "/",
    f"/models/{MODEL}",
    f"/models/{MODEL}/versions/1.0.0?tab=use",
    "/events",
    "/people?tab=tokens",
    "/settings",
)
Issue = Callable[[str], IssuedToken]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Issue, ModelRegistry]]:
    """A server that asks for tokens: its address, what issues one to somebody, and the registry behind it."""
    folder: Path = tmp_path_factory.mktemp("guarded")
    (folder / "model_registry").mkdir()
    with server_process(folder, {"MODELYARD_CACHE_PATH": str(folder / "cache")}) as url, ModelRegistry(url) as registry:
        fill(registry, folder)
    with ModelRegistry(folder / "model_registry") as local:
        local.create_user("ada", "admin")
        local.create_user("vic", "viewer")
        local.create_user("cal", "caller")
        local.create_user("sue", [{"allow": "viewer", "model": "churn"}])
        with server_process(folder, {"MODELYARD_AUTH_ENABLED": "true"}) as url:
            yield url, local.create_token, local


def sign_in(page: Page, token: str, *, remember: bool = False) -> None:
    page.get_by_label("API token").fill(token)
    page.get_by_label("Remember").set_checked(remember)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Signed in as")).to_be_visible()


def asks(page: Page) -> None:
    """Wait for the page to ask for a token, and for nothing else to be left on it."""
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_role("navigation")).to_have_count(0)
    assert MODEL not in page.locator("body").inner_text()


@pytest.mark.feature("OBS-04")
def test_a_token_is_neither_shown_nor_sent_anywhere_but_in_its_header(guarded, browser: Browser):
    url, issue, _ = guarded
    token = issue("ada").token
    with visit(browser, url) as visitor:
        visitor.allow(r"status of 401")
        page, seen = visitor.page, []
        page.on(
            "request", lambda asked: seen.append(asked.url + asked.headers.get("referer", "") + str(asked.post_data))
        )
        page.on("console", lambda message: seen.append(message.text))
        visitor.go("/")
        sign_in(page, token)
        for path in PAGES:
            visitor.go(path)
            page.get_by_text("Loading", exact=True).first.wait_for(state="detached")
            expect(page.get_by_text("Live", exact=True)).to_be_visible()
            seen.append(page.content())
    assert len(seen) > 30
    assert [one for one in seen if token in one] == []


@pytest.mark.feature("OBS-04")
def test_a_token_that_is_revoked_takes_the_page_with_it(guarded, browser: Browser):
    url, issue, local = guarded
    issued = issue("vic")
    with visit(browser, url) as visitor:
        visitor.allow(r"status of 401")
        page = visitor.go(f"/models/{MODEL}")
        sign_in(page, issued.token)
        expect(page.get_by_role("heading", level=1, name=MODEL)).to_be_visible()
        expect(page.get_by_text("Live", exact=True)).to_be_visible()
        local.revoke_token(issued.id)
        # Nobody touches the page: the stream tells it.
        asks(page)
        assert issued.token not in page.evaluate(STORED)
        # Another token leads on to the page that was looked at.
        sign_in(page, issue("vic").token)
        expect(page.get_by_role("heading", level=1, name=MODEL)).to_be_visible()


def test_a_late_refusal_of_an_old_token_does_not_end_the_new_one(guarded, browser: Browser):
    url, issue, local = guarded
    old, new = issue("vic"), issue("vic")
    with visit(browser, url) as visitor:
        visitor.allow(r"status of 401")
        page = visitor.go("/settings")
        sign_in(page, old.token)
        expect(page.get_by_text("Live", exact=True)).to_be_visible()
        held: list[Route] = []

        def hold(route: Route) -> None:
            held.append(route)

        page.route("**/api/stages/graph*", hold)
        page.route("**/api/deployments*", hold)
        page.get_by_role("link", name="Deployments").click()
        expect(page.get_by_role("heading", level=1, name="Deployments")).to_be_visible()
        local.revoke_token(old.id)
        asks(page)
        sign_in(page, new.token)
        assert held
        for route in held:
            route.continue_()
        expect(page.get_by_role("heading", level=1, name="Deployments")).to_be_visible()
        expect(page.get_by_text("Signed in as vic")).to_be_visible()


@pytest.mark.feature("OBS-04")
def test_who_signs_out_leaves_nothing_behind_in_any_tab(guarded, browser: Browser):
    url, issue, _ = guarded
    token = issue("ada").token
    with visit(browser, url) as visitor:
        visitor.allow(r"status of 401")
        one = visitor.go(f"/models/{MODEL}")
        sign_in(one, token, remember=True)
        expect(one.get_by_role("heading", level=1, name=MODEL)).to_be_visible()
        one.get_by_role("link", name="Events").click()
        expect(one.get_by_text("Live", exact=True)).to_be_visible()
        other = visitor.context.new_page()
        other.goto(f"{url}/models/{MODEL}")
        expect(other.get_by_text("Signed in as ada")).to_be_visible()
        streams = []
        one.on("requestfailed", lambda asked: streams.append(asked.url))
        one.get_by_role("button", name="Sign out").click()
        asks(one)
        asks(other)
        assert any("/api/events/stream" in address for address in streams)
        assert one.url == f"{url}/"
        for tab in (one, other):
            assert token not in tab.evaluate(STORED)
        one.go_back()
        asks(one)


@pytest.mark.feature("OBS-04")
def test_who_may_only_look_is_told_so_by_the_server(guarded, browser: Browser):
    url, issue, _ = guarded
    with visit(browser, url) as visitor:
        visitor.allow(r"status of 40[13]")
        page = visitor.go(f"/models/{MODEL}/versions/1.1.0")
        sign_in(page, issue("vic").token)
        page.get_by_role("button", name="Set alias").first.click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Alias").fill("mine")
        dialog.get_by_role("button", name="Set alias").click()
        expect(dialog.get_by_role("alert")).to_contain_text("permission_denied")
        expect(dialog.get_by_role("alert")).to_contain_text("an administrator can grant more")
        expect(dialog.get_by_label("Alias")).to_have_value("mine")


@pytest.mark.feature("OBS-04")
def test_who_sees_some_models_sees_those(guarded, browser: Browser):
    url, issue, local = guarded
    with visit(browser, url) as visitor:
        visitor.allow(r"status of 40[13]")
        page = visitor.go("/")
        sign_in(page, issue("sue").token)
        expect(page.get_by_role("link", name="churn", exact=True)).to_be_visible()
        expect(page.get_by_text("Live", exact=True)).to_be_visible()
        local.update_model(MODEL, owner="somebody")
        local.update_model("churn", owner="grace")
        expect(page.get_by_role("link", name="grace")).to_be_visible()
        assert MODEL not in page.get_by_role("main").inner_text()
        visitor.go(f"/models/{MODEL}")
        expect(page.get_by_role("alert").first).to_contain_text("permission_denied")


def test_who_may_not_follow_events_is_not_told_that_the_server_is_lost(guarded, browser: Browser):
    url, issue, _ = guarded
    with visit(browser, url) as visitor:
        visitor.allow(r"status of 40[13]")
        visitor.page.clock.install()
        page, streams = visitor.go("/people"), []
        sign_in(page, issue("cal").token)
        expect(page.get_by_text("Not following")).to_be_visible()
        page.on("request", lambda asked: streams.append(asked) if "/events/stream" in asked.url else None)
        page.clock.run_for(60_000)
        expect(page.get_by_text("Not following")).to_be_visible()
        assert streams == []


def test_a_token_that_no_header_can_carry_is_refused_in_words(guarded, browser: Browser):
    url, _, _ = guarded
    with visit(browser, url) as visitor:
        visitor.allow(r"status of 401")
        page = visitor.go("/")
        for wrong in ("my_…", "\u202emy", "a b", "Bearer x", "x" * 20_000):
            page.get_by_label("API token").fill(wrong)
            page.get_by_role("button", name="Sign in").click()
            expect(page.get_by_role("alert")).to_be_visible()
            page.get_by_label("API token").fill("")
            assert wrong not in page.evaluate(STORED)
