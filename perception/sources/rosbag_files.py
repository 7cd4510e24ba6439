"""The files that bags come in: MCAP, SQLite, ROS 1, folders of them, packed or not.

Whoever recorded them: a folder whose recorder was killed has no metadata.yaml, a file may have been
taken out of its folder, messages may be packed one by one.
"""

from __future__ import annotations

import re
import sqlite3
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml
import zstandard

from sensebind.errors import InputError, MissingDependencyError, one_line
from sensebind.perception.frames.mcap_reader import MAX_FILE, McapFile, Stored
from sensebind.perception.imagebind.preprocess.files import checked
from sensebind.perception.sources.ros_definitions import MISSING, Definitions

_PACKED = (".zstd", ".zst")
_STORAGES = (".mcap", ".db3")
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"  # no CDR begins so: its first byte is 0
_MAX_MESSAGE = 256 << 20
_PIECE = 1 << 20  # bytes that are unpacked at once
_MAX_UNPACKED = 1 << 36
_MAX_MESSAGE = 1 << 28
# A view may be a query that never ends, under the name of a table.
_NO_TABLES = (
    "SELECT name FROM sqlite_master WHERE name IN ('topics', 'messages', 'message_definitions') "
    "AND (type <> 'table' OR sql NOT LIKE 'CREATE TABLE%')"
)
_METADATA = "metadata.yaml"
_MAX_METADATA = 16_000_000  # bytes
# SQLite puts what it did not understand into its messages, which need not be UTF-8.
_SQL_DAMAGE = (sqlite3.Error, ValueError, OverflowError)


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a bag.

    Attributes:
        type: As the bag names it.
        at: When it was recorded, ns.
        content: Has its fields as attributes; an error where it could not be decoded.
    """

    type: str
    at: int
    content: Any


class BagFile(ABC):
    """One file of a bag.

    Args:
        path: Where it is.
        untyped: Type of messages whose type the file does not say, or "".

    Attributes:
        path: Where it is; of a packed one, where it was unpacked.
    """

    def __init__(self, path: Path, untyped: str) -> None:
        self.path = path
        self._untyped = untyped
        self._definitions = Definitions()

    @abstractmethod
    def topics(self) -> dict[str, str]:
        """The type of each topic; "" where the file does not say it.

        Raises:
            InputError: It cannot be read.
        """

    @abstractmethod
    def messages(self, topic: str) -> Iterator[Message]:
        """Yield the messages of a topic.

        Raises:
            InputError: It cannot be read.
        """

    def _decoded(
        self, name: str, encoding: str, schema: str, text: str, data: bytes, at: int
    ) -> Message:
        try:
            decode = self._definitions.decoder(name, encoding, schema, text)
            return Message(name, at, decode(_unpacked(data) if encoding == "cdr" else data))
        except InputError as error:
            return Message(name, at, error)
        except Exception as error:  # the decoder is made of what the file says and may fail anyhow
            return Message(name, at, InputError(f"it could not be decoded: {one_line(error)}"))


class _Mcap(BagFile):
    def topics(self) -> dict[str, str]:
        return {one.channel.topic: self._type(one) for one in McapFile(self.path).channels()}

    def messages(self, topic: str) -> Iterator[Message]:
        for one in McapFile(self.path).messages():
            if one.channel.topic != topic:
                continue
            schema = one.schema.encoding if one.schema else ""
            text = one.schema.data.decode("utf-8", "replace") if one.schema else ""
            encoding = one.channel.message_encoding
            at, data = one.message.log_time, one.message.data
            yield self._decoded(self._type(one), encoding, schema, text, data, at)

    def _type(self, one: Stored) -> str:
        return (one.schema.name if one.schema else "") or self._untyped


class _Sqlite(BagFile):
    """A .db3 of rosbag2; read without rosbags, which leaves out what is in the -wal next to it."""

    def topics(self) -> dict[str, str]:
        with self._opened() as file:
            try:
                rows = file.execute("SELECT name, type FROM topics ORDER BY id")
                return {str(name): str(kind) for name, kind in rows}
            except _SQL_DAMAGE as error:
                raise InputError(f"bag {self.path} cannot be read: {one_line(error)}") from error

    def messages(self, topic: str) -> Iterator[Message]:
        with self._opened() as file:
            texts = self._texts(file)
            wanted = (
                "SELECT type, serialization_format, timestamp, data FROM messages "
                "JOIN topics ON topics.id = topic_id WHERE name = ? ORDER BY timestamp"
            )
            try:
                for name, encoding, at, data in file.execute(wanted, (topic,)):
                    if not isinstance(data, bytes) or not isinstance(at, int):
                        raise TypeError(f"a message of {type(data).__name__} at {at!r}")
                    schema, text = texts.get(name, ("", ""))
                    yield self._decoded(str(name), str(encoding), schema, text, data, at)
            except (*_SQL_DAMAGE, TypeError) as error:
                cut = InputError(f"{self.path} is damaged from here on: {one_line(error)}")
                yield Message("", 0, cut)

    def _texts(self, file: sqlite3.Connection) -> dict[str, tuple[str, str]]:
        """Encoding and text of each type's definition; bags of Humble and before have none."""
        try:
            rows = file.execute(
                "SELECT topic_type, encoding, encoded_message_definition FROM message_definitions"
            )
            return {str(name): (str(encoding), str(text)) for name, encoding, text in rows}
        except _SQL_DAMAGE:
            return {}

    def _opened(self) -> closing[sqlite3.Connection]:
        checked(self.path, "bag", MAX_FILE)
        # What a killed recorder left in a journal has to be applied: such a file is not immutable.
        left = any(Path(f"{self.path}{end}").exists() for end in ("-wal", "-journal"))
        mode = "mode=ro" if left else "immutable=1"
        try:
            file = sqlite3.connect(
                f"file:{quote(str(self.path.absolute()))}?{mode}", uri=True, check_same_thread=False
            )
            file.text_factory = lambda text: text.decode("utf-8", "replace")
            try:
                file.execute("PRAGMA trusted_schema = OFF")
                file.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_MESSAGE)
                if odd := file.execute(_NO_TABLES).fetchone():
                    raise InputError(f"bag {self.path} cannot be read: {odd[0]} is not a table")
                file.execute("SELECT count(*) FROM topics").fetchone()
            except BaseException:
                file.close()
                raise
        except _SQL_DAMAGE as error:
            hint = "; its recorder was killed: copy the folder to where it can be written"
            raise InputError(
                f"bag {self.path} cannot be read: {one_line(error)}{hint if left else ''}"
            ) from error
        return closing(file)


