"""How the API is put together: an operation says what it takes and gives, and everything else follows from that.

Each answer is JSON; each error a problem document (RFC 9457). A bearer token opens the scopes it was made for. A
request that changes something may carry ``Idempotency-Key``: sent again within a day, it gets its first answer.
"""

import hashlib
import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from db import api as rows
from db.audit import add_audit
from db.engine import reading, transaction
from newsletter.clock import Week, real_now
from newsletter.errors import BadInputError, NewsletterError, NotFoundError, NotReadyError
from newsletter.subscribers.tokens import hash_token
from newsletter.web.api_schemas import conform
from newsletter.web.forms import read_body
from newsletter.web.site import Site, site

MAX_BYTES = 5_000_000
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_CHANGES = ("POST", "PUT", "DELETE")

Row = TypeVar("Row")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """What an operation is handed: parameters of path and query as their schemas say, the body, and who asks."""

    site: Site
    values: Mapping[str, Any]
    body: Any
    caller: str

    def get(self, name: str) -> Any:
        return self.values.get(name)

    @property
    def week(self) -> Week:
        """Of the issue in the path."""
        return week_named(self.values["issue"])

    @property
    def after(self) -> int:
        """Of a list by id: the last one of the page before; 0 for the first page."""
        return self.get("after") or 0

    @property
    def limit(self) -> int:
        """How many a page of a list has."""
        found: int = self.values["limit"]
        return found


@dataclass(frozen=True, slots=True)
class Operation:
    """``answer`` returns the document of a 200. ``query`` and ``place`` are the parameters of query and path, by name
    with their schemas."""

    method: str
    path: str
    scope: str
    summary: str
    answer: Callable[[Asked], Any]
    gives: Mapping[str, Any]
    takes: Mapping[str, Any] | None = None
    query: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    place: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The operationId: the function's name."""
        return self.answer.__name__


def week_named(name: str) -> Week:
    """The week that a caller names. Raises NotFoundError for one that no year has."""
    try:
        return Week.parse(name)
    except ValueError as error:
        raise NotFoundError(str(error)) from None


def page_of(
    asked: Asked, name: str, rows: Sequence[Row], shown: Callable[[Row], Any], mark: Callable[[Row], int | str]
) -> dict[str, Any]:
    """A page of a list, and the mark of its last row to go on from; a page that is not full is the last one."""
    return {name: [shown(row) for row in rows], "next": mark(rows[-1]) if len(rows) == asked.limit else None}


def note(asked: Asked, what: str, subject: str | None, **detail: Any) -> None:
    """A line of the editors' log, in the words that their room has for the same act."""
    with transaction(asked.site.engine) as connection:
        add_audit(connection, asked.caller, what, subject, asked.site.clock.now(), detail or None)


class Problem(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, title: str, detail: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail or title)
        self.status, self.title, self.detail, self.headers = status, title, detail, dict(headers or {})

    def response(self) -> Response:
        document = {"type": "about:blank", "title": self.title, "status": self.status}
        if self.detail:
            document["detail"] = self.detail
        return _json(document, self.status, "application/problem+json", self.headers)


def routes_of(operations: Sequence[Operation]) -> list[Route]:
    """One route per path, so that a method which does not work there is answered as a problem too."""
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, {})[operation.method] = operation
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    return [Route(path, _endpoint(found), methods=methods) for path, found in by_path.items()]


