"""Opens every address that an issue leads to, and tells which of them lead nowhere. Quick, whatever is down."""

import asyncio
from collections.abc import Mapping

from newsletter.clock import real_now
from newsletter.feeds.download import Downloader, DownloadError, Limits, open_downloader, user_agent
from newsletter.issues.findings import Finding
from newsletter.settings import Settings

# Seconds for one address and for all of them together; how many are opened at a time.
_LIMITS = Limits(connect=4.0, read=4.0, whole=8.0)
_PATIENCE = 25.0
_AT_A_TIME = 16
# What sites answer that let people in and programs out.
_FOR_PEOPLE = frozenset({401, 403, 405, 406, 429, 451, 503, 999})


async def open_links(addresses: Mapping[str, str], settings: Settings) -> list[Finding]:
    """``addresses`` maps each one to the place of the issue where it stands."""
    agent = user_agent(settings.public_url)
    async with open_downloader(
        agent=agent, allow_private=settings.fetch_private, limits=_LIMITS, connections=_AT_A_TIME
    ) as downloader:
        room = asyncio.Semaphore(_AT_A_TIME)
        tasks = {asyncio.create_task(_problem(downloader, url, room)): url for url in addresses}
        done, late = await asyncio.wait(tasks, timeout=_PATIENCE) if tasks else (set(), set())
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
    problems = {tasks[task]: problem for task in done if (problem := task.result()) is not None}
    return _findings(addresses, problems, len(late))


async def _problem(downloader: Downloader, url: str, room: asyncio.Semaphore) -> DownloadError | None:
    async with room:
        try:
            await downloader.get(url, now=real_now(), whole=False)
        except DownloadError as error:
            return error
    return None


def _findings(addresses: Mapping[str, str], problems: Mapping[str, DownloadError], late: int) -> list[Finding]:
    if len(problems) == len(addresses) > 1 and not any(problem.status for problem in problems.values()):
        message = f"None of the {len(addresses)} addresses that the issue leads to can be reached from here."
        return [Finding("warning", "links", message, "See that this machine is online, and check again.")]
    found = [_finding(addresses[url], url, problem) for url, problem in problems.items()]
    if late:
        message = f"{late} of {len(addresses)} addresses did not answer within {_PATIENCE:g} seconds."
        found.append(Finding("note", "links", message, "Check again, or open them yourself."))
    return found


def _finding(place: str, url: str, problem: DownloadError) -> Finding:
    if problem.status in _FOR_PEOPLE:
        message = f"{url} does not open for a program: {problem}."
        return Finding("note", place, message, "Open it in a browser to be sure.")
    return Finding("warning", place, f"{url} cannot be opened: {problem}.", "Look at it, and correct the address.")
