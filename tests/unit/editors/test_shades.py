"""A mail as different clients show it."""

from newsletter.issues.shades import in_shade, without_pictures

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
