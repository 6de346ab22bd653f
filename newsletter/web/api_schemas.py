"""The shapes of the API (JSON Schema 2020-12, the part that we use), and whether a value has one."""

import re
from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

WEEK: Schema = {"type": "string", "pattern": r"^\d{4}-W\d{2}$", "examples": ["2026-W47"]}
EMAIL: Schema = {"type": "string", "minLength": 3, "maxLength": 320, "pattern": "[^@ ]@[^@ ]"}
SLUG: Schema = {"type": "string", "minLength": 1, "maxLength": 200}
ID: Schema = {"type": "integer", "minimum": 1, "maximum": 2**53}
COUNT: Schema = {"type": "integer", "minimum": 0}
WEB: Schema = {"type": "string", "maxLength": 2000, "pattern": "^https?://[^/]"}
PAGE: Mapping[str, Schema] = {
    "after": {"type": "integer", "minimum": 0, "maximum": 2**53, "description": "`next` of the page before."},
    "limit": {"type": "integer", "minimum": 1, "maximum": 500, "default": 100},
}
TEXT: Schema = {"type": "string", "maxLength": 20_000}
INSTANT: Schema = {"type": "string", "format": "date-time", "maxLength": 40}


def or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def shape(required: str = "", **properties: Schema) -> Schema:
    """An object; ``required`` names the properties that must be there, separated by spaces."""
    found: dict[str, Any] = {"type": "object", "properties": properties}
    return {**found, "required": required.split()} if required else found


def closed(schema: Schema) -> Schema:
    """No properties but these: for what we take, so that a typing mistake is not passed over."""
    return {**schema, "additionalProperties": False}


def listed(name: str, items: Schema) -> Schema:
    """A page of a list; ``next`` is to be given as ``after``, and null on the last page."""
    page: dict[str, Schema] = {name: {"type": "array", "items": items}, "next": {"type": ["integer", "null"]}}
    return shape(f"{name} next", **page)


_TYPES: dict[str, Any] = {
    "object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool,
    "null": type(None),
}  # fmt: skip
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")


def conform(value: Any, schema: Schema, place: str) -> str | None:
    """None where the value has the shape; else one sentence that says where it has not."""
    kinds = schema.get("type", list(_TYPES))
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not any(_is(value, kind) for kind in kinds):
        return f"{place} must be {' or '.join(kinds)}."
    if "enum" in schema and value not in schema["enum"]:
        return f"{place} must be one of {', '.join(map(str, schema['enum']))}."
    if isinstance(value, str):
        return _text(value, schema, place)
    if "integer" in kinds and isinstance(value, int) and not isinstance(value, bool) and "type" in schema:
        low, high = schema.get("minimum", -(2**53)), schema.get("maximum", 2**53)
        return None if low <= value <= high else f"{place} must be between {low} and {high}."
    if isinstance(value, list):
        return _array(value, schema, place)
    return _object(value, schema, place) if isinstance(value, dict) else None


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES[kind])


def _text(value: str, schema: Schema, place: str) -> str | None:
    if _NOT_TEXT.search(value):
        return f"{place} holds what is no text."
    if len(value) > schema.get("maxLength", 1_000_000) or len(value) < schema.get("minLength", 0):
        return f"{place} is too long or too short."
    # To JSON Schema $ is the very end and \d ten digits (ECMA-262); to Python $ may stand before a line end.
    if "pattern" in schema and not re.search(schema["pattern"].replace("$", r"\Z"), value, re.ASCII):
        return f"{place} must match {schema['pattern']}."
    return None


def _array(value: list[Any], schema: Schema, place: str) -> str | None:
    most = schema.get("maxItems", 100_000)
    if len(value) > most:
        return f"{place} has more than {most} items."
    if len(value) < schema.get("minItems", 0):
        return f"{place} has fewer than {schema['minItems']} items."
    faults = (conform(item, schema.get("items", {}), f"{place}[{at}]") for at, item in enumerate(value))
    return next((fault for fault in faults if fault), None)


def _object(value: dict[str, Any], schema: Schema, place: str) -> str | None:
    for name in schema.get("required", ()):
        if name not in value:
            return f"{place} lacks {name}."
    properties = schema.get("properties", {})
    for name, item in value.items():
        if schema.get("additionalProperties") is False and name not in properties:
            return f"{place} has an unknown field {name[:40]!r}."
        if _NOT_TEXT.search(name):
            return f"{place} has a field whose name is no text."
        fault = conform(item, properties.get(name, {}), f"{place}.{name}")
        if fault:
            return fault
    return None
