"""An Exim of the test's own (Debian: exim4-daemon-light)."""

import os
import pwd

from tests.fakes.mail_server import Foreground

_CONFIG = """\
primary_hostname = mx.example.org
exim_user = root
exim_group = root
spool_directory = {folder}/spool
log_file_path = {folder}/log-%s
pid_file_path = {folder}/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
tls_advertise_hosts =
chunking_advertise_hosts = {chunking}
smtp_accept_queue_per_connection = 0
smtp_accept_max_per_connection = 5
acl_smtp_rcpt = accept
acl_smtp_data = accept

begin routers
far:
  driver = manualroute
  domains = far.example
  route_data = 127.0.0.1::{far}
  self = send
  transport = far
returned:
  driver = accept
  domains = bounces.example.com
  transport = returned
here:
  driver = accept
  domains = example.org
  transport = maildir

begin transports
far:
  driver = smtp
  allow_localhost
  user = nobody
  group = nogroup
maildir:
  driver = appendfile
  maildir_format
  directory = {folder}/mail/$local_part_data
  create_directory
  user = nobody
  group = nogroup
  return_path_add
returned:
  driver = appendfile
  maildir_format
  directory = {folder}/mail/returned
  create_directory
  user = nobody
  group = nogroup
"""


class Exim(Foreground):
    """``chunking`` says whether it offers BDAT."""

    program = "exim4"
    chunking = True

    def command(self) -> list[str]:
        nobody = pwd.getpwnam("nobody")
        for name in ("mail", "spool"):
            (self.folder / name).mkdir()
        os.chown(self.folder / "mail", nobody.pw_uid, nobody.pw_gid)
        config = self.folder / "config"
        known = ":".join(self.names)
        text = _CONFIG.format(folder=self.folder, port=self.port, far=self.far, chunking="*" if self.chunking else "")
        config.write_text(text.replace("domains = example.org", f"domains = example.org\n  local_parts = {known}"))
        return ["exim4", "-C", str(config), "-bdf", "-q1m"]


class EximWithoutChunking(Exim):
    chunking = False