def _endpoint(found: Mapping[str, Operation]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        try:
            operation = found.get("GET" if request.method == "HEAD" else request.method)
            if operation is None:
                raise Problem(405, "That does not work here", headers={"Allow": ", ".join(sorted(found))})
            token = await run_in_threadpool(_token, request, operation)  # strangers' bodies are not even read
            body = await read_body(request, MAX_BYTES)
            return await run_in_threadpool(_perform, request, operation, token, body)
        except Problem as problem:
            return problem.response()
        except SQLAlchemyError:
            log.exception("an API request met a failure of the database")
            return Problem(503, "The database cannot be used now", headers={"Retry-After": "30"}).response()
        except HTTPException as error:
            return Problem(error.status_code, "The request cannot be read", str(error.detail)).response()

    return endpoint


def _perform(request: Request, operation: Operation, token: rows.TokenRow, body: bytes) -> Response:
    here = site(request)
    asked = Asked(here, _parameters(request, operation), _document(operation, body), f"api:{token.name}")
    key = request.headers.get("idempotency-key")
    if key is None or operation.method not in _CHANGES:
        return _answer(operation, asked)
    if not _KEY.fullmatch(key):
        raise Problem(400, "The Idempotency-Key must be 1 to 200 visible ASCII characters")
    print_ = hashlib.sha256(f"{operation.method} {request.url.path}?{request.url.query}\n".encode() + body).hexdigest()
    return _once(here, token.id, key, print_, lambda: _answer(operation, asked))


def _once(here: Site, token_id: int, key: str, fingerprint: str, perform: Callable[[], Response]) -> Response:
    """The first answer to a key, again; errors that are ours are not kept, so that they can be tried again."""
    with transaction(here.engine) as connection:
        known = rows.begin_request(connection, token_id, key, fingerprint, real_now())
    if known is not None:
        if known.fingerprint != fingerprint:
            raise Problem(409, "This Idempotency-Key was used for another request")
        if known.status is None:
            raise Problem(409, "The first request with this Idempotency-Key is under way", headers={"Retry-After": "5"})
        kind = "application/json" if known.status < 400 else "application/problem+json"
        return Response(known.answer, known.status, media_type=kind, headers={"Idempotency-Replayed": "true"})
    try:
        answer = perform()
    except Problem as problem:
        answer = problem.response()
    except Exception:
        with transaction(here.engine) as connection:
            rows.forget_request(connection, token_id, key)
        raise
    with transaction(here.engine) as connection:
        if answer.status_code >= 500:
            rows.forget_request(connection, token_id, key)
        else:
            rows.end_request(connection, token_id, key, answer.status_code, bytes(answer.body))
    return answer


def _answer(operation: Operation, asked: Asked) -> Response:
    try:
        return _json(operation.answer(asked))
    except NotFoundError as error:
        raise Problem(404, "There is no such thing", str(error)) from None
    except BadInputError as error:
        raise Problem(422, "This cannot be used", str(error)) from None
    except NotReadyError as error:
        raise Problem(503, "The service is not ready", str(error)) from None
    except NewsletterError as error:
        raise Problem(409, "This cannot be done now", str(error)) from None


def _token(request: Request, operation: Operation) -> rows.TokenRow:
    here = site(request)
    scheme, _, word = request.headers.get("authorization", "").partition(" ")
    now = real_now()
    token = None
    if scheme.lower() == "bearer" and 0 < len(word) <= 200:
        with reading(here.engine) as connection:
            token = rows.valid_token(connection, hash_token(word.strip()), now)
    if token is None:
        headers = {"WWW-Authenticate": 'Bearer realm="newsletter"'}
        raise Problem(401, "A bearer token is needed", "`newsletter tokens add` makes one.", headers)
    if operation.scope not in token.scopes:
        raise Problem(403, "This token may not do that", f"It lacks the scope {operation.scope}.")
    if token.used_at is None or now - token.used_at > timedelta(hours=1):
        with transaction(here.engine) as connection:
            rows.note_use(connection, token.id, now)
    return token


def _parameters(request: Request, operation: Operation) -> dict[str, Any]:
    unknown = set(request.query_params) - operation.query.keys()
    if unknown:
        raise Problem(400, "There is an unknown parameter", f"{min(unknown)!r} is none of this operation's.")
    values: dict[str, Any] = {}
    for name, schema in operation.query.items():
        given = request.query_params.getlist(name)
        if len(given) > 1:
            raise Problem(400, f"{name} is given more than once")
        if given:
            values[name] = _converted(name, given[0], schema, status=400)
        elif "default" in schema:
            values[name] = schema["default"]
    for name, schema in operation.place.items():
        values[name] = _converted(name, request.path_params[name], schema, status=404)
    return values


def _converted(name: str, text: str, schema: Mapping[str, Any], *, status: int) -> Any:
    value: Any = text
    if schema["type"] == "integer" and re.fullmatch(r"-?\d{1,18}", text, re.ASCII):
        value = int(text)
    elif schema["type"] == "boolean" and text in ("true", "false"):
        value = text == "true"
    fault = conform(value, schema, name)
    if fault is not None:
        raise Problem(status, "A parameter cannot be used" if status == 400 else "There is no such thing", fault)
    return value


def _document(operation: Operation, body: bytes) -> Any:
    if operation.takes is None:
        return None
    try:
        document = json.loads(body or b"{}", parse_constant=_refuse_constant, parse_float=_number)
    except (ValueError, RecursionError) as error:
        raise Problem(400, "The body is no JSON", " ".join(str(error).split())[:200]) from None
    fault = conform(document, operation.takes, "body")
    if fault is not None:
        raise Problem(422, "The body is not what this operation takes", fault)
    return document


def _number(text: str) -> float | int:
    """33.0 is a whole number to JSON Schema."""
    found = float(text)
    return int(found) if found.is_integer() and abs(found) < 2**53 else found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _json(
    document: Any, status: int = 200, kind: str = "application/json", headers: Mapping[str, str] | None = None
) -> Response:
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return Response(body, status, {"Cache-Control": "no-store", **(headers or {})}, kind)
