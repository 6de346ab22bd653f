"""Bounces without a machine-readable part: whose mail came back, and which of the words are about whom.

qmail, Exim, sendmail's older transcripts, Exchange, the big providers and a hundred home-made mailers each write their
own prose. What they share is read here: an address at the start of a line with its reason behind or below it, an
SMTP dialogue with ``RCPT TO``, ``X-Failed-Recipients``, and else any address that is not the sender's.
"""

import re
from collections.abc import Iterable

from newsletter.deliveries.bounces_mail import OpenedMail
from newsletter.deliveries.bounces_words import says

_ADDRESS = r"[A-Za-z0-9!#$%&*+/=?^_`{|}~.-]{1,64}@(?:[A-Za-z0-9_-]{1,63}\.){1,10}[A-Za-z0-9-]{2,63}"
ADDRESS = re.compile(rf"(?<![\w.+-]){_ADDRESS}(?![\w@-])", re.ASCII)
_ANYWHERE = re.compile(rf"(?<![\w.+-])({_ADDRESS})(?![\w@-])", re.ASCII)
_SMTP_TO = re.compile(rf"rcpt to:? ?<? ?({_ADDRESS})", re.I | re.ASCII)
# An address that begins its line: behind a bullet, a number, a reply code, a label such as "Recipient:".
_LINE = re.compile(
    r"^[ \t>*•-]{0,12}"
    r"(?:(?:final|original|failed|to|recipients?|user|address|e-?mail|mailbox|name|rcpt)\b[^@\n<]{0,40}[:=][ \t]*)?"
    r"(?:\d+\.[ \t]+|\d{3}[ -](?:\d\.\d\.\d[ -])?)?(?:smtp|rfc822|mailto)?[;:]?[ \t]*[\"'<\[(]{0,3}"
    rf"({_ADDRESS})(?=[\"'>\])]{{0,3}}(?:[:;,. \t(]|$))",
    re.I | re.M | re.ASCII,
)
# Whom we wrote to is not who failed: "Your message To: … Subject: … Sent: … did not reach …", as Exchange describes it.
_OUR_MAIL = re.compile(
    r"(?:^[ \t]+\w[\w -]{0,20}:[ \t].{0,900}\n){1,6}"
    r"[ \t]+(?:subject|betreff|objet|asunto|oggetto|onderwerp|assunto) ?:.*\n"
    r"(?:[ \t]+\w[\w -]{0,20}:[ \t].{0,900}\n){1,6}",
    re.I | re.M,
)
_ABOUT = re.compile(
    rf"(?:to|for|recipients?|user|address|mailbox|account|deliver\w*)[ :]{{1,3}}[\"'<(]{{0,2}}({_ADDRESS})",
    re.I | re.ASCII,
)
_NOBODYS = re.compile(
    r"(?:mailer-daemon|postmaster|abuse|mail-daemon|noreply|no-reply|support|help|hostmaster|webmaster)@", re.I
)


def is_notice(mail: OpenedMail) -> bool:
    """Whether this looks like mail from a machine that could not deliver ours: words in any language tell it, or that a
    mail system sends a mail back."""
    if "x-failed-recipients" in mail.headers:
        return True
    if "list-id" in mail.headers and not mail.from_mail_system:
        return False
    subject = says("subject of returned mail", mail.header("subject"))
    words = without_addresses(mail.words[:8000])
    failure = says("words of returned mail", words) or (mail.from_daemon and says("words of a delay", words))
    returns = mail.from_mail_system and "from" in mail.enclosed
    return sum((mail.null_sender or mail.from_daemon, subject, failure, returns)) >= 2


def without_addresses(text: str) -> str:
    """Phrases end with their sentence: the points of an address within one are no end of it."""
    return ADDRESS.sub("x@x", text)


def failures(mail: OpenedMail) -> list[tuple[str, str]]:
    """(recipient, the words about it) in the order in which they stand; recipients are '' when nobody is named."""
    patterns = (_LINE, _SMTP_TO, _ABOUT, _ANYWHERE)
    texts = dict.fromkeys((_OUR_MAIL.sub("", mail.words), mail.words))
    for named in (_listed(mail), *(_strings(pattern, text) for text in texts for pattern in patterns)):
        if found := _others(named, mail):
            return [(address, words_about(address, found, mail.words)) for address in found]
    enclosed = [*mail.enclosed.get("to", ()), *mail.enclosed.get("x-failed-recipients", ())]
    found = _unique(ADDRESS.findall(" ".join(enclosed)))
    return [(found[0] if len(found) == 1 else "", mail.words)]


def words_about(address: str, all_of_them: Iterable[str], words: str) -> str:
    """The lines from each mention of an address to the mention of another; the whole notice where it is alone. Of
    addresses that stand in a list, each with nothing said, what follows the list is about all."""
    others = [other for other in all_of_them if other.lower() != address.lower()]
    if not others:
        return words
    taken, ours, told = [], False, False
    for line in words.splitlines():
        low = line.lower()
        if address.lower() in low:
            ours = True
        elif any(other.lower() in low for other in others):
            ours = ours and not told
        if ours:
            taken.append(line)
            told = told or re.search(r"\w", ADDRESS.sub("", line)) is not None
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
    plain = [_without_virtual_prefix(address.rstrip(".")) for address in named]
    return list({address.lower(): address for address in plain}.values())


def _without_virtual_prefix(address: str) -> str:
    """qmail tells where it delivers the users of a virtual domain to: ``example.org-ada@example.org``."""
    local, _, domain = address.rpartition("@")
    prefix = f"{domain}-"
    return address[len(prefix) :] if local.lower().startswith(prefix.lower()) else address
