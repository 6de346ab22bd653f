"""Providers' notices over HTTP: signed ones count, all others get a 4xx and change nothing."""

import base64
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import Engine, event, update

from db.engine import transaction
from db.models import Delivery
from newsletter.clock import Clock, real_now
from newsletter.deliveries.bounces_providers import read_notices
from newsletter.deliveries.receive import receive_notices
from newsletter.settings import Settings
from newsletter.web.app import create_app
from tests.conftest import one_database
from tests.fakes.browser import Browser
from tests.fakes.times import MONDAY
from tests.integration.test_returned_mail import Mailed, mailed, state

TOPIC = "arn:aws:sns:eu-west-1:123456789012:bounces"
SENDGRID = ec.generate_private_key(ec.SECP256R1())
SNS = rsa.generate_private_key(public_exponent=65537, key_size=2048)
Post = tuple[bytes, dict[str, str]]


@pytest.fixture
def ada(engine: Engine, settings: Settings) -> Mailed:
    found = mailed(engine, settings, "ada@example.org")
    with transaction(engine) as connection:
        connection.execute(update(Delivery).values(relay_id="0102018f-relay-id"))
    return found


@pytest.fixture
def client(engine: Engine, settings: Settings, tmp_path: Path) -> Browser:
    sns = tmp_path / "sns.pem"
    sns.write_bytes(SNS.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    sendgrid = SENDGRID.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    settings = replace(
        settings, hook_ses=f"{TOPIC} {sns}", hook_sendgrid=base64.b64encode(sendgrid).decode(),
        hook_postmark="hook:postmark-password", hook_mailgun="mailgun-signing-key",
    )  # fmt: skip
    return Browser(create_app(settings, engine, Clock()))


HARD: dict[str, dict[str, Any]] = {
    "ses": {
        "notificationType": "Bounce",
        "bounce": {
            "bounceType": "Permanent", "bounceSubType": "General", "feedbackId": "f",
            "bouncedRecipients": [{"emailAddress": "ada@example.org", "status": "5.1.1"}],
        },
    },
    "sendgrid": {"event": "bounce", "status": "5.1.1", "reason": "unknown user"},
    "mailgun": {
        "event": "failed", "severity": "permanent", "delivery-status": {"code": 550, "message": "5.1.1 No such user"},
    },
    "postmark": {"RecordType": "Bounce", "Type": "HardBounce", "Email": "ada@example.org", "ID": 1},
}  # fmt: skip


def ses(event: dict[str, Any] = HARD["ses"], **changes: Any) -> Post:
    message = event | {"mail": {"messageId": "0102018f-relay-id", "destination": ["ada@example.org"]}}
    document = {
        "Type": "Notification", "MessageId": "m1", "TopicArn": TOPIC, "Message": json.dumps(message),
        "Timestamp": "2026-11-17T09:00:00.000Z", "SignatureVersion": "2",
    }  # fmt: skip
    text = "".join(f"{name}\n{document[name]}\n" for name in ("Message", "MessageId", "Timestamp", "TopicArn", "Type"))
    signature = SNS.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return json.dumps({**document, "Signature": base64.b64encode(signature).decode(), **changes}).encode(), {}


def sendgrid(event: dict[str, Any] = HARD["sendgrid"], **changes: Any) -> Post:
    of = {"email": "ada@example.org", "sg_event_id": "e", "sg_message_id": "0102018f-relay-id.filter1"}
    body = json.dumps([of | event]).encode()
    signature = SENDGRID.sign(b"1763370000" + body, ec.ECDSA(hashes.SHA256()))
    headers = {
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": "1763370000",
    }
    return body, {**headers, **changes}


def mailgun(event: dict[str, Any] = HARD["mailgun"], **changes: Any) -> Post:
    timestamp, token = str(int(real_now().timestamp())), changes.pop("token", "t" * 50)
    made = hmac.digest(b"mailgun-signing-key", f"{timestamp}{token}".encode(), "sha256").hex()
    signature = {"timestamp": timestamp, "token": token, "signature": made} | changes
    event = {"recipient": "ada@example.org", "id": "e1"} | event
    return json.dumps({"signature": signature, "event-data": event}).encode(), {}


def postmark(event: dict[str, Any] = HARD["postmark"], **changes: Any) -> Post:
    secret = base64.b64encode(b"hook:postmark-password").decode()
    return json.dumps({"MessageID": "m"} | event).encode(), {"Authorization": f"Basic {secret}", **changes}


PROVIDERS: dict[str, Callable[..., Post]] = {
    "ses": ses, "sendgrid": sendgrid, "mailgun": mailgun, "postmark": postmark,
}  # fmt: skip


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_signed_hard_bounce_suppresses(client: Browser, engine: Engine, ada: Mailed, provider: str) -> None:
    body, headers = PROVIDERS[provider]()
    answer = client.post(f"/hooks/{provider}", content=body, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"results": 1, "subscribers_changed": 1})
    assert state(engine, ada.subscriber_id) == ("bounced", "bounced")


