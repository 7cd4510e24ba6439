"""Bags as people end up with them: without metadata, out of their folder, packed, undefined, cut.

Each holds the topic /cam with six pictures of 2 x 2 pixels whose brightness is their number.
"""

import shutil
import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from sensebind.errors import EndedError, InputError, SourceError
from sensebind.perception.sources.rosbag import Bag
from sensebind.perception.sources.rosbag_files import BagFiles

rosbag2 = pytest.importorskip("rosbags.rosbag2", reason="pip install 'sensebind[ros]'")
from mcap.writer import CompressionType, Writer  # noqa: E402
from rosbags.rosbag1 import Writer as Writer1  # noqa: E402
from rosbags.typesys import Stores, get_typestore  # noqa: E402

ROS2, ROS1 = get_typestore(Stores.ROS2_HUMBLE), get_typestore(Stores.ROS1_NOETIC)
IMAGE = "sensor_msgs/msg/Image"
BEGIN = 1_700_000_000
COUNT = 6
MCAP, SQLITE = rosbag2.StoragePlugin.MCAP, rosbag2.StoragePlugin.SQLITE3


def message(number: int, ros: int = 2) -> bytes:
    """Picture `number`."""
    kinds: dict[str, Any] = dict((ROS2 if ros == 2 else ROS1).types)
    stamp = kinds["builtin_interfaces/msg/Time"](sec=BEGIN + number, nanosec=0)
    seq = {} if ros == 2 else {"seq": number}
    one = kinds[IMAGE](
        header=kinds["std_msgs/msg/Header"](stamp=stamp, frame_id="c", **seq),
        height=2,
        width=2,
        encoding="mono8",
        is_bigendian=0,
        step=2,
        data=np.full(4, number, np.uint8),
    )
    return bytes(ROS2.serialize_cdr(one, IMAGE) if ros == 2 else ROS1.serialize_ros1(one, IMAGE))


DEFINITION = ROS2.generate_msgdef(IMAGE, ros_version=2)[0]


def mcap(
    path: Path,
    schema: str = "ros2msg",
    text: str = DEFINITION,
    name: str = IMAGE,
    encoding: str = "cdr",
    make: Callable[[int], bytes] = message,
    packed: CompressionType = CompressionType.ZSTD,
) -> Path:
    """An MCAP file; without a schema where its name is ""."""
    with path.open("wb") as file:
        writer = Writer(file, compression=packed)
        writer.start()
        known = writer.register_schema(name, schema, text.encode()) if name else 0
        channel = writer.register_channel("/cam", encoding, known)
        for number in range(COUNT):
            at = (BEGIN + number) * 10**9
            writer.add_message(channel, at, make(number), at)
        writer.finish()
    return path


def bag(path: Path, plugin: Any = SQLITE, mode: str = "", numbers: range = range(COUNT)) -> Path:
    """A folder as rosbag2 writes it."""
    writer = rosbag2.Writer(path, version=9, storage_plugin=plugin)
    if mode:
        packed = rosbag2.CompressionMode[mode]
        writer.set_compression(packed, rosbag2.CompressionFormat.ZSTD)
    with writer:
        topic = writer.add_connection("/cam", IMAGE, typestore=ROS2)
        for number in numbers:
            writer.write(topic, (BEGIN + number) * 10**9, message(number))
    return path


def moved(path: Path, to: Path) -> Path:
    """The only file of a bag, out of its folder."""
    (inside,) = (file for file in path.iterdir() if file.suffix != ".yaml")
    to.mkdir(parents=True)
    return Path(shutil.copy(inside, to / inside.name))


def bare(path: Path) -> Path:
    (path / "metadata.yaml").unlink()
    return path


def split(path: Path) -> Path:
    """A bag of three files without metadata: _10 belongs behind _9."""
    path.mkdir()
    for number in (8, 9, 10):
        one = moved(
            bag(path.parent / f"{number}", numbers=range(number, number + 1)),
            path.parent / f"{number}-out",
        )
        one.rename(path / f"drive_{number}.db3")
    return path


def ros1(path: Path) -> Path:
    with Writer1(path) as writer:
        topic = writer.add_connection("/cam", IMAGE, typestore=ROS1)
        for number in range(COUNT):
            writer.write(topic, (BEGIN + number) * 10**9, message(number, 1))
    return path


def zstd(path: Path) -> Path:
    out = path.with_name(path.name + ".zst")
    out.write_bytes(zstandard.compress(path.read_bytes()))
    return out


