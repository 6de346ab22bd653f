"""A Postfix of the test's own: its own folder and port, delivering to Maildirs on this machine. Needs root."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = mx.example.org
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
virtual_mailbox_domains = example.org
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = texthash:{folder}/config/mailboxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
"""


def why_not() -> str | None:
    """Why no Postfix can be run here, in a line."""
    if shutil.which("postfix") is None:
        return "Postfix is not installed; install it to run this"
    return None if os.geteuid() == 0 else "Postfix starts only for root"


class Postfix:
    """``with Postfix(names) as server: … server.url … server.mails(2)``: each ``NAME@example.org`` has a Maildir."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self.folder = Path(tempfile.mkdtemp(prefix="postfix-"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}?tls=off&connections=4"

    def mails(self, expected: int, seconds: float = 30) -> dict[str, list[bytes]]:
        """What lies in each mailbox, once so many mails are there; lines end in CRLF, as they travelled."""
        until = time.monotonic() + seconds
        while len(found := list(self.folder.glob("mail/*/new/*"))) < expected and time.monotonic() < until:
            time.sleep(0.1)
        boxes: dict[str, list[bytes]] = {}
        for path in found:
            boxes.setdefault(path.parent.parent.name, []).append(path.read_bytes().replace(b"\n", b"\r\n"))
        return boxes

    def __enter__(self) -> Self:
        owner, nobody = pwd.getpwnam("postfix"), pwd.getpwnam("nobody")
        self.folder.chmod(0o755)
        for name in ("config", "queue", "data", "mail"):
            (self.folder / name).mkdir()
        os.chown(self.folder / "data", owner.pw_uid, owner.pw_gid)
        os.chown(self.folder / "mail", nobody.pw_uid, nobody.pw_gid)
        config = self.folder / "config"
        (config / "main.cf").write_text(_MAIN.format(folder=self.folder, uid=nobody.pw_uid, gid=nobody.pw_gid))
        (config / "master.cf").write_text(_MASTER.format(port=self.port))
        (config / "mailboxes").write_text("".join(f"{name}@example.org {name}/\n" for name in self._names))
        self._run("start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run("stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, what: str) -> None:
        command = ["postfix", "-c", str(self.folder / "config"), what]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise RuntimeError(f"postfix {what}: {done.stderr or done.stdout}")