def left(*topics: str, unsubscribe_all: bool = False) -> dict[str, Any]:
    told = [{"topicName": f"topic{number}", "subscriptionStatus": status} for number, status in enumerate(topics)]
    preferences = {"unsubscribeAll": unsubscribe_all, "topicSubscriptionStatus": told}
    subscription = {"contactList": "news", "source": "UnsubscribeHeader", "newTopicPreferences": preferences}
    return {"eventType": "Subscription", "subscription": subscription}


def changed(**what: Any) -> dict[str, Any]:
    of = {"RecordType": "SubscriptionChange", "Recipient": "ada@example.org", "ChangedAt": "2026-11-17T09:00:00Z"}
    return of | {"SuppressSending": True, "SuppressionReason": "ManualSuppression", "Origin": "Recipient"} | what


def bounced_at_ses(kind: str, detail: str, said: str | None = None) -> dict[str, Any]:
    one = {"emailAddress": "ada@example.org"} | ({"diagnosticCode": said} if said else {})
    bounce = {"bounceType": kind, "bounceSubType": detail, "feedbackId": "f", "bouncedRecipients": ["odd", one]}
    return {"eventType": "Bounce", "bounce": bounce}


FAILED = {"event": "failed", "severity": "permanent", "delivery-status": {"code": 605, "message": "Not delivering"}}


@pytest.mark.parametrize(
    ("provider", "event", "becomes"),
    [
        ("ses", left(unsubscribe_all=True), "unsubscribed"),
        ("ses", left("OptOut"), "unsubscribed"),
        ("ses", left("OptOut", "OptIn"), "active"),
        ("ses", left(), "active"),
        ("ses", bounced_at_ses("Permanent", "UnsubscribedRecipient"), "unsubscribed"),
        (
            "ses",
            bounced_at_ses(
                "Permanent",
                "OnAccountSuppressionList",
                "Amazon SES did not send the message because the address is on the suppression list of your account.",
            ),
            "bounced",
        ),
        ("sendgrid", {"event": "dropped", "reason": "Invalid"}, "bounced"),
        ("sendgrid", {"event": "unsubscribe"}, "unsubscribed"),
        ("sendgrid", {"event": "group_unsubscribe", "asm_group_id": 7}, "unsubscribed"),
        ("sendgrid", {"event": "group_resubscribe", "asm_group_id": 7}, "active"),
        ("sendgrid", {"event": "dropped", "reason": "Unsubscribed Address"}, "unsubscribed"),
        ("sendgrid", {"event": "dropped", "reason": "Bounced Address"}, "bounced"),
        ("sendgrid", {"event": "dropped", "reason": "Spam Reporting Address"}, "complained"),
        ("sendgrid", {"event": "dropped", "reason": "Recipient List over Package Quota"}, "active"),
        ("mailgun", {"event": "unsubscribed"}, "unsubscribed"),
        ("mailgun", FAILED | {"reason": "suppress-unsubscribe"}, "unsubscribed"),
        ("mailgun", FAILED | {"reason": "suppress-bounce"}, "bounced"),
        ("mailgun", FAILED | {"reason": "suppress-complaint"}, "complained"),
        ("mailgun", FAILED, "bounced"),
        ("mailgun", {**FAILED, "delivery-status": {"code": 606}}, "unsubscribed"),
        ("mailgun", {**FAILED, "delivery-status": {"code": 607}}, "complained"),
        ("postmark", changed(), "unsubscribed"),
        ("postmark", changed(SuppressSending=False, SuppressionReason=None), "active"),
        ("postmark", changed(SuppressionReason="HardBounce"), "active"),
        ("postmark", {"RecordType": "Bounce", "Type": "Unsubscribe", "Email": "ada@example.org"}, "unsubscribed"),
    ],
)
def test_who_asks_the_provider_is_heard_here_and_whom_it_mails_no_more_is_not_tried_again(
    client: Browser, engine: Engine, ada: Mailed, provider: str, event: dict[str, Any], becomes: str
) -> None:
    body, headers = PROVIDERS[provider](event)
    answer = client.post(f"/hooks/{provider}", content=body, headers=headers)
    assert (answer.status_code, answer.json()["subscribers_changed"]) == (200, int(becomes != "active"))
    suppressed = becomes if becomes in ("bounced", "complained") else None
    assert state(engine, ada.subscriber_id) == (becomes, suppressed)


