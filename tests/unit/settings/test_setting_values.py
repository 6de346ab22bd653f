"""What people write into settings, and what is made of it."""

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.cron import CronTrigger
from sqlalchemy import make_url

from newsletter import setting_values as values
from newsletter.clock import in_utc
from newsletter.crontabs import crontab, trigger
from newsletter.database_urls import database_url
from newsletter.hook_keys import hook_of_sendgrid, hook_of_ses
from newsletter.setting_paths import folder


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("0 6 * * mon", "0 6 * * mon"),
        ("0  6 * *  MON", "0 6 * * mon"),
        ("*/10 * 1 jan *", "*/10 * 1 jan *"),
        ("0 6 * * 1", "0 6 * * mon"),
        ("0 6 * * 0", "0 6 * * sun"),
        ("0 6 * * 7", "0 6 * * sun"),
        ("0 6 * * 1-5", "0 6 * * mon,tue,wed,thu,fri"),
        ("0 6 * * mon-fri/2", "0 6 * * mon,wed,fri"),
        ("0 6 * * 5-7", "0 6 * * sun,fri,sat"),
        ("0 6 * * sun-tue", "0 6 * * sun,mon,tue"),
        ("0 6 * * fri-mon", "0 6 * * sun,mon,fri,sat"),
        ("0 6 * * 2,thu", "0 6 * * tue,thu"),
        ("0 6 * * */2", "0 6 * * sun,tue,thu,sat"),
    ],
)
def test_a_crontab_has_the_days_that_crontab_has(written: str, meant: str) -> None:
    assert crontab(written) == meant


def test_the_scheduler_takes_every_hour_and_minute() -> None:
    for hour in ("*", *range(24)):
        for minute in ("*", *range(60)):
            CronTrigger.from_crontab(crontab(f"{minute} {hour} * * 2"), timezone=UTC)


def test_where_day_and_weekday_are_told_either_will_do() -> None:
    rule, at, days = trigger(crontab("0 9 1,15 * mon")), datetime(2027, 1, 25, tzinfo=UTC), []
    for _ in range(5):
        found = rule.get_next_fire_time(None, at)
        assert found is not None
        days.append(f"{found:%m-%d %a}")
        at = found + timedelta(minutes=1)
    assert days == ["01-25 Mon", "02-01 Mon", "02-08 Mon", "02-15 Mon", "02-22 Mon"]
    thirds = trigger(crontab("0 9 3 * mon"))
    assert thirds.get_next_fire_time(None, datetime(2027, 2, 2, tzinfo=UTC)) == datetime(2027, 2, 3, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "0 6 * *",
        "61 6 * * mon",
        "60 6 * * mon",
        "0 24 * * mon",
        "0 6 * * 8",
        "0 6 * * 1-",
        "0 6 * * mo",
        "0 6 * * */0",
        "0 6 * * tues",
        "@weekly",
        "0 6 31 feb *",
        "0 6 30 2 *",
    ],
)
def test_what_is_no_crontab_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"crontab line|five fields"):
        crontab(written)


@pytest.mark.parametrize(
    ("written", "name", "address"),
    [
        ("news@example.com", "", "news@example.com"),
        ("Wöchentlich <News@München.example>", "Wöchentlich", "News@xn--mnchen-3ya.example"),
        ("Fair, Weekly <news@example.com>", "Fair, Weekly", "news@example.com"),
        ('"Fair" <news@example.com>', "Fair", "news@example.com"),
        (r'"The \"Fair\" \\ Weekly" <news@example.com>', r'The "Fair" \ Weekly', "news@example.com"),
    ],
)
def test_a_mailbox_has_a_name_and_an_address(written: str, name: str, address: str) -> None:
    found = values.mailbox_address(written)
    assert (found.display_name, found.addr_spec) == (name, address)


@pytest.mark.parametrize("read", [values.text, values.paragraph, values.mailbox_address])
def test_bytes_of_the_environment_that_are_no_text_are_refused(read: Callable[[str], object]) -> None:
    with pytest.raises(ValueError, match="text in UTF-8"):
        read(os.fsdecode(b"W\xf6chentlich <news@example.com>"))


