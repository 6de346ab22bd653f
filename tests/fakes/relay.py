"""A relay that records what reaches it, and answers as a test tells it to."""

import asyncio
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from newsletter.setting_values import Relay
from tests.fakes.ports import free_port


@dataclass
class Arrived:
    """One message as it came over the wire."""

    return_path: str
    recipient: str
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        found = message_from_bytes(self.raw, policy=policy.default)
        assert isinstance(found, EmailMessage)
        return found

    def text(self) -> str:
        part = self.message.get_body(("plain",))
        assert part is not None
        return str(part.get_content())

    def html(self) -> str:
        part = self.message.get_body(("html",))
        assert part is not None
        return str(part.get_content())


@dataclass
class RecordingRelay:
    """``answers`` are given to the next final dots, in order; after them everything is taken."""

    answers: list[str] = field(default_factory=list)
    arrived: list[Arrived] = field(default_factory=list)
    smtputf8: bool = False

    def __enter__(self) -> Self:
        self.port = free_port()
        self._controller = Controller(
            self, hostname="127.0.0.1", port=self.port, enable_SMTPUTF8=self.smtputf8, decode_data=False
        )
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The other side has hung up; a line that nobody saw closing would be left to the garbage collector.
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0.005), self._controller.loop).result()
        self._controller.stop()

    @property
    def relay(self) -> Relay:
        return Relay("127.0.0.1", self.port, tls="off")

    def to(self, address: str) -> list[Arrived]:
        return [one for one in self.arrived if one.recipient == address]

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.answers and not (answer := self.answers.pop(0)).startswith("2"):
            return answer
        content: Any = envelope.content
        self.arrived.append(Arrived(str(envelope.mail_from), str(envelope.rcpt_tos[0]), content))
        return "250 2.0.0 taken"
