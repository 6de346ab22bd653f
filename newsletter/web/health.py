"""``/healthz``: this process answers. ``/readyz``: its database and schema are there."""

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from db.migrate import current_revision, newest_revision
from newsletter.web.site import site


async def healthz(request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


def readyz(request: Request) -> JSONResponse:
    try:
        ready = current_revision(site(request).engine) == newest_revision()
    except Exception:
        ready = False
    return JSONResponse({"status": "ok" if ready else "not ready", "database": ready}, 200 if ready else 503)


routes = [Route("/healthz", healthz), Route("/readyz", readyz)]