@pytest.mark.parametrize(
    "written",
    [
        "Ada <ada@example.com>, Bob <bob@example.com>",
        "a@b.example, c@d.example",
        "Ada",
        "@x.example",
        "a@b@c.example",
        "a,b@x.example",
        "X <a(b)@x.example>",
        'a"b@x.example',
        "a..b@x.example",
        ".a@x.example",
        "é@x.example",
        "a" * 65 + "@x.example",
        "a@x..example",
        "a@" + "ü" * 64 + ".example",
    ],
)
def test_several_mailboxes_or_none_are_refused(written: str) -> None:
    with pytest.raises(ValueError, match="must be a mailbox"):
        values.mailbox_address(written)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://news.example.com/", "https://news.example.com"),
        ("https://München.example:8443/post/", "https://xn--mnchen-3ya.example:8443/post"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_a_web_address_stands_in_a_header_as_it_is(written: str, meant: str) -> None:
    assert values.web_url(written) == meant


@pytest.mark.parametrize(
    "written",
    ["news.example.com", "ftp://x.example", "https://", "https://x.example/a b", "https://x.example/?a=1",
     "https://me@x.example", "https://x.example:0", "https://x.example/ä", "https://x.example/<b>", "https://-ü-.example"],
)  # fmt: skip
def test_what_is_no_base_of_links_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="must be an address"):
        values.web_url(written)


def test_domains_are_kept_as_mail_has_them() -> None:
    assert values.domain("Bounces.München.example") == "bounces.xn--mnchen-3ya.example"
    (key,) = values.dkim_keys("nov:münchen.example:/keys/nov.pem")
    assert key.domain == "xn--mnchen-3ya.example"
    with pytest.raises(ValueError, match="must be a domain"):
        values.domain("-ü-.example")


@pytest.mark.parametrize("written", ["1969-12-31T23:59:59Z", "9999-12-31T00:00:00Z", "0001-01-01", "yesterday"])
def test_an_instant_that_no_calendar_can_compute_with_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="ISO 8601"):
        values.instant(written)


@pytest.mark.parametrize(
    "written",
    ["smtp://mx.example.com:0", "smtp://mx.example.com/inbox", "smtp://mx.example.com#tls=off",
     "smtp://ada:12#3@mx.example.com:587", "smtp://ada:12/3@mx.example.com:587"],
)  # fmt: skip
def test_what_stands_behind_a_relay_is_refused_and_no_part_of_its_password_is_said(written: str) -> None:
    with pytest.raises(ValueError, match=r"^has (?!.*12)"):
        values.relays(written)


def test_secret_keys_stand_newest_first() -> None:
    assert values.secrets_list(" new , old,") == ("new", "old")
    with pytest.raises(ValueError, match="must hold a key"):
        values.secrets_list(" , ")


def test_an_instant_without_an_offset_is_one_of_its_zone_and_one_beyond_the_calendar_is_refused() -> None:
    new_york = ZoneInfo("America/New_York")
    nine = datetime.fromisoformat("2026-11-24T09:00")
    assert in_utc(nine) == datetime(2026, 11, 24, 9, tzinfo=UTC)
    assert in_utc(nine, new_york) == in_utc(nine.replace(tzinfo=new_york)) == datetime(2026, 11, 24, 14, tzinfo=UTC)
    with pytest.raises(ValueError, match="beyond the calendar"):
        in_utc(datetime.fromisoformat("9999-12-31T23:59"), new_york)


@pytest.mark.parametrize(
    "text",
    ["arn:aws:sns:eu-west-1:123456789012:bounces", "arn:aws:sns:x:1:a arn:aws:sns:x:1:b /etc/sns.pem", "sns.pem"],
)
def test_notices_of_ses_are_verified_by_topics_and_one_file(text: str) -> None:
    assert hook_of_ses(f" {text} ") == text


@pytest.mark.parametrize("text", ["a.pem b.pem", "arn:aws:s3:::bucket", "arn:aws:sns:x:1:a b.pem c.pem"])
def test_what_names_no_topic_and_no_file_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="ARN"):
        hook_of_ses(text)


