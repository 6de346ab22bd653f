from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.feeds.document import Document, NotAFeedError
from newsletter.feeds.entries import read_document
from newsletter.feeds.words import one_line, text_of, web_address
from newsletter.tools.field_values import is_web_address

HOME = "https://example.com/feed"


def read(body: str | bytes, content_type: str = "application/xml") -> Document:
    return read_document(body if isinstance(body, bytes) else body.encode(), content_type, HOME)


def rss(item: str, head: str = "") -> str:
    return (
        f"<?xml version='1.0'?><rss version='2.0'><channel><title>Launches</title>{head}<item>{item}</item>"
        "</channel></rss>"
    )


DIALECTS = {
    "rss 2.0": rss("<title>One</title><link>https://example.com/1</link><guid>a</guid>"
                   "<pubDate>Wed, 18 Nov 2026 10:00:00 +0100</pubDate>"),
    "rss 0.91": "<rss version='0.91'><channel><title>Launches</title><item><title>One</title>"
                "<link>https://example.com/1</link><pubDate>Wed, 18 Nov 2026 09:00:00 GMT</pubDate></item>"
                "</channel></rss>",
    "atom": "<feed xmlns='http://www.w3.org/2005/Atom'><title>Launches</title><entry><id>a</id><title>One</title>"
            "<link href='https://example.com/1'/><updated>2026-11-18T09:00:00Z</updated></entry></feed>",
    "rdf": "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/'"
           " xmlns:dc='http://purl.org/dc/elements/1.1/'><channel><title>Launches</title></channel>"
           "<item rdf:about='a'><title>One</title><link>https://example.com/1</link>"
           "<dc:date>2026-11-18T09:00:00Z</dc:date></item></rdf:RDF>",
    "json": '{"version": "https://jsonfeed.org/version/1.1", "title": "Launches", "items": [{"id": "a",'
            ' "title": "One", "url": "https://example.com/1", "date_published": "2026-11-18T10:00:00+01:00"}]}',
}  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_gives_the_same_entry(dialect: str) -> None:
    document = read(DIALECTS[dialect])
    (entry,) = document.entries
    assert (document.title, entry.title, entry.url) == ("Launches", "One", "https://example.com/1")
    assert entry.published_at == datetime(2026, 11, 18, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2026/11/26", 26), ("26-11-2026", 26), ("2026.11.26 23:00", 26), ("2026-11-26 10:00 XYZ", 26), ("2026-11", 1),
        ("26 Nov 2026 10:00:00 XYZ", 26), ("2026-330", 26), ("20261126100000", 26),
    ],
)  # fmt: skip
def test_a_date_that_begins_with_a_number_is_read_whole(written: str, day: int) -> None:
    (entry,) = read(rss(f"<title>One</title><pubDate>{written}</pubDate>")).entries
    assert entry.published_at is not None
    assert (entry.published_at.month, entry.published_at.day) == (11, day)


@pytest.mark.parametrize("written", ["2026/26/11", "2026-26-11", "179568720", "11/26/2026"])
def test_what_is_only_in_part_a_date_is_none(written: str) -> None:
    (entry,) = read(rss(f"<title>One</title><pubDate>{written}</pubDate>")).entries
    assert entry.published_at is None


def test_a_truncated_feed_gives_what_it_still_holds() -> None:
    whole = rss("<title>One</title><link>https://example.com/1</link></item><item><title>Two</title>")
    entries = read(whole[: whole.index("<title>Two") + 12]).entries
    assert entries[0].title == "One"


@pytest.mark.parametrize(
    ("cut_at", "cut"), [("<title>Two", True), ("</link><!-- -->", True), ("</channel>", False), ("</rss>", False)]
)
def test_a_feed_that_ends_within_an_entry_says_so(cut_at: str, cut: bool) -> None:
    """What was read of that entry is a piece: another title, another link, another identity than the whole one's."""
    whole = rss("<title>One</title></item><item><title>Two</title><link>https://example.com/2</link><!-- -->")
    assert read(whole[: whole.index(cut_at) + 8]).cut is cut


@pytest.mark.parametrize("charset", ["iso-8859-1", "ebcdic-cp-us", "us-ascii", "x-no-such"])
def test_a_server_that_names_one_encoding_for_all_its_files_costs_no_title(charset: str) -> None:
    assert read(rss("<title>Über</title>"), f"text/xml; charset={charset}").entries[0].title == "Über"


