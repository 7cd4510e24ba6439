"""Takes logins and passwords out of texts before anybody sees them.

People write passwords into the addresses of their cameras, in every way that the makers invented:
`rtsp://user:password@host`, `…?user=admin&pwd=…`, `…/user=admin&password=…&channel=1`. Messages of
errors, logs, `sensebind top` and recordings are read by others, and copied into bug reports.
"""

from __future__ import annotations

import logging
import re
from typing import Any

__all__ = ["clean_logs", "without_credentials"]

HIDDEN = "…"
_NAMES = (
    "user|usr|login|logon|account|pass|pwd|psw|pw|pin|token|key|auth|secret|sig|sess|sid|cred|jwt"
)
# An address goes on up to white space: passwords hold quotes and brackets, too, and a bracket too
# much that is hidden harms nobody.
_ADDRESS = r"[a-z][a-z0-9+.-]*:(?://|\\\\|%2F%2F)\S*|\S*%3A%2F%2F\S*"
_PARTS = re.compile(r"(?P<head>[^:]*:(?://|\\\\|%2F%2F))(?P<rest>.*)", re.IGNORECASE)
# A blank in a password, within a few words: `rtsp://admin:my password@host`. Where digits and
# words follow the colon, that was a port, and the @ belongs to something else.
_BLANKS = (
    r"[a-z][a-z0-9+.-]{0,16}://[^\s/@]{0,128}:(?!\d{1,5}[ \t]+\S+[ \t])[^\s/@]{0,128}"
    r"(?:[ \t]{1,8}(?!\S{0,64}://)[^\s@]{1,128}){1,4}@(?=\S)\S*"
)
_HOST = re.compile(r"(?:\[[^\]/@]*\]|[^:@/?#\\]*)(?:[/?#]|$)")  # neither a login nor a port
_NESTED = re.compile(r"(%3A%2F%2F)[^&\s]*(%40|@)(?=\S)", re.IGNORECASE)
_PARAMETER = re.compile(
    rf"(?:^|(?<=[?&;/#_,]))(?:[\w.\[\]-]*(?:{_NAMES})[\w.\[\]-]*|u|p)(?:=|%3D)(?P<value>[^&\s]*)",
    re.IGNORECASE,
)
_SCHEMES = "rtsps?|rtmp[a-z]?|https?|udp|tcp|srt|rtp|mms|ws|wss|s?ftps?|file|mqtts?|amqps?|redis"
# Without a scheme, as people forget it: `admin:password@192.168.1.10:554/h264`.
# Lengths are bounded, so that a long text takes time in proportion to its length.
_BARE_USER = (
    r"(?<![^\s:/@'\"<>()\[\]{},;=])"
    rf"(?!\S{{0,256}}(?:{_SCHEMES}):(?://|\\\\|%2F%2F))(?!(?:mailto|frame):[^:\s]{{0,256}}@)"
    r"[^\s:/@'\"<>()\[\]{},;=]{1,128}:"
)
_CAMERA_HOST = (
    r"(?:\d{1,3}\.){3}\d{1,3}\b|[\w.-]{1,256}:\d|[\w-]{1,64}(?:\.[\w-]{1,64}){0,8}/"
    r"|\[[0-9a-f:.]{2,64}\]|[\w.-]{1,128}\.(?:local|lan|home|internal|box)\b"
)
_BARE = (
    rf"{_BARE_USER}\S{{0,256}}@(?={_CAMERA_HOST}|[a-z])"
    rf"|(?!\d+:){_BARE_USER}[^\s/@]{{1,128}}(?:[ \t]{{1,8}}(?!\S{{0,64}}://)[^\s@]{{1,128}}){{1,3}}"
    rf"@(?={_CAMERA_HOST})"
)
_FOUND = re.compile(f"(?P<address>{_BLANKS}|{_ADDRESS})|{_BARE}", re.IGNORECASE)
# Headers of requests, as a text, a dictionary, or pairs of bytes: what follows the name and, where
# there is one, the name of the scheme, to the end of the quoted text or of the line.
_HEADER = re.compile(
    r"(?P<name>\b(?:(?:proxy-)?authorization|(?:x-)?api-key|x-auth-token|(?:set-)?cookie)"
    r"(?:(?P<quote>[\"'])\s*[:=,]\s*b?[\"']|\s*[:=]\s*[\"']?))"
    r"(?P<scheme>(?:basic|bearer|digest|token|negotiate|ntlm|apikey|aws4-hmac-sha256)\s+)?"
    r"(?P<value>(?(scheme)(?(quote)(?:\\.|(?!(?P=quote)[\s,;)\]}]|(?P=quote)$)[^\r\n])+|[^\r\n]+)"
    r"|[^\s\"',;}]{6,}))",
    re.IGNORECASE,
)
# What stands behind the name of a secret in settings, dictionaries, environments and commands:
# `password: pw`, `'api_key': 'k'`, `MQTT_PASSWORD=pw`, `--token pw`. Words such as pass and key
# alone name other things, too, and a token is hidden where it is as long as one.
_SECRET = (
    r"(?:(?:password|passwd|passphrase|passcode|pwd|psw|secret|(?:api|access|private)[_-]?key"
    r"|(?:access|auth|refresh|id|bearer|session|api|bot|hf)[_-]?token)[\w.-]{0,32}"
    r"|\btoken(?=[\"']?[ \t]*[:=][ \t]*[\"']?(?=\S*\d)[\w.+/~=-]{16}))"
)
# With these a check says what is wrong with such a field; they are no secrets.
_SAID = (
    r"(?!(?:must|should|may|can|cannot|is|are|was|has|field|input|extra|value|not|no|unknown|give"
    r"|expected|missing|required|wrong|incorrect|invalid|refused|there|only|permission)\b"
    r"[ \t:,]+\w)"
)
_NAMED = re.compile(
    rf"(?P<name>{_SECRET}(?:\\?[\"'])?[ \t]*[:=][ \t]*b?"
    rf"|(?<![\w-])--[\w-]{{0,32}}(?:{_SECRET}|token|auth)(?:[ \t]+|=|[\"'],[ \t]*))"
    r"(?:(?P<quote>\\?[\"'])(?:(?:(?!(?P=quote))(?:\\.|[^\r\n]))+)"
    rf"|(?!{HIDDEN}){_SAID}[^\s\"']\S*)",
    re.IGNORECASE,
)
# A line of YAML or of a header holds a secret up to its end.
_LINE = re.compile(
    rf"^(?P<name>[ \t]*(?:-[ \t]+)?[\w.-]{{0,64}}?{_SECRET}[ \t]*:[ \t]+)"
    rf"(?!{HIDDEN}|[\"']){_SAID}\S[^\r\n]*",
    re.IGNORECASE | re.MULTILINE,
)
# curl's login; numbers are a user and a group of docker's.
_OPTION = re.compile(
    r"(?P<name>(?<![\w-])(?:-u|--user|-U|--proxy-user)(?:[ \t]*=?[ \t]*|[\"'],[ \t]*))"
    r"(?:(?P<quote>[\"'])(?:[^\"'\s:/]{1,128}:[^\"'\r\n]+)"
    rf"|(?!\d+:\d+\b|{HIDDEN})[^\"'\s:/]{{1,128}}:[^\s\"']+)"
)
_BUS = re.compile(r"(?:tcp|ipc)://[A-Za-z0-9_.-]+@[^@\s]*", re.IGNORECASE)


