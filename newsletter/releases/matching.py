"""From a release to its tool: the address first, then the name, and never a guess.

Only sure decisions attach. A wrong attachment puts one product's verdict under another's launch, which is worse than
a line in the editors' queue; so names that are merely close, shared by several tools, written with look-alike letters
or contradicted by the address are shown to an editor as candidates.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from newsletter.feeds.addresses import canonical_url
from newsletter.releases.catalogue import Catalogue, shapes_of
from newsletter.releases.hosts import (
    BOARDS,
    CODE_HOSTS,
    FRONT,
    INDEXES,
    SHARED_HOSTS,
    host_of,
    is_repository,
    path_of,
    publisher,
)
from newsletter.releases.naming import Naming, fold_name

_HOSTERS = {"github", "gitlab", "codeberg", "bitbucket", "huggingface", "www", "docs", "app", "producthunt", "pypi"}
_OF_AN_OWNER = re.compile(r"(?:dev|ai|hq|labs?|io|app|inc|team|org|js|lang)$")

_SAID_OF_ALL = set(
    """
    agent all and any app are article assistant best build built can comment create developer discussion easy every
    fast first for free from get into its just link made make more most new not now one open other our out own people
    platform point powered powerful simple smart source that the thi time tool turn uncategorized url use user using
    want way web what when who why will with without work world you your
    """.split()  # noqa: SIM905
)

# Letters of other scripts that look like Latin ones; the common ones of Unicode's confusables.
_LOOKALIKES = str.maketrans(
    "АВЕКМНОРСТУХІЈЅԚԜавекмнорстухіјѕԁԛԝпһӏΑΒΕΖΗΙΚΜΝΟΡΤΥΧαβεικνορτυχγѵɡıցոսօ",
    "ABEKMHOPCTYXIJSQWabekmhopctyxijsdqwnhlABEZHIKMNOPTYXabeikvoptuxyvgignuo",
)


TAKEN_BACK = "taken back"
"""How the reason of a release begins whose match an editor undid: it waits for an editor, whatever else would find."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A tool that it may be. ``score`` is between 0 and 1; ``reason`` finishes "because …" for an editor."""

    tool_id: int
    slug: str
    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class Match:
    """``tool_id`` is set when the match is sure. ``doubtful`` says that somebody must look: it may be a known tool.
    Candidates stand best first."""

    tool_id: int | None
    score: float
    reason: str
    doubtful: bool = False
    candidates: tuple[Candidate, ...] = ()


def match_release(
    naming: Naming, url: str | None, catalogue: Catalogue, *, feed: str | None = None, sites: Iterable[str] = ()
) -> Match:
    """Decide whose release this is. ``feed`` is where the feed lives, ``sites`` what it is the feed of: their own pages
    say nothing of the tool. Without a feed it is a page that an editor gave."""
    key = canonical_url(url) if url else ""
    by_address = _by_address(key, naming, catalogue) if key else None
    if by_address is not None:
        return by_address
    here = frozenset(host_of(canonical_url(page)) for page in (feed, *sites) if page)
    by_name = _by_name(naming, key, catalogue, feed, here) or _by_number(naming, key, catalogue)
    return by_name or _by_likeness(naming, key, catalogue)


def is_known(match: Match) -> bool:
    """Does this need an existing tool, surely or perhaps? If not, it is the launch of an unknown one."""
    return match.tool_id is not None or match.doubtful


def _by_address(key: str, naming: Naming, catalogue: Catalogue) -> Match | None:
    """The tool's own page, or a page below it (a repository's release, a package's version)."""
    for prefix in _prefixes(key):
        owners = catalogue.by_address.get(prefix, set())
        if not owners or (prefix != key and not _owns_what_is_below(prefix)):
            continue
        named = _named(naming, catalogue)
        if named and not named & owners:
            where = "is" if prefix == key else "is below"
            return _doubt(owners | named, 0.6, f"its address {where} one tool's, and its name is another's", catalogue)
        chosen = owners if len(owners) == 1 else owners & named
        if len(chosen) == 1:
            (tool_id,) = chosen
            reason = "it is its address" if prefix == key else "its address is below the tool's"
            return Match(tool_id, 1.0 if prefix == key else 0.95, reason)
        return _doubt(owners, 0.7, "several tools have this address", catalogue)
    return None


