import json
import re

from hypothesis import given
from hypothesis import strategies as st

from newsletter.web.metadata import script_safe, shortened


@given(st.text() | st.sampled_from(["</script>", "<!--<script>", "\u2028", "&lt;", "]]>"]))
def test_json_in_a_script_says_the_same_and_never_ends_it(text: str) -> None:
    shown = str(script_safe({"name": text}))
    assert json.loads(shown) == {"name": text}
    assert not re.search(r"[<>&\u2028\u2029]", shown)


def test_a_description_ends_at_a_word() -> None:
    assert shortened("one two three", 10) == "one two…"
    assert shortened("one\n two", 10) == "one two"


@given(st.text(max_size=400))
def test_a_description_is_never_too_long(text: str) -> None:
    assert len(shortened(text, 50)) <= 50
