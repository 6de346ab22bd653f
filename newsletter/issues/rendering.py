"""From values to both parts of the mail, as blocks.

Jinja writes MJML with a mark where every piece begins, the compiler makes HTML of it, and the marks cut it. The text
part is written by its own template with the same pieces. What does not fit the size budget is shown shorter, from the
lowest-ranked item up, in the order that ``budget.py`` states.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from markupsafe import Markup

from newsletter.clock import Week
from newsletter.issues import budget, dates
from newsletter.issues.content import Block, Rendered
from newsletter.issues.laying_out import lay_out
from newsletter.issues.layout import Fit, Layout, Pair
from newsletter.issues.links import Links
from newsletter.issues.markdown import to_html, to_text
from newsletter.issues.mjml import compile_mjml
from newsletter.issues.scores import bar, groups, in_a_sentence
from newsletter.issues.values import Before, IssueValues
from newsletter.issues.wording import LONGEST_NAME
from newsletter.issues.words import fitted, is_rtl, linked, wrapped
from newsletter.templating import markup_environment, text_environment
from newsletter.verdicts.comparison import difference
from newsletter.verdicts.stamps import NO_TAKE, SHAPES, WORDS, stamp

_HTML_MARK = re.compile(r"<!--b:(\d+)-->")
_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n){2,}")
# A control character, which cleaned values never hold.
_TEXT_MARK = re.compile("\x1e(\\d+)\x1e")


class TemplateError(Exception):
    """The templates of the issue are broken; the message says where."""


def render(values: IssueValues, links: Links) -> Rendered:
    """Both parts of an issue. Raises TemplateError where a template is not what it should be."""
    layout, htmls = _fitted(values, links)
    blocks = tuple(replace(block, text=text) for block, text in zip(htmls, _texts(layout, links), strict=True))
    return Rendered(values.week, values.subject, values.preheader, blocks, links.token, layout.without_note)


def mjml_source(values: IssueValues, links: Links) -> str:
    """What the compiler makes the HTML of, for holding it against another compiler."""
    layout, _ = _fitted(values, links)
    return _source(layout, links)


def _fitted(values: IssueValues, links: Links) -> tuple[Layout, tuple[Block, ...]]:
    """Shown as long as the size budget allows, which is one of the HTML alone: the blocks have no text yet."""
    fit = Fit()
    while True:
        layout = lay_out(values, fit)
        blocks = _blocks(layout, links)
        shorter = budget.shorter(blocks, values, fit)
        if shorter is None:
            return layout, blocks
        fit = shorter


def _source(layout: Layout, links: Links) -> str:
    return markup_environment().get_template("email/issue/body.mjml").render(_names(layout, links), mark=_html_mark)


def _blocks(layout: Layout, links: Links) -> tuple[Block, ...]:
    html, problems = compile_mjml(_source(layout, links))
    if problems:
        raise TemplateError(f"templates/email/issue/body.mjml makes bad MJML: {problems[0]}")
    # Opened by itself, as a reader's program shows it, the mail is the document's main part and no article in it.
    html = html.replace('aria-roledescription="email"', "", 1).replace('role="article"', 'role="main"', 1)
    htmls = _cut(html, _HTML_MARK, "body.mjml", len(layout.pieces))
    return tuple(replace(piece, html=html) for piece, html in zip(layout.pieces, htmls, strict=True))


def _texts(layout: Layout, links: Links) -> list[str]:
    """The pieces as text. Templates leave blank lines where they please; a mail has one between two paragraphs."""
    template = text_environment().get_template("email/issue/body.txt")
    text = template.render(_names(layout, links), mark=_text_mark)
    found = [
        _BLANK_LINES.sub("\n\n", piece).strip("\n") for piece in _cut(text, _TEXT_MARK, "body.txt", len(layout.pieces))
    ]
    return [f"{'' if place == 0 else chr(10)}{piece}\n" if piece else "" for place, piece in enumerate(found)]


def _names(layout: Layout, links: Links) -> Mapping[str, object]:
    """What the templates know."""
    values = layout.values
    theme = values.publication.theme
    return {
        "layout": layout,
        "issue": values,
        "links": links,
        "theme": theme,
        "light": theme.light,
        "dark": theme.dark,
        "issue_date": dates.span(Week.parse(values.week)),
        "markdown": to_html,
        # The class carries the dark colour: without it, a link is dark on dark.
        "words_link": f'class="i" style="color:{theme.light.ink}"',
        "markdown_text": to_text,
        "wrap": wrapped,
        "linked": linked,
        "fitted": fitted,
        "dir": _dir,
        "subject_words": _subject_words(values),
        "stamp": stamp,
        "shapes": SHAPES,
        "words": WORDS,
        "no_take": NO_TAKE,
        "scores": in_a_sentence,
        "score_groups": groups,
        "was": _was,
        "in_archive": _in_archive,
        "difference": _difference,
        "bar": bar,
    }


def _subject_words(values: IssueValues) -> str:
    """What the subject says around the pick's name: one that is proposed is ours, in whatever letters that name is."""
    name = fitted(values.item(values.pick).name, LONGEST_NAME) if values.pick else ""
    return values.subject.replace(name, "") if name else values.subject


def _dir(text: str) -> Markup:
    """For an element that carries what others wrote: mail clients guess no direction, and ours is left to right."""
    return Markup(' dir="rtl"') if is_rtl(text) else Markup()


def _was(before: Before) -> str:
    """What an earlier issue said, and what changed since."""
    percent = "" if before.ship_percent is None else f", {before.ship_percent} %"
    said = f"It was {stamp(before.call)}{percent} in the week of {dates.span(Week.parse(before.week))}"
    return f"{said}. {'; '.join(before.changes)}." if before.changes else f"{said}."


def _in_archive(count: int) -> str:
    return f"{count} more of the whole week {'is' if count == 1 else 'are'} in"


def _difference(pair: Pair) -> str:
    left, right = (replace(side.tool, name=side.name) for side in (pair.left, pair.right))
    return difference(left, right, left.lines, right.lines)


def _html_mark(piece: int) -> str:
    return f"<!--b:{piece}-->"


def _text_mark(piece: int) -> str:
    return f"\x1e{piece}\x1e"


def _cut(whole: str, mark: re.Pattern[str], template: str, pieces: int) -> list[str]:
    """The stretches between the marks; what stands before the first belongs to it."""
    parts = mark.split(whole)
    if [int(place) for place in parts[1::2]] != list(range(pieces)):
        raise TemplateError(f"templates/email/issue/{template} does not mark each piece once, in order")
    cut = parts[2::2]
    return [parts[0] + cut[0], *cut[1:]]
