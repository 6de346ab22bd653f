"""What Prometheus reads, and who may."""

import re
from pathlib import Path

import pytest
from sqlalchemy import Engine

from newsletter.clock import Clock
from newsletter.settings import Settings
from newsletter.web.app import create_app
from tests.fakes.browser import Browser

LINE = re.compile(r"(# (?:HELP|TYPE) [a-z_]+ .+|[a-z_]+(?:\{[a-z]+=\"[^\"]*\"(?:,[a-z]+=\"[^\"]*\")*\})? -?\d[\d.e+]*)")


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
    rules = (Path(__file__).parents[2] / "deploy/alerts.yml").read_text("utf-8")
    shown = browser.get("/metrics").text
    expressions = re.findall(r"^        expr: (.+)$", rules, re.M)
    assert len(expressions) == rules.count("- alert: ") >= 6
    known = set(re.findall(r"^# TYPE (\w+)", shown, re.M))
    for expression in expressions:
        assert expression.count("(") == expression.count(")")
        assert set(re.findall(r"newsletter_\w+", expression)) <= known, expression
        for metric, label, value in re.findall(r'(newsletter_\w+)\{(\w+)="([^"]+)"\}', expression):
            if not metric.endswith(("_total", "_deliveries")):  # those have no series before the first answer or issue
                assert f'{metric}{{{label}="{value}"}}' in shown, expression
