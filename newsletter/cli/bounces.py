"""``newsletter bounces``: returned mail and complaints."""

import sys
from collections.abc import Iterator
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from newsletter.cli.door import WORD, Door, Place, answer, in_pages, json_option, pass_door
from newsletter.cli.tables import table
from newsletter.english import counted

if TYPE_CHECKING:
    from newsletter.deliveries.bounces_mail import Arrived, Unread


@click.group()
def bounces() -> None:
    """Take in returned mail and complaints, and look at what was not understood.

    \b
    Example:
      newsletter bounces read /var/mail/bounces/
    """


@bounces.command()
@click.argument("where", type=WORD, required=False, metavar="[FILE|MAILDIR|-]")
@json_option
@pass_door
def read(door: Door, where: str | None, as_json: bool) -> None:
    """Read returned mail from a file, an mbox, a Maildir, a folder, or standard input (-).

    Without an argument, the mailbox of NEWSLETTER_BOUNCE_MAILBOX is read. Mail of a Maildir or IMAP folder is marked as
    seen once it was taken in; nothing is deleted. Reading a mail again changes nothing. What cannot be read is named,
    and the rest is read.

    \b
    Example:
      newsletter bounces read returned.eml
      newsletter bounces read - < returned.eml
    """
    from newsletter.deliveries.receive import receive_mail
    from newsletter.errors import NewsletterError

    report = receive_mail(door.engine, _mails(door, where), now=door.clock.now())
    results = [asdict(result) for result in report.results]
    rows = [
        (
            one.source if one.mail == 1 else f"{one.source}#{one.mail}",
            one.kind, one.recipient, one.status, one.reason, one.subscriber_changed,
        )
        for one in report.results
    ]  # fmt: skip
    heads = ("mail", "kind", "recipient", "status", "reason", "changed")
    document = {"results": results, "unread": [one._asdict() for one in report.unread]}
    answer(document, as_json, table(rows, heads, "No returned mail."))
    for one in report.unread:
        click.echo(f"{one.source}: {one.why}", err=True)
    if report.broke_off:
        raise NewsletterError(report.broke_off)
    if report.unread:
        raise NewsletterError(f"{counted(len(report.unread), 'mail was', 'mails were')} not read; the others were")


@bounces.command()
@click.option("--to", "folder", type=Place(path_type=Path), help="Write each mail into this folder.")
@json_option
@pass_door
def kept(door: Door, folder: Path | None, as_json: bool) -> None:
    """List the mail that was not understood; with --to, write it into a folder for a look.

    \b
    Example:
      newsletter bounces kept --to /tmp/look
    """
    from db.returned_mail import kept_mail
    from newsletter.clock import iso

    listed = []
    if folder is not None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds readers' addresses
    pages = in_pages(door.engine, lambda connection, after: kept_mail(connection, after, 100), lambda mail: mail.id)
    for mail in chain.from_iterable(pages):
        listed.append({"id": mail.id, "at": iso(mail.at), "source": mail.source, "bytes": len(mail.raw)})
        if folder is not None:
            (folder / f"{mail.id}.eml").write_bytes(mail.raw)
    rows = [tuple(mail.values()) for mail in listed]
    answer({"mails": listed}, as_json, table(rows, ("id", "at", "mail", "bytes"), "Nothing is kept."))


def _mails(door: Door, where: str | None) -> "Iterator[Arrived | Unread]":
    from newsletter.deliveries.read_mailbox import mails_at, mails_in, mails_of_mailbox
    from newsletter.errors import SettingsError

    if where == "-":
        return mails_in(sys.stdin.buffer)
    if where is not None:
        return mails_at(Path(where))
    if door.settings.bounce_mailbox is None:
        raise SettingsError("NEWSLETTER_BOUNCE_MAILBOX is not set; set it, or name a file, a Maildir or -")
    return mails_of_mailbox(door.settings.bounce_mailbox)
