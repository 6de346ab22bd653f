"""Documents made to hurt: each is served beside a good feed, which must still arrive."""

import asyncio
import gzip
import resource
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from db.engine import reading
from db.releases import list_releases
from newsletter import settings as settings_module
from newsletter.clock import Clock
from newsletter.feeds.download import DownloadError, Limits, open_downloader
from newsletter.feeds.fetch import FetchedFeed, fetch_feeds
from newsletter.feeds.parse import Readers, UnreadableError
from newsletter.feeds.watch import Watch, watch_feed
from newsletter.releases.collect import collect_releases
from tests.fakes.certificate import write_certificate
from tests.fakes.feed_server import FeedServer, item, rss
from tests.fakes.web_server import Handler

NOW = datetime(2026, 11, 18, 9, tzinfo=UTC)
TODAY = "Wed, 18 Nov 2026 07:00:00 GMT"
MORE_MEMORY = 100_000  # kilobytes
LIMITS = Limits(connect=2, read=2, whole=4, parse=1)


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


def doctype(declarations: str, title: str) -> str:
    return rss(item(title, date=TODAY)).replace("?>", f"?><!DOCTYPE rss [{declarations}]>", 1)


LAUGHS = "".join(f"<!ENTITY l{n} '{f'&l{n - 1};' * 10 if n else 'ha' * 50}'>" for n in range(10))
HOSTILE: dict[str, bytes | str] = {
    "an entity bomb": doctype(LAUGHS, "&l9;"),
    "one huge entity, often": doctype(f"<!ENTITY a '{'a' * 100_000}'>", "&a;" * 10_000),
    "an external entity": doctype("<!ENTITY x SYSTEM 'file:///etc/passwd'>", "&x;"),
    "an external document type": rss(item("One", date=TODAY)).replace(
        "?>", "?><!DOCTYPE rss SYSTEM 'http://127.0.0.1:1/evil.dtd'>", 1
    ),
    "deep nesting": "<rss version='2.0'><channel><item><title>One</title>" + "<a>" * 200_000 + "</rss>",
    "deep nesting in a text": rss(f"<item><title>One</title><description>{'&lt;b&gt;' * 100_000}</description></item>"),
    "control characters": rss(item("One\x00\x01\x08\x1b[31m\x9f", date=TODAY)),
    "script links": rss(item("One", "javascript:alert(1)", TODAY), item("Two", "data:text/html;base64,AAAA", TODAY)),
    "line breaks in titles": rss(item("One&#13;&#10;Bcc: everyone@example.com", date=TODAY)),
    "a title of a megabyte": rss(item("long " * 200_000, date=TODAY)),
    "a hundred thousand entries": rss("<item/>" * 100_000),
    "deep JSON": '{"version": "https://jsonfeed.org/version/1.1", "items": ' + "[" * 500_000,
    "numbers without end": '{"version": "https://jsonfeed.org/version/1.1", "title": "x", "items": [{"id": '
    + "9" * 1_000_000 + "}]}",
    "a broken encoding": b"\xff\xfe" + rss(item("One")).encode("utf-8"),
    "an unknown encoding": rss(item("One", date=TODAY)).replace("utf-8", "x-no-such"),
    "nothing but brackets": b"<" * 2_000_000,
    "attributes without end": "<rss " + " ".join(f"a{n}='x'" for n in range(100_000)) + "/>",
    "dates without sense": rss(item("One", date="99999999999999"), item("Two", date="0000-00-00"),
                               item("Three", date="Mon, 99 Foo 99999 99:99:99 +9999")),
}  # fmt: skip


def gather_beside_a_good_feed(engine: Engine, server: FeedServer, folder: Path, url: str) -> FetchedFeed:
    (found,) = gather_all_beside_a_good_feed(engine, server, folder, [url])
    return found


def gather_all_beside_a_good_feed(
    engine: Engine, server: FeedServer, folder: Path, urls: list[str]
) -> list[FetchedFeed]:
    """Gathers these feeds with a good one, and checks that the good one arrived in time."""
    good = server.serve("/good", rss(item("Quillbase – notes", "https://q.example/", TODAY)))
    environment = {"NEWSLETTER_FETCH_PRIVATE": "true", "NEWSLETTER_DATABASE_URL": str(engine.url)}
    settings = settings_module.load(environment, folder)
    for address in (*urls, good):
        watch_feed(engine, Watch(address), NOW)
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = fetch_feeds(engine, settings, Clock(NOW), limits=LIMITS)
    collect_releases(engine, settings, Clock(NOW))
    assert time.monotonic() - began < 60, "the limits must end it; the figure only catches a hang"
    # Of this process; the readers beside it cannot have more than the limit that they set themselves.
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < MORE_MEMORY, "a hostile document costs a few copies of itself"
    *bad, beside = report.feeds
    assert (beside.status, beside.new) == ("ok", 1)
    with reading(engine) as connection:
        releases = list_releases(connection, limit=10_000)
    assert "Quillbase" in {release.name for release in releases}
    for release in releases:
        assert release.url.startswith(("http://", "https://"))
        for text in (release.title, release.name, release.tagline or "", release.summary or ""):
            assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in text)
            assert len(text) <= 700
            assert "root:" not in text
    return bad


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_document_hurts_nobody(
    kind: str, engine: Engine, server: FeedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)  # one process reads both: each takes a while to start
    gather_beside_a_good_feed(engine, server, tmp_path, server.serve("/bad", HOSTILE[kind]))


