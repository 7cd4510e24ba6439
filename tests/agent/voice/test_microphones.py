"""Where a voice hears: a stream of the robot, a device of its own, or a file."""

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.config_file import parse_config
from sensebind.agent.voice.microphones import DeviceEar, FileEar, SharedEar, ear_of
from sensebind.agent.voice.parts import BLOCK, RATE
from sensebind.errors import ConfigurationError, InputError
from sensebind.perception.sources import microphone as module


def robot(streams: str, voice: str = "{}") -> RobotConfig:
    return parse_config(f"streams: {streams}\nvoice: {voice}\nsimhome: {{seed: 1}}")


CAMERA = "camera: {source: 'camera:0'}"
OWN = f"{{{CAMERA}, ear: {{source: 'microphone:default'}}, ear2: {{source: 'microphone:2'}}}}"


def test_one_microphone_serves_the_encoder_and_the_voice() -> None:
    config = robot(OWN)
    assert config.voice_microphone == "ear" and isinstance(ear_of(config), SharedEar)
    shares = {
        one.stream: one.source.arguments["spec"].get("share")
        for one in config.workers()
        if one.source.arguments is not None
    }
    assert shares == {"camera": None, "ear": config.shared_sound, "ear2": None}
    assert str(config.shared_sound).startswith("ipc:///")


def test_another_stream_is_named() -> None:
    config = robot(OWN, "{microphone: ear2}")
    specs = {one.stream: one.source.arguments["spec"] for one in config.workers()}
    assert "share" in specs["ear2"] and "share" not in specs["ear"]


def test_a_robot_without_a_microphone_takes_the_default_device() -> None:
    config = robot(f"{{{CAMERA}, microphone: {{source: simhome}}}}")
    assert config.shared_sound is None and isinstance(ear_of(config), DeviceEar)


@pytest.mark.parametrize("given", ["camera", "microphone", "nothing.wav", "lidar:0"])
def test_what_is_no_microphone(given: str) -> None:
    config = robot(f"{{{CAMERA}, microphone: {{source: simhome}}}}", f"{{microphone: {given}}}")
    with pytest.raises(ConfigurationError, match="voice: microphone: "):
        ear_of(config)


def test_a_file_is_heard_whole_and_then_silence(tmp_path: Path) -> None:
    file = tmp_path / "said.wav"
    soundfile.write(file, np.full(8000, 0.25, np.float32), 2 * RATE)
    with ear_of(robot(OWN), str(file)) as ear:
        heard = []
        for block in ear.blocks():
            assert block is not None and len(block.samples) == BLOCK
            heard.append((block.samples, ear.over))
            if len(heard) == 10:
                break
        assert isinstance(ear, FileEar)
    assert [over for _, over in heard] == [False] * 7 + [True] * 3
    sound = np.concatenate([samples for samples, _ in heard])
    assert np.allclose(sound[100:3900], 0.25, atol=0.01) and np.all(sound[4000:] == 0)


def test_a_file_that_is_no_sound(tmp_path: Path) -> None:
    file = tmp_path / "said.wav"
    file.write_text("hello")
    with pytest.raises(InputError, match=r"said\.wav"):
        ear_of(robot(OWN), str(file))


CAPTURE = """
import json, sys, time
import numpy as np
from sensebind.perception.sources.capture import BLOCK, MAGIC
out = sys.stdout.buffer
out.write(json.dumps({"rate": 16000, "name": "fake", "latency": 0}).encode() + b"\\n")
while True:
    block = np.full(800, 0.5, np.float32)
    out.write(BLOCK.pack(MAGIC, len(block), 0) + block.tobytes())
    out.flush()
    time.sleep(0.01)
"""


def test_a_device_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CAPTURE", [sys.executable, "-c", CAPTURE])
    monkeypatch.setattr(module, "_HELLO_SECONDS", 60.0)
    with DeviceEar("fake") as ear:
        heard = 0
        for block in ear.blocks():
            if block is not None:
                assert np.all(block.samples == 0.5) and len(block.samples) == BLOCK
                heard += 1
            if heard == 10:
                ear.end()
    assert heard >= 10
