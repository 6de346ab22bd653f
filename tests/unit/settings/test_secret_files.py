"""Secrets in files of their own."""

import resource
from pathlib import Path

import pytest

from newsletter.errors import SettingsError
from newsletter.secret_files import write_new
from newsletter.settings import Settings, load

KEY = "a-key-that-stands-in-a-file-0123456789"


def settings(folder: Path, **environ: str) -> Settings:
    return load({f"NEWSLETTER_{name}": value for name, value in environ.items()}, folder)


def test_a_whole_value_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY + "\n")
    assert settings(tmp_path, SECRET_KEY=f"secret:{tmp_path}/key").secret_key == (KEY,)
    assert settings(tmp_path, SECRET_KEY="secret:key").secret_key == (KEY,), "from the folder of newsletter.toml"


def test_the_file_of_settings_may_name_secret_files_too(tmp_path: Path) -> None:
    (tmp_path / "newsletter.toml").write_text('secret_key = "secret:keys"\n')
    (tmp_path / "keys").write_text(f"{KEY},another-key-that-is-older-0123")
    assert settings(tmp_path).secret_key == (KEY, "another-key-that-is-older-0123")


def test_any_password_may_stand_in_a_url_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "smtp").write_text("p@ss/w:rd?& %41\n")
    relay = settings(tmp_path, SMTP="smtp://news:{secret:smtp}@mail.example.com:587?connections=8").smtp[0]
    assert (relay.user, relay.password, relay.host) == ("news", "p@ss/w:rd?& %41", "mail.example.com")
    mailbox = settings(tmp_path, BOUNCE_MAILBOX="imaps://b:{secret:smtp}@mail.example.com/INBOX").bounce_mailbox
    assert mailbox is not None
    assert mailbox.password == "p@ss/w:rd?& %41"


@pytest.mark.parametrize("value", ["secret:", "{secret:}", "new-key-0123456789,{secret:}"])
def test_a_secret_file_without_a_name_is_no_secret_itself(tmp_path: Path, value: str) -> None:
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        settings(tmp_path, SECRET_KEY=value)


def test_a_new_key_and_an_old_one_may_stand_in_two_files(tmp_path: Path) -> None:
    (tmp_path / "new").write_text("new+key/with=signs-0123456789\n")
    (tmp_path / "old").write_text(KEY)
    found = settings(tmp_path, SECRET_KEY="{secret:new},{secret:old}").secret_key
    assert found == ("new+key/with=signs-0123456789", KEY)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file"),
        (b"\n", "is empty"),
        (b"\xff\xfe" * 20, "is not UTF-8"),
        (b"x" * 70_000, "too long"),
    ],
)
def test_a_secret_file_that_is_none_is_named_with_its_setting(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    with pytest.raises(SettingsError, match=f"NEWSLETTER_SECRET_KEY names the secret file .*{words}"):
        settings(tmp_path, SECRET_KEY="secret:key")


def test_what_a_secret_file_holds_is_never_shown(tmp_path: Path) -> None:
    (tmp_path / "relay").write_text("ftp://me:hunter23@host")
    with pytest.raises(SettingsError) as refused:
        settings(tmp_path, SMTP="secret:relay")
    assert "hunter23" not in str(refused.value)
    (tmp_path / "url").write_text("mysql://root:hunter22@host/db")
    with pytest.raises(SettingsError) as refused:
        settings(tmp_path, DATABASE_URL="secret:url")
    assert "hunter22" not in str(refused.value)


def test_a_new_secret_file_is_its_owners_alone_and_overwrites_none(tmp_path: Path) -> None:
    write_new(tmp_path / "key", b"one")
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "key", b"two")
    assert ((tmp_path / "key").read_bytes(), (tmp_path / "key").stat().st_mode & 0o777) == (b"one", 0o600)


def test_a_secret_file_that_finds_no_room_is_named_and_leaves_nothing_behind(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with pytest.raises(OSError, match=r"File too large: '.*/key'"):
            write_new(tmp_path / "key", b"longer than there is room for")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not (tmp_path / "key").exists()
