"""The API over HTTP: who may, what is answered, and that a request sent twice is done once."""

import json
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as fuzzing
from hypothesis import strategies as some
from sqlalchemy import Engine, func, insert, select

from db.api import add_token, revoke_token
from db.audit import audit_log
from db.engine import reading, transaction
from db.models import ApiRequest, ApiToken, Letter, Release, Take
from db.releases import list_releases
from newsletter.clock import Clock, real_now
from newsletter.settings import Settings
from newsletter.subscribers.tokens import hash_token
from newsletter.web.api_pages import OPERATIONS, SCOPES, openapi
from newsletter.web.api_routing import Operation
from newsletter.web.api_schemas import conform
from newsletter.web.app import create_app
from tests.fakes.browser import Browser
from tests.fakes.sample_week import release, set_out
from tests.fakes.times import MONDAY
from tests.integration.sending import WEEK, approved_issue, subscribe

TOOL = {"slug": "curly", "name": "Curly", "url": "https://curly.example", "category": "Developer Tools"}
TAKE = {"call": "ship", "score": 88, "text": "It does one thing well."}


class Client(Browser):
    """A browser with a token."""

    token = "a-token-with-every-scope"

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        content = None if body is None else json.dumps(body)
        given = {"Authorization": f"Bearer {self.token}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        return self.ask(method, f"/api/v1{path}", content=content, headers=given)


@pytest.fixture
def client(engine: Engine, settings: Settings) -> Client:
    with transaction(engine) as connection:
        add_token(connection, "all", hash_token(Client.token), list(SCOPES), MONDAY, None)
        add_token(connection, "readers", hash_token("readers-token"), ["subscribers:read"], MONDAY, None)
        add_token(connection, "old", hash_token("old-token"), list(SCOPES), MONDAY, MONDAY)
    return Client(create_app(settings, engine, Clock(MONDAY, running=False)))


def is_problem(answer: Any, status: int) -> bool:
    kind = answer.headers["content-type"]
    return (answer.status_code, kind, answer.json()["status"]) == (status, "application/problem+json", status)


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer wrong", "Basic YTpi", "Bearer old-token", "Bearer " + "x" * 900]
)
def test_nothing_is_answered_without_a_good_token(client: Client, header: str) -> None:
    answer = client.ask("GET", "/api/v1/tools", headers={"Authorization": header})
    assert is_problem(answer, 401)
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("token", "status"), [("wrong", 401), ("readers-token", 403)])
def test_what_a_stranger_sends_is_not_even_read(client: Client, token: str, status: int) -> None:
    read = []

    async def body() -> AsyncIterator[bytes]:
        read.append(True)
        yield b"{}"

    answer = client.ask("POST", "/api/v1/tools", content=body(), headers={"Authorization": f"Bearer {token}"})
    assert is_problem(answer, status)
    assert not read


def test_a_revoked_token_is_none(client: Client, engine: Engine) -> None:
    with transaction(engine) as connection:
        assert revoke_token(connection, "all", real_now())
    assert is_problem(client.call("GET", "/tools"), 401)


def test_a_token_does_only_what_its_scopes_say(client: Client) -> None:
    client.token = "readers-token"
    assert client.call("GET", "/subscribers").status_code == 200
    assert is_problem(client.call("POST", "/subscribers", {"subscribers": []}), 403)
    assert is_problem(client.call("GET", "/tools"), 403)


def test_tokens_are_kept_as_hashes(client: Client, engine: Engine) -> None:
    with reading(engine) as connection:
        assert Client.token.encode() not in list(connection.scalars(select(ApiToken.token_hash)))


def test_tools_and_takes_are_pushed_and_shown(client: Client) -> None:
    assert client.call("POST", "/tools", {"tools": [TOOL]}).json()["created"] == 1
    shown = client.call("PUT", "/tools/curly/takes/builder", TAKE).json()
    assert (shown["verdict"]["call"], shown["verdict"]["ships"]) == ("ship", 1)
    assert client.call("GET", "/tools/curly").json() == shown
    assert [tool["slug"] for tool in client.call("GET", "/tools").json()["tools"]] == ["curly"]