def test_an_encoding_that_the_document_and_its_bytes_are_in_is_believed() -> None:
    body = rss("<title>Über</title>").replace("'1.0'", "'1.0' encoding='iso-8859-1'").encode("latin-1")
    assert read(body).entries[0].title == "Über"
    assert read(rss("<title>Über</title>").encode("latin-1"), "text/xml; charset=iso-8859-1").entries[0].title == "Über"


def test_a_wrong_encoding_label_costs_no_title() -> None:
    body = rss("<title>Über</title>").replace("<?xml version='1.0'?>", "<?xml version='1.0' encoding='us-ascii'?>")
    assert read(body, "text/xml; charset=utf-8").entries[0].title == "Über"


@pytest.mark.parametrize(
    ("title", "declared", "written", "content_type"),
    [
        ("Über – “neu”", "iso-8859-1", "utf-8", "application/xml"),
        ("工具发布", "gb2312", "utf-8", "text/xml"),
        ("Über", "utf-16", "utf-8", "text/xml"),
        ("Über", "utf-8", "utf-16", "text/xml; charset=utf-8"),
        ("①号ツール㈱", "Shift_JIS", "cp932", "text/xml"),
        ("ツール", "shift_jis", "cp932", "text/plain; charset=iso-8859-1"),
        ("똠방 출시", "euc-kr", "cp949", "application/xml"),
        ("ツール", "iso-2022-jp", "iso-2022-jp", "text/xml"),
        ("ツール", "shift_jis", "iso-2022-jp", "text/xml; charset=iso-2022-jp"),
        ("ツール", "iso-2022-jp", "shift_jis", "text/xml; charset=shift_jis"),
        ("Новости", "utf-16", "utf-16-le", ""),
        ("שלום", "iso-8859-8-i", "iso-8859-8", "application/rss+xml"),
    ],
)
def test_a_title_is_read_in_the_encoding_that_its_bytes_are_in(
    title: str, declared: str, written: str, content_type: str
) -> None:
    body = rss(f"<title>{title}</title>").replace("'1.0'", f"'1.0' encoding='{declared}'", 1)
    assert read(body.encode(written), content_type).entries[0].title == title


@pytest.mark.parametrize(
    ("title", "declared", "written"),
    [
        ("Über – “neu”", "utf-8", "utf-8"), ("Über – “neu”, schön, größer, für Ärzte", "iso-8859-1", "utf-8"),
        ("ツールを公開しました", "Shift_JIS", "cp932"), ("工具发布新版本", "gb2312", "gbk"),
    ],
)  # fmt: skip
def test_a_letter_that_an_excerpt_was_cut_within_makes_no_gibberish_of_the_others(
    title: str, declared: str, written: str
) -> None:
    body = rss(f"<title>{title}</title><description>cut</description>").encode(written)
    body = body.replace(b"'1.0'", f"'1.0' encoding='{declared}'".encode(), 1)
    (entry,) = read(body.replace(b"cut", title[-2:].encode(written)[:-1])).entries
    assert entry.title == title


@pytest.mark.parametrize("said", ["", " encoding='utf-8'"])
@pytest.mark.parametrize(
    ("title", "written"),
    [
        ("新製品「雪月花」を発表しました", "cp932"), ("新製品「雪月花」を発表しました", "euc_jp"),
        ("새로운 도구", "cp949"), ("Вышел Редактор 2.0", "cp1251"), ("Вышел Редактор 2.0", "koi8-r"),
        ("Über – “schön” für €9", "cp1252"), ("Créée à Orléans – déjà là", "cp1252"), ("Tool™ – “new”", "cp1252"),
        ("What’s new", "cp1252"), ("Änderungen in 2.0", "cp1252"),
    ],
)  # fmt: skip
def test_a_title_in_an_encoding_that_nobody_names_is_read_in_it(title: str, written: str, said: str) -> None:
    body = rss(f"<title>{title}</title>").replace("'1.0'", f"'1.0'{said}", 1)
    assert read(body.encode(written), "text/xml").entries[0].title == title


@pytest.mark.parametrize("padding", ["", " "])
def test_a_long_feed_in_an_encoding_that_nobody_names_is_told_by_its_beginning(padding: str) -> None:
    body = rss(f"<title>新製品</title><description>{padding}{'を発表しました。' * 10_000}</description>").encode(
        "cp932"
    )
    assert read(body, "text/xml").entries[0].title == "新製品"


