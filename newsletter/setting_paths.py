"""Settings that name a file or a folder of this machine, read as in setting_values.py; they raise OSError, too."""

from pathlib import Path

from newsletter.setting_values import text


def text_file(value: str) -> Path:
    """A file that is there and can be read; what stands in it is read when it is shown."""
    path = Path(text(value))
    if not path.is_file():
        raise ValueError(f"must name a text file, and there is none at {value!r}")
    path.open("rb").close()
    return path


def folder(value: str) -> Path:
    """A folder, which need not be there yet; what writes into it makes it."""
    path = Path(no_home(text(value)))
    if path.exists() and not path.is_dir():
        raise ValueError(f"must name a folder, and {value!r} is none")
    return path


def no_home(path: str) -> str:
    """Shells alone know whose home a ~ is: here it would be made, as a folder of that name."""
    if path.startswith("~"):
        home = path.partition("/")[0]
        raise ValueError(f"must name a whole path; only a shell knows what {home} is (a folder named so is ./{home})")
    return path
