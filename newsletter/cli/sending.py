"""``newsletter issues test``, ``send``, ``receipt``, ``pause``, ``resume``, ``cancel``, ``resend``, put into their
group by cli/issues.py."""

import importlib
import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

import click

from newsletter.cli.door import Door, answer, json_option, note, pass_door, stopping, week_argument
from newsletter.cli.progress import Progress
from newsletter.clock import Week, iso
from newsletter.english import counted
from newsletter.errors import NewsletterError, RefusedError

if TYPE_CHECKING:
    from db.deliveries import Counts
    from newsletter.deliveries.read_receipt import Receipt


OTHERS_SECONDS = 0.5  # how often a command looks whether other senders are done
TEST_SECONDS = 10.0  # how long a test waits for another process that mails it


@click.command()
@click.argument("issue")
@json_option
@pass_door
def send(door: Door, issue: str, as_json: bool) -> None:
    """Send an approved issue now, or go on with one that is being sent, until nothing is due any more.

    \b
    Example:
      newsletter issues send 2026-W47
    """
    from newsletter.deliveries.read_keys import signers_of
    from newsletter.deliveries.senders import give_way

    give_way()
    week = week_argument(issue)
    signers_of(door.settings)  # before anything is published that could not be signed
    start(door, week)
    from newsletter.deliveries.read_receipt import read_receipt

    trouble = _send_out(door, week)
    receipt = read_receipt(door.engine, week)
    answer(receipt.document(), as_json, _lines(receipt))
    _say_what_is_left(week, receipt, trouble)


def _send_out(door: Door, week: Week) -> str | None:
    """Until nothing is due any more; what held it up, if anything did."""
    from newsletter.deliveries.send import send_due

    with Progress() as progress, _stop_on_signals() as stop:

        def tell(week: str, counts: "Counts") -> None:
            progress.show(f"{week}: {counts.recipients - counts.open:,} of {counts.recipients:,}")

        told = tell if progress.is_seen else None  # nobody counts for a pipe
        report = send_due(door.engine, door.settings, door.clock, week, stop, told)
        while any(sent.counts.sending and not sent.trouble for sent in report.issues) and not stop.wait(OTHERS_SECONDS):
            # Others hold the rest. Should they be gone in the middle of it, it is for us.
            report = send_due(door.engine, door.settings, door.clock, week, stop, told)
    if any(sent.counts.failed for sent in report.issues):
        from newsletter.deliveries.receive import count_refusals

        count_refusals(door.engine, now=door.clock.now())
    return next((sent.trouble for sent in report.issues if sent.trouble), None)


def _say_what_is_left(week: Week, receipt: "Receipt", trouble: str | None) -> None:
    """Raises NewsletterError where somebody has to do something about it."""
    waiting = receipt.counts.deferred + receipt.counts.uncertain
    if waiting and receipt.waiting_until:
        waits = counted(waiting, "waits", "wait")
        note(f"{waits} until {iso(receipt.waiting_until)}; a later send or the service tries again.")
    if trouble and receipt.counts.queued:
        left = receipt.counts.queued
        raise NewsletterError(f"{left} of issue {week} {'is' if left == 1 else 'are'} not sent: {trouble}")
    if receipt.status == "paused":
        raise NewsletterError(f"issue {week} was paused meanwhile; `newsletter issues resume {week}` lets it go on")
    if receipt.status == "cancelled":
        raise NewsletterError(f"issue {week} was cancelled meanwhile; {receipt.counts.skipped} did not get it")


def start(door: Door, week: Week) -> None:
    """approved → sending. One that is being sent goes on, even where somebody else starts it at the same time."""
    from newsletter.issues.publish import publish_issue

    status = _status(door, week)
    if status in ("sending", "sent"):
        return
    if status == "paused":
        raise NewsletterError(f"issue {week} is paused; `newsletter issues resume {week}` lets it go on")
    with _loading("newsletter.deliveries.send", "newsletter.deliveries.read_receipt"):
        try:
            publish_issue(door.engine, week, door.settings, door.clock.now())
        except RefusedError:
            if _status(door, week) not in ("sending", "sent"):
                raise


def _status(door: Door, week: Week) -> str | None:
    from db.engine import reading
    from db.issues import issue_of_week

    with reading(door.engine) as connection:
        found = issue_of_week(connection, str(week))
    return found.status if found else None


@contextmanager
def _loading(*modules: str) -> Iterator[None]:
    """Load modules while the database is at work, which needs the interpreter for little of that time."""
    thread = threading.Thread(target=lambda: [importlib.import_module(name) for name in modules])
    thread.start()
    try:
        yield
    finally:
        thread.join()  # a process with threads cannot be forked


@click.command()
@click.argument("issue")
@json_option
@pass_door
def receipt(door: Door, issue: str, as_json: bool) -> None:
    """Reconciled counts of an issue, and every address that failed, with the SMTP reply.

    \b
    Example:
      newsletter issues receipt 2026-W47
    """
    from newsletter.deliveries.read_receipt import read_receipt

    found = read_receipt(door.engine, week_argument(issue))
    answer(found.document(), as_json, _lines(found))


