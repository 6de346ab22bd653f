"""What the DNS should say for mail to be believed: DKIM, DMARC, MX, PTR. Pure: records come in as text."""

import re
from collections.abc import Mapping, Sequence

from newsletter.operations.checks import Check, error, ok, warning


def dkim_check(name: str, records: Sequence[str], public_key: str) -> Check:
    """RFC 6376 3.6.1: the published key is the public half of ours. ``public_key`` is in base64."""
    label = f"DKIM {name}"
    found = [_tags(text) for text in records if "p=" in text.replace(" ", "")]
    if not found:
        return error(label, "no key is published", f'publish a TXT record at {name} with "p={public_key[:16]}…"')
    if len(found) > 1:
        return error(label, "two keys are published", "leave one")
    published = re.sub(r"\s", "", found[0].get("p", ""))
    if not published:
        return error(label, "the key is revoked", "make a new one with `newsletter dkim generate`")
    if published != public_key:
        return error(label, "the published key is not that of our private key", "publish the key that we sign with")
    if "y" in found[0].get("t", "").split(":"):
        return warning(label, "it is published as a test (t=y), so receivers may disregard it", "take t=y out")
    return ok(label, "the published key is ours")


def dmarc_check(domain: str, at: str, records: Sequence[str], signing: Sequence[str]) -> Check:
    """RFC 9989: a policy for the domain of From, found there or further up the tree (``at``), and a signature aligned
    with it. ``signing`` are the domains that our keys sign for."""
    name = f"DMARC of {domain}"
    found = [_tags(text) for text in records if re.match(r"v\s*=\s*DMARC1\s*(?:;|$)", text)]
    if len(found) != 1:
        what = "there is none" if not found else "there are several, so none counts"
        return warning(name, what, f'publish one TXT record at _dmarc.{domain}: "v=DMARC1; p=none; rua=mailto:…"')
    policy = found[0].get("sp" if at != domain and "sp" in found[0] else "p", "").lower()
    if policy not in ("none", "quarantine", "reject"):
        return error(name, "its policy is none of none, quarantine, reject", "correct p=")
    strict = found[0].get("adkim", "r").lower() == "s"
    if signing and not any(_aligned(one, domain, at, strict=strict) for one in signing):
        return error(name, f"no DKIM key signs for it (ours sign for {', '.join(signing)})", f"sign for {domain}")
    return ok(name, f"policy {policy}" + (f", from {at}" if at != domain else ""))


def mx_check(domain: str, exchanges: Mapping[str, Sequence[str]], addresses: Sequence[str]) -> Check:
    """``exchanges`` are the hosts of the MX records with the addresses of each, ``addresses`` those of the domain."""
    name = f"MX of {domain}"
    if list(exchanges) in (["."], [""]):
        return error(name, "it is a null MX (RFC 7505): nothing comes back", "publish an MX record of your mail server")
    lost = [host for host, found in exchanges.items() if not found]
    if lost and len(lost) == len(exchanges):
        return error(name, f"{', '.join(lost)} has no address: bounces are lost", "publish an address for it")
    if lost:
        return warning(name, f"{', '.join(lost)} has no address", "publish one, or take its MX record away")
    if exchanges:
        return ok(name, ", ".join(exchanges))
    if addresses:
        return warning(name, "there is none, so mail goes to its address", "publish an MX record")
    return error(name, "there is neither MX nor address: bounces are lost", "publish an MX record of your mail server")


def ptr_check(address: str, names: Sequence[str], forward: Sequence[str]) -> Check:
    """Whether an address has a name that leads back to it: big receivers refuse mail from those that have none."""
    name = f"PTR of {address}"
    if not names:
        return warning(name, "it has no name", "ask whoever gave you the address for a PTR record")
    if address not in forward:
        return warning(name, f"{names[0]} does not lead back to it", f"publish its address at {names[0]}")
    return ok(name, names[0])


def tree(domain: str) -> list[str]:
    """Where a DMARC record may stand, in the order in which it is looked for (RFC 9989 4.10: at most 8 names)."""
    labels = domain.split(".")
    names = [domain] + [".".join(labels[place:]) for place in range(1, len(labels))]
    return names if len(names) <= 8 else [domain, *names[-7:]]


def _aligned(signing: str, domain: str, at: str, *, strict: bool) -> bool:
    """Strictly, the same domain; else both within the one that the policy stands at, or one within the other."""
    if signing == domain or strict:
        return signing == domain
    within = all(one == at or one.endswith(f".{at}") for one in (signing, domain))
    return within or domain.endswith(f".{signing}") or signing.endswith(f".{domain}")


def _tags(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs if name.strip()}
