"""The subscription pages over HTTP: what readers, mail programs, scanners and strangers may do with them."""

import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine, select

from db.engine import reading
from db.keys import newest_link_key
from db.models import Consent, Letter, Subscriber, Suppression
from db.states import SubscriberState
from db.subscribers import subscriber_by_id
from newsletter.clock import Clock, real_now
from newsletter.deliveries.send_letters import send_letters
from newsletter.setting_values import networks
from newsletter.settings import Settings
from newsletter.subscribers.import_subscribers import add_confirmed
from newsletter.subscribers.suppress import suppress_address
from newsletter.subscribers.tokens import Link, sign_link
from newsletter.web.app import create_app
from tests.conftest import one_database
from tests.fakes.pages import put
from tests.fakes.readership import stop
from tests.fakes.relay import RecordingRelay
from tests.fakes.running_app import RunningApp
from tests.fakes.times import MONDAY

CSRF_FREE = {"List-Unsubscribe": "One-Click"}


@dataclass
class House:
    """A running newsletter and its inbox."""

    app: RunningApp
    engine: Engine
    settings: Settings
    inbox: RecordingRelay
    now: timedelta = timedelta(0)

    def get(self, path: str, **options: object) -> httpx.Response:
        return self.app.get(path, **options)

    def post(self, path: str, **options: object) -> httpx.Response:
        return self.app.post(path, **options)

    def sign_up(self, email: str, **fields: object) -> httpx.Response:
        return self.post("/subscribe", data={"email": email, **fields})

    def mail(self) -> int:
        return send_letters(self.engine, self.settings, self.clock)

    @property
    def clock(self) -> Clock:
        return Clock(MONDAY + self.now, running=False)

    def confirm_path(self, email: str) -> str:
        self.mail()
        found = re.search(r"/confirm/[\w-]+", self.inbox.to(email)[-1].text())
        assert found
        return found[0]

    def subscriber(self, email: str) -> tuple[int, str]:
        with reading(self.engine) as connection:
            row = connection.execute(select(Subscriber.id, Subscriber.state).where(Subscriber.email == email)).one()
            return row.id, row.state

    def token(self, email: str, issue: int = 0) -> str:
        with reading(self.engine) as connection:
            subscriber = connection.execute(select(Subscriber.id).where(Subscriber.email == email)).scalar_one()
            return sign_link(Link(subscriber, issue), *newest_link_key(connection))

    def active(self, email: str) -> str:
        """Somebody who reads us; returns their link token."""
        add_confirmed(self.engine, email, name="", consent_at=MONDAY, consent_source="a test", now=MONDAY)
        return self.token(email)


@pytest.fixture
def house(engine: Engine, settings: Settings) -> Iterator[House]:
    with RecordingRelay() as inbox:
        settings = replace(settings, smtp=(inbox.relay,), trusted_proxies=networks("127.0.0.0/8"), welcome=False)
        with RunningApp(create_app(settings, engine, Clock(MONDAY, running=False))) as app:
            yield House(app, engine, settings, inbox)


