"""A signed sending: what arrives verifies."""

from dataclasses import replace
from pathlib import Path

import dkim as dkimpy
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from sqlalchemy import Engine

from newsletter.deliveries.dkim import Signer
from newsletter.deliveries.send import send_due
from newsletter.setting_values import DkimKey
from newsletter.settings import Settings
from tests.fakes.smtp_sink import Sink
from tests.integration.sending import WEEK, published, standing, with_relays


def test_both_signatures_of_every_mail_verify(engine: Engine, settings: Settings, tmp_path: Path) -> None:
    signers = {
        b"nov": Signer("nov", "example.com", rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        b"ed": Signer("ed", "example.com", ed25519.Ed25519PrivateKey.generate()),
    }
    for signer in signers.values():
        (tmp_path / signer.selector).write_bytes(signer.pem())
    keys = tuple(DkimKey(signer.selector, "example.com", tmp_path / signer.selector) for signer in signers.values())
    with Sink() as sink:
        here = replace(with_relays(settings, sink.url), dkim=keys)
        published(engine, here, 20)
        assert send_due(engine, here, standing(), WEEK).issues[0].counts.sent == 20
    for mail in sink.mails:
        verifier = dkimpy.DKIM(mail.data)
        for place in range(2):
            assert verifier.verify(place, lambda name, timeout=5: signers[name.partition(b".")[0]].record().encode())
