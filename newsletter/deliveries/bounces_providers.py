"""What mail providers send to our hooks, as values: Amazon SES (through SNS), SendGrid, Postmark, Mailgun.

Each reader takes a decoded document and yields what it says of each recipient; events that are neither bounce nor
complaint, nor somebody's wish to leave, yield nothing. Nothing here is trusted: the door has verified who signed it.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from db.states import BounceKind
from newsletter.deliveries.bounces_reasons import Judgement, Reason, Returned, judge
from newsletter.deliveries.complaints import judge_feedback
from newsletter.deliveries.verp import verify_return_path


@dataclass(frozen=True, slots=True)
class Notice:
    """``relay_id`` is the provider's own id of the message, ``return_path`` the envelope sender and ``message_id`` our
    Message-ID, each '' where the provider does not tell. ``by_address`` says that the address alone must do: the
    provider tells nothing else that we know."""

    returned: Returned
    relay_id: str
    return_path: str
    message_id: str
    by_address: bool
    fingerprint: str

    @property
    def week(self) -> str | None:
        """The issue that our Message-ID names."""
        found = re.match(r"<?(\d{4}-W\d{2})\.[0-9a-f]{32}@", self.message_id)
        return found[1] if found else None

    def delivery_id(self, keys: Mapping[int, bytes]) -> int | None:
        return verify_return_path(self.return_path, keys)


def read_notices(provider: str, document: Any) -> list[Notice]:
    """The notices in a provider's document; [] where it holds none. Never raises."""
    notices: list[Notice] = []
    events = document if provider == "sendgrid" and isinstance(document, list) else [document]
    for event in events:
        try:
            notices.extend(_READERS[provider](event))
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
            continue  # one odd event says nothing about the others
    return notices


_IN_MAIL = json.JSONDecoder(strict=False)  # mail folds long lines, inside strings too


def notices_in_mail(words: str) -> list[Notice]:
    """The notices in a mail by which SNS tells them (its e-mail protocol), or in a file that was kept of SendGrid's;
    nothing in either proves who wrote it."""
    text = words.strip()
    if not text.startswith(("{", "[")):
        return []
    try:
        document = _IN_MAIL.raw_decode(text)[0]
        if isinstance(document, list):
            return read_notices("sendgrid", document)
        return read_notices("ses", _IN_MAIL.decode(document["Message"]) if "Message" in document else document)
    except (ValueError, TypeError, RecursionError):
        return []


# What a server says of us, or of a mailbox that is there: no provider makes a hard bounce of that.
_NEVER_HARD = (Reason.POLICY, Reason.CONTENT, Reason.PROTOCOL, Reason.MAILBOX_FULL)


def _ses(document: Any) -> Iterator[Notice]:
    """https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html; ``document`` is SES's, not SNS's."""
    kind = document.get("notificationType") or document.get("eventType")
    mail = document.get("mail") or {}
    relay_id, sender = _text(mail.get("messageId")), _text(mail.get("source"))
    if kind == "Bounce":
        bounce = document["bounce"]
        for one in _objects(bounce.get("bouncedRecipients")):
            recipient, said = _text(one.get("emailAddress")), _text(one.get("diagnosticCode"))
            status = _text(one.get("status"))
            judgement = _ses_judgement(bounce, judge(status, None, said), told=bool(status or said))
            yield _notice(recipient, judgement, relay_id, sender, bounce.get("feedbackId"))
    elif kind == "Complaint":
        complaint = document["complaint"]
        told = judge_feedback(_text(complaint.get("complaintFeedbackType")).lower() or "abuse")
        for one in _objects(complaint.get("complainedRecipients")):
            yield _notice(_text(one.get("emailAddress")), told, relay_id, sender, complaint.get("feedbackId"))
    elif kind == "Subscription" and _wants_nothing(document["subscription"].get("newTopicPreferences") or {}):
        for recipient in mail.get("destination") or ():
            yield _notice(_text(recipient), _LEFT, relay_id, sender, document["subscription"].get("timestamp"))


def _wants_nothing(preferences: Any) -> bool:
    """Of all the topics of SES's contact list, https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html."""
    topics = preferences.get("topicSubscriptionStatus") or []
    left = [topic.get("subscriptionStatus") == "OptOut" for topic in topics]
    return preferences.get("unsubscribeAll") is True or (bool(left) and all(left))