def _by_name(naming: Naming, key: str, catalogue: Catalogue, feed: str | None, here: frozenset[str]) -> Match | None:
    """``here`` are the hosts of the feed."""
    owners = _named(naming, catalogue)
    if not owners:
        return None
    ruled = owners & {catalogue.rules.get(fold_name(naming.name), -1)}
    owners = ruled or owners
    if len(owners) > 1:
        at_host = {tool_id for tool_id in owners if key and _lives_at(tool_id, key, catalogue)}
        if len(at_host) != 1:
            return _doubt(owners, 0.6, "several tools have this name", catalogue)
        owners = at_host
    (tool_id,) = owners
    if key and (why := _contradiction(tool_id, naming, key, catalogue, canonical_url(feed or ""), here)):
        return _doubt(owners, 0.5, why, catalogue)
    if not ruled and not _lives_at(tool_id, key, catalogue):
        if _is_too_short(naming, key, here):
            return _doubt(owners, 0.5, "it has this name, which is too short to tell", catalogue)
        anybodys = (feed is not None or host_of(key) in BOARDS) and _is_of_anybody(tool_id, key, catalogue, here)
        if anybodys and not _agrees(tool_id, naming, key, catalogue):
            return _doubt(owners, 0.5, "it has this name, but nothing else on its page says that it is this", catalogue)
    return Match(tool_id, 0.9, "it has exactly this name")


def _is_too_short(naming: Naming, key: str, here: frozenset[str]) -> bool:
    """Is the name too short to match by? One letter is; so are two, unless a version follows or the page is one where
    launches are: "Go: the good parts" on a blog is not about a tool Go. Two characters of Chinese are a word."""
    name = fold_name(naming.name)
    launched = naming.version or host_of(key) in {"", *here, *SHARED_HOSTS}
    return len(name) < 2 or (len(name) < 3 and name.isascii() and not launched)


def _is_of_anybody(tool_id: int, key: str, catalogue: Catalogue, here: frozenset[str]) -> bool:
    """Might the page be of another tool of this name? So it is where the tool has a site, and the page is neither on it
    nor on its vendor's nor on the feed's own. Product Hunt and Show HN have launched several products under each good
    name. (Repositories and packages are judged by their owners, elsewhere.)"""
    host = host_of(key)
    if host in {"", *CODE_HOSTS, *INDEXES} or (host in here and host not in BOARDS):
        return False
    own = {host_of(address) for address in catalogue.addresses.get(tool_id, ())} - SHARED_HOSTS
    related = any(f".{host}".endswith(f".{home}") or f".{home}".endswith(f".{host}") for home in own)
    at_vendor = not _homes(tool_id, catalogue) and _belongs_to(_labels(host), tool_id, catalogue)
    return bool(own) and not related and not at_vendor


def _agrees(tool_id: int, naming: Naming, key: str, catalogue: Catalogue) -> bool:
    """Does anything beside the name say that it is this tool: a version behind the name, a word of the tool's category
    in the tagline, or two words of the tool's own tagline? On boards where products are launched, a version says
    nothing: others number their second launch, too."""
    said = _stems(naming.tagline or "") - _stems(naming.name)
    of_the_tool = _stems(catalogue.taglines.get(tool_id, "")) & said
    version = naming.version and host_of(key) not in BOARDS
    return bool(version or said & _stems(catalogue.categories.get(tool_id, "")) or len(of_the_tool) > 1)


