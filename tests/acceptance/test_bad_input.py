"""Bad input gets one clear line, exit status 1, and changes nothing."""

import errno
import hashlib
import json
import os
import resource
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from newsletter.demo.material import SampleFeed
from newsletter.demo.serve_feeds import FeedServer
from tests.acceptance.command import Command
from tests.databases import copy_of_template

TOOL: dict[str, Any] = {"slug": "larch", "name": "Larch", "url": "https://larch.test", "category": "Editors"}


@pytest.fixture
def command(tmp_path: Path, sqlite_template: Path) -> Command:
    url = copy_of_template(sqlite_template, tmp_path / "newsletter.db")
    return Command(
        tmp_path,
        {
            "NEWSLETTER_DATABASE_URL": url,
            "NEWSLETTER_TITLE": "Fair Verdicts",
            "NEWSLETTER_FROM": "Fair Verdicts <news@example.com>",
            "NEWSLETTER_POSTAL_ADDRESS": "1 Fair Street",
            "NEWSLETTER_SECRET_KEY": "only-for-this-test-0123456789",
            "NEWSLETTER_FETCH_PRIVATE": "true",
            "NEWSLETTER_NOW": "2026-11-16T06:00:00Z",
        },
    )


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as found:
        yield found


def content(folder: Path) -> str:
    """A hash of everything that the database holds."""
    with sqlite3.connect(folder / "newsletter.db") as connection:
        said = hashlib.sha256("\n".join(connection.iterdump()).encode()).hexdigest()
    connection.close()
    return said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NEWSLETTER_SEND_AT", "9 o'clock"),
        ("NEWSLETTER_TIMEZONE", "Mars/Olympus"),
        ("NEWSLETTER_SMTP", "http://relay"),
        ("NEWSLETTER_SENDAT", "0 9 * * tue"),
        ("NEWSLETTER_NOW", "0001-01-01T00:00:00+14:00"),
        ("NEWSLETTER_NOW", "0001-01-02T00:00:00Z"),
        ("NEWSLETTER_NOW", "9999-12-31T00:00:00Z"),
        ("NEWSLETTER_FROM", "Ada <ada@example.com>, Bob <bob@example.com>"),
        ("NEWSLETTER_SECRET_KEY", " , "),
        ("NEWSLETTER_DATABASE_URL", "postgresql+psycopg://h:x/db"),
    ],
)
def test_a_wrong_setting_is_named_before_anything_happens(command: Command, name: str, value: str) -> None:
    command.settings[name] = value
    before = content(command.folder)
    assert name in command.refuses("gather")
    assert content(command.folder) == before


def test_who_is_in_the_wrong_folder_is_told_which_one_that_is(command: Command) -> None:
    command.settings["NEWSLETTER_DATABASE_URL"] = "sqlite:///elsewhere/newsletter.db"
    assert f"in {command.folder}; go to the folder of the service, or run" in command.refuses("status")
    command.settings["NEWSLETTER_DATABASE_URL"] = f"sqlite:///{command.folder}/elsewhere.db"
    assert "elsewhere.db; run `newsletter init`" in command.refuses("status")


def test_no_password_of_a_setting_is_said(command: Command) -> None:
    command.settings["NEWSLETTER_PUBLIC_URL"] = "https://me:geheim@news.example.com"
    assert "geheim" not in command.refuses("status")


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("NEWSLETTER_BOUNCE_MAILBOX", "imaps://mail.example/INBOX", "imaps://user:password@host/FOLDER"),
        ("NEWSLETTER_DATABASE_URL", "postgresql+psycopg://h:x/db", "postgresql+psycopg://user:password@host:5432/"),
    ],
)
def test_an_advice_says_where_user_and_password_belong(command: Command, name: str, value: str, advice: str) -> None:
    command.settings[name] = value
    assert advice in command.refuses("status")


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "2999-01-01", "1066-10-14"])
def test_a_consent_that_cannot_be_is_refused_as_in_a_file(command: Command, at: str) -> None:
    before = content(command.folder)
    words = ("subscribers", "add", "ada@example.org", "--confirmed", "--consent-source", "form", "--consent-at", at)
    assert "consent_at" in command(*words, status=2).stderr
    assert content(command.folder) == before


@pytest.mark.parametrize("told", [("--consent-source", "form"), ("--consent-at", "")])
def test_consent_that_is_told_is_not_left_out_without_a_word(command: Command, told: tuple[str, str]) -> None:
    before = content(command.folder)
    assert "--confirmed" in command("subscribers", "add", "ada@example.org", *told, status=2).stderr
    assert content(command.folder) == before


