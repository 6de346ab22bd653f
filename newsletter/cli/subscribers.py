"""``newsletter subscribers``: who reads the mail."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from db.states import SubscriberState
from newsletter.cli import subscriber_lists
from newsletter.cli.door import WORD, Door, answer, in_pages, json_option, note, pass_door, stream
from newsletter.cli.subscriber_lists import STATES
from newsletter.english import counted
from newsletter.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator


@click.group()
def subscribers() -> None:
    """Who reads the mail.

    \b
    Example:
      newsletter subscribers import readers.csv
      newsletter subscribers show ada@example.com
    """


for _command in subscriber_lists.COMMANDS:
    subscribers.add_command(_command)


@subscribers.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@json_option
@pass_door
def list_(door: Door, state: str | None, as_json: bool) -> None:
    """Show everybody's address and state.

    \b
    Example:
      newsletter subscribers list --state active
    """
    if as_json:
        pages = _pages(door, state)
        stream("subscribers", ({"email": email, "state": its} for page in pages for _, email, its in page))
        return
    shown = 0
    for page in _pages(door, state):
        click.echo("\n".join(f"{its:<14}{email}" for _, email, its in page))
        shown += len(page)
    note(counted(shown, "subscriber"))


def _pages(door: Door, state: str | None) -> "Iterator[list[tuple[int, str, str]]]":
    """(id, address, state)."""
    from db.subscribers import addresses_page

    wanted = SubscriberState(state) if state else None
    return in_pages(door.engine, lambda found, after: addresses_page(found, after, 2000, wanted), lambda row: row[0])


@subscribers.command()
@click.argument("email")
@json_option
@pass_door
def show(door: Door, email: str, as_json: bool) -> None:
    """Show one subscriber with the evidence of their consent.

    \b
    Example:
      newsletter subscribers show ada@example.com
    """
    from newsletter.subscribers.update_preferences import find_subscriber

    document = _document(find_subscriber(door.engine, _address(email)), email)
    lines = [f"{key:<18}{_plain(value)}" for key, value in document.items() if key != "consent"]
    consent = document["consent"] or {}
    lines += [f"{'consent ' + key:<18}{value}" for key, value in consent.items() if value]
    answer(document, as_json, lines if consent else [*lines, "consent           none yet"])


@subscribers.command()
@click.argument("email")
@click.option("--name", default="", help="What mail to them says after To.")
@click.option("--category", "categories", type=WORD, multiple=True, help="Only this category; may be repeated.")
@click.option("--confirmed", is_flag=True, help="Consent was given already; say how with --consent-source.")
@click.option("--consent-source", help="How consent was given, such as 'form at the fair'.")
@click.option("--consent-at", help="When consent was given (ISO 8601); now if not said.")
@json_option
@pass_door
def add(
    door: Door,
    email: str,
    name: str,
    categories: tuple[str, ...],
    confirmed: bool,
    consent_source: str | None,
    consent_at: str | None,
    as_json: bool,
) -> None:
    """Add one subscriber: a message asks them to confirm, unless their consent is there already.

    \b
    Example:
      newsletter subscribers add ada@example.com
      newsletter subscribers add ada@example.com --confirmed --consent-source "paper form, fair of 2026"
    """
    from newsletter.subscribers.records import NAME_LENGTH
    from newsletter.subscribers.text import one_line
    from newsletter.tools.field_values import LONGEST_CATEGORY

    address = _address(email)
    name = one_line(name, NAME_LENGTH)
    chosen = tuple(sorted({one_line(text, LONGEST_CATEGORY) for text in categories} - {""}))
    if confirmed:
        if not (consent_source and consent_source.strip()):
            raise click.UsageError("--confirmed needs --consent-source: how was consent given?")
        said = _add_confirmed(door, address, name, chosen, one_line(consent_source, 500), consent_at)
    elif consent_source is not None or consent_at is not None:
        raise click.UsageError("--consent-source and --consent-at tell of consent that was given: say --confirmed, too")
    else:
        said = _ask(door, address, name, chosen)
    answer({"email": address, "state": _state(door, address)}, as_json, said)


@subscribers.command()
@click.argument("email")
@json_option
@pass_door
def unsubscribe(door: Door, email: str, as_json: bool) -> None:
    """Unsubscribe an address on its reader's wish.

    \b
    Example:
      newsletter subscribers unsubscribe ada@example.com
    """
    from newsletter.subscribers.unsubscribe import unsubscribe as leave
    from newsletter.subscribers.update_preferences import find_subscriber

    address = _address(email)
    found = find_subscriber(door.engine, address)
    if found is None:
        raise _nobody(email)
    report = leave(door.engine, found["id"], now=door.clock.now())
    said = f"{address} is unsubscribed." if report.changed else f"{address} was {report.was} and stays so."
    answer({"email": address, "state": _state(door, address), "changed": report.changed}, as_json, said)


@subscribers.command()
@click.argument("email")
@json_option
@pass_door
def erase(door: Door, email: str, as_json: bool) -> None:
    """Forget an address and everything about it; a keyed hash keeps imports from bringing it back.

    \b
    Example:
      newsletter subscribers erase ada@example.com
    """
    from newsletter.subscribers.erase import erase_address

    address = _address(email)
    report = erase_address(door.engine, address, now=door.clock.now())
    if not report.known:
        raise _nobody(email)
    if not report.files_clean:
        note("A long reader holds the database's log; its next checkpoint removes the last traces.")
    answer({"erased": True, "files_clean": report.files_clean}, as_json, "Forgotten.")


def _document(found: dict[str, Any] | None, email: str) -> dict[str, Any]:
    if found is None:
        raise _nobody(email)
    return {key: value for key, value in found.items() if key != "id"}


def _add_confirmed(
    door: Door, address: str, name: str, categories: tuple[str, ...], source: str, consent_at: str | None
) -> str:
    from newsletter.subscribers.import_subscribers import add_confirmed
    from newsletter.subscribers.selections import Selection

    now = door.clock.now()
    at = now if consent_at is None else _consent_at(address, consent_at, now)
    came_in = add_confirmed(
        door.engine, address, name=name, selection=Selection(categories).key(), consent_source=source, now=now,
        consent_at=at,
    )  # fmt: skip
    if not came_in:
        return f"{address} stays as it was: it is here already, or must not be mailed."
    return f"{address} is subscribed."


def _consent_at(address: str, text: str, now: datetime) -> datetime:
    from newsletter.clock import real_now
    from newsletter.subscribers.records import believable

    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"--consent-at is no ISO 8601 time: {text!r}") from None
    try:
        return believable(given, max(now, real_now()))
    except ValueError as error:
        raise click.UsageError(f"{address} {error}") from None


def _ask(door: Door, address: str, name: str, categories: tuple[str, ...]) -> str:
    import secrets

    from newsletter.clock import real_now
    from newsletter.subscribers import consent
    from newsletter.subscribers.sign_up import SignUp, sign_up

    words = consent.words(door.settings.shown_title)
    request = SignUp(address, name, categories, form="command line", words=words)
    report = sign_up(
        door.engine, request, now=door.clock.now(), real_now=real_now(), settings=door.settings,
        nonce=secrets.token_bytes(32), chance=0,
    )  # fmt: skip
    if report.letter_queued:
        return f"{address} waits for its confirmation; the service mails the link."
    return f"{address} gets no message: it is {report.state}, was asked a short while ago, or must not be mailed."


def _state(door: Door, address: str) -> str | None:
    from newsletter.subscribers.update_preferences import find_subscriber

    found = find_subscriber(door.engine, address)
    return found["state"] if found else None


def _address(email: str) -> str:
    from newsletter.subscribers.addresses import address_named

    return address_named(email)


def _nobody(email: str) -> NotFoundError:
    return NotFoundError(f"{email} is no subscriber; `newsletter subscribers list` shows those there are")


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "all"
    return "–" if value in (None, "") else str(value)
