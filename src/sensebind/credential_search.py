"""Finds logins and passwords in texts, and hides them; see `sensebind.credentials`."""

from __future__ import annotations

import re

HIDDEN = "…"
_NAMES = (
    "user|usr|login|logon|account|pass|pwd|psw|pw|pin|token|key|auth|secret|sig|sess|sid|cred|jwt"
)
# An address goes on up to white space: passwords hold quotes and brackets, too, and a bracket too
# much that is hidden harms nobody.
_ADDRESS = r"[a-z][a-z0-9+.-]*:(?://|\\\\|%2F%2F)\S*|\S*%3A%2F%2F\S*"
PARTS = re.compile(r"(?P<head>[^:]*:(?://|\\\\|%2F%2F))(?P<rest>.*)", re.IGNORECASE)
# A blank in a password, within a few words: `rtsp://admin:my password@host`. Where digits and
# words follow the colon, that was a port, and the @ belongs to something else.
_BLANKS = (
    r"[a-z][a-z0-9+.-]{0,16}://[^\s/@]{0,128}:(?!\d{1,5}[ \t]+\S+[ \t])[^\s/@]{0,128}"
    r"(?:[ \t]{1,8}(?!\S{0,64}://)[^\s@]{1,128}){1,4}@(?=\S)\S*"
)
HOST = re.compile(r"(?:\[[^\]/@]*\]|[^:@/?#\\]*)(?:[/?#]|$)")  # neither a login nor a port
NESTED = re.compile(r"(%3A%2F%2F)[^&\s]*(%40|@)(?=\S)", re.IGNORECASE)
PARAMETER = re.compile(
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
FOUND = re.compile(f"(?P<address>{_BLANKS}|{_ADDRESS})|{_BARE}", re.IGNORECASE)
# Headers of requests, as a text, a dictionary, or pairs of bytes: what follows the name and, where
# there is one, the name of the scheme, to the end of the quoted text or of the line.
HEADER = re.compile(
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
NAMED = re.compile(
    rf"(?P<name>{_SECRET}(?:\\?[\"'])?[ \t]*[:=][ \t]*b?"
    rf"|(?<![\w-])--[\w-]{{0,32}}(?:{_SECRET}|token|auth)(?:[ \t]+|=|[\"'],[ \t]*))"
    r"(?:(?P<quote>\\?[\"'])(?:(?:(?!(?P=quote))(?:\\.|[^\r\n]))+)"
    rf"|(?!{HIDDEN}){_SAID}[^\s\"']\S*)",
    re.IGNORECASE,
)
# A line of YAML or of a header holds a secret up to its end.
LINE = re.compile(
    rf"^(?P<name>[ \t]*(?:-[ \t]+)?[\w.-]{{0,64}}?{_SECRET}[ \t]*:[ \t]+)"
    rf"(?!{HIDDEN}|[\"']){_SAID}\S[^\r\n]*",
    re.IGNORECASE | re.MULTILINE,
)
# curl's login; numbers are a user and a group of docker's.
OPTION = re.compile(
    r"(?P<name>(?<![\w-])(?:-u|--user|-U|--proxy-user)(?:[ \t]*=?[ \t]*|[\"'],[ \t]*))"
    r"(?:(?P<quote>[\"'])(?:[^\"'\s:/]{1,128}:[^\"'\r\n]+)"
    rf"|(?!\d+:\d+\b|{HIDDEN})[^\"'\s:/]{{1,128}}:[^\s\"']+)"
)
BUS = re.compile(r"(?:tcp|ipc)://[A-Za-z0-9_.-]+@[^@\s]*", re.IGNORECASE)


def hide(text: str) -> str:
    """Return a text without its logins and passwords, see `credentials.without_credentials`."""
    if HEADER.search(text):
        text = HEADER.sub(_headless, text)
    text = OPTION.sub(_nameless, LINE.sub(_nameless, text))
    return NAMED.sub(_nameless, _without_logins(text))


def _without_logins(text: str) -> str:
    """Return a text in which no address shows a login."""
    if "@" not in text and "=" not in text and "%" not in text:
        return text
    return FOUND.sub(_cleaned, text)


def _cleaned(match: re.Match[str]) -> str:
    if match["address"] is None:
        return f"{HIDDEN}@"
    address = NESTED.sub(rf"\1{HIDDEN}\2", match[0])
    parts = None if BUS.fullmatch(address) else PARTS.fullmatch(address)
    if parts is None:
        return PARAMETER.sub(_valueless, address)
    head, rest = parts["head"], parts["rest"]
    values = [one.span("value") for one in PARAMETER.finditer(rest)]
    marks = [at for at, letter in enumerate(rest) if letter == "@"]
    in_values = all(any(begin <= at < end for begin, end in values) for at in marks)
    if marks and not (in_values and HOST.match(rest)):
        # The login ends at the last @; where that lies in a value, all of the value is hidden.
        last = marks[-1]
        end = next((end for begin, end in values if begin <= last < end), last)
        head, rest = head + HIDDEN, rest[end:]
    return head + PARAMETER.sub(_valueless, rest)


def _headless(match: re.Match[str]) -> str:
    return match["name"] + (match["scheme"] or "") + HIDDEN


def _valueless(match: re.Match[str]) -> str:
    return match[0][: match.start("value") - match.start()] + HIDDEN


def _nameless(match: re.Match[str]) -> str:
    quote = match["quote"] if "quote" in match.re.groupindex else None
    return f"{match['name']}{quote or ''}{HIDDEN}"
