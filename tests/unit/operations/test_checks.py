from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from newsletter import settings as settings_module
from newsletter.operations import checks, dns_checks, spf
from newsletter.operations.checks import Level
from newsletter.setting_values import Relay, relays
from newsletter.settings import Settings
from tests.conftest import complete_environment
from tests.fakes.times import MONDAY


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_module.load(complete_environment("sqlite:///x.db"), tmp_path)


def level_of(found: list[checks.Check], name: str) -> Level:
    return next(check.level for check in found if check.name == name)


def test_a_complete_installation_has_nothing_wrong_with_its_settings(settings: Settings) -> None:
    good = replace(
        settings,
        hook_ses="arn:aws:sns:eu-west-1:123456789012:bounces",
        secret_key=("kX9-wTq2_Zr7Lm4Vb8Nc1Pd6Fh3Gj5Ks",),
        trusted_proxies=(ip_network("127.0.0.1"),),
    )
    assert {check.level for check in checks.settings_checks(good)} == {Level.OK}


def test_what_sending_needs_is_named_when_it_is_missing(settings: Settings) -> None:
    found = checks.settings_checks(replace(settings, title=None, postal_address=None))
    assert "NEWSLETTER_TITLE, NEWSLETTER_POSTAL_ADDRESS" in found[0].what


@pytest.mark.parametrize(
    ("key", "level"),
    [
        ("changeme-changeme-changeme-changeme", Level.ERROR),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", Level.ERROR),
        ("kX9-wTq2_Zr7Lm4Vb8", Level.WARNING),
        ("kX9-wTq2_Zr7Lm4Vb8Nc1Pd6Fh3Gj5Ks", Level.OK),
    ],
)
def test_a_secret_that_can_be_guessed_is_an_error(settings: Settings, key: str, level: Level) -> None:
    assert level_of(checks.settings_checks(replace(settings, secret_key=(key,))), "secrets") == level


def test_a_clock_that_was_set_for_a_rehearsal_is_noticed(settings: Settings) -> None:
    assert not [check for check in checks.settings_checks(replace(settings, now=None)) if check.name == "rehearsal"]
    assert level_of(checks.settings_checks(replace(settings, now=MONDAY)), "rehearsal") == Level.WARNING


@pytest.mark.parametrize(
    ("url", "level"),
    [
        ("https://news.example.com", Level.OK),
        ("http://news.example.com", Level.ERROR),
        ("http://127.0.0.1:8000", Level.WARNING),
        ("http://127.evil.example", Level.ERROR),
        ("https://example.com/news", Level.WARNING),
    ],
)
def test_readers_need_an_https_address_at_the_root_of_a_host(settings: Settings, url: str, level: Level) -> None:
    assert level_of(checks.settings_checks(replace(settings, public_url=url)), "public address") == level


def test_behind_a_web_server_that_is_not_trusted_all_readers_are_one(settings: Settings) -> None:
    behind = replace(settings, public_url="https://news.example.com", trusted_proxies=())
    assert level_of(checks.settings_checks(behind), "proxies") == Level.WARNING
    alone = checks.settings_checks(replace(behind, public_url="http://127.0.0.1:8000"))
    assert "proxies" not in [check.name for check in alone]


@pytest.mark.parametrize(
    ("network", "level"),
    [
        ("0.0.0.0/0", Level.WARNING), ("128.0.0.0/1", Level.WARNING), ("::/0", Level.WARNING),
        ("10.0.0.0/8", None), ("fc00::/7", None), ("127.0.0.1/32", None),
    ],
)  # fmt: skip
def test_a_proxy_is_not_everybody(settings: Settings, network: str, level: Level | None) -> None:
    found = checks.settings_checks(replace(settings, trusted_proxies=(ip_network(network),)))
    assert next((check.level for check in found if check.name == "proxies"), None) == level


def test_a_schema_that_is_not_ours_says_which_way_to_go() -> None:
    assert checks.schema_check("0002", "0002").level is Level.OK
    assert "newsletter init" in checks.schema_check("0001", "0002").advice
    assert "upgrade" in checks.schema_check("0003", "0002").advice
    assert "newsletter init" in checks.schema_check(None, "0002").advice


def test_the_disk_must_hold_the_database_twice() -> None:
    gigabyte = 1000 * checks.MEGABYTE
    assert checks.disk_check(50 * checks.MEGABYTE, 0).level is Level.ERROR
    assert checks.disk_check(3 * gigabyte, 2 * gigabyte).level is Level.WARNING
    assert checks.disk_check(5 * gigabyte, 2 * gigabyte).level is Level.OK


