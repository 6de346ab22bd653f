import pytest

from newsletter.feeds.opml import NotOpmlError, Outline, read_opml, write_opml


def test_feeds_are_found_in_folders_and_in_any_case() -> None:
    data = b"""<?xml version="1.0"?><opml version="1.1"><head><title>Mine</title></head><body>
      <outline text="Folder"><outline text="One" XMLURL="https://example.com/1"/></outline>
      <outline type="rss" title="Two" text="ignored" xmlUrl=" https://example.com/2 "/>
      <outline text="no feed"/></body></opml>"""
    assert read_opml(data) == [
        Outline("https://example.com/1", "One", {}),
        Outline("https://example.com/2", "Two", {}),
    ]


def test_a_list_that_was_put_together_by_hand_may_have_bare_ampersands() -> None:
    data = b'<opml><body><outline text="R & D" xmlUrl="https://example.com/?a=1&b=2&amp;c=3"/></body></opml>'
    assert read_opml(data) == [Outline("https://example.com/?a=1&b=2&c=3", "R & D", {})]


def test_what_is_written_is_read_again() -> None:
    given = [
        Outline("https://example.com/a?b=1&c=2", 'Angles <and> "quotes" & co', {"kind": "news", "include": "AI|LLM"}),
        Outline("https://example.com/ü", "Über", {"limit": "20", "new_tools": "accept"}),
    ]
    assert read_opml(write_opml(given, "Feeds & more")) == given


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not well-formed"),
        (b"<opml>", "not well-formed"),
        (b"<rss/>", "not <opml>"),
        (b"<!DOCTYPE opml [<!ENTITY a 'b'>]><opml>&a;</opml>", "declares a document type"),
        (b"<o>" * 200 + b"</o>" * 200, "nested too deeply"),
        (b"\x00\x01", "not well-formed"),
    ],
)
def test_what_is_no_opml_is_said_to_be_none(data: bytes, said: str) -> None:
    with pytest.raises(NotOpmlError, match=said):
        read_opml(data)