class _Ros1(BagFile):
    def topics(self) -> dict[str, str]:
        with self._opened() as reader:
            return {one.topic: str(one.msgtype) for one in reader.connections}

    def messages(self, topic: str) -> Iterator[Message]:
        with self._opened() as reader:
            wanted = [one for one in reader.connections if one.topic == topic]
            if not wanted:
                return
            try:
                for one, at, data in reader.messages(wanted):
                    text = str(one.msgdef.data)
                    yield self._decoded(one.msgtype, "ros1", "ros1msg", text, bytes(data), at)
            except Exception as error:  # as in `_opened`
                yield Message("", 0, InputError(f"{self.path} is damaged: {one_line(error)}"))

    def _opened(self) -> closing[Any]:
        try:
            from rosbags.rosbag1 import Reader
        except ImportError as error:
            raise MissingDependencyError(MISSING) from error
        checked(self.path, "bag", MAX_FILE)
        try:
            reader = Reader(self.path)
            reader.open()
        except Exception as error:  # rosbags raises whatever its parsers raise
            reason = one_line(error)
            hint = "; its recorder was killed: rosbag reindex FILE" if "index" in reason else ""
            raise InputError(f"bag {self.path} cannot be read: {reason}{hint}") from error
        return closing(reader)


class BagFiles:
    """All files of a bag, in order. Use it in a with statement.

    Args:
        path: A file (.mcap, .db3, .bag, the first two also packed as .zstd), or a folder of them.
        untyped: Type of messages whose type the file does not say, or "".

    Raises:
        InputError: There is no bag, or files that it lists are missing.
    """

    def __init__(self, path: Path, untyped: str = "") -> None:
        self._paths = _paths(path)
        self._untyped = untyped
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._files: list[BagFile] = []
        self._packed: dict[Path, Path] = {}  # by where they were unpacked

    def __enter__(self) -> BagFiles:
        """Unpack what is packed."""
        try:
            self._files = [self._file(path) for path in self._paths]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what was unpacked."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
            self._packed.clear()

    def topics(self) -> dict[str, str]:
        """The type of each topic; "" where no file says it.

        Raises:
            InputError: A file cannot be read.
        """
        found: dict[str, str] = {}
        for file in self._files:
            try:
                types = file.topics()
            except InputError as error:
                raise self._renamed(error) from error
            found |= {topic: name for topic, name in types.items() if name or topic not in found}
        return found

    def messages(self, topic: str) -> Iterator[Message]:
        """Yield the messages of a topic, file after file.

        Raises:
            InputError: A file cannot be read.
        """
        for file in self._files:
            try:
                for one in file.messages(topic):
                    if isinstance(one.content, InputError):
                        one = replace(one, content=self._renamed(one.content))
                    yield one
            except InputError as error:
                raise self._renamed(error) from error

    def _renamed(self, error: InputError) -> InputError:
        """An error that names the packed file, which the user knows, not the unpacked one."""
        text = str(error)
        for unpacked, packed in self._packed.items():
            text = text.replace(str(unpacked), str(packed))
        return InputError(text)

    def _file(self, path: Path) -> BagFile:
        if path.suffix.lower() in _PACKED:
            path = self._unpack(path)
        kinds = {".mcap": _Mcap, ".db3": _Sqlite, ".bag": _Ros1}
        return kinds[path.suffix.lower()](path, self._untyped)

    def _unpack(self, path: Path) -> Path:
        checked(path, "bag", MAX_FILE)
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="sensebind-bag-")
        target = Path(self._folder.name) / str(len(self._packed)) / path.stem
        target.parent.mkdir()
        self._packed[target] = path
        size = 0
        try:
            with path.open("rb") as packed, target.open("wb") as file:
                # pzstd, and `cat` of packed files, write several frames (RFC 8878, section 3).
                unpacked = zstandard.ZstdDecompressor().stream_reader(
                    packed, read_across_frames=True, closefd=False
                )
                while piece := unpacked.read(_PIECE):
                    size += len(piece)
                    if size > _MAX_UNPACKED:
                        raise InputError(
                            f"bag {path} unpacks to more than {_MAX_UNPACKED >> 30} GiB"
                        )
                    file.write(piece)
        except (zstandard.ZstdError, OSError) as error:
            raise InputError(f"bag {path} cannot be unpacked: {one_line(error)}") from error
        return target


