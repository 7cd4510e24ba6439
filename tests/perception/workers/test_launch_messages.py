"""The launcher's protocol: whole messages, in pieces, and none of others."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensebind.errors import MessageError
from sensebind.perception.workers.launch_messages import (
    ANSWERS,
    COMMANDS,
    MAX_LINE,
    Command,
    End,
    Ended,
    Kill,
    Lines,
    Ready,
    Spare,
    Start,
    Started,
    encode,
)

TEXTS = st.text(max_size=40)
PIDS = st.integers(0, 2**31 - 1)
WORKERS = st.lists(st.dictionaries(TEXTS, st.floats(allow_nan=False) | TEXTS).map(json.dumps))
MESSAGES = st.one_of(
    st.builds(Start, TEXTS, WORKERS, st.integers(0, 1000)),
    st.builds(End, PIDS),
    st.builds(Kill, PIDS),
    st.just(Spare()),
)


@given(st.lists(MESSAGES, max_size=5), st.integers(1, 50))
def test_messages_come_whole_whatever_the_pieces(messages: list[Command], size: int) -> None:
    data = b"".join(encode(one) for one in messages)
    lines = Lines(COMMANDS)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert [one for piece in pieces for one in lines.take(piece)] == messages


def test_answers_come_back() -> None:
    said = [Ready(7), Started("camera", 8), Ended("camera", -9, "the disk\nis full")]
    assert Lines(ANSWERS).take(b"".join(map(encode, said))) == said


@pytest.mark.parametrize(
    "line",
    [
        b"{}\n",
        b"not JSON\n",
        b'{"type":"Kill"}\n',
        b'{"type":"Kill","pid":"8"}\n',
        b'{"type":"Kill","pid":8,"signal":1}\n',
        b'{"type":"Ready","pid":8}\n',  # an answer
    ],
)
def test_what_is_not_a_command_is_refused(line: bytes) -> None:
    with pytest.raises(MessageError, match="malformed"):
        Lines(COMMANDS).take(line)


def test_a_line_without_an_end_is_refused() -> None:
    with pytest.raises(MessageError, match="more than"):
        Lines(COMMANDS).take(b"x" * (MAX_LINE + 1))
