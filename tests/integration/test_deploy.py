"""How it is installed: what Dockerfile, compose file, units and proxies say is done here, on the bare machine.

There is no engine for containers, so a virtual environment stands in for the image: folders are moved below a temporary
one, ports are free ones, and, unless ``--full``, pip and what is depended on come from this environment and no index.
"""

import os
import re
import shlex
import shutil
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import yaml

from tests.databases import PostgresServer, find_postgres
from tests.fakes.ports import free_port
from tests.fakes.times import MONDAY

ROOT = Path(__file__).parents[2]
PATHS = "/usr/sbin:/usr/bin:/sbin:/bin"


class Step(NamedTuple):
    word: str
    rest: str


def dockerfile() -> list[Step]:
    text = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [Step(*line.split(" ", 1)) for line in lines]


class Image:
    """The file system of an image, below ``root``."""

    def __init__(self, root: Path, *, from_index: bool) -> None:
        self.root, self.folder = root, Path("/")
        self.environ = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(root)}
        self.commands: dict[str, list[str]] = {}
        self._from_index = from_index

    def at(self, path: str) -> Path:
        return self.root / str(self.folder / path).lstrip("/")

    def moved(self, command: str) -> str:
        """The command with every folder of the image where it is here."""
        for place in ("/opt/newsletter", "/data", "/src"):
            command = re.sub(rf"(?<![\w.]){place}\b", str(self.root / place[1:]), command)
        return command

    def run(self, command: str) -> None:
        if not self._from_index:
            command = command.replace("-m venv", "-m venv --without-pip").replace("/bin/pip ", "/bin/python -m pip ")
            command = command.replace("pip install", "pip install --no-deps --no-build-isolation")
        # A user of this machine is not made: the account goes into files below the root.
        command = re.sub(r"^useradd ", f"useradd --prefix {self.root} ", self.moved(command))
        (self.root / "etc").mkdir(exist_ok=True)
        environ = self.environ | {"PYTHONPATH": "" if self._from_index else os.pathsep.join(sys.path)}
        folder = self.at(".")
        done = subprocess.run(["sh", "-c", command], cwd=folder, env=environ, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"

    def copy(self, rest: str) -> None:
        if rest.startswith("--from=build "):
            return  # one file system stands for both stages
        *sources, target = rest.split()
        for source in sources:
            onto = self.at(target) / Path(source).name if len(sources) > 1 or target.endswith("/") else self.at(target)
            onto.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, onto, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, onto)

    def build(self) -> None:
        for word, rest in dockerfile():
            match word:
                case "RUN":
                    self.run(rest)
                case "COPY":
                    self.copy(rest)
                case "WORKDIR":
                    self.folder = Path(rest)
                    self.at(".").mkdir(parents=True, exist_ok=True)
                case "ENV":
                    for pair in shlex.split(self.moved(rest)):
                        name, _, value = pair.partition("=")
                        self.environ[name] = value.replace("$PATH", self.environ["PATH"])
                case "CMD":
                    self.commands["start"] = yaml.safe_load(rest)
                case "HEALTHCHECK":
                    self.commands["health"] = shlex.split(rest.removeprefix("CMD "))
                case _:
                    assert word in ("FROM", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL"), word


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory, full: bool) -> Image:
    if os.geteuid() != 0 or shutil.which("useradd", path=PATHS) is None:
        pytest.skip("making an account needs root and useradd")
    built = Image(tmp_path_factory.mktemp("image"), from_index=full)
    built.build()
    return built