def test_a_list_of_any_length_is_answered(client: Client) -> None:
    assert is_problem(client.call("POST", "/tools", {"tools": [{**TOOL, "aliases": ["a"] * 100_001}]}), 422)


def test_a_take_is_read_as_an_import_reads_it(client: Client) -> None:
    client.call("POST", "/tools", {"tools": [TOOL]})
    odd = {"call": "ship", "score": 88, "text": "One\x07thing.\r\nWell.", "author": "Ann\nLee"}
    shown = client.call("PUT", "/tools/curly/takes/builder", odd).json()["tool"]["takes"][0]
    assert (shown["text"], shown["author"]) == ("One thing.\nWell.", "Ann Lee")
    again = client.call("POST", "/tools", {"tools": [{"slug": "curly", "takes": [{"panelist": "builder", **odd}]}]})
    assert again.json()["unchanged"] == 1, "and one of known tools needs no more than what changes"


def test_a_tool_that_is_pushed_takes_the_releases_that_waited_for_it(client: Client, engine: Engine) -> None:
    with transaction(engine) as connection:
        waiting = release("Curly", "https://launches.example/curly") | {"published_at": None}  # an editor gave it
        connection.execute(insert(Release).values(**waiting))
    assert client.call("POST", "/tools", {"tools": [TOOL]}).status_code == 200
    with reading(engine) as connection:
        assert [one.tool for one in list_releases(connection)] == ["curly"]


def test_a_fault_in_a_body_is_named_with_its_place_and_nothing_is_stored(client: Client) -> None:
    answer = client.call("POST", "/tools", {"tools": [TOOL, {"slug": "x"}]})
    assert is_problem(answer, 422)
    assert client.call("GET", "/tools").json()["tools"] == []
    bad = client.call("PUT", "/tools/curly/takes/builder", {**TAKE, "score": 101})
    assert "body.score" in bad.json()["detail"]


def test_lists_come_in_pages_that_join_without_gap_or_repetition(client: Client) -> None:
    tools = [{**TOOL, "slug": f"t{n}", "name": f"T{n}", "url": f"https://t{n}.example"} for n in range(5)]
    client.call("POST", "/tools", {"tools": tools})
    seen: list[str] = []
    after: int | None = 0
    while after is not None:
        page = client.call("GET", f"/tools?limit=2&after={after}").json()
        seen += [tool["slug"] for tool in page["tools"]]
        after = page["next"]
    assert seen == [tool["slug"] for tool in tools]


def test_a_request_sent_twice_with_one_key_is_done_once(client: Client, engine: Engine) -> None:
    client.call("POST", "/tools", {"tools": [TOOL]})
    first = client.call("POST", "/suppressions", {"email": "ada@example.org"}, Idempotency_Key="k1")
    again = client.call("POST", "/suppressions", {"email": "ada@example.org"}, Idempotency_Key="k1")
    assert first.json() == again.json() == {"email": "ada@example.org", "changed": True}
    assert again.headers["idempotency-replayed"] == "true"
    other = client.call("POST", "/suppressions", {"email": "bob@example.org"}, Idempotency_Key="k1")
    assert is_problem(other, 409)


def test_a_refusal_is_remembered_under_its_key_too(client: Client) -> None:
    answers = [client.call("DELETE", "/suppressions/ada@example.org", Idempotency_Key="k2") for _ in range(2)]
    assert [is_problem(answer, 404) for answer in answers] == [True, True]


def test_a_key_whose_request_broke_down_can_be_used_again(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object, **_named: object) -> None:
        raise OverflowError("somebody's mistake")

    with monkeypatch.context() as broken:
        broken.setattr("newsletter.web.api_subscribers.suppress_address", breaks)
        with pytest.raises(OverflowError):
            client.call("POST", "/suppressions", {"email": "ada@example.org"}, Idempotency_Key="k6")
    again = client.call("POST", "/suppressions", {"email": "ada@example.org"}, Idempotency_Key="k6")
    assert again.json() == {"email": "ada@example.org", "changed": True}