@pytest.mark.parametrize("written", ["cp1252", "cp1251", "koi8-r", "euc-kr"])
def test_text_in_another_encoding_is_not_taken_for_broken_utf_8(written: str) -> None:
    title = {"cp1252": "Über – schön", "euc-kr": "새로운 도구"}.get(written, "Новости недели")
    assert "\ufffd" not in read(rss(f"<title>{title}</title>").encode(written)).entries[0].title


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("Q&A & R&D", "Q&A & R&D"),
        ("Q&amp;A &#8211; R&D", "Q&A – R&D"),
        ("Caf&eacute; &unknown; R&D", "Café &unknown; R&D"),
        ("Done&colon; R&AMP;D&NewLine;&check;", "Done: R&D ✓"),
        ("<![CDATA[Q&A &amp; R&D]]>", "Q&A & R&D"),
        ("&#xD83D;&#xDE80; R&D", "\U0001f680 R&D"),
        ("Q&&&amp;A &&", "Q&&&A &&"),
        ("R&#99999999;D &#xFFFFFFFFFFFFFFFF;", "R\ufffdD \ufffd"),
        ("R&#27;D&#x00; &#xFFFF; &#x00D83D;", "R D \ufffd \ufffd"),
    ],
)
def test_ampersands_that_mean_nothing_are_ampersands(written: str, title: str) -> None:
    assert read(rss(f"<title>{written}</title>")).entries[0].title == title


def test_a_number_of_no_character_costs_nothing_else() -> None:
    document = read(rss("<title>R&#99999999;D</title></item><item><title>Another</title>"))
    assert [entry.title for entry in document.entries] == ["R\ufffdD", "Another"]


def test_names_that_a_document_type_elsewhere_would_explain_are_htmls() -> None:
    kind = '?><!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "http://example.com/rss-0.91.dtd">'
    assert read(rss("<title>Caf&eacute;</title>").replace("?>", kind, 1)).entries[0].title == "Café"


def test_titles_are_one_line_without_what_cannot_be_seen() -> None:
    document = read(rss("<title>One\r\nSubject: two\t\u200bthree\u202e</title>"))
    assert document.entries[0].title == "One Subject: two three"


def test_html_in_titles_and_texts_becomes_words() -> None:
    item = "<title>&lt;b&gt;Fish &amp;amp; chips&lt;/b&gt;</title>"
    item += (
        "<description>&lt;p&gt;One&lt;/p&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;p&gt;two&lt;/p&gt;</description>"
    )
    (entry,) = read(rss(item)).entries
    assert (entry.title, entry.summary) == ("Fish & chips", "One two")


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("Fish<br/>chips", "Fish chips"),
        ("<b>Fish</b> <script>alert(1)</script>chips", "Fish chips"),
        ("Fish <img src=x onerror=alert(1)>", "Fish"),
        ("List<T> for <select>", "List<T> for <select>"),
        ("2 < 3", "2 < 3"),
    ],
)
def test_markup_without_an_end_is_left_out_of_titles_and_what_looks_like_it_is_not(written: str, title: str) -> None:
    assert read(rss(f"<title><![CDATA[{written}]]></title>")).entries[0].title == title


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "ftp://example.com/"]
)
def test_an_entry_keeps_no_link_but_http(link: str) -> None:
    assert read(rss(f"<title>One</title><link>{link}</link>")).entries[0].url is None


@pytest.mark.parametrize(
    ("guid", "page"),
    [
        ("https://example.com/1", "https://example.com/1"),
        ("/1", "https://example.com/1"),
        ("abc-1", None),
        ("17", None),
    ],
)
def test_a_guid_is_the_page_of_an_entry_without_a_link_if_it_is_an_address(guid: str, page: str | None) -> None:
    (entry,) = read(rss(f"<title>One</title><guid>{guid}</guid>")).entries
    assert (entry.guid, entry.url) == (guid, page)
    (entry,) = read(rss(f"<title>One</title><guid>{guid}</guid><link>https://example.com/x</link>")).entries
    assert (entry.guid, entry.url) == (guid, "https://example.com/x")


