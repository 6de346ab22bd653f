"""``compile_mjml``: MJML to HTML behind guards.

The compiler (PyPI ``mjml`` 0.12) takes what it is given: it drops unknown tags, ignores bad nesting and attributes,
fails on ``mj-font`` of a font it knows, writes attribute values back without escaping them, puts the title into an
attribute as if it had no quotes, and links web fonts that a text happens to name. So the source is checked first, what
is not safe to hand over is kept back, and what comes out is cleaned. What stands in ``mj-raw`` is finished HTML: it is
kept back as well, which saves three quarters of the compiler's time on a long mail.
"""

import hashlib
import html
import re
from dataclasses import dataclass
from functools import lru_cache
from html.parser import HTMLParser

_HEAD = {
    "mj-attributes",
    "mj-breakpoint",
    "mj-font",
    "mj-html-attributes",
    "mj-preview",
    "mj-raw",
    "mj-style",
    "mj-title",
}
_CONTENT = {
    "mj-accordion", "mj-button", "mj-carousel", "mj-divider", "mj-image", "mj-navbar", "mj-raw", "mj-social",
    "mj-spacer",
    "mj-table", "mj-text",
}  # fmt: skip
# Parent -> what may stand in it (https://documentation.mjml.io, as MJML 4's validator has it).
_CHILDREN: dict[str, set[str]] = {
    "": {"mjml"},
    "mjml": {"mj-head", "mj-body"},
    "mj-head": _HEAD,
    "mj-body": {"mj-section", "mj-wrapper", "mj-hero", "mj-raw"},
    "mj-wrapper": {"mj-section", "mj-hero", "mj-raw"},
    "mj-section": {"mj-column", "mj-group", "mj-raw"},
    "mj-group": {"mj-column", "mj-raw"},
    "mj-column": _CONTENT,
    "mj-hero": _CONTENT,
    "mj-accordion": {"mj-accordion-element", "mj-raw"},
    "mj-accordion-element": {"mj-accordion-title", "mj-accordion-text", "mj-raw"},
    "mj-carousel": {"mj-carousel-image"},
    "mj-navbar": {"mj-navbar-link", "mj-raw"},
    "mj-social": {"mj-social-element", "mj-raw"},
}
# What the compiler reads although it is not in a component's own list.
_EVERYWHERE = {"mj-class", "css-class"}
_EXTRA = {
    "mjml": {"lang", "dir", "owa"},
    "mj-body": {"background-color", "width", "id", "title"},
    "mj-section": {"full-width"},
    "mj-style": {"inline"},
    "mj-font": {"name", "href"},
    "mj-breakpoint": {"width"},
    "mj-raw": {"position"},
    "mj-group": {"background-color", "direction", "vertical-align", "width"},
}
_ENDING = {"mj-accordion-text", "mj-accordion-title", "mj-button", "mj-navbar-link", "mj-raw", "mj-social-element",
           "mj-table", "mj-text", "mj-preview", "mj-style", "mj-title"}  # fmt: skip
_KNOWN_FONTS = {"Open Sans", "Droid Sans", "Lato", "Roboto", "Ubuntu"}

_OPENING_TAG = re.compile(r"<mj[\w-]*(?:\s+[\w:-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*\s*/?>")
_WEB_FONTS = re.compile(
    r"<!--\[if !mso\]><!-->\s*<link href=\"https://fonts\.googleapis\.com[^>]*>.*?<!--<!\[endif\]-->", re.S
)
_TITLE = re.compile(r"<mj-title>(.*?)</mj-title>", re.S)
_RAW = re.compile(r"(?<=<mj-raw>).*?(?=</mj-raw>)", re.S)
_WORDS = re.compile(r">[^<]+<")
_BETWEEN_TAGS = re.compile(r">[ \t]*\n\s*<")
_LINE_BREAK = re.compile(r"[ \t]*\n\s*")


@dataclass(frozen=True, slots=True)
class Problem:
    """Where (line from 1, column from 1) a source is no MJML, and why."""

    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message}"


def compile_mjml(source: str) -> tuple[str, tuple[Problem, ...]]:
    """HTML and no problems, or '' and all the problems found."""
    problems = validate(source)
    if problems:
        return "", problems
    from mjml import mjml_to_html

    source, kept = _set_aside(source)
    compiled = _WEB_FONTS.sub("", mjml_to_html(_OPENING_TAG.sub(_escaped_again, source)).html)
    for stand_in, text in kept.items():
        compiled = compiled.replace(stand_in, text)
    return stripped(compiled), ()


def validate(source: str) -> tuple[Problem, ...]:
    """Every unknown tag or attribute, wrong parent and unclosed tag of the source."""
    reader = _Reader()
    reader.feed(source)
    reader.close()
    return tuple(reader.finished())