def test_what_is_remembered_of_an_erased_reader_is_forgotten_with_them(client: Client, engine: Engine) -> None:
    ada = {"email": "ada@example.org", "name": "Ada", "consent_at": "2026-11-01T10:00:00Z", "consent_source": "fair"}
    client.call("POST", "/subscribers", {"subscribers": [ada]}, Idempotency_Key="k3")
    client.call("POST", "/subscribers/ada@example.org/unsubscribe", Idempotency_Key="k4")
    client.call("POST", "/suppressions", {"email": "bob@example.org"}, Idempotency_Key="k5")
    client.call("DELETE", "/subscribers/ada@example.org")
    with reading(engine) as connection:
        kept = b"".join(connection.scalars(select(ApiRequest.answer)))
    assert b"ada@" not in kept
    assert b"bob@" in kept


def test_who_is_merely_suppressed_is_erased_too(client: Client) -> None:
    client.call("POST", "/suppressions", {"email": "zoe@example.org", "note": "Zoe asked by phone"})
    assert client.call("DELETE", "/subscribers/zoe@example.org").json() == {"erased": True}
    (kept,) = client.call("GET", "/suppressions").json()["suppressions"]
    assert (kept["email"], kept["note"], kept["reason"]) == (None, None, "manual")
    assert is_problem(client.call("DELETE", "/subscribers/nobody@example.org"), 404)


def test_subscribers_come_with_their_consent_and_leave(client: Client) -> None:
    ada = {"email": "ada@example.org", "name": "Ada", "consent_at": "2026-11-01T10:00:00Z", "consent_source": "fair"}
    bad = {**ada, "email": "nobody"}
    chosen = {**ada, "categories": ["Audio; Video", "Design"]}
    report = client.call("POST", "/subscribers", {"subscribers": [chosen, bad]}).json()
    assert (report["imported"], [row["line"] for row in report["rejected"]]) == (1, [2])
    shown = client.call("GET", "/subscribers/ada@example.org").json()
    assert (shown["state"], shown["consent"]["source"]) == ("active", "fair")
    assert shown["categories"] == ["Audio; Video", "Design"]
    left = client.call("POST", "/subscribers/ada@example.org/unsubscribe").json()
    assert (left["state"], left["changed"]) == ("unsubscribed", True)
    assert client.call("DELETE", "/subscribers/ada@example.org").json() == {"erased": True}
    assert is_problem(client.call("GET", "/subscribers/ada@example.org"), 404)


def test_a_week_without_anything_gets_no_issue_and_an_unknown_one_is_404(client: Client) -> None:
    assert client.call("POST", "/issues/2026-W46/compose").json()["issue"] is None
    for path in ("", "/check", "/receipt"):
        assert is_problem(client.call("GET", f"/issues/2026-W46{path}"), 404)
    assert is_problem(client.call("GET", "/issues/2026-W99"), 404)
    for no_week in ("yesterday", "2026-W46%0A", "٢٠٢٦-W46"):
        assert "must match" in client.call("GET", f"/issues/{no_week}").json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PATCH", "/tools", 405), ("GET", "/nothing", 404), ("GET", "/tools?limit=0", 400), ("GET", "/tools?x=1", 400),
        ("GET", "/tools?after=99999999999999999999", 400), ("GET", "/tools?limit=1&limit=2", 400),
        ("GET", "/tools/%00", 404), ("GET", "/releases?week=2026-W99", 404), ("DELETE", "/releases/0", 404),
        ("DELETE", "/releases/7", 404), ("TRACE", "/tools", 405), ("PROPFIND", "/nothing", 405),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_a_problem_document(client: Client, method: str, path: str, status: int) -> None:
    assert is_problem(client.call(method, path), status)


@pytest.mark.parametrize(
    "body", [b"{", b"[" * 50_000, b'{"tools": NaN}', b'"x"', b'{"tools": [{"slug": "\\u0000"}]}', b"\xff"]
)
def test_a_body_that_is_no_json_or_no_text_is_refused(client: Client, body: bytes) -> None:
    answer = client.ask("POST", "/api/v1/tools", content=body, headers={"Authorization": f"Bearer {client.token}"})
    assert 400 <= answer.status_code < 500


def test_a_take_is_recorded_once_however_often_it_is_sent(client: Client, engine: Engine) -> None:
    client.call("POST", "/tools", {"tools": [TOOL]})
    for _ in range(3):
        client.call("PUT", "/tools/curly/takes/builder", TAKE)
    with reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(Take)).scalar_one() == 1


