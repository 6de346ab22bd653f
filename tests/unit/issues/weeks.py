"""Weeks to render: the rows that the database would give, written by hand."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from db.issues import IssueRow
from db.material import AnnouncedRow, IssueMaterial, ItemRow, PairRow, PanelistRow, ReleaseRow, TakeRow, ToolRow
from newsletter.issues.edition import edition
from newsletter.issues.links import Links
from newsletter.issues.values import IssueValues, Publication

PANEL = [PanelistRow(key, key.capitalize()) for key in ("builder", "skeptic", "futurist", "founder", "creator")]
STARTS = datetime(2026, 11, 16, tzinfo=UTC)
PUBLICATION = Publication(
    "Weekly Verdicts", "https://news.example.com", "Example Press, 1 Example Street, 12345 Example City"
)
TOKEN = "P" * 32
LINKS = Links("https://news.example.com", "2026-W47", TOKEN, lambda tool_id: f"ref-{tool_id:016d}")

_NAMES = (
    ("Larkspur 3", "A transcription model that runs in the browser tab", "Developer Tools", "Free / Open Source"),
    ("Pocketform 2B", "Reads documents on the phone", "Documents", "Free"),
    ("Inkwell Vision", "Reads documents in the cloud", "Documents", "$0.01 a page"),
    ("Mosaic Agents", "Five assistants that argue before they answer", "Agents", "$20 a month"),
    ("Quill Local", "Notes that write themselves, offline", "Writing", "Free"),
    ("Tern 1.8", "A faster tokenizer for long documents", "Developer Tools", "MIT"),
    ("Fieldnote", "Interviews to themes in an hour", "Research", "$12 a month"),
    ("Brandwave", "Logos from a sentence", "Design", "$9 a month"),
    ("Hush", "Removes the neighbour's drill from a call", "Audio", "Free"),
    ("Cartwheel", "Rewrites your tests until they pass", "Developer Tools", "$30 a month"),
)
_CALLS = ("SSSS.", "SSKS.", "SKSK.", "KKSS.", "SSSK.", "SSSSK", "SS.S.", "KSKK.", "SS.K.", "KKKKK")
_WORDS = {
    "S": (
        "No key, no server, and it keeps up on a five-year-old laptop.",
        "The missing step in every assistant shipped so far. I would build on it tomorrow.",
        "The price is right for a team of ten. Ask again at a hundred.",
        "It leaves the last word to whoever uses it, which is all I ask of it.",
        "I tried to break it for an afternoon and went home early.",
    ),
    "K": (
        "It works until the page has a table, and then it works on something else.",
        "Five times the bill for an answer that is longer, not better.",
        "What it does, the tool you have does with one more click.",
        "Nobody says where my files go, and I asked twice.",
        "It makes everything look like everything else.",
    ),
}


def tool(tool_id: int, name: str, tagline: str = "", category: str = "Developer Tools", pricing: str = "Free",
         url: str = "", votes: tuple[int, int] = (0, 0)) -> ToolRow:  # fmt: skip
    slug = "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower()).strip("-")[:40] or "tool"
    return ToolRow(tool_id, f"{slug}-{tool_id}", name, tagline or None, None, url or f"https://tool-{tool_id}.example/",
                   category, pricing, None, None, *votes)  # fmt: skip


def takes(tool_id: int, calls: str, text: str = "") -> list[TakeRow]:
    """``SK..S``: what each panelist calls, in the panel's order."""
    found = []
    for place, call in enumerate(calls):
        if call in "SK":
            score = (62 + (tool_id * 7 + place * 11) % 37) if call == "S" else (12 + (tool_id * 5 + place * 13) % 33)
            said = text or _WORDS[call][(tool_id + place) % len(_WORDS[call])]
            found.append(TakeRow(tool_id, PANEL[place].key, "ship" if call == "S" else "skip", score, said, None))
    return found


def release(tool_id: int, *, late: bool = False, feed: str = "Example Launches") -> ReleaseRow:
    seen = STARTS + timedelta(days=2, minutes=tool_id)
    return ReleaseRow(1000 + tool_id, tool_id, f"https://launches.example/{tool_id}", f"Release {tool_id}", None,
                      seen, seen, late, feed, None)  # fmt: skip


def material(
    tools: Sequence[ToolRow],
    given: Sequence[TakeRow],
    *,
    items: Sequence[ItemRow] = (),
    pairs: Sequence[PairRow] = (),
    announced: Sequence[AnnouncedRow] = (),
    without_release: Sequence[int] = (),
    late: Sequence[int] = (),
    intro: str | None = None,
) -> IssueMaterial:
    issue = IssueRow(
        1, "2026-W47", 12, STARTS, STARTS + timedelta(days=7), "draft", 1, None, None, intro,
        STARTS + timedelta(days=7, hours=6), STARTS, None, None, None, None, None, None, {},
    )  # fmt: skip
    releases = [release(row.id, late=row.id in late) for row in tools if row.id not in without_release]
    return IssueMaterial(issue, list(items), list(pairs), releases, list(tools), list(given), PANEL, list(announced))


