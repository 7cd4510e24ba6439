"""MCAP files are read in order of time, however their writers put them down."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcap.writer import CompressionType, Writer

from sensebind.errors import InputError
from sensebind.perception.frames import mcap_reader
from sensebind.perception.frames.mcap_reader import McapFile


def written(
    path: Path, times: Sequence[int], chunk: int = 1 << 20, chunks: bool = True, finish: bool = True
) -> Path:
    """A file of one message a time, of two topics by turns; each holds its number."""
    with path.open("wb") as file:
        writer = Writer(
            file, chunk_size=chunk, use_chunking=chunks, compression=CompressionType.NONE
        )
        writer.start()
        schema = writer.register_schema("number", "jsonschema", b"{}")
        channels = [writer.register_channel(topic, "json", schema) for topic in ("/a", "/b")]
        for number, at in enumerate(times):
            writer.add_message(channels[number % 2], at, str(number).encode(), at)
        if finish:
            writer.finish()
    return path


def read(file: McapFile) -> list[tuple[int, int]]:
    """Time and number of every message."""
    return [(one.message.log_time, int(one.message.data)) for one in file.messages()]


LAYOUTS = {"one chunk": {}, "a chunk each": {"chunk": 1}, "no chunks": {"chunks": False}}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("order", [range(6), [0, 3, 1, 2, 5, 4], [5, 4, 3, 2, 1, 0]])
def test_messages_come_in_order_of_time(order: Sequence[int], layout: str, tmp_path: Path) -> None:
    file = McapFile(written(tmp_path / "a.mcap", order, **LAYOUTS[layout]))
    for _ in range(2):
        assert [at for at, _ in read(file)] == sorted(order)
        assert not file.cut and not file.damaged
    assert {one.channel.topic for one in file.channels()} == {"/a", "/b"}


@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    times=st.lists(st.integers(0, 50), max_size=40),
    chunk=st.integers(1, 400),
    chunks=st.booleans(),
    finish=st.booleans(),
)
def test_all_come_and_equal_times_keep_their_order(
    times: list[int], chunk: int, chunks: bool, finish: bool, tmp_path: Path
) -> None:
    path = written(tmp_path / "a.mcap", times, chunk, chunks, finish)
    found = read(McapFile(path))
    expected = sorted((at, number) for number, at in enumerate(times))
    if finish:
        assert found == expected
    else:  # the writer was killed: what is there is in order, and nothing else is
        assert found == [one for one in expected if one in set(found)]


def test_a_cut_or_damaged_file_is_read_in_order_as_far_as_it_goes(tmp_path: Path) -> None:
    order = [4, 5, 0, 1, 8, 9, 2, 3, 6, 7]
    path = written(tmp_path / "a.mcap", order, chunk=1)
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"\x06", len(whole) // 3) + 40])
    file = McapFile(path)
    found = [at for at, _ in read(file)]
    assert file.cut and 2 <= len(found) < 10 and found == sorted(found)
    damaged = bytearray(whole)
    at = whole.index(b"4", 400)  # the data of a message, whose chunk then fails its check sum
    damaged[at] ^= 1
    path.write_bytes(damaged)
    found = [at for at, _ in read(file)]
    assert file.damaged == 1 and not file.cut and len(found) == 9 and found == sorted(found)


def test_what_cannot_be_held_is_refused_with_a_way_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(mcap_reader, "_MOST_HELD", 100)
    straight = written(tmp_path / "straight.mcap", range(1000), chunk=200)
    assert len(read(McapFile(straight))) == 1000
    path = written(tmp_path / "a.mcap", [*range(1, 1000), 0], chunk=20_000)
    with pytest.raises(InputError, match=r"out of order .* mcap sort a\.mcap"):
        read(McapFile(path))
