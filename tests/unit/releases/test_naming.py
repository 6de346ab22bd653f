import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.releases.homes import home_in_address, tool_of_feed
from newsletter.releases.naming import fold_name, is_name, read_title, slug_of
from newsletter.releases.versions import is_prerelease

LAUNCHES = [
    ("Quillbase – notes that answer back", "Quillbase", "notes that answer back", None),
    ("Quillbase - notes that answer back", "Quillbase", "notes that answer back", None),
    ("Quillbase—notes that answer back", "Quillbase", "notes that answer back", None),
    ("Quillbase: notes that answer back", "Quillbase", "notes that answer back", None),
    ("Quillbase | Notes that answer back", "Quillbase", "Notes that answer back", None),
    ("Quillbase：会回答的笔记", "Quillbase", "会回答的笔记", None),
    ("⭐ Quillbase v2.1.0 发布：修复与优化", "Quillbase", "修复与优化", "2.1.0"),
    ("Quillbase 发布 v2.1.0 版本更新", "Quillbase", None, "2.1.0"),
    ("🚀 Quillbase – notes that answer back", "Quillbase", "notes that answer back", None),
    ("[Launch] Quillbase – notes that answer back", "Quillbase", "notes that answer back", None),
    ("Show HN: Quillbase – notes that answer back", "Quillbase", "notes that answer back", None),
    ("Show HN: Quillbase: notes – that answer", "Quillbase", "notes – that answer", None),
    ("Launch HN: Quillbase (YC W26) – notes", "Quillbase", "notes", None),
    ("Introducing Quillbase", "Quillbase", None, None),
    ("Introducing Quillbase 2.0", "Quillbase", None, "2.0"),
    ("Introducing Quillbase Sync in beta for teams", "Quillbase Sync", None, None),
    ("Announcing Quillbase: notes that answer", "Quillbase", "notes that answer", None),
    ("We’re launching Quillbase in three countries", "Quillbase", None, None),
    ("Acme launches Quillbase, making notes easier", "Quillbase", None, None),
    ("Acme Labs is open-sourcing Quillbase", "Quillbase", None, None),
    ("The first release of Quillbase, a notebook", "Quillbase", "a notebook", None),
    ("Quillbase is now available", "Quillbase", None, None),
    ("Quillbase Launched - see what is new", "Quillbase Launched", "see what is new", None),
    ("Quillbase launched", "Quillbase", None, None),
    ("[Quillbase] - notes that answer back", "[Quillbase]", "notes that answer back", None),
    ("Quillbase 2.0 Released!", "Quillbase", None, "2.0"),
    ("quillbase added to PyPI", "quillbase", None, None),
    ("New crate version published: quillbase v2.1.0", "quillbase", None, "2.1.0"),
    ("New crate created: quillbase", "quillbase", None, None),
    ("Quillbase is generally available for everyone", "Quillbase", None, None),
    ("acme/quillbase-large released", "quillbase-large", None, None),
    ("acme/quillbase: v2.1.0", "quillbase", None, "2.1.0"),
    ("acme/quillbase v2.1.0", "quillbase", None, "2.1.0"),
    ("quillbase 2.1.0", "quillbase", None, "2.1.0"),
    ("Quillbase v2", "Quillbase", None, "2"),
    ("Quillbase version 2.1", "Quillbase", None, "2.1"),
    ("quillbase-v2.1.0", "quillbase", None, "2.1.0"),
    ("quillbase@2.1.0", "quillbase", None, "2.1.0"),
    ("Quillbase 2.1: faster search", "Quillbase", "faster search", "2.1"),
    ("QB-5.4 is now available in Acme", "QB-5.4", None, None),
    ("QB-5.4 Sol", "QB-5.4 Sol", None, None),
    ("Quill 4B Edge", "Quill 4B Edge", None, None),
    ("QuillVLM2-2B", "QuillVLM2-2B", None, None),
    ("Quill 3.7 Flash", "Quill 3.7 Flash", None, None),
    ("v0 – words become pages", "v0", "words become pages", None),
    ("C++ Insights – see what the compiler sees", "C++ Insights", "see what the compiler sees", None),
    ("bolt.example – pages from words", "bolt.example", "pages from words", None),
    ("Quill-Graph-RAG: questions to a repository", "Quill-Graph-RAG", "questions to a repository", None),
    ("Quillbase from Acme Notes Labs is now available", "Quillbase", None, None),
    ("https://quillbase.example/ - notes that answer", "quillbase.example", "notes that answer", None),
    ("More choice in Acme: Introducing Quillbase", "Quillbase", None, None),
    ("Quillbase v2.1.0 更新总结", "Quillbase", None, "2.1.0"),
    ("《Quillbase：会回答》", "Quillbase", "会回答》", None),
    ("Welcome to the crisis in mathematics", "Welcome to the crisis in mathematics", None, None),
    ("The latest news we announced in July 2026", "The latest news we announced in July 2026", None, None),
    ("Slow answers for Quill Large 5 and Quill Small 4.5", "Slow answers for Quill Large 5 and Quill Small 4.5", None,
     None),
    ("–", "–", None, None),
    ("Launch HN: Quillbase (W26) – notes", "Quillbase", "notes", None),
    ("Show HN: Quillbase, a notebook for teams", "Quillbase", "a notebook for teams", None),
    ("Show HN: I made Quillbase, a notebook", "Quillbase", "a notebook", None),
    ("Introducing: Quillbase", "Quillbase", None, None),
    ("Now available: Quillbase 2.0", "Quillbase", None, "2.0"),
    ("Introducing the Quillbase API", "Quillbase API", None, None),
    ("Introducing Quillbase, our new notebook", "Quillbase", "our new notebook", None),
    ("Introducing Quillbase for Teams", "Quillbase for Teams", None, None),
    ("🎉 Introducing Quillbase 2.0!", "Quillbase", None, "2.0"),
    ("We're excited to announce Quillbase 2.0", "Quillbase", None, "2.0"),
    ("Excited to announce the release of Quillbase", "Quillbase", None, None),
    ("Just released Quillbase 2.0", "Quillbase", None, "2.0"),
    ("Welcome Quillbase to the hub", "Quillbase", None, None),
    ("Quillbase enters public beta", "Quillbase", None, None),
    ("Quillbase reaches general availability", "Quillbase", None, None),
    ("Quillbase hits 1.0", "Quillbase", None, "1.0"),
    ("Quillbase launches today", "Quillbase", None, None),
    ("acme released quillbase", "quillbase", None, None),
    ("Quillbase 2.1 released with faster search", "Quillbase", None, "2.1"),
    ("Acme Notes Labs’ Quillbase is live", "Quillbase", None, None),
    ("Quillbase 2.1 is released", "Quillbase", None, "2.1"),
    ("Quillbase 2.1 adds search", "Quillbase", "adds search", "2.1"),
    ("Quillbase 2 brings search to notes", "Quillbase 2", "brings search to notes", None),
    ("Quillbase now supports search", "Quillbase", "now supports search", None),
    ("Why everyone should have 2 runs a day", "Why everyone should have 2 runs a day", None, None),
    ("Quillbase (v2.1.0)", "Quillbase", None, "2.1.0"),
    ("Quillbase 24.04 LTS", "Quillbase", None, "24.04"),
    ("Quillbase 2.1, 2.0 and 1.9 Released!", "Quillbase", None, "2.1"),
    ("Quillbase 2.0 Beta 3", "Quillbase", None, "2.0-beta3"),
    ("Quillbase 2.0 (RC1): try it", "Quillbase", "try it", "2.0-rc1"),
    ("Changes in Quillbase 1.4.0", "Quillbase", None, "1.4.0"),
    ("What’s new in Quillbase 1.4", "Quillbase", None, "1.4"),
    ("Quillbase 2.0 Release Notes", "Quillbase", None, "2.0"),
    ("Version 2.0 of Quillbase released", "Quillbase", None, "2.0"),
    ("Release Quillbase v2.1.0 · acme/quillbase · GitHub", "Quillbase", None, "2.1.0"),
    ("Quillbase | Product Hunt", "Quillbase", None, None),
    ("@acme/quillbase@2.1.0", "@acme/quillbase", None, "2.1.0"),
    ("Quillbase-V3", "Quillbase-V3", None, None),
    ("Quillbase 1.5B", "Quillbase 1.5B", None, None),
    ("Quillbase发布2.0版本", "Quillbase", None, "2.0"),
    ("Quillbase 2.0 发布，会回答", "Quillbase", "会回答", "2.0"),
    ("Acme 开源 Quillbase", "Quillbase", None, None),
    ("Quillbase 2.0をリリースしました", "Quillbase", None, "2.0"),
    ("Release v2.3.4 · acme/quillbase · GitHub", "quillbase", None, "2.3.4"),
    ("GitHub - acme/quillbase: Notes that answer back", "quillbase", "Notes that answer back", None),
    ("@acme/quillbase - npm", "@acme/quillbase", None, None),
    ("Introducing the new Quillbase", "Quillbase", None, None),
    ("The all-new Quillbase is here", "Quillbase", None, None),
    ("Now in beta: Quillbase", "Quillbase", None, None),
    ("Early access: Quillbase", "Quillbase", None, None),
    ("Neu: Quillbase 2.0", "Quillbase", None, "2.0"),
    ("Quillbase 2.0 ist da", "Quillbase", None, "2.0"),
    ("Quillbase 2.0 est disponible", "Quillbase", None, "2.0"),
    ("Quillbase 2.0 ya está disponible", "Quillbase", None, "2.0"),
    ("Présentation de Quillbase 2.0", "Quillbase", None, "2.0"),
    ("Lanzamos Quillbase 2.0", "Quillbase", None, "2.0"),
    ("Вышел Quillbase 2.0", "Quillbase", None, "2.0"),
    ("Quillbase 5.2 “Marsh” is here", "Quillbase", None, "5.2"),
    ('Quillbase 22.2 "Zara" released!', "Quillbase", None, "22.2"),
    ("Quillbase 1.91 «Reed»: faster notes", "Quillbase", "faster notes", "1.91"),
    ("Quillbase 13 “marsh” released", "Quillbase 13 “marsh”", None, None),
    ("Quillbase “Pro” is now available", "Quillbase “Pro”", None, None),
    ("“Quill” and “Ink” are here", "“Quill” and “Ink”", None, None),
    ("Introducing “Quillbase”!", "Quillbase", None, None),
    ("Quillbase 5.2.1 Maintenance Release", "Quillbase", None, "5.2.1"),
    ("Quillbase 5.2.2 Security and Maintenance Release", "Quillbase", None, "5.2.2"),
    ("「雪月花」正式版を公開", "雪月花", None, None),
    ("「雪月花」2.0をリリース", "雪月花", None, "2.0"),
    ("Show HN: Quillbase, an open-source notebook", "Quillbase", "an open-source notebook", None),
    ("Show HN: Free, open-source notebook", "Free, open-source notebook", None, None),
    ("Show HN: My weekend project, a notebook", "My weekend project, a notebook", None, None),
]  # fmt: skip

