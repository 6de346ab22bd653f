"""Finds the templates and builds the Jinja environments.

An installed wheel carries the templates inside the package; a checkout has them beside it.
"""

from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from newsletter.verdicts.stamps import SHAPES, WORDS, stamp

_PACKAGE = Path(__file__).parent


@lru_cache(maxsize=1)
def templates_folder() -> Path:
    """``newsletter/templates`` of a wheel, else ``templates`` of the checkout."""
    for folder in (_PACKAGE / "templates", _PACKAGE.parent / "templates"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError("the templates are missing from this installation; install it again")


@lru_cache(maxsize=1)
def markup_environment() -> Environment:
    """For HTML, MJML and XML: everything is escaped unless marked safe, and an unknown name is an error."""
    return _environment(autoescape=True)


@lru_cache(maxsize=1)
def text_environment() -> Environment:
    """For plain text and subjects: nothing is escaped."""
    return _environment(autoescape=False)


def _environment(*, autoescape: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(templates_folder()),
        autoescape=autoescape,  # noqa: S701 — off for plain text alone, which has nothing to escape
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"stamp": stamp, "shape": SHAPES.__getitem__, "word": WORDS.__getitem__}
    return environment
