"""Reading forms that strangers send: never more bytes than a form needs, and nothing but text."""

import re
from collections.abc import AsyncGenerator

from starlette.datastructures import ImmutableMultiDict
from starlette.exceptions import HTTPException
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

MAX_BYTES = 64 * 1024
_MAX_FIELDS = 500
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")

Form = ImmutableMultiDict[str, str]


async def read_form(request: Request, max_bytes: int = MAX_BYTES, max_fields: int = _MAX_FIELDS) -> Form:
    """The text fields of a urlencoded or multipart form; a body of any other type is an empty form.

    Line ends are ``\\n``; NUL and lone surrogates are spaces. Raises HTTPException 413 for more than ``max_bytes``,
    whether announced or not, and 400 for what cannot be parsed.
    """
    body = await read_body(request, max_bytes)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    parser: FormParser | MultiPartParser
    if kind == "application/x-www-form-urlencoded":
        parser = FormParser(request.headers, _once(body), max_fields=max_fields, max_part_size=max_bytes)
    elif kind == "multipart/form-data":
        parser = MultiPartParser(
            request.headers, _once(body), max_files=0, max_fields=max_fields, max_part_size=max_bytes
        )
    else:
        return Form([])
    try:
        fields = await parser.parse()
    except (MultiPartException, ValueError) as error:
        raise HTTPException(400, "The form cannot be read.") from error
    return Form([(_text(name), _text(value)) for name, value in fields.multi_items() if isinstance(value, str)])


def asked(request: Request, name: str, longest: int = 200) -> str:
    """A word of the query; as clean as a field of a form, '' where there is none."""
    return _text(request.query_params.get(name, "")).strip()[:longest]


async def read_body(request: Request, max_bytes: int) -> bytes:
    """The whole body. Raises HTTPException 413 beyond ``max_bytes``, announced or not, and 400 where it ends early."""
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise HTTPException(413)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise HTTPException(413)
    except ClientDisconnect:
        raise HTTPException(400, "The request ended early.") from None
    return bytes(body)


async def _once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body


def _text(value: str) -> str:
    return _NOT_TEXT.sub(" ", value.replace("\r\n", "\n").replace("\r", "\n"))