OF_ONE_TOOL = [
    ("v1.2.3", "1.2.3", None, False),
    ("1.2.3", "1.2.3", None, False),
    ("Release 2026.8.18", "2026.8.18", None, False),
    ("Quillbase 1.2.3", "1.2.3", None, False),
    ("cli-v0.1.0", "0.1.0", None, False),
    ("@acme/quillbase@1.2.3", "1.2.3", None, False),
    ("python - v2.9.3 - 2026-08-13 15:47:58", "2.9.3", None, False),
    ("v1.2.3: faster search", "1.2.3", "faster search", False),
    ("v0.28.0rc1", "0.28.0rc1", None, True),
    ("v0.32.15-rc2", "0.32.15-rc2", None, True),
    ("v0.32.15-rc0: build fixes (#178)", "0.32.15-rc0", "build fixes (#178)", True),
    ("v2.0.0-beta.1", "2.0.0-beta.1", None, True),
    ("2.0.0a1", "2.0.0a1", None, True),
    ("v2.0.0-alpha", "2.0.0-alpha", None, True),
    ("v1.0.0-preview.3", "1.0.0-preview.3", None, True),
    ("1.0.0.dev3", "1.0.0.dev3", None, True),
    ("nightly", None, "nightly", True),
    ("2.0 Beta 3", "2.0-beta3", None, True),
    ("v2.0.0 (pre-release)", "2.0.0-pre", None, True),
    ("v1.2.3-prerelease", "1.2.3-prerelease", None, True),
    ("24.04.1-ea", "24.04.1-ea", None, True),
    ("Release candidate", None, "Release candidate", True),
    ("The assistant leaves beta for everyone", None, "The assistant leaves beta for everyone", False),
    ("v2.0.0-SNAPSHOT", "2.0.0-SNAPSHOT", None, True),
    ("v1.2.3_hotfix", "1.2.3", "hotfix", False),
    ("quillbase/v1.2.3", "1.2.3", None, False),
    ("b4567", "b4567", None, False),
    ("go1.26.1", "1.26.1", None, False),
    ("v2026-08-18", "2026-08-18", None, False),
    ("RC1", "RC1", None, True),
    ("release-2026-08-18", "2026-08-18", None, False),
    ("Faster search and a new editor", None, "Faster search and a new editor", False),
    ("Release 5", "5", None, False),
    ("Release 5: The big one", "5", "The big one", False),
    ("Quillbase 5", "5", None, False),
    ("Build 12345", "12345", None, False),
    ("Build 5 brings search", None, "Build 5 brings search", False),
    ("v.1.2.3", "1.2.3", None, False),
    ("[1.2.3] - 2026-11-26", "1.2.3", None, False),
    ("[Editor] 1.2.3", "1.2.3", None, False),
]


