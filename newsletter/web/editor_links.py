"""Going back to a page of the room with a word about what was done, and asking before what cannot be undone."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from newsletter.web.session import Visitor, back_to, editor_page


def back_saying(path: str, said: str, fragment: str = "", **more: str) -> Response:
    """After an act: the page again by GET, which shows ``said``; ``more`` are further parameters unless empty."""
    query = urlencode({"said": said[:300]} | {name: value for name, value in more.items() if value})
    return back_to(f"{path}?{query}{fragment}")


def ask_once(
    request: Request, visitor: Visitor, heading: str, words: str, button: str, back: str, **kept: str
) -> Response:
    """Its button posts to the same address again, with ``sure=yes`` and what is ``kept``; its link leads ``back``."""
    return editor_page(
        request, visitor, "sure.html", heading=heading, words=words, button=button, typed=kept.items(), back=back
    )