@pytest.mark.parametrize(
    "words",
    [
        ("bounces", "read", "{}"),
        ("bounces", "kept", "--to", "{}"),
        ("issues", "render", "2026-W46", "--to", "{}"),
        ("issues", "render", "2026-W46", "--to", "preview", "--subscriber", "{}"),
        ("backup", "{}"),
        ("restore", "{}"),
        ("subscribers", "import", "{}"),
        ("subscribers", "add", "ada@example.org", "--category", "{}"),
        ("tokens", "add", "{}", "--scope", "tools:read"),
        ("webhooks", "add", "{}", "https://crm.example.com/hooks"),
        ("feeds", "add", "https://larch.test/feed", "--tool", "{}"),
        ("feeds", "add", "https://larch.test/feed", "--include", "{}"),
        ("feeds", "add", "https://larch.test/feed", "--exclude", "{}"),
        ("tools", "list", "--category", "{}"),
    ],
)
@pytest.mark.parametrize("blank", ["", "  "])
def test_an_empty_word_means_neither_all_nor_none_nor_the_working_folder(
    command: Command, words: tuple[str, ...], blank: str
) -> None:
    before, files = content(command.folder), set(command.folder.iterdir())
    assert "is empty" in command(*(word.format(blank) for word in words), status=2).stderr
    assert content(command.folder) == before
    assert set(command.folder.iterdir()) == files


@pytest.mark.parametrize("what", ["feeds", "subscribers", "tools"])
def test_a_list_that_cannot_be_read_is_named_and_no_mistake_of_usage(command: Command, what: str) -> None:
    assert "nowhere.txt cannot be read: No such file" in command.refuses(what, "import", "nowhere.txt")
    assert "is empty" in command(what, "import", "", status=2).stderr


def test_an_empty_host_is_not_every_address_of_the_machine(command: Command) -> None:
    assert "--host is empty" in command("serve", "--host", "", "--port", "0", status=2).stderr