@pytest.mark.parametrize(("title", "name", "tagline", "version"), LAUNCHES)
def test_a_title_gives_its_name_tagline_and_version(
    title: str, name: str, tagline: str | None, version: str | None
) -> None:
    found = read_title(title)
    assert (found.name, found.tagline, found.version) == (name, tagline, version)


@pytest.mark.parametrize(("title", "version", "tagline", "prerelease"), OF_ONE_TOOL)
def test_a_title_of_a_tools_own_feed_gives_its_version(
    title: str, version: str | None, tagline: str | None, prerelease: bool
) -> None:
    found = read_title(title, of_tool="Quillbase")
    assert (found.name, found.version, found.tagline, found.prerelease) == ("Quillbase", version, tagline, prerelease)


@pytest.mark.parametrize("text", ["1.2.3", "v2", "1.2.3-1", "2026.8.18", "rcp 1.0", "v1.0.0+build.5"])
def test_a_finished_version_is_no_prerelease(text: str) -> None:
    assert not is_prerelease(text)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Bolt.new", "bolt new"),
        ("Café Notes", "cafe  notes"),
        ("Quill\u200bbase", "Quillbase"),
        ("Quill\ufe0fbase", "Quillbase"),
        ("Quill\u3164base", "Quillbase"),
        ("Quill\u034fbase", "Quillbase"),
        ("Ｑｕｉｌｌ", "quill"),
        ("Oh My codeX", "Oh My Codex"),
        ("Quill\u20115", "Quill-5"),
        ("Quill\u2010base", "Quill base"),
        ("\U0001f917 Quillbase", "Quillbase"),
        ("Quillbase™", "Quillbase"),
        ("Quillbase ☕\ufe0f", "quillbase"),
    ],
)
def test_spellings_of_one_name_have_one_key(left: str, right: str) -> None:
    assert fold_name(left) == fold_name(right)


