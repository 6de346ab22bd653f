"""The queue, tools and takes over HTTP."""

import json
import re
from datetime import timedelta
from functools import partial
from html import unescape
from urllib.parse import parse_qs, unquote_plus, urlsplit

import httpx
import pytest
from sqlalchemy import Engine, select

from db import releases, tools
from db.archive import issues_with
from db.engine import reading, transaction
from db.issues import issue_of_week
from db.material import issue_material
from db.models import Letter
from newsletter.issues.publish import publish_issue
from newsletter.issues.render import render_issue
from newsletter.releases.catalogue import catalogue_of
from newsletter.releases.matching import match_release
from newsletter.releases.naming import Naming
from newsletter.releases.rematch import rematch_releases
from newsletter.settings import Settings
from newsletter.tools.edit import remember_name
from newsletter.tools.import_tools import import_tools
from newsletter.tools.reading import GivenTake
from newsletter.verdicts.record import record_take
from tests.conftest import one_database
from tests.fakes.editors_room import Editor, Room, fields
from tests.fakes.sample_week import NOW, WEEK, set_out
from tests.fakes.together import at_once


def unmatched(room: Room) -> dict[str, int]:
    with reading(room.engine) as connection:
        return {row.title: row.id for row in releases.list_releases(connection, status="unmatched")}


def act(editor: Editor, path: str, **typed: str) -> int:
    return answer(editor, path, **typed).status_code


def answer(editor: Editor, path: str, **typed: str) -> httpx.Response:
    page = editor.browser.get("/editor/queue").text
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', page)
    assert found
    return editor.browser.post(path, data={"csrf": found[1], **typed})


def standing(room: Room, slug: str) -> dict[str, str]:
    with reading(room.engine) as connection:
        tool = tools.tool_by_slug(connection, slug)
        assert tool is not None
        return {take.panelist: take.text for take in tools.takes_of(connection, [tool.id])[tool.id]}


def letters_waiting(room: Room) -> int:
    with reading(room.engine) as connection:
        return len(connection.execute(select(Letter.id)).all())


def id_of(room: Room, title: str) -> int:
    with reading(room.engine) as connection:
        return next(row.id for row in releases.list_releases(connection) if row.title == title)


def rendered(room: Room) -> str:
    return render_issue(room.engine, WEEK, room.settings).text


def carried(room: Room) -> set[str]:
    with reading(room.engine) as connection:
        issue = issue_of_week(connection, str(WEEK))
        assert issue is not None
        return {row.title for row in issue_material(connection, issue).releases}


def test_what_is_matched_flows_into_the_draft_and_undo_takes_it_out(room: Room) -> None:
    ada, waiting = room.editor(), unmatched(room)
    curly = waiting["Curly 2 for teams"]
    assert act(ada, f"/editor/queue/{curly}/match", candidate="curly", always="yes") == 303
    assert "Curly 2 for teams" in carried(room)
    with reading(room.engine) as connection:
        tool = tools.tool_by_slug(connection, "curly")
        assert tool is not None
        names = [alias.label for alias in tools.aliases_of(connection, [tool.id])[tool.id]]
    assert "Curly 2 for teams" in names, "and the name is remembered, since the editor said always"
    assert act(ada, f"/editor/queue/{curly}/undo") == 303
    assert "Curly 2 for teams" not in carried(room)
    assert curly in unmatched(room).values()
    assert "Match <b><bdi>Curly</bdi></b>" in ada.browser.get("/editor/queue").text, "its candidates are there again"


@one_database
def test_what_is_matched_flows_into_a_draft_that_was_made_before_its_week_ended(
    engine: Engine, settings: Settings
) -> None:
    set_out(engine, settings)
    room = Room(engine, settings, NOW - timedelta(days=3))
    ada, curly = room.editor(), unmatched(room)["Curly 2 for teams"]
    decided = answer(ada, f"/editor/queue/{curly}/match", candidate="curly")
    assert "Curly 2 for teams" in carried(room)
    assert f"matched with curly, in {WEEK}" in ada.browser.get(decided.headers["location"]).text


