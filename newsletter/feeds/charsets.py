"""Which encoding a feed's bytes are in, whatever server and document say.

What they say is often not so: servers name one encoding for all their files, generators declare one and write another,
and a name stands for more than the standard of that name has (https://encoding.spec.whatwg.org/#names-and-labels).
"""

import codecs
import re

_DECLARED = re.compile(rb"\s*<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([\w.-]+)", re.I)
_NAMED = re.compile(r";\s*charset\s*=\s*[\"']?([\w.-]+)", re.I)
_CHARSET = re.compile(r";\s*charset\s*=\s*[^;]*", re.I)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
    (b"<\0?\0", "utf-16-le"), (b"\0<\0?", "utf-16-be"),
)  # fmt: skip
# As browsers read these names: with the letters that Windows added.
_WIDER = {
    "shift_jis": "cp932", "shift-jis": "cp932", "sjis": "cp932", "x-sjis": "cp932", "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949", "iso-8859-1": "cp1252", "latin1": "cp1252", "us-ascii": "cp1252",
    "iso-8859-8-i": "iso-8859-8", "gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030",
}  # fmt: skip
_IN_ESCAPES = re.compile(r"iso-2022.*|hz.*")  # nothing but ASCII to the eye
_SEVERAL_BYTES = re.compile(r"cp9\d\d|gb18030|big5.*|euc.*")  # unlike the others, not every text is in them

# What most of a text is in that is in one of these; bytes of other languages are hardly ever this by chance, but that
# a Western apostrophe or capital makes one Korean syllable with the letter behind it: "What's", "Änderungen".
_USUAL = (
    ("cp932", re.compile("[\u3041-\u30fa]+"), 0.25),
    ("euc_jp", re.compile("[\u3041-\u30fa]+"), 0.25),
    ("cp949", re.compile("[\uac00-\ud7a3]{2,}"), 0.6),
)
_ENOUGH = 100_000  # bytes, to tell by
_LETTERS_IN_A_ROW = re.compile(rb"[\xa8\xb8\xc0-\xff]{3,}")  # Western words have one or two of them


def believed(content_type: str, body: bytes) -> tuple[str, bytes]:
    """The Content-Type with the encoding that the bytes are in, as far as they tell, and the bytes whole: an excerpt
    that is cut within a letter would make the document one in no encoding, and another's gibberish of all its letters.
    """
    charset, body = _charset(content_type, body)
    if charset is None:
        return content_type, body
    return f"{_CHARSET.sub('', content_type) or 'application/xml'}; charset={charset}", body


def _charset(content_type: str, body: bytes) -> tuple[str | None, bytes]:
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return encoding, body
    said, written = _NAMED.search(content_type), _DECLARED.match(body)
    named = wider(said[1]) if said else None
    declared = wider(written[1].decode("ascii")) if written else None
    for name in (declared, named):
        if name and _IN_ESCAPES.fullmatch(name) and body.isascii():
            return name, body
    if _is_in("utf-8", body):  # text that is in another is so by no chance, but for a word or two
        return "utf-8", body
    several = declared if declared and _SEVERAL_BYTES.fullmatch(declared) else None
    if several and _is_in(several, body):
        return several, body
    says_so = {declared, named} <= {None, "utf-8", "utf8"}
    whole = (several and _mended(several, body, 3)) or _mended("utf-8", body, 2 if says_so else 10)
    return ("utf-8", whole) if whole else ((_guessed(body) if says_so else None) or named or declared, body)


def _guessed(body: bytes) -> str | None:
    """Of bytes that are no UTF-8 though nothing else is said of them; None for those that may well be Western."""
    body = body[:_ENOUGH]
    for charset, letters, share in _USUAL:
        try:
            text = codecs.getincrementaldecoder(charset)().decode(body)  # which may end within a letter
        except UnicodeDecodeError:
            continue
        if len("".join(letters.findall(text))) >= share * (len(text) - len(text.encode("ascii", "ignore"))):
            return charset
    words = b"".join(_LETTERS_IN_A_ROW.findall(body))
    if 2 * len(words) < len(body.translate(None, bytes(range(0x80)))):
        return None
    small = sum(byte >= 0xE0 for byte in words)  # where the one has its small letters the other has its capitals
    return "cp1251" if 2 * small > len(words) else "koi8-r"


def _mended(charset: str, body: bytes, times: int) -> bytes | None:
    """In UTF-8, with a replacement for each piece of a letter; None where there are not so many times more letters."""
    try:
        text = body.decode(charset, "replace")
    except LookupError:
        return None
    broken = text.count("\ufffd")
    letters = len(text) - len(text.encode("ascii", "ignore")) - broken
    return text.encode() if letters >= times * broken else None


def wider(name: str) -> str:
    """The encoding that browsers read under this name."""
    return _WIDER.get(name.lower(), name.lower())


def _is_in(charset: str, body: bytes) -> bool:
    try:
        body.decode(charset)
    except (UnicodeDecodeError, LookupError):
        return False
    return True