def wal(path: Path) -> Path:
    """A bag whose recorder was killed while half of it was in SQLite's write-ahead log."""
    file = moved(bag(path / "bag"), path / "source")
    target = path / "killed"
    target.mkdir()
    with sqlite3.connect(file) as recorder:
        recorder.execute("PRAGMA journal_mode=WAL")
        recorder.execute("PRAGMA wal_autocheckpoint=0")
        rows = recorder.execute(
            "SELECT * FROM messages WHERE timestamp > ?", ((BEGIN + 2) * 10**9,)
        ).fetchall()
        recorder.execute("DELETE FROM messages WHERE timestamp > ?", ((BEGIN + 2) * 10**9,))
        recorder.commit()
        recorder.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        recorder.executemany("INSERT INTO messages VALUES (?, ?, ?, ?)", rows)
        recorder.commit()
        for end in ("", "-wal"):
            shutil.copy(f"{file}{end}", target / f"{file.name}{end}")
    recorder.close()
    return target / file.name


def played(path: Path, **options: Any) -> list[int]:
    """The numbers of the pictures."""
    found = []
    with Bag(str(path), "camera", speed=0, **options) as source:
        with pytest.raises(SourceError, match="has ended"):
            while True:
                one = source.read(1.0)
                found.append(int(one.data[0, 0, 0]))
                assert one.captured_at == (BEGIN + found[-1]) * 10**9
        assert source.refused == 0
    return found


IDL = """module sensor_msgs { module msg { struct Image { uint32 height; }; }; };"""
FULL_IDL = (
    "=" * 80 + "\nIDL: sensor_msgs/msg/Image\n"
    "module sensor_msgs { module msg { struct Image { std_msgs::msg::Header header; "
    "uint32 height; uint32 width; string encoding; uint8 is_bigendian; uint32 step; "
    "sequence<uint8> data; }; }; };\n" + "=" * 80 + "\nIDL: std_msgs/msg/Header\n"
    "module std_msgs { module msg { struct Header { builtin_interfaces::msg::Time stamp; "
    "string frame_id; }; }; };\n" + "=" * 80 + "\nIDL: builtin_interfaces/msg/Time\n"
    "module builtin_interfaces { module msg { struct Time { int32 sec; uint32 nanosec; }; }; };\n"
)
ROS1_DEFINITION = ROS1.generate_msgdef(IMAGE, ros_version=1)[0]


@pytest.mark.parametrize(
    "make",
    [
        lambda d: mcap(d / "a.mcap", packed=CompressionType.LZ4),
        lambda d: mcap(d / "a.mcap", schema="", text=""),
        lambda d: mcap(d / "a.mcap", text="nonsense ( of a\nrecorder"),
        lambda d: mcap(d / "a.mcap", schema="ros2idl", text=IDL),
        lambda d: mcap(d / "a.mcap", schema="ros2idl", text=FULL_IDL),
        lambda d: mcap(
            d / "a.mcap",
            "ros1msg",
            ROS1_DEFINITION,
            "sensor_msgs/Image",
            "ros1",
            lambda number: message(number, 1),
        ),
        lambda d: mcap(
            d / "a.mcap", "", "", "sensor_msgs/Image", "ros1", lambda number: message(number, 1)
        ),
        lambda d: mcap(d / "a.mcap", make=lambda number: zstandard.compress(message(number))),
        lambda d: zstd(mcap(d / "a.mcap")),
        lambda d: moved(bag(d / "bag"), d / "lone"),
        lambda d: bare(bag(d / "bag")),
        lambda d: bare(bag(d / "bag", MCAP)),
        lambda d: bag(d / "bag", SQLITE, "MESSAGE"),
        lambda d: moved(bag(d / "bag", SQLITE, "MESSAGE"), d / "lone"),
        lambda d: bag(d / "bag", SQLITE, "FILE"),
        lambda d: moved(bag(d / "bag", SQLITE, "FILE"), d / "lone"),
        lambda d: bare(bag(d / "bag", SQLITE, "FILE")),
        lambda d: moved(bag(d / "bag", MCAP, "MESSAGE"), d / "lone"),
        lambda d: moved(bag(d / "bag", MCAP, "FILE"), d / "lone"),
        lambda d: bare(bag(d / "bag", MCAP, "STORAGE")),
        lambda d: ros1(d / "a.bag"),
        lambda d: wal(d),
    ],
    ids=[
        "lz4",
        "no text",
        "nonsense text",
        "idl in part",
        "idl",
        "ros 1 in mcap",
        "ros 1 undefined",
        "packed messages",
        "mcap.zst",
        "lone db3",
        "no metadata",
        "no metadata mcap",
        "zstd messages",
        "lone zstd messages",
        "zstd file",
        "db3.zstd",
        "db3.zstd, no metadata",
        "lone mcap zstd messages",
        "mcap.zstd",
        "mcap storage",
        "ros 1",
        "write-ahead log",
    ],
)
def test_all_pictures_are_played(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    assert played(make(tmp_path)) == list(range(COUNT))


def test_files_are_played_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    assert played(split(tmp_path / "bag")) == [8, 9, 10]


def test_a_type_can_be_given_where_the_file_has_none(tmp_path: Path) -> None:
    path = mcap(tmp_path / "a.mcap", name="")
    with pytest.raises(SourceError, match=r"/cam \(of a type that the file does not say: give it"):
        _ = Bag(str(path), "camera").modality
    assert played(path, type="sensor_msgs/Image") == list(range(COUNT))


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda d: mcap(d / "a.mcap", "jsonschema", "{}", IMAGE, "json"), "encoded as 'json'"),
        (lambda d: mcap(d / "a.mcap", make=lambda _: b"\0\1"), "could not be decoded"),
        (
            lambda d: mcap(d / "a.mcap", make=lambda n: zstandard.compress(message(n))[:-3]),
            "a packed message is damaged",
        ),
        (lambda d: bag(d / "bag", numbers=range(0)), "holds nothing"),
        (lambda d: d, "is not a bag: it holds no .mcap or .db3"),
        (lambda d: ros1(d / "a.bag").parent, "give one file: a.bag"),
        (lambda d: d / "none.db3", "does not exist"),
        (lambda d: mcap(d / "a.txt"), r"formats are \.mcap, \.db3"),
    ],
    ids=[
        "json",
        "short",
        "packed and cut",
        "empty",
        "no bag",
        "folder of ros 1",
        "missing",
        "text",
    ],
)
def test_where_nothing_can_be_played_the_reason_is_given(
    tmp_path: Path, make: Callable[[Path], Path], why: str
) -> None:
    with pytest.raises(SourceError, match=why) as caught:
        Bag(str(make(tmp_path)), "camera", speed=0).__enter__()
    assert "\n" not in str(caught.value)


