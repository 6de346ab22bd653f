"""Coming in: the landing page, the sign-up form in all its places, and the confirmation link."""

import asyncio
import secrets
import time
from collections.abc import Sequence
from dataclasses import replace

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from db import archive
from db.engine import reading
from db.keys import newest_link_key
from db.readership import categories_on_offer
from newsletter.clock import real_now
from newsletter.hostnames import is_loopback
from newsletter.issues.choosing import as_offered
from newsletter.readers.identity import subscriber_reader
from newsletter.subscribers import haste
from newsletter.subscribers.addresses import MAX_LENGTH, parse_address
from newsletter.subscribers.confirm import Answer, ConfirmReport, confirm, look_at_confirmation
from newsletter.subscribers.consent import form_named
from newsletter.subscribers.records import NAME_LENGTH
from newsletter.subscribers.sign_up import SignUp, sign_up
from newsletter.subscribers.text import one_line
from newsletter.subscribers.tokens import Link, sign_link
from newsletter.tools.field_values import LONGEST_CATEGORY
from newsletter.web.client import client_address, household_of, network_of
from newsletter.web.forms import Form, read_form
from newsletter.web.metadata import About
from newsletter.web.published import front_of, headlines, newest_issue
from newsletter.web.reader_cookie import adopt_browser, remember_reader
from newsletter.web.site import Site, page, site

MOST_CATEGORIES = 50

# Answers leave on the next of these ticks, so that their time does not tell what the address was.
_TICK = 0.04

_ANSWERS = {
    Answer.WAITING: (200, "Confirm your subscription", "One press of the button, and the next issue comes to you."),
    Answer.CONFIRMED: (200, "You are subscribed", "The next issue comes to your inbox. Welcome!"),
    Answer.ALREADY: (
        200,
        "Already confirmed",
        "There is nothing left to do. If you have left since, sign up again on the start page.",
    ),
    Answer.EXPIRED: (410, "This link is too old", "Such links work for three days. Sign up again for a new one."),
    Answer.REFUSED: (
        403,
        "This address cannot be subscribed",
        "Our mail was reported as unwanted there, or we were asked to send none. Write to us: we look at it together.",
    ),
}  # fmt: skip


def home(request: Request) -> Response:
    here = site(request)
    with reading(here.engine) as connection:
        values, categories = newest_issue(connection), choices(categories_on_offer(connection))
    latest = front_of(values) if values else None
    about = About(here.title, "The week's new AI and developer tools, judged by a panel.", here.url("/"))
    return page(request, "home.html", about=about, latest=latest, categories=categories)


def embed(request: Request) -> Response:
    return page(request, "embed.html", about=_of_the_form(request, "/embed"))


async def subscribe(request: Request) -> Response:
    """The same page, status and time for every address that can be one."""
    began = time.monotonic()
    form = await read_form(request)
    wanted = _wanted(request, form)
    if unchosen := too_many(form.getlist("category")):
        return await run_in_threadpool(sign_up_page, request, wanted, unchosen=unchosen)
    try:
        address = parse_address(wanted.email)
    except ValueError as error:
        return await run_in_threadpool(sign_up_page, request, wanted, str(error))
    if not form.get(haste.HONEYPOT):
        await run_in_threadpool(_record, site(request), wanted, address)
    spent = time.monotonic() - began
    await asyncio.sleep(_TICK - spent % _TICK)
    return page(request, "check_inbox.html")


def too_many(categories: Sequence[str], most: int = MOST_CATEGORIES) -> str | None:
    """A sentence for who chose more categories than anybody can; None where they did not."""
    said = f"At most {MOST_CATEGORIES} categories can be chosen; none chosen means all of them."
    return said if len(categories) > most else None


def choices(categories: Sequence[str]) -> list[str]:
    """The categories on offer, each once, however the catalogue writes it."""
    return sorted(set(map(as_offered, categories)))


def confirmation(request: Request) -> Response:
    here = site(request)
    token = request.path_params["token"]
    return _answer(request, look_at_confirmation(here.engine, token, now=here.clock.now(), settings=here.settings))


def confirmed(request: Request) -> Response:
    here = site(request)
    report = confirm(
        here.engine,
        request.path_params["token"],
        address=client_address(request),
        now=here.clock.now(),
        real_now=real_now(),
        settings=here.settings,
    )
    response = _answer(request, report)
    if report.answer is Answer.CONFIRMED and report.subscriber_id and adopt_browser(request, report.subscriber_id):
        remember_reader(here, response, subscriber_reader(report.subscriber_id))
    return response


def _wanted(request: Request, form: Form) -> SignUp:
    here, address = site(request), client_address(request)
    categories = (one_line(text, LONGEST_CATEGORY) for text in form.getlist("category"))
    return SignUp(
        email=form.get("email", "")[: MAX_LENGTH * 2].strip(),
        name=one_line(form.get("name", ""), NAME_LENGTH),
        categories=tuple(sorted({category for category in categories if category})),
        form=form_named(form.get("form", "")),
        words=here.consent,
        address=address,
        household=household_of(address),
        network=network_of(address),
        loopback=is_loopback(address),
        hasty=haste.is_hasty(form.get("stamp"), real_now(), here.settings.secret_key or ()),
    )


def _record(here: Site, wanted: SignUp, address: str) -> None:
    sign_up(
        here.engine,
        replace(wanted, email=address),
        now=here.clock.now(),
        real_now=real_now(),
        settings=here.settings,
        nonce=secrets.token_bytes(32),
        chance=secrets.randbelow(1000) / 1000,
    )


def sign_up_page(
    request: Request, given: SignUp | None = None, error: str | None = None, unchosen: str | None = None
) -> Response:
    """The form alone; ``error`` and ``unchosen`` are what is wrong with the address and the categories ``given``."""
    with reading(site(request).engine) as connection:
        categories = choices(categories_on_offer(connection))
    return page(
        request, "sign_up.html", status=422 if error or unchosen else 200, about=_of_the_form(request, "/subscribe"),
        categories=categories, given=given, error=error, unchosen=unchosen,
    )  # fmt: skip


def _of_the_form(request: Request, path: str) -> About:
    here = site(request)
    return About(f"Subscribe · {here.title}", f"Get {here.title} by mail, once a week.", here.url(path), indexed=False)


def _answer(request: Request, report: ConfirmReport) -> Response:
    if report.answer is Answer.UNKNOWN:
        raise HTTPException(404)
    here = site(request)
    status, heading, words = _ANSWERS[report.answer]
    with reading(here.engine) as connection:
        latest = next(iter(headlines(connection, archive.newest_issues(connection, 1))), None)
        token = sign_link(Link(report.subscriber_id or 0), *newest_link_key(connection))
    # Only who has just pressed the button is shown the way on: an old letter may be in other hands.
    preferences = f"/preferences/{token}" if report.answer is Answer.CONFIRMED else None
    return page(
        request, "confirm.html", status=status, answer=report.answer, heading=heading,
        words=words, latest=latest, preferences=preferences,
    )  # fmt: skip


routes = [
    Route("/", home),
    Route("/embed", embed),
    Route("/subscribe", sign_up_page),
    Route("/subscribe", subscribe, methods=["POST"]),
    Route("/confirm/{token}", confirmation),
    Route("/confirm/{token}", confirmed, methods=["POST"]),
]