@one_database
def test_who_matches_is_told_which_issue_it_comes_in(room: Room) -> None:
    ada, waiting = room.editor(), unmatched(room)

    def told(title: str, **typed: str) -> str:
        decided = answer(ada, f"/editor/queue/{waiting[title]}/match", **typed)
        return parse_qs(urlsplit(decided.headers["location"]).query)["said"][0]

    assert told("Curly 2 for teams", candidate="curly") == "Curly 2 for teams: matched with curly, in 2026-W47"
    room.approve()
    said = told("Pagewright Studio", candidate="pagewright")
    assert "2026-W47 is approved already, so it comes in 2026-W48" in said
    assert "unless you edit 2026-W47 and bring it up to date" in said
    ada.open()
    ada.press("save", subject="Mine")
    ada.open()
    ada.press("compose")
    assert "Pagewright Studio" in carried(room), "as was said"
    room.approve()
    publish_issue(room.engine, WEEK, room.settings, NOW)
    assert told("Lanternfish", tool="inkwell").endswith("; it comes in 2026-W48")


@one_database
def test_who_matches_what_is_too_old_for_any_issue_is_told(room: Room) -> None:
    ada, old = room.editor(), unmatched(room)["Lanternfish"]
    with transaction(room.engine) as connection:
        releases.update_release(connection, old, week="2026-W40")
    decided = answer(ada, f"/editor/queue/{old}/match", tool="inkwell")
    assert "no issue announces what is more than 4 weeks old" in unquote_plus(decided.headers["location"])


@one_database
def test_a_decision_is_taken_back_from_the_log_after_others_came(room: Room) -> None:
    ada, waiting = room.editor(), unmatched(room)
    act(ada, f"/editor/queue/{waiting['Lanternfish']}/drop")
    act(ada, f"/editor/queue/{waiting['We are hiring a designer']}/drop")
    log = ada.browser.get(f"/editor/log?on=release+{waiting['Lanternfish']}").text
    leads = re.search(r'href="(/editor/queue\?undo=\d+)">Take back', log)
    assert leads
    shown = ada.browser.get(leads[1]).text
    assert "<bdi>Lanternfish</bdi>: dropped" in shown
    undo = re.search(r'action="(/editor/queue/\d+/undo)"', shown)
    assert undo
    assert act(ada, undo[1], seen="dropped") == 303
    assert "Lanternfish" in unmatched(room)


def test_a_tool_that_comes_back_into_the_draft_finds_its_place_and_its_note(room: Room) -> None:
    ada, launched = room.editor(), id_of(room, "Branchline 1.0")
    ada.open()
    branchline = ada.item("Branchline")
    note = branchline.replace("items/", "note-")
    ada.press(f"{branchline}/top", **{note: "Ask for the team price."})
    act(ada, f"/editor/queue/{launched}/undo")
    assert "branchline" not in room.order
    ada.open()
    assert ada.form[note] == "Ask for the team price.", "and it is not lost from sight meanwhile"
    act(ada, f"/editor/queue/{launched}/match", candidate="branchline")
    assert room.order[0] == "branchline"
    ada.open()
    assert ada.form[note] == "Ask for the team price."
    act(ada, f"/editor/queue/{launched}/undo")
    room.approve()
    publish_issue(room.engine, WEEK, room.settings, NOW)
    with reading(room.engine) as connection:
        tool = tools.tool_by_slug(connection, "branchline")
        assert tool is not None
        assert not issues_with(connection, tool.id, 10), "an issue that went out without the tool does not name it"


def test_a_note_typed_on_a_tool_that_left_meanwhile_waits_for_it(room: Room) -> None:
    ada, bo, launched = room.editor(), room.editor("bo@example.com"), id_of(room, "Branchline 1.0")
    ada.open()
    note = ada.item("Branchline").replace("items/", "note-")
    act(bo, f"/editor/queue/{launched}/undo")
    ada.press("save", **{note: "Ask for the team price."})
    ada.open()
    assert ada.form[note] == "Ask for the team price."
    act(bo, f"/editor/queue/{launched}/match", candidate="branchline")
    assert "Ask for the team price." in rendered(room)


