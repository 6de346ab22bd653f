"""``newsletter doctor``: is this installation fit to send?"""

from dataclasses import asdict

import click

from newsletter.cli.door import Door, answer, json_option, pass_door, show
from newsletter.english import counted
from newsletter.errors import NewsletterError

_SIGNS = {"ok": ("ok", "green"), "warning": ("warning", "yellow"), "error": ("error", "red")}


@click.command()
@click.option("--resolver", metavar="ADDRESS[:PORT]", help="Ask this DNS server instead of the system's.")
@json_option
@pass_door
def doctor(door: Door, resolver: str | None, as_json: bool) -> None:
    """Is this installation fit to send? Each line: ok, warning or error, and what to do.

    Looks at settings, database, disk, clock, templates, relays, the DNS, the public address and backups; changes
    nothing. Exits with 1 when there is an error.

    \b
    Example:
      newsletter doctor
    """
    from newsletter.operations.dns_resolver import SystemResolver
    from newsletter.operations.doctor import examine

    try:
        asked = SystemResolver(resolver)
    except ValueError:
        raise click.UsageError(f"--resolver is a DNS server such as 9.9.9.9 or [::1]:5353, not {resolver!r}") from None
    found = []
    for check in examine(door.settings, asked, now=door.clock.now()):
        found.append(check)
        if not as_json:
            sign, colour = _SIGNS[check.level]
            advice = f"; {check.advice}" if check.advice else ""
            show(f"{click.style(f'{sign:<8}', fg=colour)}{check.name}: {check.what}{advice}")
    errors = sum(check.level == "error" for check in found)
    warnings = sum(check.level == "warning" for check in found)
    document = {"fit": errors == 0, "errors": errors, "warnings": warnings, "checks": [asdict(one) for one in found]}
    if as_json:
        answer(document, True, [])
    else:
        show(f"{counted(errors, 'error')}, {counted(warnings, 'warning')}.")
    if errors:
        raise NewsletterError("this installation is not fit to send; each check that says error says what to do")