@pytest.mark.parametrize(
    ("left", "right"),
    [("C", "C++"), ("Codex", "Codex++"), ("SmolVLM2", "SmolVLM2-2B"), ("Mistral 4B", "Mistral 4B Edge"),
     ("Cursor", "\u0421ursor"), ("Z Code", "ZCode"), ("1.2", "12"),
     ("\U0001f680", "\u2615"), ("\U0001f469\u200d\U0001f4bb", "")],
)  # fmt: skip
def test_different_names_have_different_keys(left: str, right: str) -> None:
    assert fold_name(left) != fold_name(right)


@pytest.mark.parametrize(
    ("title", "tool"),
    [
        ("Release notes from quillbase", "quillbase"), ("PyPI recent updates for quillbase", "quillbase"),
        ("Quill Base Changelog", "Quill Base"), ("Quillbase – Release notes", "Quillbase"), ("Quillbase", "Quillbase"),
        ("Changelog", "Changelog"),
    ],
)  # fmt: skip
def test_a_feed_of_versions_has_its_tool_in_its_title(title: str, tool: str) -> None:
    assert tool_of_feed(title) == tool


def test_sentences_their_pieces_and_versions_are_no_names() -> None:
    none = ("to the crisis in mathematics", "and more to come", "v2.1.0", "1.0", "", "I built a notebook for pianists",
            "A 2KB notebook in C", "47 lines of Python that answer", "Are notes dead these days?",
            "Free, offline notes for all", "My weekend project, a notebook")  # fmt: skip
    assert not [text for text in none if is_name(text)]
    names = ("Quillbase", "quill", "quill base", "n8n for all teams", "twt-investor for all", "Meet your quill", "v0",
             "A Quiet Quill", "We Are Quill", "What the Quill", "Quills That Answer", "My Weekly Quill",
             "Free Quill Name Maker", "A Quill Orange Project", "How To Quill Books", "Can I Quill Now?")  # fmt: skip
    assert [text for text in names if not is_name(text)] == ["v0"]


