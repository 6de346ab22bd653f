"""Keys of names and addresses as they are made now

Revision 0012, written 2026-11-28.

Hyphens other than the one on keyboards, and domains in their own script, were part of keys; what is compared in the
database was not found by them. How keys are made is written down here once more, as it was on that day.
"""

import re
import unicodedata
from collections.abc import Callable
from urllib.parse import quote

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_LONGEST = 2_000
_BREAKS = re.compile(r"[\s_\-\u2010-\u2015\u2212·.,:;'’\"“”!?()\[\]/|]+")
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
_ADDRESS = re.compile(r"https://(?P<host>[^/?#:]+)(?P<port>:\d+)?(?P<path>[^?#]*)(?P<rest>.*)", re.S)


def upgrade() -> None:
    _renew("tools", "name_key", _name)
    _renew("releases", "canonical_url", _address)
    _renew("entries", "link_key", _address)
    _renew("entries", "identity", _identity)
    _renew("tool_aliases", "key", _name, kind="name")
    _renew("tool_aliases", "key", _address, kind="address")


def _renew(table: str, column: str, made: Callable[[str], str], **only: str) -> None:
    """Make the keys of a table anew. Only those with other letters than ASCII can be others now."""
    connection = op.get_bind()
    rows = sa.Table(table, sa.MetaData(), autoload_with=connection)
    key, within = rows.c[column], _UNIQUE_WITHIN.get((table, column), ())
    odd = sa.select(rows.c.id, *(rows.c[name] for name in {column, *within}))
    odd = odd.where(key.regexp_match("[^ -~]"), *(rows.c[name] == value for name, value in only.items()))
    for row in connection.execute(odd.order_by(rows.c.id)).mappings().all():
        new = made(row[column])
        if new == row[column] or len(new.encode()) > _LONGEST:
            continue
        twin = sa.select(rows.c.id).where(key == new, *(rows.c[name] == row[name] for name in within))
        if not within or (other := connection.scalar(twin)) is None:
            connection.execute(sa.update(rows).where(rows.c.id == row["id"]).values({column: new}))
        elif table == "tool_aliases":
            _join(connection, rows, row["id"], other)


def _join(connection: sa.Connection, aliases: sa.Table, one: int, other: int) -> None:
    """Of two aliases that are one now, what an editor said stays, and the tool's own address."""
    strong = sa.select(aliases.c.id).where(aliases.c.id.in_((one, other)), aliases.c.source.in_(("editor", "url")))
    kept = connection.scalar(strong.limit(1)) or other
    source, label = connection.execute(sa.select(aliases.c.source, aliases.c.label).where(aliases.c.id == kept)).one()
    connection.execute(sa.delete(aliases).where(aliases.c.id == one))
    connection.execute(sa.update(aliases).where(aliases.c.id == other).values(source=source, label=label))


_UNIQUE_WITHIN = {("entries", "identity"): ("feed_id",), ("tool_aliases", "key"): ("tool_id", "kind")}


def _name(key: str) -> str:
    plain = _BLANK.sub("", unicodedata.normalize("NFKD", key).casefold())
    bare = "".join(c for c in plain if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")
    return _BREAKS.sub(" ", bare).strip() or bare.strip()


def _address(key: str) -> str:
    import idna

    found = _ADDRESS.fullmatch(key)
    if found is None:
        return key
    host = found["host"]
    try:
        host = host if host.isascii() else idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        return key
    path = re.sub(r"[^\x00-\x7f]+", lambda letters: quote(letters[0], errors="replace"), found["path"])
    return f"https://{host.removeprefix('www.')}{found['port'] or ''}{path}{found['rest']}"


def _identity(identity: str) -> str:
    """``guid:`` or ``link:`` and an address, which `` text:`` and a digest may follow."""
    kind, _, address = identity.partition(":")
    if kind not in ("guid", "link"):
        return identity
    digest = re.search(r" text:[0-9a-f]{32}$", address) if kind == "link" else None
    end = digest.start() if digest else len(address)
    return f"{kind}:{_address(address[:end])}{address[end:]}"
