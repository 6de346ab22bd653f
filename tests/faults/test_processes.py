"""Processes that die, and processes that run side by side: nothing is doubled, and nobody sends on alone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from db.engine import make_engine
from newsletter import settings as settings_module
from newsletter.deliveries.read_receipt import read_receipt
from newsletter.deliveries.senders import NICENESS
from tests.conftest import complete_environment
from tests.fakes.smtp_sink import Sink
from tests.fakes.waiting import until
from tests.integration.sending import WEEK, published

COMMAND = [sys.executable, "-m", "newsletter.cli.main"]


def start(environ: dict[str, str], *arguments: str) -> "subprocess.Popen[bytes]":
    """In a process group of its own, as a terminal gives it."""
    said = subprocess.DEVNULL
    environ = {**os.environ, **environ}
    return subprocess.Popen([*COMMAND, *arguments], env=environ, stdout=said, stderr=said, process_group=0)


def children(process: int) -> set[int]:
    lists = Path(f"/proc/{process}/task").glob("*/children")
    return {int(child) for children in lists for child in children.read_text().split()}


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("command", [f"issues send {WEEK}", "serve --port 0"])
def test_no_sender_outlives_its_killed_parent(command: str, sqlite_url: str, tmp_path: Path) -> None:
    with Sink().delaying(0.05) as sink:
        environ = complete_environment(sqlite_url) | {"NEWSLETTER_SMTP": sink.url, "NEWSLETTER_SENDERS": "2"}
        engine = make_engine(sqlite_url)
        published(engine, settings_module.load(environ, tmp_path), 5000)
        engine.dispose()
        parent = start(environ, *command.split())
        helpers: set[int] = set()
        wanted = 2 if "serve" in command else 1  # who sends and does nothing else is one of the two itself
        end = time.monotonic() + 60
        while (len(sink.mails) < 50 or len(helpers) < wanted) and time.monotonic() < end:
            helpers |= children(parent.pid)
            time.sleep(0.05)
        assert len(helpers) >= wanted, "no helper was started"
        gives = max(os.nice(0), NICENESS)
        assert gives in {os.getpriority(os.PRIO_PROCESS, helper) for helper in helpers if is_alive(helper)}
        if "serve" in command:  # readers do not wait for what sends beside it
            assert os.getpriority(os.PRIO_PROCESS, parent.pid) == os.getpriority(os.PRIO_PROCESS, 0)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        time.sleep(0.5)
        assert not [helper for helper in helpers if is_alive(helper)]
        arrived = len(sink.mails)
        time.sleep(0.5)
        assert len(sink.mails) == arrived < 5000


@pytest.mark.parametrize("already", [0, NICENESS + 7])
def test_a_sending_gives_way_and_takes_back_no_way_that_it_gave(already: int) -> None:
    code = "import os; from newsletter.deliveries.senders import give_way; give_way(); print(os.nice(0))"
    said = subprocess.run(["nice", "-n", str(already), sys.executable, "-c", code], capture_output=True, check=True)
    assert int(said.stdout) == max(min(os.nice(0) + already, 19), NICENESS)  # these tests may run in the background


@pytest.mark.parametrize("killed", [False, True])
def test_who_finds_all_in_other_hands_waits_for_the_end_and_goes_on_if_they_are_gone(
    database_url: str, tmp_path: Path, killed: bool
) -> None:
    with Sink().delaying(0.05) as sink:
        environ = complete_environment(database_url) | {"NEWSLETTER_SMTP": sink.url}
        engine = make_engine(database_url)
        published(engine, settings_module.load(environ, tmp_path), 200)
        other = start(environ, "issues", "send", str(WEEK))
        until(lambda: sink.mails)
        mine = start(environ, "issues", "send", str(WEEK))
        time.sleep(0.3)
        if killed:
            other.kill()
        assert mine.wait(120) == 0
        found = read_receipt(engine, WEEK)
        engine.dispose()
        other.wait(30)
    assert (found.status, found.counts.sent) == ("sent", 200)
    assert set(sink.recipients().values()) <= ({1, 2} if killed else {1})


@pytest.mark.parametrize(
    "sign",
    [pytest.param(signal.SIGINT, marks=pytest.mark.long), signal.SIGHUP],
    ids=["Ctrl-C", "a terminal that closes"],
)
def test_what_stops_a_whole_group_loses_and_repeats_nothing(
    sqlite_url: str, tmp_path: Path, sign: signal.Signals
) -> None:
    with Sink().delaying(0.01) as sink:
        environ = complete_environment(sqlite_url) | {"NEWSLETTER_SMTP": sink.url, "NEWSLETTER_SENDERS": "2"}
        engine = make_engine(sqlite_url)
        published(engine, settings_module.load(environ, tmp_path), 4000)
        engine.dispose()
        sending = start(environ, "issues", "send", str(WEEK))
        until(lambda: len(sink.mails) >= 300)
        os.killpg(sending.pid, sign)
        sending.wait(30)
        reached = len(sink.mails)
        found = read_receipt(engine, WEEK)
        assert (found.counts.sent, found.counts.queued, found.status) == (reached, 4000 - reached, "sending")
        sink.delaying(0)
        assert start(environ, "issues", "send", str(WEEK)).wait(60) == 0
        engine.dispose()
    assert 300 <= reached < 4000
    assert set(sink.recipients().values()) == {1}
    assert len(sink.mails) == 4000


@pytest.mark.parametrize("beside", ["issues send", "serve --port 0"])
def test_two_that_send_at_once_double_nothing(database_url: str, tmp_path: Path, beside: str) -> None:
    with Sink() as sink:
        environ = complete_environment(database_url) | {"NEWSLETTER_SMTP": sink.url}
        engine = make_engine(database_url)
        published(engine, settings_module.load(environ, tmp_path), 4000)
        other = start(environ, *beside.split(), *([str(WEEK)] if beside == "issues send" else []))
        mine = start(environ, "issues", "send", str(WEEK))
        try:
            assert mine.wait(120) == 0
            until(lambda: read_receipt(engine, WEEK).status == "sent")
        finally:
            other.terminate()
            other.wait(30)
        found = read_receipt(engine, WEEK)
        engine.dispose()
    assert (found.status, found.counts.sent) == ("sent", 4000)
    assert len(sink.mails) == 4000
    assert set(sink.recipients().values()) == {1}
    assert sink.most_connections <= 4
