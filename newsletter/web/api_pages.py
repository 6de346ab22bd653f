"""The API as a whole: its routes, its OpenAPI 3.1 document, and a page that shows it without any foreign script."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from newsletter.web import api_events, api_feeds, api_issues, api_releases, api_sending, api_subscribers, api_tools
from newsletter.web.api_routing import Operation, Problem, routes_of
from newsletter.web.metadata import About
from newsletter.web.site import page, site

OPERATIONS = (
    *api_feeds.OPERATIONS, *api_tools.OPERATIONS, *api_releases.OPERATIONS, *api_issues.OPERATIONS,
    *api_sending.OPERATIONS, *api_subscribers.OPERATIONS, *api_events.OPERATIONS,
)  # fmt: skip
SCOPES = tuple(sorted({operation.scope for operation in OPERATIONS}))

_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {"type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"}},
}
_PROBLEMS = {
    400: "The request cannot be read.", 401: "A bearer token is needed.", 403: "The token lacks the scope.",
    404: "There is no such thing.", 409: "It cannot be done in this state, or is under way.",
    413: "The body is larger than 5 MB.", 422: "The body cannot be used; the detail says where.",
    503: "The service or its database is not ready.",
}  # fmt: skip
_KEY = {
    "name": "Idempotency-Key", "in": "header", "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
    "description": "1 to 200 visible ASCII characters. Sent again within a day, a request gets its first answer.",
}  # fmt: skip


def openapi(base: str) -> dict[str, Any]:
    """The whole API as an OpenAPI 3.1 document; ``base`` is the public URL."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Weekly Verdicts", "version": version("weekly-verdicts"),
            "description": "Lists come in pages: give the `next` of a page as `after` (`before` for issues).",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": base}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Problem": _PROBLEM},
            "responses": {f"Problem{status}": _problem(words) for status, words in _PROBLEMS.items()},
        },
    }  # fmt: skip


def _described(operation: Operation) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": schema} for name, schema in operation.place.items()
    ]
    parameters += [{"name": name, "in": "query", "schema": schema} for name, schema in operation.query.items()]
    changes = operation.method != "GET"
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": f"Needs the scope `{operation.scope}`.",
        "tags": [operation.scope.partition(":")[0]],
        "parameters": [*parameters, *([_KEY] if changes else [])],
        "responses": {
            "200": {"description": "Done.", "content": {"application/json": {"schema": operation.gives}}},
            **{str(status): {"$ref": f"#/components/responses/Problem{status}"} for status in _PROBLEMS},
        },
    }
    if operation.takes is not None:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": operation.takes}}}
    return described


def _problem(words: str) -> Mapping[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": words, "content": {"application/problem+json": {"schema": schema}}}


async def openapi_document(request: Request) -> Response:
    return JSONResponse(openapi(site(request).settings.public_url))


async def docs(request: Request) -> HTMLResponse:
    here = site(request)
    words = f"What programs can ask of {here.title}, and what they need for it."
    about = About(f"API · {here.title}", words, here.url("/api/docs"))
    return page(request, "api.html", about=about, operations=OPERATIONS, scopes=SCOPES)


async def nothing(request: Request) -> Response:
    return Problem(404, "Nothing is here", "GET /api/openapi.json lists what there is.").response()


routes = [
    Route("/api/openapi.json", openapi_document),
    Route("/api/docs", docs),
    *routes_of(OPERATIONS),
    Route("/api/{path:path}", nothing, methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]),
]
