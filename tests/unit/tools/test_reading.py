import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.tools.reading import read_tools

TOOL = {
    "slug": "example-tool",
    "name": "Example Tool",
    "url": "https://example.com/tool",
    "category": "Developer Tools",
}


def faults(document: Any) -> list[str]:
    text = document if isinstance(document, str) else json.dumps({"tools": [TOOL | document]})
    return [str(fault) for fault in read_tools(text).faults]


def test_an_object_with_tools_is_read() -> None:
    file = read_tools(json.dumps({"tools": [TOOL | {"takes": [{"panelist": "builder", "call": "ship", "score": 0}]}]}))
    assert file.faults == ()
    (tool,) = file.tools
    assert tool.fields == {name: value for name, value in TOOL.items() if name != "slug"}
    assert tool.takes is not None
    assert (tool.takes[0].score, tool.takes[0].text) == (0, "")
    assert (tool.aliases, tool.votes) == (None, (None, None))


def test_one_tool_per_line_is_read_with_empty_lines_between() -> None:
    text = json.dumps(TOOL) + "\n\n" + json.dumps(TOOL | {"slug": "other"}) + "\n"
    assert [tool.slug for tool in read_tools(text).tools] == ["example-tool", "other"]


def test_a_single_tool_on_a_line_is_read() -> None:
    assert [tool.slug for tool in read_tools(json.dumps(TOOL)).tools] == ["example-tool"]


