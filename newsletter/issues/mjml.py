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

from newsletter.issues.mjml_rules import Problem, validate

_OPENING_TAG = re.compile(r"<mj[\w-]*(?:\s+[\w:-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*\s*/?>")
_WEB_FONTS = re.compile(
    r"<!--\[if !mso\]><!-->\s*<link href=\"https://fonts\.googleapis\.com[^>]*>.*?<!--<!\[endif\]-->", re.S
)
_TITLE = re.compile(r"<mj-title>(.*?)</mj-title>", re.S)
_RAW = re.compile(r"(?<=<mj-raw>).*?(?=</mj-raw>)", re.S)
_WORDS = re.compile(r">[^<]+<")
_BETWEEN_TAGS = re.compile(r">[ \t]*\n\s*<")
_LINE_BREAK = re.compile(r"[ \t]*\n\s*")


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