def _by_number(naming: Naming, key: str, catalogue: Catalogue) -> Match | None:
    """A bare number is part of a name; on the tool's own site, after its name, it is a version: "Next.js 16"."""
    called, _, number = naming.name.rpartition(" ")
    if not (number.isdecimal() and len(number) < 5) or host_of(key) in SHARED_HOSTS:
        return None
    owners = catalogue.by_name.get(fold_name(called), set()) & catalogue.by_address.get(
        f"https://{host_of(key)}", set()
    )
    if len(owners) != 1:
        return None
    (tool_id,) = owners
    return Match(tool_id, 0.9, "it has this name and a number, on the tool's own site")


def _by_likeness(naming: Naming, key: str, catalogue: Catalogue) -> Match:
    """Nothing sure is left; what looks like it is worth an editor's look."""
    name = fold_name(naming.name)
    found: dict[int, Candidate] = {}

    def consider(tools: Iterable[int], score: float, reason: str) -> None:
        for tool_id in sorted(tools)[:5]:
            if tool_id not in found or found[tool_id].score < score:
                found[tool_id] = Candidate(tool_id, catalogue.slugs[tool_id], score, reason)

    plain = fold_name(unicodedata.normalize("NFKD", naming.name).translate(_LOOKALIKES))
    disguised = catalogue.by_name.get(plain, set()) if plain != name else set()
    consider(disguised, 0.5, "it looks like this name, in other letters")
    host = host_of(key)
    if key and host not in SHARED_HOSTS:
        consider(catalogue.by_host.get(host, ()), 0.4, "it is on the tool's site")
    close = {tool_id for shape in shapes_of(name) for tool_id in catalogue.by_shape.get(shape, ())}
    words = name.split()
    begun = {
        tool_id
        for count in range(len(words) - 1, 0, -1)
        for tool_id in catalogue.by_name.get(" ".join(words[:count]), ())
    }
    ended = {
        tool_id for count in range(1, len(words)) for tool_id in catalogue.by_name.get(" ".join(words[count:]), ())
    }
    about = _stems(f"{naming.name} {naming.tagline or ''}")
    in_category = {tool_id for tool_id in close | begun if about & _stems(catalogue.categories.get(tool_id, ""))}
    consider(close & in_category, 0.6, "its name is close, and it speaks of the tool's category")
    consider(begun & in_category, 0.45, "its name begins so, and it speaks of the tool's category")
    consider(close, 0.4, "its name is close")
    consider(begun, 0.3, "its name begins so; it may be a variant")
    consider(ended, 0.3, "its name ends so; its vendor may stand before it")
    ordered = sorted(found.values(), key=lambda candidate: (-candidate.score, candidate.tool_id))[:5]
    reason = "it looks like a known tool in other letters" if disguised else "no known tool has its address or name"
    return Match(None, ordered[0].score if ordered else 0.0, reason, bool(disguised), tuple(ordered))


def _named(naming: Naming, catalogue: Catalogue) -> set[int]:
    """Tools with exactly this name; one that has the version in its name goes before."""
    for version in (naming.version, f"v{naming.version}") if naming.version else ():
        if whole := catalogue.by_name.get(fold_name(f"{naming.name} {version}")):
            return whole
    return catalogue.by_name.get(fold_name(naming.name), set())


def _contradiction(
    tool_id: int, naming: Naming, key: str, catalogue: Catalogue, feed: str, here: frozenset[str]
) -> str | None:
    """Does the address say that this is another product of the same name?"""
    own = catalogue.addresses.get(tool_id, set())
    host, parent = host_of(key), _parent(key)
    for address in own:
        beside = host in SHARED_HOSTS or _parent(address) == parent
        if host_of(address) == host and beside and path_of(key) and path_of(address):
            return "it has this name, but another page on the same site"
    of_an_index = host in INDEXES and not _is_feed_of(naming, feed)
    if own and (is_repository(key) or of_an_index) and not _belongs_to(publisher(key), tool_id, catalogue):
        what = "package or app" if of_an_index else "repository"
        return f"it has this name, but a {what} that is not known as the tool's"
    homes = _homes(tool_id, catalogue)
    at_home = any(f".{host}".endswith(f".{home}") for home in homes - SHARED_HOSTS)  # app.quillbase.example is, too
    elsewhere = own and FRONT.fullmatch(path_of(key)) and not at_home and host not in {*here, *SHARED_HOSTS}
    # Of a tool that is known by no front page of its own, this may be it if it is called so.
    if elsewhere and (homes or not _belongs_to(_labels(host), tool_id, catalogue)):
        return "it has this name, but another home page"
    return None