def test_a_note_that_could_not_be_stored_is_still_there_although_its_tool_left(room: Room) -> None:
    ada, bo, launched = room.editor(), room.editor("bo@example.com"), id_of(room, "Branchline 1.0")
    for editor in (ada, bo):
        editor.open()
    left, dropped = (ada.item(name).replace("items/", "note-") for name in ("Branchline", "Curly"))
    act(bo, f"/editor/queue/{launched}/undo")
    bo.press(f"{bo.item('Curly')}/drop")
    conflict = ada.press("save", **{left: "Ask for the team price.", dropped: "Its best release."})
    assert conflict.status_code == 409
    typed = fields(conflict.text)
    assert (typed[left], typed[dropped]) == ("Ask for the team price.", "Its best release.")


def test_a_rule_is_listed_and_ends_when_somebody_says_so(room: Room) -> None:
    ada, waiting = room.editor(), unmatched(room)
    assert "There are none." in ada.browser.get("/editor/rules").text
    act(ada, f"/editor/queue/{waiting['Curly 2 for teams']}/match", candidate="curly", always="yes")
    shown = ada.browser.get("/editor/rules").text
    assert "Curly 2 for teams" in shown
    found = re.search(r"/editor/rules/\d+/remove", shown)
    assert found
    assert act(ada, found[0]) == 303
    assert "There are none." in ada.browser.get("/editor/rules").text
    assert "Curly 2 for teams" in carried(room), "what was matched stays matched"
    assert act(ada, found[0]) == 404


def test_a_rule_ends_whole_though_its_name_stood_among_those_that_were_stored(room: Room) -> None:
    ada = room.editor()
    remember_name(room.engine, "curly", "Whimbrel", NOW)
    assert act(ada, "/editor/tools/curly", aliases="Whimbrel\nCurler") == 303
    rule = re.search(r"/editor/rules/\d+/remove", ada.browser.get("/editor/rules").text)
    assert rule
    act(ada, rule[0])
    with reading(room.engine) as connection:
        tool = tools.standing_tool(connection, "curly")
        assert tool is not None
        names = [alias.label for alias in tools.aliases_of(connection, [tool.id])[tool.id] if alias.kind == "name"]
    assert names == ["Curler"]


def test_undo_takes_back_the_rule_too(room: Room) -> None:
    ada, waiting = room.editor(), unmatched(room)
    curly = waiting["Curly 2 for teams"]
    act(ada, f"/editor/queue/{curly}/match", candidate="curly", always="yes")
    act(ada, f"/editor/queue/{curly}/undo")
    assert "There are none." in ada.browser.get("/editor/rules").text


def test_the_last_rule_for_a_name_is_the_one_that_holds(room: Room) -> None:
    with reading(room.engine) as connection:
        first, last = tools.all_tools(connection)[:2]
    remember_name(room.engine, first.slug, "Whimbrel", NOW)
    remember_name(room.engine, last.slug, "Whimbrel", NOW)
    assert room.editor().browser.get("/editor/rules").text.count("End the rule for Whimbrel") == 1
    with reading(room.engine) as connection:
        catalogue = catalogue_of(releases.nameplates(connection), releases.alias_keys(connection))
    assert match_release(Naming("Whimbrel"), None, catalogue).tool_id == last.id


def test_a_new_tool_is_unlisted_until_it_has_a_take(room: Room) -> None:
    ada, waiting = room.editor(), unmatched(room)
    typed = {"name": "Lanternfish", "url": "https://lanternfish.example/", "category": "Writing"}
    path = f"/editor/queue/{waiting['Lanternfish']}/new-tool"
    assert act(ada, path, **typed | {"url": "javascript:alert(1)"}) == 422
    assert act(ada, path, **typed | {"category": ""}) == 422
    assert act(ada, path, **typed | {"name": "\u00ad"}) == 422, "a link of it could not be pressed"
    assert act(ada, path, **typed | {"category": "C" * 81}) == 422, "longer ones no reader can choose, no import takes"
    assert act(ada, path, **typed | {"tagline": "T" * 600}) == 303
    assert "Lanternfish" in carried(room)
    with reading(room.engine) as connection:
        tool = tools.tool_by_slug(connection, "lanternfish")
    assert tool is not None
    assert not tool.listed
    assert tool.tagline == "T" * 600, "as much as a feed brings"
    assert act(ada, "/editor/tools/lanternfish/takes/builder", call="ship", score="77", text="It glows.") == 303
    with reading(room.engine) as connection:
        tool = tools.tool_by_slug(connection, "lanternfish")
    assert tool is not None
    assert tool.listed


