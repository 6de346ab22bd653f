"""A wheel built from the tree runs from an empty folder: everything that it needs travels inside it."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's content alone; what it depends on comes from this environment."""
    pytest.importorskip("hatchling", reason="building a wheel needs hatchling")
    built, target = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("site")
    run = partial(subprocess.run, cwd=ROOT, check=True, capture_output=True)
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)])
    (wheel,) = built.glob("*.whl")
    options = ("--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check", "--target", str(target))
    run([sys.executable, "-m", "pip", "install", "--quiet", *options, str(wheel)])
    return target


def newsletter(installed: Path, folder: Path, *arguments: str) -> str:
    known = {key: value for key, value in os.environ.items() if not key.startswith("NEWSLETTER_")}
    command = [sys.executable, str(installed / "bin" / "newsletter"), *arguments]
    done = subprocess.run(
        command, cwd=folder, env=known | {"PYTHONPATH": str(installed)}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_carries_templates_migrations_and_the_sample_week(installed: Path) -> None:
    for path in (
        "newsletter/templates/email/confirm/body.html",
        "newsletter/templates/web/static/style.css",
        "newsletter/demo/feeds/launchpile.xml",
        "newsletter/demo/tools.json",
        "db/migrations/script.py.mako",
        "newsletter/py.typed",
    ):
        assert (installed / path).is_file(), path
    assert list((installed / "db/migrations/versions").glob("0001_*.py"))
    assert not list(installed.rglob("tests"))


def test_it_runs_the_whole_week_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    where = "import newsletter; print(newsletter.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", where], env={"PYTHONPATH": str(installed)}, capture_output=True, text=True, cwd=tmp_path
    )
    assert found.stdout.startswith(str(installed)), "the checkout must not stand in for the wheel"
    assert "serve" in newsletter(installed, tmp_path, "--help")
    newsletter(installed, tmp_path, "init", "--write-settings")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["newsletter.toml", "var"]
    said = json.loads(newsletter(installed, tmp_path, "demo", "--once", "--json", "--smtp-port", "0"))
    assert (said["recipients"], said["sent"], said["inbox"]) == (25, 25, 25)
