import pytest

from newsletter.feeds.rules import BadRuleError, matches


def test_a_rule_is_found_anywhere_in_any_case() -> None:
    assert matches("agents?", "An AGENT for notes")
    assert matches("发布", "Quillbase 发布")
    assert not matches("^agent", "An agent")


@pytest.mark.parametrize("rule", ["(a+)+$", "(a|aa)+$", "(.*a){20}", r"^(\w+\s?)*$"])
def test_no_rule_takes_long_whatever_the_text(rule: str) -> None:
    """Python's own engine would not come back from these."""
    matches(rule, "a" * 5_000 + "!")


@pytest.mark.parametrize(
    ("rule", "why"),
    [("(", "missing"), ("[z-a]", "range"), ("(?!beta)x", "look-arounds"), (r"(a)\1", "back-references"),
     ("a{100000}", "repetition")],
)  # fmt: skip
def test_what_is_no_rule_is_refused_with_the_reason(rule: str, why: str) -> None:
    with pytest.raises(BadRuleError, match=why):
        matches(rule, "")
