"""An OpenSMTPD of the test's own; its queue is the system's, whose path is built in (Debian: opensmtpd)."""

import fcntl
import os
import pwd
import tempfile
from pathlib import Path

from tests.fakes.mail_server import Foreground

_CONFIG = """\
table everyone {{ "@" = "nobody" }}
smtp max-message-size "10M"
listen on 127.0.0.1 port {port} hostname mx.example.org
action "here" maildir "{folder}/mail/%{{rcpt.user}}" virtual <everyone>
action "far" relay host smtp://127.0.0.1:{far}
action "returned" maildir "{folder}/mail/returned" virtual <everyone>
match from any for domain "example.org" action "here"
match from any for domain "far.example" action "far"
match from any for domain "bounces.example.com" action "returned"
"""


class OpenSMTPD(Foreground):
    program = "smtpd"

    @classmethod
    def why_not(cls) -> str | None:
        if not os.path.exists("/usr/sbin/smtpctl"):
            return "OpenSMTPD is not installed; install it to run this"
        return super().why_not()

    def command(self) -> list[str]:
        nobody = pwd.getpwnam("nobody")
        (self.folder / "mail").mkdir()
        os.chown(self.folder / "mail", nobody.pw_uid, nobody.pw_gid)
        config = self.folder / "config"
        config.write_text(_CONFIG.format(folder=self.folder, port=self.port, far=self.far))
        config.chmod(0o600)
        return ["smtpd", "-d", "-f", str(config)]

    def start(self) -> None:
        """When no other one runs: the second to use the queue and its control socket ends at once."""
        self._turn = (Path(tempfile.gettempdir()) / "one-opensmtpd-at-a-time").open("w")
        fcntl.flock(self._turn, fcntl.LOCK_EX)
        super().start()

    def stop(self) -> None:
        super().stop()
        self._turn.close()
