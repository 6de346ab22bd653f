"""The docs are one book: every command in it is run, page after page, against one installation in an empty folder.

The files that the quick start shows (settings, tools, readers) are the files that the commands read. Addresses outside
are replaced by servers here, as the fixture ``reader`` says; what other tests run is named in ELSEWHERE.
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.acceptance.command import Command
from tests.databases import PostgresServer
from tests.fakes.feed_server import FeedServer
from tests.fakes.receiver import Receiver
from tests.fakes.smtp_sink import Sink
from tests.fakes.times import MONDAY
from tests.unit.subscribers.test_exports import LISTMONK

ROOT = Path(__file__).parents[2]
PAGES = ("README", "docs/quick-start", "docs/feeds", "docs/editors", "docs/readers", "docs/operators", "docs/api")
NOW = "2026-11-23T08:00:00+00:00"  # the Monday after the week that the book speaks of

ELSEWHERE = {
    "make demo": "tests/integration/test_demo.py",
    "make test": "this is it",
    "python3 -m venv .venv": "tests/integration/test_deploy.py",
    "pip install .": "tests/integration/test_deploy.py",
    ".venv/bin/pip install /path/to/weekly-verdicts": "tests/integration/test_deploy.py",
    ".venv/bin/pip install '/path/to/weekly-verdicts[fast-signing]'": "tests/unit/deliveries/test_rsa_eights.py",
    ". .venv/bin/activate": "tests/integration/test_deploy.py",
}
FEEDS = ("feed.xml", "launches.xml", "blog.xml", "launches.atom", "ours/releases.atom", "theirs/releases.atom")
MAY_FAIL = {"newsletter doctor": "nobody answers for example.com here"}

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
_FEED = """<?xml version="1.0"?><rss version="2.0"><channel><title>Launches</title><link>https://patchbay.example</link>
<item><title>Patchbay 3.0</title><link>https://patchbay.example/3</link><guid>3</guid>
<pubDate>Wed, 18 Nov 2026 10:00:00 GMT</pubDate><description>Reads the whole change.</description></item>
</channel></rss>"""
_MAILCHIMP = """Email Address,First Name,Last Name,OPTIN_TIME,CONFIRM_TIME,CONFIRM_IP,{last}
{who}@example.org,Ann,Other,2024-01-15 10:00:00,2024-01-15 10:01:00,192.0.2.1,2024-02-01 00:00:00
"""
_SUBSTACK = (
    "email,active_subscription,email_disabled,created_at\nsub@example.org,false,false,2024-01-15T10:00:00.000Z\n"
)


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / f"{page}.md").read_text("utf-8")
    return [block for found, block in _BLOCK.findall(text) if found == language]


def commands(page: str) -> list[str]:
    """One line each, without comments and continuations."""
    lines = "".join(blocks(page, "sh")).replace("\\\n", " ").splitlines()
    return [bare for line in lines if (bare := re.sub(r"\s{2,}#.*", "", line).strip())]


class Reader:
    """Somebody who types the book into a shell."""

    def __init__(self, folder: Path, replaced: dict[str, str]) -> None:
        self.command = Command(folder, {"NEWSLETTER_FETCH_PRIVATE": "true"})
        self._replaced, self._folder, self._environ = replaced, folder, dict(os.environ)

    def types(self, line: str) -> None:
        status = 1 if line in MAY_FAIL else 0
        for theirs, ours in self._replaced.items():
            line = line.replace(theirs, ours)
        words = shlex.split(line)
        if words[0] == "newsletter" and not set(words) & {"<", ">", "|"}:
            if words[1] == "serve":
                self._serves(words)
                return
            said = self.command(*words[1:], status=status, now=NOW).stdout
            if token := re.search(r"^wv_\S+", said, re.M):
                self._environ["TOKEN"] = token[0]
        else:
            self._types_into_a_shell(line.replace("curl ", "curl -sS --fail-with-body "))

    def _types_into_a_shell(self, line: str) -> None:
        program = f"{sys.executable} -m newsletter.cli.main"
        line = re.sub(r"^newsletter ", f"{program} ", line)
        done = subprocess.run(line, shell=True, cwd=self._folder, env=self.outside(), capture_output=True, text=True)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"

    def outside(self) -> dict[str, str]:
        known = {name: value for name, value in self._environ.items() if not name.startswith("NEWSLETTER_")}
        return known | self.command.settings | {"NEWSLETTER_NOW": NOW, "PYTHONPATH": str(ROOT)}

    def _serves(self, words: list[str]) -> None:
        """Until it answers; then it is told to stop, and ends with 0."""
        with serving(self, *words[2:]):
            pass


@contextmanager
def serving(reader: Reader, *options: str) -> Iterator[str]:
    """``newsletter serve`` on a free port, until it is told to stop and ends with 0."""
    kept = [word for place, word in enumerate(options) if "--port" not in (word, options[place - 1])]
    command = [sys.executable, "-m", "newsletter.cli.main", "serve", *kept, "--port", "0"]
    folder, environ = reader.command.folder, reader.outside()
    process = subprocess.Popen(command, cwd=folder, env=environ, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        said = process.stderr.readline()
        found = re.search(r"http://\S+", said)
        assert found, said + process.stderr.read()
        with urllib.request.urlopen(f"{found[0]}/healthz", timeout=60) as answer:
            assert json.load(answer) == {"status": "ok"}
        yield found[0]
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said


@pytest.fixture
def reader(tmp_path: Path, postgres_server: PostgresServer) -> Iterator[Reader]:
    """The files that the book speaks of, and the outside on loopback."""
    files, folder = tmp_path / "files", tmp_path / "newsletter"
    (files / "bounces").mkdir(parents=True)
    for part in ("cur", "new", "tmp"):
        (files / "bounces" / part).mkdir()
    folder.mkdir()
    exported = {
        "subscribers.csv": LISTMONK, "returned.eml": "Subject: hello\n\nThis is no report.\n",
        "email_list.example.csv": _SUBSTACK,
        "subscribed_email_audience_export_1a2b3c.csv": _MAILCHIMP.format(last="LAST_CHANGED", who="in"),
        "unsubscribed_email_audience_export_1a2b3c.csv": _MAILCHIMP.format(last="UNSUB_TIME", who="out"),
        "cleaned_email_audience_export_1a2b3c.csv": _MAILCHIMP.format(last="CLEAN_TIME", who="gone"),
    }  # fmt: skip
    for name, text in exported.items():
        (folder / name).write_text(text, "utf-8")
    for language, name in (("json", "tools.json"), ("csv", "readers.csv"), ("toml", "newsletter.toml")):
        (folder / name).write_text(blocks("docs/quick-start", language)[0], "utf-8")
    with FeedServer() as feeds, Receiver() as receiver, Sink() as sink:
        for path in (
            "feed.xml",
            "launches.xml",
            "blog.xml",
            "launches.atom",
            "ours/releases.atom",
            "theirs/releases.atom",
        ):
            feeds.serve(f"/{path}", _FEED, content_type="application/rss+xml")
        base = feeds.url("")
        found = Reader(folder, {
            "https://example.com": base, "https://github.com/OWNER/REPO": f"{base}/ours",
            "https://github.com/example/tool": f"{base}/theirs",
            "https://crm.example.com/hooks/newsletter": receiver.url, "/var/backups": str(files),
            "/var/mail/bounces": str(files / "bounces"),
            "postgresql+psycopg://news:password@db.example.com/news": postgres_server.new_database(MONDAY, empty=True),
        })  # fmt: skip
        key = re.sub(r"^(secret_key|smtp) = .*\n", "", (folder / "newsletter.toml").read_text("utf-8"), flags=re.M)
        (folder / "newsletter.toml").write_text(key, "utf-8")
        found.command.settings |= {
            "NEWSLETTER_SMTP": sink.url, "NEWSLETTER_SECRET_KEY": "a-key-that-only-tests-know-0123456789",
        }  # fmt: skip
        yield found


@pytest.mark.postgres
def test_every_command_of_the_book_works_in_its_order(reader: Reader) -> None:
    for page in PAGES[1:-1]:
        for line in commands(page):
            if line not in ELSEWHERE:
                reader.types(line)
    with serving(reader, "--no-scheduler") as address:
        reader._replaced["https://news.example.com"] = address
        for line in commands("docs/api"):
            reader.types(line)


@pytest.mark.postgres
def test_the_short_way_of_the_readme_works_too(reader: Reader) -> None:
    for line in commands("README"):
        if line not in ELSEWHERE:
            reader.types(line)


def test_no_page_has_commands_that_nobody_runs() -> None:
    pages = [str(path.relative_to(ROOT))[:-3] for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]]
    assert {page for page in pages if commands(page)} - {"CONTRIBUTING"} == set(PAGES)
    assert set(ELSEWHERE) <= {line for page in pages for line in commands(page)}, "what is named there is in the book"
    unmarked = [text for page in pages for text in blocks(page, "") if "newsletter " in text]
    assert unmarked == [], "commands stand in blocks marked sh"
