"""Times as people say them."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensebind.errors import InputError
from sensebind.memory.time_expressions import When, parse_when

NOW = datetime(2026, 11, 21, 9, 30)


def local(nanoseconds: int) -> str:
    if nanoseconds in (0, 2**63 - 1):
        return "-"
    return f"{datetime.fromtimestamp(nanoseconds / 1e9):%d %H:%M}"


@pytest.mark.parametrize(
    ("text", "since", "until", "newest"),
    [
        ("", "-", "-", False),
        ("last", "-", "-", True),
        ("The last time?", "-", "-", True),
        ("last 10 minutes", "21 09:20", "-", False),
        ("in the last hour", "21 08:30", "-", False),
        ("an hour ago", "21 08:15", "21 08:45", False),
        ("a few minutes ago", "21 09:23", "21 09:26", False),
        ("between 8 and 9", "21 08:00", "21 09:00", False),
        ("between 10 and 11", "20 10:00", "20 11:00", False),
        ("between 9 and 10 pm", "20 21:00", "20 22:00", False),
        ("from 23:50 to 0:10", "20 23:50", "21 00:10", False),
        ("8:00-9:15", "21 08:00", "21 09:15", False),
        ("at 9:15", "21 09:10", "21 09:20", False),
        ("9am", "21 08:55", "21 09:05", False),
        ("since 8", "21 08:00", "-", False),
        ("before 7:30", "-", "21 07:30", False),
        ("since 10 minutes ago", "21 09:20", "-", False),
        ("before an hour ago", "-", "21 08:30", False),
        ("today", "21 00:00", "22 00:00", False),
        ("yesterday evening", "20 17:00", "21 00:00", False),
        ("last night", "20 22:00", "21 06:00", False),
        ("last between 8 and 9", "21 08:00", "21 09:00", True),
        ("yesterday at 10", "20 09:55", "20 10:05", False),
        ("2026-11-20", "20 00:00", "21 00:00", False),
        ("2026-11-20 10:00 to 11:00", "20 10:00", "20 11:00", False),
        ("2026-11-19 22:00 to 2026-11-20 02:00", "19 22:00", "20 02:00", False),
        ("between yesterday 22:00 and 2", "20 22:00", "21 02:00", False),
    ],
)
def test_what_people_say(text: str, since: str, until: str, newest: bool) -> None:
    when = parse_when(text, NOW)
    assert (local(when.since), local(when.until), when.newest) == (since, until, newest)


@pytest.mark.parametrize(
    "text", ["foo", "last foo", "99:00", "2026-13-40", "between", "13 pm", "at", "10 to", "x" * 200]
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(InputError, match=r"say|read"):
        parse_when(text, NOW)


def read_or_refused(text: str) -> None:
    try:
        when = parse_when(text, NOW)
    except InputError:
        return
    assert isinstance(when, When) and 0 <= when.since <= when.until < 2**63


@given(st.text(max_size=60))
def test_any_text(text: str) -> None:
    read_or_refused(text)


WORDS = """last between and to since before at ago 10 11:30 9am pm yesterday today 2026-11-20 - a
    minutes the night morning 999999 weeks 0 24:00 0001-01-01 9999-12-31"""


@given(st.lists(st.sampled_from(WORDS.split()), max_size=7))
def test_any_words(words: list[str]) -> None:
    read_or_refused(" ".join(words))
