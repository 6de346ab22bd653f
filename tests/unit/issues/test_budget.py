from newsletter.issues import budget
from newsletter.issues.layout import CARD, LINE, lay_out
from newsletter.issues.rendering import render
from tests.unit.issues.mails import rendered, week
from tests.unit.issues.weeks import LINKS, crowded_material, values


def details(name: str) -> set[str]:
    """The tools that are shown as one line."""
    links = {block.tool for block in rendered(name).blocks if block.name.startswith("links:")}
    return {tool.slug for tool in week(name).items} - {slug for slug in links if slug}


def test_a_usual_week_shows_every_item_whole() -> None:
    assert details("usual") == set()


def test_a_crowded_week_shortens_the_lowest_ranked_items_first() -> None:
    short, items = details("crowded"), [tool.slug for tool in week("crowded").items]
    assert short
    features = {week("crowded").pick, week("crowded").split}
    places = [place for place, slug in enumerate(items) if slug in short]
    assert places == list(range(min(places), len(items))) or all(
        items[place] in features for place in range(min(places), len(items)) if items[place] not in short
    )


def test_the_budget_is_used_and_not_exceeded() -> None:
    assert 60_000 < max(budget.sizes(rendered("crowded").blocks, LINKS.token)) < budget.LIMIT


def test_150_reviewed_tools_with_long_takes_fit_too() -> None:
    found = crowded_material(reviewed=150)
    takes = [take._replace(text="A long opinion about it. " * 80) for take in found.takes]
    made = render(values(found._replace(takes=takes)), LINKS)
    assert max(budget.sizes(made.blocks, LINKS.token)) < budget.LIMIT


def test_a_line_says_name_and_verdict_and_nothing_else() -> None:
    issue = week("usual")
    layout = lay_out(issue, {tool.slug: LINE for tool in issue.items})
    cards = [card for section in layout.sections for card in section.cards]
    assert all(card.quotes == () for card in cards)
    assert layout.pick is not None
    assert layout.pick.detail == CARD
