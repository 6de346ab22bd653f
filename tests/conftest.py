"""Fixtures that every kind of test shares: databases of both kinds, settings, the corpus."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from playwright.sync_api import Browser
from sqlalchemy import Engine

from db.engine import make_engine
from db.migrate import migrate
from newsletter import settings as settings_module
from newsletter.demo.inbox import Inbox
from newsletter.settings import Settings
from tests.chromium import chromium_at, find_chromium
from tests.databases import (
    PostgresServer,
    QuickEngines,
    copy_of_template,
    find_postgres,
    prepare_sqlite_without_durability,
)
from tests.fakes.certificate import write_certificate
from tests.fakes.times import MONDAY

# A busy machine is slow, and that is no fault of what is tested.
hypothesis.settings.register_profile("house", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("house")

ROOT = Path(__file__).parent.parent
CORPUS = Path(os.environ.get("NEWSLETTER_CORPUS", ROOT.parent / "shared" / "data"))
one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what a page shows and asks: its queries run on both kinds in the other tests."""


def pytest_collection_finish() -> None:
    """What is imported by now stays: to look through it for garbage over and over takes 4 parts in 100 of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run faults and benchmarks at their full length")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the variants marked ``long`` to ``--full``: their siblings keep the test from rotting."""
    if not config.getoption("--full"):
        long = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if not item.get_closest_marker("long")]


@pytest.fixture(autouse=True, scope="session")
def _quickly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    certificate, _ = write_certificate(tmp_path_factory.mktemp("authorities"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SSL_CERT_FILE", str(certificate))  # whoever may speak TLS reads all authorities: 140 take 30 ms
        patched.setattr("db.engine.create_engine", QuickEngines())
        patched.setattr("db.engine._prepare_sqlite", prepare_sqlite_without_durability)
        # A command that sends comes after others where all want a core, for good: here it would be all later tests.
        patched.setattr("newsletter.deliveries.senders.give_way", lambda: None)
        yield


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("NEWSLETTER_") and name != "NEWSLETTER_CORPUS":
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--full"))


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Captured feeds and mails; they stand beside the project, not in it."""
    if not CORPUS.is_dir():
        pytest.skip(f"the corpus is not at {CORPUS}; set NEWSLETTER_CORPUS to run this")
    return CORPUS


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """For a module, not a session: the driver has a loop in this thread, where other tests start loops of their own."""
    program = find_chromium()
    if program is None:
        pytest.skip("Chromium is not installed; install it to run this")
    with chromium_at(program) as browser:
        yield browser


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    programs = find_postgres()
    if programs is None:
        pytest.skip("PostgreSQL is not installed; install it to run this")
    with PostgresServer(programs) as server:
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "newsletter.db"
    engine = make_engine(f"sqlite:///{path}")
    migrate(engine, MONDAY)
    engine.dispose()
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: Path) -> str:
    return copy_of_template(sqlite_template, tmp_path / "newsletter.db")


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    url = postgres_server.new_database(MONDAY)
    yield url
    postgres_server.give_back(url)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a migrated, empty database, of each kind in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def sqlite_engine(sqlite_url: str) -> Iterator[Engine]:
    engine = make_engine(sqlite_url)
    yield engine
    engine.dispose()


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """What a complete installation is told."""
    return settings_module.load(complete_environment(database_url), tmp_path)


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    with Inbox(tmp_path / "inbox") as found:
        yield found


def complete_environment(database_url: str) -> dict[str, str]:
    return {
        "NEWSLETTER_DATABASE_URL": database_url,
        "NEWSLETTER_SECRET_KEY": "a-key-that-only-tests-know-0123456789",
        "NEWSLETTER_TITLE": "Weekly Verdicts",
        "NEWSLETTER_FROM": "Weekly Verdicts <news@example.com>",
        "NEWSLETTER_POSTAL_ADDRESS": "Example Press, 1 Example Street, 12345 Example City",
        "NEWSLETTER_PUBLIC_URL": "https://news.example.com",
        "NEWSLETTER_BOUNCE_DOMAIN": "bounces.example.com",
        "NEWSLETTER_FETCH_PRIVATE": "true",
    }
