"""Votes and bookmarks over HTTP: by cookie on pages, by link from the mail, and whoever else tries."""

import re
from dataclasses import replace

import pytest
from sqlalchemy import Engine, select

from db.engine import reading, transaction
from db.keys import newest_link_key
from db.models import Bookmark, Confirmation, Subscriber, Tool, Vote
from db.readership import erase_traces
from newsletter.clock import Clock, real_now
from newsletter.readers.identity import sign_reader
from newsletter.settings import Settings
from newsletter.subscribers.sign_up import SignUp, sign_up
from newsletter.subscribers.tokens import Link, one_time_token, sign_link, sign_tool
from newsletter.web.app import create_app
from tests.fakes.browser import Browser
from tests.fakes.pages import put, tool, words
from tests.fakes.sample_week import NOW


def link_of(engine: Engine, email: str, slug: str | None = None) -> str:
    with reading(engine) as connection:
        key_id, key = newest_link_key(connection)
        reader = connection.scalar(select(Subscriber.id).where(Subscriber.email == email))
        tool_id = connection.scalar(select(Tool.id).where(Tool.slug == slug))
    assert reader is not None
    token = sign_link(Link(reader, 1), key_id, key)
    return token if tool_id is None else f"{token}.{sign_tool(tool_id, key_id, key)}"


def test_a_vote_on_a_page_counts_once_per_browser_and_can_be_changed(engine: Engine, browser: Browser) -> None:
    put(engine, tool("a"))
    for call in ("ship", "ship", "skip"):
        answer = browser.post("/tools/a/vote", data={"call": call})
        assert (answer.status_code, answer.headers["location"]) == (303, "/tools/a")
    shown = words(browser.get("/tools/a").text)
    assert "0 % ship of 1 vote" in shown
    assert "Your vote: skip." in shown


@pytest.mark.parametrize("page", ["/tools/a", "/compare/a-vs-b"])
def test_who_presses_twice_before_the_cookie_comes_votes_once(engine: Engine, browser: Browser, page: str) -> None:
    put(engine, tool("a"), tool("b"))
    carried = re.search(r'action="/tools/a/vote#.*?name="reader" value="([^"]+)"', browser.get(page).text, re.S)
    assert carried
    for call in ("ship", "ship", "skip"):
        browser.cookies.clear()  # on a slow line it is still on its way
        browser.post("/tools/a/vote", data={"call": call, "reader": carried[1]})
    assert "0 % ship of 1 vote" in words(browser.get("/tools/a").text)
    assert 'name="reader"' not in browser.get(page).text, "the cookie says it from now on"


def test_a_form_makes_nobody_a_subscriber_or_another_browser(engine: Engine, settings: Settings, sent: Browser) -> None:
    assert settings.secret_key
    put(engine, tool("a"))
    sent.post("/tools/a/vote", data={"call": "ship"})
    for claimed in (sign_reader("subscriber:1", settings.secret_key), "browser:made-up." + "A" * 24):
        sent.post("/tools/a/vote", data={"call": "skip", "reader": claimed})
    with reading(engine) as connection:
        assert list(connection.execute(select(Vote.call))) == [("skip",)], "the cookie goes before"
    sent.cookies.clear()
    sent.post("/tools/a/vote", data={"call": "ship", "reader": sign_reader("subscriber:1", settings.secret_key)})
    with reading(engine) as connection:
        voters = list(connection.scalars(select(Vote.voter)))
    assert len(voters) == 2
    assert all(voter.startswith("browser:") for voter in voters)


def test_the_cookie_is_for_this_site_alone_and_not_for_scripts(engine: Engine, browser: Browser) -> None:
    put(engine, tool("a"))
    assert "set-cookie" not in browser.get("/tools/a").headers
    cookie = browser.post("/tools/a/vote", data={"call": "ship"}).headers["set-cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=lax", "Secure", "Path=/", "Max-Age"))


def test_a_forged_cookie_is_a_new_browser(engine: Engine, browser: Browser) -> None:
    put(engine, tool("a"))
    browser.cookies.set("reader", "subscriber:1." + "A" * 24)
    assert browser.post("/tools/a/vote", data={"call": "ship"}).status_code == 303
    with reading(engine) as connection:
        (voter,) = connection.scalars(select(Vote.voter))
    assert voter.startswith("browser:")


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://[::1"},
    ],
)
def test_another_sites_form_votes_for_nobody(engine: Engine, browser: Browser, headers: dict[str, str]) -> None:
    put(engine, tool("a"))
    for path in ("/tools/a/vote", "/tools/a/bookmark", "/bookmarks/forget"):
        assert browser.post(path, data={"call": "ship", "save": "yes"}, headers=headers).status_code == 403
    assert "No community votes yet" in browser.get("/tools/a").text