def without_credentials(text: str) -> str:
    """Return a text in which no address shows a login or a password.

    Whatever stands before the last `@` of an address is taken to be its login, as passwords hold
    `/`, `:`, `@` and blanks themselves; and so is the value of each parameter whose name says so,
    and what headers such as `Authorization` and `Cookie` hold. So is what stands behind the name of
    a secret (`password: pw`, `API_KEY=k`, `--token k`), and a login of curl (`-u me:pw`). The name
    of a key in an address of the bus (`tcp://rover@10.0.0.5:7000`) is public and stays.

    Args:
        text: An address, or any text in which there may be some, such as the message of an error.

    Example:
        >>> without_credentials("no answer from rtsp://me:p@ss/word@10.0.0.7/h264?token=1f")
        'no answer from rtsp://…@10.0.0.7/h264?token=…'
    """
    if _HEADER.search(text):
        text = _HEADER.sub(_headless, text)
    text = _OPTION.sub(_nameless, _LINE.sub(_nameless, text))
    return _NAMED.sub(_nameless, _without_logins(text))


def _without_logins(text: str) -> str:
    """Return a text in which no address shows a login."""
    if "@" not in text and "=" not in text and "%" not in text:
        return text
    return _FOUND.sub(_cleaned, text)


def _cleaned(match: re.Match[str]) -> str:
    if match["address"] is None:
        return f"{HIDDEN}@"
    address = _NESTED.sub(rf"\1{HIDDEN}\2", match[0])
    parts = None if _BUS.fullmatch(address) else _PARTS.fullmatch(address)
    if parts is None:
        return _PARAMETER.sub(_valueless, address)
    head, rest = parts["head"], parts["rest"]
    values = [one.span("value") for one in _PARAMETER.finditer(rest)]
    marks = [at for at, letter in enumerate(rest) if letter == "@"]
    in_values = all(any(begin <= at < end for begin, end in values) for at in marks)
    if marks and not (in_values and _HOST.match(rest)):
        # The login ends at the last @; where that lies in a value, all of the value is hidden.
        last = marks[-1]
        end = next((end for begin, end in values if begin <= last < end), last)
        head, rest = head + HIDDEN, rest[end:]
    return head + _PARAMETER.sub(_valueless, rest)


def _headless(match: re.Match[str]) -> str:
    return match["name"] + (match["scheme"] or "") + HIDDEN


def _valueless(match: re.Match[str]) -> str:
    return match[0][: match.start("value") - match.start()] + HIDDEN


def _nameless(match: re.Match[str]) -> str:
    quote = match["quote"] if "quote" in match.re.groupindex else None
    return f"{match['name']}{quote or ''}{HIDDEN}"


def clean_logs() -> None:
    """Let no record of this process's logs show a login, whoever logs it.

    For the beginning of a program: it replaces the factory of `logging`. Calling it again changes
    nothing.
    """
    make = logging.getLogRecordFactory()
    if make is not _record:
        logging.setLogRecordFactory(_record)


def _record(*args: Any, **kwargs: Any) -> logging.LogRecord:
    record = logging.LogRecord(*args, **kwargs)
    record.msg, record.args = without_credentials(record.getMessage()), ()
    if record.exc_info:
        record.exc_text = without_credentials(logging.Formatter().formatException(record.exc_info))
    return record
