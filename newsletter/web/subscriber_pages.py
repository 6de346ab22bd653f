"""Being a subscriber: leaving with one click, preferences, my data, forget me. Coming in is in sign_up_pages.py.

A GET changes nothing here, since mail scanners open every link; a POST needs no cookie and no earlier page (RFC 8058).
"""

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from db.engine import reading
from db.keys import link_keys
from db.readership import categories_on_offer
from db.states import SubscriberState
from db.subscribers import SubscriberRow, subscriber_by_id
from db.tools import panel
from newsletter.clock import real_now
from newsletter.issues.choosing import spelled
from newsletter.subscribers import haste
from newsletter.subscribers.erase import erase
from newsletter.subscribers.lifecycle import UNDO_VALID
from newsletter.subscribers.records import NAME_LENGTH
from newsletter.subscribers.selections import Selection
from newsletter.subscribers.tell_everything import export_subscriber
from newsletter.subscribers.text import one_line
from newsletter.subscribers.tokens import Link, verify_link
from newsletter.subscribers.unsubscribe import undo_unsubscribe, unsubscribe
from newsletter.subscribers.update_preferences import PAUSE_WEEKS, Preferences, update_preferences
from newsletter.tools.field_values import LONGEST_CATEGORY
from newsletter.web import sign_up_pages
from newsletter.web.forms import Form, read_form
from newsletter.web.sign_up_pages import MOST_CATEGORIES, choices, too_many
from newsletter.web.site import page, site

_PERCENTS = (0, 50, 60, 75, 80, 100)


def leaving(request: Request) -> Response:
    _, subscriber = _reader(request)
    if subscriber is None or subscriber.state is SubscriberState.UNSUBSCRIBED:
        return _left(request, subscriber)
    words = "Press the button, and no further issue comes to you."
    shown = _stamp(request, "leave", subscriber.id) if subscriber.state is SubscriberState.ACTIVE else ""
    return _leaving_page(request, "Unsubscribe?", words, asking=shown, subscribed=True)


async def left(request: Request) -> Response:
    """The one-click POST of mail programs, the page's button, and its undo. Always 200: senders repeat themselves."""
    try:
        form = await read_form(request)
    except HTTPException as error:
        if error.status_code != 400:
            raise
        form = Form([])  # a mail program's broken form says as clearly that its reader wants to leave
    return await run_in_threadpool(_leave, request, form)


def _leave(request: Request, form: Form) -> Response:
    here = site(request)
    link, subscriber = _reader(request)
    if "undo" in form:
        return _undo(request, link, form["undo"])
    report = unsubscribe(here.engine, link.subscriber_id, now=here.clock.now(), issue_id=link.issue_id or None)
    again = report.was is SubscriberState.UNSUBSCRIBED  # the button was pressed twice on a slow line
    slip = _in_time(request, "leave", link, form.get("shown", "")) if again else report.was is SubscriberState.ACTIVE
    return _left(request, subscriber, _stamp(request, "undo", link.subscriber_id) if slip else None)


def _undo(request: Request, link: Link, stamp: str) -> Response:
    """Only who has just left by this very page can come back without a new double opt-in."""
    here = site(request)
    in_time = _in_time(request, "undo", link, stamp)
    back = in_time and undo_unsubscribe(here.engine, link.subscriber_id, now=here.clock.now())
    words = (
        "Your subscription goes on as if nothing had happened."
        if back
        else "An undo works for an hour. Sign up again on the start page; your address is asked once more."
    )
    heading = "You are still subscribed" if back else "Too late to undo"
    return _leaving_page(request, heading, words, status=200 if back else 409, subscribed=back)


def _stamp(request: Request, purpose: str, subscriber_id: int) -> str:
    return haste.make_stamp(f"{purpose}:{subscriber_id}", real_now(), site(request).settings.secret_key or ("",))


def _in_time(request: Request, purpose: str, link: Link, stamp: str) -> bool:
    made_at = haste.read_stamp(f"{purpose}:{link.subscriber_id}", stamp, site(request).settings.secret_key or ())
    return made_at is not None and real_now() - made_at <= UNDO_VALID


def _left(request: Request, subscriber: SubscriberRow | None, undo: str | None = None) -> Response:
    """``subscriber`` is None for an old link of somebody whom we have forgotten: nothing here tells who they were, so
    they may be subscribed again by now, under a link of their own."""
    if subscriber is None:
        words = (
            "The mail that brought you here went to a subscription of which nothing is stored any more. Should "
            "newer mail come to you, you signed up again: use the link in the newest one to unsubscribe."
        )
        return _leaving_page(request, "This subscription is deleted", words, stored=False)
    return _leaving_page(request, "You are unsubscribed", "No further issue comes to you.", undo=undo)


def _leaving_page(
    request: Request, heading: str, words: str, *, status: int = 200, asking: str | None = None,
    undo: str | None = None, subscribed: bool = False, stored: bool = True,
) -> Response:  # fmt: skip
    """``asking`` shows the button, ``undo`` another one, each with its stamp ('' tells of nobody who was active); where
    nothing of theirs is ``stored``, no link leads to their preferences."""
    preferences = _path(request, "preferences") if stored else None
    return page(
        request, "unsubscribe.html", status=status, heading=heading, words=words, asking=asking, undo=undo,
        subscribed=subscribed, preferences=preferences,
    )  # fmt: skip


def preferences(request: Request) -> Response:
    _, subscriber = _reader(request)
    return _preferences_page(request, _present(subscriber))


async def save_preferences(request: Request) -> Response:
    form = await read_form(request)
    return await run_in_threadpool(_save, request, form)


