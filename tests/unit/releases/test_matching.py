from collections.abc import Sequence

import pytest

from db.releases import Nameplate
from newsletter.feeds.addresses import canonical_url
from newsletter.releases.catalogue import Catalogue, build_catalogue, catalogue_of
from newsletter.releases.matching import is_page_of_one_tool, match_release
from newsletter.releases.naming import Naming, fold_name, read_title

TOOLS = {
    "quillbase": ("Quillbase", "https://quillbase.example"),
    "lantern": ("Lantern", "https://github.com/acme/lantern"),
    "smolvlm2": ("SmolVLM2", "https://models.example/smolvlm2"),
    "mistral-4b": ("Mistral 4B", "https://models.example/mistral-4b"),
    "mistral-4b-edge": ("Mistral 4B Edge", "https://models.example/mistral-4b-edge"),
    "friend": ("Friend", "https://friend.example"),
    "jelly-6": ("Jelly", "https://www.producthunt.com/posts/jelly-6"),
    "jelly-7": ("Jelly", "https://www.producthunt.com/posts/jelly-7"),
    "pip": ("pip", "https://pypi.org/project/pip"),
    "atlas-chat": ("Atlas Chat", "https://atlas.example"),
    "atlas-code": ("Atlas Code", "https://atlas.example"),
    "pi": ("Pi", "https://pi.example"),
    "continue": ("Continue", "https://continue.example"),
}


def catalogue(tools: dict[str, tuple[str, str]] = TOOLS) -> Catalogue:
    ids = {slug: number for number, slug in enumerate(tools, 1)}
    return build_catalogue(
        [(ids[slug], slug, fold_name(name)) for slug, (name, _) in tools.items()],
        [(ids[slug], "address", canonical_url(url)) for slug, (_, url) in tools.items()],
    )


def slug(title: str, url: str | None = None, feed: str = "https://launches.example/feed") -> str | None:
    tools = catalogue()
    match = match_release(read_title(title), url, tools, feed=feed)
    return None if match.tool_id is None else tools.slugs[match.tool_id]


@pytest.mark.parametrize(
    ("title", "url", "expected"),
    [
        ("Another name – for it", "https://www.quillbase.example/?utm_source=feed", "quillbase"),
        ("v2.1.0", "https://github.com/acme/lantern/releases/tag/v2.1.0", "lantern"),
        ("25.0.1", "https://pypi.org/project/pip/25.0.1/", "pip"),
        ("Quillbase 2.0", "https://quillbase.example/blog/two", "quillbase"),
        ("Jelly – a notebook", "https://www.producthunt.com/posts/jelly-7?utm_source=x", "jelly-7"),
        ("Atlas Code", "https://atlas.example/", "atlas-code"),
        ("Lights the way", "https://github.com/acme/lantern?tab=readme-ov-file", "lantern"),
        ("Looks at pictures", "https://models.example/smolvlm2?lang=en", "smolvlm2"),
    ],
)
def test_the_address_decides_first(title: str, url: str, expected: str) -> None:
    assert slug(title, url) == expected


def test_an_emoji_in_a_tools_name_is_no_part_of_it_whenever_its_key_was_made() -> None:
    plates = [
        Nameplate(1, "rocket", "\U0001f680 Rocket", "\U0001f680 rocket", "Games"),
        Nameplate(2, "tofu", "Tofu™", "tofutm", "Games"),
    ]
    tools = catalogue_of(plates, [(1, "name", "\U0001f680 moonshot")])
    for title, tool in (("\U0001f680 Rocket 2.0", 1), ("Moonshot 2.0", 1), ("Tofu™ 2.0", 2), ("Tofu 2.0", 2)):
        assert match_release(read_title(title), "https://news.example/1", tools, feed=None).tool_id == tool


def test_a_name_that_is_another_tools_is_doubted_at_the_very_address_of_one() -> None:
    tools = catalogue({"acme-chat": ("Acme Chat", "https://acme.example"), "voice": ("Voice", "https://voice.example")})
    found = match_release(read_title("Voice: speaks"), "https://acme.example/", tools)
    assert (found.tool_id, found.doubtful) == (None, True)
    assert {one.slug for one in found.candidates} == {"acme-chat", "voice"}


