"""What rendering hands to the deliveries room: an issue as blocks of finished HTML and text.

The only personal text in a body is the reader's link token (subscribers/tokens.py). Where it belongs, blocks carry
``placeholder``: 32 characters of base64url, as long as a token, derived from a link key so that no feed can forge it.
A reader's mail is the join of the blocks that their selection keeps, with the token in the placeholder's places.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Block:
    """A balanced piece of both parts. Either may be empty.

    A block without rules is in every mail. ``tool`` names the tool that it is about; a block with ``category`` goes to
    those who chose it or chose none, one with ``ship_percent`` to those whose minimum it meets, one with ``panelist``
    to those who follow that panelist or nobody in particular. ``section`` groups blocks: a block with ``heads`` set is
    the heading of that section and goes only where one of the section's other blocks does. ``pinned`` blocks (the pick
    of the week) disregard the rules. ``whole`` blocks go to those whose selection leaves nothing out (True), or to the
    others (False).
    """

    name: str
    html: str
    text: str
    tool: str | None = None
    category: str | None = None
    ship_percent: int | None = None
    panelist: str | None = None
    section: str | None = None
    heads: bool = False
    pinned: bool = False
    followers_only: bool = False
    whole: bool | None = None


@dataclass(frozen=True, slots=True)
class Rendered:
    """A whole issue, before it is cut for anybody. ``subject`` is one line of any Unicode text; ``without_note`` are
    the slugs of tools whose note from the editors is in no block."""

    week: str
    subject: str
    preheader: str
    blocks: tuple[Block, ...]
    placeholder: str
    without_note: tuple[str, ...] = ()
