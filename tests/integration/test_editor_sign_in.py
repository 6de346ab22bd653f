"""Signing in to the editors' room, staying in, and being kept out."""

import re
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import Engine, func, select

from db.engine import reading
from db.models import AuditEntry, Letter, Session
from newsletter.clock import Clock
from newsletter.editors.invite import add_editor, remove_editor
from newsletter.editors.sign_in import make_link, request_link
from newsletter.settings import Settings
from newsletter.web.app import create_app
from newsletter.web.session import COOKIE
from tests.conftest import one_database
from tests.fakes.browser import Browser
from tests.fakes.times import MONDAY


@pytest.fixture
def browser(engine: Engine, settings: Settings) -> Browser:
    return Browser(create_app(settings, engine, Clock(MONDAY, running=False)))


def path_of(link: str) -> str:
    return link.removeprefix("https://news.example.com")


def sign_in(browser: Browser, engine: Engine, settings: Settings, email: str = "ada@example.com") -> None:
    add_editor(engine, email, "editor", MONDAY)
    answer = browser.post(path_of(make_link(engine, email, settings, MONDAY)))
    assert answer.status_code == 303


def csrf_on(answer: httpx.Response) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', answer.text)
    assert found
    return found[1]


@one_database
def test_without_a_session_the_desk_leads_to_the_sign_in_page(browser: Browser) -> None:
    answer = browser.get("/editor")
    assert (answer.status_code, answer.headers["location"]) == (303, "/editor/sign-in")


def test_every_address_gets_the_same_answer_and_only_an_editor_gets_a_letter(browser: Browser, engine: Engine) -> None:
    add_editor(engine, "Ada@Example.com", "editor", MONDAY)
    known = browser.post("/editor/sign-in", data={"email": "ada@example.com"})
    unknown = browser.post("/editor/sign-in", data={"email": "nobody@example.com"})
    nonsense = browser.post("/editor/sign-in", data={"email": "no address\x00"})
    assert known.status_code == unknown.status_code == nonsense.status_code == 200
    assert known.text == unknown.text == nonsense.text
    with reading(engine) as connection:
        letters = connection.execute(select(Letter.kind, Letter.email, Letter.data)).all()
    assert [(letter.kind, letter.email) for letter in letters] == [("sign_in", "ada@example.com")]
    assert set(letters[0].data) == {"sign_in_id"}, "a letter waits with an id, never with a token"


@one_database
def test_a_stranger_does_not_use_up_an_editor_s_letters(engine: Engine, settings: Settings) -> None:
    add_editor(engine, "ada@example.com", "editor", MONDAY)

    def letters_after(clients: list[str]) -> int | None:
        for client in clients:
            request_link(engine, "ada@example.com", client, settings, MONDAY)
        with reading(engine) as connection:
            return connection.scalar(select(func.count(Letter.id)))

    assert letters_after(["192.0.2.1"] * 20 + ["198.51.100.7"] * 2) == 15 + 2
    assert letters_after([f"203.0.113.{number}" for number in range(60)]) == 60


def test_opening_the_link_changes_nothing_and_its_button_signs_in_once(
    browser: Browser, engine: Engine, settings: Settings
) -> None:
    add_editor(engine, "ada@example.com", "editor", MONDAY)
    path = path_of(make_link(engine, "ada@example.com", settings, MONDAY))
    for _ in range(3):
        assert "<button>Sign in</button>" in browser.get(path).text
    answer = browser.post(path)
    cookie = answer.headers["set-cookie"]
    assert answer.status_code == 303
    assert {"HttpOnly", "Secure", "Path=/editor"} <= set(cookie.split("; "))
    assert "samesite=lax" in cookie.lower()
    assert browser.get("/editor").status_code == 200
    assert browser.post(path).status_code == 404
    assert browser.get(path).status_code == 404


@one_database
def test_who_opens_a_used_link_again_is_told_that_they_are_signed_in(
    browser: Browser, engine: Engine, settings: Settings
) -> None:
    add_editor(engine, "ada@example.com", "editor", MONDAY)
    path = path_of(make_link(engine, "ada@example.com", settings, MONDAY))
    browser.post(path)
    for answer in (browser.get(path), browser.post(path)):  # the mail's link, and a button that is pressed twice
        assert answer.status_code == 404
        assert "you are signed in as ada@example.com" in answer.text
        assert "Ask for a new link" not in answer.text
    browser.cookies.clear()
    assert "Ask for a new link" in browser.get(path).text


def test_a_link_is_too_old_after_fifteen_minutes(browser: Browser, engine: Engine, settings: Settings) -> None:
    add_editor(engine, "ada@example.com", "editor", MONDAY)
    old = make_link(engine, "ada@example.com", settings, MONDAY - timedelta(minutes=15))
    young = make_link(engine, "ada@example.com", settings, MONDAY - timedelta(minutes=14))
    assert browser.post(path_of(old)).status_code == 404
    assert browser.post(path_of(young)).status_code == 303


