"""Going back to a page of the room with a word about what was done."""

from urllib.parse import urlencode

from starlette.responses import Response

from newsletter.web.session import back_to


def back_saying(path: str, said: str, fragment: str = "", **more: str) -> Response:
    """After an act: the page again by GET, which shows ``said``; ``more`` are further parameters unless empty."""
    query = urlencode({"said": said[:300]} | {name: value for name, value in more.items() if value})
    return back_to(f"{path}?{query}{fragment}")
