"""Hostile titles, names and addresses, from the commands that take them in to the bytes that reach the wire."""

import csv
import email
import email.policy
import io
import json
import re
from email.header import decode_header, make_header
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from db.engine import reading
from db.models import Tool
from tests.acceptance.command import Command
from tests.conftest import complete_environment
from tests.fakes.smtp_sink import ALL, Mail, Sink
from tests.integration.test_issues import add_release

NAMES = [
    "=?utf-8?q?hi=0d=0aBcc:_evil@example.com?=",
    "Line\r\nBcc: evil@example.com",
    "Nul\x00 bell\x07 tab\t",
    "\u202eeman desrever\u202c",
    "👩\u200d💻 Ada 🚀",
    '"Quoted" \\ <angle@example.com>, other@example.com; (comment)',
    "é" * 2500 + "x" * 2500,
    ".\r\n.\r\nQUIT",
    "{{ 7 * 7 }} {token}",
]
ADDRESSES = {
    "plain@example.org": "plain@example.org",
    "jo@bücher.example": "jo@xn--bcher-kva.example",
    "jürgen@example.org": "jürgen@example.org",
    "o'brien+news=x@example.org": "o'brien+news=x@example.org",
    f"{'l' * 64}@{'d' * 60}.example.org": f"{'l' * 64}@{'d' * 60}.example.org",
}
FIELDS = {
    "date", "to", "message-id", "list-unsubscribe", "list-unsubscribe-post", "from", "subject", "list-id", "list-help",
    "list-archive", "list-post", "precedence", "feedback-id", "mime-version", "content-type",
    "content-transfer-encoding",
}  # fmt: skip


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def command(sqlite_url: str, tmp_path: Path) -> Command:
    settings = complete_environment(sqlite_url) | {"NEWSLETTER_NOW": "2026-11-23T06:00:00Z"}
    return Command(tmp_path, settings)


def readers() -> str:
    """A CSV: every name at an address of its own, and every odd address."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["email", "name", "consent_at", "consent_source"])
    for number, name in enumerate(NAMES):
        writer.writerow([f"reader{number}@example.org", name.replace("\x00", ""), "2026-01-01T00:00:00Z", "form"])
    for address in ADDRESSES:
        writer.writerow([address, "Somebody", "2026-01-01T00:00:00Z", "form"])
    return text.getvalue()


@pytest.mark.parametrize("offers", [ALL, ("PIPELINING", "SMTPUTF8")], ids=["chunking", "pipelining"])
def test_nothing_hostile_leaves_its_place(
    engine: Engine, command: Command, tmp_path: Path, offers: tuple[str, ...]
) -> None:
    tools = [
        {
            "slug": f"tool-{n}",
            "name": name.replace("\x00", "")[:200],
            "url": f"https://tool{n}.example/",
            "category": "X",
        }
        for n, name in enumerate(NAMES)
    ]
    clean = [tool | {"name": re.sub(r"[\x00-\x1f]", " ", str(tool["name"])).strip()} for tool in tools]
    (tmp_path / "tools.json").write_text(json.dumps({"tools": clean}), "utf-8")
    (tmp_path / "readers.csv").write_text(readers(), "utf-8", newline="")
    command("init")
    command("tools", "import", "tools.json")
    taken = command.json("subscribers", "import", "readers.csv")
    assert taken["rejected"] == []
    with reading(engine) as connection:
        found = list(connection.execute(select(Tool.id, Tool.name)))
    for tool in found:
        add_release(engine, tool.id, title=tool.name, name=tool.name)
    command("issues", "compose")
    command("issues", "approve", "2026-W47")
    with Sink().offering(*offers) as sink:
        command.settings["NEWSLETTER_SMTP"] = sink.url
        command("issues", "send", "2026-W47")
    receipt = command.json("issues", "receipt", "2026-W47")
    assert receipt["sent"] == receipt["recipients"] == len(NAMES) + len(ADDRESSES)
    wanted = {f"reader{n}@example.org" for n in range(len(NAMES))} | set(ADDRESSES.values())
    assert sink.recipients() == dict.fromkeys(wanted, 1)
    verbs = {line.partition(" ")[0] for line in sink.commands}
    assert verbs <= {"EHLO", "MAIL", "RCPT", "BDAT", "DATA", "QUIT", "RSET"}
    for mail in sink.mails:
        assert_sound(mail)
        command("issues", "render", "2026-W47", "--to", "out", "--subscriber", mail.recipient)
        assert (tmp_path / "out" / "message.eml").read_bytes() == mail.data


def assert_sound(mail: Mail) -> None:
    """What RFC 5322 and 5321 ask of the bytes, and of whom they are for."""
    head, _, body = mail.data.partition(b"\r\n\r\n")
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n", mail.data)
    assert all(len(line) <= 998 for line in mail.data.split(b"\r\n"))
    assert not any(line.startswith(b".") for line in body.split(b"\r\n"))
    assert body.isascii()
    names = [line.partition(b":")[0].decode().lower() for line in re.split(rb"\r\n(?![ \t])", head)]
    assert sorted(names) == sorted(FIELDS)
    for word in re.findall(rb"=\?[^ \r\n]*\?=", head):
        assert len(word) <= 75
        str(make_header(decode_header(word.decode())))  # whole characters in each
    parsed = email.message_from_string(mail.data.decode(), policy=email.policy.SMTPUTF8)
    assert [address.addr_spec for address in parsed["To"].addresses] == [mail.recipient]
    ways = re.findall(r"<([^>]*)>", parsed["List-Unsubscribe"])
    assert [way.partition(":")[0] for way in ways] == ["https", "mailto"]
    assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain", "text/html"]