def test_a_clock_that_disagrees_with_others_or_with_our_own_past_is_told() -> None:
    far = {"the database": MONDAY + timedelta(minutes=2)}
    assert checks.clock_check(MONDAY, {}, None).level is Level.OK
    assert checks.clock_check(MONDAY, far, None).level is Level.WARNING
    assert checks.clock_check(MONDAY, {"x": MONDAY - timedelta(hours=1)}, None).level is Level.ERROR
    assert checks.clock_check(MONDAY, {}, MONDAY + timedelta(hours=1)).level is Level.ERROR


def test_a_backup_older_than_a_week_is_a_warning() -> None:
    assert checks.backup_check(None, MONDAY, embedded=True).level is Level.WARNING
    assert checks.backup_check(MONDAY - timedelta(days=8), MONDAY, embedded=True).level is Level.WARNING
    assert checks.backup_check(MONDAY - timedelta(days=6), MONDAY, embedded=True).level is Level.OK
    assert checks.backup_check(None, MONDAY, embedded=False).level is Level.OK


NAMES = {
    "relay.example": ["v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all"],
    "silent.example": ["something else"],
    "twice.example": ["v=spf1 -all", "v=spf1 -all"],
    "open.example": ["v=spf1 +all"],
    "within.example": ["v=spf1 -include:open.example ip4:192.0.2.1 -all"],
    "onto.example": ["v=spf1 redirect=open.example"],
    "wide.example": ["v=spf1 a mx ptr exists:%{i}.x.example include:relay.example -all"],
    "round.example": ["v=spf1 include:round.example -all"],
    "odd.example": ["v=spf1 ip4:192.0.2.300 -all"],
    **{f"{number}.example": ["v=spf1 ip4:192.0.2.1 -all"] for number in range(11)},
}


@pytest.mark.parametrize(
    ("record", "level", "said"),
    [
        (None, Level.WARNING, "none"),
        ("v=spf1 include:relay.example -all", Level.OK, ""),
        ("V=SPF1 Include:Relay.Example. mx/24//64 a:x.example/28 exp=why.example x-own=1 ~all", Level.OK, ""),
        ("v=spf1 redirect=relay.example", Level.OK, ""),
        ("v=spf1 include:%{d}.relay.example -all", Level.OK, ""),
        ("v=spf1 ip4:192.0.2.1", Level.WARNING, "what of others"),
        ("v=spf1 ip4:192.0.2.1 ?all", Level.WARNING, "?all"),
        ("v=spf1 +all", Level.ERROR, "whole world"),
        ("v=spf1 include:open.example -all", Level.ERROR, "whole world"),
        ("v=spf1 +include:onto.example -all", Level.ERROR, "whole world"),
        ("v=spf1 -include:open.example ip4:192.0.2.1 -all", Level.OK, ""),
        ("v=spf1 ip4:192.0.2.1 ~include:onto.example -all", Level.OK, ""),
        ("v=spf1 include:within.example -all", Level.OK, ""),
        ("v=spf1 " + " ".join(f"include:{n}.example" for n in range(11)) + " -all", Level.ERROR, "asks 11 times"),
        ("v=spf1 a mx include:wide.example include:wide.example -all", Level.ERROR, "asks 14 times"),
        ("v=spf1 include:round.example -all", Level.ERROR, "receivers stop at 10"),
        ("v=spf1 include:silent.example -all", Level.ERROR, "silent.example, which it includes, has no SPF record"),
        ("v=spf1 include:gone.example -all", Level.ERROR, "gone.example"),
        ("v=spf1 include:twice.example -all", Level.ERROR, "2 SPF records"),
        ("v=spf1 include:odd.example -all", Level.ERROR, "ip4:192.0.2.300"),
        ("v=spf1 ipv4:192.0.2.1 -all", Level.ERROR, "ipv4:192.0.2.1"),
        ("v=spf1 include: -all", Level.ERROR, "include:"),
        ("v=spf1 -all nonsense", Level.OK, ""),
    ],
)
def test_spf_is_evaluated_as_receivers_do(record: str | None, level: Level, said: str) -> None:
    check = spf.spf_check("example.com", {**NAMES, "example.com": [record] if record else ["google-verification=x"]})
    assert (check.level, said in check.what) == (level, True), check