@click.command()
@click.argument("issue")
@json_option
@pass_door
def pause(door: Door, issue: str, as_json: bool) -> None:
    """Hold an issue that is being sent; within a second no further message begins.

    \b
    Example:
      newsletter issues pause 2026-W47
    """
    from newsletter.deliveries.steer import pause_issue

    week = week_argument(issue)
    pause_issue(door.engine, week, door.clock.now())
    answer({"issue": str(week), "status": "paused"}, as_json, f"Issue {week} is paused.")


@click.command()
@click.argument("issue")
@json_option
@pass_door
def resume(door: Door, issue: str, as_json: bool) -> None:
    """Let a paused issue go on: the service takes it up, or `newsletter issues send` does.

    \b
    Example:
      newsletter issues resume 2026-W47
    """
    from newsletter.deliveries.steer import resume_issue

    week = week_argument(issue)
    resume_issue(door.engine, week, door.clock.now())
    answer({"issue": str(week), "status": "sending"}, as_json, f"Issue {week} goes on.")


@click.command()
@click.argument("issue")
@json_option
@pass_door
def cancel(door: Door, issue: str, as_json: bool) -> None:
    """Stop an issue for good: who has not got it will not get it.

    A draft or an approved issue that nobody got is skipped so: its releases go into the next issue of
    the four weeks after it.

    \b
    Example:
      newsletter issues cancel 2026-W47
    """
    from newsletter.deliveries.steer import cancel_issue

    week = week_argument(issue)
    report = cancel_issue(door.engine, week, door.clock.now())
    document = {"issue": str(week), "status": "cancelled", "skipped": report.skipped, "held": report.held}
    if report.releases is not None:
        document["releases"] = report.releases
    answer(document, as_json, f"Issue {week} is cancelled; {report.words}.")


@click.command()
@click.argument("issue")
@json_option
@pass_door
def resend(door: Door, issue: str, as_json: bool) -> None:
    """Queue an issue again for those whose delivery failed and who may still be mailed.

    \b
    Example:
      newsletter issues resend 2026-W47
    """
    from newsletter.deliveries.steer import send_to_missed

    week = week_argument(issue)
    queued = send_to_missed(door.engine, week, door.clock.now())
    again = counted(queued, "delivery of it is", "deliveries of it are")
    said = f"Issue {week}: {again} queued again; the service or `newsletter issues send {week}` sends."
    answer({"issue": str(week), "queued": queued}, as_json, said)


@click.command()
@click.argument("issue")
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS…")
@json_option
@pass_door
def test(door: Door, issue: str, addresses: tuple[str, ...], as_json: bool) -> None:
    """Mail an issue to a few addresses, as a reader who chose everything would get it.

    \b
    Example:
      newsletter issues test 2026-W47 me@example.org
    """
    from db.engine import reading
    from db.letters import letter_fates
    from newsletter.deliveries.send_letters import send_letters
    from newsletter.issues.try_out import queue_test
    from newsletter.subscribers.addresses import address_named

    week, wanted = week_argument(issue), list(dict.fromkeys(map(address_named, addresses)))
    ids = queue_test(door.engine, week, door.settings, door.clock, wanted)
    logging.getLogger(send_letters.__module__).setLevel(logging.ERROR)  # what it would warn of is said below
    send_letters(door.engine, door.settings, door.clock)
    until = time.monotonic() + TEST_SECONDS
    while True:
        with reading(door.engine) as connection:
            fates = letter_fates(connection, ids)
        if all(one.status != "sending" for one in fates) or time.monotonic() > until:
            break
        time.sleep(OTHERS_SECONDS)  # a service that runs took some of it first
    sent = [one.email for one in fates if one.status == "sent"]
    if sent or as_json:
        document = {"issue": str(week), "queued": len(wanted), "sent": len(sent)}
        answer(document, as_json, f"Sent {week} to {', '.join(sent)}.")
    if missed := [one for one in fates if one.status != "sent"]:
        whom, why = ", ".join(one.email for one in missed), missed[0].reply or "another process is at it"
        then = "" if missed[0].status == "failed" else "; it stays queued, and the service tries again"
        raise NewsletterError(f"{week} did not reach {whom}: {why}{then}")


COMMANDS = (send, test, receipt, pause, resume, cancel, resend)


def _lines(receipt: "Receipt") -> list[str]:
    told = ", ".join(f"{count} {name}" for name, count in receipt.counts._asdict().items() if count)
    said = f": {counted(receipt.counts.recipients, 'recipient')}, {told}"
    if receipt.nothing_yet:
        said = f"; {receipt.nothing_yet}"
    lines = [f"Issue {receipt.week} is {receipt.status}{said}."]
    if receipt.pause_reason:
        lines.append(f"Paused: {receipt.pause_reason}")
    if receipt.trouble:
        lines.append(f"Held up: {receipt.trouble}")
    return lines + [f"  {row.email}: {row.reply}" for row in receipt.failures]


@contextmanager
def _stop_on_signals() -> Iterator[threading.Event]:
    """A signal to stop drains: what is in flight finishes and is written down. A second one has its usual effect."""
    stop = threading.Event()

    def drain(number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)

    before = {number: signal.signal(number, drain) for number in stopping()}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
