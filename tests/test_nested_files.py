"""What is nested without end is refused by every reader in one line, as any damaged file is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fixtures.timed_recordings import perceived, write
from mcap.writer import Writer

from sensebind.agent.approval.audit import read_audit
from sensebind.agent.cli.terminal import _decision_of
from sensebind.agent.conditioning.unclip import _check_index
from sensebind.agent.gated_llama.quantization import read_layout
from sensebind.agent.robot.config_file import parse_config
from sensebind.agent.robot.control_messages import decode_command
from sensebind.agent.robot.pausing import Pauses
from sensebind.agent.server.mcp import _id_of
from sensebind.agent.server.page import _wish
from sensebind.agent.server.realtime import _object
from sensebind.agent.training.llama.official_data import read_items
from sensebind.agent.training.tuning.pairs import read_pairs
from sensebind.agent.training.tuning.stored_images import ImageStore
from sensebind.checkpoints.layout import imagebind_directory
from sensebind.errors import SenseBindError
from sensebind.memory.taught import TaughtNames
from sensebind.perception.bus.heartbeat import decode_heartbeat
from sensebind.perception.checkpoint_json import read_object
from sensebind.perception.frames.recording import FORMAT, LIBRARY, Recording
from sensebind.perception.geometry.camera_info import read_camera_info
from sensebind.perception.percept import decode_message
from sensebind.perception.sources.rosbag_files import BagFiles
from sensebind.tools.mcp_server import _object as structured
from sensebind.tools.motion.messages import Lines
from sensebind.tools.motion.settings import load_settings
from sensebind.tools.openapi.document import parse_document

LIST = "[" * 100_000
OBJECT = '{"a":' * 100_000
YAML = "[" * 5000
PACKED = b"\x81\xa1x" + b"\x91" * 10_000 + b"\xc0"  # as much as a header may have


def pairs(path: Path) -> object:
    return read_pairs(path, ImageStore(path.parent / "images"))


READERS: dict[str, tuple[str, str, Callable[[Path], object]]] = {
    "configurations of checkpoints": ("config.json", OBJECT, read_object),
    "layout of a checkpoint": ("config.json", OBJECT, lambda p: imagebind_directory(p.parent)),
    "quantised layers": ("quantization.json", OBJECT, lambda p: read_layout(p.parent)),
    "pipelines of images": ("model_index.json", OBJECT, lambda p: _check_index(p.parent)),
    "official data": ("data.json", LIST, read_items),
    "pairs": ("pairs.json", LIST, pairs),
    "pairs in lines": ("pairs.jsonl", LIST, pairs),
    "lists of pairs": ("pairs.yaml", YAML, pairs),
    "robots": ("robot.yaml", YAML, lambda p: parse_config(p.read_text())),
    "cameras": ("camera.yaml", YAML, read_camera_info),
    "OpenAPI": ("api.json", OBJECT, lambda p: parse_document(p.read_bytes(), "here")),
    "taught names": ("taught.json", OBJECT, TaughtNames),
    "pauses": ("paused.json", LIST, lambda p: Pauses(p).read()),
    "bags": ("metadata.yaml", YAML, lambda p: BagFiles(p.parent)),
    "percepts": ("", "", lambda _: decode_message([b"percept/camera", PACKED, b""])),
    "heartbeats": ("", "", lambda _: decode_heartbeat([b"beat/camera", PACKED])),
    "clients of a robot": ("", "", lambda _: decode_command(OBJECT.encode())),
    "clients of the realtime protocol": ("", "", lambda _: _object(OBJECT)),
    "viewers of the page": ("", "", lambda _: _wish('{"type": "say", "x": ' + LIST)),
    "motion": ("", "", lambda _: Lines().to_process(move(LIST))),
    "settings of motion": ("", "", lambda _: load_settings(b'{"x": ' + LIST.encode())),
}


def move(more: str) -> bytes:
    return f'{{"type": "move", "x": {more}\n'.encode()


@pytest.mark.parametrize("name", READERS)
def test_nesting_without_end_is_refused(name: str, tmp_path: Path) -> None:
    file, content, read = READERS[name]
    if file:
        (tmp_path / file).write_text(content, encoding="utf-8")
    with pytest.raises(SenseBindError):
        read(tmp_path / file)


@pytest.mark.parametrize(
    ("read", "given", "found"),
    [(_id_of, OBJECT.encode(), None), (structured, OBJECT, None), (_decision_of, OBJECT, None)],
    ids=["MCP over HTTP", "answers of tools", "people"],
)
def test_what_cannot_be_read_is_nothing(read: Any, given: Any, found: object) -> None:
    assert read(given) is found


def test_a_nested_line_of_the_audit_log_is_a_damaged_one(tmp_path: Path) -> None:
    (tmp_path / "audit.jsonl").write_text(f'{OBJECT}\n{{"event": "call"}}\n')
    events = [one["event"] for one in read_audit(tmp_path / "audit.jsonl")]
    assert events == ["damaged", "call"]


def test_a_nested_percept_of_a_recording_is_counted(tmp_path: Path) -> None:
    file = write(tmp_path / "a.mcap", [(0.0, perceived(0))])
    assert len(list(Recording(file))) == 1
    with (tmp_path / "b.mcap").open("wb") as stream:
        writer = Writer(stream)
        writer.start(profile="", library=LIBRARY)
        about = {"sensebind": FORMAT, "stream": "camera", "modality": "vision"}
        channel = writer.register_channel("/camera/percept", "json", 0, about)
        writer.add_message(channel, log_time=1, publish_time=1, data=OBJECT.encode())
        writer.finish()
    recording = Recording(tmp_path / "b.mcap")
    assert list(recording) == [] and recording.refused == 1


def test_a_version_of_thousands_of_digits_is_a_newer_one(tmp_path: Path) -> None:
    with (tmp_path / "a.mcap").open("wb") as stream:
        writer = Writer(stream)
        writer.start(profile="", library=LIBRARY)
        about = {"sensebind": "1" * 5000, "stream": "camera", "modality": "vision"}
        channel = writer.register_channel("/camera/percept", "json", 0, about)
        writer.add_message(channel, log_time=1, publish_time=1, data=b"{}")
        writer.finish()
    with pytest.raises(SenseBindError, match="newer"):
        list(Recording(tmp_path / "a.mcap"))


def test_aliases_do_not_make_a_name_of_gigabytes(tmp_path: Path) -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 6)]
    listed = "rosbag2_bagfile_information: {relative_file_paths: [*a5]}"
    (tmp_path / "metadata.yaml").write_text("\n".join([*levels, listed]))
    with pytest.raises(SenseBindError) as refused:
        BagFiles(tmp_path)
    assert len(str(refused.value)) < 1000