@pytest.mark.parametrize(
    ("provider", "event"),
    [
        ("ses", bounced_at_ses("Transient", "ContentRejected")),
        ("ses", bounced_at_ses("Transient", "AttachmentRejected")),
        ("ses", bounced_at_ses("Transient", "MessageTooLarge")),
        ("ses", bounced_at_ses("Undetermined", "Undetermined")),
        pytest.param("ses", bounced_at_ses("Transient", "General"), id="a vacation reply to SES"),
        ("sendgrid", {"event": "dropped", "reason": "Recipient List over Package Quota", "status": "5.0.0"}),
        ("sendgrid", {"event": "dropped", "reason": "Invalid SMTPAPI header"}),
        *(
            ("postmark", {"RecordType": "Bounce", "Type": kind, "Email": "ada@example.org", "ID": 1})
            for kind in (
                "SMTPApiError",
                "TemplateRenderingFailed",
                "InboundError",
                "Blocked",
                "SpamNotification",
                "Transient",
                "Unknown",
            )
        ),
        ("postmark", HARD["postmark"] | {"Details": "smtp;550 5.7.1 blocked by our block list"}),
        (
            "postmark",
            {
                "RecordType": "Bounce",
                "Type": "SoftBounce",
                "Email": "ada@example.org",
                "Details": "smtp;550 5.7.1 blocked",
                "Description": "Unable to temporarily deliver message (i.e. mailbox full, account disabled).",
            },
        ),
    ],
)
def test_what_is_wrong_with_us_does_not_stand_in_a_readers_row_of_soft_bounces(
    provider: str, event: dict[str, Any]
) -> None:
    (notice,) = read_notices(provider, event)
    assert (notice.returned.judgement.kind, notice.returned.judgement.counted) == ("soft", False)


def test_one_odd_event_of_many_does_not_silence_the_others() -> None:
    events: list[object] = [None, {"event": []}, "odd", {"email": "ada@example.org", **HARD["sendgrid"]}]
    notices = read_notices("sendgrid", events)
    assert [notice.returned.recipient for notice in notices] == ["ada@example.org"]


@one_database
def test_others_write_between_the_notices_of_a_large_batch(engine: Engine, ada: Mailed) -> None:
    commits: list[object] = []
    event.listen(engine, "commit", commits.append)
    notices = read_notices("sendgrid", [{"email": f"{n}@example.org", **HARD["sendgrid"]} for n in range(120)])
    assert len(receive_notices(engine, "sendgrid", notices, now=MONDAY).results) == 120
    assert len(commits) == 3


