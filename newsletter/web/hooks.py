"""``POST /hooks/{provider}``: what mail providers tell of bounces and complaints, their signatures verified.

A provider is deaf to us until its key is set (``NEWSLETTER_HOOK_SES`` …). What is not signed gets 401 and changes
nothing; what is signed and tells nothing of interest gets 200, or the provider would repeat it.
"""

import json
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from db.engine import transaction
from db.limits import hit, hits
from newsletter.clock import real_now
from newsletter.deliveries import bounces_signatures as signatures
from newsletter.deliveries.bounces_providers import read_notices
from newsletter.deliveries.fetch_certificate import confirm_subscription, key_of_notice
from newsletter.deliveries.receive import receive_notices
from newsletter.errors import NewsletterError
from newsletter.hook_keys import topics
from newsletter.web.forms import read_body
from newsletter.web.site import Site, site

MAX_BYTES = 2_000_000
_REPLAYS = timedelta(hours=2)

log = logging.getLogger(__name__)


async def hook(request: Request) -> Response:
    """Read and verify a provider's notice, take it in, and say how many of its results changed a subscriber."""
    provider = request.path_params["provider"]
    key = getattr(site(request).settings, f"hook_{provider}", None) if provider in _VERIFIED else None
    if key is None:
        return _problem(404, f"No key is set for notices of {provider}.")
    body = await read_body(request, MAX_BYTES)
    return await run_in_threadpool(_take, request, provider, key, body)


def _take(request: Request, provider: str, key: str, body: bytes) -> Response:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return _problem(400, "The body is no JSON.")
    here = site(request)
    try:
        told = _VERIFIED[provider](here, request, key, body, document)
    except NewsletterError as error:
        log.warning("a notice of %s was refused: %s", provider, error)
        told = None
    if told is None:
        return _problem(401, "The notice is not signed with the key that is set for this provider.")
    report = receive_notices(here.engine, provider, read_notices(provider, told), now=here.clock.now())
    _remember(here, provider, document)
    changed = sum(result.subscriber_changed for result in report.results)
    return JSONResponse({"results": len(report.results), "subscribers_changed": changed})


def _of_ses(here: Site, request: Request, key: str, body: bytes, document: Any) -> Any:
    """The notice inside SNS's envelope; a topic's question whether we want it is answered here."""
    if not isinstance(document, dict):
        return None
    allowed = topics(key)
    if allowed and document.get("TopicArn") not in allowed:
        return None
    if not signatures.is_of_sns(document, key_of_notice(key, str(document.get("SigningCertURL", "")))):
        return None
    if document["Type"] == "SubscriptionConfirmation":
        confirm_subscription(str(document.get("SubscribeURL", "")))
        return {}
    try:
        return json.loads(document["Message"])
    except (KeyError, ValueError, RecursionError):
        return {}  # SES says "Successfully validated …" in plain words


def _of_sendgrid(here: Site, request: Request, key: str, body: bytes, document: Any) -> Any:
    signature = request.headers.get("x-twilio-email-event-webhook-signature", "")
    timestamp = request.headers.get("x-twilio-email-event-webhook-timestamp", "")
    try:
        public = signatures.public_key(key.encode())
    except ValueError:
        raise NewsletterError("NEWSLETTER_HOOK_SENDGRID is no public key in base64") from None
    return document if signatures.is_of_sendgrid(body, signature, timestamp, public) else None


def _of_mailgun(here: Site, request: Request, key: str, body: bytes, document: Any) -> Any:
    """Signed, fresh, and with a token that was not used before."""
    now = real_now()
    if not isinstance(document, dict) or not signatures.is_of_mailgun(document, key, now.timestamp()):
        return None
    with transaction(here.engine) as connection:
        token = document["signature"]["token"]
        used = any(hits(connection, "mailgun", token, _REPLAYS, at) for at in (now, now - _REPLAYS))
    return None if used else document


def _of_postmark(here: Site, request: Request, key: str, body: bytes, document: Any) -> Any:
    given = (request.headers.get("authorization", ""), request.headers.get("x-webhook-secret", ""))
    return document if signatures.is_of_postmark(*given, key) else None


_VERIFIED: dict[str, Callable[[Site, Request, str, bytes, Any], Any]] = {
    "ses": _of_ses,
    "sendgrid": _of_sendgrid,
    "postmark": _of_postmark,
    "mailgun": _of_mailgun,
}


def _remember(here: Site, provider: str, document: Any) -> None:
    """Mailgun's token is used up once its notice was taken in, not before: a failure on the way may be repeated."""
    if provider == "mailgun":
        with transaction(here.engine) as connection:
            hit(connection, "mailgun", document["signature"]["token"], _REPLAYS, real_now())


def _problem(status: int, detail: str) -> Response:
    body = {"title": "This notice was not taken in", "status": status, "detail": detail}
    return JSONResponse(body, status, media_type="application/problem+json")


routes = [Route("/hooks/{provider}", hook, methods=["POST"])]
