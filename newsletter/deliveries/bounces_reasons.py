"""What a refusal is about: enhanced status, reply code and words -> a reason, and what the reason means for us.

The enhanced status (RFC 3463) beats the basic code; the words refine a status that says little (x.0.0, x.2.0, 5.7.1 …)
and overrule it in two cases that experience teaches: a full mailbox is one whatever its code, and a block-list that
speaks through "5.1.1" is still a block-list.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from db.states import BounceKind


class Reason(StrEnum):
    """Why a mail came back, in the words that reports show."""

    NO_SUCH_USER = "no such user"
    NO_SUCH_HOST = "no such host"
    MOVED = "moved"
    NO_MAIL = "accepts no mail"
    DISABLED = "mailbox disabled"
    MAILBOX_FULL = "mailbox full"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    POLICY = "policy"
    CONTENT = "content"
    SYSTEM = "their system"
    PROTOCOL = "protocol"
    DELAYED = "delayed"
    COMPLAINT = "complaint"
    DELIVERED = "delivered"
    VACATION = "vacation"
    UNSUBSCRIBE = "unsubscribe"
    REPORT = "other report"
    NOT_UNDERSTOOD = "not understood"


HARD = frozenset({Reason.NO_SUCH_USER, Reason.NO_SUCH_HOST, Reason.MOVED, Reason.NO_MAIL, Reason.DISABLED})
IGNORED = frozenset(
    {Reason.DELIVERED, Reason.VACATION, Reason.UNSUBSCRIBE, Reason.REPORT, Reason.NOT_UNDERSTOOD},
)
# Soft reasons that say something about the mailbox; the others are about us, our message, or their bad day.
COUNTED = frozenset({Reason.MAILBOX_FULL, Reason.UNREACHABLE, Reason.REFUSED, Reason.DISABLED})


@dataclass(frozen=True, slots=True)
class Judgement:
    """``counted`` soft bounces add up towards a suppression; ``status`` is the enhanced status that was believed."""

    kind: BounceKind
    reason: Reason
    status: str | None

    @property
    def counted(self) -> bool:
        return self.kind is BounceKind.SOFT and self.reason in COUNTED


_ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)", re.ASCII)
_CODE = re.compile(r"(?<![\d.])([245][0-5]\d)(?![\d.]|\s*(?:bytes|kb|mb))", re.ASCII)


def words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.I)


_FULL = words(
    r"mail ?box[^.\n]{0,40}\bfull", r"(?:over|exceed\w*|out of|insufficient|above|beyond)[\w\s'-]{0,50}\bquota", r"quota[\w\s]{0,30}(?:exceed|full|reached|violat)",
    r"\bover ?quota\b", r"disk quota", r"mailbox (?:size|storage|space)[\w\s]{0,20}(?:limit|exceed)", r"exceed\w*[\w\s']{0,30}(?:mailbox|storage|space|disk)",
    r"(?:out of|not enough|no|insufficient) (?:storage|disk|mailbox)[ -]?space", r"account (?:is )?full", r"inbox (?:is )?full",
    r"mail folder is full", r"maildir[\w\s]{0,20}(?:quota|limit)", r"user has (?:too many|exceeded)", r"too many (?:messages|mails) (?:in|on) ",
    r"storage (?:quota|limit)", r"recipient.{0,20}storage (?:is )?full", r"postfach (?:ist )?voll", r"bo[iî]te.{0,30}pleine",
    r"buz[oó]n.{0,20}lleno", r"casella.{0,20}piena", r"receiving storage", r"not able to receive.{0,20}full", r"message would exceed",
    r"mailfull", r"is full\b", r"一杯|容量(?:を超|オーバー|超過)|いっぱい",
)  # fmt: skip
_MOVED = words(
    r"(?:has|have) moved", r"no longer (?:at|with) (?:this|the)", r"address (?:has )?changed to", r"new e?-?mail address is",
    r"please (?:update|note) (?:your|the|my) (?:new )?(?:address|records)", r"has been replaced by", r"forwarding address",
)  # fmt: skip
_NO_MAIL = words(
    r"null ?mx", r"indicated no smtp service", r"does not accept (?:any )?(?:e?-?mail|smtp)", r"domain (?:does not|doesn't) (?:accept|receive)",
    r"(?:host|server|domain) (?:does not|doesn't) (?:accept|receive) (?:e?-?mail|messages)", r"no mail (?:is )?accepted", r"smtp (?:service|protocol).{0,60}not accept",
    r"mail server is (?:not configured to )?receive", r"not accepting (?:any )?mail for (?:this|the) domain",
)  # fmt: skip
_NO_HOST = words(
    r"host(?:name)?(?: \S{1,80})? (?:was )?(?:unknown|not found)", r"unknown (?:mail )?(?:host|domain)", r"(?:domain|host)[\w\s.\-:\"'<>()=]{0,60}(?:does not|doesn't|did not|not) exist",
    r"no such (?:domain|host)", r"name or service not known", r"nxdomain", r"domain (?:name )?(?:\S{1,80} )?(?:was )?(?:not found|unknown|is not valid|could not be found)",
    r"unrout(?:e)?able (?:mail )?(?:address|domain)", r"couldn'?t find any host", r"can(?:'|no)?t find a valid (?:mx|mail|a record)", r"no (?:mx|mail exchanger|route|valid mx)",
    r"illegal host/domain", r"domain is not reachable", r"bad destination (?:host|system)", r"can(?:no|')t (?:resolve|look ?up)|unable to (?:resolve|route)", r"invalid (?:domain|host) name",
    r"recipient address rejected:? (?:unknown |invalid )?domain", r"mail domain mentioned .{0,40}(?:unknown|not)", r"domain must exist", r"unresolvable",
)  # fmt: skip
_NO_USER = words(
    r"recipient address rejected: access denied.{0,120}outlook|recipient address rejected: access denied\. as\(|リストにありません|\b542 .{0,120}rejected",
    r"(?:user|recipient|mailbox|account|address|alias|person|customer|subscriber|addressee|member|username|user id|userid|rcpt|login)s?[\s:\"'<(\[]{0,4}[^\s]{0,90}[\s>\"'\])]{0,4}(?:is |was |are |has been |name )?(?:an? )?(?:currently )?"
    r"(?:unknown|not found|not known|invalid|not valid|non-?existent|no longer (?:exists?|valid|active|available|on)|deleted|does ?n[o']t exist|doesnt exist|not exist|not listed|not recogni[sz]ed|undeliverable|terminated|removed|not here|not on|not available|unavailable|not in|closed|could ?n[o']t be found|cannot be found|wasn't found)",
    r"(?:unknown|invalid|no such|non-?existent|bad|illegal|undefined|incorrect|unrecogni[sz]ed|undeliverable|not a valid|no longer valid|inactive) (?:local |virtual |final |destination |e-?mail |mail |email )?(?:user|recipient|mailbox|account|address|alias|person|addressee|name|member|destination|part|local[ -]part|customer|id)",
    r"no (?:mailbox|account|user|recipient|person|one|valid recipient|record|longer|matches)[\w\s]{0,30}(?:here|by that|with that|with this|found|exist|named?|called|for|local|in)",
    r"(?:isn't|is not|are not|not) (?:a |an )?(?:valid|known|local|active|existing|our|listed|authorized) (?:e-?mail |mail )?(?:user|recipient|mailbox|account|address|customer|subscriber|member)",
    r"(?:does ?n[o']t|do(?:es)? not) have (?:an? )?[\w.\-]{0,40} ?(?:account|mailbox|user)", r"user(?:name)? ?unknown|userunknown|unknown ?user", r"recnotfound|resolver\.adr\.(?:recip|expt|recipnot|exrecip)",
    r"(?:account|mailbox|address|user|recipient)[^.\n]{0,60}(?:does ?n[o']t|no longer) exist", r"not a (?:known|valid) (?:user|mailbox)", r"there is no (?:user|such|mailbox|account|one)",
    r"can(?:'|no)t (?:find|verify|locate|deliver to) (?:a |the |that )?(?:user|recipient|mailbox|account|address)", r"(?:user|name) not (?:listed|found|known) in", r"address (?:you entered|that you)[\w\s]{0,30}(?:not|couldn'?t)",
    r"no such (?:person|user|address|mailbox|recipient|account|name|id|local)", r"(?:e-?mail|mail) account that you tried to reach", r"addresses? (?:failed|rejected)[\w\s]{0,20}(?:unknown|not exist)",
    r"that (?:name|user|address) (?:is )?not ", r"delivery error: dd (?:this user|sorry)", r"this (?:address|user|account|mailbox|recipient) (?:no longer|does not|doesn't|is no longer|has been (?:closed|deleted|removed|discontinued))",
    r"left the (?:company|organi[sz]ation)", r"no longer (?:an employee|employed|works?|with the|in use|accepts? mail)", r"benutzer (?:\S+ )?(?:ist )?(?:unbekannt|nicht)", r"(?:empf[aä]nger|adresse|postfach)[\w\s<>@.\-]{0,60}(?:unbekannt|existiert nicht|nicht gefunden)",
    r"utilisateur (?:inconnu|inexistant)|adresse (?:inconnue|inexistante|d au moins un destinataire invalide|invalide)|destinataire[\w\s]{0,20}(?:inconnu|invalide)",
    r"usuario (?:desconocido|inexistente|no existe)|(?:buz[oó]n|cuenta|direcci[oó]n)[\w\s]{0,20}no (?:existe|encontrad)", r"(?:utente|destinatario|casella)[\w\s]{0,20}(?:sconosciut|inesistente)|usu[aá]rio (?:desconhecido|inexistente|n[aã]o)",
    r"宛先(?:アドレス)?が見つかりません|(?:存在しない|不明な|見つかりません)|ユーザーが存在|メールアドレスが(?:存在|見つか)", r"用户不存在|收件人.{0,12}不存在|non esiste|пользовател\w+ не (?:найден|существует)",
    r"user .{0,60}not local; please try", r"vrfy.{0,20}not|recipient address rejected: (?:undeliverable|user unknown|unknown|invalid)", r"unknown or illegal alias|unknown or illegal|not our customer|mailbox (?:\S+ )?(?:is )?(?:unavailable|not available)|(?:mailbox|recipient) .{0,50}not (?:found|exist)",
)  # fmt: skip
_DISABLED = words(
    r"(?:account|mailbox|user|address|recipient|domain|customer|mail service)(?:[^.]|\.(?=\S)){0,60}(?:disabled|inactive|suspended|deactivated|locked|frozen|blocked due to inactiv|on hold|expired|temporar(?:il)?y (?:locked|disabled|unavailable)|discontinued|not active|restricted)",
    r"(?:disabled|inactive|suspended|deactivated|locked) (?:account|mailbox|user|recipient|address|or discontinued)", r"not accepting (?:any )?(?:mail|messages)", r"inactive on this domain", r"over \d+ days? (?:inactive|without)",
    r"mailbox currently suspended", r"dormant",
)  # fmt: skip
_POLICY = words(
    r"\bspam\b|spamm|\bspf\b|\bdkim\b|\bdmarc\b|domainkeys", r"black[- ]?list|block[- ]?list|\brbl\b|dnsbl|\bdnswl|spamhaus|spamcop|barracuda|sorbs|abuseat|proofpoint|cloudmark|ironport|senderbase|senderscore|trendmicro|mailspike|uceprotect|surbl|uribl|spfbl",
    r"reputation|(?:ip|address|client|sender|server|host|network|domain|message|mail|connection)s?[^.\n]{0,60}\bblocked|blocked (?:by|for|due|using|because)|\bblocked\b", r"unsolicited|bulk mail|phish|suspicious|untrusted|malicious",
    r"(?:access|permission) (?:is )?denied|administrative(?:ly)? prohibit|prohibited|not (?:allowed|permitted|authori[sz]ed)|unauthori[sz]ed|polic(?:y|ies)", r"relay(?:ing)? (?:access )?(?:denied|not|is not|prohibited)|unable to relay|not relay|relaying|relay not|relay access|do not relay|we don'?t relay|without authentication",
    r"reverse dns|\bptr\b|rdns|no reverse|reverse (?:hostname|lookup)|\bhelo\b|\behlo\b|client host rejected|client host", r"authenticat|auth(?:entication)? (?:required|failed)|requires? tls|starttls", r"gr[ae]y-?list|try again later|rate[- ]?limit|too (?:many|fast|much) (?:connections?|mail|messages|recipients|requests|errors|concurrent)|throttl|exceeded (?:the )?(?:max|rate|sending|daily|hourly)|unusual rate|(?:daily|hourly|sending) (?:limit|quota)|deferred due to|temporarily deferred|unexpected volume|traffic",
    r"sender (?:address )?(?:rejected|verif|denied|unknown|domain)|(?:envelope )?sender[^.\n]{0,60}(?:reject|denied|not (?:exist|allowed|accept)|invalid|unknown|verif)|rejected.{0,20}sender|mail from.{0,40}(?:reject|denied|not)|domain of sender|from address|return[- ]path|bogus mx",
    r"message (?:was )?(?:rejected|refused|filtered|blocked)|content (?:filter|reject|scan|restrict)|your (?:ip|mail|message|e-?mail|host|server|address|domain)\b[^.\n]{0,60}(?:reject|refus|block|denied|ban|list)|banned|listed (?:in|by|at|on)|abus(?:e|ing)|firewall|local[- ]policy|message refused|refused by|rejected by|not accepted for policy|forbidden|denied by|mailing list|members? only|subscribers? only|not subscribed",
)  # fmt: skip
_CONTENT = words(
    r"message (?:file |size |is )?(?:too (?:big|large|long)|exceeds?|size)|size (?:of (?:your|the|this) )?(?:message|mail)|too (?:big|large) (?:message|mail|for)|exceeds? (?:the )?(?:maximum|fixed|size|max)[\w\s]{0,30}(?:size|limit|message)?|message too|mail size|size limit|max(?:imum)? (?:message )?size|larger than",
    r"virus|infected|malware|trojan|worm|attachment|executable|conversion|rfc ?5322|rfc ?2822|rfc ?822 compliant|header(?:s)? (?:missing|invalid|error|too)|missing (?:a |the )?(?:from|date|to|message-id|header|valid)|improper|malformed|non-?ascii|8[- ]?bit|mime|encoding|bare (?:lf|cr)|too many hops|hop count|routing loop|mail loop|loops? back|delivered-to|\bdsn\b not supported|charset|body (?:type|part)|unsupported",
)  # fmt: skip
_UNREACHABLE = words(
    r"timed? ?out|time-?out|connection (?:refused|reset|lost|dropped|closed|died|failed|timed)|could ?n[o']t (?:connect|establish|be reached)|(?:unable|failed|not able) to connect|can(?:'|no)t connect|network (?:is )?unreachable|no route|host (?:is )?unreachable|lost connection|no answer|not respon|unreachable|retry time(?:out)?|(?:delivery|queue|message|time|life)[\w\s]{0,20}expired|expired|too long|(?:could|has|have|been) not (?:be )?(?:been )?delivered (?:for|within|in|after)|not be delivered (?:for|within|in|after)|gave up|giv(?:e|en|ing) up|(?:\d+|several|many) (?:hours|days|attempts|tries|times)|unable to deliver.{0,40}(?:hours|days)|all (?:relevant )?(?:mx|hosts|servers).{0,60}(?:fail|unavail|down)|i/o error|server (?:is )?(?:down|busy|unavailable)|lookup (?:fail|timeout)|(?:dns|mx|name server|nameserver|host lookup|name service)[\w\s:;]{0,40}(?:fail|error|timeout|temporar|did not|loop)|will be (?:unable|returned)|in the queue|deferral",
)  # fmt: skip
_SYSTEM = words(
    r"(?:local|system|internal|server|service|delivery|configuration|config|temporary|lookup|database|ldap|i/o|disk|command|process|unknown|mailer|program|pipe|exit|child|software|queue|application|processing)[\w\s]{0,20}(?:error|fail|problem|fault|crash|died|status|full|unavailable)|mail system|system full|no space left|insufficient (?:system )?(?:resources|storage|disk)|can(?:'|no)t (?:create|open|write|fork|exec|append|lock)|out of memory|x-unix|command (?:died|failed|not|output)|procmail|maildrop|vdelivermail|mailer|status=\d|exit(?:ed|code)? (?:with )?(?:status|code)?|misconfigur|not configured|operator|abort",
)  # fmt: skip
_PROTOCOL = words(r"syntax error|command (?:not|un)|unrecogni[sz]ed command|bad sequence|protocol (?:error|violation)|5\.5\.\d|invalid command|not implemented|smtp protocol|need (?:mail|rcpt)|unexpected|improper use|parameters?")  # fmt: skip
_REFUSED = words(r"reject|refus|denied|not accept|declin|filter|bounce|unwanted|not willing|unable to accept|cannot accept|can't accept")  # fmt: skip


def judge(status: str | None, code: int | None, text: str, *, action: str = "failed", around: str = "") -> Judgement:
    """The reason and kind of one refusal.

    ``status`` is what a report's Status field said, ``code`` an SMTP reply code, ``text`` the words (Diagnostic-Code,
    reply, or the lines around an address), ``action`` as in RFC 3464 2.3.3; ``around`` is the notice for people, which tells
    what the refusal replied to.
    """
    flat = " ".join(text.split())[:2000]
    if action in ("delivered", "relayed", "expanded", "deliverable"):
        return Judgement(BounceKind.IGNORED, Reason.DELIVERED, status)
    believed = best_status(status, flat)
    if action == "delayed":
        return Judgement(BounceKind.SOFT, Reason.DELAYED, believed)
    if code is None and (found := _CODE.search(flat)):
        code = int(found[1])
    reason = _reason(believed, code, flat)
    if reason is Reason.NO_SUCH_USER and not _names_the_address(believed) and _filtered(flat, around):
        reason = Reason.REFUSED
    permanent = not (believed or str(code or 5)).startswith("4") and not (
        reason is Reason.DISABLED and not (believed or "").endswith(".2.1")
    )
    kind = BounceKind.HARD if reason in HARD and permanent else BounceKind.SOFT
    return Judgement(kind, reason, believed)


# A server says at RCPT whether an address exists. Some mobile carriers answer "unknown user" only after DATA: there it
# means that the recipient's filter said no.
_AFTER_DATA = words(
    r"(?:reply to|after|response to|following) (?:the )?(?:end of )?(?:\(?end[- ]of[- ])?data\b",
    r">>> ?data\b",
    r"end[- ]of[- ](?:data|message)",
)


def _filtered(text: str, around: str) -> bool:
    return bool(re.search(r"unknown user|user unknown", text, re.I) and _AFTER_DATA.search(f"{text} {around}"))


def _names_the_address(status: str | None) -> bool:
    return status is not None and status[1:] in (".1.1", ".1.3", ".1.6", ".1.10")


def best_status(status: str | None, text: str) -> str | None:
    """The more telling of a Status field and the first enhanced code in the words; x.0.0 tells nothing."""
    given = _ENHANCED.search(status or "")
    said = next((found for found in _ENHANCED.finditer(text) if found[2] != "0" or found[3] != "0"), None)
    if given and said and given[1] == "4" and said[1] == "5":
        return said[0]
    if given and (given[2] != "0" and given[3] != "0"):
        return given[0]
    return (said or given or _ENHANCED.search(text) or [None])[0]


def _reason(status: str | None, code: int | None, text: str) -> Reason:
    subject, detail = (int(part) for part in status.split(".")[1:]) if status else (0, 0)
    if _FULL.search(text) and (subject, detail) not in ((1, 1), (2, 3), (3, 4)):
        return Reason.MAILBOX_FULL
    by_words = _by_words(text)
    by_status = _BY_STATUS.get((subject, detail))
    if by_status in HARD and by_words in (Reason.POLICY, Reason.MAILBOX_FULL) and not _NO_USER.search(text):
        return by_words
    if by_status is not None and not (by_status in _VAGUE and by_words in HARD):
        return by_status
    if by_words is not None:
        return by_words
    return _BY_SUBJECT.get(subject) or (Reason.NO_SUCH_USER if code in (551, 553) else Reason.REFUSED)


_ORDER = (
    (Reason.MOVED, _MOVED), (Reason.NO_MAIL, _NO_MAIL), (Reason.DISABLED, _DISABLED), (Reason.NO_SUCH_HOST, _NO_HOST),
    (Reason.NO_SUCH_USER, _NO_USER), (Reason.MAILBOX_FULL, _FULL), (Reason.POLICY, _POLICY), (Reason.CONTENT, _CONTENT),
    (Reason.UNREACHABLE, _UNREACHABLE), (Reason.PROTOCOL, _PROTOCOL), (Reason.SYSTEM, _SYSTEM), (Reason.REFUSED, _REFUSED),
)  # fmt: skip


def _by_words(text: str) -> Reason | None:
    return next((reason for reason, pattern in _ORDER if pattern.search(text)), None)


# RFC 3463 and its registry; what is missing here is decided by the words, then by the subject digit.
_BY_STATUS = {
    (1, 1): Reason.NO_SUCH_USER, (1, 2): Reason.NO_SUCH_HOST, (1, 3): Reason.NO_SUCH_USER, (1, 4): Reason.REFUSED,
    (1, 6): Reason.MOVED, (1, 7): Reason.POLICY, (1, 8): Reason.POLICY, (1, 9): Reason.POLICY, (1, 10): Reason.NO_MAIL,
    (2, 1): Reason.DISABLED, (2, 2): Reason.MAILBOX_FULL, (2, 3): Reason.CONTENT, (2, 4): Reason.SYSTEM,
    (3, 1): Reason.SYSTEM, (3, 2): Reason.NO_MAIL, (3, 3): Reason.SYSTEM, (3, 4): Reason.CONTENT, (3, 5): Reason.SYSTEM,
    (4, 1): Reason.UNREACHABLE, (4, 2): Reason.UNREACHABLE, (4, 3): Reason.UNREACHABLE, (4, 4): Reason.NO_SUCH_HOST,
    (4, 5): Reason.UNREACHABLE, (4, 6): Reason.SYSTEM, (4, 7): Reason.UNREACHABLE,
}  # fmt: skip
_VAGUE = frozenset({Reason.UNREACHABLE})
_BY_SUBJECT = {
    2: Reason.REFUSED, 3: Reason.SYSTEM, 4: Reason.UNREACHABLE, 5: Reason.PROTOCOL, 6: Reason.CONTENT, 7: Reason.POLICY,
}  # fmt: skip
