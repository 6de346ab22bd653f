"""A Dovecot of the test's own over a Maildir (Debian: dovecot-imapd)."""

import os
import pwd
import socket
import time

from tests.fakes.certificate import write_certificate
from tests.fakes.mail_server import Foreground

_CONFIG = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{certificate}
ssl_key = <{key}
mail_location = maildir:{folder}/box
first_valid_uid = 1
default_internal_user = {user}
default_login_user = {user}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}
}}
"""


class Dovecot(Foreground):
    """``box`` is its INBOX, a Maildir."""

    program = "dovecot"
    user, password = "bounces", "secret/word"

    def command(self) -> list[str]:
        self.box = self.folder / "box"
        self.ca, key = write_certificate(self.folder)
        nobody = pwd.getpwnam("nobody")
        for folder in (self.box, *(self.box / name for name in ("new", "cur", "tmp"))):
            folder.mkdir()
        config = self.folder / "config"
        config.write_text(
            _CONFIG.format(
                folder=self.folder, certificate=self.ca, key=key, port=self.port, user="dovenull",
                uid=nobody.pw_uid, gid=nobody.pw_gid, password=self.password,
            )
        )  # fmt: skip
        return ["dovecot", "-F", "-c", str(config)]

    def deliver(self, *mails: bytes) -> None:
        nobody = pwd.getpwnam("nobody")
        for number, mail in enumerate(mails):
            (self.box / "new" / f"{time.time_ns()}.{number}.test").write_bytes(mail)
        for path in self.box.rglob("*"):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
        os.chown(self.box, nobody.pw_uid, nobody.pw_gid)

    def greets(self) -> None:
        until = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 5).close()
                return
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def seen(self) -> int:
        return sum("S" in path.name.partition(":2,")[2] for path in (self.box / "cur").iterdir())
