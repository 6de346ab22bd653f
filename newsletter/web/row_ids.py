"""Ids of rows in addresses and fields: digits, and no more of them than a database holds."""

import re

from starlette.convertors import IntegerConvertor, register_url_convertor

_ROW_ID = re.compile(r"\d{1,18}", re.ASCII)


def row_id(text: str) -> int | None:
    """The id that a text says, or None where it says none."""
    return int(text) if _ROW_ID.fullmatch(text) else None


class RowConvertor(IntegerConvertor):
    """``{release_id:row}`` in a route: what is no id is no address of ours."""

    regex = "[0-9]{1,18}"


register_url_convertor("row", RowConvertor())
