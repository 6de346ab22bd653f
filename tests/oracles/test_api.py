"""The running API held against its own description by somebody else's program: schemathesis. ``make oracles`` runs it.

It is for development: where it is not installed, the test is skipped with a line that says how to get it.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import Engine

from db.api import add_token
from db.engine import transaction
from newsletter.clock import Clock
from newsletter.settings import Settings
from newsletter.subscribers.tokens import hash_token
from newsletter.web.api_pages import SCOPES
from newsletter.web.app import create_app
from tests.fakes.pages import put, tool
from tests.fakes.running_app import RunningApp
from tests.fakes.sample_week import NOW

pytestmark = [pytest.mark.oracle, pytest.mark.long]

SCHEMATHESIS = shutil.which("schemathesis")
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "unsupported_method", "allow_header_conformance", "missing_required_header",
    "ignored_auth", "use_after_free",
)  # fmt: skip


@pytest.mark.skipif(
    SCHEMATHESIS is None, reason="schemathesis is not on the PATH; `pipx install schemathesis` to run this"
)
def test_no_request_meets_a_failure_of_ours_or_an_answer_that_is_not_described(
    engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    put(engine, tool("a"), tool("b"))
    with transaction(engine) as connection:
        add_token(connection, "all", hash_token("a-token-with-every-scope"), list(SCOPES), NOW, None)
    with RunningApp(create_app(settings, engine, Clock(NOW, running=False))) as app:
        command = [
            str(SCHEMATHESIS), "run", f"{app.url}/api/openapi.json", "--checks", ",".join(CHECKS),
            "--header", "Authorization: Bearer a-token-with-every-scope",
            "--max-examples", "100", "--continue-on-failure", "--seed", "1", "--no-color",
        ]  # fmt: skip
        said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=500)
    print("\n".join(re.findall(r"^.*(?:Test cases|generated|Operations|Tested).*$", said.stdout, re.M)))
    assert said.returncode == 0, said.stdout[-6000:] + said.stderr[-2000:]