@pytest.mark.parametrize(
    "page", ["", "en/", "en-us", "index.html", "en/index.php", "home", "de/home"], ids=lambda page: page or "bare"
)
def test_a_namesake_has_a_front_page_of_its_own_in_any_language(page: str) -> None:
    assert slug("Friend – an audio thing", f"https://friend-audio.example/{page}") is None


@pytest.mark.parametrize(
    "title", ["Quillbase – notes", "Introducing Quillbase 2.0", "QUILLBASE: notes", "Quill\u200bbase"]
)
def test_exactly_the_same_name_is_sure(title: str) -> None:
    assert slug(title, "https://launches.example/posts/17") == "quillbase"


@pytest.mark.parametrize(
    ("title", "url"),
    [
        ("SmolVLM2-2B", None),
        ("SmolVLM2 2B", None),
        ("Mistral 4B Edge Mini", None),
        ("Mistral 4", None),
        ("Quillbases – notes", None),
        ("Quillbase Cloud – notes", "https://quillbase-cloud.example/"),
        ("\u0421ontinue – a helper", None),
        ("Friend – a necklace", "https://friend-necklace.example/"),
        ("Lantern – lamps", "https://github.com/other/lantern"),
        ("Jelly – a third one", "https://www.producthunt.com/posts/jelly-8"),
        ("Jelly", None),
        ("Continue your work anywhere", None),
        ("Raspberry Pi 6", None),
        ("Atlas", "https://atlas.example/"),
        ("SmolVLM2 2.2B", None),
        ("Mistral 4B-V2", None),
        ("someone/pi", "https://github.com/someone/pi"),
        ("Continue v2.0", "https://github.com/someone/continue/releases/tag/v2.0"),
        ("\u0396en – a helper", None),
        ("Lantern – lamps", "https://lamps.example/"),
        ("SmolVLM2 – a game", "https://smolvlm2-game.example/en/"),
        ("quillbase 0.1.0", "https://pypi.org/project/quillbase/0.1.0/"),
        ("@someone/continue", "https://www.npmjs.com/package/@someone/continue"),
        ("Pi", "https://play.google.com/store/apps/details?id=example.pi"),
    ],
)
def test_what_is_not_sure_attaches_to_nothing(title: str, url: str | None) -> None:
    assert slug(title, url) is None


def test_below_one_tools_page_and_called_like_another_it_is_nobodys_yet() -> None:
    assert slug("Friend – a necklace", "https://models.example/smolvlm2/friend") is None
    assert slug("A guide – how to", "https://models.example/smolvlm2/guide") == "smolvlm2"


def test_a_repository_whose_owner_is_called_like_the_tool_or_its_site_is_the_tools() -> None:
    assert slug("Continue v2.0", "https://github.com/continuedev/continue/releases/tag/v2.0") == "continue"
    assert slug("Atlas Code 2.0", "https://github.com/atlas/code") == "atlas-code"
    assert slug("Friend 2.0", "https://github.com/friendai/friend/releases/tag/v2.0") == "friend"
    tools = catalogue({"codex": ("Codex", "https://openai.example/codex")})
    assert match_release(read_title("openai/codex: v2.0"), "https://github.com/openai/codex", tools).tool_id == 1
    assert slug("Introducing Continue", "https://huggingface.co/blog/continue") == "continue"
    assert slug("Quillbase 2.0", "https://www.npmjs.com/package/@quillbase/quillbase") == "quillbase"


def test_a_package_of_that_name_is_the_tools_in_its_own_feed_alone() -> None:
    page = "https://pypi.org/project/quillbase/0.1.0/"
    assert slug("quillbase 0.1.0", page, feed="https://pypi.org/rss/project/quillbase/releases.xml") == "quillbase"
    assert slug("quillbase 0.1.0", page, feed="https://launches.example/feed") is None
    assert slug("quillbase added to PyPI", page, feed="https://pypi.org/rss/packages.xml") is None
    assert slug("quillbase 0.1.0", page, feed="https://pypi.org/rss/updates.xml") is None


@pytest.mark.parametrize("page", ["https://blog.example/the-good-parts", "https://pie.example/recipes"])
def test_a_name_of_two_letters_tells_nothing_on_a_page_of_somebody_else(page: str) -> None:
    assert slug("Pi: the good parts", page) is None
    assert slug("Pi 2.0", page) == "pi"
    assert slug("Pi – your own computer", "https://launches.example/posts/pi") == "pi"
    tools = catalogue({"doubao": ("豆包", "https://doubao.example")})
    assert match_release(Naming("豆包"), page, tools).tool_id == 1


