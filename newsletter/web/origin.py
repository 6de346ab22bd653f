"""Does a form come from a page of ours? What acts by a cookie must ask."""

from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request

from newsletter.web.site import site


def refuse_foreign_posts(request: Request) -> None:
    """Raises HTTPException 403 where another site's page sent this."""
    if is_foreign(request):
        raise HTTPException(403)


def is_foreign(request: Request) -> bool:
    """Whether the browser says that another site's page sent this.

    From a page with ``Referrer-Policy: no-referrer``, such as the sign-in link's, browsers send ``Origin: null`` even
    to the same site; ``Sec-Fetch-Site`` then tells the truth. Programs without a browser say neither and have no cookie
    to abuse.
    """
    fetched = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if fetched is not None:
        return fetched not in ("same-origin", "none")
    return origin is not None and not _is_our_host(request, origin.partition("://")[2])


def _is_our_host(request: Request, host: str) -> bool:
    return host != "" and host in (request.headers.get("host"), urlsplit(site(request).settings.public_url).netloc)
