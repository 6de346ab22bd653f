"""What receivers make of an SPF record and of all that it includes (RFC 7208). Pure: records come in as text."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from newsletter.operations.checks import Check, error, ok, warning

MOST_LOOKUPS = 10  # RFC 7208 4.6.4: beyond it the record counts for nothing

Texts = Mapping[str, Sequence[str]]
"""TXT records by name; [] for a name that has none."""

_RECORD = re.compile(r"v=spf1(?: |$)", re.I)
_TERM = re.compile(r"([+?~-]?)(all|include|a|mx|ptr|ip4|ip6|exists)((?::[^\s/]\S*)?(?:/\d{1,3})?(?://\d{1,3})?)", re.I)
_MODIFIER = re.compile(r"([a-z][a-z0-9._-]*)=(\S*)", re.I)
_ASKING = frozenset({"include", "a", "mx", "ptr", "exists", "redirect"})
_PASS = ("", "+")


@dataclass(frozen=True, slots=True)
class _Term:
    """``kind`` is a mechanism or a modifier, lower-case; ``value`` what follows its colon or equals sign."""

    qualifier: str
    kind: str
    value: str


@dataclass(slots=True)
class _Walk:
    """One evaluation: how often it asks the DNS, and the first thing that makes receivers give up."""

    texts: Texts
    lookups: int = 0
    broken: str = ""
    open_to_all: bool = False


def leads_to(records: Sequence[str]) -> list[str]:
    """The names whose records an evaluation of these reads, too."""
    terms = [term for record in _spf_of(records) for term in _terms(record)]
    names = [term.value.lower().rstrip(".") for term in terms if term and term.kind in ("include", "redirect")]
    return [name for name in names if name and "%" not in name]


def spf_check(domain: str, texts: Texts) -> Check:
    """Exactly one record, that receivers can evaluate, which says who may send and that others may not.

    ``texts`` has the records of the domain and of every name that they lead to.
    """
    name = f"SPF of {domain}"
    found = _spf_of(texts.get(domain, ()))
    if not found:
        advice = f'publish a TXT record at {domain} such as "v=spf1 include:your-relay.example -all"'
        return warning(name, "there is none", advice)
    if len(found) > 1:
        return error(name, f"there are {len(found)} records, so none counts", "merge them into one")
    walk = _Walk(texts)
    terms = _follow(walk, domain, found[0], depth=0)
    if walk.open_to_all:
        return error(name, "it lets the whole world send", "end it with -all or ~all, and see what it includes")
    if walk.lookups > MOST_LOOKUPS:
        asks = f"it asks {walk.lookups} times, with what it includes, and receivers stop at {MOST_LOOKUPS}"
        return error(name, asks, "leave out what no longer sends")
    if walk.broken:
        return error(name, f"receivers give it up: {walk.broken}", "correct it; until then it counts for nothing")
    end = next((term for term in terms if term.kind == "all"), None)
    if end is None and not any(term.kind == "redirect" for term in terms):
        return warning(name, "it does not say what of others", "end it with -all or ~all")
    if end is not None and end.qualifier == "?":
        return warning(name, "it says of others that it does not know (?all)", "end it with -all or ~all")
    return ok(name, found[0])


def _follow(walk: _Walk, name: str, record: str, depth: int, *, lets_in: bool = True) -> list[_Term]:
    """Walk a record and what it includes; returns its terms. Not ``lets_in`` where what it passes does not pass."""
    terms = []
    for term, word in zip(_terms(record), record.split()[1:], strict=True):
        if term is None:
            walk.broken = walk.broken or f'"{word[:60]}" at {name} is nothing that SPF knows'
            continue
        terms.append(term)
        walk.lookups += term.kind in _ASKING
        if term.kind == "all":
            walk.open_to_all |= lets_in and term.qualifier in _PASS
            break  # what follows is never looked at
    ends = any(term.kind == "all" for term in terms)
    for term in terms:
        if term.kind == "include" or (term.kind == "redirect" and not ends):
            _enter(walk, term, depth, lets_in=lets_in and term.qualifier in _PASS)
    return terms


def _enter(walk: _Walk, term: _Term, depth: int, *, lets_in: bool) -> None:
    name = term.value.lower().rstrip(".")
    if "%" in name or depth > MOST_LOOKUPS or walk.lookups > 10 * MOST_LOOKUPS:
        return
    records = _spf_of(walk.texts.get(name, ()))
    if len(records) != 1:
        has = "no SPF record" if not records else f"{len(records)} SPF records"
        walk.broken = walk.broken or f"{name}, which it includes, has {has}"
        return
    _follow(walk, name, records[0], depth + 1, lets_in=lets_in)


def _spf_of(records: Sequence[str]) -> list[str]:
    return [text for text in records if _RECORD.match(text)]


def _terms(record: str) -> list[_Term | None]:
    """Each term of a record, None for one that is none."""
    return [_term(word) for word in record.split()[1:]]


def _term(word: str) -> _Term | None:
    if found := _TERM.fullmatch(word):
        kind, value = found[2].lower(), found[3].removeprefix(":")
        return _Term(found[1], kind, value) if _is_whole(kind, value) else None
    if found := _MODIFIER.fullmatch(word):
        kind, value = found[1].lower(), found[2]
        return None if kind == "redirect" and not value else _Term("", kind, value)
    return None


def _is_whole(kind: str, value: str) -> bool:
    if kind == "all":
        return not value
    if kind in ("include", "exists"):
        return bool(value) and "/" not in value
    if kind in ("ip4", "ip6"):
        try:
            return ip_network(value, strict=False).version == int(kind[2])
        except ValueError:
            return False
    return True