def test_a_number_after_the_name_is_a_version_on_the_tools_own_site() -> None:
    assert slug("Quillbase 16", "https://quillbase.example/blog/16") == "quillbase"
    assert slug("Quillbase 16 is now available", "https://quillbase.example/blog/16") == "quillbase"
    assert slug("Quillbase 16", "https://elsewhere.example/blog/16") is None
    assert slug("SmolVLM2 16", "https://models.example/smolvlm2-16") is None


def test_a_tool_known_by_a_repository_or_a_vendors_page_may_have_a_front_page_that_is_called_so() -> None:
    assert slug("Lantern – lights the way", "https://lantern.example/") == "lantern"
    assert slug("SmolVLM2 – a model", "https://smolvlm2.models.example/") == "smolvlm2"


def test_a_name_of_which_an_editor_said_whose_it_is_is_shared_no_more() -> None:
    tools = catalogue()
    assert match_release(Naming("Jelly"), "https://launches.example/p/1", tools).tool_id is None
    jelly, pi = (number for number, slug in tools.slugs.items() if slug in ("jelly-7", "pi"))
    tools.rules |= {"jelly": jelly, "pi": pi}
    assert match_release(Naming("Jelly"), "https://launches.example/p/1", tools).tool_id == jelly
    assert match_release(Naming("Pi"), "https://blog.example/p/1", tools).tool_id == pi
    elsewhere = match_release(Naming("Jelly"), "https://www.producthunt.com/posts/jelly-6", tools)
    assert tools.slugs[elsewhere.tool_id or 0] == "jelly-6", "the address still goes before"


def test_below_a_tools_own_domain_it_is_at_home() -> None:
    assert slug("Quillbase – notes", "https://app.quillbase.example/") == "quillbase"
    assert slug("Quillbase – notes", "https://notquillbase.example/") is None


def test_a_version_that_is_part_of_a_tools_name_is_found_again() -> None:
    tools = catalogue({"quill": ("Quill", "https://quill.example"), "quill-v3": ("Quill V3", "https://v3.example")})
    assert match_release(read_title("Quill v3"), None, tools).tool_id == 2


def test_an_unsure_match_shows_an_editor_who_it_may_be_and_why() -> None:
    match = match_release(Naming("Jelly"), None, catalogue())
    assert match.doubtful
    assert [candidate.slug for candidate in match.candidates] == ["jelly-6", "jelly-7"]
    assert match.candidates[0].reason == "several tools have this name"


def test_a_name_in_other_letters_is_shown_as_such() -> None:
    match = match_release(Naming("\u0421ontinu\u0435"), None, catalogue())
    assert match.tool_id is None
    assert match.doubtful
    assert match.candidates[0].slug == "continue"


def test_a_close_name_is_a_candidate_and_stays_an_unknown_tool() -> None:
    match = match_release(Naming("Quillbases"), None, catalogue())
    assert not match.doubtful
    assert [candidate.slug for candidate in match.candidates] == ["quillbase"]


@pytest.mark.parametrize("title", ["Acme Quillbase", "Acme’s Quillbase", "Acme Labs Atlas Code"])
def test_a_tool_with_its_vendor_before_it_is_shown_and_not_taken(title: str) -> None:
    match = match_release(read_title(title), "https://news.example/1", catalogue(), feed="https://news.example/feed")
    assert match.tool_id is None
    assert [one.slug for one in match.candidates] == ["quillbase" if "Quill" in title else "atlas-code"]


def test_a_close_name_within_the_category_goes_before_one_outside_it() -> None:
    plates = [
        Nameplate(1, "lanterna", "Lanterna", "lanterna", "Databases"),
        Nameplate(2, "lanternb", "Lanternb", "lanternb", "Code editors"),
    ]
    match = match_release(Naming("Lanternc", "an editor for code"), None, catalogue_of(plates, []))
    assert match.tool_id is None
    assert [(one.slug, one.score) for one in match.candidates] == [("lanternb", 0.6), ("lanterna", 0.4)]
    assert match.candidates[0].reason == "its name is close, and it speaks of the tool's category"


