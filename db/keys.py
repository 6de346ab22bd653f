"""The secrets that `init` keeps in the database: they outlive every rotation of the secret key in the settings."""

from sqlalchemy import Connection, select

from db.models import Key


def link_keys(connection: Connection) -> dict[int, bytes]:
    """Every link key by its id, oldest first; all of them verify, the newest signs."""
    found = connection.execute(select(Key.id, Key.secret).where(Key.purpose == "links").order_by(Key.id))
    return {row.id: row.secret for row in found}


def newest_link_key(connection: Connection) -> tuple[int, bytes]:
    """The id and secret that new links are signed with."""
    return list(link_keys(connection).items())[-1]


def address_key(connection: Connection) -> bytes:
    """The key that addresses are hashed with. There is one, and it never changes: hashes outlive their addresses."""
    secret: bytes = connection.execute(
        select(Key.secret).where(Key.purpose == "addresses").order_by(Key.id).limit(1)
    ).scalar_one()
    return secret