def _homes(tool_id: int, catalogue: Catalogue) -> set[str]:
    """The hosts whose front pages are the tool's."""
    return {host_of(address) for address in catalogue.addresses.get(tool_id, ()) if not path_of(address)}


def _is_feed_of(naming: Naming, feed: str) -> bool:
    """Is it the feed of this one package? Whoever watches that has chosen the package."""
    parts = (_compact(part.removesuffix(".xml").removesuffix(".rss")) for part in path_of(feed).split("/"))
    at_index = f".{host_of(feed)}".endswith(tuple(f".{index}" for index in INDEXES))
    return at_index and _compact(naming.name) in parts


def _labels(host: str) -> set[str]:
    return set(host.split(".")[:-1]) - _HOSTERS


def _belongs_to(owners: Iterable[str], tool_id: int, catalogue: Catalogue) -> bool:
    """Is one of these called like the tool or like its site, as the owner of github.com/quillbase/cli is?"""
    called = {_compact(owner) for owner in owners}
    sites = {label for address in catalogue.addresses.get(tool_id, ()) for label in _labels(host_of(address))}
    names = {_compact(name) for name in {catalogue.slugs[tool_id], *sites}}
    return bool((called | {_OF_AN_OWNER.sub("", owner) for owner in called}) & names)


def _compact(name: str) -> str:
    return fold_name(name).replace(" ", "")


def _doubt(tools: Iterable[int], score: float, reason: str, catalogue: Catalogue) -> Match:
    listed = tuple(Candidate(tool_id, catalogue.slugs[tool_id], score, reason) for tool_id in sorted(tools)[:5])
    return Match(None, score, reason, True, listed)


def _lives_at(tool_id: int, key: str, catalogue: Catalogue) -> bool:
    host = host_of(key)
    return host not in SHARED_HOSTS and any(
        host_of(address) == host for address in catalogue.addresses.get(tool_id, ())
    )


def _prefixes(key: str) -> Iterable[str]:
    """The address, then it without what it asks for (?tab=readme), then the pages above it down to the first segment,
    never the bare host."""
    yield key
    base = key.partition("?")[0]
    if base != key and path_of(base) and host_of(base) not in INDEXES:  # stores ask for the app: details?id=…
        yield base
    while base.count("/") > 3:
        base = base.rpartition("/")[0]
        yield base


def _owns_what_is_below(prefix: str) -> bool:
    """On shared hosts the first segment is a section or a user: github.com/acme, pypi.org/project."""
    return host_of(prefix) not in SHARED_HOSTS or path_of(prefix).count("/") >= 2


def _stems(text: str) -> set[str]:
    """The words that tell what something is about, plural or not; not those that nearly every tool uses."""
    return {word.removesuffix("s") for word in fold_name(text).split() if len(word) > 2} - _SAID_OF_ALL


def _parent(key: str) -> str:
    return path_of(key).rpartition("/")[0]


def as_rows(candidates: Iterable[Candidate]) -> list[Mapping[str, object]]:
    """As ``releases.candidates`` stores them."""
    return [{"tool": one.slug, "score": one.score, "reason": one.reason} for one in candidates]


def is_page_of_one_tool(key: str) -> bool:
    """Can this address stand for a tool from now on? Not a bare shared host, nor its first level."""
    return bool(host_of(key)) and (host_of(key) not in SHARED_HOSTS or path_of(key).count("/") >= 2)