def stripped(document: str) -> str:
    """Without the white space that indents the compiler's output; spaces between words stay. Quotes that need no
    escaping in a text are written as they are read."""
    joined = _LINE_BREAK.sub(" ", _BETWEEN_TAGS.sub("><", document))
    joined = joined.replace("<title> ", "<title>").replace(" </title>", "</title>").replace(' style=""', "").strip()
    return _WORDS.sub(lambda words: words[0].replace("&#39;", "'").replace("&#34;", '"'), joined)


def _set_aside(source: str) -> tuple[str, dict[str, str]]:
    """The source with stand-ins for its title and for what stands in mj-raw, and what each of them stands for."""
    mark = hashlib.sha256(source.encode()).hexdigest()[:24]
    kept: dict[str, str] = {}

    def set_aside(found: re.Match[str]) -> str:
        stand_in = f"<!--{mark}-{len(kept)}-->"
        kept[stand_in] = found[0]
        return stand_in

    source = _RAW.sub(set_aside, source)
    title = _TITLE.search(source)
    if title is not None:  # as it can stand in text and in attributes
        kept[f"title-{mark}"] = html.escape(html.unescape(title[1].strip()))
        source = f"{source[: title.start(1)]}title-{mark}{source[title.end(1) :]}"
    return source, kept


def _escaped_again(tag: re.Match[str]) -> str:
    """The compiler decodes an attribute once and writes it raw, so it needs one more layer."""
    return tag[0].replace("&", "&amp;")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[tuple[str, int, int]] = []
        self._problems: list[Problem] = []
        self._has_body = False

    def handle_data(self, data: str) -> None:
        parent = self._open[-1][0] if self._open else "the document"
        if data.strip() and parent not in _ENDING:
            before = data[: -len(data.lstrip())]
            line, column = self.getpos()
            column = len(before.rpartition("\n")[2]) + (0 if "\n" in before else column)
            where = parent if parent == "the document" else f"<{parent}>"
            self._problems.append(Problem(line + before.count("\n"), column + 1, f"a text cannot stand in {where}"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._opened(tag, attrs):
            line, column = self.getpos()
            self._open.append((tag, line, column))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._opened(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if not tag.startswith("mj"):
            return
        if self._open and self._open[-1][0] == tag:
            self._open.pop()
        elif any(name == tag for name, _, _ in self._open):
            inner = self._open[-1]
            self._problem(f"</{tag}> closes before <{inner[0]}> of line {inner[1]} is closed")
            while self._open.pop()[0] != tag:
                pass
        else:
            self._problem(f"</{tag}> closes nothing")

    def finished(self) -> list[Problem]:
        for name, line, column in self._open:
            self._problems.append(Problem(line, column + 1, f"<{name}> is never closed"))
        if not self._has_body and not self._problems:
            self._problem("there is no <mj-body>")
        return self._problems

    def _opened(self, tag: str, attrs: list[tuple[str, str | None]]) -> bool:
        parent = self._open[-1][0] if self._open else ""
        self._has_body = self._has_body or tag == "mj-body"
        if not tag.startswith("mj"):
            if parent not in _ENDING and parent != "mj-attributes" and parent != "mj-html-attributes":
                self._problem(f"<{tag}> cannot stand in <{parent or 'the document'}>")
            return False
        if parent in ("mj-attributes", "mj-html-attributes"):
            return True
        if tag not in _allowed_attributes() and tag not in _EXTRA and tag not in _HEAD and tag != "mj-head":
            self._problem(f"<{tag}> is no MJML tag")
        elif tag not in _CHILDREN.get(parent, set()):
            self._problem(f"<{tag}> cannot stand in <{parent or 'the document'}>")
        else:
            self._check_attributes(tag, attrs)
        return True

    def _check_attributes(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        allowed = _allowed_attributes().get(tag, frozenset()) | _EXTRA.get(tag, set()) | _EVERYWHERE
        names = [name for name, _ in attrs]
        for name in sorted({name for name in names if names.count(name) > 1}):
            self._problem(f"<{tag}> has {name} twice")
        for name, value in attrs:
            if name not in allowed:
                self._problem(f"<{tag}> has no attribute {name}")
            elif tag == "mj-font" and name == "name" and value in _KNOWN_FONTS:
                self._problem(f"<mj-font> cannot name {value}, which the compiler knows already")

    def _problem(self, message: str) -> None:
        line, column = self.getpos()
        self._problems.append(Problem(line, column + 1, message))


@lru_cache(maxsize=1)
def _allowed_attributes() -> dict[str, frozenset[str]]:
    from mjml.core.registry import register_core_components

    found = {}
    for name, component in register_core_components().items():
        allowed = getattr(component, "allowed_attrs", None)
        found[name] = frozenset(allowed() if allowed else ())
    return found
