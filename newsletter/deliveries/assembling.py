"""From a claimed delivery to a message on its way: the reader's own head, signed where keys are set, and the pieces."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from newsletter.deliveries.message import (
    Addressed,
    Frozen,
    delivery_token,
    link_token,
    own_template,
    own_values,
    return_path,
)

if TYPE_CHECKING:
    from newsletter.deliveries.dkim import Head, Signer


@dataclass(slots=True)
class Job:
    """One message on its way: a head, then the pieces of its body with the reader's token between them.

    Its bytes are CRLF lines without a leading dot. They are joined at the last moment, in one copy.
    """

    delivery_id: int
    sender: str
    recipient: str
    head: bytes
    pieces: tuple[bytes, ...]
    token: bytes
    size: int

    def wire(self, before: bytes = b"", after: bytes = b"") -> bytes:
        """The message, with commands before and after it in the same write."""
        parts = [before, self.head]
        for piece in self.pieces:
            parts += (piece, self.token)
        parts[-1] = after
        return b"".join(parts)


@dataclass(frozen=True)
class Work:
    """What a sender has to know of an issue. ``left_out`` are fields that a relay rewrites, so they are not signed."""

    issue_id: int
    frozen: Frozen
    date: datetime
    link_keys: dict[int, bytes]
    signers: "tuple[Signer, ...]" = ()
    left_out: tuple[str, ...] = ()

    def job(self, recipient: Addressed, key_id: int) -> Job:
        """The message of one reader, without signatures."""
        return self._unsigned(recipient, key_id)[0]

    def signed_jobs(self, readers: Sequence[tuple[Addressed, int]]) -> list[Job]:
        """The messages of several readers. Signing takes nearly all of their time, and no lock of the interpreter."""
        from newsletter.deliveries import dkim  # who does not sign needs no cryptography

        jobs, unsigned = [], []
        for recipient, key_id in readers:
            job, values = self._unsigned(recipient, key_id)
            shared = self.frozen.cut(recipient.selection, recipient.format).fields
            template = _signed_template(self._template, shared, self.left_out)
            values["to"] = dkim.relaxed(values["to"])
            head = dkim.Head(template.fields % values, template.mentions)
            unsigned.append(dkim.Unsigned(head, dkim.body_hash(job.pieces, job.token)))
            jobs.append(job)
        for job, signatures in zip(jobs, dkim.sign(self.signers, unsigned), strict=True):
            job.head = signatures + job.head
            job.size += len(signatures)
        return jobs

    def _unsigned(self, recipient: Addressed, key_id: int) -> tuple[Job, dict[str, str]]:
        """A message, and the values that make its head the reader's own."""
        envelope, key = self.frozen.envelope, self.link_keys[key_id]
        cut = self.frozen.cut(recipient.selection, recipient.format)
        token, path = link_token(envelope, recipient, key_id, key), delivery_token(envelope, recipient, key_id, key)
        values = own_values(recipient, token, path)
        own = (self._template % values).encode()
        return Job(
            recipient.delivery_id, return_path(envelope, path), recipient.email, b"".join([own, cut.fields, b"\r\n"]),
            cut.pieces, token.encode("ascii"), len(own) + cut.size,
        ), values  # fmt: skip

    @cached_property
    def _template(self) -> str:
        return own_template(self.frozen.envelope, self.date, mailto=bool(self.frozen.envelope.bounce_domain))


@lru_cache(maxsize=16)
def _signed_template(own: str, shared: bytes, left_out: tuple[str, ...]) -> "Head":
    """What is signed of all heads with these shared fields, in relaxed form but for what a reader's own values add."""
    from newsletter.deliveries import dkim

    return dkim.signed_head(dkim.canonical_fields(own + shared.decode().replace("%", "%%")), left_out)
