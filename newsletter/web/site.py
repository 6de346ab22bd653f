"""What every page needs: the app's settings, engine and clock, and one way to answer with a template."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import HTMLResponse

from newsletter.clock import Clock, real_now
from newsletter.issues.words import in_its_place
from newsletter.settings import Settings
from newsletter.subscribers import consent, haste
from newsletter.templating import markup_environment


@dataclass(frozen=True)
class Site:
    """Built once by the door that serves; pages find it with ``site(request)``."""

    settings: Settings
    engine: Engine
    clock: Clock

    @property
    def title(self) -> str:
        return self.settings.shown_title

    def url(self, path: str) -> str:
        """An absolute address of ours; ``path`` begins with a slash."""
        return self.settings.public_url + path

    def day(self, instant: datetime) -> date:
        """The day that it was in the publication's zone."""
        return instant.astimezone(self.settings.timezone).date()

    @property
    def consent(self) -> str:
        """What a reader agrees to by signing up; every sign-up form shows it."""
        return consent.words(self.title)

    def form_stamp(self) -> str:
        """A hidden field that says, signed, when a form was shown; '' where no secret key is set."""
        keys = self.settings.secret_key
        return haste.make_stamp("form", real_now(), keys) if keys else ""


def site(request: Request) -> Site:
    found: Site = request.app.state.site
    return found


def page(
    request: Request, template: str, /, *, status: int = 200, headers: dict[str, str] | None = None, **values: Any
) -> HTMLResponse:
    """Render ``templates/web/<template>``; it extends ``web/base.html`` and knows ``site`` and ``path``.

    What strangers wrote keeps to its place on it, but for the editors' room, whose forms show what is stored."""
    here = site(request)
    html = markup_environment().get_template(f"web/{template}").render(site=here, path=request.url.path, **values)
    html = html if template.startswith("editor/") else in_its_place(html)
    return HTMLResponse(html, status_code=status, headers=headers)