def _save(request: Request, form: Form) -> Response:
    here = site(request)
    subscriber = _present(_reader(request)[1])
    try:
        wanted = _wanted(form, subscriber)
    except ValueError as error:
        return _preferences_page(request, subscriber, status=422, error=str(error))
    most = max(MOST_CATEGORIES, len(Selection.parse(subscriber.selection).categories))  # an import may bring more
    if unchosen := too_many(form.getlist("category"), most):
        ticked = subscriber._replace(name=wanted.name, format=wanted.format, selection=wanted.selection.key())
        return _preferences_page(request, ticked, status=422, error=unchosen, rest=wanted.pause_weeks)
    saved = _present(update_preferences(here.engine, subscriber.id, wanted, now=here.clock.now()))
    return _preferences_page(request, saved, said="Saved.")


def export(request: Request) -> Response:
    _, subscriber = _reader(request)
    document = export_subscriber(site(request).engine, _present(subscriber).id)
    return JSONResponse(document, headers={"Content-Disposition": 'attachment; filename="my-data.json"'})


def forget(request: Request) -> Response:
    """Pressed twice, or loaded once more, it finds nobody."""
    _, subscriber = _reader(request)
    if subscriber is None:
        return _left(request, None)
    here = site(request)
    erase(here.engine, subscriber.id, now=here.clock.now())
    words = "Your address, your choices, votes and bookmarks are deleted. No further mail comes to you."
    return _leaving_page(request, "You are forgotten", words, stored=False)


def _wanted(form: Form, subscriber: SubscriberRow) -> Preferences:
    """What the form says; fields that it does not have stay. Raises ValueError with a sentence for the reader."""
    before = Selection.parse(subscriber.selection)
    percent = form.get("min_ship_percent", str(before.min_ship_percent or "")) or "0"
    weeks, format = form.get("pause_weeks", ""), form.get("format", subscriber.format)
    if not (percent.isascii() and percent.isdigit() and int(percent) <= 100):
        raise ValueError("The share of ships is a number from 0 to 100.")
    if weeks and weeks not in {"0", *map(str, PAUSE_WEEKS)}:
        raise ValueError("A rest lasts one of the times on the list.")
    if format not in ("html", "text"):
        raise ValueError("The format is HTML or text.")
    categories = {one_line(text, LONGEST_CATEGORY) for text in form.getlist("category")}
    panelists = {one_line(text, LONGEST_CATEGORY) for text in form.getlist("panelist")[:MOST_CATEGORIES]}
    selection = Selection(tuple(sorted(categories - {""})), tuple(sorted(panelists - {""})), int(percent) or None)
    name = one_line(form["name"], NAME_LENGTH) if "name" in form else subscriber.name
    return Preferences(name, selection, format, int(weeks) if weeks else None)


def _preferences_page(
    request: Request, subscriber: SubscriberRow, *, status: int = 200, said: str | None = None,
    error: str | None = None, rest: int | None = None,
) -> Response:  # fmt: skip
    """``rest`` is the one that was chosen and could not be stored, in weeks."""
    here, selection = site(request), Selection.parse(subscriber.selection)
    with reading(here.engine) as connection:
        offered = choices(categories_on_offer(connection))
        panelists = panel(connection)
    chosen = set(map(spelled, selection.categories))
    gone = chosen - set(map(spelled, offered))
    categories = sorted({*offered, *(one for one in selection.categories if spelled(one) in gone)})
    paused = subscriber.paused_until
    resting = paused is not None and paused > here.clock.now()
    return page(
        request, "preferences.html", status=status, subscriber=subscriber, said=said,
        error=error, selection=selection, panel=panelists, pauses=PAUSE_WEEKS, rest=rest,
        categories=[(category, spelled(category) in chosen) for category in categories],
        percents=sorted({*_PERCENTS, selection.min_ship_percent or 0}), standing=_standing(subscriber, resting),
        paused_until=f"{paused.astimezone(here.settings.timezone):%-d %b %Y}" if resting and paused else None,
        here=_path(request, "preferences"), unsubscribe=_path(request, "unsubscribe"),
    )  # fmt: skip


def _standing(subscriber: SubscriberRow, resting: bool) -> str:
    if resting:
        return "You are subscribed, and taking a rest."
    return {
        SubscriberState.ACTIVE: "You are subscribed.",
        SubscriberState.PENDING: "Your subscription waits for its confirmation: see the message in your inbox.",
        SubscriberState.UNSUBSCRIBED: "You are unsubscribed. To come back, sign up again on the start page.",
        SubscriberState.BOUNCED: "Mail to you came back, so it has stopped. To come back, sign up on the start page.",
        SubscriberState.COMPLAINED: "You reported our mail as unwanted, so it has stopped.",
    }[subscriber.state]


def _reader(request: Request) -> tuple[Link, SubscriberRow | None]:
    """Whose link it is. Raises HTTPException 404 for a token that no key of ours made."""
    with reading(site(request).engine) as connection:
        link = verify_link(request.path_params["token"], link_keys(connection))
        if link is None:
            raise HTTPException(404)
        return link, subscriber_by_id(connection, link.subscriber_id)


def _present(subscriber: SubscriberRow | None) -> SubscriberRow:
    if subscriber is None:
        raise HTTPException(404)
    return subscriber


def _path(request: Request, kind: str) -> str:
    return f"/{kind}/{request.path_params['token']}"


routes = [
    *sign_up_pages.routes,
    Route("/unsubscribe/{token}", leaving),
    Route("/unsubscribe/{token}", left, methods=["POST"]),
    Route("/preferences/{token}", preferences),
    Route("/preferences/{token}", save_preferences, methods=["POST"]),
    Route("/preferences/{token}/export", export),
    Route("/preferences/{token}/erase", forget, methods=["POST"]),
]