def values(found: IssueMaterial) -> IssueValues:
    return edition(found, PUBLICATION)


def usual_material() -> IssueMaterial:
    tools = [tool(place, *words, votes=(82 * place, 18)) for place, words in enumerate(_NAMES, 1)]
    given = [take for place, calls in enumerate(_CALLS, 1) for take in takes(place, calls)]
    tools += [tool(20 + n, f"Otter CLI {n}.0", "", ("Developer Tools", "Audio")[n % 2]) for n in range(1, 7)]
    tools.append(tool(40, "Harbor DB", "A database that fits in a pocket", "Data", "Free"))
    given += takes(40, "SSSK.")
    before = AnnouncedRow(40, "2026-W38", "skip", 25, "$40 a month",
                          {"builder": "skip", "skeptic": "skip", "futurist": "ship", "founder": "skip"})  # fmt: skip
    return material(tools, given, announced=[before], without_release=[40], late=[22])


def crowded_material(reviewed: int = 60, launches: int = 150) -> IssueMaterial:
    """150 launches, 60 of them with takes."""
    categories = ("Developer Tools", "Agents", "Audio", "Design", "Documents", "Research", "Writing")
    tools = [
        tool(n, f"Launch number {n}", f"What launch number {n} does, in one line", categories[n % 7], votes=(n, 3))
        for n in range(1, launches + 1)
    ]
    given = [take for n in range(1, reviewed + 1) for take in takes(n, _CALLS[n % len(_CALLS)])]
    return material(tools, given)


def lonely_material() -> IssueMaterial:
    """One tool without takes."""
    return material([tool(1, "Otter CLI 2.0", "A terminal for otters")], [])


def talkative_material() -> IssueMaterial:
    """Takes of 2,000 characters, with and without sentences."""
    sentences = "This sentence goes on about the tool for a while. " * 40
    words = "and then it goes on without an end " * 60
    tools = [tool(place, *words_) for place, words_ in enumerate(_NAMES, 1)]
    given = [
        take
        for place, calls in enumerate(_CALLS, 1)
        for take in takes(place, calls, (sentences if place % 2 else words)[:2000])
    ]
    return material(tools, given)


def edited_material() -> IssueMaterial:
    """A usual week with all that editors and sponsors write."""
    found = usual_material()
    paid = {"name": "Example Hosting", "text": "Servers **without** a bill. [Terms](https://sponsor.example/terms).",
            "url": "https://sponsor.example/"}  # fmt: skip
    said = (
        "Two *readers of documents*, and [we compared them](https://news.example.com/compare).\n"
        "- One reads [on the phone](https://notes.example/a_(b)).\n- The other does not.\n\nElsewhere, a quarrel."
    )
    notes = [
        ItemRow(1, None, False, "We ran it on **forty hours** of [interviews](https://notes.example/1).", None),
        ItemRow(7, None, False, "Ask for the [team price](https://notes.example/7).", None),
    ]
    return found._replace(issue=found.issue._replace(settings={"sponsors": [paid]}, intro=said), items=notes)


WEEKS: dict[str, Callable[[], IssueMaterial]] = {
    "usual": usual_material,
    "crowded": crowded_material,
    "lonely": lonely_material,
    "talkative": talkative_material,
}


HOSTILE = (
    '"><script>alert(1)</script>',
    "<!--b:3--> --> <![endif]--> ]]>",
    '" onmouseover="alert(1)" x="',
    "&quot; onload=&#34;alert(1)&#34; &lt;b&gt; &amp;amp;",
    "{{ 7 * 7 }} {% raw %}",
    "=?utf-8?q?hi=0d=0aBcc:_evil@example.com?=",
    "\x1e3\x1e \x00 \x1b[31m line\r\nBcc: x@example.com",
    '"font-family:Lato;Roboto" Ubuntu',
    "\u202egnp.exe \u2066isolated",
    "ﷺ مرحبا بالعالم 你好，世界。 👩‍👩‍👧‍👦",
    "W" * 300,
    "</td></tr></table></div></body></html><mj-section>",
    "[click](javascript:alert(1)) [here](https://evil.example) **bold**",
    "\ud800 lone",
)


def hostile(make: Callable[[], IssueMaterial]) -> IssueValues:
    """A week whose names, taglines, prices and takes are what strangers would like them to be."""
    found = make()
    tools = [
        row._replace(
            name=f"{row.name} {HOSTILE[row.id % len(HOSTILE)]}",
            tagline=HOSTILE[(row.id + 1) % len(HOSTILE)],
            pricing=HOSTILE[(row.id + 2) % len(HOSTILE)],
            url=f"https://tool.example/?a=1&b=%22>'<x>&quot;{row.id}",
        )
        for row in found.tools
    ]
    takes = [row._replace(text=f"{HOSTILE[place % len(HOSTILE)]} {row.text}") for place, row in enumerate(found.takes)]
    return values(found._replace(tools=tools, takes=takes))
