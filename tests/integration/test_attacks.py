"""What attackers try first: leading readers elsewhere, reading our files, our database, and going round limits."""

import socket
from dataclasses import replace
from typing import cast

import pytest
from sqlalchemy import Engine

from db.engine import make_engine
from newsletter.clock import Clock, real_now
from newsletter.settings import Settings
from newsletter.subscribers.sign_up import SignUp, sign_up
from newsletter.subscribers.tokens import Link, sign_link
from newsletter.web.app import create_app
from tests.conftest import one_database
from tests.fakes.browser import Browser
from tests.fakes.pages import put, tool
from tests.fakes.running_app import RunningApp
from tests.fakes.sample_week import NOW


@pytest.fixture
def browser(engine: Engine, settings: Settings) -> Browser:
    put(engine, tool("alpha"), tool("beta"))
    return Browser(create_app(settings, engine, Clock(NOW, running=False)))


@one_database
@pytest.mark.parametrize(
    "back",
    [
        "//evil.example",
        "https://evil.example/tools/alpha",
        "/\\evil.example",
        "/tools/alpha\r\nSet-Cookie: a=b",
        "\t//evil",
    ],
)
def test_no_form_leads_to_another_site(browser: Browser, back: str) -> None:
    answer = browser.post("/tools/alpha/vote", data={"call": "ship", "back": back})
    assert answer.headers.get("location", "/tools/alpha") == "/tools/alpha"
    assert "a" not in answer.cookies


@pytest.mark.parametrize(
    "path", ["//evil.example", "//evil.example/%2f..", "/compare?a=//evil.example&b=alpha", "/.//evil"]
)
def test_no_address_of_ours_leads_to_another_site(browser: Browser, path: str) -> None:
    assert not browser.get(path).headers.get("location", "/").startswith(("//", "http"))


@pytest.mark.parametrize("path", ["/issues", "/tools?q=a%3Fb", "/unsubscribe/TOKEN", "/editor", "/tools/a%3Fb%252F"])
def test_a_slash_too_much_leads_to_the_same_site_whatever_host_was_named(browser: Browser, path: str) -> None:
    bare, mark, query = path.partition("?")
    answer = browser.get(f"{bare}/{mark}{query}", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.headers["location"]) == (307, path)


@pytest.mark.parametrize("path", ["/static", "/static/", "/none/", "/.//issues/", "/issues/a/b/", "/issues%2F"])
def test_a_slash_too_much_at_what_is_not_there_leads_nowhere(browser: Browser, path: str) -> None:
    assert browser.get(path).status_code == 404


@pytest.mark.parametrize(
    "path",
    ["../../../pyproject.toml", "%2e%2e/%2e%2e/base.html", "..%2f..%2fbase.html", "%2fetc%2fpasswd", "..\\x"],
)
def test_files_beside_the_static_ones_are_not_there(browser: Browser, path: str) -> None:
    assert browser.get(f"/static/{path}").status_code == 404


@one_database
def test_behind_a_request_that_tells_its_length_in_two_ways_no_other_is_heard(
    engine: Engine, settings: Settings
) -> None:
    """What a proxy takes for its body may be a request of its own to us (RFC 9112, 6.1)."""
    with RunningApp(create_app(settings, engine, Clock(NOW, running=False))) as app:
        host, _, port = app.url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=20) as line:
            line.sendall(
                b"POST /subscribe HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"0\r\n\r\nGET /about HTTP/1.1\r\nHost: here\r\n\r\n"
            )
            heard = b"".join(iter(lambda: line.recv(65536), b""))
    assert heard.count(b"HTTP/1.1 ") == 1
    assert b"\r\nconnection: close\r\n" in heard


def test_a_forged_host_is_in_no_page(browser: Browser) -> None:
    for path in ("/", "/tools/alpha", "/feed.atom", "/api/openapi.json"):
        answer = browser.get(path, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
        assert "evil.example" not in answer.text, path


@pytest.mark.parametrize(
    "asked", ["' OR '1'='1", "%' OR 1=1 --", "'; DROP TABLE tools; --", "alpha' UNION SELECT email --"]
)
def test_a_search_is_text_and_no_query(browser: Browser, asked: str) -> None:
    answer = browser.get("/tools", params={"q": asked})
    assert answer.status_code == 200
    assert 'href="/tools/beta"' not in answer.text
    assert browser.get("/tools/alpha").status_code == 200


def test_a_page_for_what_nobody_foresaw_keeps_the_address_and_its_token_to_itself(settings: Settings) -> None:
    nowhere = make_engine("sqlite:////nowhere/newsletter.db")
    for engine, status, words in ((None, 500, "The mistake is ours"), (nowhere, 503, "Back in a minute")):
        with RunningApp(create_app(settings, cast("Engine", engine), Clock())) as app:
            answer = app.get(f"/preferences/{sign_link(Link(1, 1), 1, b'k' * 32)}")
        assert (answer.status_code, words in answer.text) == (status, True)
        for name, value in (
            ("referrer-policy", "no-referrer"), ("cache-control", "no-store"), ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
        ):  # fmt: skip
            assert answer.headers[name] == value
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    nowhere.dispose()


def test_a_limit_holds_across_processes(engine: Engine, settings: Settings) -> None:
    """Each with an engine of its own, as two services behind one proxy have."""
    here, now = replace(settings, sign_ups_per_address=1), real_now()
    other = make_engine(engine.url.render_as_string(hide_password=False))
    late = []
    for number, of in enumerate((engine, other)):
        request = SignUp(f"r{number}@example.org", household="203.0.113.5", network="203.0.113.0/24")
        report = sign_up(of, request, now=now, real_now=now, settings=here, nonce=b"%032d" % number, chance=0.5)
        late.append(report.not_before is not None and report.not_before > now)
    other.dispose()
    assert late == [False, True]