def letters(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return list(connection.scalars(select(Letter.email).order_by(Letter.id)))


# The landing page


def test_the_landing_page_says_what_it_is_and_has_the_form(house: House) -> None:
    page = house.get("/").text
    assert "first issue is being prepared" in page
    assert 'action="/subscribe"' in page
    assert '<link rel="canonical" href="https://news.example.com/">' in page


# Signing up


def test_a_stranger_learns_nothing_from_the_answer(house: House) -> None:
    house.active("active@example.org")
    house.sign_up("pending@example.org")
    suppress_address(house.engine, "no@example.org", now=MONDAY)
    answers = [house.sign_up(f"{kind}@example.org") for kind in ("new", "pending", "active", "no")]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert "Check your inbox" in answers[0].text
    assert letters(house.engine) == ["pending@example.org", "new@example.org"]


@one_database
def test_the_answer_takes_about_as_long_for_every_address(house: House) -> None:
    house.active("active@example.org")
    times: dict[str, list[float]] = {"new": [], "active": []}
    for turn in range(5):
        for kind, address in (("new", f"new{turn}@example.org"), ("active", "active@example.org")):
            began = time.perf_counter()
            house.sign_up(address)
            times[kind].append(time.perf_counter() - began)
    assert min(min(both) for both in times.values()) >= 0.04, "every answer waits for its tick"


@one_database
@pytest.mark.parametrize(
    "address",
    ["", "nobody", "a@b", "a b@example.org", "a\0@example.org", "a@example.org\r\nBcc: b@example.org", "@x.org"],
)
def test_what_cannot_be_an_address_gets_the_form_again(house: House, address: str) -> None:
    answer = house.sign_up(address, name="<b>Ada</b>", category="AI Agents")
    assert answer.status_code == 422
    assert 'name="email"' in answer.text
    assert 'role="alert"' in answer.text
    assert "&lt;b&gt;Ada" in answer.text
    assert letters(house.engine) == []


def test_a_filled_honeypot_gets_the_same_page_and_no_mail(house: House) -> None:
    trapped = house.sign_up("bot@example.org", remarks="https://spam.example")
    assert trapped.text == house.sign_up("ada@example.org").text
    assert letters(house.engine) == ["ada@example.org"]


def test_the_honeypot_is_a_text_input_that_styles_hide_and_autofill_skips(house: House) -> None:
    page = house.get("/").text
    trap = re.search(r'<div class="not-for-people" aria-hidden="true">.*?<input ([^>]*)>', page)
    assert trap
    assert 'type="text"' in trap[1]
    assert 'tabindex="-1"' in trap[1]
    assert 'autocomplete="off"' in trap[1]
    assert ".not-for-people" in house.get("/static/style.css").text


def hidden_fields(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))


def test_a_form_filled_at_once_is_delayed_and_not_dropped(house: House) -> None:
    fields = hidden_fields(house.get("/").text)
    assert house.sign_up("quick@example.org", **fields).status_code == 200
    assert house.mail() == 0
    assert 2 * 60 < waiting(house.engine, "quick@example.org") < 7 * 60


@one_database
def test_a_form_filled_by_autofill_in_three_seconds_is_prompt(house: House) -> None:
    fields = hidden_fields(house.get("/").text)
    time.sleep(2.05)
    house.sign_up("filled@example.org", **fields)
    assert house.mail() == 1


def test_a_forged_stamp_is_hasty(house: House) -> None:
    fields = hidden_fields(house.get("/").text)
    moment, _, mac = fields["stamp"].rpartition(".")
    for forged in (f"{float(moment) - 60:.3f}.{mac}", "x", "1.2.3", "٣.٤"):
        house.sign_up(f"f{abs(hash(forged))}@example.org", stamp=forged)
    assert house.mail() == 0
    assert len(letters(house.engine)) == 4


def waiting(engine: Engine, email: str) -> float:
    """Seconds until a letter may leave."""
    with reading(engine) as connection:
        due = connection.execute(select(Letter.not_before).where(Letter.email == email)).scalar_one()
    return float((due - real_now()).total_seconds())


def test_beyond_the_limit_of_a_client_letters_are_late_and_an_office_still_gets_in(house: House) -> None:
    settings = replace(house.settings, sign_ups_per_address=3)
    with RunningApp(create_app(settings, house.engine, house.clock)) as app:
        for number in range(5):
            answer = app.post(
                "/subscribe",
                data={"email": f"office{number}@example.org"},
                headers={"X-Forwarded-For": "203.0.113.7"},
            )
            assert answer.status_code == 200
        app.post("/subscribe", data={"email": "else@example.org"}, headers={"X-Forwarded-For": "198.51.100.9"})
    assert len(letters(house.engine)) == 6, "late, never lost"
    assert house.mail() == 4
    assert waiting(house.engine, "office4@example.org") < 7 * 60


def test_what_a_client_writes_before_a_trusted_proxy_does_not_change_whose_request_it_is(house: House) -> None:
    settings = replace(house.settings, sign_ups_per_address=1)
    with RunningApp(create_app(settings, house.engine, house.clock)) as app:
        for number in range(3):
            forged = {"X-Forwarded-For": f"10.9.8.{number}, 203.0.113.7"}
            app.post("/subscribe", data={"email": f"liar{number}@example.org"}, headers=forged)
    assert house.mail() == 1


