"""How fast ``newsletter issues send`` is, beside its peers, in one run on one machine.

80 KB messages, 8 connections, a sink of our own in C that takes more than any of them gives (sink.c; postfix's
smtp-sink would be the bottleneck). Every outcome is committed to the ledger: the embedded default, and PostgreSQL where
it is installed. A rate is compared with those of ``smtp-source`` right before and right after it, several times over.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from db.engine import make_engine
from db.migrate import migrate
from newsletter import settings as settings_module
from tests.conftest import complete_environment
from tests.databases import PostgresServer, find_postgres
from tests.integration.sending import NOW, WEEK, approved_issue, rendered, subscribe

HERE = Path(__file__).parent
MESSAGE = 80_000
CONNECTIONS = 8
OFFERS = ("PIPELINING", "8BITMIME", "SIZE")
SEND = [sys.executable, "-m", "newsletter.cli.main", "issues", "send", str(WEEK)]


@dataclass(frozen=True)
class Measured:
    """Messages, wall-clock seconds, CPU seconds of all processes of a command, and the most memory of one, in MB."""

    name: str
    messages: int
    seconds: float
    cpu: float
    memory: float

    @property
    def rate(self) -> float:
        return self.messages / self.seconds

    @property
    def cpu_per_1000(self) -> float:
        return self.cpu / self.messages * 1000

    def __str__(self) -> str:
        return f"{self.name:<42} {self.rate:>9,.0f} messages/s {self.cpu_per_1000:>8.3f} CPU s per 1,000"


@contextmanager
def sink(folder: Path, *offers: str, rtt: int = 0) -> Iterator[int]:
    """The C sink on a free port; checked at the end to have taken something."""
    program = folder / "sink"
    if not program.exists():
        subprocess.run(["cc", "-O3", "-o", program, HERE / "sink.c"], check=True)
    command = [str(program), "0", *offers, *(["--rtt", str(rtt)] if rtt else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()
            taken = int(process.stdout.readline().split()[0])
        assert taken, "the sink took no message"


def installation(folder: Path, count: int, size: int = MESSAGE, url: str = "", **environment: str) -> dict[str, str]:
    """A database with an approved issue and so many subscribers; returns its environment."""
    folder.mkdir(parents=True, exist_ok=True)
    environ = complete_environment(url or f"sqlite:///{folder / 'newsletter.db'}") | environment
    settings = settings_module.load(environ, folder)
    engine = make_engine(environ["NEWSLETTER_DATABASE_URL"])
    migrate(engine, NOW)
    # Quoted-printable adds "=3D" and soft breaks to the HTML, so the filler is a little smaller than the message.
    approved_issue(engine, settings, int(size * 0.92))
    subscribe(engine, count)
    engine.dispose()
    return environ


def timed(name: str, messages: int, command: list[str], environ: Mapping[str, str] | None = None) -> Measured:
    """Run a command and take its time and the CPU time of all its processes."""
    with tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        process = subprocess.Popen(command, env={**os.environ, **(environ or {})}, stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        seconds, process.returncode = time.perf_counter() - began, os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"{name}: {said.read().decode()}")
    return Measured(name, messages, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def ours(folder: Path, count: int, port: int, *, name: str = "newsletter issues send", connections: int = CONNECTIONS,
         size: int = MESSAGE, database: str = "", **environment: str) -> Measured:  # fmt: skip
    url = f"smtp://127.0.0.1:{port}?tls=off&connections={connections}"
    environ = installation(folder, count, size, database, NEWSLETTER_SMTP=url, **environment)
    return timed(name, count, SEND, environ)


def smtp_source(port: int, count: int) -> Measured:
    command = ["smtp-source", "-s", str(CONNECTIONS), "-m", str(count), "-l", str(MESSAGE), "-d",
               "-f", "news@example.com", "-t", "reader@example.org", f"127.0.0.1:{port}"]  # fmt: skip
    return timed("postfix smtp-source -d", count, command)


def content(folder: Path) -> Path:
    """What a peer sends: the text and HTML of our issue, with letters beyond ASCII in both, as every digest has."""
    blocks = rendered(int(MESSAGE * 0.92)).blocks
    path = folder / "content.json"
    texts = {name: "".join(getattr(block, name) for block in blocks) + "één\n" for name in ("text", "html")}
    path.write_text(json.dumps(texts))
    return path


def naive(port: int, count: int, folder: Path) -> Measured:
    """A loop over smtplib that builds each message and opens a connection for it, as first scripts do."""
    code = """
import json, smtplib, sys
from email.message import EmailMessage
content = json.load(open(sys.argv[3]))
for number in range(int(sys.argv[2])):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "news@example.com", f"reader{number}@example.org", "x"
    message.set_content(content["text"])
    message.add_alternative(content["html"], subtype="html")
    with smtplib.SMTP("127.0.0.1", int(sys.argv[1])) as server:
        server.send_message(message)
"""
    return timed("naive smtplib", count, [sys.executable, "-c", code, str(port), str(count), str(content(folder))])


def nodemailer(port: int, count: int, node: str, folder: Path, key: Path | None = None) -> Measured:
    """``node`` is a folder that has node_modules with nodemailer; its pool over the same number of connections."""
    code = """
