"""``newsletter issues``: compose, look at, approve. Its life from sending on is in cli/sending.py."""

import getpass
import sys
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from newsletter.cli import sending
from newsletter.cli.door import WORD, Door, Place, answer, json_option, note, pass_door, week_argument
from newsletter.cli.tables import table
from newsletter.clock import Week, in_utc, is_past, iso, last_ended_week
from newsletter.english import counted
from newsletter.errors import BadInputError, NewsletterError, RefusedError


@click.group()
def issues() -> None:
    """Compose, look at, approve and send issues. An issue is named by its week, 2026-W47.

    \b
    Example:
      newsletter issues compose --week 2026-W47
    """


for _command in sending.COMMANDS:
    issues.add_command(_command)


@issues.command()
@click.option("--week", "name", metavar="WEEK", help="Such as 2026-W47; by default the week that ended last.")
@json_option
@pass_door
def compose(door: Door, name: str | None, as_json: bool) -> None:
    """Make the draft of a week, or let what is new flow into a draft that nobody approved yet.

    A week with nothing to carry gets no issue; that is no error.

    \b
    Example:
      newsletter issues compose --week 2026-W47
    """
    from newsletter.issues.compose import compose_issue
    from newsletter.releases.rematch import rematch_releases

    now = door.clock.now()
    week = last_ended_week(now, door.settings.timezone) if name is None else week_argument(name)
    rematch_releases(door.engine, now)
    report = compose_issue(door.engine, week, door.settings, now)
    status = report.status
    if status == "draft" and door.settings.approval == "automatic":
        status = _approve_if_sound(door, week)
    document = {
        "issue": report.week if report.status else None,
        "week": report.week,
        "status": status,
        "created": report.created,
        "changed": report.changed,
        "new_releases": report.new_releases,
        "tools": report.tools,
    }
    answer(document, as_json, _composed(report))


@issues.command("list")
@json_option
@pass_door
def list_(door: Door, as_json: bool) -> None:
    """Every issue, the newest week first.

    \b
    Example:
      newsletter issues list
    """
    from db.archive import heads_of
    from db.engine import reading
    from db.issues import list_issues

    with reading(door.engine) as connection:
        rows = list_issues(connection)
        frozen = heads_of(connection, [row.id for row in rows])
    document = {
        "issues": [
            {"issue": row.week, "number": row.number_said, "status": row.status,
             "subject": frozen[row.id].subject if row.id in frozen else row.subject,
             "composed_at": iso(row.composed_at), "approved_by": row.approved_by, "send_at": iso(row.send_at),
             "started_at": iso(row.started_at), "finished_at": iso(row.finished_at)}
            for row in rows
        ]
    }  # fmt: skip
    shown = [(row.week, row.number_said, row.status, iso(row.send_at), iso(row.finished_at)) for row in rows]
    none = "There is no issue yet; `newsletter issues compose` makes one."
    answer(document, as_json, table(shown, ("issue", "no", "status", "send at", "finished"), none))


@issues.command()
@click.argument("issue")
@json_option
@pass_door
def show(door: Door, issue: str, as_json: bool) -> None:
    """What an issue says: its tools with their verdicts, and why each stands where it does.

    \b
    Example:
      newsletter issues show 2026-W47
    """
    from newsletter.issues.render import read_issue
    from newsletter.issues.showing import document, lines

    row, values = read_issue(door.engine, week_argument(issue), door.settings)
    answer(document(row, values), as_json, lines(row, values))


@issues.command()
@click.argument("issue")
@click.option("--to", "folder", metavar="DIR", required=True, type=Place(path_type=Path, file_okay=False),
              help="The folder to write into; it is made where there is none.")  # fmt: skip