def test_feeds_are_watched_paused_and_forgotten(client: Client) -> None:
    feed = {"url": "https://launches.example/feed.xml", "name": "Launches", "new_tools": "accept", "limit": 5}
    added = client.call("POST", "/feeds", feed).json()
    assert {name: added[name] for name in feed} == feed
    assert (added["kind"], added["health"]) == ("launches", "not fetched yet")
    assert is_problem(client.call("POST", "/feeds", feed), 409)
    assert (
        "regular expression" in client.call("POST", "/feeds", {**feed, "url": "https://b.example", "include": "("}).text
    )
    there = f"/feeds/{added['id']}"
    assert client.call("GET", there).json() == added
    assert client.call("POST", f"{there}/pause").json()["status"] == "paused"
    assert client.call("POST", f"{there}/resume").json()["status"] == "active"
    assert [one["url"] for one in client.call("GET", "/feeds").json()["feeds"]] == [feed["url"]]
    assert client.call("DELETE", there).json()["url"] == feed["url"]
    assert is_problem(client.call("GET", there), 404)


def test_feeds_come_in_pages(client: Client) -> None:
    for name in "cab":
        client.call("POST", "/feeds", {"url": f"https://{name}.example/feed"})
    first = client.call("GET", "/feeds?limit=2").json()
    second = client.call("GET", f"/feeds?limit=2&after={first['next']}").json()
    assert [one["url"][8] for one in first["feeds"] + second["feeds"]] == ["c", "a", "b"]
    assert second["next"] is None


def test_two_tools_become_one(client: Client) -> None:
    other = {**TOOL, "slug": "curlier", "name": "Curlier", "url": "https://curlier.example"}
    client.call("POST", "/tools", {"tools": [TOOL, other]})
    client.call("PUT", "/tools/curlier/takes/builder", TAKE)
    assert client.call("POST", "/tools/curlier/merge", {"into": "curly"}).json() == {
        "releases": 0,
        "takes": 1,
        "votes": 0,
    }
    assert client.call("GET", "/tools/curly").json()["verdict"]["ships"] == 1
    assert is_problem(client.call("POST", "/tools/curly/merge", {"into": "curly"}), 409)


def test_an_issue_is_sent_held_and_stopped(client: Client, engine: Engine, settings: Settings) -> None:
    approved_issue(engine, settings)
    subscribe(engine, 3)
    there = f"/issues/{WEEK}"
    assert is_problem(client.call("POST", f"{there}/pause"), 409)
    begun = client.call("POST", f"{there}/send").json()
    assert (begun["status"], begun["recipients"], begun["queued"]) == ("sending", 3, 3)
    assert is_problem(client.call("POST", f"{there}/send"), 409)
    assert client.call("POST", f"{there}/pause").json()["status"] == "paused"
    assert client.call("POST", f"{there}/resume").json()["status"] == "sending"
    assert is_problem(client.call("POST", f"{there}/resend"), 409)
    stopped = client.call("POST", f"{there}/cancel").json()
    assert (stopped["status"], stopped["skipped"]) == ("cancelled", 3)
    with reading(engine) as connection:
        lines = reversed(audit_log(connection, subject=f"issue {WEEK}"))
    said = [line.what for line in lines if line.who == "api:all"]
    in_the_words_of_the_room = ["started the sending", "paused the sending", "resumed the sending", "stopped the issue"]
    assert said == in_the_words_of_the_room


