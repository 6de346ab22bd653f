"""The tree is held to its own rules: who may import whom."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOORS = {"web", "cli"}
# A file is a verb when its name is one: these own transactions and the network.
VERBS = {
    "newsletter/feeds": {"fetch", "watch", "check"},
    "newsletter/releases": {"collect", "add", "rematch", "resolve", "reopen", "foresee"},
    "newsletter/tools": {"import_tools", "merge", "edit"},
    "newsletter/verdicts": {"record"},
    "newsletter/readers": {"vote", "bookmark"},
    "newsletter/issues": {"compose", "approve", "publish", "arrange", "render", "check", "open_links", "try_out"},
    "newsletter/deliveries": {
        "send", "send_issue", "senders", "steer", "read_receipt", "transport", "converse", "pauses", "receive",
        "keep_connections", "hold_leases", "record_outcomes", "log_outcomes", "sign_ahead", "supply", "pace_domains",
        "send_letters", "read_mailbox", "fetch_certificate", "note_latencies",
    },
    "newsletter/operations": {"ask_dns", "backup", "call_webhooks", "doctor", "move"},
    "newsletter/editors": {"invite", "sign_in"},
    "newsletter/demo": {"inbox", "serve_feeds"},
    "newsletter/subscribers": {
        "sign_up", "confirm", "update_preferences", "unsubscribe", "erase", "import_subscribers", "suppress",
        "ask_again", "tell_everything",
    },
}  # fmt: skip

# An instrument holds a connection or a process for the verbs that use it, and calls none of them.
INSTRUMENTS = {
    "newsletter": {"named"},
    "newsletter/feeds": {"download", "parse"},
    "newsletter/deliveries": {
        "transport",
        "converse",
        "pauses",
        "keep_connections",
        "hold_leases",
        "record_outcomes",
        "log_outcomes",
        "sign_ahead",
        "supply",
        "pace_domains",
        "note_latencies",
    },
}


def modules() -> Iterator[Path]:
    for top in ("newsletter", "db", "scheduler"):
        for path in sorted((ROOT / top).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path.relative_to(ROOT)


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def is_verb(path: Path) -> bool:
    folder = str(path.parent)
    return path.stem in VERBS.get(folder, set()) | INSTRUMENTS.get(folder, set())


def verbs_of_other_rooms(path: Path) -> set[str]:
    """A room's own verbs may be steps of one another."""
    return {
        f"{folder.replace('/', '.')}.{verb}"
        for folder, verbs in VERBS.items()
        if folder != str(path.parent)
        for verb in verbs - INSTRUMENTS.get(folder, set())
    }


@pytest.mark.parametrize("path", list(modules()), ids=str)
def test_every_module_imports_only_what_its_room_may(path: Path) -> None:
    wanted = imports(path)
    room = path.parts[1] if len(path.parts) > 2 else ""
    if path.parts[0] == "db":
        assert not {name for name in wanted if name.startswith(("newsletter", "scheduler"))}
    if str(path) not in ("newsletter/cli/serve.py", "newsletter/cli/worker.py") and path.parts[0] != "scheduler":
        assert not {name for name in wanted if name.split(".")[0] == "scheduler"}
    if path.parts[0] == "newsletter" and room and room not in DOORS:
        assert not {name for name in wanted if name.startswith(("newsletter.web", "newsletter.cli"))}
        assert not (wanted & verbs_of_other_rooms(path)), "a verb or noun never calls another room's verb"
    if path.parts[0] == "newsletter" and room not in DOORS and not is_verb(path) and path.stem != "__init__":
        touching = {
            name for name in wanted if name.split(".")[0] in ("sqlalchemy", "httpx", "socket", "asyncio", "sqlite3")
        }
        assert not touching, "a noun only thinks: it is no place for I/O"
        assert not {
            name for name in wanted if name.split(".")[0] == "db" and not name.startswith("db.states") and name != "db"
        }


@pytest.mark.parametrize("path", [path for path in modules() if path.parts[0] != "db"], ids=str)
def test_sql_lives_only_in_db(path: Path) -> None:
    wanted = {name for name in imports(path) if name.startswith("sqlalchemy.") or name == "sqlalchemy"}
    allowed = {"sqlalchemy", "sqlalchemy.Engine", "sqlalchemy.Connection", "sqlalchemy.exc"}
    assert {name for name in wanted if not name.startswith("sqlalchemy.exc")} <= allowed