const [port, count, connections, content, key] = process.argv.slice(2);
const fs = require('fs'), {text, html} = JSON.parse(fs.readFileSync(content));
const privateKey = key && fs.readFileSync(key);
const dkim = key ? {domainName: 'example.com', keySelector: 'bench', privateKey} : undefined;
const pool = require('nodemailer').createTransport({host: '127.0.0.1', port: +port, pool: true, secure: false,
  ignoreTLS: true, maxConnections: +connections, maxMessages: Infinity, dkim});
(async () => {
  await Promise.all(Array.from({length: +count}, (_, n) => pool.sendMail(
    {from: 'news@example.com', to: `reader${n}@example.org`, subject: 'x', text, html})));
  pool.close();
})();
"""
    program = Path(node) / "pool.js"
    program.write_text(code)
    words = [str(port), str(count), str(CONNECTIONS), str(content(folder)), *([str(key)] if key else [])]
    return timed("nodemailer pool" + (" with DKIM" if key else ""), count, ["node", str(program), *words])


def openssl_signs_per_second() -> float:
    done = subprocess.run(["openssl", "speed", "-seconds", "3", "rsa2048"], capture_output=True, text=True, check=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("rsa"))
    return float(line.split()[-2])


def private_key(folder: Path) -> Path:
    path = folder / "bench.pem"
    subprocess.run(["openssl", "genrsa", "-out", path, "2048"], capture_output=True, check=True)
    return path


def beside_smtp_source(runs: Iterable[Callable[[], Measured]], port: int, count: int) -> float:
    """Each run between two of smtp-source; prints all, returns the median of the ratios."""
    before, ratios = smtp_source(port, count), []
    print(before)
    for run in runs:
        ran, after = run(), smtp_source(port, count)
        ratios.append(2 * ran.rate / (before.rate + after.rate))
        print(ran, f"{ratios[-1]:.2f} of smtp-source")
        print(after)
        before = after
    return statistics.median(ratios)


def unsigned(folder: Path, port: int, count: int, rounds: int) -> None:
    """By DATA and, as Postfix and Exim offer it too, by BDAT; for a long list as well, of which starting is less."""
    if not shutil.which("smtp-source"):
        print(*[ours(folder / f"unsigned{number}", count, port) for number in range(rounds)], sep="\n")
        return
    with sink(folder, *OFFERS, "CHUNKING") as chunking:
        ways = (("", port, count), (", BDAT", chunking, count), ("", port, 5 * count), (", BDAT", chunking, 5 * count))
        for way, where, many in ways:
            runs = [
                partial(ours, folder / f"{where}-{many}-{number}", many, where, name=f"newsletter issues send{way}")
                for number in range(rounds)
            ]
            print(f"median {beside_smtp_source(runs, where, many):.2f} of smtp-source, {many} messages{way}")
    programs = find_postgres()
    if programs is not None:
        with PostgresServer(programs) as server:
            urls = [server.new_database(NOW) for _ in range(rounds)]
            runs = [partial(ours, folder, count, port, name="the same on PostgreSQL", database=url) for url in urls]
            print(f"median {beside_smtp_source(runs, port, count):.2f} of smtp-source")


def signed(folder: Path, port: int, count: int, rounds: int) -> None:
    """In turns with openssl, and every rate against the openssl runs around it."""
    dkim = f"bench:example.com:{private_key(folder)}"
    for senders in ("1", "2"):
        ratios, before = [], openssl_signs_per_second()
        for number in range(rounds):
            told, where = f"newsletter, RSA-2048, {senders} process(es)", folder / f"signed{senders}{number}"
            ran = ours(where, count, port, name=told, NEWSLETTER_DKIM=dkim, NEWSLETTER_SENDERS=senders)
            after = openssl_signs_per_second()
            ratios.append(2 * ran.rate / (before + after))
            print(ran, f"{ratios[-1]:.2f} of openssl speed rsa2048 ({before:,.0f} and {after:,.0f}/s)")
            before = after
        print(f"median {statistics.median(ratios):.2f} of openssl with {senders} process(es)")


def peers(folder: Path, port: int) -> None:
    """Where NODE_FOLDER names a folder with nodemailer, that too."""
    print(naive(port, 200, folder))
    if node := os.environ.get("NODE_FOLDER"):
        print(nodemailer(port, 1000, node, folder))
        print(nodemailer(port, 500, node, folder, private_key(folder)))


def far_away(folder: Path, count: int) -> None:
    """50 ms of round trip, 16 connections: pipelined, and by a pool that waits for each reply."""
    with sink(folder, *OFFERS, rtt=50) as port:
        print(ours(folder / "far", count, port, name="newsletter, 50 ms round trip, 16 connections", connections=16))
    with sink(folder, "8BITMIME", rtt=50) as port:
        told = "the same without pipelining"
        print(ours(folder / "slow", count // 5, port, name=told, connections=16))


def main(count: int = 20_000, rounds: int = 3) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with sink(folder, *OFFERS) as port:
            unsigned(folder, port, count, rounds)
            signed(folder, port, count // 2, rounds)
            peers(folder, port)
        far_away(folder, count // 8)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