@one_database
@pytest.mark.parametrize("token", ["x", "A" * 43, "%00", "a" * 5000])
def test_a_token_that_is_none_is_not_found(browser: Browser, token: str) -> None:
    assert browser.get(f"/editor/sign-in/{token}").status_code == 404
    assert browser.post(f"/editor/sign-in/{token}").status_code == 404


def test_a_removed_editor_is_out_at_once(browser: Browser, engine: Engine, settings: Settings) -> None:
    sign_in(browser, engine, settings)
    late = make_link(engine, "ada@example.com", settings, MONDAY)
    remove_editor(engine, "ada@example.com", MONDAY)
    assert browser.get("/editor").status_code == 303
    assert browser.post(path_of(late)).status_code == 404


def test_signing_out_everywhere_ends_every_session(browser: Browser, engine: Engine, settings: Settings) -> None:
    sign_in(browser, engine, settings)
    sign_in(browser, engine, settings)
    browser.post("/editor/sign-out-everywhere", data={"csrf": csrf_on(browser.get("/editor"))})
    with reading(engine) as connection:
        assert connection.execute(select(Session.token_hash)).all() == []
        assert "signed out everywhere" in connection.scalars(select(AuditEntry.what)).all()


@one_database
def test_a_form_without_the_sessions_token_is_refused(browser: Browser, engine: Engine, settings: Settings) -> None:
    sign_in(browser, engine, settings)
    for forged in ({}, {"csrf": ""}, {"csrf": "0" * 64}, {"csrf": "é"}):
        assert browser.post("/editor/sign-out-everywhere", data=forged).status_code == 403
    assert browser.get("/editor").status_code == 200


@one_database
@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://evil.example"}, {"origin": "null"}, {"origin": "http://[::1"},
     {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}],
)  # fmt: skip
def test_a_foreign_page_cannot_post(
    browser: Browser, engine: Engine, settings: Settings, headers: dict[str, str]
) -> None:
    sign_in(browser, engine, settings)
    csrf = csrf_on(browser.get("/editor"))
    assert browser.post("/editor/sign-out", data={"csrf": csrf}, headers=headers).status_code == 403
    assert browser.post("/editor/sign-in", data={"email": "ada@example.com"}, headers=headers).status_code == 403
    assert browser.get("/editor").status_code == 200


@one_database
def test_a_link_from_elsewhere_puts_no_words_on_a_page(browser: Browser, engine: Engine, settings: Settings) -> None:
    for fetched, shown in (("same-origin", True), ("cross-site", False), ("none", False)):
        page = browser.get("/editor/sign-in?said=Call+this+number", headers={"sec-fetch-site": fetched}).text
        assert ("Call this number" in page) == shown, fetched


def test_what_was_typed_survives_a_lost_session(browser: Browser, engine: Engine, settings: Settings) -> None:
    sign_in(browser, engine, settings)
    browser.cookies.clear()
    long = "An intro that took an hour to write, <b>with markup</b> in it."
    answer = browser.post("/editor/sign-out-everywhere", data={"csrf": "old", "intro": long})
    assert answer.status_code == 401
    assert "An intro that took an hour to write, &lt;b&gt;" in answer.text


@one_database
@pytest.mark.parametrize("path", ["/issues/2026-W47/receipt/now", "/issues/2026-W47/findings", "/tool-names"])
def test_a_part_of_a_page_without_a_session_is_a_short_notice(browser: Browser, path: str) -> None:
    answer = browser.get("/editor" + path, headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.text.count("<p") == 1
    assert "You are signed out. Nothing that you typed is lost" in answer.text
    assert "<html" not in answer.text
    assert browser.get("/editor" + path).headers["location"] == "/editor/sign-in"


@one_database
def test_a_part_that_is_posted_from_a_page_of_an_earlier_session_says_so_and_is_no_page(
    browser: Browser, engine: Engine, settings: Settings
) -> None:
    card = "/editor/tools/curly/takes/builder/card"
    signed_out = browser.post(card, data={"call": "ship"}, headers={"HX-Request": "true"})
    sign_in(browser, engine, settings)
    in_anew = browser.post(card, data={"call": "ship", "csrf": "old"}, headers={"HX-Request": "true"})
    assert (signed_out.status_code, in_anew.status_code) == (401, 401)
    assert "You are signed out" in signed_out.text
    assert "You signed in anew" in in_anew.text
    assert "<html" not in signed_out.text + in_anew.text


@one_database
def test_a_session_cookie_that_is_none_is_no_session(browser: Browser) -> None:
    browser.cookies.set(COOKIE, "a" * 43, path="/editor")
    assert browser.get("/editor").status_code == 303


@one_database
def test_nothing_of_the_room_is_stored_by_a_browser(browser: Browser, engine: Engine, settings: Settings) -> None:
    sign_in(browser, engine, settings)
    assert browser.get("/editor").headers["cache-control"] == "no-store"
