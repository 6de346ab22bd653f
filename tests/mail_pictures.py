"""Takes the pictures of docs/mail.md: ``python -m tests.mail_pictures`` (needs Chromium).

One picture of a usual mail, and for each week and width a sheet of how it looks to readers side by side.
"""

import re
from base64 import b64encode
from pathlib import Path

from playwright.sync_api import Browser

from newsletter.issues.shades import SHADES, in_shade, without_pictures
from tests.chromium import chromium_at, find_chromium
from tests.unit.issues.mails import mail
from tests.unit.issues.weeks import WEEKS

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
WIDTHS = (320, 600, 800)
LOOKS = (*SHADES, "without pictures", "without styles")
_HEIGHT = 2000
_COLUMN = 270


def looking(html: str, look: str) -> str:
    """The mail as a client shows it that has this look."""
    if look in SHADES:
        return in_shade(html, look)
    if look == "without pictures":
        return without_pictures(in_shade(html, "light"))
    return re.sub(r"<style.*?</style>", "", html, flags=re.S)


def main() -> None:
    with chromium_at(find_chromium()) as browser:
        picture = shot(browser, mail("usual").html, 640, 1900, type="jpeg", quality=55)
        (FOLDER / "mail-usual.jpeg").write_bytes(picture)
        for name in WEEKS:
            for width in WIDTHS:
                (FOLDER / f"mail-{name}-{width}.jpeg").write_bytes(sheet(browser, name, width))


def sheet(browser: Browser, name: str, width: int) -> bytes:
    """Five looks beside each other, from the top of the mail down."""
    columns = []
    for look in LOOKS:
        picture = shot(browser, looking(mail(name).html, look), width, _HEIGHT * width // 600)
        source = f"data:image/png;base64,{b64encode(picture).decode()}"
        columns.append(f'<td valign="top">{look}<br><img src="{source}" width="{_COLUMN}" alt=""></td>')
    table = f'<table style="font:13px sans-serif;background:#999" cellspacing="8"><tr>{"".join(columns)}</tr></table>'
    return shot(browser, f'<body style="margin:0">{table}', 5 * (_COLUMN + 10) + 8, None, type="jpeg", quality=36)


def shot(browser: Browser, html: str, width: int, height: int | None, **form: object) -> bytes:
    """The page down to ``height``, or whole."""
    page = browser.new_page(viewport={"width": width, "height": 100})
    page.set_content(html)
    whole = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": width, "height": min(whole, height or whole)})
    picture = page.screenshot(**form)  # type: ignore[arg-type]
    page.close()
    return picture


if __name__ == "__main__":
    main()
