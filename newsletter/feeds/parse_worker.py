"""The process that reads feeds, so that a document which takes forever or takes all memory takes nothing else.

It is started by parse.py as ``python -m newsletter.feeds.parse_worker MEGABYTES SECONDS``, without our settings in its
environment. SECONDS is what a document may take of a processor's time; after that the system ends the process. On
standard input come frames of a JSON head (``url``, ``content_type``, ``length``) on one line and the document's bytes;
each is answered by one line of JSON: ``{"document": …}`` or ``{"error": "words"}``.
"""

import json
import math
import resource
import sys
import time
from dataclasses import asdict
from datetime import datetime
from typing import Any

from newsletter.feeds.document import Document, Entry, NotAFeedError
from newsletter.feeds.entries import read_document


def main() -> None:
    """Serve until standard input ends."""
    megabytes, seconds = int(sys.argv[1]), float(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    source, target = sys.stdin.buffer, sys.stdout.buffer
    while line := source.readline():
        head = json.loads(line)
        _allow(seconds)
        answer = _answer(source.read(head["length"]), head)
        target.write(json.dumps(answer).encode() + b"\n")
        target.flush()


def _allow(seconds: float) -> None:
    """So much processor time from now on, rounded up to whole seconds as the system counts them."""
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time() + seconds), most))


def _answer(body: bytes, head: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"document": as_json(read_document(body, head["content_type"], head["url"]))}
    except NotAFeedError as error:
        return {"error": str(error)}
    except MemoryError:
        return {"error": "reading it takes more memory than a feed may have"}
    except RecursionError:
        return {"error": "it is nested too deeply"}
    except Exception as error:  # feedparser fails in many ways on crafted input; each is this feed's problem alone
        return {"error": f"it cannot be read ({type(error).__name__})"}


def as_json(document: Document) -> dict[str, Any]:
    """The document with its instants in ISO 8601."""
    found = asdict(document)
    for entry in found["entries"]:
        entry["published_at"] = entry["published_at"] and entry["published_at"].isoformat()
    return found


def from_json(found: dict[str, Any]) -> Document:
    """The inverse of ``as_json``."""
    entries = (
        Entry(**{**entry, "published_at": entry["published_at"] and datetime.fromisoformat(entry["published_at"])})
        for entry in found["entries"]
    )
    return Document(**{**found, "entries": tuple(entries)})


if __name__ == "__main__":
    main()