def test_an_address_that_cannot_be_listened_on_is_told_with_the_option_that_names_it(command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert "use; choose another with --port" in command.refuses("serve", "--port", port)
    assert "choose another with --host" in command.refuses("serve", "--host", "192.0.2.1", "--port", "0")


def test_a_word_that_is_no_text_is_refused_and_a_file_may_be_called_so(command: Command) -> None:
    before = content(command.folder)
    assert "no text" in command("subscribers", "add", "j\udcfcrgen@example.org", status=2).stderr
    assert content(command.folder) == before
    named = command.folder / "j\udcfcrgen.csv"
    named.write_text("email,consent_at,consent_source\nada@example.org,2026-01-01,form\n")
    assert command.json("subscribers", "import", named.name)["imported"] == 1


def test_postgresql_without_its_driver_says_what_to_install(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    command.settings["NEWSLETTER_DATABASE_URL"] = "postgresql+psycopg://h/db"
    assert "pip install 'weekly-verdicts[postgres]'" in command.refuses("status")


def test_output_is_utf_8_whatever_the_locale(command: Command) -> None:
    rows = "email,name,consent_at,consent_source\nada@example.org,J\u00fcrgen \u2603,2026-01-01,form\n"
    (command.folder / "in.csv").write_text(rows, "utf-8")
    command("subscribers", "import", "in.csv")
    environ = os.environ | command.settings | {"PYTHONIOENCODING": "latin-1", "PYTHONPATH": os.getcwd()}
    program = [sys.executable, "-m", "newsletter.cli.main", "subscribers", "export"]
    done = subprocess.run(program, capture_output=True, cwd=command.folder, env=environ, check=True)
    assert "J\u00fcrgen \u2603" in done.stdout.decode("utf-8")


@pytest.mark.parametrize(
    ("closed", "words", "status"),
    [
        ("2>&-", ("backup", "copy.db"), 0),
        ("2>&-", ("issues", "show", "2026-W30"), 1),
        (">&-", ("subscribers", "export"), 0),
        ("<&-", ("bounces", "read", "-"), 0),
        ("<&- >&- 2>&-", ("backup", "copy.db"), 0),
    ],
)
def test_a_stream_that_was_closed_keeps_no_command_from_its_work(
    command: Command, closed: str, words: tuple[str, ...], status: int
) -> None:
    environ = os.environ | command.settings | {"PYTHONPATH": os.getcwd()}
    program = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-m", "newsletter.cli.main", *words]
    done = subprocess.run(program, capture_output=True, cwd=command.folder, env=environ, check=False)
    assert (done.returncode, b"should not happen" in done.stderr) == (status, False)
    if "copy.db" in words:
        assert command("restore", "copy.db").returncode == 0


def unread(command: Command, *words: str) -> tuple[int, bytes]:
    """What a command ends with, and says beside, whose reader has left before its first word."""
    left, output = os.pipe()
    os.close(left)
    environ = os.environ | command.settings | {"PYTHONPATH": os.getcwd()}
    program = [sys.executable, "-m", "newsletter.cli.main", *words]
    done = subprocess.run(program, stdout=output, stderr=subprocess.PIPE, cwd=command.folder, env=environ, check=False)
    os.close(output)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "words", [("subscribers", "export"), ("tools", "list"), ("status", "--json"), ("--help",)], ids=" ".join
)
def test_whose_reader_has_left_has_done_its_work(command: Command, words: tuple[str, ...]) -> None:
    assert unread(command, *words) == (0, b"")


def test_what_could_not_be_done_is_said_though_nobody_reads_the_rest(command: Command) -> None:
    (command.folder / "mails").mkdir()
    (command.folder / "mails" / "torn.eml").symlink_to("/proc/self/mem")  # the system fails to read it, whoever asks
    status, said = unread(command, "bounces", "read", "mails")
    assert (status, b"1 mail was not read" in said) == (1, True)


def test_a_wrong_setting_in_the_file_is_named_with_the_file(command: Command) -> None:
    (command.folder / "newsletter.toml").write_text('send_at = "0 9 * * 8"\n')
    assert "send_at in newsletter.toml" in command.refuses("status")


def test_a_tool_file_with_a_bad_score_is_refused_whole_with_its_place(command: Command) -> None:
    bad = {"panelist": "builder", "score": 188, "call": "ship", "text": "…"}
    tools = [TOOL, {**TOOL, "slug": "osier", "name": "Osier", "takes": [bad]}]
    (command.folder / "tools.json").write_text(json.dumps({"tools": tools}))
    before = content(command.folder)
    said = command.refuses("tools", "import", "tools.json")
    assert "tools.json" in said or "takes[0].score" in said.replace(" ", "")
    assert "score" in said
    assert "188" in said or "100" in said
    assert content(command.folder) == before
    assert command.json("tools", "list")["tools"] == []


@pytest.mark.parametrize("body", [b"<html><body>Not a feed at all</body></html>", b"", b"\x00\x01\x02\x03", b"{}"])
def test_what_is_no_feed_is_reported_and_the_good_feed_beside_it_is_read(
    command: Command, server: FeedServer, body: bytes
) -> None:
    good = b'<rss version="2.0"><channel><title>Good</title><item><title>Larch 1.0</title><link>https://larch.test/1</link></item></channel></rss>'
    feeds = (SampleFeed("bad.xml", "Bad", "launches"), SampleFeed("good.xml", "Good", "launches"))
    server.show(feeds, {"bad.xml": body, "good.xml": good})
    for feed in feeds:
        command("feeds", "add", f"{server.base}/{feed.file}", "--name", feed.name)
    found = {feed["name"]: feed for feed in command.json("gather")["feeds"]}
    assert found["Bad"]["status"] == "error"
    assert found["Bad"]["error"]
    assert found["Good"]["status"] == "ok"


@pytest.mark.parametrize("verb", ["show", "approve", "send", "receipt", "check"])
def test_an_unknown_issue_is_named(command: Command, verb: str) -> None:
    assert "2026-W30" in command.refuses("issues", verb, "2026-W30")


def test_a_week_that_is_none_is_named(command: Command) -> None:
    assert "2026-W77" in command.refuses("issues", "show", "2026-W77")


@pytest.mark.parametrize("arguments", [("show",), ("unsubscribe",)])
def test_an_unknown_subscriber_is_named(command: Command, arguments: tuple[str, ...]) -> None:
    before = content(command.folder)
    assert "nobody@example.com" in command.refuses("subscribers", *arguments, "nobody@example.com")
    assert content(command.folder) == before


def test_a_relay_that_refuses_leaves_everybody_waiting(command: Command, server: FeedServer) -> None:
    command.settings["NEWSLETTER_SMTP"] = "smtp://127.0.0.1:9?tls=off"
    feed = SampleFeed("good.xml", "Good", "launches")
    date = "<pubDate>Tue, 10 Nov 2026 09:00:00 GMT</pubDate>"
    item = f"<item><title>Larch</title><link>https://larch.test</link>{date}</item>"
    server.show((feed,), {"good.xml": f'<rss version="2.0"><channel><title>G</title>{item}</channel></rss>'.encode()})
    take = {"panelist": "builder", "score": 80, "call": "ship", "text": "Good."}
    (command.folder / "tools.json").write_text(json.dumps({"tools": [{**TOOL, "takes": [take]}]}))
    consent = "email,name,consent_at,consent_source,categories\nada@example.org,Ada,2026-01-02T10:00:00Z,fair,\n"
    (command.folder / "readers.csv").write_text(consent)
    command("tools", "import", "tools.json")
    command("subscribers", "import", "readers.csv")
    command("feeds", "add", f"{server.base}/good.xml", "--kind", "launches")
    command("gather")
    command("issues", "compose")
    command("issues", "approve", "2026-W46")
    why = command.refuses("issues", "test", "2026-W46", "me@example.org", "me@example.org")
    assert "did not reach me@example.org" in why
    assert why.count("me@example.org") == 1
    assert "127.0.0.1:9" in why
    done = command("issues", "send", "2026-W46", status=1)
    assert "Traceback" not in done.stderr
    assert "127.0.0.1:9" in done.stderr
    receipt = command.json("issues", "receipt", "2026-W46")
    assert (receipt["recipients"], receipt["sent"], receipt["failed"]) == (1, 0, 0)


def test_a_database_that_is_missing_names_init(command: Command) -> None:
    command.settings["NEWSLETTER_DATABASE_URL"] = f"sqlite:///{command.folder}/none.db"
    assert "newsletter init" in command.refuses("issues", "list")
    assert not (command.folder / "none.db").exists()


def test_a_database_that_is_too_old_names_init(command: Command) -> None:
    with sqlite3.connect(command.folder / "newsletter.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
    connection.close()
    assert "newsletter init" in command.refuses("issues", "list")


def test_init_adds_nothing_to_another_programs_database(command: Command) -> None:
    other = command.folder / "other.db"
    for table in ("users", "alembic_version"):
        with closing(sqlite3.connect(other)) as connection:
            connection.execute(f"CREATE TABLE {table} (id)")
        before = other.read_bytes()
        command.settings["NEWSLETTER_DATABASE_URL"] = f"sqlite:///{other}"
        said = command.refuses("init")
        assert f"other.db holds another program's table '{table}'; NEWSLETTER_DATABASE_URL names" in said
        assert other.read_bytes() == before
        other.unlink()


@pytest.mark.parametrize("arguments", [("gather",), ("init",)])
def test_a_database_of_a_newer_version_is_left_alone(command: Command, arguments: tuple[str, ...]) -> None:
    with sqlite3.connect(command.folder / "newsletter.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    before = content(command.folder)
    assert "newer version" in command.refuses(*arguments)
    assert content(command.folder) == before


def test_a_disk_without_room_is_said_with_what_to_do(command: Command) -> None:
    before, size = resource.getrlimit(resource.RLIMIT_FSIZE), (command.folder / "newsletter.db").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, before[1]))
    try:
        assert "see that its disk has room" in command.refuses("suppressions", "add", "ada@example.org")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (command.folder / "newsletter.db").stat().st_size == size


def test_what_fails_in_tasks_side_by_side_is_said_in_one_line(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ExceptionGroup("tasks", [ExceptionGroup("more", [OSError(errno.EACCES, "Permission denied", "x.slot")])])

    monkeypatch.setattr("newsletter.issues.compose.compose_issue", fail)
    assert command.refuses("issues", "compose") == "newsletter: x.slot: Permission denied"


def test_a_backup_of_no_database_names_init(command: Command) -> None:
    command.settings["NEWSLETTER_DATABASE_URL"] = f"sqlite:///{command.folder}/none.db"
    assert "newsletter init" in command.refuses("backup", "copy.db")


def test_a_number_that_no_release_can_have_is_a_usage_error(command: Command) -> None:
    command("releases", "drop", "9" * 30, status=2)


@pytest.mark.parametrize("arguments", [("isues", "list"), ("issues", "lst"), ("gather", "--now")])
def test_a_command_that_is_none_is_a_usage_error(command: Command, arguments: tuple[str, ...]) -> None:
    assert "Usage" in command(*arguments, status=2).stderr


@pytest.mark.parametrize("server", ["", "banana", "9.9.9.9:x", "9.9.9.9:99999", "[::1", ":53"])
def test_a_dns_server_that_cannot_be_one_is_a_usage_error(command: Command, server: str) -> None:
    assert "--resolver" in command("doctor", "--resolver", server, status=2).stderr


def test_mail_that_nobody_understood_is_written_for_this_user_alone(command: Command) -> None:
    (command.folder / "odd.eml").write_bytes(b"Subject: ada@example.org\n\nis it you?\n")
    command("bounces", "read", "odd.eml")
    (mail,) = command.json("bounces", "kept", "--to", "look")["mails"]
    assert (command.folder / f"look/{mail['id']}.eml").read_bytes() == (command.folder / "odd.eml").read_bytes()
    assert (command.folder / "look").stat().st_mode & 0o077 == 0
