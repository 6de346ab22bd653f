"""An IMAP server over TLS with one folder, INBOX: as much of RFC 3501 as reading and flagging needs."""

import re
import shutil
import socketserver
import ssl
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.fakes.certificate import write_certificate


class ImapServer:
    """``hanging_up_after`` cuts the line at that FETCH; ``refusing`` has the server's answers to commands, by their
    first words in capitals."""

    user, password = "bounces", "secret/word"

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="imap-"))
        self.ca, key = write_certificate(self.folder)
        self.mails: list[bytes] = []
        self.flagged: set[int] = set()
        self.hanging_up_after: int | None = None
        self.refusing: dict[str, str] = {}
        self.fetched = 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.ca, key)
        self._server = _Server(("127.0.0.1", 0), _Session)
        self._server.owner = self
        self.port = self._server.server_address[1]

    @classmethod
    def why_not(cls) -> str | None:
        return None

    def deliver(self, *mails: bytes) -> None:
        self.mails += mails

    def seen(self) -> int:
        return len(self.flagged)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        shutil.rmtree(self.folder)


class _Server(socketserver.ThreadingTCPServer):
    owner: ImapServer
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news."""


class _Session(socketserver.StreamRequestHandler):
    server: _Server

    def setup(self) -> None:
        self.request = self.server.owner.context.wrap_socket(self.request, server_side=True)
        super().setup()

    def finish(self) -> None:
        super().finish()
        self.request.close()

    def handle(self) -> None:
        self.wfile.write(b"* OK here\r\n")
        while line := self.rfile.readline():
            tag, _, command = line.decode().strip().partition(" ")
            refusals = self.server.owner.refusing.items()
            refused = next((said for begins, said in refusals if command.upper().startswith(begins)), None)
            answer = b"" if refused else self.answer(command)
            self.wfile.write(answer + f"{tag} {refused or 'OK done'}\r\n".encode())

    def answer(self, command: str) -> bytes:
        owner = self.server.owner
        words = command.upper().split()
        if words[0] == "CAPABILITY":
            return b"* CAPABILITY IMAP4rev1\r\n"
        if words[0] == "LOGIN" and f'{owner.user} "{owner.password}"' not in command:
            raise ConnectionError("wrong password")
        if words[:2] == ["UID", "SEARCH"]:
            unseen = [str(uid) for uid in range(1, len(owner.mails) + 1) if uid not in owner.flagged]
            return f"* SEARCH {' '.join(unseen)}\r\n".encode()
        if words[:2] == ["UID", "FETCH"]:
            return self.fetch(int(words[2]), command)
        if words[:2] == ["UID", "STORE"]:
            owner.flagged.add(int(words[2]))
        return b""

    def fetch(self, uid: int, command: str) -> bytes:
        owner = self.server.owner
        if owner.fetched == owner.hanging_up_after:
            raise ConnectionError("hanging up")
        owner.fetched += 1
        most = re.search(r"<0\.(\d+)>", command)
        mail = owner.mails[uid - 1][: int(most[1])] if most else owner.mails[uid - 1]
        return f"* {uid} FETCH (UID {uid} BODY[]<0> {{{len(mail)}}}\r\n".encode() + mail + b")\r\n"