def test_a_listed_file_that_is_missing_is_named(tmp_path: Path) -> None:
    path = bag(tmp_path / "bag")
    next(path.glob("*.db3")).unlink()
    with pytest.raises(SourceError, match=r"lacks files that its metadata\.yaml lists: bag\.db3"):
        Bag(str(path), "camera").__enter__()


@pytest.mark.parametrize("kind", ["mcap", "db3"])
def test_a_file_is_packed_in_one_or_more_frames(tmp_path: Path, kind: str) -> None:
    """RFC 8878, 3: content is that of all frames; that of skippable ones (3.1.2) is left out."""
    made = mcap(tmp_path / "a.mcap", packed=CompressionType.NONE)
    file = made if kind == "mcap" else moved(bag(tmp_path / "bag"), tmp_path / "out")
    data, cut = file.read_bytes(), file.stat().st_size // 2
    skippable = struct.pack("<II", 0x184D2A50, 4) + b"pzst"
    packed = tmp_path / f"b.{kind}.zst"
    packed.write_bytes(
        skippable + zstandard.compress(data[:cut]) + skippable + zstandard.compress(data[cut:])
    )
    seen = []
    with Bag(str(packed), "camera", speed=0) as source, pytest.raises(EndedError):
        while True:
            seen.append(source.read().captured_at)
    assert len(seen) == COUNT


def test_what_was_unpacked_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zstd(mcap(tmp_path / "a.mcap"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    with Bag(str(path), "camera", speed=0) as source:
        source.read()
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("name", ["x.mcap", "x.db3"])
def test_errors_name_the_packed_file_that_somebody_gave(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"neither of them" * 100)
    path = zstd(tmp_path / name)
    with BagFiles(path) as packed, pytest.raises(InputError) as caught:
        packed.topics()
    assert str(path) in str(caught.value) and "sensebind-bag-" not in str(caught.value)


def test_damage_in_a_packed_file_names_it(tmp_path: Path) -> None:
    file = moved(bag(tmp_path / "bag"), tmp_path / "out")
    with closing(sqlite3.connect(file)) as damaged:
        damaged.execute("UPDATE messages SET data = 'text' WHERE id = 3")
        damaged.commit()
    path = zstd(file)
    with BagFiles(path) as packed:
        [error] = [
            one.content for one in packed.messages("/cam") if isinstance(one.content, InputError)
        ]
    assert str(error).startswith(f"{path} is damaged from here on")


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(["a.mcap", "a.db3", "a.bag", "a.mcap.zst"]),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=10),
    cut=st.floats(0.3, 1),
)
def test_a_damaged_bag_is_played_as_far_as_it_goes(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    changes: list[tuple[float, int]],
    cut: float,
) -> None:
    folder = tmp_path_factory.getbasetemp() / "damaged"
    if not folder.exists():
        folder.mkdir()
        zstd(mcap(folder / "a.mcap"))
        ros1(folder / "a.bag")
        moved(bag(folder / "bag"), folder / "out").rename(folder / "a.db3")
    data = bytearray((folder / name).read_bytes())
    for where, value in changes:
        data[min(int(where * len(data)), len(data) - 1)] = value
    (folder / f"bad-{name}").write_bytes(data[: int(cut * len(data))])
    try:
        with Bag(str(folder / f"bad-{name}"), "camera", speed=0) as source:
            for _ in range(COUNT + 1):
                assert source.read().data.dtype == np.uint8
    except SourceError as error:
        assert "\n" not in str(error)