def test_a_button_that_is_pressed_twice_makes_one_tool(room: Room) -> None:
    ada, fish = room.editor(), unmatched(room)["Lanternfish"]
    typed = {"name": "Lanternfish", "url": "https://lanternfish.example/", "category": "Writing"}
    assert [act(ada, f"/editor/queue/{fish}/new-tool", **typed) for _ in range(2)] == [303, 409]
    with reading(room.engine) as connection:
        assert tools.tool_by_slug(connection, "lanternfish-2") is None
        found = releases.release_by_id(connection, fish)
    assert found is not None
    assert found.tool == "lanternfish"


def test_of_those_who_make_a_tool_of_one_release_at_once_one_does(room: Room) -> None:
    fish, editors = unmatched(room)["Lanternfish"], [room.editor(f"{name}@example.com") for name in ("ada", "bo", "cy")]
    typed = {"name": "Lanternfish", "url": "https://lanternfish.example/", "category": "Writing"}
    presses = [partial(act, editor, f"/editor/queue/{fish}/new-tool", **typed) for editor in editors]
    assert sorted(at_once(*presses)) == [303, 409, 409]
    added = {"add_url": "https://moth.example/", "add_name": "Moth", "add_category": "Writing"}
    for editor in editors:
        editor.open()
    at_once(*(partial(editor.press, "add", **added) for editor in editors))
    with reading(room.engine) as connection:
        known = tools.tools_by_slug(connection, ["lanternfish", "lanternfish-2", "moth", "moth-2"])
    assert set(known) == {"lanternfish", "moth"}


def test_who_decides_on_a_page_that_is_out_of_date_is_told_what_was_decided(room: Room) -> None:
    ada, bo, waiting = room.editor(), room.editor("bo@example.com"), unmatched(room)
    curly, hiring = waiting["Curly 2 for teams"], waiting["We are hiring a designer"]
    assert act(ada, f"/editor/queue/{curly}/match", candidate="curly") == 303
    assert act(ada, f"/editor/queue/{hiring}/drop") == 303
    for path in (f"{curly}/match", f"{curly}/drop", f"{hiring}/match"):
        assert act(bo, f"/editor/queue/{path}", tool="inkwell") == 409, path
    told = unescape(answer(bo, f"/editor/queue/{curly}/drop").text)
    assert "is matched with curly (by ada@example.com) by now" in told
    assert "Lanternfish" in told, "what waits stands below"
    with reading(room.engine) as connection:
        found = releases.release_by_id(connection, curly)
    assert found is not None
    assert (found.tool, found.status) == ("curly", "matched")
    assert act(bo, f"/editor/queue/{curly}/match", candidate="curly") == 303, "they agree"
    assert act(bo, f"/editor/queue/{hiring}/drop") == 303
    assert act(bo, f"/editor/queue/{curly}/undo") == 303
    assert act(bo, f"/editor/queue/{curly}/match", tool="inkwell") == 303, "and a decision can be taken back"
    assert act(ada, f"/editor/queue/{curly}/undo", seen="matched curly") == 409, "but only the one that was seen"
    seen = re.search(r'name="seen" value="([^"]+)"', ada.browser.get(f"/editor/queue?undo={curly}").text)
    assert seen
    assert act(ada, f"/editor/queue/{curly}/undo", seen=seen[1]) == 303


def test_undoing_a_new_tool_brings_its_release_back_into_the_queue(room: Room) -> None:
    ada, waiting = room.editor(), unmatched(room)
    fish = waiting["Lanternfish"]
    typed = {"name": "Lanternfish", "url": "https://lanternfish.example/", "category": "Writing"}
    act(ada, f"/editor/queue/{fish}/new-tool", **typed)
    assert act(ada, f"/editor/queue/{fish}/undo") == 303
    assert fish in unmatched(room).values()
    assert "Lanternfish" not in carried(room)
    assert "Match <b><bdi>Lanternfish</bdi></b>" in ada.browser.get("/editor/queue").text, "it is proposed and no more"
    assert rematch_releases(room.engine, NOW) == 0
    act(ada, f"/editor/queue/{fish}/match", candidate="lanternfish")
    assert "Lanternfish" in carried(room)