def test_names_that_differ_in_a_digit_are_not_even_close() -> None:
    tools = catalogue({"launch-1": ("Launch number 1", "https://one.example")})
    assert match_release(Naming("Launch number 2"), None, tools).candidates == ()


def test_a_launch_page_of_the_feeds_own_site_says_nothing_against_a_name() -> None:
    assert slug("Friend", "https://launches.example/", feed="https://launches.example/feed") == "friend"


def test_a_tool_that_has_the_version_in_its_name_goes_before() -> None:
    tools = catalogue({"opus": ("Opus", "https://a.example/o"), "opus-4-7": ("Opus 4.7", "https://a.example/o47")})
    match = match_release(Naming("Opus", None, "4.7"), None, tools)
    assert match.tool_id is not None
    assert tools.slugs[match.tool_id] == "opus-4-7"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://quillbase.example", True),
        ("https://github.com/acme", False),
        ("https://github.com/acme/lantern", True),
    ],
)
def test_a_bare_shared_host_stands_for_no_tool(url: str, expected: bool) -> None:
    assert is_page_of_one_tool(canonical_url(url)) is expected


PLATES = [
    Nameplate(1, "friend", "Friend", "friend", "Productivity", "A planner that fills your calendar by itself"),
    Nameplate(2, "drop", "Drop", "drop", "Music", None),
]
PLACES = [(1, "address", "https://friend.example"), (2, "address", "https://vendor.example/drop")]


def told(
    title: str,
    url: str,
    said: str | None = None,
    feed: str = "https://launches.example/feed",
    sites: Sequence[str] = (),
) -> str | None:
    tools = catalogue_of(PLATES, PLACES)
    read = read_title(title)
    naming = Naming(read.name, read.tagline or said, read.version)
    found = match_release(naming, url, tools, feed=feed, sites=sites)
    assert found.tool_id is not None or [one.slug for one in found.candidates] == [fold_name(read.name)]
    return None if found.tool_id is None else tools.slugs[found.tool_id]


@pytest.mark.parametrize(
    ("url", "feed"),
    [
        ("https://someone.example/projects/friend", "https://hnrss.org/show"),
        ("https://www.producthunt.com/products/friend-4", "https://www.producthunt.com/feed"),
        ("https://news.ycombinator.com/item?id=17", "https://news.ycombinator.com/showrss"),
        ("https://dev.to/someone/friend", "https://launches.example/feed"),
        ("https://peerlist.io/someone/project/friend", "https://peerlist.io/launchpad/rss"),
    ],
)
def test_a_namesake_of_a_tool_on_a_page_of_anybody_is_shown_to_an_editor(url: str, feed: str) -> None:
    assert told("Show HN: Friend – a necklace that listens", url, feed=feed) is None
    assert told("Friend", url, "The best app for your day. Discussion | Link", feed=feed) is None


def test_what_is_said_of_it_tells_the_tool_from_its_namesakes() -> None:
    page = "https://someone.example/posts/friend"
    assert told("Show HN: Friend – fills the calendar of your day, a planner", page) == "friend"
    assert told("Friend", page, "Your productivity, twice") == "friend"
    assert told("Friend 2.0", page) == "friend"
    assert told("Friend 2.0", "https://www.producthunt.com/products/friend-2-0") is None
    assert told("Drop", "https://blog.example/posts/1", "Music for everybody") == "drop"
    assert told("Friend – a planner of friends", page) is None, "one word may be chance"


def test_a_page_of_the_tools_of_its_vendors_or_of_the_feeds_own_site_says_nothing_against_its_name() -> None:
    assert told("Friend", "https://blog.friend.example/posts/1") == "friend"
    assert told("Drop", "https://about.vendor.example/posts/1") == "drop"
    assert told("Friend", "https://launches.example/posts/1") == "friend"
    elsewhere = "https://feeds.example/weekly"
    assert told("Friend", "https://weekly.example/posts/1", feed=elsewhere) is None
    assert told("Friend", "https://weekly.example/1", feed=elsewhere, sites=["https://weekly.example/"]) == "friend"


def test_a_page_that_an_editor_gave_is_believed_by_its_name_but_where_products_are_shown() -> None:
    tools = catalogue_of(PLATES, PLACES)
    assert match_release(Naming("Friend"), "https://someone.example/posts/1", tools).tool_id == 1
    assert match_release(Naming("Friend"), "https://www.producthunt.com/posts/friend-4", tools).tool_id is None
