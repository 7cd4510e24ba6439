"""Reads times as people say them: "last", "between 10 and 11", "yesterday", "10 minutes ago".

A time of day without a day is the last one that has come: at nine in the morning, "between 10 and
11" is yesterday's. Local time is meant throughout.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from sensebind.errors import InputError

MAX_LENGTH = 80
_ABOUT = timedelta(minutes=5)  # what "at ten" may be off by
_DAY = timedelta(days=1)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_COUNTS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "five": 5, "ten": 10, "few": 5}
_PARTS = {"night": (0, 6), "morning": (5, 12), "noon": (11, 14), "afternoon": (12, 18)}
_PARTS |= {"evening": (17, 24)}
_HELP = (
    'say "last", "today", "yesterday evening", "10 minutes ago", "last 2 hours", "since 9:30", '
    '"before 14:00", "between 10 and 11", "at 10:15" or "2026-11-21 10:00 to 11:00"'
)

_AMOUNT = re.compile(
    r"(?P<count>\d{1,6}|a few|[a-z]+)? ?"
    r"(?P<unit>s|sec|seconds?|m|min|minutes?|h|hours?|d|days?|w|weeks?)"
)
_POINT = re.compile(
    r"(?:(?:(?P<date>\d{4}-\d\d?-\d\d?)|(?P<day>today|yesterday))(?:t| at | |$))?"
    r"(?:(?P<hour>\d\d?)(?::(?P<minute>\d\d)(?::(?P<second>\d\d))?)? ?(?P<half>am|pm)?)?"
)
_JOINS = (" and ", " to ", " until ", " till ", " - ", "-")


@dataclass(frozen=True, slots=True)
class When:
    """A stretch of time to search.

    Attributes:
        since: Begin, ns since 1970.
        until: End, ns since 1970.
        newest: Whether the last time is meant, not the best fit.
    """

    since: int = 0
    until: int = 2**63 - 1
    newest: bool = False


def parse_when(text: str, now: datetime | None = None) -> When:
    """Read a time or a stretch of time.

    Args:
        text: As people say it; "" is any time.
        now: The present by default.

    Raises:
        InputError: It is none.
    """
    now = (now or datetime.now()).astimezone()
    words = " ".join(text.lower().replace("–", "-").split()).strip(" .,?!")
    if len(words) > MAX_LENGTH:
        raise InputError(f"a time of {len(words)} characters is not read: {_HELP}")
    newest = re.match(r"(?:the )?(?:last|latest|newest)(?: time\b| one\b)?,? ?", words)
    rest = words[newest.end() :] if newest else words
    if newest and (rest in _PARTS or _amount(rest) is not None):  # "last night", "last 2 hours"
        newest, rest = None, words
    try:
        since, until = _stretch(rest, now)
        when = When(_ns(since, 0), _ns(until, 2**63 - 1), newest is not None)
    except (ValueError, OverflowError, OSError) as error:
        raise InputError(f"{text!r} is no time that can be read: {_HELP}") from error
    if when.since > when.until:
        raise InputError(f"{text!r} ends before it begins: {_HELP}")
    return when


def bounded(when: When, after: str, before: str, now: datetime | None = None) -> When:
    """Return the part of a stretch of time that lies after one time and before another.

    Args:
        when: The stretch.
        after: As people say it, such as "9:30" or "10 minutes ago"; "" is no bound.
        before: Likewise.
        now: The present by default.

    Raises:
        InputError: A time cannot be read, or nothing is left.
    """
    since = parse_when(_with("after", after), now).since if after.strip() else 0
    until = parse_when(_with("before", before), now).until if before.strip() else 2**63 - 1
    found = When(max(when.since, since), min(when.until, until), when.newest)
    if found.since > found.until:
        bounds = " and ".join(
            _with(*one) for one in (("after", after), ("before", before)) if one[1]
        )
        raise InputError(f"no time is {bounds}: {_HELP}")
    return found


def _with(preposition: str, time: str) -> str:
    """A point in time with its preposition, unless it has it already."""
    return time if time.strip().lower().startswith(preposition) else f"{preposition} {time}"


def _stretch(words: str, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Begin and end of a stretch; None where it is open."""
    if words in ("", "ever", "any", "any time", "always"):
        return None, None
    if words in ("now", "just now"):
        return now - timedelta(minutes=1), None
    if words.endswith(" ago") and (amount := _amount(words[:-4])) is not None:
        about = max(amount / 4, timedelta(seconds=30))
        return now - amount - about, now - amount + about
    for before in ("in the last ", "in the past ", "within the last ", "last ", "past "):
        if words.startswith(before) and (amount := _amount(words[len(before) :])) is not None:
            return now - amount, None
    if (named := _named(words.removeprefix("at "), now)) is not None:
        return named
    if match := re.fullmatch(r"(since|after|before|until|till|at|around|about) (.+)", words):
        preposition, point = match[1], _point(match[2], now)
        if preposition in ("since", "after"):
            return point, None
        if preposition in ("before", "until", "till"):
            return None, point
        return point - _ABOUT, point + _ABOUT
    if not _POINT.fullmatch(words):
        for join in _JOINS:
            first, found, second = words.rpartition(join)
            if found:
                return _between(re.sub(r"^(between|from) ", "", first), second, now)
    point = _point(words, now)
    return point - _ABOUT, point + _ABOUT


