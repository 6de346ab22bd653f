"""What an approval freezes, and how a stored issue becomes values and bytes again.

The stored document holds the values, the rendered blocks, the message (deliveries/message.py) and which link key its
placeholder and tool names were made with, so that no later setting, key or template changes a byte.
"""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

from newsletter.deliveries.message import Envelope, Frozen, freeze
from newsletter.issues import budget
from newsletter.issues.links import Links
from newsletter.issues.rendering import render
from newsletter.issues.values import IssueValues, load_values
from newsletter.subscribers.tokens import LINK_TOKEN_LENGTH, sign_tool


@dataclass(frozen=True)
class Edition:
    """An issue whose bytes are made: a draft as of now, or what an approval stored."""

    values: IssueValues
    frozen: Frozen
    key_id: int
    size: int = 0
    """The HTML's bytes, as budget.py counts them; 0 of what was stored."""

    def document(self) -> dict[str, Any]:
        """JSON for ``issue_contents.content``; the bytes are ``frozen.segments``."""
        return {
            "values": self.values.document(),
            "message": self.frozen.document(),
            "link_key_id": self.key_id,
            "compiler": f"mjml {version('mjml')}",
        }

    @property
    def content_hash(self) -> str:
        """SHA-256 over everything that readers get; the same content has the same hash."""
        told = json.dumps(self.frozen.document(), sort_keys=True, ensure_ascii=True).encode()
        return hashlib.sha256(told + b"\n" + self.frozen.segments).hexdigest()


def content_mark(values: IssueValues) -> str:
    """Names what an editor saw: two digests, ``TOOLS.PAIR``. The first changes whenever the issue says something else,
    but for its words and notes, which the editor's page holds itself, and readers' votes, which come at any time. The
    second is that of the head-to-head pair alone, so that a page on which another pair was chosen still fits the first.
    """
    seen = replace(values, subject="", preheader="", intro="", lead=None, pairs=()).document()
    for tool in (*seen["items"], *seen["also"]):
        tool |= {"note": "", "vote_ships": 0, "vote_skips": 0}
    return f"{_digest(seen)}.{_digest(values.pairs)}"


def _digest(said: object) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]


def make_edition(values: IssueValues, envelope: Envelope, key_id: int, key: bytes) -> Edition:
    """Render and encode, with tool names signed and the placeholder derived under this link key."""
    rendered = render(values, links_for(values, key_id, key))
    size = max(budget.sizes(rendered.blocks, rendered.placeholder))
    return Edition(values, freeze(rendered, envelope), key_id, size)


def load_edition(content: Mapping[str, Any], segments: bytes) -> Edition:
    """The inverse of ``Edition.document``."""
    return Edition(load_values(content["values"]), Frozen.load(content["message"], segments), content["link_key_id"])


def links_for(values: IssueValues, key_id: int, key: bytes) -> Links:
    return Links(
        values.publication.public_url,
        values.week,
        placeholder(values.week, key),
        lambda tool_id: sign_tool(tool_id, key_id, key),
    )


def placeholder(week: str, key: bytes) -> str:
    """32 characters that no feed can forge, the same whenever the same week is rendered under the same key."""
    return urlsafe_b64encode(hmac.digest(key, b"placeholder" + week.encode(), "sha256")[:24]).decode()[
        :LINK_TOKEN_LENGTH
    ]