@one_database
@pytest.mark.parametrize(
    ("header", "written"),
    [
        ("X-Forwarded-For", "203.0.113.7"),
        ("Forwarded", 'for="203.0.113.7:4711";proto=https'),
        ("Forwarded", 'for=192.0.2.1, For="203.0.113.7"'),
        ("Forwarded", 'proto=https;for="[2001:db8::7]:4711"'),
    ],
)
def test_behind_a_trusted_proxy_the_reader_s_own_address_is_evidence(house: House, header: str, written: str) -> None:
    house.post("/subscribe", data={"email": "ada@example.org"}, headers={header: written})
    house.post(house.confirm_path("ada@example.org"))
    with reading(house.engine) as connection:
        seen = connection.execute(select(Consent.address)).scalar_one()
    assert seen == ("2001:db8::7" if "2001" in written else "203.0.113.7")


def test_without_a_declared_proxy_loopback_has_a_hundred_an_hour(house: House) -> None:
    settings = replace(house.settings, trusted_proxies=(), sign_ups_per_address=1, sign_ups_per_network=1)
    with RunningApp(create_app(settings, house.engine, house.clock)) as app:
        for number in range(3):
            app.post("/subscribe", data={"email": f"r{number}@example.org"}, headers={"Forwarded": "for=203.0.113.7"})
    assert house.mail() == 3


def test_one_letter_a_day_and_three_unanswered_in_a_month(house: House) -> None:
    engine, settings = house.engine, house.settings
    sent = []
    for hours in (0, 1, 23, 25, 50, 75, 100, 24 * 31):
        house.now = timedelta(hours=hours)
        with RunningApp(create_app(settings, engine, house.clock)) as app:
            app.post("/subscribe", data={"email": "victim@example.org"})
        sent.append(house.mail())
    assert sent == [1, 0, 0, 1, 1, 0, 0, 1]