def test_a_byte_order_mark_is_no_fault() -> None:
    assert read_tools("\ufeff" + json.dumps({"tools": [TOOL]})).faults == ()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"score": 3}, "tools[0].score: is an unknown field"),
        ({"name": 3}, "tools[0].name: must be text, not a number"),
        ({"name": None}, "tools[0].name: must be text, not null"),
        ({"name": " \t"}, "tools[0].name: is blank"),
        ({"name": "\u200b \u00ad\u0301"}, "tools[0].name: is blank"),
        ({"name": "\u3164\u115f\u2800"}, "tools[0].name: is blank"),
        ({"tagline": ["x"]}, "tools[0].tagline: must be text, not a list"),
        ({"slug": "Two Words"}, "tools[0].slug: 'Two Words' is no slug"),
        ({"slug": "../editor"}, "tools[0].slug: '../editor' is no slug"),
        ({"url": "javascript:alert(1)"}, "tools[0].url: 'javascript:alert(1)' is no web address"),
        ({"url": "https://"}, "tools[0].url: 'https://' is no web address"),
        ({"url": "https://exa mple.com"}, "tools[0].url: 'https://exa mple.com' is no web address"),
        ({"aliases": "x"}, "tools[0].aliases: must be a list, not text"),
        ({"aliases": [3]}, "tools[0].aliases: must be text, not a number"),
        ({"takes": None}, "tools[0].takes: must be a list, not null"),
        ({"takes": {}}, "tools[0].takes: must be a list, not an object"),
        ({"takes": [3]}, "tools[0].takes[0]: must be an object, not a number"),
        ({"takes": [{"call": "ship"}]}, "tools[0].takes[0]: has no panelist"),
        ({"takes": [{"panelist": "builder"}]}, "tools[0].takes[0]: has no call"),
        ({"takes": [{"panelist": "builder", "call": "split"}]}, "tools[0].takes[0].call: must be ship or skip"),
        ({"takes": [{"panelist": "builder", "call": ["ship"]}]}, "tools[0].takes[0].call: must be ship or skip"),
        ({"takes": [{"panelist": "builder", "call": "ship", "score": 101}]}, "takes[0].score: 101 is outside 0 to 100"),
        ({"takes": [{"panelist": "builder", "call": "ship", "score": -1}]}, "takes[0].score: -1 is outside 0 to 100"),
        ({"takes": [{"panelist": "builder", "call": "ship", "score": 88.5}]}, "takes[0].score: must be a whole number"),
        ({"takes": [{"panelist": "builder", "call": "ship", "score": True}]}, "takes[0].score: must be a whole number"),
        ({"takes": [{"panelist": "builder", "call": "ship", "score": "88"}]}, "takes[0].score: must be a whole number"),
        ({"takes": [{"panelist": "builder", "call": "ship", "at": "soon"}]}, "takes[0].at: must be a date"),
        ({"takes": [{"panelist": "builder", "call": "ship", "mood": 1}]}, "takes[0].mood: is an unknown field"),
        ({"takes": [{"panelist": "builder", "call": "ship"}, {"panelist": "Builder", "call": "skip"}]},
         "tools[0].takes[1].panelist: 'builder' has a take on this tool already"),
        ({"votes": 3}, "tools[0].votes: must be an object with ship and skip, not a number"),
        ({"votes": {"ship": -1}}, "tools[0].votes: has ship = -1"),
        ({"votes": {"ship": 1.5}}, "tools[0].votes: has ship = 1.5"),
        ({"votes": {"ships": 1}}, "tools[0].votes: has an unknown field 'ships'"),
        ({"description": "x" * 20_001}, "tools[0].description: is 20,001 characters long"),
        ({"name": "half \ud800"}, "tools[0].name: has half of a surrogate pair"),
    ],
)  # fmt: skip
def test_a_fault_is_said_with_its_place(given: dict[str, Any], said: str) -> None:
    found = faults(given)
    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        (" \n", "the file is empty"),
        ("{", "line 1, column 2: this is not JSON"),
        ('{"tools": [}', "line 1, column 12: this is not JSON"),
        ("[]", "one tool per line, not a list"),
        ("3", "one tool per line, not a number"),
        ('{"tools": {}}', "tools: must be a list"),
        ('{"tools": [], "version": 1}', "version: is an unknown field"),
        ('{"tools": [], "tools": []}', "tools: stands here twice"),
        ('{"tools": [{"slug": "a", "slug": "b"}]}', "tools[0].slug: stands here twice"),
        ('{"tools": [{"slug": "a", "votes": {"ship": NaN}}]}', "tools[0].votes: has ship = NaN"),
        ('{"tools": [{"slug": "a", "votes": {"ship": %s}}]}' % ("9" * 5000), "tools[0].votes: has ship"),
        ('{"slug": "a"}\n{"slug": "b", "takes": [{"panelist": "builder", "call": "ship", "score": -Infinity}]}',
         "line 2: takes[0].score: must be a whole number"),
        ("[" * 100_000, "nested too deeply"),
        ('{"slug": "a"}\n{"slug": "b", "nam', "line 2: column"),
        ('{"slug": "a"}\n\n{"slug": "b", "takes": [{"panelist": "builder", "call": "ship", "score": 200}]}',
         "line 3: takes[0].score: 200 is outside"),
        ('{"slug": "a"}\n{"slug": "a"}', "line 2: slug: 'a' is a duplicate of line 1"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_is_said_with_line_or_path(text: str, said: str) -> None:
    found = faults(text)
    assert found
    assert said in found[0]


def test_a_slug_that_stands_twice_names_the_first_place() -> None:
    text = json.dumps({"tools": [TOOL, TOOL | {"slug": "other"}, TOOL]})
    assert faults(text) == ["tools[2].slug: 'example-tool' is a duplicate of tools[0]"]


def test_all_faults_of_a_file_are_told_at_once() -> None:
    assert len(faults({"name": 1, "tagline": 2, "takes": [{"panelist": "builder", "call": "x", "score": 101}]})) == 4


def test_control_characters_become_spaces_and_texts_keep_their_lines() -> None:
    text = json.dumps({"tools": [TOOL | {"name": "A\u0000B\nC", "description": "one\r\n\r\ntwo\u0007"}]})
    (tool,) = read_tools(text).tools
    assert (tool.fields["name"], tool.fields["description"]) == ("A B C", "one\n\ntwo")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*TOOL, "takes", "votes", "aliases", "panelist", "call", "score"]), inner)
    ),
    max_leaves=20,
)


@given(JSON)
def test_whatever_stands_in_a_file_is_read_or_told(document: Any) -> None:
    read_tools(json.dumps(document))
    read_tools(json.dumps({"tools": [document]}))


@given(st.text())
def test_no_text_makes_reading_fail(text: str) -> None:
    read_tools(text)
