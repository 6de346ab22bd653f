"""What a name is compared by."""

import re
import unicodedata

_BREAKS = re.compile(r"[\s_\-–—·.,:;'’\"“”!?()\[\]/|]+")


def fold_name(text: str) -> str:
    """The key that names are matched by: compatibility forms folded, no case, no accents, one space between words.

    ``Bolt.new``, ``bolt new`` and ``Bolt-New`` are one; ``C`` and ``C++`` are not.
    """
    plain = unicodedata.normalize("NFKD", text).casefold()
    bare = "".join(c for c in plain if not unicodedata.combining(c))
    return _BREAKS.sub(" ", bare).strip() or bare.strip()
