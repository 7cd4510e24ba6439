"""Formats of JSON Schema as patterns that come to an end.

llguidance has grammars of its own for formats, but some of them never end a text by themselves: a
fraction of a second goes on for ever, and what has no colon yet cannot end as a URI. So these are
written here, each of a limited length, and a little narrower than their RFC: years from 1000 on, no
leap seconds, six digits of a second, schemes of 16 letters.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Format:
    """A format as a pattern.

    Attributes:
        pattern: Of a whole text, anchored.
        shortest: Characters of the shortest one.
        longest: Characters of the longest one.
    """

    pattern: str
    shortest: int
    longest: int


_LEAP = "(?:[1-9][0-9](?:0[48]|[2468][048]|[13579][26])|(?:1[26]|[2468][048]|[3579][26])00)-02-29"
_DATE = (
    "(?:[1-9][0-9]{3}-(?:"
    "(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|"
    "(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|"
    f"02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP})"
)
_CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_TIME = rf"{_CLOCK}:[0-5][0-9](?:\.[0-9]{{1,6}})?(?:Z|[+-]{_CLOCK})"  # RFC 3339, 5.6

_N = "[0-9]{1,4}"  # RFC 3339, appendix A: units follow each other without a gap
_DAYS = f"(?:{_N}Y(?:{_N}M(?:{_N}D)?)?|{_N}M(?:{_N}D)?|{_N}D)"
_HOURS = f"T(?:{_N}H(?:{_N}M(?:{_N}S)?)?|{_N}M(?:{_N}S)?|{_N}S)"
_DURATION = f"P(?:{_DAYS}(?:{_HOURS})?|{_HOURS}|{_N}W)"

_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,22}[A-Za-z0-9])?"
_ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,16}"  # RFC 5321, 4.1.2
_EMAIL = rf"{_ATOM}(?:\.{_ATOM}){{0,2}}@{_LABEL}(?:\.{_LABEL}){{1,3}}"

_PART = "(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"  # RFC 3986, pchar
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL}){{0,3}}|\[[0-9A-Fa-f:]{{2,39}}\])"
_URI = (
    f"[A-Za-z][A-Za-z0-9+.-]{{0,15}}:(?://{_HOST}(?::[0-9]{{1,5}})?(?:/(?:{_PART}|/){{0,120}})?"
    f"|(?:/|///)?{_PART}{{1,80}}(?:/{_PART}{{1,40}}){{0,2}})"
    rf"(?:\?(?:{_PART}|[/?]){{0,120}})?(?:#(?:{_PART}|[/?]){{0,20}})?"
)

FORMATS = {
    "date": Format(f"^{_DATE}$", 10, 10),
    "time": Format(f"^{_TIME}$", 9, 21),
    "date-time": Format(f"^{_DATE}T{_TIME}$", 20, 32),
    "duration": Format(f"^{_DURATION}$", 3, 33),
    "email": Format(f"^{_EMAIL}$", 5, 150),
    "uri": Format(f"^(?:{_URI})$", 3, 512),
}
"""Those that are written as patterns."""
OF_LLGUIDANCE = frozenset({"uuid", "ipv4", "ipv6", "hostname"})
"""Those whose grammar in llguidance ends by itself."""