@pytest.mark.parametrize(
    ("url", "home"),
    [
        ("https://github.com/acme/quill/releases/tag/v1.0", "https://github.com/acme/quill"),
        ("https://gitlab.com/acme/quill/-/releases/v1.0", "https://gitlab.com/acme/quill"),
        ("https://pypi.org/project/quill/1.0/", "https://pypi.org/project/quill"),
        ("https://www.npmjs.com/package/@acme/quill/v/1.0", "https://www.npmjs.com/package/@acme/quill"),
        ("https://crates.io/crates/quill/1.0.0", "https://crates.io/crates/quill"),
        ("https://rubygems.org/gems/quill/versions/1.0", "https://rubygems.org/gems/quill"),
        ("https://github.com/acme/quill", None),
        ("https://acme.example/releases/1", None),
        (None, None),
    ],
)
def test_a_release_page_lies_below_its_repository_or_package(url: str | None, home: str | None) -> None:
    assert home_in_address(url) == home


def test_a_slug_is_made_of_what_can_stand_in_an_address() -> None:
    assert slug_of("Café Notes 2.0!") == "cafe-notes-2-0"
    assert slug_of("C++ Insights") == "c-plus-plus-insights"
    assert slug_of("微软") == "tool"
    assert slug_of("a" * 79 + " bc") == "a" * 79, "an import takes no slug that ends in a hyphen"


@given(st.text(max_size=200))
def test_no_title_breaks_the_reading(title: str) -> None:
    for of_tool in (None, "Quillbase"):
        found = read_title(title, of_tool=of_tool)
        assert found.name or not title.strip()


@pytest.mark.parametrize(
    ("title", "page", "name"),
    [
        ("Welcome Compass - Finds the way", "https://www.producthunt.com/posts/welcome-compass-2?utm_source=x",
         "Welcome Compass"),
        ("Meet Ava", "https://www.producthunt.com/products/meet-ava", "Meet Ava"),
        ("Show HN: Meet Ava – a secretary", "https://meetava.example/", "Meet Ava"),
        ("Quill-CI/CD - Sets up pipelines", "https://www.producthunt.com/posts/quill-ci-cd", "Quill-CI/CD"),
        ("Meet Ava 2.0 - A secretary", "https://www.producthunt.com/products/meet-ava-2-0", "Meet Ava"),
        ("Meet Ava – a secretary", "https://www.producthunt.com/products/ava", "Ava"),
        ("Meet Ava", "https://vendor.example/blog/meet-ava", "Ava"),
        ("Welcome Quillbase to the hub", "https://hub.example/welcome-quillbase-to-the-hub", "Quillbase"),
        ("acme/quillbase: v2.1.0", "https://github.com/acme/quillbase/releases/tag/v2.1.0", "quillbase"),
    ],
)  # fmt: skip
def test_a_lead_that_the_page_or_the_site_is_called_by_is_part_of_the_name(title: str, page: str, name: str) -> None:
    assert read_title(title, page=page).name == name
