"""The headers that every answer carries: no foreign content, no framing, no guessing, no trace of tokens."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-src 'self'; frame-ancestors {ancestors}"
)

_TOKENS_BELOW = ("/confirm/", "/unsubscribe/", "/preferences/", "/vote/", "/bookmark/", "/editor/sign-in/")
# Where a request ends depends on which of them is believed: nothing behind it is one (RFC 9112, 6.1).
_TWO_LENGTHS = {b"content-length", b"transfer-encoding"}
_WITH_TOKEN = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}


class SecurityHeaders:
    """Plain ASGI. A page that sets a header itself keeps its own; ``/embed`` alone may be framed by other sites, and an
    issue's preview, with what goes wrong in it, by the editors' room. What stands at an address with a token, an error
    page too, is kept nowhere, and no further page learns the address."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        policy = POLICY.format(ancestors=_ancestors(scope["path"]))
        private = _WITH_TOKEN if has_token(scope["path"]) else {}
        last = {name for name, _ in scope["headers"]} >= _TWO_LENGTHS

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in private.items():
                    headers.setdefault(name, value)
                headers.setdefault("Content-Security-Policy", policy)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
                if "frame-ancestors 'none'" in headers["Content-Security-Policy"]:
                    headers.setdefault("X-Frame-Options", "DENY")
                if last:
                    headers["Connection"] = "close"
            await send(message)

        await self._app(scope, receive, send_with_headers)


def has_token(path: str) -> bool:
    """Whether an address is one that only its reader may know."""
    return path.startswith(_TOKENS_BELOW)


def _ancestors(path: str) -> str:
    if path == "/embed":
        return "*"
    return "'self'" if path.startswith("/editor/issues/") and path.endswith("/preview") else "'none'"
