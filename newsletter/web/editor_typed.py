"""What the form on an issue's page carries: words and notes that may have changed, and how the preview is looked at.

Each field comes with what it showed (``subject_was``), and only those that differ are an edit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from newsletter.errors import BadInputError
from newsletter.issues import arrangement
from newsletter.issues.arrangement import LONGEST_INTRO, LONGEST_NOTE, LONGEST_SUBJECT, Arrangement
from newsletter.web.forms import Form
from newsletter.web.row_ids import row_id
from newsletter.web.session import Typed

WORDS = ("subject", "preheader", "intro")
ADDED = ("add_url", "add_name", "add_category")
LOOK = {
    "width": ("desktop", "mobile", "tablet"),
    "shade": ("light", "dark", "inverted"),
    "part": ("html", "text", "source"),
    "images": ("on", "off"),
}
"""How the preview is looked at; the first of each is what a page without a choice shows."""

_LONGEST = {"subject": LONGEST_SUBJECT, "preheader": LONGEST_SUBJECT, "intro": LONGEST_INTRO}


@dataclass(frozen=True)
class Changed:
    """An edit: the words that differ from what the page showed, notes by tool, the time to send at, the slugs of the
    head-to-head. False if none. Called with an arrangement it gives the next one; the head-to-head is not in it, since
    a slug is a tool's of the issue only as the issue stands (editor_arranging.py)."""

    words: dict[str, str | None]
    notes: dict[int, str]
    send_at: str | None
    pair: tuple[str, str] | None

    def __bool__(self) -> bool:
        return bool(self.words or self.notes or self.pair) or self.send_at is not None

    @property
    def what(self) -> str:
        others = (("notes", bool(self.notes)), ("send time", self.send_at is not None), ("head-to-head", self.pair))
        return "edited the " + " and ".join([*self.words, *(name for name, edited in others if edited)])

    def __call__(self, now: Arrangement) -> Arrangement:
        now = replace(now, **self.words)  # type: ignore[arg-type]
        for tool_id, note in self.notes.items():
            now = arrangement.write_note(now, tool_id, note)
        return now if self.send_at is None else arrangement.wish_time(now, self.send_at)


def changed(typed: Typed) -> Changed:
    """Raises BadInputError for what is too long."""
    words = {name: _word(typed, name) for name in _touched(typed)}
    notes = {
        tool_id: text for tool_id, text in notes_of(typed).items() if text != typed.text(f"note_was-{tool_id}")
    }  # fmt: skip
    for name, text in words.items():
        if len(text or "") > _LONGEST[name]:
            raise BadInputError(f"the {name} is longer than {_LONGEST[name]:,} characters")
    if any(len(note) > LONGEST_NOTE for note in notes.values()):
        raise BadInputError(f"a note is longer than {LONGEST_NOTE:,} characters")
    send_at = typed.line("send_at", 40)
    pair = _pair(typed) if _pair(typed) != _pair(typed, "_was") else None
    return Changed(words, notes, send_at if send_at != typed.line("send_at_was", 40) else None, pair)


def shown_again(typed: Typed) -> dict[str, Any]:
    """The page's values for a page that shows what was typed and not stored. Untouched fields follow the issue."""
    return _touched_choices(typed) | {
        "typed": True,
        "typed_words": {name: typed.text(name) for name in _touched(typed)},
        "notes": notes_of(typed),
        "added": {name: typed.line(name) for name in ADDED},
        "test_to": typed.line("to"),
        "look": look_of(typed.fields),
    }


def _touched_choices(typed: Typed) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if (send_at := typed.line("send_at", 40)) != typed.line("send_at_was", 40):
        found["send_at"] = send_at
    if _pair(typed) != _pair(typed, "_was"):
        found["chosen_pair"] = _pair(typed)
    return found


def with_merged(typed: Typed, merged: Mapping[int, int]) -> Typed:
    """The notes of tools that became part of others stand at those; where both have words, one below the other."""
    fields = dict(typed.fields)
    for tool_id, into in merged.items():
        note, was = (fields.pop(f"{name}-{tool_id}", "") for name in ("note", "note_was"))
        other = fields.get(f"note-{into}", "").strip()
        if note != was and not other:
            fields |= {f"note-{into}": note, f"note_was-{into}": was}
        elif note != was and note.strip():
            fields[f"note-{into}"] = f"{other}\n\n{note}"
    return Typed(Form(fields))


def without_added(typed: Typed) -> Typed:
    """The tool of *Add by hand* is in the issue now."""
    return Typed(Form([(name, value) for name, value in typed.fields.multi_items() if name not in ADDED]))


def _pair(typed: Typed, suffix: str = "") -> tuple[str, str]:
    return typed.line(f"left{suffix}", 100), typed.line(f"right{suffix}", 100)


def look_of(asked: Mapping[str, str]) -> dict[str, str]:
    """``LOOK`` with a choice for each, and ``as``: the reader whose mail is shown, '' for everyone's."""
    chosen = {name: asked[name] if asked.get(name) in words else words[0] for name, words in LOOK.items()}
    return chosen | {"as": asked.get("as", "").strip()[:254]}


def look_query(asked: Mapping[str, str]) -> dict[str, str]:
    """What of a look must stand in an address to be found again."""
    usual = look_of({})
    return {name: choice for name, choice in look_of(asked).items() if choice != usual[name]}


def _touched(typed: Typed) -> list[str]:
    return [name for name in WORDS if name in typed and typed.text(name) != typed.text(f"{name}_was")]


def _word(typed: Typed, name: str) -> str | None:
    text = typed.text(name).strip() if name == "intro" else typed.line(name, LONGEST_SUBJECT + 1)
    return text or None


def notes_of(typed: Typed) -> dict[int, str]:
    """By tool."""
    ids = {key: row_id(key.removeprefix("note-")) for key in typed.fields if key.startswith("note-")}
    return {tool_id: typed.text(key) for key, tool_id in ids.items() if tool_id is not None}