@pytest.mark.parametrize("text", ["MFkwEwYHKoZIzj0CAQYIKoZIzj0D AQcDQgAE", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"])
def test_a_key_of_sendgrid_is_base64(text: str) -> None:
    assert hook_of_sendgrid(text) == "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"


@pytest.mark.parametrize("text", ["a password", "aGVsbG8=", "MFkw!"])
def test_what_is_no_key_of_sendgrid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no public key in base64"):
        hook_of_sendgrid(text)


@pytest.mark.parametrize(
    "written",
    ["postgresql+psycopg://h:x/db", "postgresql+psycopg://h:0/db", "postgresql+psycopg://h:99999/db",
     "postgresql+psycopg://u:p@ss@h/db", "postgresql+psycopg://[::1/db",
     "postgresql://h/db", "mysql://h/db"],
)  # fmt: skip
def test_a_malformed_url_of_a_database_is_refused_without_its_password(written: str) -> None:
    with pytest.raises(ValueError, match=r"^must (?!.*(ss@h|99999))"):
        database_url(written)


@pytest.mark.parametrize(
    "written", ["sqlite:///", "sqlite:///:memory:", "sqlite:///x.db?mode=ro", "sqlite:///file:x?uri=true"]
)
def test_an_embedded_database_is_a_file(written: str) -> None:
    with pytest.raises(ValueError, match="must name a file"):
        database_url(written)


def test_a_home_that_shells_alone_know_becomes_no_folder() -> None:
    for read, written in ((database_url, "sqlite:///~/x.db"), (folder, "~/backups"), (folder, "~ada")):
        with pytest.raises(ValueError, match=r"must name a whole path; only a shell knows what ~(ada)? is"):
            read(written)
    assert str(folder("./~/backups")) == "~/backups"


@pytest.mark.parametrize(
    "written",
    ["sqlite:///var/newsletter.db", "postgresql+psycopg://h/db", "postgresql+psycopg://u@h:5433/db?sslmode=require",
     "postgresql+psycopg://u:p%40ss%2F@[::1]:5433/db", "postgresql+psycopg:///db?host=/tmp/sock&port=5433",
     "postgresql+psycopg://u:a:b@h/db", "postgresql+psycopg://u:p@/db?host=one:5432&host=two:5432"],
)  # fmt: skip
def test_a_url_of_a_database_is_one_that_an_engine_is_made_of(written: str) -> None:
    assert database_url(f" {written} ") == written
    assert make_url(written).drivername in ("sqlite", "postgresql+psycopg")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("smtp://u:se/cret@relay.example", "has a host or a port that is none"),
        ("smtp://u:secret@relay.example:99999", "has a host or a port that is none"),
        ("smtp://u:secret@[::1", "has a host or a port that is none"),
        ("smtp://u:secret@relay.example?tls=starttls&tls=off", "has an option twice: smtp://relay.example"),
        ("smtp://u:secret@relay.example?connections=0", "has connections='0', which must be a whole number"),
        ("smtp://u:secret@relay.example?weight=much", "has weight='much', which must be a whole number"),
        ("smtp://u:secret@relay.example?secret", "has an unknown option 'secret'"),
    ],
)
def test_a_relay_that_is_none_is_told_by_what_is_wrong_with_it(written: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}"):
        values.relays(written)


@pytest.mark.parametrize("read", [values.web_url, values.bounce_mailbox])
@pytest.mark.parametrize("written", ["imaps://u:secret@mail.example:99999/x", "imaps://u:secret@[::1", "https://[x]"])
def test_a_host_or_a_port_that_is_none_is_said_without_the_password(
    read: Callable[[str], object], written: str
) -> None:
    with pytest.raises(ValueError, match="host or a port") as refused:
        read(written)
    assert "secret" not in str(refused.value)


def test_advice_on_passwords_is_for_urls_that_may_have_one() -> None:
    with pytest.raises(ValueError, match=r"port that is none$"):
        values.web_url("https://x.example:80x")


def test_a_receiver_has_one_rate() -> None:
    with pytest.raises(ValueError, match=r"names google\.com twice"):
        values.domain_rates("google.com=1/s Google.com=2/s")
