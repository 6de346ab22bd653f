"""A signed sending: what arrives verifies."""

from pathlib import Path

import dkim as dkimpy
from sqlalchemy import Engine

from newsletter.deliveries.send import send_due
from newsletter.settings import Settings
from tests.fakes.smtp_sink import Sink
from tests.integration.sending import WEEK, published, signing, standing, with_relays


def test_both_signatures_of_every_mail_verify(engine: Engine, settings: Settings, tmp_path: Path) -> None:
    here, signers = signing(settings, tmp_path)
    with Sink() as sink:
        here = with_relays(here, sink.url)
        published(engine, here, 20)
        assert send_due(engine, here, standing(), WEEK).issues[0].counts.sent == 20
    for mail in sink.mails:
        verifier = dkimpy.DKIM(mail.data)
        for place in range(2):
            assert verifier.verify(place, lambda name, timeout=5: signers[name.partition(b".")[0]].record().encode())
