"""Real databases for tests: a private PostgreSQL cluster on a socket, and copies of a migrated SQLite file."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, LiteralString, Self

import psycopg
from sqlalchemy import Connection, Dialect, Engine, create_engine, event
from sqlalchemy.util import LRUCache

from db.engine import _prepare_sqlite, make_engine
from db.migrate import migrate

# What a migrated database holds, and the shape that it has, so that one can be made like new without being made anew.
_SHAPE = """(SELECT string_agg(concat_ws(' ', c.oid::regclass, a.attname, a.atttypid, a.attnotnull), ','
  ORDER BY c.oid::regclass::text, a.attnum)
  || (SELECT string_agg(i.indexrelid::regclass::text, ',' ORDER BY i.indexrelid::regclass::text)
      FROM pg_index i JOIN pg_class x ON x.oid = indexrelid WHERE x.relnamespace = 'public'::regnamespace)
  || (SELECT string_agg(conname || conrelid::regclass::text, ',' ORDER BY conname, conrelid::regclass::text)
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace)
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'S'))"""
_REMEMBER = f"""
CREATE SCHEMA as_made;
CREATE TABLE as_made.alembic_version AS TABLE alembic_version;
CREATE TABLE as_made.keys AS TABLE keys;
CREATE TABLE as_made.panelists AS TABLE panelists;
CREATE TABLE as_made.shape AS SELECT {_SHAPE} AS shape;
"""
_EMPTY = f"""
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid();
DO $$
DECLARE name text;
BEGIN
  SET LOCAL session_replication_role = replica;
  FOR name IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'deliveries'::regclass
    LOOP EXECUTE 'DROP TABLE ' || name; END LOOP;
  FOR name IN SELECT oid::regclass FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
    LOOP EXECUTE 'DELETE FROM ' || name; END LOOP;
  PERFORM setval(oid::regclass, 1, false) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S';
  INSERT INTO alembic_version TABLE as_made.alembic_version;
  INSERT INTO keys TABLE as_made.keys;
  PERFORM setval('keys_id_seq', max(id)) FROM keys;
  INSERT INTO panelists TABLE as_made.panelists;
