"""What is MJML: which tags and attributes there are, and what may stand in what. The compiler swallows the rest."""

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


@dataclass(frozen=True, slots=True)
class Problem:
    """Where (line from 1, column from 1) a source is no MJML, and why."""

    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message}"


def validate(source: str) -> tuple[Problem, ...]:
    """Every unknown tag or attribute, wrong parent and unclosed tag of the source."""
    reader = _Reader()
    reader.feed(source)
    reader.close()
    return tuple(reader.finished())


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
