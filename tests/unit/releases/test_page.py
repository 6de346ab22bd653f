import pytest

from newsletter.releases.page import read_page


def test_a_page_is_read_by_what_it_says_about_itself() -> None:
    body = b"""<!doctype html><html><head><title>Quillbase | Acme</title>
      <meta property="og:title" content="Quillbase &amp; co"><meta name="description" content="Notes that
      answer back."><link rel="canonical" href="/quillbase"></head><body><title>no</title></body></html>"""
    page = read_page(body, "text/html", "https://acme.example/x?utm_source=y")
    assert (page.title, page.description) == ("Quillbase & co", "Notes that answer back.")
    assert page.canonical == "https://acme.example/quillbase"


def test_encodings_are_found_in_header_or_page() -> None:
    assert (
        read_page("<title>Über</title>".encode("latin-1"), "text/html; charset=ISO-8859-1", "https://a.example/").title
        == "Über"
    )
    body = "<meta charset='windows-1252'><title>Über</title>".encode("cp1252")
    assert read_page(body, "text/html", "https://a.example/").title == "Über"
    assert (
        read_page("<title>Über</title>".encode(), "text/html; charset=none-such", "https://a.example/").title == "Über"
    )


@pytest.mark.parametrize(
    ("title", "declared", "written"),
    [("It’s “here”", "iso-8859-1", "cp1252"), ("①号ツール", "Shift_JIS", "cp932"), ("똠방", "euc-kr", "cp949")],
)
def test_names_of_encodings_mean_what_browsers_take_them_for(title: str, declared: str, written: str) -> None:
    body = f"<meta charset='{declared}'><title>{title}</title>".encode(written)
    assert read_page(body, "text/html", "https://a.example/").title == title


def test_a_page_without_a_title_has_none() -> None:
    assert read_page(b"%PDF-1.4 \x00\xff", "application/pdf", "https://a.example/").title == ""
    assert read_page(b"<title><title></title", "text/html", "https://a.example/").canonical is None


@pytest.mark.parametrize("broken", [b"<![[", b"<![x", b"<!", b"<![ x]", b"</", b"<!-", b"<a b='", b"&#xffffffffff;"])
def test_a_page_that_breaks_off_in_broken_markup_is_read_up_to_there(broken: bytes) -> None:
    assert read_page(b"<title>Quillbase</title>" + broken, "text/html", "https://a.example/").title == "Quillbase"
