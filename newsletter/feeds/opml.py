"""OPML 2.0 (https://opml.org/spec2.opml), the list of feeds that every feed reader takes and gives.

What only we know of a feed stands in attributes of our own, so that an export taken in again gives the same feeds.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from xml.parsers import expat

from newsletter.feeds.references import sound
from newsletter.feeds.words import MAX_TITLE, one_line

MAX_BYTES = 5_000_000
OURS = {"kind": "vvKind", "tool": "vvTool", "new_tools": "vvNewTools", "include": "vvInclude",
        "exclude": "vvExclude", "limit": "vvLimit", "prereleases": "vvPrereleases"}  # fmt: skip


class NotOpmlError(ValueError):
    """The file is no OPML; the message says why."""


@dataclass(frozen=True, slots=True)
class Outline:
    """One feed of the list; ``extra`` holds our own attributes by the names of OURS."""

    url: str
    name: str | None
    extra: dict[str, str]


def read_opml(data: bytes) -> list[Outline]:
    """The feeds of the list, whatever folders they are in. Raises NotOpmlError; entities are not resolved."""
    if len(data) > MAX_BYTES:
        raise NotOpmlError("it is larger than 5 MB")
    try:
        root = _parse(data)
    except (ET.ParseError, expat.ExpatError, ValueError, LookupError) as error:
        raise NotOpmlError(f"it is not well-formed XML ({error})") from None
    if root.tag.lower() != "opml":
        raise NotOpmlError(f"it is <{root.tag[:40]}>, not <opml>")
    return list(_outlines(root))


def write_opml(outlines: Iterable[Outline], title: str) -> bytes:
    root = ET.Element("opml", version="2.0")
    ET.SubElement(ET.SubElement(root, "head"), "title").text = title
    body = ET.SubElement(root, "body")
    for outline in outlines:
        name = outline.name or outline.url
        attributes = {"type": "rss", "text": name, "title": name, "xmlUrl": outline.url}
        attributes |= {OURS[key]: value for key, value in outline.extra.items()}
        ET.SubElement(body, "outline", attributes)
    ET.indent(root)
    found: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return found + b"\n"


def _parse(data: bytes) -> ET.Element:
    """A document type may declare entities, and no list of feeds needs one."""
    builder = ET.TreeBuilder()
    parser = expat.ParserCreate()
    depth = 0

    def refuse(*_: object) -> None:
        raise ValueError("it declares a document type")

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > 50:
            raise ValueError("it is nested too deeply")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.Parse(sound(data), True)
    return builder.close()


def _outlines(root: ET.Element) -> Iterator[Outline]:
    for element in root.iter():
        if element.tag.lower() != "outline":
            continue
        given = {key.lower(): value for key, value in element.attrib.items()}
        url = given.get("xmlurl", "").strip()
        if url:
            name = one_line(given.get("title") or given.get("text") or "", MAX_TITLE)
            extra = {key: given[label.lower()] for key, label in OURS.items() if given.get(label.lower())}
            yield Outline(url, name or None, extra)
