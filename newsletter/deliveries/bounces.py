"""A returned mail, read: who it is about, what happened, and which delivery of ours it proves.

Reading decides nothing about subscribers: `receive.py` acts, and only on what a keyed token of ours vouches for.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from db.states import BounceKind
from newsletter.deliveries.bounces_mail import Fields, OpenedMail, first, open_mail
from newsletter.deliveries.bounces_notices import ADDRESS, failures, is_notice, without_addresses, words_about
from newsletter.deliveries.bounces_providers import notices_in_mail
from newsletter.deliveries.bounces_reasons import NOT_UNDERSTOOD, Judgement, Reason, Returned, is_filtered, judge
from newsletter.deliveries.bounces_words import says, without
from newsletter.deliveries.complaints import complained_recipients, feedback_type, judge_feedback
from newsletter.deliveries.verp import has_return_path, verify_leave_path, verify_return_path
from newsletter.subscribers.tokens import Link, verify_link


@dataclass(frozen=True, slots=True)
class Reading:
    """``delivery_id`` and ``link`` are what keyed tokens say, None where there is none; ``leaves`` is the delivery
    whose reader asks by mail to be taken off. ``hearsay`` was not written by a mail system: it is true of those alone
    whom it names. ``through_list`` is whether a mailing list had sent the mail on. There is at least one of
    ``returned``."""

    returned: tuple[Returned, ...]
    delivery_id: int | None = None
    link: Link | None = None
    leaves: int | None = None
    hearsay: bool = False
    through_list: bool = False

    @property
    def understood(self) -> bool:
        return all(one.judgement.reason is not Reason.NOT_UNDERSTOOD for one in self.returned)


def read_bounce(raw: bytes, keys: Mapping[int, bytes]) -> Reading:
    """Read a returned mail, complaint, notice or stray mail under the link keys of this installation."""
    mail = open_mail(raw)
    arrived_at = " ".join(value for name in _ENVELOPE for value in mail.headers.get(name, ()))
    leaves = verify_leave_path(arrived_at, keys)
    if leaves is not None:
        return Reading((_ignored(Reason.UNSUBSCRIBE),), leaves=leaves)
    delivery_id = verify_return_path(arrived_at, keys)
    kind = feedback_type(mail)
    if kind is not None:
        delivery_id = delivery_id or _token_in_report(mail, keys)
        return Reading(_complaint(mail, kind), delivery_id, _link_in_report(mail, keys))
    link = None
    if not has_return_path(arrived_at):  # what it encloses vouches for no report that came to a forged one
        delivery_id = verify_return_path(" ".join(mail.enclosed.get("return-path", ())), keys)
        link = _link_in_report(mail, keys) if mail.from_mail_system else None
    returned, hearsay = tuple(_returned(mail)), not mail.from_mail_system
    return Reading(returned, delivery_id, link, hearsay=hearsay, through_list=mail.through_list)


_ENVELOPE = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to", "cc")
_DOMAIN = re.compile(r"@([\w.-]{1,253}\w)")
_UNSUBSCRIBE_LINK = re.compile(r"/unsubscribe/([A-Za-z0-9_-]{32})(?![A-Za-z0-9_-])", re.ASCII)


def _returned(mail: OpenedMail) -> list[Returned]:
    if mail.receipt and not (mail.from_mail_system and says("words of a rejection", mail.words)):
        return [_ignored(Reason.REPORT)]
    reported = [block for block in mail.status_blocks if "final-recipient" in block or "original-recipient" in block]
    if reported:
        return [_reported(block, reported, mail) for block in reported]
    if any("action" in block or "status" in block for block in mail.status_blocks):
        return [_reported(mail.status_blocks[-1], reported, mail)]
    if notices := notices_in_mail(mail.words):
        return [notice.returned for notice in notices]
    if mail.from_person:
        return [NOT_UNDERSTOOD]
    if _is_vacation(mail):
        return [_ignored(Reason.VACATION)]
    if is_notice(mail):
        return _told(mail)
    if _automatic(mail):
        return [_ignored(Reason.VACATION)]
    return [NOT_UNDERSTOOD]


def _told(mail: OpenedMail) -> list[Returned]:
    """What a notice says without a report; parcels fail and accounts are closed, too, but then no address is named."""
    found = failures(mail)
    if found[0][0] == "" and not mail.from_mail_system:
        return [NOT_UNDERSTOOD]
    action = _action_by_words(mail)
    return [
        Returned(recipient, _of_their_host(judge(None, None, about, action=action), recipient, about, mail))
        for recipient, about in found
    ]


def _reported(block: Fields, all_of_them: list[Fields], mail: OpenedMail) -> Returned:
    """One recipient of a delivery status notification (RFC 3464 2.3)."""
    final, original = _address(block, "final-recipient"), _address(block, "original-recipient")
    action = first(block, "action").split(" ")[0].lower().strip("();,") or "failed"
    said = " ".join(block.get("diagnostic-code", ()))
    said = re.sub(r"^\s*[\w-]+\s*;\s*", "", said)
    status = first(block, "status")
    if status.startswith("2."):
        action = "delivered"
    around = words_about(final, [_address(other, "final-recipient") for other in all_of_them], mail.words)
    judgement = judge(status, None, said, action=action, around=around)
    if action == "failed" and judgement.reason in (Reason.REFUSED, Reason.SYSTEM, Reason.PROTOCOL, Reason.UNREACHABLE):
        told = without("of every notice", " ".join(around[:8000].split()))
        refined = judge(status, None, f"{said}\n{told}", action=action, around=around)
        judgement = refined if _says_little(status, said) and not is_filtered(said, around) else judgement
    named = final if "@" in final or "@" not in original else original  # "x-internal; CN=Ada/OU=Mail" is no address
    return Returned(named, _of_their_host(judgement, named, said, mail), original)


def _of_their_host(judgement: Judgement, recipient: str, said: str, mail: OpenedMail) -> Judgement:
    """A host that is not found may be ours: some look up the domain of a return path, and want an MX there."""
    if judgement.reason is not Reason.NO_SUCH_HOST or _names(recipient.rpartition("@")[2], said):
        return judgement
    came_to = [value for name in _ENVELOPE for value in mail.headers.get(name, ())]
    ours = _DOMAIN.findall(" ".join([*came_to, *mail.enclosed.get("from", ())]))
    if any(_names(domain, said) for domain in ours):
        return Judgement(BounceKind.SOFT, Reason.POLICY, judgement.status)
    return judgement


def _names(domain: str, said: str) -> bool:
    return bool(domain) and re.search(rf"(?<![\w.-]){re.escape(domain)}(?![\w-]|\.\w)", said, re.I) is not None


def _says_little(status: str, said: str) -> bool:
    return re.match(r"[45]\.0\.0|$", status.strip()) is not None or not said.strip()


def _complaint(mail: OpenedMail, kind: str) -> tuple[Returned, ...]:
    return tuple(Returned(name, judge_feedback(kind)) for name in complained_recipients(mail))


def _token_in_report(mail: OpenedMail, keys: Mapping[int, bytes]) -> int | None:
    places = [*mail.feedback.get("original-mail-from", ()), *mail.enclosed.get("return-path", ())]
    leave = " ".join(mail.enclosed.get("list-unsubscribe", ()))
    return verify_return_path(" ".join(places), keys) or verify_leave_path(leave, keys)


def _link_in_report(mail: OpenedMail, keys: Mapping[int, bytes]) -> Link | None:
    """The reader's own link in the enclosed List-Unsubscribe proves as much as a return path."""
    found = _UNSUBSCRIBE_LINK.search(" ".join(mail.enclosed.get("list-unsubscribe", ())))
    return verify_link(found[1], keys) if found else None