def test_what_programs_do_stands_in_the_editors_log(client: Client, engine: Engine, settings: Settings) -> None:
    set_out(engine, settings)
    one, two = ({**TOOL, "slug": slug, "name": slug, "url": f"https://{slug}.example"} for slug in ("one", "two"))
    client.call("POST", f"/issues/{WEEK}/approve", {})
    client.call("POST", "/tools", {"tools": [one, two]})
    client.call("POST", "/tools", {"tools": [one]})
    client.call("PUT", "/tools/one/takes/builder", TAKE)
    client.call("PUT", "/tools/one/takes/builder", {"call": "skip"})
    client.call("POST", "/tools/two/merge", {"into": "one"})
    number = client.call("GET", "/releases").json()["releases"][0]["id"]
    matched = client.call("PUT", f"/releases/{number}/tool", {"tool": "one"}).json()
    assert matched["coming"] == f"bring {WEEK} up to date to have it there"
    client.call("DELETE", f"/releases/{number}")
    with reading(engine) as connection:
        lines = audit_log(connection)
    assert [(line.what, line.subject) for line in reversed(lines) if line.who == "api:all"] == [
        ("approved", f"issue {WEEK}"),
        ("pushed tools", None),
        ("entered a take", "tool one"),
        ("replaced a take", "tool one"),
        ("merged into one", "tool two"),
        ("matched with one", f"release {number}"),
        ("dropped", f"release {number}"),
    ]


@pytest.mark.parametrize("past", ["2020-11-24T09:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_no_issue_is_approved_for_a_time_that_is_past_or_none(
    client: Client, engine: Engine, settings: Settings, past: str
) -> None:
    set_out(engine, settings)
    assert is_problem(client.call("POST", f"/issues/{WEEK}/approve", {"send_at": past}), 422)
    assert client.call("GET", f"/issues/{WEEK}").json()["status"] == "draft"


def test_an_issue_is_mailed_to_a_few_for_a_look(client: Client, engine: Engine, settings: Settings) -> None:
    set_out(engine, settings)
    there = f"/issues/{WEEK}"
    mail = client.call("GET", f"{there}/mail").json()
    assert mail["subject"] == client.call("GET", there).json()["subject"]
    assert "<html" in mail["html"]
    asked = {"addresses": ["me@example.org", "Me@Example.org", "me@EXAMPLE.org"]}
    assert client.call("POST", f"{there}/test", asked).json() == {"issue": str(WEEK), "queued": 2}
    with reading(engine) as connection:
        assert set(connection.scalars(select(Letter.email))) == {"me@example.org", "Me@example.org"}
    assert is_problem(client.call("POST", f"{there}/test", {"addresses": []}), 422)
    assert "body.addresses" in client.call("POST", f"{there}/test", {"addresses": ["me@example"]}).json()["detail"]


def test_the_document_describes_every_route_and_nothing_else() -> None:
    document = openapi("https://news.example.com")
    names = [entry["operationId"] for path in document["paths"].values() for entry in path.values()]
    assert len(names) == len(set(names)) == len(OPERATIONS)
    for operation in OPERATIONS:
        assert set(re.findall(r"\{(\w+)\}", operation.path)) == set(operation.place)


def test_the_docs_and_the_document_are_open_to_all(client: Client) -> None:
    assert client.get("/api/openapi.json").json()["openapi"] == "3.1.0"
    answer = client.get("/api/docs")
    assert "`" not in answer.text
    assert '<link rel="canonical" href="https://news.example.com/api/docs">' in answer.text
    assert answer.status_code == 200
    assert '<script src="http' not in answer.text


VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=20),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def bodies(operation: Operation) -> some.SearchStrategy[Any]:
    properties = (operation.takes or {}).get("properties", {})
    return VALUES | some.fixed_dictionaries({}, optional=dict.fromkeys(properties, VALUES))


@fuzzing(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operation=some.sampled_from(OPERATIONS), data=some.data())
def test_no_request_meets_a_failure_of_ours_or_an_answer_that_is_not_described(
    client: Client, operation: Operation, data: Any
) -> None:
    fill: Callable[[re.Match[str]], str] = lambda found: data.draw(  # noqa: E731
        some.sampled_from(["curly", "2026-W46", "1", "ada@example.org", "%F0%9F", "x" * 500])
    )
    path = re.sub(r"\{\w+\}", fill, operation.path).removeprefix("/api/v1")
    body = data.draw(bodies(operation)) if operation.takes else None
    try:
        answer = client.call(operation.method, path, body)
    except (UnicodeEncodeError, ValueError):
        return  # the client could not send it
    assert answer.status_code < 500
    if answer.status_code == 200:
        assert conform(answer.json(), operation.gives, "answer") is None
    else:
        assert is_problem(answer, answer.status_code)