def test_a_notice_that_amazon_signed_without_a_message_is_no_failure_of_ours(client: Browser, ada: Mailed) -> None:
    document = {"Type": "Notification", "MessageId": "m", "TopicArn": TOPIC, "Timestamp": "t", "SignatureVersion": "2"}
    text = "".join(f"{name}\n{document[name]}\n" for name in ("MessageId", "Timestamp", "TopicArn", "Type"))
    document["Signature"] = base64.b64encode(SNS.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
    answer = client.post("/hooks/ses", content=json.dumps(document).encode())
    assert (answer.status_code, answer.json()["results"]) == (200, 0)


@one_database
@pytest.mark.parametrize(
    ("provider", "changes"),
    [
        ("ses", {"Signature": ""}),
        ("ses", {"Signature": base64.b64encode(b"x" * 256).decode()}),
        ("ses", {"Message": "{}"}),
        ("ses", {"TopicArn": "arn:aws:sns:eu-west-1:1:somebody-elses"}),
        ("ses", {"Type": "Other"}),
        ("sendgrid", {"X-Twilio-Email-Event-Webhook-Signature": ""}),
        ("sendgrid", {"X-Twilio-Email-Event-Webhook-Timestamp": "1763370001"}),
        ("mailgun", {"signature": "0" * 64}),
        ("mailgun", {"timestamp": "1000000000"}),
        ("mailgun", {"token": ""}),
        ("postmark", {"Authorization": ""}),
        ("postmark", {"Authorization": "Basic " + base64.b64encode(b"hook:wrong").decode()}),
    ],
)
def test_what_is_not_signed_changes_nothing(
    client: Browser, engine: Engine, ada: Mailed, provider: str, changes: dict[str, str]
) -> None:
    body, headers = PROVIDERS[provider](**changes)
    answer = client.post(f"/hooks/{provider}", content=body, headers=headers)
    assert answer.status_code == 401
    assert state(engine, ada.subscriber_id) == ("active", None)


def test_a_used_mailgun_token_is_refused(client: Browser, ada: Mailed) -> None:
    body, headers = mailgun()
    statuses = [client.post("/hooks/mailgun", content=body, headers=headers).status_code for _ in range(2)]
    assert statuses == [200, 401]


def test_the_same_event_under_a_new_token_counts_once(client: Browser, ada: Mailed) -> None:
    answers = [client.post("/hooks/mailgun", content=mailgun(token=token)[0]).json() for token in ("a" * 50, "b" * 50)]
    assert [answer["subscribers_changed"] for answer in answers] == [1, 0]


@one_database
@pytest.mark.parametrize(
    "body", [b"", b"not json", b"[" * 100_000, b"null", b"[1]", b'{"Type": "Notification"}', b'"x"']
)
@pytest.mark.parametrize("provider", [*PROVIDERS, "somebody-else"])
def test_no_body_is_answered_with_a_failure_of_ours(client: Browser, provider: str, body: bytes) -> None:
    assert 400 <= client.post(f"/hooks/{provider}", content=body).status_code < 500


def test_signed_events_of_no_interest_are_taken_and_change_nothing(client: Browser, ada: Mailed) -> None:
    secret = {"Authorization": postmark()[1]["Authorization"]}
    for body in (b"{}", b"[]", b'{"RecordType": "Delivery"}', b'{"RecordType": "Bounce", "Type": 3}'):
        answer = client.post("/hooks/postmark", content=body, headers=secret)
        assert (answer.status_code, answer.json()["subscribers_changed"]) == (200, 0)


def test_a_provider_without_a_key_is_not_heard(engine: Engine, settings: Settings) -> None:
    client = Browser(create_app(settings, engine, Clock()))
    body, headers = postmark()
    assert client.post("/hooks/postmark", content=body, headers=headers).status_code == 404


def test_hooks_are_posted_to_and_nothing_else(client: Browser) -> None:
    assert client.get("/hooks/ses").status_code == 405