def _is_vacation(mail: OpenedMail) -> bool:
    if "x-failed-recipients" in mail.headers:
        return False
    if any(name in mail.headers for name in ("x-autoreply", "x-autorespond", "x-vacation", "x-autoreply-from")):
        return True
    subject = mail.header("subject")
    replied = mail.header("auto-submitted").lower().startswith("auto-replied") and not mail.from_daemon
    if replied and not says("subject of returned mail", subject):  # whatever its words say is not delivered
        return True
    return says("subject of a vacation reply", subject)


def _automatic(mail: OpenedMail) -> bool:
    """RFC 3834: whatever answers by itself and is no report."""
    submitted = mail.header("auto-submitted").lower()
    return submitted.startswith(("auto-replied", "auto-generated", "auto-notified")) or mail.header(
        "precedence"
    ).lower() in ("auto_reply", "auto-reply", "junk")


def _action_by_words(mail: OpenedMail) -> str:
    if says("words of a delay", without_addresses(f"{mail.header('subject')}\n{mail.words[:3000]}")):
        return "delayed"
    if says("subject of a delivery report", mail.header("subject")):
        return "delivered"
    return "failed"


def _ignored(reason: Reason) -> Returned:
    return Returned("", Judgement(BounceKind.IGNORED, reason, None))


def _address(block: Fields, name: str) -> str:
    """``rfc822; user@example.com``, with or without its type, brackets and comments; xtext decoded (RFC 3461, 6533)."""
    value = first(block, name).rpartition(";")[2].strip().strip("<> ")
    value = re.sub(r"\\x\{([0-9A-F]{2,5})\}", lambda found: chr(int(found[1], 16)), value, flags=re.I)
    if name == "original-recipient":
        value = re.sub(r"\+([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), value)
    value = "".join(c for c in value[:320] if c.isprintable())
    found = None if re.fullmatch(r"[^\s@]+@[^\s@<>()]+", value) else ADDRESS.search(value)
    return found[0] if found else value
