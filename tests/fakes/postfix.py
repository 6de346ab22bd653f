"""A Postfix of the test's own: its own folder and port (Debian: postfix)."""

import os
import pwd
import subprocess

from tests.fakes.certificate import write_certificate
from tests.fakes.mail_server import MailServer
from tests.fakes.ports import free_port

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
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
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
virtual_mailbox_domains = example.org bounces.example.com
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = texthash:{folder}/config/mailboxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
smtpd_error_sleep_time = 0
transport_maps = inline:{{{{far.example = smtp:[127.0.0.1]:{far}}}}}
"""


class Postfix(MailServer):
    """``policy`` is the port of a policy service that is asked about every recipient."""

    program = "postfix"
    policy: int | None = None
    more = ""

    def start(self) -> None:
        owner, nobody = pwd.getpwnam("postfix"), pwd.getpwnam("nobody")
        for name in ("config", "queue", "data", "mail"):
            (self.folder / name).mkdir()
        os.chown(self.folder / "data", owner.pw_uid, owner.pw_gid)
        os.chown(self.folder / "mail", nobody.pw_uid, nobody.pw_gid)
        config = self.folder / "config"
        main = _MAIN.format(folder=self.folder, far=self.far, uid=nobody.pw_uid, gid=nobody.pw_gid)
        if self.policy is not None:
            asked = f"check_policy_service inet:127.0.0.1:{self.policy}"
            main += f"smtpd_relay_restrictions = permit_mynetworks, reject\nsmtpd_recipient_restrictions = {asked}\n"
        (config / "main.cf").write_text(main + self.more)
        boxes = [f"{name}@example.org {name}/\n" for name in self.names] + ["@bounces.example.com returned/\n"]
        (config / "mailboxes").write_text("".join(boxes))
        for tries_left in (2, 1, 0):
            (config / "master.cf").write_text(_MASTER.format(port=self.port))
            try:
                return self._run("start")
            except RuntimeError:
                if not tries_left:
                    raise
                self.port = free_port()  # somebody else has taken the one that was free

    def stop(self) -> None:
        self._run("stop")

    def _run(self, what: str) -> None:
        command = ["postfix", "-c", str(self.folder / "config"), what]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode:
            log = self.folder / "log"
            told = log.read_text()[-1000:] if log.exists() else ""
            raise RuntimeError(f"postfix {what}: {done.stderr or done.stdout}{told}")


class PostfixWithARate(Postfix):
    """It takes 20 messages of a client in three seconds, and says 450 to more."""

    more = """\
smtpd_client_event_limit_exceptions =
smtpd_client_message_rate_limit = 20
anvil_rate_time_unit = 3s
"""


class PostfixWithTls(Postfix):
    """STARTTLS, which it insists on."""

    def start(self) -> None:
        certificate, key = write_certificate(self.folder)
        self.more = f"""\
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
"""
        super().start()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}?tls=starttls&ca={self.folder / 'certificate.pem'}&connections=4"