@contextmanager
def up(image: Image, command: list[str], environ: dict[str, str], says: str) -> Iterator[None]:
    """A container of the image, from its first words until it is stopped as the image says."""
    known = image.environ | environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if "-packages" in path)}
    process = subprocess.Popen(
        command, cwd=image.at("."), env=known, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stderr is not None
    heard = ""
    try:
        while says not in heard:
            line = process.stderr.readline()
            assert line, heard
            heard += line
        yield
    finally:
        process.send_signal(getattr(signal, dict(dockerfile())["STOPSIGNAL"]))
        _, rest = process.communicate(timeout=60)
    assert process.returncode == 0, heard + rest


def example_settings(postgres_password: str) -> dict[str, str]:
    """``deploy/example.env``, filled in."""
    lines = (ROOT / "deploy/example.env").read_text("utf-8").splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return given | {
        "POSTGRES_PASSWORD": postgres_password, "NEWSLETTER_SECRET_KEY": "a-key-that-only-tests-know-0123456789",
    }  # fmt: skip


def test_the_image_runs_as_nobody_in_particular_and_holds_what_was_installed(image: Image) -> None:
    steps = dict(dockerfile())
    assert steps["USER"] == "newsletter"
    assert re.match(r"newsletter:.:10001:", (image.root / "etc/passwd").read_text("utf-8"))
    assert (image.root / "opt/newsletter/bin/newsletter").is_file()


@pytest.mark.postgres
def test_every_command_of_dockerfile_and_compose_works_in_its_order(
    image: Image, postgres_server: PostgresServer
) -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    serve, worker = compose["services"]["serve"], compose["services"]["worker"]
    assert serve["volumes"] == worker["volumes"], "a key that settings name is there for both"
    assert "tmp:/tmp" in serve["volumes"], "they share the folder that counts connections"
    port, url = free_port(), postgres_server.new_database(MONDAY, empty=True)
    assert serve["environment"]["NEWSLETTER_DATABASE_URL"].startswith("postgresql+psycopg://newsletter:${POSTGRES_")
    given = example_settings("unused") | {"NEWSLETTER_DATABASE_URL": url}
    settings = {name: value for name, value in given.items() if name.startswith("NEWSLETTER_")}
    check_database(compose["services"]["database"], url)
    start = [word.replace("0.0.0.0 --port 8000", f"127.0.0.1 --port {port}") for word in image.commands["start"]]
    with up(image, start, settings, "Serving http"):
        health = [word.replace(":8000", f":{port}") for word in image.commands["health"]]
        subprocess.run(health, check=True, env=image.environ, cwd=image.at("."))
        with up(image, worker["command"], settings, "Ctrl-C stops"):
            subprocess.run(health, check=True, env=image.environ, cwd=image.at("."))


def check_database(service: dict[str, Any], url: str) -> None:
    """Its health check, asked of the server that stands in for it."""
    kind, command = service["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    programs, socket_folder = find_postgres(), url.partition("host=")[2]
    assert programs is not None
    asked = f"{programs}/{command} -h {socket_folder}"
    subprocess.run(["sh", "-c", asked], check=True, capture_output=True)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_the_units_are_whole_and_hardened(tmp_path: Path) -> None:
    for name in ("newsletter.service", "newsletter-worker@.service"):
        text = (ROOT / "deploy" / name).read_text("utf-8")
        unit = tmp_path / name.replace("@", "@1")
        unit.write_text(text.replace("/opt/newsletter/bin/newsletter", shutil.which("true") or "/bin/true"), "utf-8")
        verified = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True)
        about_ours = [line for line in verified.stderr.splitlines() if "newsletter" in line]
        assert about_ours == []
        rated = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", str(unit)], capture_output=True, text=True
        )
        level = re.search(r"exposure level for \S+: ([\d.]+)", rated.stdout)
        assert level, rated.stdout + rated.stderr
        assert float(level[1]) <= 2.5, "from 0, sealed, to 10, open"
        assert "PrivateTmp=yes" not in text, "they would not share the folder that counts connections"


@pytest.fixture
def served(image: Image, tmp_path: Path) -> Iterator[int]:
    port, database = free_port(), tmp_path / "newsletter.db"
    given = {name: value for name, value in example_settings("").items() if name.startswith("NEWSLETTER_")}
    settings = given | {
        "NEWSLETTER_DATABASE_URL": f"sqlite:///{database}", "NEWSLETTER_TRUSTED_PROXIES": "127.0.0.1",
        "NEWSLETTER_SIGN_UPS_PER_ADDRESS": "1",
    }  # fmt: skip
    start = [word.replace("0.0.0.0 --port 8000", f"127.0.0.1 --port {port}") for word in image.commands["start"]]
    with up(image, start, settings, "Serving http"):
        yield port


