"""Which recipient domains are one receiver: those whose mail the same hosts take, who count us together."""

from collections.abc import Callable, Collection, Sequence

# The receiver's name is the domain of its mail hosts. These need no question to the DNS.
_KNOWN = {
    "google.com": "gmail.com googlemail.com",
    "outlook.com": "outlook.com hotmail.com live.com msn.com passport.com hotmail.co.uk hotmail.fr hotmail.de"
    " hotmail.it hotmail.es outlook.fr outlook.de outlook.es outlook.it live.co.uk live.fr live.nl live.de",
    "yahoodns.net": "yahoo.com ymail.com rocketmail.com aol.com aim.com yahoo.co.uk yahoo.fr yahoo.de yahoo.it yahoo.es"
    " yahoo.ca yahoo.com.br yahoo.co.in verizon.net att.net sbcglobal.net",
    "icloud.com": "icloud.com me.com mac.com",
    "gmx.net": "gmx.net gmx.de gmx.at gmx.ch gmx.com",
    "mail.ru": "mail.ru inbox.ru list.ru bk.ru internet.ru",
    "yandex.ru": "yandex.ru yandex.com ya.ru",
    "qq.com": "qq.com foxmail.com",
    "protonmail.ch": "proton.me protonmail.com pm.me",
}
_RECEIVER = {domain: receiver for receiver, domains in _KNOWN.items() for domain in domains.split()}


def line_of(domain: str, named: Collection[str], mail_hosts: Callable[[str], Sequence[str]]) -> str | None:
    """Of the names that have a rate, the one that a domain stands in line for; the domain itself under ``*``.

    A name is a recipient domain or the domain of mail hosts; ``mail_hosts`` is asked for a domain's MX when neither the
    domain nor a known receiver is named.
    """
    if domain in named:
        return domain
    known = _RECEIVER.get(domain)
    if known in named:
        return known
    if known is None and any(name not in ("*", domain) for name in named):
        hosts = [host.lower().rstrip(".") for host in mail_hosts(domain)]
        for name in named:
            if any(host == name or host.endswith(f".{name}") for host in hosts):
                return name
    return domain if "*" in named else None