def _ses_judgement(bounce: Any, said: Judgement, *, told: bool) -> Judgement:
    """SES has read the reply and more; where it says Permanent about the mailbox, that is hard, and never else."""
    kind, detail = _text(bounce.get("bounceType")), _text(bounce.get("bounceSubType"))
    if kind == "Permanent" and detail in ("Suppressed", "OnAccountSuppressionList"):
        return _REMEMBERED["suppress-bounce"]  # whatever it says of its own list
    if kind == "Permanent" and detail == "UnsubscribedRecipient":
        return _LEFT
    if kind == "Permanent" and detail in ("General", "NoEmail"):
        if said.reason in _NEVER_HARD:
            return said
        reason = said.reason if said.kind is BounceKind.HARD else Reason.NO_SUCH_USER
        return Judgement(BounceKind.HARD, reason, said.status)
    return Judgement(BounceKind.SOFT, _ses_soft_reason(kind, detail, said.reason, told), said.status)


def _ses_soft_reason(kind: str, detail: str, said: Reason, told: bool) -> Reason:
    """A vacation reply is a "general" bounce to SES, with neither status nor words."""
    if detail == "MailboxFull":
        return Reason.MAILBOX_FULL
    if detail in ("MessageTooLarge", "ContentRejected", "AttachmentRejected"):
        return Reason.CONTENT
    unknown = kind == "Undetermined" or not told  # it does not know what happened, so neither do we
    return Reason.SYSTEM if unknown and said is Reason.REFUSED else said


def _sendgrid(event: Any) -> Iterator[Notice]:
    """https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event: one event of a list."""
    # sg_message_id is the id of the relay's reply and, behind a dot, the filter that handled it.
    relay_id = _text(event.get("sg_message_id")).partition(".")[0]
    recipient, said = _text(event.get("email")), _text(event.get("reason")) + " " + _text(event.get("response"))
    match event.get("event"):
        case "bounce" if event.get("type") == "blocked":
            found = judge(_text(event.get("status")), None, said)
            judgement = Judgement(BounceKind.SOFT, found.reason, found.status)
        case "dropped":
            judgement = _sendgrid_dropped(_text(event.get("reason")), judge(_text(event.get("status")), None, said))
        case "bounce":
            judgement = judge(_text(event.get("status")), None, said)
        case "unsubscribe" | "group_unsubscribe":
            judgement = _LEFT
        case None if recipient and said.strip():  # a line of its list of bounces
            judgement = judge(_text(event.get("status")), None, said)
        case "spamreport":
            judgement = judge_feedback("abuse")
        case _:
            return
    own = _text(event.get("smtp-id"))
    identity = event.get("sg_event_id") or event.get("created")
    yield _notice(recipient, judgement, relay_id, "", identity, own, by_address=not own)


def _sendgrid_dropped(reason: str, said: Judgement) -> Judgement:
    """What SendGrid never tried, it tells of in its own words: of its lists, or of our account and our message."""
    if known := _REMEMBERED.get(reason.lower()):
        return known
    return said if _REPLY.search(reason) else Judgement(BounceKind.SOFT, Reason.POLICY, None)


def _postmark(document: Any) -> Iterator[Notice]:
    """https://postmarkapp.com/developer/webhooks: the records of bounce, spam-complaint and subscription-change."""
    record, kind = document.get("RecordType"), _text(document.get("Type"))
    recipient, relay_id = _text(document.get("Email")), _text(document.get("MessageID"))
    said = _text(document.get("Details"))  # what the server said; Description is what Postmark says of the type
    identity = document.get("ID")
    if record == "SubscriptionChange":  # suppressed for another reason, or no more, is told by other records or by none
        if document.get("SuppressSending") is not True or document.get("SuppressionReason") != "ManualSuppression":
            return
        recipient, identity, judgement = _text(document.get("Recipient")), document.get("ChangedAt"), _LEFT
    elif record == "SpamComplaint" or kind == "SpamComplaint":
        judgement = judge_feedback("abuse")
    elif record == "Bounce" and kind == "Unsubscribe":
        judgement = _LEFT
    elif record == "Bounce":
        judgement = _postmark_judgement(kind, judge(None, None, said))
    else:
        return
    yield _notice(recipient, judgement, relay_id, "", identity, by_address=True)


def _postmark_judgement(kind: str, said: Judgement) -> Judgement:
    if kind in ("AutoResponder", "AddressChange", "Subscribe", "ChallengeVerification", "OpenRelayTest"):
        return Judgement(BounceKind.IGNORED, Reason.VACATION, None)
    if kind == "HardBounce" and said.reason in _NEVER_HARD:
        return said
    if kind in ("HardBounce", "BadEmailAddress", "ManuallyDeactivated"):
        reason = said.reason if said.kind is BounceKind.HARD else Reason.NO_SUCH_USER
        return Judgement(BounceKind.HARD, reason, said.status)
    reason = _POSTMARKS_OWN.get(kind, said.reason)
    return Judgement(BounceKind.SOFT, _VAGUE.get(kind, reason) if reason is Reason.REFUSED else reason, said.status)


