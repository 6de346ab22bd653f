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
from typing import Self

from sqlalchemy import create_engine, text

from db.engine import make_engine
from db.migrate import migrate


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
        self._run(*self._start)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self._folder, ignore_errors=True)

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
        name = f"t{next(self._names)}"
        if empty:
            self._sql(f"CREATE DATABASE {name}")
            return self.url(name)
        if self._copied is None:
            self._sql("CREATE DATABASE template_of_ours")
            engine = make_engine(self.url("template_of_ours"))
            migrate(engine, now)
            engine.dispose()
            self._copied = f"TEMPLATE template_of_ours {self._strategy()}"
        self._sql(f"CREATE DATABASE {name} {self._copied}")
        return self.url(name)

    def _strategy(self) -> str:
        """Since version 15 a copy goes through the log block by block unless told otherwise: 140 ms instead of 30."""
        engine = create_engine(self.url("postgres"))
        with engine.connect() as connection:
            version = int(connection.scalar(text("SHOW server_version_num")) or 0)
        engine.dispose()
        return "STRATEGY FILE_COPY" if version >= 150_000 else ""

    def drop_database(self, url: str) -> None:
        self._sql(f"DROP DATABASE IF EXISTS {url.partition('@/')[2].partition('?')[0]} WITH (FORCE)")

    def _sql(self, statement: str) -> None:
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def _run(self, program: str, *arguments: str) -> None:
        command: Sequence[str] = [str(self._programs / program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", stdin=subprocess.DEVNULL)
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr or done.stdout}")


def _stat(process: int) -> list[str]:
    """The fields of /proc/PID/stat that follow the name: utime is the 12th."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