def test_a_document_that_takes_too_much_of_a_processors_time_is_left() -> None:
    async def read() -> None:
        async with Readers(1, seconds=1) as readers:
            with pytest.raises(UnreadableError, match="more than 1 seconds"):
                await readers.read(rss(item("One") * 80_000).encode(), "", "https://x.example/")
            assert (await readers.read(rss(item("One")).encode(), "", "https://x.example/")).entries

    asyncio.run(read())


def test_a_gzip_bomb_is_stopped(engine: Engine, server: FeedServer, tmp_path: Path) -> None:
    url = server.serve("/bad", gzip.compress(b"\0" * 200_000_000), Content_Encoding="gzip")
    assert "larger than 5 MB" in str(gather_beside_a_good_feed(engine, server, tmp_path, url).error)


def test_a_server_that_drips_is_left(engine: Engine, server: FeedServer, tmp_path: Path) -> None:
    url = server.serve("/bad", rss(item("One")) + " " * 10_000, drip=0.02)
    assert "more than 4 seconds" in str(gather_beside_a_good_feed(engine, server, tmp_path, url).error)


def test_entities_leak_no_file(engine: Engine, server: FeedServer, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("a-secret-of-ours")
    url = server.serve("/bad", doctype(f"<!ENTITY x SYSTEM '{secret.as_uri()}'>", "[&x;]"))
    gather_beside_a_good_feed(engine, server, tmp_path, url)
    with reading(engine) as connection:
        assert not any("secret" in release.title for release in list_releases(connection))


def test_redirects_to_nowhere_hurt_nobody(engine: Engine, server: FeedServer, tmp_path: Path) -> None:
    """Schemes that are not the web's, addresses that no library can read, a loop."""
    places = [
        "http://[::1", "file:///etc/passwd", "gopher://127.0.0.1:25/", "http://xn--a/", "http://a:b@127.0.0.1/",
        "http:///x", "http://127.0.0.1:99999/", "//", "javascript:alert(1)", "/8",
    ]  # fmt: skip
    urls = [server.serve(f"/{number}", status=302, Location=there) for number, there in enumerate(places, -1)]
    found = gather_all_beside_a_good_feed(engine, server, tmp_path, urls)
    assert [feed.status for feed in found] == ["error"] * len(places)
    assert all(feed.error for feed in found)


def test_a_name_that_answers_differently_the_second_time_gains_nothing(server: FeedServer) -> None:
    """DNS rebinding: the first answer is public, the second one is ours."""
    answers = iter([["192.0.2.1", "93.184.215.14"], ["127.0.0.1"]])

    async def resolve(_host: str, _port: int) -> list[str]:
        return next(answers)

    async def get() -> None:
        limits = Limits(connect=0.2, whole=1)
        async with open_downloader(agent="x", allow_private=False, limits=limits, resolve=resolve) as downloader:
            for _ in range(2):
                with pytest.raises(DownloadError) as caught:
                    await downloader.get(f"http://rebinding.example:{server.port}/", now=NOW)
                said.append(str(caught.value))

    said: list[str] = []
    asyncio.run(get())
    assert "private network" in said[1]
    assert server.asked == []


def test_every_redirect_is_checked_by_the_address_that_it_leads_to(server: FeedServer) -> None:
    server.serve("/away", status=302, Location=f"http://inside.example:{server.port}/secret")
    asked = []

    async def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    async def get(allow_private: bool) -> str:
        async with open_downloader(agent="x", allow_private=allow_private, resolve=resolve) as downloader:
            with pytest.raises(DownloadError) as caught:
                await downloader.get(f"http://outside.example:{server.port}/away", now=NOW)
        return str(caught.value)

    assert "404" in asyncio.run(get(allow_private=True))
    assert asked == ["outside.example", "inside.example"]
    assert "outside.example is on a private network" in asyncio.run(get(allow_private=False))


def test_no_redirect_leads_to_where_clouds_keep_a_machines_passwords(server: FeedServer) -> None:
    there = "http://169.254.169.254/latest/meta-data/"
    server.serve("/away", status=302, Location=there)

    async def get(url: str, allow_private: bool) -> str:
        async with open_downloader(agent="x", allow_private=allow_private) as downloader:
            with pytest.raises(DownloadError) as caught:
                await downloader.get(url, now=NOW)
        return str(caught.value)

    assert "169.254.169.254 has a link-local address" in asyncio.run(get(server.url("/away"), allow_private=True))
    assert "NEWSLETTER_FETCH_PRIVATE" not in asyncio.run(get(there, allow_private=False)), "which would not help"


def test_no_name_is_asked_over_a_connection_whose_certificate_is_anothers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two names at one address: a server that keeps its connections would answer for both."""
    certificate, key = write_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    async def resolve(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    async def get(server: FeedServer) -> str:
        async with open_downloader(agent="x", allow_private=True, resolve=resolve) as downloader:
            await downloader.get(f"https://localhost:{server.port}/feed", now=NOW)
            with pytest.raises(DownloadError) as caught:
                await downloader.get(f"https://other.example:{server.port}/feed", now=NOW)
        return str(caught.value)

    server = KeepingServer()
    server.speak_tls(certificate, key)
    with server:
        server.serve("/feed", "<rss/>")
        assert "Hostname mismatch" in asyncio.run(get(server))
    assert [headers["host"].partition(":")[0] for _, headers in server.asked] == ["localhost"]


class KeepingServer(FeedServer):
    def handler(self) -> type[Handler]:
        class Keeping(super().handler()):  # type: ignore[misc]
            protocol_version = "HTTP/1.1"

        return Keeping