@click.option("--subscriber", type=WORD, metavar="EMAIL", help="As this subscriber gets it.")
@json_option
@pass_door
def render(door: Door, issue: str, folder: Path, subscriber: str | None, as_json: bool) -> None:
    """Write subject.txt, body.txt, body.html and message.eml of a draft or of any later issue.

    \b
    Example:
      newsletter issues render 2026-W47 --to preview --subscriber ada@example.org
    """
    from newsletter.issues.render import render_issue

    week = week_argument(issue)
    mail = render_issue(door.engine, week, door.settings, subscriber)
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "subject.txt": f"{mail.subject}\n".encode(),
        "body.txt": mail.text.encode(),
        "body.html": mail.html.encode(),
        "message.eml": mail.message,
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    document = {
        "issue": str(week), "subscriber": subscriber, "to": str(folder), "files": list(contents),
        "subject": mail.subject, "html_bytes": len(mail.html.encode()), "message_bytes": len(mail.message),
        "content_hash": mail.content_hash,
    }  # fmt: skip
    withheld = f" {subscriber} would get no mail: the week has nothing of what they chose." if mail.withheld else ""
    answer(document, as_json, f"Wrote {', '.join(contents)} to {folder}.{withheld}")


@issues.command()
@click.argument("issue")
@click.option("--links/--no-links", default=True, help="Also open every address that the issue leads to.")
@click.option("--identity/--no-identity", default=True, help="Also ask for SPF, DKIM, DMARC and one-click.")
@json_option
@pass_door
def check(door: Door, issue: str, links: bool, identity: bool, as_json: bool) -> None:
    """Look for what would embarrass: size, links, takes that are missing or newer than the draft, styles, headers,
    settings, and what receivers judge the mail by. Exits with 1 on an error.

    \b
    Example:
      newsletter issues check 2026-W47
    """
    from newsletter.issues.check import check_issue
    from newsletter.issues.findings import gravest_first

    report = check_issue(door.engine, week_argument(issue), door.settings, door.clock.now(), links=links)
    findings = gravest_first([*report.findings, *(_identity(door) if identity else [])])
    passed = not any(found.severity == "error" for found in findings)
    document = {"issue": report.week, "passed": passed, "findings": [asdict(found) for found in findings]}
    lines = [f"{found.severity}: {found.place}: {found.message} {found.advice}" for found in findings]
    answer(document, as_json, [*lines, f"{report.week} passes."] if passed else lines)
    if not passed:
        raise NewsletterError(f"{report.week} does not pass; each finding that says error says what to do")


@issues.command()
@click.argument("issue")
@click.option("--name", help="Who pays.")
@click.option("--text", help="What they say, up to 400 characters.")
@click.option("--url", help="Where it leads.")
@click.option("--drop", "place", type=int, metavar="N", help="Take the Nth one out instead.")
@json_option
@pass_door
def sponsor(
    door: Door, issue: str, name: str | None, text: str | None, url: str | None, place: int | None, as_json: bool
) -> None:
    """Add a paid block, marked as one in both parts, or take one out. An approved issue becomes a draft again.

    \b
    Example:
      newsletter issues sponsor 2026-W47 --name "Example Hosting" --text "Servers." --url https://sponsor.example/
    """
    from newsletter.issues import arrangement
    from newsletter.issues.arrange import arrange

    if place is not None and not (name or text or url):
        edit, what = partial(arrangement.drop_sponsor, place=place), f"took out sponsor {place}"
    elif place is None and name is not None and text is not None and url is not None:
        edit, what = partial(arrangement.add_sponsor, name=name, text=text, url=url), f"added the sponsor {name}"
    else:
        raise click.UsageError("give --name, --text and --url of a new one, or --drop N")
    done = arrange(door.engine, week_argument(issue), edit, what, by=_who(), revision=None, now=door.clock.now())
    void = " The approval is void: approve it again." if done.voided else ""
    document = {"issue": issue, "revision": done.revision, "approval_voided": done.voided}
    answer(document, as_json, f"{what[:1].upper()}{what[1:]}.{void}")