# Postmark's types for what lies with our account, our message or a filter, never with the mailbox.
_POSTMARKS_OWN = {
    "SMTPApiError": Reason.PROTOCOL,
    "InboundError": Reason.PROTOCOL,
    "TemplateRenderingFailed": Reason.CONTENT,
    "SpamNotification": Reason.CONTENT,
    "VirusNotification": Reason.CONTENT,
    "DMARCPolicy": Reason.POLICY,
    "Blocked": Reason.POLICY,
    "Unconfirmed": Reason.POLICY,
}

# Its types that tell no more than this where the server says nothing that is understood.
_VAGUE = {"Transient": Reason.DELAYED, "DnsError": Reason.UNREACHABLE, "Unknown": Reason.SYSTEM}


def _mailgun(document: Any) -> Iterator[Notice]:
    """https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks: ``event-data`` of one event."""
    event = document.get("event-data") or {}
    delivery = event.get("delivery-status") or {}
    headers = (event.get("message") or {}).get("headers") or {}
    said = f"{_text(delivery.get('message'))} {_text(delivery.get('description'))}"
    if event.get("event") == "complained":
        judgement = judge_feedback("abuse")
    elif event.get("event") == "unsubscribed":
        judgement = _LEFT
    elif event.get("event") == "failed" and (known := _mailgun_remembers(event, delivery)):
        judgement = known
    elif event.get("event") == "failed":
        code = delivery.get("code")
        found = judge(_text(delivery.get("enhanced-code")), code if isinstance(code, int) else None, said)
        temporary = event.get("severity") != "permanent"
        judgement = Judgement(BounceKind.SOFT, Reason.DELAYED, found.status) if temporary else found
    else:
        return
    sender = _text((event.get("envelope") or {}).get("sender"))
    own = _text(headers.get("message-id"))
    yield _notice(_text(event.get("recipient")), judgement, "", sender, event.get("id"), own, by_address=not own)


def _mailgun_remembers(event: Any, delivery: Any) -> Judgement | None:
    """By reason; some of its events have the number of its list alone."""
    code = _MAILGUNS_LISTS.get(_text(delivery.get("code")))
    return _REMEMBERED.get(_text(event.get("reason"))) or _REMEMBERED.get(code or "")


_MAILGUNS_LISTS = {"605": "suppress-bounce", "606": "suppress-unsubscribe", "607": "suppress-complaint"}


# What somebody asked the provider for; by its own link, or by the mailbox provider's button.
_LEFT = Judgement(BounceKind.IGNORED, Reason.UNSUBSCRIBE, None)

# Why SendGrid and Mailgun do not even try: what they were told before, of this mail or of other mail.
_REMEMBERED = {
    "unsubscribed address": _LEFT,
    "suppress-unsubscribe": _LEFT,
    "spam reporting address": judge_feedback("abuse"),
    "suppress-complaint": judge_feedback("abuse"),
    "invalid": Judgement(BounceKind.HARD, Reason.NO_SUCH_USER, None),
    "bounced address": Judgement(BounceKind.HARD, Reason.NO_SUCH_USER, None),
    "suppress-bounce": Judgement(BounceKind.HARD, Reason.NO_SUCH_USER, None),
}


def _notice(
    recipient: str, judgement: Judgement, relay_id: str, sender: str, event_id: Any, message_id: str = "",
    *, by_address: bool = False,
) -> Notice:  # fmt: skip
    """``event_id`` is the provider's id of the event, so that one told twice counts once."""
    identity = json.dumps([str(event_id or ""), relay_id, message_id, recipient, judgement.kind, judgement.reason])
    fingerprint = hashlib.sha256(identity.encode()).hexdigest()
    returned = Returned(recipient, judgement)
    return Notice(returned, relay_id.strip("<> "), sender, message_id.strip(), by_address, fingerprint)


_REPLY = re.compile(r"(?<![\d.])[45](?:\d\d|\.\d{1,3}\.\d{1,3})(?![\d.])", re.ASCII)


def _objects(value: Any) -> list[Any]:
    """The objects in a list; what else a stranger puts there says nothing."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    if isinstance(value, str):
        return "".join(c for c in value[:2000] if c.isprintable())
    return str(value) if isinstance(value, int) else ""


_READERS = {"ses": _ses, "sendgrid": _sendgrid, "postmark": _postmark, "mailgun": _mailgun}
