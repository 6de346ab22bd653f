import pytest
from hypothesis import given
from hypothesis import strategies as some

from newsletter.deliveries.verp import LEAVE, RETURN, sign_delivery, verify_leave_path, verify_return_path

KEYS = {1: b"k" * 32, 255: b"l" * 32}
DELIVERIES = some.integers(min_value=0, max_value=2**40 - 1)


@given(DELIVERIES, some.sampled_from(sorted(KEYS)))
def test_a_return_path_says_its_delivery_in_any_case(delivery_id: int, key_id: int) -> None:
    local = RETURN + sign_delivery(delivery_id, key_id, KEYS[key_id])
    assert len(local) == 38
    assert local == local.lower()
    assert verify_return_path(local, KEYS) == delivery_id
    assert verify_return_path(f"<{local.upper()}@bounces.example.com>", KEYS) == delivery_id


@given(DELIVERIES, some.integers(min_value=0, max_value=35), some.sampled_from("0123456789abcdefghijklmnopqrstuvwxyz"))
def test_no_changed_character_passes(delivery_id: int, place: int, other: str) -> None:
    local = RETURN + sign_delivery(delivery_id, 1, KEYS[1])
    changed = local[: 2 + place] + other + local[3 + place :]
    assert verify_return_path(changed, KEYS) == (delivery_id if changed == local else None)


@pytest.mark.parametrize(
    "text", ["", "b-", "b-" + "a" * 29, "b-" + "a" * 30, "b-" + "a" * 36, "b-" + "é" * 36, "news@example.com"]
)
def test_other_text_is_no_return_path(text: str) -> None:
    assert verify_return_path(text, KEYS) is None


def test_another_installations_return_path_is_not_ours() -> None:
    assert verify_return_path(RETURN + sign_delivery(7, 1, b"x" * 32), KEYS) is None


def test_the_token_is_found_among_other_text() -> None:
    local = RETURN + sign_delivery(7, 1, KEYS[1])
    text = f"first b-{'a' * 29}@bounces.example.com, then {local}@bounces.example.com for <x@example.org>"
    assert verify_return_path(text, KEYS) == 7


def test_a_leave_path_is_no_return_path_and_a_return_path_asks_for_no_leave() -> None:
    token = sign_delivery(7, 1, KEYS[1])
    assert verify_leave_path(f"{LEAVE}{token}".upper(), KEYS) == 7
    assert verify_return_path(LEAVE + token, KEYS) is None
    assert verify_leave_path(RETURN + token, KEYS) is None


def test_mails_of_the_time_when_the_addresses_were_in_base32_say_their_deliveries() -> None:
    old = "aeaaaaaaa5prfnugfn5trcsmpw6yk"
    assert verify_return_path(f"b-{old}@bounces.example.com", KEYS) == 7
    assert verify_leave_path(f"U-{old.upper()}@BOUNCES.EXAMPLE.COM", KEYS) == 7
    assert verify_return_path(f"b-{old[:-1]}l@bounces.example.com", KEYS) is None


def test_mails_of_the_time_when_a_leave_path_had_a_token_of_its_own_let_their_readers_leave() -> None:
    assert verify_leave_path("u-aeaaaaaaa6oa7ofeefrdyqmzaky4a", KEYS) == 7