@one_database
def test_a_decision_leads_back_to_the_part_of_the_queue_where_it_was_made(room: Room) -> None:
    ada, (first, *_, fish, hiring) = room.editor(), sorted(unmatched(room).values())
    page = ada.browser.get(f"/editor/queue?after={first}").text
    assert page.count(f'name="after" value="{first}"') == 6, "in both forms of each of three"
    made = {"name": "Lanternfish", "url": "https://lanternfish.example/", "category": "Writing"}
    for path, typed in ((f"{fish}/new-tool", made), (f"{fish}/undo", {}), (f"{hiring}/drop", {})):
        told = answer(ada, f"/editor/queue/{path}", after=str(first), **typed)
        assert f"after={first}" in told.headers["location"], path
    told = answer(ada, f"/editor/queue/{hiring}/match", after=str(first), tool="curly")
    assert f'data-address="/editor/queue?after={first}"' in told.text, "a refused one, too, where it is loaded again"
    assert "From the beginning" in ada.browser.get(f"/editor/queue?after={hiring}").text


@one_database
def test_what_cannot_be_decided_is_refused(room: Room) -> None:
    ada, waiting = room.editor(), unmatched(room)
    curly = waiting["Curly 2 for teams"]
    assert act(ada, f"/editor/queue/{curly}/match") == 422
    assert act(ada, f"/editor/queue/{curly}/match", tool="no-such-tool") == 404
    assert act(ada, "/editor/queue/999999/drop") == 404
    assert len(unmatched(room)) == 4


@one_database
def test_who_works_in_a_browser_is_given_no_command_to_type(room: Room) -> None:
    ada, waiting = room.editor(), unmatched(room)
    refused = answer(ada, f"/editor/queue/{waiting['Curly 2 for teams']}/match", tool="no-such-tool").text
    assert "There is no tool &#39;no-such-tool&#39;.</p>" in refused
    as_a_stranger = ada.browser.get(f"/editor/issues/{WEEK}/preview", params={"as": "nobody@example.org"}).text
    assert "nobody@example.org is no subscriber." in as_a_stranger
    ada.open()
    not_approved = ada.press("send", sure="yes").text
    assert f"issue {WEEK} is a draft; approve it first." in not_approved
    for page in (refused, as_a_stranger, not_approved):
        assert "`" not in page.partition("<main")[2].partition("<textarea")[0]


def test_editing_a_tool_takes_no_address_of_it_away(room: Room) -> None:
    ada = room.editor()
    aliases = ["https://github.com/al/curly", "Curlicue"]
    import_tools(room.engine, json.dumps({"slug": "curly", "aliases": aliases, "listed": False}), NOW)
    assert act(ada, "/editor/tools/curly", tagline="Curls.", aliases="Curlicue\nCurler") == 303
    with reading(room.engine) as connection:
        tool = tools.tool_by_slug(connection, "curly")
        assert tool is not None
        labels = {alias.label for alias in tools.aliases_of(connection, [tool.id])[tool.id] if alias.source == "import"}
    assert labels == {"https://github.com/al/curly", "Curlicue", "Curler"}
    assert (tool.tagline, tool.listed) == ("Curls.", False)


def form_of(editor: Editor, path: str, page: str = "") -> dict[str, str]:
    page = editor.browser.get(page or path).text.partition(f'action="{path}"')[2].partition("</form>")[0]
    found = {name: unescape(value) for name, value in re.findall(r'name="([\w-]+)" value="([^"]*)"', page)}
    found |= {
        name: unescape(value) for name, value in re.findall(r'<textarea[^>]* name="(\w+)"[^>]*>\n(.*?)<', page, re.S)
    }
    return found


