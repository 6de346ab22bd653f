"""The demo as a process: it stays up with a page that shows everything, and Ctrl-C leaves nothing behind."""

import json
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path
from typing import NamedTuple

import pytest

from newsletter.demo.material import tools_document
from tests.acceptance import recount


class Demo(NamedTuple):
    process: subprocess.Popen[str]
    address: str
    folder: Path

    def page(self, path: str) -> str:
        with urllib.request.urlopen(self.address + path) as answer:
            return str(answer.read().decode())


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    command = [sys.executable, "-m", "newsletter.cli.main", "demo", "--port", "0", "--smtp-port", "0"]
    empty = tmp_path_factory.mktemp("empty")
    process = subprocess.Popen(command, cwd=empty, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        said = "".join(process.stdout.readline() for _ in range(5))
        address, folder = re.search(r"(http://\S+)/demo", said), re.search(r"commands: (\S+)", said)
        assert address is not None, said + process.stderr.read()
        assert folder is not None
        process.stderr.readline()  # it serves now
        yield Demo(process, address[1], Path(folder[1]))
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert not Path(folder[1]).exists()
        assert list(empty.iterdir()) == []
    finally:
        process.kill()
        process.communicate()


def test_one_page_links_everything_that_there_is_to_see(demo: Demo) -> None:
    page = demo.page("/demo")
    assert set(re.findall(r'href="(/[^"#]*)"', page)) >= {"/", "/issues", "/tools", "/editor"}
    assert len(re.findall(r'href="/demo/inbox/\d+"', page)) == 25
    for path in ("/", "/issues", "/tools", "/demo/inbox/0001"):
        assert "<h1" in demo.page(path)


def test_the_editors_room_is_open_to_who_comes_from_that_page(demo: Demo) -> None:
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    with opener.open(demo.address + "/demo"), opener.open(demo.address + "/editor") as answer:
        assert answer.url == demo.address + "/editor"
        assert "editor@readers.example" in answer.read().decode()


def test_each_message_can_be_read_in_three_ways(demo: Demo) -> None:
    assert "<html" in demo.page("/demo/inbox/0001/html")
    assert "PICK OF THE WEEK" in demo.page("/demo/inbox/0001/text")
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in demo.page("/demo/inbox/0001/source")


@pytest.mark.parametrize("name", ["9999", "0001.eml", "..%2Fnewsletter", "abcd"])
def test_a_message_that_is_none_is_not_found(demo: Demo, name: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        demo.page(f"/demo/inbox/{name}")


def test_the_verdicts_in_all_twenty_five_are_those_of_the_catalogue(demo: Demo) -> None:
    right = recount.expected([json.loads(tools_document())])
    mails = [path.read_bytes() for path in sorted((demo.folder / "inbox").glob("*.eml"))]
    assert len({message_from_bytes(mail)["Delivered-To"] for mail in mails}) == 25
    seen = set()
    for mail in mails:
        for said in recount.said_in(mail, right).values():
            for name, verdicts in said.items():
                seen.add(name)
                assert all(verdict[:4] == right[name][:4] for verdict in verdicts), name
                assert all(verdict.community in (right[name].community, None) for verdict in verdicts), name
    assert len(seen) == 12