def _between(a: str, b: str, now: datetime) -> tuple[datetime, datetime]:
    """A stretch from one point to another; what the second leaves out, the first says."""
    half = re.search(r"(am|pm)$", b)
    if half and re.fullmatch(r"[\d: ]+", a):
        a = f"{a}{half[1]}"
    first = _point(a, now)
    if _POINT.fullmatch(b) and re.match(r"\d{4}-|today|yesterday", b):
        return first, _point(b, now)
    second = _at(first, _match(b))
    return first, second if second >= first else second + _DAY


def _named(words: str, now: datetime) -> tuple[datetime, datetime] | None:
    """Days and parts of days: "yesterday", "this morning", "yesterday evening", "last night"."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if re.fullmatch(r"\d{4}-\d\d?-\d\d?", words):
        begin = _point(words, now)
        return begin, begin + _DAY
    match = re.fullmatch(r"(?:in )?(?:(today|yesterday|this|the|last|to)-? ?)?([a-z]*)", words)
    if match is None:
        return None
    day, part = match[1], match[2]
    begin = midnight - _DAY if day in ("yesterday", "last") else midnight
    if not part:
        return (begin, begin + _DAY) if day in ("today", "yesterday") else None
    if part not in _PARTS:
        return None
    if part == "night":  # the one that ended this morning, unless tonight is meant
        begin = midnight + _DAY * (day == "to") - timedelta(hours=2)
        return begin, begin + timedelta(hours=8)
    first, last = _PARTS[part]
    return begin + timedelta(hours=first), begin + timedelta(hours=last)


def _amount(words: str) -> timedelta | None:
    """ "10 minutes", "an hour", "hour"; None if it is no amount of time."""
    match = _AMOUNT.fullmatch(words.removesuffix(" ago"))
    if match is None:
        return None
    count = (match["count"] or "1").removeprefix("a ") or "1"
    number = int(count) if count.isdigit() else _COUNTS.get(count)
    return None if number is None else timedelta(seconds=number * _UNITS[match["unit"][0]])


def _match(words: str) -> re.Match[str]:
    match = _POINT.fullmatch(words)
    if match is None or not words:
        raise ValueError(words)
    return match


def _at(day: datetime, match: re.Match[str]) -> datetime:
    """The time of day that was said, on a day."""
    hour, half = int(match["hour"] or 0), match["half"]
    if half:
        if not 1 <= hour <= 12:
            raise ValueError(f"{hour} {half}")
        hour = hour % 12 + 12 * (half == "pm")
    minute, second = int(match["minute"] or 0), int(match["second"] or 0)
    return day.replace(hour=hour, minute=minute, second=second, microsecond=0)


def _point(words: str, now: datetime) -> datetime:
    """A point in time; without a day the last one that has come."""
    if words.endswith(" ago") and (amount := _amount(words[:-4])) is not None:
        return now - amount
    match = _match(words)
    if match["date"]:
        year, month, day = (int(part) for part in match["date"].split("-"))
        return _at(now.replace(year=year, month=month, day=day), match)
    point = _at(now, match)
    if match["day"]:
        return point - _DAY if match["day"] == "yesterday" else point
    return point if point <= now else point - _DAY


def _ns(moment: datetime | None, missing: int) -> int:
    return missing if moment is None else min(max(0, int(moment.timestamp() * 1e9)), 2**63 - 1)
