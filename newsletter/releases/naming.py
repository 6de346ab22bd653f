"""Out of real titles: what a name is compared by, and which name, tagline and version a title gives.

Quillbase – notes that answer back        Quillbase · notes that answer back
Show HN: Quillbase: notes …               Quillbase · notes …
Introducing Quillbase 2.0                 Quillbase · 2.0
acme/quillbase: v2.1.0                    quillbase · 2.1.0
v2.1.0, of a feed of one tool's releases  that tool · 2.1.0
"""

import re
import unicodedata
from dataclasses import dataclass

from newsletter.feeds.addresses import canonical_url
from newsletter.releases import versions
from newsletter.releases.hosts import BOARDS, host_of, path_of
from newsletter.releases.versions import VERSION

_BREAKS = re.compile(r"[\s_\-\u2010-\u2015\u2212·.,:;'’\"“”!?()\[\]/|]+")
# What shows nothing although it is a letter or a mark: joiners, fillers, variation selectors (Default_Ignorable).
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")

_LAST_VERSION = re.compile(
    rf"^(?P<name>.+?)(?:[\s,@/]+|(?<=[」』]))(?:release\s+|version\s+|ver\.?\s+|v\s+|hits\s+|reaches\s+)?(?P<version>{VERSION})$",
    re.I,
)
# A hyphen before it is a tag's (cli-v0.1.0, pkg-1.2.3), or else part of a name (GPT-5.4, DeepSeek-V3).
_TAG = re.compile(
    rf"^(?P<name>[a-z][\w.]*(?:[-/@][a-z][\w.]*)*?)(?:[/@=]+|-(?=(?-i:v)\d|\d+\.\d+\.\d))(?P<version>{VERSION})$", re.I
)
# "Quillbase 2.1 adds search", "Quillbase 2 brings search", "Quillbase now supports search".
_IN_A_SENTENCE = re.compile(
    rf"^(?P<name>\S+(?:\s+\S+){{0,3}}?)(?:\s+(?P<version>{VERSION})|(?<=\s\d)|(?<=\s\d\d)|(?=\s+now\s))\s+"
    r"(?P<rest>(?:now\s+)?(?:brings|adds|with|gets|supports|introduces|improves|ships|includes|comes|features|has|runs"
    r"|works|offers|lets)\s.+)$",
    re.I,
)