@pytest.mark.skipif(shutil.which("nginx", path=PATHS) is None, reason="nginx is not installed")
def test_nginx_passes_on_what_it_should(served: int, tmp_path: Path) -> None:
    port, clear = free_port(), free_port()
    certificate = make_certificate(tmp_path)
    site = (ROOT / "deploy/nginx.conf").read_text("utf-8")
    site = re.sub(r"^ *listen \[::\].*\n", "", site, flags=re.M).replace("listen 80", f"listen 127.0.0.1:{clear}")
    site = site.replace("listen 443", f"listen 127.0.0.1:{port}").replace("127.0.0.1:8000", f"127.0.0.1:{served}")
    site = site.replace("/etc/letsencrypt/live/news.example.com", str(tmp_path))
    site = site.replace("/var/log/nginx", str(tmp_path))
    temporary = "".join(
        f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "nginx.conf").write_text(
        f"user root; daemon off; pid {tmp_path}/pid; error_log {tmp_path}/error.log; events {{}}\n"
        f"http {{ {temporary}\n{site} }}",
        "utf-8",
    )
    program = shutil.which("nginx", path=PATHS)
    assert program is not None
    process = subprocess.Popen([program, "-c", str(tmp_path / "nginx.conf"), "-p", str(tmp_path)])
    try:
        ask = Asking(port, ssl.create_default_context(cafile=str(certificate)))
        assert ask.until_it_answers("/healthz") == 200
        assert ask("/metrics") == 404, "the public does not learn the number of readers"
        assert ask("/unsubscribe/none", b"List-Unsubscribe=One-Click") == 404, "it reached us, without a redirect"
        squeezed = ("/", "/tools", "/static/style.css", "/feed.atom", "/feed.json", "/editor/sign-in")
        assert [ask.encoding(path) for path in squeezed] == ["gzip"] * 5 + [None], "BREACH"
        assert ask("/api/v1/tools", b"x" * 5_500_000) in (401, 413)
        assert ask("/api/v1/tools", b"x" * 7_000_000) == 413
        assert not list(tmp_path.glob("access*"))
        assert "none" not in (tmp_path / "error.log").read_text("utf-8"), "no address of a page is written down"
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(30)


class Asking:
    """Over TLS, as a client of news.example.com; follows no redirect."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self._port, self._context = port, context

    def __call__(self, path: str, body: bytes | None = None) -> int:
        return self._answer(path, body).status_code

    def encoding(self, path: str) -> str | None:
        found: str | None = self._answer(path).headers.get("content-encoding")
        return found

    def _answer(self, path: str, body: bytes | None = None) -> httpx.Response:
        with httpx.Client(verify=self._context, trust_env=False, timeout=30) as client:
            return client.request(
                "GET" if body is None else "POST", f"https://localhost:{self._port}{path}", content=body,
                headers={"Content-Type": "application/x-www-form-urlencoded"},
            )  # fmt: skip

    def until_it_answers(self, path: str) -> int:
        import time

        for _ in range(200):
            try:
                return self(path)
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError("nginx does not answer")


def make_certificate(folder: Path) -> Path:
    """For localhost, where nginx looks for it."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder / "fullchain.pem"


@pytest.mark.skipif(shutil.which("caddy") is None, reason="Caddy is not installed")
def test_caddy_reads_its_file(tmp_path: Path) -> None:
    done = subprocess.run(
        ["caddy", "adapt", "--config", str(ROOT / "deploy/Caddyfile"), "--adapter", "caddyfile"],
        capture_output=True, text=True, env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "127.0.0.1:8000" in done.stdout
