"""How well real returned mail is read: measured on 302 captured mails, so that a change cannot make it worse unseen."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from newsletter.deliveries.bounces import read_bounce
from newsletter.deliveries.bounces_reasons import Returned

pytestmark = pytest.mark.corpus

CLASSES = {"hard": "suppress", "complaint": "complaint", "soft": "retry", "ignored": "never"}
# Reports about authentication (RFC 6591) are no complaints of a person.
NO_COMPLAINT = ("auth-failure",)


@pytest.fixture(scope="module")
def mails(corpus: Path) -> list[tuple[dict[str, Any], tuple[Returned, ...]]]:
    expected = json.loads((corpus / "bounces" / "expected.json").read_text("utf-8"))
    folder = corpus / "bounces" / "mail"
    return [(said, read_bounce((folder / name).read_bytes(), {}).returned) for name, said in expected.items()]


def expected_class(said: dict[str, Any]) -> str:
    if said["reason"] == "feedback":
        return "never" if said.get("feedbacktype") in NO_COMPLAINT else "complaint"
    if said["reason"] in ("delivered", "vacation"):
        return "never"
    return "suppress" if said["hardbounce"] else "retry"


def test_final_recipients_are_found(mails: list[tuple[dict[str, Any], tuple[Returned, ...]]]) -> None:
    wanted = found = 0
    for said, returned in mails:
        names = {name.lower() for name in said["final_recipients_derived"]}
        wanted += len(names)
        found += len(names & {one.recipient.lower() for one in returned})
    assert found / wanted >= 0.98


def test_what_becomes_of_each_recipient_agrees_with_a_careful_reading(
    mails: list[tuple[dict[str, Any], tuple[Returned, ...]]],
) -> None:
    pairs: Counter[tuple[str, str]] = Counter()
    for said, returned in mails:
        expected = [expected_class(one) for one in said["expected"]]
        got = [CLASSES[one.judgement.kind] for one in returned]
        pairs.update(zip(expected, got if len(got) == len(expected) else [got[0]] * len(expected), strict=True))
    assert macro_f1(pairs) >= 0.94


def macro_f1(pairs: Counter[tuple[str, str]]) -> float:
    scores = []
    for name in CLASSES.values():
        right = pairs[name, name]
        told = sum(count for (_, got), count in pairs.items() if got == name)
        true = sum(count for (expected, _), count in pairs.items() if expected == name)
        scores.append(2 * right / (told + true))
    return sum(scores) / len(scores)


def test_the_small_set_tells_bounces_from_other_mail(corpus: Path) -> None:
    folder = corpus / "bounces" / "small-set"
    kinds = {
        name: [
            read_bounce(path.read_bytes(), {}).returned[0].judgement.kind.value
            for path in sorted((folder / name).iterdir())
        ]
        for name in ("bounces", "non_bounces")
    }
    assert set(kinds["bounces"]) <= {"hard", "soft"}
    assert set(kinds["non_bounces"]) == {"ignored"}