@issues.command()
@click.argument("issue")
@click.option("--at", "at", metavar="TIME", help="When to send it: ISO 8601, in the publication's zone without offset.")
@click.option("--expect", metavar="HASH", help="Refuse if it says something else now; `render --json` gives the hash.")
@json_option
@pass_door
def approve(door: Door, issue: str, at: str | None, expect: str | None, as_json: bool) -> None:
    """Freeze what an issue says and approve it. Any later edit returns it to draft.

    \b
    Example:
      newsletter issues approve 2026-W47 --at 2026-11-24T09:00
    """
    from newsletter.issues.approve import approve_issue
    from newsletter.issues.check import check_recipients

    send_at = None if at is None else _instant(door, at)
    readers = [found.message for found in check_recipients(door.engine, week_argument(issue))]
    if readers and sys.stdin.isatty() and not as_json:
        click.confirm(f"{' '.join(readers)} Approve it all the same?", abort=True)
    report = approve_issue(door.engine, week_argument(issue), _who(), door.settings, door.clock.now(), send_at, expect)
    for message in readers:
        note(message)
    document = {
        "issue": report.week, "status": report.status, "approved_by": report.approved_by,
        "send_at": iso(report.send_at), "content_hash": report.content_hash,
    }  # fmt: skip
    when = f", to be sent at {iso(report.send_at)}" if report.send_at else ""
    answer(document, as_json, f"{report.week} is approved{when}; it says {report.content_hash[:12]}.")


def _identity(door: Door) -> list[Any]:
    """What is not well with what receivers judge the mail by. A service that is not up yet is no fault of the issue."""
    from newsletter.issues.findings import Finding
    from newsletter.operations.dns_resolver import SystemResolver
    from newsletter.operations.doctor import examine_identity

    return [
        Finding(
            "warning" if found.name == "service" else str(found.level),
            found.name,
            f"{found.what.rstrip('.')}.",
            f"{found.advice[:1].upper()}{found.advice[1:].rstrip('.')}.",
        )
        for found in examine_identity(door.engine, door.settings, SystemResolver())
        if found.level != "ok"
    ]


def _composed(report: Any) -> str:
    if report.status is None:
        return f"Nothing came out in {report.week} that an issue could carry, so there is none."
    if report.status != "draft":
        return f"{report.week} is {report.status}; composing changes nothing any more."
    if report.created:
        return f"Composed {report.week}: {counted(report.tools, 'tool')} of {counted(report.new_releases, 'release')}."
    if report.changed:
        new = counted(report.new_releases, "new release") if report.new_releases else "tools, takes or votes changed"
        return f"Brought {report.week} up to date: {new}; {counted(report.tools, 'tool')}."
    return f"Nothing is new for {report.week}; the draft stays as it is."


def _approve_if_sound(door: Door, week: Week) -> str:
    """What `approval = automatic` asks for. A draft whose checks fail stays one, and says why."""
    from newsletter.issues.approve import approve_issue
    from newsletter.issues.check import check_issue

    report = check_issue(door.engine, week, door.settings, door.clock.now())
    if not report.passed:
        for found in report.findings:
            if found.severity == "error":
                note(f"{found.place}: {found.message} {found.advice}")
        note(f"{week} stays a draft, because its checks fail.")
        return "draft"
    return approve_issue(door.engine, week, "automatic", door.settings, door.clock.now()).status


def _who() -> str:
    """Whom the record names: the system's user."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):
        return "command line"


def _instant(door: Door, text: str) -> datetime:
    try:
        found = in_utc(datetime.fromisoformat(text.strip()), door.settings.timezone)
    except ValueError:
        raise BadInputError(f"--at must be a time such as 2026-11-24T09:00, not {text!r}") from None
    if is_past(found, door.clock.now()):
        raise RefusedError(f"{text} is past; leave --at out, and `newsletter issues send` sends at once")
    return found