END $$;
SELECT {_SHAPE} = shape FROM as_made.shape
"""


class QuickEngines:
    """Makes engines that share what any of them compiled: each test has an engine of its own, and would compile each
    statement anew."""

    def __init__(self) -> None:
        self._shared: dict[str, tuple[Dialect, LRUCache[Any, Any]]] = {}

    def __call__(self, url: str, **options: Any) -> Engine:
        engine = create_engine(url, **options)
        kind = engine.dialect.name
        if kind in self._shared:
            engine.dialect.initialize = _known  # type: ignore[assignment]
            engine.dialect, engine._compiled_cache = self._shared[kind]
            engine.pool._dialect = engine.dialect
        else:
            event.listen(engine, "connect", lambda *_: self._share(engine), once=True)
        return engine

    def _share(self, engine: Engine) -> None:
        """It has asked its server by now what that can do."""
        self._shared.setdefault(engine.dialect.name, (engine.dialect, LRUCache(5000)))


def _known(_connection: Connection) -> None:
    pass


def prepare_sqlite_without_durability(connection: Any, record: Any) -> None:
    _prepare_sqlite(connection, record)
    connection.execute("PRAGMA synchronous = OFF")


def copy_of_template(template: Path, target: Path) -> str:
    shutil.copyfile(template, target)
    return f"sqlite:///{target}"


def find_postgres() -> Path | None:
    """The folder of initdb and pg_ctl, the newest there is."""
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if homes:
        return homes[-1].parent
    found = shutil.which("initdb")
    return Path(found).parent if found else None


class PostgresServer:
    """A throw-away cluster, without durability unless it is to be measured, on a socket in its own folder."""

    def __init__(self, programs: Path, *, durable: bool = False) -> None:
        self._programs, self._durable = programs, durable
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self._names = count(1)
        self._copied: str | None = None
        self._at_rest: list[str] = []
        self._connections: dict[str, psycopg.Connection] = {}

    def __enter__(self) -> Self:
        os.chmod(self._folder, 0o755)
        data = self._folder / "data"
        data.mkdir()
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(data, owner.pw_uid, owner.pw_gid)
            os.chown(self._folder, owner.pw_uid, owner.pw_gid)
        self._run("initdb", "-D", str(data), "-U", "tester", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        options = f"-k {self._folder} -c listen_addresses=''"
        if not self._durable:
            options += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        self._start = ("pg_ctl", "-D", str(data), "-w", "-l", str(self._folder / "log"), "-o", options, "start")
        stop = self._command("pg_ctl", "-D", str(data), "-m", "immediate", "stop")
        # Whoever is killed cannot stop it; this one hears of our end, and is no part of what Ctrl-C ends.
        self._follower = subprocess.Popen(
            ["sh", "-c", 'cat; "$@"; rm -rf "$0"', str(self._folder), *stop],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
            start_new_session=True,
        )  # fmt: skip
        self._run(*self._start)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hang_up(*self._connections)
        self._follower.communicate()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Killed, and started again at the end; what it committed is there again."""
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "stop")
        yield
        self._run(*self._start)

    def processor_seconds(self) -> float:
        """What all its processes have used, those that ended too."""
        main = int((self._folder / "data" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
        used = sum(map(int, _stat(main)[11:15])) + sum(sum(map(int, _stat(int(child))[11:13])) for child in children)
        return used / os.sysconf("SC_CLK_TCK")

    def restart(self) -> None:
        self._run(
            "pg_ctl", "-D", str(self._folder / "data"), "-w", "-m", "fast", "-l", str(self._folder / "log"), "restart"
        )

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://tester@/{database}?host={self._folder}"

    def new_database(self, now: datetime, *, empty: bool = False) -> str:
        """The URL of a fresh database: migrated, or without any schema."""
        if self._at_rest and not empty:
            return self.url(self._at_rest.pop())
        name = f"t{next(self._names)}"
        if empty:
            self._sql(f"CREATE DATABASE {name}")
            return self.url(name)
        if self._copied is None:
            self._sql("CREATE DATABASE template_of_ours")
            engine = make_engine(self.url("template_of_ours"))
            migrate(engine, now)
            engine.dispose()
            self._sql(_REMEMBER, "template_of_ours")
            self._hang_up("template_of_ours")  # nobody may be in what is copied
            self._copied = f"TEMPLATE template_of_ours {self._strategy()}"
        self._sql(f"CREATE DATABASE {name} {self._copied}")
        return self.url(name)

    def _strategy(self) -> str:
        """Since version 15 a copy goes through the log block by block unless told otherwise: 140 ms instead of 30."""
        recent = self._sql("SELECT current_setting('server_version_num')::int >= 150000")
        return "STRATEGY FILE_COPY" if recent else ""

    def give_back(self, url: str) -> None:
        """Emptied for the next test where its schema is as it was made, which takes 3 ms over a connection that knows
        its tables: a new one takes 32, makes a thousand files, and has to be removed."""
        name = url.partition("@/")[2].partition("?")[0]
        if self._emptied(name):
            self._at_rest.append(name)
        else:
            self._hang_up(name)
            self._sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _emptied(self, name: str) -> bool:
        """Make it like new; False where that cannot be."""
        try:
            return self._sql(_EMPTY, name)
        except psycopg.Error:  # never one of ours, or the test took something of it away
            return False

    def _sql(self, statement: LiteralString, database: str = "postgres") -> bool:
        """Run it; whether the last that it says is true."""
        cursor = self._connection(database).execute(statement)
        while cursor.nextset():
            pass
        found = cursor.fetchone() if cursor.description else None
        return bool(found and found[0])

    def _connection(self, database: str) -> psycopg.Connection:
        """One that stays: each new one has to learn all tables anew. Tests may have cut it off."""
        kept = self._connections.get(database)
        if kept is not None:
            try:
                kept.execute("")
                return kept
            except psycopg.OperationalError:
                self._hang_up(database)
        made = psycopg.connect(host=str(self._folder), user="tester", dbname=database, autocommit=True)
        self._connections[database] = made
        return made

    def _hang_up(self, *databases: str) -> None:
        for database in databases:
            if database in self._connections:
                self._connections.pop(database).close()

    def _command(self, program: str, *arguments: str) -> Sequence[str]:
        command = [str(self._programs / program), *arguments]
        return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            self._command(program, *arguments), capture_output=True, text=True, cwd="/", stdin=subprocess.DEVNULL
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr or done.stdout}")


def _stat(process: int) -> list[str]:
    """The fields of /proc/PID/stat that follow the name: utime is the 12th."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
