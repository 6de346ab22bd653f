"""Opening what an issue leads to, against servers that live, refuse, hang and are not there."""

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from newsletter.issues import open_links
from newsletter.issues.findings import Finding
from newsletter.settings import Settings, load
from tests.conftest import complete_environment

ANSWERS = {"/there": 200, "/people-only": 403, "/gone": 410, "/lost": 404, "/large": 200, "/elsewhere": 302}


class Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/hangs":
            self.server.hold.wait(20)  # type: ignore[attr-defined]
            return
        self.send_response(ANSWERS[self.path])
        self.send_header("Location", "/lost")
        self.send_header("Content-Length", str(10**12 if self.path == "/large" else 0))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(complete_environment("sqlite:///nowhere.db"), tmp_path)


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.hold = threading.Event()  # type: ignore[attr-defined]
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.hold.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()


def opened(settings: Settings, *urls: str) -> dict[str, Finding]:
    found = asyncio.run(open_links.open_links({url: url for url in urls}, settings))
    return {finding.place: finding for finding in found}


def test_dead_links_are_warned_of_and_doors_for_people_are_noted(settings: Settings, site: str) -> None:
    found = opened(settings, *(site + path for path in ANSWERS))
    severities = {place.removeprefix(site): finding.severity for place, finding in found.items()}
    assert severities == {"/people-only": "note", "/gone": "warning", "/lost": "warning", "/elsewhere": "warning"}
    assert "404" in found[f"{site}/lost"].message


def test_a_machine_that_is_offline_gets_one_line(settings: Settings) -> None:
    found = opened(settings, "http://127.0.0.1:1/a", "http://127.0.0.1:1/b")
    assert [finding.place for finding in found.values()] == ["links"]
    assert "online" in found["links"].advice


def test_what_does_not_answer_in_time_is_counted(
    settings: Settings, site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_links, "_PATIENCE", 0.5)
    found = opened(settings, f"{site}/hangs", f"{site}/lost")
    assert found["links"].message.startswith("1 of 2 addresses did not answer")
    assert found[f"{site}/lost"].severity == "warning"


def test_an_issue_that_leads_nowhere_has_nothing_to_open(settings: Settings) -> None:
    assert opened(settings) == {}
