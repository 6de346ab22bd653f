"""Which feeds are fetched together, when several machines share the fetching."""

from collections import defaultdict
from collections.abc import Iterable
from urllib.parse import urlsplit

SIZE = 25


def batches(feeds: Iterable[tuple[int, str]]) -> list[list[int]]:
    """The ids of (id, address) in batches of about ``SIZE``.

    All feeds of one host go into one batch, however many they are: how many connections a host gets at once is limited
    within a batch, so two machines with feeds of it would together open twice as many.
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