def test_links_are_relative_to_the_base_that_a_document_names() -> None:
    entry = "<entry><title>One</title><link href='a'/></entry>"
    atom = "<feed xmlns='http://www.w3.org/2005/Atom' xml:base='{}'>" + entry + "</feed>"
    assert read(atom.format("https://cdn.example/x/")).entries[0].url == "https://cdn.example/x/a"
    assert read(atom.format("/x/")).entries[0].url == "https://example.com/x/a"


def test_an_id_is_the_page_of_a_json_entry_without_a_link_if_it_is_an_address() -> None:
    head = '{"version": "https://jsonfeed.org/version/1.1", "items": [{"title": "One", "id": '
    assert read(head + '"https://example.com/1"}]}').entries[0].url == "https://example.com/1"
    assert read(head + '"1"}]}').entries[0].url is None


def test_relative_links_are_relative_to_the_feed() -> None:
    assert read(rss("<title>One</title><link>/tools/1</link>")).entries[0].url == "https://example.com/tools/1"


@pytest.mark.parametrize(
    ("head", "minutes"),
    [
        ("<ttl>90</ttl>", 90),
        ("<ttl>soon</ttl>", None),
        ("<sy:updatePeriod xmlns:sy='http://purl.org/rss/1.0/modules/syndication/'>daily</sy:updatePeriod>", 1440),
    ],
)
def test_the_time_a_feed_asks_for_is_read(head: str, minutes: int | None) -> None:
    assert read(rss("<title>One</title>", head)).ttl == minutes


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "empty"),
        ("<!doctype html><html><body>Hello</body></html>", "a web page"),
        (
            "<html><head><link rel='alternate' type='application/rss+xml' href='/rss'></head></html>",
            "its feed is at https://example.com/rss",
        ),
        ('{"items": 3}', "not a JSON Feed"),
        ("{broken", "nor valid JSON"),
        ("just words", "neither"),
    ],
)
def test_what_is_no_feed_is_said_to_be_none(body: str, said: str) -> None:
    with pytest.raises(NotAFeedError, match=said):
        read(body)


@pytest.mark.parametrize("mark", ["'", '"', ""], ids=["single", "double", "none"])
def test_a_page_that_names_its_feed_is_said_to(mark: str) -> None:
    link = f"<link rel=alternate type={mark}application/rss+xml{mark} href={mark}/feed.xml{mark}>"
    with pytest.raises(NotAFeedError, match=r"its feed is at https://example\.com/feed\.xml$"):
        read(f"<!doctype html><html><head>{link}</head></html>")


def test_a_page_of_links_that_do_not_end_is_left_at_once() -> None:
    """Before, each was tried with all that follow: this many took minutes."""
    with pytest.raises(NotAFeedError, match=r"a web page, not a feed$"):
        read("<!doctype html>" + "<link " * 50_000)


def test_a_feed_without_entries_is_a_feed() -> None:
    assert read("<rss version='2.0'><channel><title>Quiet</title></channel></rss>").entries == ()


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/octet-stream"])
def test_a_feed_without_entries_is_a_feed_whatever_its_server_calls_it(content_type: str) -> None:
    assert read("<rss version='2.0'><channel><title>Quiet</title></channel></rss>", content_type).entries == ()


def test_entities_from_elsewhere_are_not_read() -> None:
    body = "<!DOCTYPE rss [<!ENTITY x SYSTEM 'file:///etc/hostname'>]>" + rss("<title>[&x;]</title>").partition("?>")[2]
    titles = [entry.title for entry in read(body).entries]
    assert titles in (["[]"], ["[&x;]"])


@given(st.text(max_size=200))
def test_one_line_is_one_line_and_keeps_to_its_length(text: str) -> None:
    line = one_line(text, 40)
    assert len(line) <= 40
    assert not any(ord(c) < 32 for c in line)
    assert line == line.strip()


@given(st.text(max_size=300))
def test_no_markup_comes_through(text: str) -> None:
    assert "<script" not in text_of(f"<p>{text}</p><script>bad()</script>", 600).replace(text, "")


@given(st.text(max_size=100) | st.text('htps:/@.x?#<>\\" \u3000%ü', max_size=40))
def test_web_addresses_are_those_that_a_tool_may_have_or_nothing(text: str) -> None:
    found = web_address(text, HOME)
    assert found is None or is_web_address(found)


def test_an_address_is_as_long_as_a_tools_may_be() -> None:
    longest = "https://example.com/" + "道" * 660
    assert web_address(longest, HOME) == longest
    assert web_address(longest + "x", HOME) is None
