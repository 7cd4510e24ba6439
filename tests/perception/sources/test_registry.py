"""Sources are opened by name; what cannot be opened is told in a sentence."""

import importlib.metadata
import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import pytest
from fixtures.fake_senses import FakeSource

from sensebind.errors import ConfigurationError, MissingDependencyError
from sensebind.perception.percept import Modality
from sensebind.perception.sources import registry
from sensebind.perception.sources.base import Device, Source
from sensebind.perception.sources.registry import Kind, find_sources, open_source
from sensebind.perception.sources.simhome import SimHomeSource
from sensebind.perception.workers.worker import FactorySpec


class Bell(FakeSource):
    """A bell."""

    def __init__(self, target: str, stream: str, loud: bool = False) -> None:
        super().__init__("microphone")
        self.target, self.stream, self.loud = target, stream, loud

    @classmethod
    def find(cls) -> list[Device]:
        return [Device("bell:door", "the door")]


def test_a_text_names_kind_and_target() -> None:
    source = open_source("simhome:tcp://127.0.0.1:5601", stream="lidar")
    assert isinstance(source, SimHomeSource) and isinstance(source, Source)
    assert (source.stream, source.modality) == ("lidar", Modality.POINT)


def test_a_mapping_brings_options() -> None:
    spec = {"source": "simhome:tcp://127.0.0.1:5601", "sensor": "camera"}
    source = open_source(spec, stream="left-eye")
    assert (source.stream, source.modality) == ("left-eye", Modality.VISION)


def test_a_worker_opens_it_by_import_path() -> None:
    arguments = {"spec": "simhome:tcp://127.0.0.1:5601", "stream": "camera"}
    assert FactorySpec(factory=registry.FACTORY, arguments=arguments).build().stream == "camera"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("nose:0", "no source 'nose'; there are .*simhome"),
        ("", "such as 'camera:0'"),
        ({"hop": 2}, "such as 'camera:0'"),
        ({"source": "simhome:tcp://127.0.0.1:1", "colour": 1}, "'colour'.*it takes .*hop"),
    ],
)
def test_what_is_wrong_is_named(spec: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        open_source(spec, stream="camera")


def test_a_third_party_adds_a_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    def entry(name: str, value: str) -> EntryPoint:
        return EntryPoint(name, value, registry.GROUP)

    found = EntryPoints(
        [
            entry("bell", f"{__name__}:Bell"),
            entry("broken", "no_such_package:Source"),
            entry("simhome", "no_such_package:Source"),
        ]
    )
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: found)
    bell = open_source({"source": "bell:door", "loud": True}, stream="hall")
    assert isinstance(bell, Bell) and (bell.target, bell.stream, bell.loud) == (
        "door",
        "hall",
        True,
    )
    with pytest.raises(MissingDependencyError, match="no_such_package:Source cannot be loaded"):
        open_source("broken:x", stream="camera")
    kinds = {kind.name: kind for kind in find_sources()}
    assert "cannot be loaded" in kinds["broken"].problem and not kinds["simhome"].problem
    assert kinds["bell"] == Kind("bell", "A bell.", (Device("bell:door", "the door"),))


TARGETS = {
    "audio": "a.wav",
    "bag": "a.mcap",
    "camera": "0",
    "cloud": "a.pcd",
    "microphone": "default",
    "ouster": "os-1.local",
    "replay": "a.mcap",
    "ros": "/image",
    "simhome": "tcp://127.0.0.1:5601",
    "sweeps": "ipc:///sweeps",
    "velodyne": "2368",
    "video": "a.mp4",
    "zenoh": "/image",
}
_BUILD = """
import sys
from sensebind.perception.sources.registry import open_source
for kind, target in TARGETS.items():
    options = {"type": "sensor_msgs/msg/Image"} if kind == "ros" else {}
    open_source({"source": f"{kind}:{target}", **options}, stream="lidar")
    slow = sorted({"av", "cv2", "numpy", "rosbags", "torch", "zmq"} & set(sys.modules))
    if slow:
        sys.exit(f"{kind} imported {slow}")
"""


def test_sources_are_built_without_what_reads_their_devices() -> None:
    """So a robot's file is checked at once; `with` imports what a device needs."""
    assert TARGETS.keys() == registry._BUILT_IN.keys()
    code = f"TARGETS = {TARGETS!r}\n{_BUILD}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
