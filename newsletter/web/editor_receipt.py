"""``/editor/issues/{week}/receipt``: where every recipient's mail stands, live while it is being sent."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from newsletter.deliveries.read_receipt import read_receipt
from newsletter.web.editor_issue import week_of
from newsletter.web.session import Visitor, editor_page, show
from newsletter.web.site import site


def receipt_page(request: Request, visitor: Visitor) -> Response:
    return _receipt(request, visitor, "receipt.html")


def receipt_now(request: Request, visitor: Visitor) -> Response:
    """The changing part alone, asked for every other second while the issue is on its way."""
    return _receipt(request, visitor, "receipt_now.html")


def _receipt(request: Request, visitor: Visitor, template: str) -> Response:
    here, week = site(request), week_of(request)
    receipt = read_receipt(here.engine, week)
    done = receipt.counts.recipients - receipt.counts.open
    live = receipt.status in ("approved", "sending", "paused")
    return editor_page(
        request, visitor, template, week=str(week), receipt=receipt, counts=receipt.counts._asdict(), done=done,
        live=live, zone=here.settings.timezone,
    )  # fmt: skip


_BASE = "/editor/issues/{week}"

routes: list[BaseRoute] = [show(_BASE + "/receipt", receipt_page), show(_BASE + "/receipt/now", receipt_now)]
