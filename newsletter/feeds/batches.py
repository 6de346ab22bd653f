"""Which feeds are fetched together, when several machines share the fetching."""

from collections import defaultdict
from collections.abc import Iterable
from urllib.parse import urlsplit

SIZE = 25


def batches(feeds: Iterable[tuple[int, str]]) -> list[list[int]]:
    """The ids of (id, address) in batches of about ``SIZE``.

    A host's feeds stay together, however many they are: so many at once from one host is a promise of one round.
    """
    hosts: dict[str, list[int]] = defaultdict(list)
    for number, url in feeds:
        hosts[urlsplit(url).netloc.lower()].append(number)
    found: list[list[int]] = []
    for ids in sorted(hosts.values(), key=len, reverse=True):
        if found and len(found[-1]) + len(ids) <= SIZE:
            found[-1] += ids
        else:
            found.append(list(ids))
    return found