_LEADS = re.compile(
    r"^(?:(?:show|launch|tell)\s+hn|show\s+lobsters|product\s+hunt|pypi|npm|crates\.io"
    r"|new\s+(?:release|model|tool|app|feature|product)|release\s+notes?|release|released|(?:just\s+)?launched|launch"
    r"|new\s+crate(?:\s+version)?\s+(?:published|created)"
    r"|announcement|announcing|introducing|meet|changelog|now\s+available|new|neu|updated?|\d{4}-\d\d-\d\d"
    r"|now\s+in\s+(?:(?:public|open|private)\s+)?(?:beta|preview)|early\s+access"
    r"|github(?=\s+-\s+[\w.-]+/[\w.-]+))"
    r"\s*[:：–—-]\s+"
    r"|^(?:what(?:['’]?s|\s+is)\s+new|changes|new|highlights)\s+in\s+(?=(?-i:[A-Z@])|\S+\s+v?\d)"
    r"|^(?:release\s+notes|changelog)\s+(?:for|of)\s+|^release\s+(?=[^:–—]*?[a-z][^:–—]*?\sv?\d+\.)",
    re.I,
)
_GLADLY = (
    r"(?:excited|happy|proud|thrilled|pleased|delighted)\s+to\s+(?:announce|introduce|share|launch|release|present)"
)
_INTRODUCING = re.compile(
    rf"^(?:today,?\s+)?(?:(?:we|i)(?:['’]?(?:re|m)|\s+are|\s+am)\s+)?"
    rf"(?:introducing|announcing|meet|say\s+hello\s+to|unveiling|launching|presenting|releasing|open[- ]sourcing"
    rf"|welcom(?:e|ing)(?=\s+(?-i:[A-Z]))|{_GLADLY})\s+"
    r"(?:the\s+(?:general\s+)?(?:release|launch|availability)\s+of\s+)?"
    r"(?:the\s+(?-i:(?:all[- ])?new\s+(?=[A-Z]))|the\s+(?=\S+\s+\S))?"
    r"|^(?:présentation\s+de|lanzamos|presentamos|apresentamos|lançamos|presentiamo|wir\s+präsentieren"
    r"|представляем|вышел|вышла|вышло)\s+(?=\w)"
    r"|^(?:(?:we|i)(?:['’]ve)?\s+)?just\s+(?:launched|released|shipped|open[- ]sourced)\s+"
    r"|^(?:we|i)\s+(?:built|made|created|launched|released)\s+(?=(?-i:[A-Z]\w*[a-z]))"
    r"|^(?:the\s+)?(?:first\s+|initial\s+|stable\s+|new\s+)?release\s+of\s+"
    # A vendor launches it, has released it, 推出 (brings out) it.
    r"|^(?:\S+\s+){1,3}?(?:is\s+)?(?:launch(?:es|ing)|introduc(?:es|ing)|unveil(?:s|ing)|releas(?:es|ing)"
    r"|announc(?:es|ing)|open[- ]sourc(?:es|ing)|(?:debuts|ships|drops)(?=\s+(?-i:[A-Z])))"
    r"\s+(?!(?:today|now|publicly|soon|on|in|with|for|at|as|to)\b)"
    r"|^(?:[^\W\d][^\s\d]*\s+){1,2}?(?:has\s+|just\s+)?(?:released|launched|unveiled|introduced|open[- ]sourced)\s+"
    r"(?!(?:today|now|publicly|yesterday|this|after|on|in|with|for|at|as|to|under|by|and)\b)(?=\w)"
    rf"|^(?:\S+\s+){{0,2}}?\S*?\s*(?:正式)?(?:发布|开源|推出|上线)了?\s*(?!{VERSION})(?=[A-Za-z][ -~]*$)",
    re.I,
)
_NOW = re.compile(r"(?:introducing|announcing|unveiling)\s+[A-Z]", re.I)
_AFTER_A_NAME = re.compile(r",\s|\s+(?:in|on|for(?!\s+(?-i:[A-Z]))|with|to|from|by|powered|that|which)\s", re.I)
_SAID_OF_IT = r"(?:an?|the|its|your|our|my|open[- ]source)\s.+"
# "Free, open-source …" and "My weekend project, a …" have no name.
_NAMELESS = (
    r"(?:(?:an?|my|our)\s|(?:free|fast|simple|small|tiny|private|local|lightweight|minimal|modern|self-hosted),)"
)
_APPOSITION = re.compile(rf"^(?!{_NAMELESS})(?P<name>\S+(?:\s+\S+){{0,2}}),\s+(?P<rest>{_SAID_OF_IT})$", re.I)
_ANNOUNCED = re.compile(
    r"\s+(?:(?:is|are)\s+(?:now\s+)?"
    r"(?:here|available|live|out|launched|released|open\s+source|generally\s+available|ga)\b"
    # Alone and with a capital, it may be part of a name: of a launch called "Quillbase Launched".
    r"|(?:(?:has|was|just)\s+(?:been\s+)?(?:released|launched|announced|open[- ]sourced)"
    r"|(?-i:released|launched|announced|open[- ]sourced)|(?<=\d\s)(?:released|launched|announced))\b"
    r"|now\s+(?:generally\s+)?available\b|added\s+to\s+pypi$"
    r"|(?:(?:is|are)\s+)?(?:now\s+)?(?:in|enters|reaches|hits|goes)\s+(?:(?:public|open|private|closed)\s+)?"
    r"(?:beta|preview|alpha|general\s+availability|ga|open\s+source|live)\b"
    r"|(?:est|ist|sind|está|é|è)\s+(?:maintenant\s+|désormais\s+|jetzt\s+|agora\s+|ora\s+|ya\s+)?"
    r"(?:disponible|da|verfügbar|erschienen|disponível|disponibile)$|(?:ya|já)\s+está\s+(?:disponible|disponível)$"
    r"|launches(?=$|\s+(?:today|now|publicly|on|in|with|for|at|as)\b)).*$",
    re.I,
)
_OWNER = re.compile(
    r"^(?:[Tt]he|[Oo]ur)\s+(?:all[- ])?new\s+(?=[A-Z])|^(?:[A-Z]\S*\s+){0,2}?[A-Z]\S*(?:['’]s|s['’])\s+(?=[A-Z])"
)
_VENDOR = re.compile(r"\s+(?:from|by)\s+[A-Z]\S*(?:\s+[A-Z]\S*)*$")
_REMARK = re.compile(
    r"\s*[(\[](?:(?:yc\s+)?[wsxf]\d\d|beta|preview|open\s+source)[)\]]"
    r"|\s+(?:release\s+notes|changelog)$|(?<=\d)(?:\s+release|[!.]+)$",
    re.I,
)
_RELEASED = re.compile(
    r"\s*(?:正式版?|版本|发布|更新|上线|说明|安装|指南|总结|公告|日志|[与及和]"
    r"|をリリース(?:しました)?|がリリース(?:されました)?|リリース|を公開(?:しました)?|公開|が登場|출시|공개)+$"
)
_VERSION_ZH = re.compile(
    rf"(?<=\S)\s*(?:正式)?(?:发布|更新至|升级至|升级到|推出)\s*({VERSION})(?:\s*(?:正式)?版本?)?", re.I
)
_SEPARATOR = re.compile(
    r"\s+(?:[–—―\-|·•»→]+|::)\s+|\s*[—―]\s*|[:：]\s+|：|\s+\|\s*"
    r"|(?:(?<=发布)|(?<=上线)|(?<=更新))[，,！]\s*"
)
_OWNED = re.compile(r"^[\w.-]+/(?P<name>[\w.-]+)$")
_URL = re.compile(r"https?://(?:www\.)?(?P<host>[^/\s]+)/?")
_OF_THE_SITE = re.compile(
    r"(?:[\w.-]+/[\w.-]+|github|product hunt|hacker news|pypi|npm|hugging face|chrome web store"
    r"|visual studio marketplace|apps on google play)(?:\s*[·|-]\s*github)?",
    re.I,
)
_QUOTES = '"“”„«»《》「」『』'
_EDGES = f" \t_-–—:|·,;'’{_QUOTES}"
_LONGEST_NAME = 6  # words; what is longer is a sentence
# What is launched is written in capitals, a "Free Plan Maker" or a "How To Book"; sentences go on in small letters.
_OF_A_SENTENCE = re.compile(
    r"^(?:I|We|I['’](?:ve|m|d)|We['’](?:ve|re)|My|Our|An?|How|Why|What|Is|Are|Can|Does)\s(?:[a-z]|\d)"
    r"|^Free,\s|\s(?:that|which)\s"
)
# Not a version that is all there is, or nearly, as in "[1.2.3] - 2026-11-26" of a changelog, nor the name itself.
_LABEL = re.compile(r"^\s*[\[【](?!v?\d+\.[\w.-]*\]\s*(?:[-–—:|]|$))[^\]】]{1,30}[\]】]\s*(?=\S)(?![-–—:|])", re.I)
_SYMBOLS = ("So", "Sk")