def test_two_spf_records_are_as_good_as_none() -> None:
    assert spf.spf_check("example.com", {"example.com": ["v=spf1 -all", "v=spf1 ~all"]}).level is Level.ERROR


def test_what_an_spf_record_leads_to() -> None:
    records = ["x", "v=spf1 include:A.example. include:%{i}.example redirect=b.example ip4:192.0.2.1 junk:"]
    assert spf.leads_to(records) == ["a.example", "b.example"]


@pytest.mark.parametrize(
    ("records", "level"),
    [
        ([], Level.ERROR),
        (["v=DKIM1; k=rsa; p=AAAA BBBB"], Level.OK),
        (["v=DKIM1; p=CCCC"], Level.ERROR),
        (["v=DKIM1; p="], Level.ERROR),
        (["v=DKIM1; t=y; p=AAAABBBB"], Level.WARNING),
        (["p=AAAABBBB", "p=AAAABBBB"], Level.ERROR),
    ],
)
def test_dkim(records: list[str], level: Level) -> None:
    assert dns_checks.dkim_check("s._domainkey.example.com", records, "AAAABBBB").level is level


@pytest.mark.parametrize(
    ("records", "signing", "level"),
    [
        ([], [], Level.WARNING),
        (["v=DMARC1; p=reject"], [], Level.OK),
        (["v=DMARC1; p=reject"], ["news.example.com"], Level.OK),
        (["v=DMARC1; p=reject; adkim=s"], ["example.com"], Level.ERROR),
        (["v=DMARC1; p=none"], ["other.example"], Level.ERROR),
        (["v=DMARC1; p=perhaps"], [], Level.ERROR),
        (["v=DMARC1; p=none", "v=DMARC1; p=reject"], [], Level.WARNING),
    ],
)
def test_dmarc(records: list[str], signing: list[str], level: Level) -> None:
    assert dns_checks.dmarc_check("news.example.com", "example.com", records, signing).level is level


def test_dmarc_is_looked_for_up_the_tree_in_at_most_eight_places() -> None:
    assert dns_checks.tree("a.news.example.com") == ["a.news.example.com", "news.example.com", "example.com", "com"]
    assert len(dns_checks.tree("a.b.c.d.e.f.g.h.i.j.example.com")) == 8


def test_mx_and_ptr() -> None:
    assert dns_checks.mx_check("b.example", {"mx.example": ["192.0.2.1"]}, []).level is Level.OK
    half = {"mx.example": ["192.0.2.1"], "gone.example": []}
    assert dns_checks.mx_check("b.example", half, []).level is Level.WARNING
    assert dns_checks.mx_check("b.example", {"gone.example": []}, ["192.0.2.1"]).level is Level.ERROR
    assert dns_checks.mx_check("b.example", {}, ["192.0.2.1"]).level is Level.WARNING
    assert dns_checks.mx_check("b.example", {}, []).level is Level.ERROR
    assert dns_checks.mx_check("b.example", {".": []}, []).level is Level.ERROR
    assert dns_checks.ptr_check("192.0.2.1", ["mx.example"], ["192.0.2.1"]).level is Level.OK
    assert dns_checks.ptr_check("192.0.2.1", ["mx.example"], ["192.0.2.9"]).level is Level.WARNING
    assert dns_checks.ptr_check("192.0.2.1", [], []).level is Level.WARNING


@pytest.mark.parametrize(
    ("relay", "called", "level", "word"),
    [
        (Relay("mx.example.com", 587), "news.example.com", Level.OK, ""),
        (Relay("mx.example.com", 587), "3f2a1b", Level.WARNING, "ehlo="),
        (Relay("mx.example.com", 25, tls="off"), "3f2a1b", Level.WARNING, "tls=starttls"),
        (Relay("127.0.0.1", 25, tls="off"), "3f2a1b", Level.OK, ""),
    ],
)
def test_a_relay_is_looked_at_for_safety_and_for_what_it_may_dislike(
    relay: Relay, called: str, level: Level, word: str
) -> None:
    found = checks.relay_check(relay, "answers", called)
    assert found.level is level
    assert word in found.advice


def test_what_we_call_ourselves_is_a_whole_name() -> None:
    assert relays("smtp://mx.example.com?ehlo=news.example.com")[0].ehlo == "news.example.com"
    for wrong in ("3f2a1b", "", "news example.com", "a.b%0d%0aMAIL"):
        with pytest.raises(ValueError, match="has ehlo="):
            relays(f"smtp://mx.example.com?ehlo={wrong}")