def test_a_huge_form_is_refused(house: House) -> None:
    assert house.post("/subscribe", data={"email": "a@example.org", "name": "x" * 100_000}).status_code == 413
    chunks = (b"email=a%40example.org&name=" + b"x" * 30_000 for _ in range(4))
    answer = house.post("/subscribe", content=chunks, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 413


def test_a_broken_form_is_a_4xx(house: House) -> None:
    for headers in (
        {"Content-Type": "multipart/form-data"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "multipart/form-data; boundary=x; charset=undefined"},
        {"Content-Type": "application/json"},
    ):
        answer = house.post("/subscribe", content=b"--x\r\nnonsense \xff\x00", headers=headers)
        assert 400 <= answer.status_code < 500


# Confirming


def test_a_confirmation_makes_a_subscriber_with_evidence(house: House) -> None:
    page = house.get("/").text
    headers = {"X-Forwarded-For": "203.0.113.7"}
    house.post("/subscribe", data={"email": "Ada@Example.ORG", "name": "Ada", "category": ["B", "A"]}, headers=headers)
    path = house.confirm_path("Ada@example.org")
    assert house.subscriber("Ada@example.org")[1] == "pending"
    for method in ("GET", "HEAD"):
        assert house.app.ask(method, path).status_code == 200
    assert house.subscriber("Ada@example.org")[1] == "pending", "scanners open links"
    assert "are subscribed" in house.post(path, headers={"X-Forwarded-For": "203.0.113.8"}).text
    again = house.post(path)
    assert (again.status_code, "lready confirmed" in again.text) == (200, True)
    with reading(house.engine) as connection:
        subscriber = connection.execute(select(Subscriber.name, Subscriber.selection, Subscriber.state)).one()
        evidence = connection.execute(select(Consent)).one()
    assert tuple(subscriber) == ("Ada", '{"categories":["A","B"]}', "active")
    assert (evidence.address, evidence.confirmed_from) == ("203.0.113.7", "203.0.113.8")
    assert evidence.words in page.replace("&#39;", "'")
    assert (evidence.form, evidence.source) == ("landing", "double opt-in")


def test_a_confirmation_link_is_stored_as_a_hash_alone(house: House) -> None:
    house.sign_up("ada@example.org")
    token = house.confirm_path("ada@example.org").rpartition("/")[2]
    with reading(house.engine) as connection:
        for table in ("letters", "confirmations"):
            assert token not in str(connection.exec_driver_sql(f"SELECT * FROM {table}").all())


@one_database
@pytest.mark.parametrize("keep", [42, 44, 0])
def test_a_damaged_confirmation_link_is_none(house: House, keep: int) -> None:
    house.sign_up("ada@example.org")
    token = house.confirm_path("ada@example.org").rpartition("/")[2]
    for wrong in ((token + "A")[:keep] or "nonsense", token[:-1] + ("A" if token[-1] != "A" else "B"), "%00"):
        assert house.get(f"/confirm/{wrong}").status_code == 404
        assert house.post(f"/confirm/{wrong}").status_code == 404
    assert house.subscriber("ada@example.org")[1] == "pending"


def test_a_confirmation_link_is_valid_for_three_days(house: House) -> None:
    house.sign_up("ada@example.org")
    path = house.confirm_path("ada@example.org")
    for hours, status in ((73, 410), (71, 200)):
        clock = Clock(MONDAY + timedelta(hours=hours), running=False)
        with RunningApp(create_app(house.settings, house.engine, clock)) as app:
            assert app.get(path).status_code == status
            assert app.post(path).status_code == status


def test_an_older_secret_key_still_confirms_and_a_removed_one_does_not(house: House) -> None:
    house.sign_up("ada@example.org")
    path = house.confirm_path("ada@example.org")
    old = house.settings.secret_key or ()
    for keys, status in ((("another-key-0123456789",), 404), (("another-key-0123456789", *old), 200)):
        settings = replace(house.settings, secret_key=keys)
        with RunningApp(create_app(settings, house.engine, house.clock)) as app:
            assert app.post(path).status_code == status


def test_after_an_unsubscription_the_old_confirmation_link_does_not_bring_back(house: House) -> None:
    house.sign_up("ada@example.org")
    path = house.confirm_path("ada@example.org")
    house.post(path)
    house.post(f"/unsubscribe/{house.token('ada@example.org')}")
    assert "lready confirmed" in house.post(path).text
    assert house.subscriber("ada@example.org")[1] == "unsubscribed"


# Leaving


@pytest.mark.parametrize(
    "body", [{"data": CSRF_FREE}, {"files": {"List-Unsubscribe": (None, "One-Click")}}, {"content": b""},
             {"content": b"--", "headers": {"Content-Type": "multipart/form-data"}}],
    ids=["urlencoded", "multipart", "empty", "broken"],
)  # fmt: skip
def test_one_click_unsubscribes_without_cookies_and_as_often_as_asked(house: House, body: dict[str, object]) -> None:
    token = house.active("ada@example.org")
    for _ in range(2):
        answer = house.post(f"/unsubscribe/{token}", **body)
        assert answer.status_code == 200
        assert house.subscriber("ada@example.org")[1] == "unsubscribed"


def test_looking_at_the_unsubscribe_page_changes_nothing(house: House) -> None:
    token = house.active("ada@example.org")
    for method in ("GET", "HEAD"):
        assert house.app.ask(method, f"/unsubscribe/{token}").status_code == 200
    assert house.subscriber("ada@example.org")[1] == "active"


def test_one_flipped_bit_is_no_token(house: House) -> None:
    token = house.active("ada@example.org")
    raw = urlsafe_b64decode(token)
    for bit in range(0, len(raw) * 8, 7):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        wrong = urlsafe_b64encode(flipped).decode()
        assert house.post(f"/unsubscribe/{wrong}", data=CSRF_FREE).status_code == 404
    assert house.subscriber("ada@example.org")[1] == "active"


def test_token_pages_are_private(house: House) -> None:
    token = house.active("ada@example.org")
    paths = (f"/unsubscribe/{token}", f"/preferences/{token}", f"/preferences/{token}/export", "/confirm/x",
             f"/preferences/{token}/erase", f"/preferences/{token}/nothing", "/vote/x", "/bookmark/x")  # fmt: skip
    for path in paths:
        headers = house.get(path).headers
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert "noindex" in headers["x-robots-tag"]
        assert "set-cookie" not in headers


def test_an_unsubscription_can_be_undone_for_a_moment(house: House) -> None:
    token = house.active("ada@example.org")
    page = house.post(f"/unsubscribe/{token}").text
    undo = hidden_fields(page)["undo"]
    assert "still subscribed" in house.post(f"/unsubscribe/{token}", data={"undo": undo}).text
    assert house.subscriber("ada@example.org")[1] == "active"
    assert "still subscribed" in house.post(f"/unsubscribe/{token}", data={"undo": undo}).text, "a double click"


def test_unsubscribe_pressed_twice_on_a_slow_line_can_be_undone_too(house: House) -> None:
    token, other = house.active("ada@example.org"), house.active("bob@example.org")
    pressed, of_another = (hidden_fields(house.get(f"/unsubscribe/{one}").text) for one in (token, other))
    house.post(f"/unsubscribe/{token}", data=pressed)
    for stamp in ({}, of_another):
        assert "undo" not in hidden_fields(house.post(f"/unsubscribe/{token}", data=stamp).text)
    undo = hidden_fields(house.post(f"/unsubscribe/{token}", data=pressed).text)
    assert "still subscribed" in house.post(f"/unsubscribe/{token}", data=undo).text
    assert house.subscriber("ada@example.org")[1] == "active"


def test_who_was_not_active_gets_no_undo_however_often_they_press(house: House) -> None:
    house.sign_up("ada@example.org")
    token = house.token("ada@example.org")
    pressed = hidden_fields(house.get(f"/unsubscribe/{token}").text)
    for _ in range(2):
        assert "undo" not in hidden_fields(house.post(f"/unsubscribe/{token}", data=pressed).text)


def test_an_undo_of_somebody_else_s_making_does_nothing(house: House) -> None:
    token, other = house.active("ada@example.org"), house.active("bob@example.org")
    undo = hidden_fields(house.post(f"/unsubscribe/{other}").text)["undo"]
    house.post(f"/unsubscribe/{token}")
    for stamp in (undo, "", "1.x"):
        assert house.post(f"/unsubscribe/{token}", data={"undo": stamp}).status_code == 409
    assert house.subscriber("ada@example.org")[1] == "unsubscribed"


# Coming back


def test_a_new_opt_in_brings_back_who_left(house: House) -> None:
    house.post(f"/unsubscribe/{house.active('ada@example.org')}")
    house.sign_up("ada@example.org")
    assert house.subscriber("ada@example.org")[1] == "unsubscribed", "the mailbox decides, not the form"
    house.post(house.confirm_path("ada@example.org"))
    assert house.subscriber("ada@example.org")[1] == "active"


def test_who_leaves_and_returns_on_the_same_day_gets_in(house: House) -> None:
    for _ in range(2):
        house.sign_up("ada@example.org")
        house.post(house.confirm_path("ada@example.org"))
        assert house.subscriber("ada@example.org")[1] == "active"
        house.post(f"/unsubscribe/{house.token('ada@example.org')}")
    house.sign_up("ada@example.org")
    house.sign_up("ada@example.org")
    assert house.mail() == 1, "what a stranger types in vain still comes once a day"


def test_what_a_stranger_types_changes_no_spelling_and_the_mailbox_s_answer_does(house: House) -> None:
    house.active("ada@example.org")
    house.post(f"/unsubscribe/{house.token('ada@example.org')}")
    house.sign_up("Ada@Example.org")
    assert house.subscriber("ada@example.org")[1] == "unsubscribed", "as it was"
    house.post(house.confirm_path("Ada@example.org"))
    assert house.subscriber("Ada@example.org")[1] == "active"


def test_a_new_opt_in_lifts_a_bounce_and_an_erasure(house: House) -> None:
    token = house.active("ada@example.org")
    house.post(f"/preferences/{token}/erase")
    stop(house.engine, "bob@example.org", SubscriberState.BOUNCED, MONDAY)
    for address in ("ada@example.org", "bob@example.org"):
        house.sign_up(address)
        house.post(house.confirm_path(address))
        assert house.subscriber(address)[1] == "active"
    with reading(house.engine) as connection:
        assert connection.execute(select(Suppression)).all() == []


def test_after_a_complaint_only_an_operator_opens_the_door(house: House) -> None:
    house.active("ada@example.org")
    stop(house.engine, "ada@example.org", SubscriberState.COMPLAINED, MONDAY)
    assert house.subscriber("ada@example.org")[1] == "complained"
    house.sign_up("ada@example.org")
    assert house.mail() == 0


def test_a_complaint_between_letter_and_button_keeps_the_door_shut(house: House) -> None:
    house.sign_up("ada@example.org")
    path = house.confirm_path("ada@example.org")
    stop(house.engine, "ada@example.org", SubscriberState.COMPLAINED, MONDAY)
    answer = house.post(path)
    assert answer.status_code == 403
    assert "Sign up again" not in answer.text, "that would come to nothing"
    assert house.subscriber("ada@example.org")[1] == "complained"


# Preferences, my data, forget me


def test_preferences_are_saved_and_shown(house: House) -> None:
    token = house.active("ada@example.org")
    saved = house.post(
        f"/preferences/{token}",
        data={"category": ["AI Agents", "Databases"], "panelist": "skeptic", "min_ship_percent": "60",
              "format": "text", "pause_weeks": "4", "name": "Ada\tL"},
    )  # fmt: skip
    assert saved.status_code == 200
    with reading(house.engine) as connection:
        found = subscriber_by_id(connection, house.subscriber("ada@example.org")[0])
    assert found is not None
    assert (found.name, found.format) == ("Ada L", "text")
    assert found.selection == '{"categories":["AI Agents","Databases"],"min_ship_percent":60,"panelists":["skeptic"]}'
    assert found.paused_until == MONDAY + timedelta(weeks=4)
    page = house.get(f"/preferences/{token}").text
    assert 'value="skeptic" checked' in page
    assert "taking a rest" in page
    assert f"Keep it until {MONDAY + timedelta(weeks=4):%-d %b %Y}" in page, "a date as on every other page"
    house.post(f"/preferences/{token}", data={"pause_weeks": "0"})
    assert "taking a rest" not in house.get(f"/preferences/{token}").text


@pytest.mark.parametrize(
    "category", ["AI Agents", "AI  Agents", "AI\u00a0Agents", "AI\u200bAgents", "AI \u202aAgents\u202c"]
)
def test_a_category_stands_there_once_and_is_ticked_however_it_is_written(house: House, category: str) -> None:
    put(house.engine, {"slug": "a", "name": "A", "url": "https://a.example/", "category": category})
    token = house.active("ada@example.org")
    page = house.post(f"/preferences/{token}", data={"category": ["ai agents", "Long gone"]}).text
    ticks = re.findall(r'<input type="checkbox" name="category" value="([^"]*)"( checked)?>', page)
    assert ticks == [("AI Agents", " checked"), ("Long gone", " checked")]
    page = house.post(f"/preferences/{token}", data={"category": "Long gone"}).text
    assert 'value="AI Agents">' in page


@one_database
def test_more_categories_than_anybody_can_choose_are_told_and_not_cut(house: House) -> None:
    chosen = [f"Category {number}" for number in range(51)]
    put(house.engine, {"slug": "a", "name": "A", "url": "https://a.example/", "category": chosen[50]})
    answer = house.sign_up("ada@example.org", name="Ada", category=chosen)
    assert answer.status_code == 422
    assert "At most 50 categories can be chosen; none chosen means all of them." in answer.text
    assert 'value="Category 50" checked' in answer.text
    assert 'value="ada@example.org"' in answer.text
    assert letters(house.engine) == []
    assert house.sign_up("ada@example.org", category=chosen[:50]).status_code == 200


@one_database
@pytest.mark.parametrize(
    "field",
    [
        {"min_ship_percent": "101"}, {"min_ship_percent": "x"}, {"format": "pdf"}, {"pause_weeks": "999"},
        {"category": [f"Category {number}" for number in range(51)]},
    ],
)  # fmt: skip
def test_preferences_that_cannot_be_are_refused_whole(house: House, field: dict[str, object]) -> None:
    token = house.active("ada@example.org")
    answer = house.post(f"/preferences/{token}", data={"name": "Changed", **field})
    assert answer.status_code == 422
    assert "Changed" not in house.get(f"/preferences/{token}").text


@one_database
def test_who_ticked_too_much_in_preferences_finds_their_ticks_again(house: House) -> None:
    chosen = [f"Category {number}" for number in range(51)]
    token = house.active("ada@example.org")
    typed = {"category": chosen, "panelist": "skeptic", "format": "text", "min_ship_percent": "75", "pause_weeks": "4"}
    page = house.post(f"/preferences/{token}", data=typed).text
    assert page.count(" checked> <bdi>Category") == 51
    for marked in ('"skeptic" checked', '"text" checked', '"75" selected', '"4" selected'):
        assert marked in page
    assert " checked> <bdi>" not in house.get(f"/preferences/{token}").text, "and nothing is stored"


def test_my_data_is_json_with_the_evidence(house: House) -> None:
    house.sign_up("ada@example.org", name="Ada")
    house.post(house.confirm_path("ada@example.org"))
    document = house.get(f"/preferences/{house.token('ada@example.org')}/export").json()
    assert (document["email"], document["name"], document["state"]) == ("ada@example.org", "Ada", "active")
    assert document["consents"][0]["form"] == "landing"
    assert document["consents"][0]["words"].startswith("Yes, send me Weekly Verdicts")
    assert document["consents"][0]["at"] == "2026-11-16T06:00:00Z"


def test_a_page_shows_no_address(house: House) -> None:
    token = house.active("ada@example.org")
    for path in (f"/preferences/{token}", f"/unsubscribe/{token}"):
        assert "ada@" not in house.get(path).text


def test_who_mistyped_moves_or_got_a_forwarded_mail_is_told_what_to_do(house: House) -> None:
    assert "Mistyped it?" in house.sign_up("adaa@example.org").text
    token = house.active("ada@example.org")
    assert "the subscription of whoever forwarded it" in house.get(f"/unsubscribe/{token}").text
    assert "forwarded" not in house.post(f"/unsubscribe/{token}", data=CSRF_FREE).text
    assert '<a href="/subscribe">Sign up with it</a>' in house.get(f"/preferences/{token}").text


def test_forget_me_leaves_a_keyed_hash_alone(house: House) -> None:
    house.sign_up("forget.me@example.org", name="Forgettable")
    house.post(house.confirm_path("forget.me@example.org"))
    token = house.token("forget.me@example.org")
    assert house.get(f"/preferences/{token}/erase").status_code == 405
    assert house.post(f"/preferences/{token}/erase").status_code == 200
    with reading(house.engine) as connection:
        (kept,) = connection.execute(select(Suppression)).all()
        assert (kept.email, kept.reason) == (None, "erased")
        assert len(kept.email_hash) == 32
        assert connection.execute(select(Subscriber)).all() == []
    again = house.post(f"/preferences/{token}/erase")
    assert (again.status_code, "This subscription is deleted" in again.text) == (200, True), "the page, loaded again"
    assert house.get(f"/preferences/{token}").status_code == 404
    assert house.post(f"/unsubscribe/{token}", data=CSRF_FREE).status_code == 200, "an old mail's button works"
    if house.engine.dialect.name == "sqlite":
        path = Path(str(house.engine.url.database))
        for file in path.parent.glob(path.name + "*"):
            assert b"forget.me" not in file.read_bytes()
            assert b"Forgettable" not in file.read_bytes()


def test_a_mail_of_before_an_erasure_does_not_claim_that_who_signed_up_anew_has_left(house: House) -> None:
    house.sign_up("ada@example.org")
    house.post(house.confirm_path("ada@example.org"))
    old = house.token("ada@example.org")
    house.post(f"/preferences/{old}/erase")
    house.sign_up("ada@example.org")
    house.post(house.confirm_path("ada@example.org"))
    for answer in (house.get(f"/unsubscribe/{old}"), house.post(f"/unsubscribe/{old}", data=CSRF_FREE)):
        assert answer.status_code == 200
        assert "You are unsubscribed" not in answer.text
        assert "use the link in the newest one to unsubscribe" in answer.text
    assert house.subscriber("ada@example.org")[1] == "active"
    house.post(f"/unsubscribe/{house.token('ada@example.org')}", data=CSRF_FREE)
    assert house.subscriber("ada@example.org")[1] == "unsubscribed"


def test_the_embedded_form_may_be_framed_and_nothing_else(house: House) -> None:
    assert "frame-ancestors *" in house.get("/embed").headers["content-security-policy"]
    assert "x-frame-options" not in house.get("/embed").headers
    for path in ("/", "/subscribe", "/tools", "/editor/sign-in", "/editor", "/nowhere"):
        headers = house.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
    assert 'action="/subscribe"' in house.get("/embed").text
    assert hidden_fields(house.get("/embed").text)["form"] == "embedded form"


@one_database
@pytest.mark.parametrize("path", ["/subscribe", "/confirm/x", "/unsubscribe/x", "/preferences/x", "/"])
def test_wrong_methods_get_a_page_that_helps(house: House, path: str) -> None:
    answer = house.app.ask("DELETE", path)
    assert answer.status_code == 405
    assert "<h1>" in answer.text
    assert answer.headers["allow"] == ("GET, HEAD" if path == "/" else "GET, HEAD, POST")


def test_a_link_that_was_cut_off_gets_a_page_that_says_what_to_do(house: House) -> None:
    token = house.active("ada@example.org")
    for kind in ("confirm", "unsubscribe", "preferences", "vote", "bookmark"):
        answer = house.get(f"/{kind}/{token[:-3]}")
        assert answer.status_code == 404
        assert "Open it once more from the message" in answer.text