@dataclass(frozen=True, slots=True)
class Naming:
    """What a title says. ``prerelease``: it is an alpha, a beta, a release candidate or a nightly build."""

    name: str
    tagline: str | None = None
    version: str | None = None
    prerelease: bool = False


def fold_name(text: str) -> str:
    """The key that names are matched by: compatibility forms folded, no case, no accents, no emoji, nothing invisible,
    one space between words.

    ``Bolt.new``, ``bolt new`` and ``Bolt-New`` are one; ``C`` and ``C++`` are not.
    """
    shown = text if text.isascii() else _spaced(text)
    text = shown if any(map(str.isalnum, shown)) else text  # a name of emoji alone is one, too
    plain = _BLANK.sub("", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(c for c in plain if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")
    return _BREAKS.sub(" ", bare).strip() or bare.strip()


def slug_of(name: str) -> str:
    """Lower-case words with hyphens, as in addresses; `tool` where nothing of the name can stand in one."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
    words = re.findall(r"[a-z0-9]+", plain.replace("+", " plus ").replace("#", " sharp "))
    return "-".join(words)[:80].rstrip("-") or "tool"


def is_name(text: str) -> bool:
    """Could a tool be called this? Not a sentence or a piece of one, nor a version."""
    words = text.split()
    fragment = len(words) > 2 and words[0].isalpha() and words[0].islower()
    fragment = fragment or (len(words) > 3 and bool(_OF_A_SENTENCE.search(text)))
    return bool(words) and len(words) <= 2 * _LONGEST_NAME and not fragment and not versions.is_version(text)


def read_title(title: str, *, of_tool: str | None = None, page: str | None = None) -> Naming:
    """Read a launch's or a news title. With ``of_tool`` the feed announces that tool's versions alone. Where the
    address ``page`` says the same, what looks like "Meet …" or "owner/…" is a name, as of "Meet Ava" at meetava.com."""
    bare = versions.tidy(without_symbols(title))
    if of_tool is not None:
        return _of_tool(bare, of_tool)
    text = _VERSION_ZH.sub(r" \1", _without_leads(bare))
    name, tagline = _split(text)
    if tagline and _NOW.match(tagline):  # "Choice in Acme: Introducing Quillbase"
        name, tagline = tagline, None
    whole = _is_called(name, page)
    name, more = _announced(name, led=text != bare, whole=whole)
    name, version, tagline = _versioned(name, tagline or more)
    if owned := (None if whole else _OWNED.match(name)) or _URL.fullmatch(name):
        name = owned[1]
    if tagline and _OF_THE_SITE.fullmatch(tagline):
        tagline = None
    return Naming(name or bare or title, tagline or None, versions.bare(version), versions.is_prerelease(version or ""))


def _of_tool(text: str, tool: str) -> Naming:
    """Titles of a releases feed: ``v1.2.3``, ``Quillbase 1.2.3``, ``cli-v0.1.0``, ``1.2.3: words``, or only words."""
    found = re.search(rf"(?<![\w.])(?:[a-z][\w.]*[-/@=])*?({VERSION})(?![a-z0-9.]*[a-z0-9])", text, re.I)
    if not found:
        head, more = _split(text)
        tag = versions.tag_alone(re.sub(rf"^{re.escape(tool)}\s+", "", head, flags=re.I))
        named_so = len(text.split()) <= 3 and versions.is_prerelease(text)  # "nightly"; a sentence may speak of a beta
        return Naming(tool, more if tag else text or None, versions.bare(tag), named_so)
    rest = text[found.end() :].strip(_EDGES)
    tagline = rest if re.search(r"[^\W\d_]{2}", rest) else None
    prerelease = versions.is_prerelease(found[1]) or versions.is_prerelease(text[: found.end()])
    return Naming(tool, tagline, versions.bare(found[1]), prerelease)


def _versioned(name: str, tagline: str | None) -> tuple[str, str | None, str | None]:
    """(name, version, tagline) of a name that ends with its version, or of a tagline that is or begins with it."""
    if found := _IN_A_SENTENCE.match(name):
        return found["name"], found["version"], tagline or found["rest"]
    if (found := _LAST_VERSION.match(name) or _TAG.match(name)) and len(name.split()) <= _LONGEST_NAME:
        return _trimmed(_RELEASED.sub("", found["name"])), found["version"], tagline
    if tagline and (whole := versions.whole_version(tagline)):
        return name, whole, None
    if tagline and (leading := versions.leading_version(tagline)) and "." in leading[0]:
        return name, *leading
    return name, None, tagline


def _is_called(name: str, page: str | None) -> bool:
    """Is this the name of the site, or of the product's page where products are launched (posts/meet-ava-2)?"""
    key = canonical_url(page or "")
    host, last = host_of(key), path_of(key).rpartition("/")[2]
    called = {last, re.sub(r"-\d+$", "", last)} if host in BOARDS else {host.partition(".")[0]}
    return slug_of(name).replace("-", "") in {one.replace("-", "") for one in called}


def _announced(text: str, *, led: bool, whole: bool) -> tuple[str, str | None]:
    """What "Introducing …", "… is now available" and "Acme launches …" announce, and what it is said to be; the text
    itself where that is a sentence. ``led``: it stood behind a label such as "Show HN:".
    ``whole``: it begins with the name."""
    name, more = _trimmed(_RELEASED.sub("", _REMARK.sub("", text))) or text, None
    if lead := None if whole else _INTRODUCING.match(name):
        rest = name[lead.end() :]
        end = _AFTER_A_NAME.search(rest)
        name = _trimmed(_REMARK.sub("", rest[: end.start()] if end else rest)).rstrip("!") or name
        if end and end[0][0] == "," and (said := re.match(_SAID_OF_IT, rest[end.end() :], re.I)):
            more = said[0]
    elif led and (apart := _APPOSITION.match(name)):
        return apart["name"], apart["rest"]
    shorter = _trimmed(_ANNOUNCED.sub("", name))
    if shorter != name:
        shorter = _OWNER.sub("", _VENDOR.sub("", shorter))
    if shorter and len(shorter.split()) <= _LONGEST_NAME and not re.search(r"\b(?:we|i|they|it)$", shorter, re.I):
        name = shorter
    return name, more


def _trimmed(text: str) -> str:
    """Without what separates it from other words, nor the quotes round it; those round a part of it are its own."""
    bare = text.strip(_EDGES)
    return bare if set(bare).isdisjoint(_QUOTES) else text.strip("".join(set(_EDGES) - set(_QUOTES)))


def _split(text: str) -> tuple[str, str | None]:
    found = _SEPARATOR.search(text)
    if not found or not text[: found.start()].strip(_EDGES) or not text[found.end() :].strip(_EDGES):
        return text.strip(), None
    return text[: found.start()].strip(), text[found.end() :].strip()


def _without_leads(text: str) -> str:
    before = ""
    while text != before:
        before, text = text, _LEADS.sub("", text)
    return text


def without_symbols(title: str) -> str:
    """Without emoji and bracketed labels at the edges."""
    return " ".join(_LABEL.sub("", _spaced(_BLANK.sub("", title))).split())


def _spaced(text: str) -> str:
    """With a space for each emoji, and for what is put behind names, such as ™."""
    return "".join(" " if unicodedata.category(c) in _SYMBOLS else c for c in text)
