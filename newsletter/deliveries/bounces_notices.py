"""Bounces without a machine-readable part: whose mail came back, and which of the words are about whom.

qmail, Exim, sendmail's older transcripts, Exchange, the big providers and a hundred home-made mailers each write their
own prose. What they share is read here: an address at the start of a line with its reason behind or below it, an
SMTP dialogue with ``RCPT TO``, ``X-Failed-Recipients``, and else any address that is not the sender's.
"""

import re
from collections.abc import Iterable

from newsletter.deliveries.bounces_mail import OpenedMail

_ADDRESS = r"[A-Za-z0-9!#$%&*+/=?^_`{|}~.-]{1,64}@(?:[A-Za-z0-9_-]{1,63}\.){1,10}[A-Za-z0-9-]{2,63}"
ADDRESS = re.compile(rf"(?<![\w.+-]){_ADDRESS}(?![\w@-])", re.ASCII)
_SMTP_TO = re.compile(rf"rcpt to:? ?<? ?({_ADDRESS})", re.I | re.ASCII)
_LINE = re.compile(
    rf"^[ \t>*•-]{{0,12}}(?:(?:final|original|failed|to|recipient|recipients?|user|address|e-?mail|mailbox|name|rcpt)\b[^@\n<]{{0,40}}[:=][ \t]*)?"
    rf"(?:\d+\.[ \t]+|\d{{3}}[ -](?:\d\.\d\.\d[ -])?)?(?:smtp|rfc822|mailto)?[;:]?[ \t]*[\"'<\[(]{{0,3}}({_ADDRESS})(?=[\"'>\])]{{0,3}}(?:[:;,. \t(]|$))",
    re.I | re.M | re.ASCII,
)
_ABOUT = re.compile(
    rf"(?:to|for|recipients?|user|address|mailbox|account|deliver\w*)[ :]{{1,3}}[\"'<(]{{0,2}}({_ADDRESS})",
    re.I | re.ASCII,
)
_NOBODYS = re.compile(
    r"(?:mailer-daemon|postmaster|abuse|mail-daemon|noreply|no-reply|support|help|hostmaster|webmaster)@", re.I
)

_FROM_DAEMON = re.compile(
    r"mailer[-_ ]?daemon|postmaster|mail delivery|delivery (?:subsystem|system|service)|mail system|mailsystem|system administrator|bounce|mdaemon|mail[-_ ]?router|maildeliver",
    re.I,
)
_SUBJECT = re.compile(
    r"undeliver|un-deliver|not deliver|non-?deliver|(?:return|bounc|reject|fail|delay|block)\w*[\s\w:,]{0,40}(?:mail|message|deliver|sender|recipient|notice|transmission)|(?:mail|message|delivery|transmission|sending)[\s\w:,'’-]{0,40}(?:fail|return|bounc|error|reject|problem|block|status|delay|notification|could)"
    r"|unzustellbar|nicht zugestellt|zustell|non remis|[ée]chec|non recapitat|mancato recapito|no se (?:ha )?(?:pudo|puede) entregar|devuelto|não entregue|onbestelbaar|olevererbart|не доставлено|недоставлен|配信|送信(?:エラー|でき)|エラー|未送達|不達|退信|virus|user unknown|unknown user|warning: could not|cannot send|failure notice|mail failure|daemon|spam|delivery report|failed:",
    re.I,
)
_FAILURE_WORDS = re.compile(
    r"(?:could|can|was|were|did|has|have|is)(?: ?n[o']t| not)[\w\s]{0,20} deliver|undeliver|delivery (?:has )?(?:fail|error|to the)|permanent (?:fatal )?error|permanently rejected|following (?:addresses|recipients?)|bounced|user unknown|returned (?:to sender|mail)|\b5\d\d[ -]5\.\d\.\d|rejected your message|unable to deliver|\bsmtp error|remote (?:host|server) said|said: [45]\d\d|送信できま|配信できま|配送できま|届きません|недоставлен|не может быть доставлено",
    re.I,
)


def is_notice(mail: OpenedMail) -> bool:
    """Whether this looks like mail from a machine that could not deliver ours."""
    if "x-failed-recipients" in mail.headers:
        return True
    null_sender = mail.header("return-path").replace(" ", "") == "<>"
    daemon = bool(
        _FROM_DAEMON.search(mail.header("from") + " " + mail.header("return-path") + " " + mail.header("sender"))
    )
    subject = bool(_SUBJECT.search(mail.header("subject")))
    failure = bool(_FAILURE_WORDS.search(mail.words[:8000]))
    return sum((null_sender or daemon, subject, failure)) >= 2


def failures(mail: OpenedMail) -> list[tuple[str, str]]:
    """(recipient, the words about it) in the order in which they stand; recipients are '' when nobody is named."""
    for named in (
        _listed(mail),
        _strings(_LINE, mail.words),
        _strings(_SMTP_TO, mail.words),
        _strings(_ABOUT, mail.words),
        ADDRESS.findall(mail.words),
    ):
        if found := _others(named, mail):
            return [(address, words_about(address, found, mail.words)) for address in found]
    enclosed = [*mail.enclosed.get("to", ()), *mail.enclosed.get("x-failed-recipients", ())]
    found = _unique(ADDRESS.findall(" ".join(enclosed)))
    return [(found[0] if len(found) == 1 else "", mail.words)]


def words_about(address: str, all_of_them: Iterable[str], words: str) -> str:
    """The lines from each mention of an address to the mention of another; the whole notice where it is alone."""
    others = [other for other in all_of_them if other.lower() != address.lower()]
    if not others:
        return words
    taken, ours = [], False
    for line in words.splitlines():
        low = line.lower()
        if address.lower() in low:
            ours = True
        elif any(other.lower() in low for other in others):
            ours = False
        if ours:
            taken.append(line)
    return "\n".join(taken) or words


def _listed(mail: OpenedMail) -> list[str]:
    return ADDRESS.findall(" ".join(mail.headers.get("x-failed-recipients", ())))


def _strings(pattern: re.Pattern[str], words: str) -> list[str]:
    return [found[1] for found in pattern.finditer(words)]


def _others(named: Iterable[str], mail: OpenedMail) -> list[str]:
    """Without the people on our side: whoever the notice is addressed to, and whoever the returned mail was from."""
    ours: set[str] = set()
    for name in ("to", "delivered-to", "x-original-to", "from", "reply-to"):
        ours |= {address.lower() for address in ADDRESS.findall(" ".join(mail.headers.get(name, ())))}
    for name in ("from", "return-path", "sender", "reply-to", "errors-to"):
        ours |= {address.lower() for address in ADDRESS.findall(" ".join(mail.enclosed.get(name, ())))}
    return [address for address in _unique(named) if address.lower() not in ours and not _NOBODYS.match(address)][:100]


def _unique(named: Iterable[str]) -> list[str]:
    return list({address.rstrip(".").lower(): address.rstrip(".") for address in named}.values())
