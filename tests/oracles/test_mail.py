"""The mail held against programs of others: npm's ``mjml`` and SpamAssassin. ``make oracles`` runs them.

They are for development: where a program is not installed, its tests are skipped with a line that says how to get it.
"""

import os
import re
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path

import pytest
from _pytest.mark.structures import ParameterSet
from playwright.sync_api import Browser

from newsletter.issues.mjml import compile_mjml
from newsletter.issues.rendering import mjml_source
from tests.mail_pictures import shot
from tests.unit.issues.mails import NAMES, mail, week
from tests.unit.issues.weeks import LINKS, WEEKS

pytestmark = [pytest.mark.oracle]


def _reference() -> str | None:
    """npm's ``mjml`` 4; a virtual environment has a program of that name as well, which is what we compile with."""
    for folder in os.get_exec_path():
        program = shutil.which("mjml", path=folder)
        if program and b"mjml-core: 4" in subprocess.run([program, "--version"], capture_output=True).stdout:
            return program
    return None


MJML = _reference()
SPAMASSASSIN = shutil.which("spamassassin")
MOST_PIXELS = 0.005
MOST_POINTS = 1.0


def one_always(names: Iterable[str]) -> list[ParameterSet]:
    """The usual week keeps the check from rotting; ``make oracles`` asks about them all."""
    return [pytest.param(name, marks=() if name == "usual" else pytest.mark.long) for name in names]


# The share of pixels that differ by more than a tenth of a channel; what only one picture has differs too.
DIFFERENT = """async ([left, right]) => {
  const load = async source => { const image = new Image(); image.src = source; await image.decode(); return image; };
  const images = [await load(left), await load(right)];
  const width = Math.max(...images.map(i => i.width)), height = Math.max(...images.map(i => i.height));
  const [one, other] = images.map(image => {
    const context = new OffscreenCanvas(width, height).getContext("2d");
    context.drawImage(image, 0, 0);
    return context.getImageData(0, 0, width, height).data;
  });
  let different = 0;
  for (let at = 0; at < one.length; at += 4)
    if ([0, 1, 2, 3].some(channel => Math.abs(one[at + channel] - other[at + channel]) > 25)) different++;
  return different / (width * height);
}"""


@pytest.mark.skipif(MJML is None, reason="npm's mjml 4 is not on the PATH; `npm install --global mjml@4` to run this")
@pytest.mark.parametrize("name", one_always(WEEKS))
def test_our_compiler_makes_what_the_reference_makes(chromium: Browser, name: str, tmp_path: Path) -> None:
    source = mjml_source(week(name), LINKS)
    (tmp_path / "mail.mjml").write_text(source)
    command = [str(MJML), "--config.validationLevel=strict", "mail.mjml", "-o", "mail.html"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=120)
    ours, _ = compile_mjml(source)
    pictures = [shot(chromium, html, 600, None, type="png") for html in (ours, (tmp_path / "mail.html").read_text())]
    page = chromium.new_page()
    different = page.evaluate(DIFFERENT, [f"data:image/png;base64,{b64encode(one).decode()}" for one in pictures])
    page.close()
    print(f"{name}: {different:.3%} of pixels differ from mjml's")
    assert different <= MOST_PIXELS


@pytest.mark.skipif(
    SPAMASSASSIN is None, reason="spamassassin is not installed; `apt install spamassassin` to run this"
)
@pytest.mark.parametrize("name", one_always(NAMES))
def test_spamassassin_takes_it_for_no_spam(name: str) -> None:
    command = [str(SPAMASSASSIN), "--local", "--test-mode"]
    said = subprocess.run(command, input=mail(name).raw, capture_output=True, check=True, timeout=120).stdout.decode()
    found = re.search(r"^X-Spam-Status: .*?score=(-?[\d.]+) .*?tests=((?:[A-Z0-9_]+,?\s*)+)", said, re.M | re.S)
    assert found is not None, said[:2000]
    print(f"{name}: {found[1]} points, {''.join(found[2].split())}")
    assert float(found[1]) < MOST_POINTS
