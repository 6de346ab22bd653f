"""The ``newsletter`` command: finds the module of the command asked for, and turns errors into one line.

Start-up matters, so a command's module is imported when it is called, and the list below carries the help lines.
"""

import gc
import importlib
import io
import logging
import os
import select
import sys
from collections.abc import Sequence
from typing import Any, TextIO

import click
from click.shell_completion import CompletionItem

from newsletter import logs
from newsletter.errors import NewsletterError, advice_on, first_line, unforeseen

# Objects made between two looks for garbage. What a command imports stays: to look at it every 700 objects, as Python
# does by default, takes a quarter of its start.
GARBAGE = (50_000, 20, 100)

# name -> (module:attribute, the line that `newsletter --help` shows)
COMMANDS = {
    "demo": ("newsletter.cli.demo:demo", "Run the whole weekly job in a folder of its own."),
    "init": ("newsletter.cli.init:init", "Create the database, or bring it to the newest schema."),
    "serve": ("newsletter.cli.serve:serve", "Web app, scheduler and sending in one command."),
    "worker": ("newsletter.cli.worker:worker", "One more sending process (PostgreSQL)."),
    "gather": ("newsletter.cli.gather:gather", "Fetch the feeds that are due and record releases."),
    "feeds": ("newsletter.cli.feeds:feeds", "The watched feeds."),
    "releases": ("newsletter.cli.releases:releases", "What the feeds announced."),
    "tools": ("newsletter.cli.tools:tools", "Tools with their panel takes."),
    "issues": ("newsletter.cli.issues:issues", "Compose, look at, approve and send issues."),
    "subscribers": ("newsletter.cli.subscribers:subscribers", "Who reads the mail."),
    "suppressions": ("newsletter.cli.suppressions:suppressions", "Who must never be mailed."),
    "bounces": ("newsletter.cli.bounces:bounces", "Take in returned mail and complaints."),
    "editors": ("newsletter.cli.editors:editors", "Who may sign in to the editors' room."),
    "tokens": ("newsletter.cli.tokens:tokens", "Which programs may use the API."),
    "webhooks": ("newsletter.cli.webhooks:webhooks", "Whom we tell of what happens."),
    "doctor": ("newsletter.cli.doctor:doctor", "Is this installation fit to send?"),
    "status": ("newsletter.cli.status:status", "What is going on now."),
    "dkim": ("newsletter.cli.dkim:dkim", "Keys for signing."),
    "backup": ("newsletter.cli.backup:backup", "Copy the embedded database while it runs."),
    "restore": ("newsletter.cli.backup:restore", "Put a backup in the database's place."),
    "move": ("newsletter.cli.move:move", "From the embedded database to PostgreSQL."),
    "completion": ("newsletter.cli.completion:completion", "Let a shell complete commands and options."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Here `--help` is answered, before anything is invoked."""
        try:
            return super().make_context(*args, **extra)
        except BrokenPipeError:
            raise click.exceptions.Exit(_closed_pipe()) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Before click sees that the reader of our output has left, which it answers with 1 and without a word."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            return _closed_pipe() if _is_broken(sys.stdout) else _unforeseen(error)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """From the list above: a shell that asks for commands should not wait for all of them to be imported."""
        found = [CompletionItem(name, help=line) for name, (_, line) in COMMANDS.items() if name.startswith(incomplete)]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="weekly-verdicts", prog_name="newsletter")
def newsletter() -> None:
    """Gather the week's new tools, attach their panel verdicts, and mail the digest.

    \b
    Example:
      newsletter demo --once
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 done, 1 could not be done (one line on standard error says why), 2 usage."""
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # whatever the locale: files and pipes of ours are UTF-8
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    status = run(arguments)
    gc.freeze()  # the system takes it all back: a last look through everything imported costs 0.1 s
    sys.exit(status)


def _open_closed_streams() -> None:
    """Who starts us may have closed a stream (`2>&-`, some cron daemons). Nothing else may get its number: what a
    library says on standard error would be written into that file."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = open(os.devnull, mode)  # noqa: SIM115
            os.set_inheritable(stream.fileno(), True)
            setattr(sys, name, stream)


def run(arguments: Sequence[str] | None = None) -> int:
    gc.set_threshold(*GARBAGE)
    logs.set_up()
    undecodable = next(filter(_is_undecodable, sys.argv[1:] if arguments is None else arguments), None)
    if undecodable is not None:
        return _say(f"{undecodable!a} is no text: its bytes are not in this terminal's encoding", 2)
    try:
        result: Any = newsletter.main(args=arguments, prog_name="newsletter", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return _say("stopped.", 1)
    except NewsletterError as error:
        return _say(str(error), 1)
    except Exception as error:
        return _unforeseen(error)
    return result if isinstance(result, int) else 0


def _is_undecodable(word: str) -> bool:
    """Bytes that are no text arrive as lone surrogates. The name of a file that is there may be of any bytes."""
    return not word.isascii() and any("\ud800" <= c <= "\udfff" for c in word) and not os.path.lexists(word)


def _unforeseen(error: Exception) -> int:
    """One line for what nobody foresaw; the traceback goes to the log for those who ask for it."""
    from sqlalchemy.exc import DBAPIError, OperationalError

    from db.engine import DriverMissing

    logging.getLogger("newsletter").debug("unforeseen", exc_info=error)
    while isinstance(error, ExceptionGroup):  # of tasks side by side; the first that failed will do
        error = error.exceptions[0]
    if isinstance(error, DBAPIError):
        why = first_line(error.orig or error)
        what = "the database cannot be used" if isinstance(error, OperationalError) else "the database refused this"
        return _say("; ".join(filter(None, (f"{what}: {why}", advice_on(why)))), 1)
    if isinstance(error, DriverMissing):
        return _say(str(error), 1)
    if isinstance(error, OSError):
        return _say(f"{error.filename or 'the system'}: {error.strerror or error}", 1)
    return _say(f"this should not happen, please report it: {unforeseen(error)}", 1)


def _say(message: str, status: int) -> int:
    click.echo(f"newsletter: {logs.without_passwords(' '.join(message.split()))}", err=True)
    return status


def _is_broken(stream: TextIO) -> bool:
    """Whether nobody reads it any more. A connection to somebody else breaks in the same way."""
    poll = select.poll()
    poll.register(stream, 0)
    return bool(poll.poll(0))


def _closed_pipe() -> int:
    """The reader of our output left (`| head`): no message, and no second error at interpreter exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    main()
