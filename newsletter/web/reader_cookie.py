"""The cookie that a reader votes and saves by. It is set by a POST alone, and it signs nobody in to anything else."""

import secrets

from starlette.requests import Request
from starlette.responses import Response

from db.engine import reading
from db.readers import subscriber_exists
from newsletter.clock import real_now
from newsletter.readers.identity import (
    Origin,
    new_browser,
    sign_reader,
    subscriber_of,
    subscriber_reader,
    verify_reader,
)
from newsletter.readers.vote import adopt_reader
from newsletter.web.client import client_address, household_of, network_of
from newsletter.web.forms import Form
from newsletter.web.origin import is_foreign
from newsletter.web.site import Site, site

COOKIE = "reader"
_TWO_YEARS = 2 * 365 * 24 * 3600


def reader_of(request: Request) -> str | None:
    """Who the cookie says this is; None without a cookie of ours, or once the subscriber it named was erased."""
    here = site(request)
    reader = verify_reader(request.cookies.get(COOKIE, ""), here.settings.secret_key or ())
    subscriber_id = subscriber_of(reader) if reader else None
    if subscriber_id is not None:
        with reading(here.engine) as connection:
            if not subscriber_exists(connection, subscriber_id):
                return None
    return reader


def newcomer(here: Site) -> str:
    """What the forms of a page carry for who has no cookie: who they are about to be. On a slow line they press twice
    before the cookie comes, and are one reader all the same. '' where no secret key is set."""
    keys = here.settings.secret_key
    return sign_reader(new_browser(secrets.token_bytes(16)), keys) if keys else ""


def reader_or_new(request: Request, form: Form) -> str:
    told = verify_reader(form.get("reader", ""), site(request).settings.secret_key or ())
    if told is None or subscriber_of(told) is not None:
        told = new_browser(secrets.token_bytes(16))
    return reader_of(request) or told


def adopt_browser(request: Request, subscriber_id: int) -> bool:
    """What this browser saved and voted on before becomes the subscriber's; returns whether it was met before.

    A page of another site could send its own link's form to draw a stranger's bookmarks to itself: it draws nothing.
    """
    reader = reader_of(request)
    if reader is None or subscriber_of(reader) is not None or is_foreign(request):
        return False
    adopt_reader(site(request).engine, reader, subscriber_reader(subscriber_id))
    return True


def remember_reader(here: Site, response: Response, reader: str) -> None:
    keys = here.settings.secret_key
    if keys:
        secure = here.settings.public_url.startswith("https:")
        value = sign_reader(reader, keys)
        response.set_cookie(COOKIE, value, _TWO_YEARS, httponly=True, samesite="lax", secure=secure)


def forget_reader(response: Response) -> None:
    response.delete_cookie(COOKIE, httponly=True, samesite="lax")


def origin_of(request: Request) -> Origin:
    address = client_address(request)
    return Origin(household_of(address), network_of(address), real_now())
