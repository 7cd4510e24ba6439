"""Whatever others wrote, nothing that is printed moves a cursor, turns a line round, or hides."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensebind.printable import printable, printable_call, printable_json

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
HIDDEN = "\u00ad\u200b\u2060\ufeff\u3164\u2800\u115f\U000e0041\u2028\u2029\x7f\x85\x9b"
anything = st.text(st.one_of(st.characters(), st.sampled_from(BIDI + HIDDEN + "\x1b\r\n\t\x07\b")))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | anything,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(anything, inner, max_size=3),
    max_leaves=8,
)


def harmless(text: str, *, lines: bool = False) -> bool:
    allowed = "\n\t\u200c\u200d" if lines else ""
    return all(
        one in allowed or (unicodedata.category(one)[0] != "C" and one not in BIDI + HIDDEN)
        for one in text
    )


@given(anything)
def test_nothing_is_left_that_does_not_show_as_itself(text: str) -> None:
    assert harmless(printable(text)) and "\n" not in printable(text)
    assert harmless(printable(text, lines=True), lines=True)


@given(anything)
def test_what_shows_stays_and_pieces_give_the_whole(text: str) -> None:
    shown = printable(text)
    assert printable(shown) == shown
    assert "".join(printable(one) for one in text) == shown  # answers come in pieces
    if harmless(text) and text.isprintable():
        assert shown == text or any(
            one in "\u034f\u17b4\u17b5\u180b\u180c\u180d\u180f\uffa0\u1160" for one in text
        )


@given(values)
def test_json_is_harmless_and_gives_the_value_back(value: object) -> None:
    text = printable_json(value)
    assert harmless(text) and json.loads(text) == value


@given(st.text(min_size=1), st.dictionaries(anything, values, max_size=3))
def test_a_call_is_one_harmless_line(name: str, arguments: dict[str, object]) -> None:
    assert harmless(printable_call(name, arguments))


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ({"kind": "ball"}, "drive kind=ball"),
        ({"kind": "球"}, "drive kind=球"),
        ({"metres": 0.5}, "drive metres=0.5"),
        ({"metres": "0.5"}, 'drive metres="0.5"'),
        ({"on": True}, "drive on=true"),
        ({"on": "true"}, 'drive on="true"'),
        ({"kind": "ball metres=0.1"}, 'drive kind="ball metres=0.1"'),
        ({"kind": "x\x1b[2K\r"}, r'drive kind="x\u001b[2K\r"'),
        ({"kind": "\u202ellab"}, r'drive kind="\u202ellab"'),
        ({"kind=ball metres": 1}, 'drive "kind=ball metres"=1'),
        ({"where": [1, {"a": "b c"}]}, 'drive where=[1, {"a": "b c"}]'),
    ],
)
def test_arguments_cannot_look_like_others(arguments: dict[str, object], shown: str) -> None:
    assert printable_call("drive", arguments) == shown


def test_escapes() -> None:
    assert printable("a\x1b[31m\u202eb\U000e0041\r\n") == r"a\x1b[31m\u202eb\U000e0041\r\n"
    assert printable("one\n\ttwo 好\u3000👨\u200d👩", lines=True) == "one\n\ttwo 好\u3000👨\u200d👩"
