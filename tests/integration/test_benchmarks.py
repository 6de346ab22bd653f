"""The benchmarks run, with counts too small to measure anything: what nobody runs stops working."""

import shutil
from pathlib import Path

import pytest

from tests.benchmarks.scale import publishing
from tests.benchmarks.sending import OFFERS, naive, ours, sink


@pytest.mark.skipif(not shutil.which("cc"), reason="the sink is written in C; install a compiler to run this")
def test_a_sending_is_measured_beside_a_peer(tmp_path: Path) -> None:
    with sink(tmp_path, *OFFERS) as port:
        measured = [ours(tmp_path / "ours", 20, port, size=4000), naive(port, 2, tmp_path)]
    assert [ran.messages for ran in measured] == [20, 2]
    assert all(ran.cpu > 0 and ran.memory > 1 for ran in measured)


def test_publishing_is_measured(tmp_path: Path) -> None:
    assert publishing(tmp_path, 50) > 0
