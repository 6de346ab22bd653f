"""``kill -9`` at random moments, losses and repeats counted in the recipients' mailboxes, never in our own ledger."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from sqlalchemy import make_url

from db.engine import make_engine
from newsletter import settings as settings_module
from newsletter.deliveries.read_receipt import read_receipt
from tests.conftest import complete_environment
from tests.fakes.smtp_sink import Sink
from tests.integration.sending import WEEK, approved_issue, subscribe

CONNECTIONS = 4
READERS = 4500
COMMAND = [sys.executable, "-m", "newsletter.cli.main", "issues", "send", str(WEEK)]


def start(environ: dict[str, str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(COMMAND, env={**os.environ, **environ}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def repeats(sink: Sink) -> int:
    return sum(times - 1 for times in sink.recipients().values())


def test_killed_senders_lose_nothing_and_repeat_next_to_nothing(database_url: str, tmp_path: Path, full: bool) -> None:
    # On SQLite each outcome is in a log before the next message begins; on PostgreSQL one may be on its way.
    most = CONNECTIONS * (1 if database_url.startswith("sqlite") else 2)
    rounds = 100 if full else 3
    readers = READERS * max(rounds // 4, 1)
    chance = random.Random(len(make_url(database_url).drivername))
    with Sink() as sink:
        url = f"smtp://127.0.0.1:{sink.port}?tls=off&connections={CONNECTIONS}"
        environ = complete_environment(database_url) | {"NEWSLETTER_SMTP": url}
        settings = settings_module.load(environ, tmp_path)
        engine = make_engine(database_url)
        approved_issue(engine, settings)
        subscribe(engine, readers)
        kills = 0
        while kills < rounds:
            process = start(environ)
            before, patience = len(sink.mails), time.monotonic() + 60
            while process.poll() is None and len(sink.mails) == before and time.monotonic() < patience:
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 0.1))
            if process.poll() is not None:
                break
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert process.stderr is not None
            process.stderr.close()
            kills += 1
            assert repeats(sink) <= most * kills
        reached = len(sink.mails)
        last = start(environ)
        _, said = last.communicate(timeout=300)
        assert last.returncode == 0, said.decode()
        receipt = read_receipt(engine, WEEK)
        engine.dispose()
    arrived = sink.recipients()
    print(f"{kills} kills over {reached} messages, {len(arrived)} of {readers} reached, {repeats(sink)} repeated")
    assert kills == rounds if full else kills, "every sender was done before it was killed"
    assert set(arrived) == {f"reader{n}@example.org" for n in range(readers)}, "a reader got nothing"
    assert repeats(sink) <= most * kills
    for email in (email for email, times in arrived.items() if times > 1):
        assert len({mail.header("Message-ID") for mail in sink.mails if mail.recipient == email}) == 1
    assert receipt.status == "sent"
    assert receipt.counts.sent == receipt.counts.recipients == readers
