"""What every command needs at its door: settings, clock, database, and one way to answer.

A command parses, calls one verb, and presents what came back. With ``--json`` it prints one document on standard
output; everything else goes to standard error.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, wraps
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from newsletter import settings as settings_module
from newsletter.clock import Clock, Week
from newsletter.errors import BadInputError, NotReadyError
from newsletter.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


class Door:
    """Settings are read once; the engine is checked to be at the newest schema."""

    @cached_property
    def settings(self) -> Settings:
        return settings_module.load()

    @cached_property
    def clock(self) -> Clock:
        """Stands still where NEWSLETTER_NOW is set."""
        return Clock(self.settings.now, running=self.settings.now is None)

    @cached_property
    def running_clock(self) -> Clock:
        """For services: starts at NEWSLETTER_NOW and runs on."""
        return Clock(self.settings.now, running=True)

    @cached_property
    def engine(self) -> "Engine":
        """Of a database at the newest schema. Raises NotReadyError naming `newsletter init` otherwise."""
        from db.migrate import current_revision, newest_revision

        found, needed = current_revision(self.any_engine), newest_revision()
        if found is None:
            raise NotReadyError(f"there is no newsletter database at {self.where}{self._seen_from}")
        if found < needed:
            raise NotReadyError(
                f"the database at {self.where} has an older schema ({found}, not {needed}); run `newsletter init`"
            )
        refuse_newer(self.where, found, needed)
        return self.any_engine

    @cached_property
    def any_engine(self) -> "Engine":
        """Of a database at whatever schema, or of none yet."""
        from db.engine import make_engine

        engine = make_engine(self.settings.database_url)
        # A connection that nobody closes is an error in PostgreSQL's log.
        if (context := click.get_current_context(silent=True)) is not None:
            context.call_on_close(engine.dispose)
        return engine

    @property
    def _seen_from(self) -> str:
        """At night in the wrong folder, nobody should make an empty one there."""
        advice = "run `newsletter init` to create it"
        if self.settings.database_url.startswith("sqlite:////") or not self.settings.database_url.startswith("sqlite"):
            return f"; {advice}"
        return f" in {Path.cwd()}; go to the folder of the service, or {advice}"

    @property
    def where(self) -> str:
        """The database, without its password."""
        return self.any_engine.url.render_as_string(hide_password=True)


def refuse_newer(where: str, found: str, needed: str) -> None:
    """No version works on, or upgrades, what a later one made."""
    if found > needed:
        raise NotReadyError(f"the database at {where} was made by a newer version ({found}); upgrade this installation")


def pass_door(command: F) -> F:
    """Hands the command its door. The settings are read first: what is wrong with them is said before anything else."""

    @click.pass_context
    @wraps(command)
    def opened(context: click.Context, *arguments: Any, **options: Any) -> Any:
        door = context.ensure_object(Door)
        _ = door.settings
        return context.invoke(command, door, *arguments, **options)

    return cast(F, opened)


def json_option(command: F) -> F:
    """Adds ``--json``, which arrives as ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document on standard output.")(command)


def answer(document: Any, as_json: bool, lines: list[str] | str) -> None:
    """Print the document as JSON, or else the lines for people."""
    if as_json:
        show(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        show(lines if isinstance(lines, str) else "\n".join(lines))


def show(words: str) -> None:
    """Print what a command found. Where nobody reads it (`| head`), the command goes on: that something could not be
    done is still to be said."""
    try:
        click.echo(words)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def in_pages(
    engine: "Engine", read: "Callable[[Connection, int], list[T]]", id_of: Callable[[T], int]
) -> Iterator[list[T]]:
    """A list by id, a page at a time in memory; ``read`` takes the last id of the page before. Each page is as it is
    then: who looks at a list in a pager would hold the database for hours."""
    from db.engine import reading

    after = 0
    while True:
        with reading(engine) as connection:
            page = read(connection, after)
        if not page:
            return
        yield page
        after = id_of(page[-1])


def stream(name: str, documents: Iterable[Any]) -> None:
    """One JSON document whose only list may be longer than memory: what is read is printed, some at a time."""
    rest, before = iter(documents), f'{{"{name}": [\n'
    while lines := [json.dumps(one, ensure_ascii=False) for one in islice(rest, 100)]:
        click.echo(before + ",\n".join(lines), nl=False)
        before = ",\n"
    click.echo("\n]}" if before == ",\n" else f"{before}]}}")


def week_argument(value: str) -> Week:
    """An issue is named by its week. Raises BadInputError for what names none."""
    try:
        return Week.parse(value)
    except ValueError as error:
        raise BadInputError(str(error)) from None


# The numbers that rows of the database can have.
ROW_ID = click.IntRange(1, 2**63 - 1)


class Word(click.types.StringParamType):
    """Text that is not blank. What a script never set arrives as an empty word, and would mean all, none, or nobody."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = super().convert(value, param, ctx)
        return text if text.strip() else self.fail("it is empty", param, ctx)


class Place(click.Path):
    """A path that is not blank: that of no words is the working folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(WORD.convert(value, param, ctx), param, ctx)


class Source(click.File):
    """A file to read, or - for standard input. That it cannot be read is no mistake in how the command was called."""

    def __init__(self) -> None:
        super().__init__("rb")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return super().convert(WORD.convert(value, param, ctx), param, ctx)
        except click.BadParameter as error:
            if isinstance(why := error.__context__, OSError):
                raise BadInputError(f"{value} cannot be read: {why.strerror}") from None
            raise


WORD = Word()


def stopping() -> list[signal.Signals]:
    """What asks a command to end: Ctrl-C, SIGTERM, and a terminal that closes, unless nohup keeps that out."""
    hangup = [] if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else [signal.SIGHUP]
    return [signal.SIGINT, signal.SIGTERM, *hangup]


def note(message: str) -> None:
    """A line for people beside the answer, on standard error."""
    click.echo(message, err=True)
