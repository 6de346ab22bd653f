"""What Prometheus reads, and who may."""

import json
import math
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert

from db.engine import transaction
from db.latencies import Latency, add
from db.models import Delivery, Issue
from db.partitions import make_partition
from db.runs import claim_run, finish_run, write_plans
from db.states import RunStatus
from newsletter.clock import Clock
from newsletter.settings import Settings
from newsletter.web.app import create_app
from tests.fakes.browser import Browser
from tests.fakes.times import MONDAY

RULES = Path(__file__).parents[2] / "deploy/alerts.yml"
LINE = re.compile(r"(# (?:HELP|TYPE) [a-z_]+ .+|[a-z_]+(?:\{[a-z]+=\"[^\"]*\"(?:,[a-z]+=\"[^\"]*\")*\})? -?\d[\d.e+]*)")

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed; Debian's prometheus has it"
)


@pytest.fixture
def browser(engine: Engine, settings: Settings) -> Browser:
    return Browser(create_app(settings, engine, Clock()))


def test_every_line_is_of_the_exposition_format(browser: Browser) -> None:
    browser.get("/healthz")
    answer = browser.get("/metrics")
    lines = answer.text.splitlines()
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    assert 'newsletter_subscribers{state="active"} 0' in lines
    assert any(line.startswith('newsletter_http_requests_total{method="GET",code="2xx"}') for line in lines)


def test_the_public_behind_a_proxy_does_not_see_them(browser: Browser) -> None:
    assert browser.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 403


def test_the_alert_rules_name_metrics_and_labels_that_there_are(browser: Browser) -> None:
    rules = RULES.read_text("utf-8")
    shown = browser.get("/metrics").text
    expressions = re.findall(r"^        expr: (.+)$", rules, re.M)
    assert len(expressions) == rules.count("- alert: ") >= 6
    known = set(re.findall(r"^# TYPE (\w+)", shown, re.M))
    known |= {f"{name}_bucket" for name in re.findall(r"^# TYPE (\w+) histogram", shown, re.M)}
    for expression in expressions:
        assert expression.count("(") == expression.count(")")  # promtool reads them whole, where it is there
        assert set(re.findall(r"newsletter_\w+", expression)) <= known, expression
        for metric, label, value in re.findall(r'(newsletter_\w+)\{(\w+)="([^"]+)"\}', expression):
            if not metric.endswith(
                ("_total", "_deliveries", "_seconds")
            ):  # no series before the first answer, issue, run
                assert f'{metric}{{{label}="{value}"}}' in shown, expression


@needs_promtool
def test_promtool_finds_nothing_wrong_with_metrics_and_rules(browser: Browser, engine: Engine) -> None:
    happened(engine)
    rules = subprocess.run(["promtool", "check", "rules", str(RULES)], capture_output=True, text=True)
    assert rules.returncode == 0, rules.stdout + rules.stderr
    shown = browser.get("/metrics").text
    metrics = subprocess.run(["promtool", "check", "metrics"], input=shown, capture_output=True, text=True)
    assert (metrics.returncode, metrics.stdout + metrics.stderr) == (0, "")


SLOW = """
rule_files: [{rules}]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {{series: 'newsletter_smtp_seconds_bucket{{relay="quick",le="10"}}', values: "0+95x40"}}
      - {{series: 'newsletter_smtp_seconds_bucket{{relay="quick",le="30"}}', values: "0+100x40"}}
      - {{series: 'newsletter_smtp_seconds_bucket{{relay="quick",le="+Inf"}}', values: "0+100x40"}}
      - {{series: 'newsletter_smtp_seconds_bucket{{relay="slow",le="10"}}', values: "0+80x40"}}
      - {{series: 'newsletter_smtp_seconds_bucket{{relay="slow",le="30"}}', values: "0+100x40"}}
      - {{series: 'newsletter_smtp_seconds_bucket{{relay="slow",le="+Inf"}}', values: "0+100x40"}}
    alert_rule_test:
      - {{eval_time: 5m, alertname: NewsletterRelayIsSlow, exp_alerts: []}}
      - eval_time: 30m
        alertname: NewsletterRelayIsSlow
        exp_alerts: [{{exp_labels: {{relay: slow}}, exp_annotations: {{summary: {summary}}}}}]
"""


@needs_promtool
def test_a_relay_that_is_slow_for_one_message_in_five_alerts_and_one_in_twenty_does_not(tmp_path: Path) -> None:
    (summary,) = re.findall(r"alert: NewsletterRelayIsSlow.*?summary: (.+?)$", RULES.read_text("utf-8"), re.S | re.M)
    series = tmp_path / "slow.yml"
    series.write_text(SLOW.format(rules=RULES, summary=json.dumps(summary)), "utf-8")
    tested = subprocess.run(["promtool", "test", "rules", str(series)], capture_output=True, text=True)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_domains_are_counted_by_outcome_where_they_do_not_give_one_reader_away(
    browser: Browser, engine: Engine
) -> None:
    happened(engine)
    lines = [line for line in browser.get("/metrics").text.splitlines() if line.startswith("newsletter_domain_")]
    assert lines == [
        'newsletter_domain_deliveries{domain="large.example",status="failed"} 2',
        'newsletter_domain_deliveries{domain="large.example",status="sent"} 10',
    ]


def test_jobs_relays_and_webhooks_are_seen(browser: Browser, engine: Engine) -> None:
    happened(engine)
    lines = browser.get("/metrics").text.splitlines()
    assert f'newsletter_job_done_timestamp_seconds{{job="gather"}} {MONDAY.timestamp():.0f}' in lines
    assert 'job="back_up"' not in " ".join(lines), "a job that the timetable does not have is never late"
    assert 'newsletter_relay_up{relay="127.0.0.1:1025"} 0' in lines
    assert 'newsletter_webhooks{condition="paused"} 0' in lines


def happened(engine: Engine) -> None:
    """An issue to twelve readers of one domain and one of another, and a run of a job."""
    with transaction(engine) as connection:
        issue_id = connection.execute(
            insert(Issue).values(
                week="2026-W47", number=1, status="sending", composed_at=MONDAY, updated_at=MONDAY, starts_at=MONDAY,
                ends_at=MONDAY, started_at=MONDAY, settings={},
            ).returning(Issue.id)
        ).scalar_one()  # fmt: skip
        make_partition(connection, issue_id)
        readers = [f"r{number}@large.example" for number in range(12)] + ["me@own.example"]
        for number, email in enumerate(readers):
            connection.execute(
                insert(Delivery).values(
                    issue_id=issue_id, subscriber_id=number, email=email, name="", format="html", selection="",
                    link_key_id=1, status="failed" if number < 2 else "sent",
                )
            )  # fmt: skip
        add(connection, [Latency("127.0.0.1:1025", 0.5, 12, 4.0), Latency("127.0.0.1:1025", math.inf, 1, 700.0)])
        write_plans(connection, [("gather", "0 * * * *", MONDAY)])
        for job in ("gather", "back_up"):  # the latter before a move to PostgreSQL
            run_id = claim_run(connection, job, MONDAY, "me", MONDAY, MONDAY)
            assert run_id is not None
            finish_run(connection, run_id, "me", RunStatus.DONE, MONDAY)
