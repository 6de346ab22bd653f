"""A mail as different clients show it."""

from newsletter.issues.shades import in_shade, under_heading, without_pictures

MAIL = (
    '<html><head><style>@media (prefers-color-scheme:dark){.i{color:#fff}}</style></head><body class="g">'
    '<img src="https://x.example/a.png" alt="A chart" width="10"><img src="b.png"></body></html>'
)


def test_dark_rules_hold_in_dark_alone() -> None:
    assert "@media (min-width: 0px){.i" in in_shade(MAIL, "dark")
    assert "@media (max-width: 0px){.i" in in_shade(MAIL, "light")
    assert "invert(1)" in in_shade(MAIL, "inverted")
    assert "invert(1)" not in in_shade(MAIL, "light")


def test_without_pictures_their_words_remain() -> None:
    shown = without_pictures(MAIL)
    assert "<img" not in shown
    assert "<span>A chart</span>" in shown


def test_the_heading_escapes_what_it_tells() -> None:
    shown = under_heading(MAIL, [("Subject", "<b>x</b> \\1")])
    assert '<body class="g"><div data-heading' in shown
    assert "&lt;b&gt;x&lt;/b&gt; \\1" in shown