@one_database
def test_two_editors_of_a_tool_do_not_undo_each_others_changes(room: Room) -> None:
    path = "/editor/tools/curly"
    ada, bo = room.editor(), room.editor("bo@example.com")
    hers, his = form_of(ada, path), form_of(bo, path)
    assert ada.browser.post(path, data=hers | {"tagline": "Curls.", "aliases": "Curlicue"}).status_code == 303
    assert bo.browser.post(path, data=his | {"pricing": "$5"}).status_code == 303
    with reading(room.engine) as connection:
        tool = tools.tool_by_slug(connection, "curly")
    assert tool is not None
    assert (tool.tagline, tool.pricing) == ("Curls.", "$5")
    told = bo.browser.post(path, data=his | {"tagline": "Bends.", "aliases": "Bender"})
    assert told.status_code == 409
    assert "somebody changed the tagline (now “Curls.”) and aliases (now “Curlicue”)" in unescape(told.text)
    shown = {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', told.text)}
    assert (shown["tagline"], shown["tagline_was"], shown["pricing"]) == ("Bends.", "Curls.", "$5")


@one_database
def test_a_tool_that_is_called_new_has_a_page_like_any_other(room: Room) -> None:
    ada = room.editor()
    typed = {"name": "New", "slug": "new", "url": "https://new.example/", "category": "Writing"}
    assert act(ada, "/editor/tools/new", **typed) == 404, "a tool that is not there is not made of what is stored in it"
    assert act(ada, "/editor/new-tool", **typed) == 303
    assert act(ada, "/editor/tools/new", tagline="Newer.") == 303
    assert "Newer." in ada.browser.get("/editor/tools/new").text


def test_an_editor_edits_lists_and_merges_tools(room: Room) -> None:
    ada = room.editor()
    typed = {"name": "Curly <b>", "url": "https://curly.example/", "category": "Writing", "tagline": ""}
    assert act(ada, "/editor/tools/curly", **typed) == 303
    page = ada.browser.get("/editor/tools/curly").text
    assert "Curly &lt;b&gt;" in page
    assert act(ada, "/editor/tools/curly", **typed | {"url": "no address"}) == 422
    assert act(ada, "/editor/tools/curly/listed", listed="no") == 303
    assert "not on public pages" in ada.browser.get("/editor/tools/curly").text
    assert act(ada, "/editor/tools/inkwell/merge", into="curly") == 200, "it asks once"
    assert act(ada, "/editor/tools/inkwell/merge", into="curly", sure="yes") == 303
    assert "Inkwell" not in ada.browser.get("/editor/tools").text


@one_database
@pytest.mark.parametrize(
    ("typed", "status"),
    [
        ({"call": "ship", "score": "88", "text": "x" * 20_000}, 303),
        ({"call": "ship", "score": "", "text": "<script>alert(1)</script>"}, 303),
        ({"call": "ship", "score": "88", "text": "x" * 20_001}, 422),
        ({"call": "ship", "score": "101", "text": ""}, 422),
        ({"call": "ship", "score": "many", "text": ""}, 422),
        ({"call": "maybe", "score": "", "text": ""}, 422),
        ({}, 422),
    ],
)
def test_takes_are_stored_or_refused_with_everything_typed(room: Room, typed: dict[str, str], status: int) -> None:
    ada = room.editor()
    assert act(ada, "/editor/tools/inkwell/takes/skeptic", **typed) == status
    page = ada.browser.get("/editor/tools/inkwell/takes/skeptic").text
    assert "<script>alert" not in page


@one_database
def test_who_stores_a_take_hears_what_it_did_to_the_verdict(room: Room) -> None:
    ada, path = room.editor(), "/editor/tools/inkwell/takes/skeptic"
    for call, words in (("ship", "became 100 %"), ("ship", "100 % as before"), ("skip", "100 % became 0 %")):
        stored = ada.browser.post(path, data=form_of(ada, path) | {"call": call, "score": "", "text": ""})
        assert words in unquote_plus(stored.headers["location"])


@one_database
def test_who_stores_a_take_over_one_that_came_meanwhile_is_told(room: Room) -> None:
    path = "/editor/tools/inkwell/takes/builder"
    ada, sam = room.editor(), room.editor("sam@example.com", "panelist", "builder")
    hers, own = form_of(ada, path), form_of(sam, path)
    assert sam.browser.post(path, data=own | {"call": "ship", "score": "88", "text": "Mine."}).status_code == 303
    typed = {"call": "skip", "score": "10", "text": "What Sam told me."}
    told = ada.browser.post(path, data=hers | typed)
    assert told.status_code == 409
    assert "somebody stored builder's take after you opened this page: ship, 88/100" in unescape(told.text)
    assert "What Sam told me." in told.text
    seen = re.search(r'name="seen" value="(\d+)"', told.text)
    assert seen
    assert ada.browser.post(path, data=hers | typed | {"seen": seen[1]}).status_code == 303


@one_database
def test_who_pastes_takes_over_one_that_came_meanwhile_is_told(room: Room) -> None:
    ada, path = room.editor(), "/editor/tools/curly/takes"
    hers = form_of(ada, path, "/editor/tools/curly")
    takes = "Builder 12 skip: It broke.\nSkeptic 90 ship: It held."
    record_take(room.engine, "curly", GivenTake("builder", "ship", 88, "It runs."), NOW)
    record_take(room.engine, "curly", GivenTake("skeptic", "ship", 90, "It held."), NOW)
    told = ada.browser.post(path, data=hers | {"takes": takes})
    assert told.status_code == 409
    assert "somebody stored builder's take after you opened this page: ship, 88/100." in unescape(told.text)
    assert takes in unescape(told.text), "and nothing typed is lost"
    assert standing(room, "curly")["builder"] == "It runs."
    again = re.search(r'name="seen" value="([\d,]+)"', told.text)
    assert again
    assert ada.browser.post(path, data=hers | {"takes": takes, "seen": again[1]}).status_code == 303
    assert standing(room, "curly")["builder"] == "It broke."


@one_database
def test_takes_pasted_together_are_stored_together_or_not_at_all(room: Room) -> None:
    ada = room.editor()
    assert act(ada, "/editor/tools/inkwell/takes", takes="Builder 80 ship: Good.\nSkeptic 300 skip") == 422
    assert act(ada, "/editor/tools/inkwell/takes", takes="Builder 80 ship: Good.\nSkeptic 30 skip: Not yet.") == 303
    assert "1 ship / 1 skip" in ada.browser.get("/editor/tools/inkwell").text
    assert "by: builder, skeptic" in ada.browser.get("/editor/log?on=tool+inkwell").text


def test_the_panel_is_asked_by_mail_for_what_each_lacks(room: Room) -> None:
    ada = room.editor()
    assert act(ada, "/editor/takes/ask") == 303
    room.editor("sam@example.com", "panelist", "creator")
    room.editor("kim@example.com", "panelist", "builder")
    for slug in ("inkwell", "nightjar"):
        assert act(ada, f"/editor/tools/{slug}/takes/builder", call="ship", score="70", text="") == 303
    act(ada, "/editor/takes/ask")
    with reading(room.engine) as connection:
        (letter,) = connection.execute(select(Letter.email, Letter.data)).all()
    assert letter.email == "sam@example.com", "the builder has looked at everything"
    assert letter.data["subject"] == "4 tools wait for your take"
    told = answer(room.editor("bo@example.com"), "/editor/takes/ask")
    assert (told.status_code, letters_waiting(room)) == (200, 1)
    assert "ada@example.com asked the panel at 06:00 (UTC); they get another mail." in told.text
    assert act(ada, "/editor/takes/ask", sure="yes") == 303
    assert letters_waiting(room) == 2


@one_database
def test_a_panelist_cannot_enter_anothers_take(room: Room) -> None:
    sam = room.editor("sam@example.com", "panelist", "builder")
    page = sam.browser.get("/editor/tools/inkwell/takes/builder").text
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', page)
    assert found
    typed = {"csrf": found[1], "call": "ship", "score": "50", "text": "Mine."}
    assert sam.browser.post("/editor/tools/inkwell/takes/skeptic", data=typed).status_code == 409
    assert sam.browser.post("/editor/tools/inkwell/takes", data={"csrf": found[1], "takes": "x"}).status_code == 403
    assert sam.browser.post("/editor/tools/inkwell/takes/builder", data=typed).status_code == 303


def test_an_id_that_no_database_holds_is_no_failure(room: Room) -> None:
    ada, huge = room.editor(), "9" * 23
    for page in ("log", "rules", "tools", "queue"):
        assert ada.browser.get(f"/editor/{page}?before={huge}&after={huge}&undo={huge}").status_code == 200
    for path in (f"queue/{huge}/match", f"rules/{huge}/remove", f"issues/{WEEK}/items/{huge}/drop"):
        assert act(ada, f"/editor/{path}") == 404
    assert act(ada, f"/editor/issues/{WEEK}/order", order=f"{huge},x", **{f"note-{huge}": "a note"}) == 303
    assert act(ada, f"/editor/issues/{WEEK}/save", **{"note-99999": "a note on what is not there"}) == 303