@pytest.mark.parametrize("origin", ["https://news.example.com", "https://internal.example"])
def test_our_own_forms_get_in_behind_a_proxy_too(engine: Engine, browser: Browser, origin: str) -> None:
    put(engine, tool("a"))
    headers = {"origin": origin, "host": "internal.example"}
    assert browser.post("/tools/a/vote", data={"call": "ship"}, headers=headers).status_code == 303


@pytest.mark.parametrize("data", [{}, {"call": ""}, {"call": "split"}, {"call": "SHIP; DROP TABLE"}])
def test_a_vote_that_is_none_is_explained(engine: Engine, browser: Browser, data: dict[str, str]) -> None:
    put(engine, tool("a"))
    answer = browser.post("/tools/a/vote", data=data)
    assert answer.status_code == 422
    assert "Ship or skip?" in answer.text


def test_votes_without_cookies_come_to_an_end(engine: Engine, settings: Settings, browser: Browser) -> None:
    put(engine, tool("a"))
    answers = []
    for _ in range(25):
        browser.cookies.clear()
        answers.append(browser.post("/tools/a/vote", data={"call": "ship"}))
    assert [answer.status_code for answer in answers].count(303) == 20
    assert answers[-1].status_code == 429
    assert answers[-1].headers["retry-after"] == "86400"


def test_back_leads_to_our_own_pages_alone(engine: Engine, browser: Browser) -> None:
    put(engine, tool("a"))
    for back, leads in (
        ("/compare/a-vs-b", "/compare/a-vs-b"), ("https://evil.example/tools/x", "/tools/a"),
        ("http://[::1", "/tools/a"), ("//evil.example", "/tools/a"),
        ("/tools/a\r\nSet-Cookie: x=y", "/tools/a"), ("/editor", "/tools/a"),
    ):  # fmt: skip
        answer = browser.post("/tools/a/vote", data={"call": "ship", "back": back})
        assert answer.headers["location"] == leads


def test_a_tool_is_saved_and_removed(engine: Engine, browser: Browser) -> None:
    put(engine, tool("a"))
    assert "Nothing is saved here yet" in browser.get("/bookmarks").text
    assert "Save for later" in browser.get("/tools/a").text
    browser.post("/tools/a/bookmark", data={"save": "yes"})
    assert "Saved – remove from bookmarks" in browser.get("/tools/a").text
    assert 'href="/tools/a"' in browser.get("/bookmarks").text
    assert browser.get("/bookmarks").headers["cache-control"] == "no-store"
    browser.post("/tools/a/bookmark", data={"save": "no", "back": "/bookmarks"})
    assert "Nothing is saved here yet" in browser.get("/bookmarks").text


def test_a_link_of_the_mail_shows_a_page_and_only_its_post_votes(engine: Engine, sent: Browser) -> None:
    address = f"/vote/{link_of(engine, 'ada@example.org', 'curly')}"
    for method in ("GET", "HEAD"):
        answer = sent.ask(method, address)
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
    with reading(engine) as connection:
        assert list(connection.scalars(select(Vote.id))) == []
    page = sent.get(address)
    assert "Would you ship Curly?" in words(page.text)
    assert len(re.findall(r"<form", page.text)) == 1
    assert re.findall(r'name="call" value="(\w+)"', page.text) == ["ship", "skip"]
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "noindex" in page.headers["x-robots-tag"]
    assert "Your vote is counted: ship" in words(sent.post(address, data={"call": "ship"}).text)
    assert "Your vote is counted: skip" in words(sent.post(address, data={"call": "skip"}).text)
    assert "0 % ship of 1 vote" in words(sent.get("/tools/curly").text)


def test_voting_by_link_and_in_the_same_browser_is_one_vote(engine: Engine, sent: Browser) -> None:
    sent.post("/tools/curly/vote", data={"call": "ship"})
    sent.post(f"/vote/{link_of(engine, 'ada@example.org', 'curly')}", data={"call": "skip"})
    sent.post("/tools/curly/vote", data={"call": "ship"})
    assert "100 % ship of 1 vote" in words(sent.get("/tools/curly").text)


def test_bookmarks_of_a_browser_move_to_the_subscription(engine: Engine, sent: Browser) -> None:
    sent.post("/tools/inkwell/bookmark", data={"save": "yes"})
    address = f"/bookmark/{link_of(engine, 'ada@example.org', 'curly')}"
    assert "Save Curly for later?" in words(sent.get(address).text)
    assert "Curly is saved" in words(sent.post(address, data={"save": "yes"}).text)
    assert re.findall(r'<h2><a href="/tools/(\w+)"', sent.get("/bookmarks").text) == [
        "curly",
        "inkwell",
    ]
    sent.cookies.clear()
    mine = f"/bookmark/{link_of(engine, 'ada@example.org')}"
    assert re.findall(r'<h2><a href="/tools/(\w+)"', sent.get(mine).text) == ["curly", "inkwell"]
    assert "Nothing is saved" in sent.get("/bookmarks").text
    sent.post(mine)
    assert "curly" in sent.get("/bookmarks").text
    sent.post("/bookmarks/forget")
    assert "Nothing is saved" in sent.get("/bookmarks").text