def _paths(path: Path) -> list[Path]:
    """The files of a bag, in order of their time."""
    if not path.exists():
        raise InputError(f"bag {path} does not exist")
    if not path.is_dir():
        if _kind(path) is None and path.suffix.lower() != ".bag":
            raise InputError(
                f"bag {path}: formats are .mcap, .db3 (also as .zstd), .bag, or a folder"
            )
        return [path]
    listed = _listed(path)
    if missing := [name for name in listed if not (path / name).is_file()]:
        raise InputError(f"bag {path} lacks files that its {_METADATA} lists: {', '.join(missing)}")
    files = [path / name for name in listed]
    files = files or sorted((file for file in path.iterdir() if _kind(file)), key=_natural)
    kinds = {_kind(file) for file in files}
    if len(kinds) != 1 or None in kinds:
        others = sorted(file.name for file in path.glob("*.bag"))
        raise InputError(
            f"folder {path} is not a bag: it holds {'no' if not files else 'several kinds of'} "
            f".mcap or .db3{'; give one file: ' + ', '.join(others[:5]) if others else ''}"
        )
    return files


def _listed(folder: Path) -> list[str]:
    """Names of files as the metadata list them; none without metadata, or without any in them."""
    file = folder / _METADATA
    try:
        if file.stat().st_size > _MAX_METADATA:
            return []
        content = yaml.safe_load(file.read_text(encoding="utf-8", errors="replace"))
        names = content["rosbag2_bagfile_information"]["relative_file_paths"]
        # Names alone: aliases of YAML make of a kilobyte a list that is gigabytes as a text.
        return [Path(name).name for name in names if isinstance(name, str)]
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, RecursionError):
        return []


def _kind(path: Path) -> str | None:
    """ ".mcap" or ".db3", packed or not; None for other files."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in _PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes and suffixes[-1] in _STORAGES else None


def _natural(path: Path) -> list[str | int]:
    """Sorts bag_10 behind bag_9."""
    parts = re.split(r"(\d+)", path.name)
    return [int(part) if part.isdecimal() else part for part in parts]


def _unpacked(data: bytes) -> bytes:
    """A message that may be packed by itself, as rosbag2 does with compression mode MESSAGE."""
    if data[:4] != _ZSTD_MAGIC:
        return data
    try:
        size = zstandard.frame_content_size(data)
        if size > _MAX_MESSAGE:
            raise InputError("a packed message that is too large")
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=_MAX_MESSAGE)
    except (zstandard.ZstdError, MemoryError) as error:
        raise InputError(f"a packed message is damaged: {one_line(error)}") from error