def test_a_foreign_page_draws_no_bookmarks_to_its_own_subscription(engine: Engine, sent: Browser) -> None:
    sent.post("/tools/inkwell/bookmark", data={"save": "yes"})
    before = dict(sent.cookies)
    address = f"/bookmark/{link_of(engine, 'ada@example.org', 'curly')}"
    assert sent.post(address, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200
    assert dict(sent.cookies) == before
    assert re.findall(r'<h2><a href="/tools/(\w+)"', sent.get("/bookmarks").text) == ["inkwell"]


def test_what_a_browser_saved_goes_along_when_its_reader_confirms(
    engine: Engine, settings: Settings, sent: Browser
) -> None:
    sent.post("/tools/inkwell/bookmark", data={"save": "yes"})
    request = SignUp("new@example.org", words="Yes")
    sign_up(engine, request, now=NOW, real_now=real_now(), settings=settings, nonce=b"n" * 32, chance=0)
    with reading(engine) as connection:
        waiting = connection.scalars(select(Confirmation.id)).one()
    assert settings.secret_key
    sent.post(f"/confirm/{one_time_token('confirm', waiting, b'n' * 32, settings.secret_key)}")
    assert "Kept with your subscription" in sent.get("/bookmarks").text
    sent.cookies.clear()
    mine = f"/bookmark/{link_of(engine, 'new@example.org')}"
    assert re.findall(r'<h2><a href="/tools/(\w+)"', sent.get(mine).text) == ["inkwell"]


def test_tokens_that_are_none_are_404(engine: Engine, settings: Settings, sent: Browser) -> None:
    good = link_of(engine, "ada@example.org", "curly")
    token, _, reference = good.partition(".")
    with reading(engine) as connection:
        key_id, key = newest_link_key(connection)
    stranger = sign_link(Link(999_999, 1), key_id, key)
    bad = ["", "x", token, good.rstrip("-")[:-1], good + "A", "A" * 32 + "." + reference, f"{token}.{'A' * 20}",
           f"{stranger}.{reference}", f"{token}.{sign_tool(999_999, key_id, key)}", good.swapcase(),
           "%00", "é" * 16]  # fmt: skip
    for path in [
        *(f"/vote/{one}" for one in bad),
        "/bookmark/x",
        f"/bookmark/{stranger}",
        f"/bookmark/{good}x",
    ]:
        for method in ("GET", "POST"):
            assert sent.ask(method, path, data={"call": "ship"} if method == "POST" else None).status_code == 404, path
    with reading(engine) as connection:
        assert list(connection.scalars(select(Vote.id))) == []


def test_links_and_cookies_of_an_erased_reader_work_no_more(engine: Engine, settings: Settings, sent: Browser) -> None:
    address = f"/bookmark/{link_of(engine, 'ada@example.org', 'curly')}"
    sent.post(address, data={"save": "yes"})
    with transaction(engine) as connection:
        reader = connection.scalar(select(Subscriber.id).where(Subscriber.email == "ada@example.org"))
        assert reader is not None
        erase_traces(connection, reader, "ada@example.org")
    assert sent.get(address).status_code == 404
    assert "Nothing is saved" in sent.get("/bookmarks").text
    sent.post("/tools/curly/bookmark", data={"save": "yes"})
    with reading(engine) as connection:
        assert all(one.startswith("browser:") for one in connection.scalars(select(Bookmark.reader)))


def test_without_a_secret_key_nobody_is_remembered(engine: Engine, settings: Settings) -> None:
    put(engine, tool("a"))
    keyless = Browser(create_app(replace(settings, secret_key=None), engine, Clock(NOW, running=False)))
    keyless.cookies.set("reader", sign_reader("browser:x", ["some-key-of-somebody-else"]))
    assert keyless.get("/tools/a").status_code == 200


def test_wrong_methods_and_huge_forms_get_a_page_that_helps(engine: Engine, browser: Browser) -> None:
    put(engine, tool("a"))
    assert browser.get("/tools/a/vote").status_code == 405
    assert browser.post("/tools").status_code == 405
    assert browser.ask("DELETE", "/bookmarks").status_code == 405
    huge = browser.post("/tools/a/vote", data={"call": "ship" * 100_000})
    assert huge.status_code == 413
    assert "That is too much" in huge.text
