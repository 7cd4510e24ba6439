"""AudioData of ROS: a tone of 440 Hz stays one, whatever its bytes are."""

import io
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensebind.errors import ConfigurationError, InputError, SourceError
from sensebind.perception.sources.ros_sound import SoundDecoder, recognized_format
from sensebind.perception.sources.ros_sound_format import SoundInfo, announced
from sensebind.perception.sources.rosbag import Bag

rosbag2 = pytest.importorskip("rosbags.rosbag2", reason="pip install 'sensebind[ros]'")
from rosbags.typesys import Stores, get_types_from_msg, get_typestore  # noqa: E402

AUDIO, INFO = "audio_common_msgs/msg/AudioData", "audio_common_msgs/msg/AudioInfo"
STORE = get_typestore(Stores.ROS2_HUMBLE)
STORE.register(get_types_from_msg("uint8[] data\n", AUDIO))
STORE.register(
    get_types_from_msg(
        "uint8 channels\nuint32 sample_rate\nstring sample_format\nuint32 bitrate\n"
        "string coding_format\n",
        INFO,
    )
)
KINDS: dict[str, Any] = dict(STORE.types)
SECONDS = 4


def tone(rate: int = 16_000, seconds: float = SECONDS) -> np.ndarray:
    """440 Hz at a quarter of full scale, float64."""
    return 0.25 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)


def mp3(rate: int = 16_000) -> list[bytes]:
    """The tone as MP3, a frame each."""
    packets: list[bytes] = []
    steps = (tone(rate) * 32767).astype("<i2")
    with av.open(io.BytesIO(), "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=rate, layout="mono")
        for start in range(0, len(steps) - 1151, 1152):
            piece = steps[None, start : start + 1152]
            frame = av.AudioFrame.from_ndarray(piece, format="s16p", layout="mono")
            frame.rate, frame.pts = rate, start
            packets += [bytes(packet) for packet in stream.encode(frame)]
        packets += [bytes(packet) for packet in stream.encode()]
    return packets


def pieces(samples: np.ndarray, count: int = 40) -> list[bytes]:
    return [part.tobytes() for part in np.array_split(samples, count)]


def bag(path: Path, messages: list[bytes], info: dict[str, Any] | None = None) -> Path:
    """A bag of sound that lasts `SECONDS`."""
    with rosbag2.Writer(path, version=9) as writer:
        topic = writer.add_connection("/audio", AUDIO, typestore=STORE)
        if info is not None:
            about = writer.add_connection("/audio_info", INFO, typestore=STORE)
            writer.write(about, 10**18, STORE.serialize_cdr(KINDS[INFO](**info), INFO))
        for number, data in enumerate(messages):
            at = 10**18 + round(number * SECONDS * 1e9 / len(messages))
            one = KINDS[AUDIO](data=np.frombuffer(data, np.uint8))
            writer.write(topic, at, STORE.serialize_cdr(one, AUDIO))
    return path


def pitch(window: np.ndarray) -> float:
    """The strongest tone of a window at 16 kHz, Hz."""
    spectrum = np.abs(np.fft.rfft(window * np.hanning(len(window))))
    return float(spectrum.argmax() * 16_000 / len(window))


INFO_OF = {"channels": 2, "sample_rate": 44_100, "bitrate": 0, "coding_format": "wave"}


@pytest.mark.parametrize(
    ("messages", "options", "info"),
    [
        (pieces((tone() * 32767).astype("<i2")), {}, None),
        (pieces((tone() * 2**31).astype("<i4")), {}, None),
        (pieces(tone().astype("<f4")), {}, None),
        (mp3(), {}, None),
        (mp3(44_100), {}, None),
        ([b"".join(mp3())[i : i + 512] for i in range(0, 32_000, 512)], {}, None),
        (
            pieces((tone() * 32767).astype("<i2").astype("<i4") << 16),
            {"sound_format": "s32le"},
            None,
        ),
        (
            pieces(np.repeat((tone(44_100) * 32767).astype("<i2"), 2), 147),
            {"sound_rate": 44_100, "sound_channels": 2},
            None,
        ),
        (
            pieces(np.repeat((tone(44_100) * 32767).astype("<i2"), 2), 147),
            {},
            INFO_OF | {"sample_format": "S16LE"},
        ),
        (
            pieces(np.repeat((tone(44_100) * 2**31).astype("<i4"), 2), 147),
            {},
            INFO_OF | {"sample_format": "S32LE"},
        ),
        (mp3(), {}, INFO_OF | {"sample_format": "S16LE", "coding_format": "mp3"}),
    ],
    ids=[
        "s16",
        "s32",
        "f32",
        "mp3",
        "mp3 44.1",
        "mp3 in 512",
        "s32 of 16",
        "stereo given",
        "stereo announced",
        "s32 announced",
        "mp3 announced",
    ],
)
def test_a_tone_stays_a_tone(
    tmp_path: Path, messages: list[bytes], options: dict[str, Any], info: dict[str, Any] | None
) -> None:
    path = bag(tmp_path / "bag", messages, info)
    with Bag(str(path), "microphone", "/audio", speed=0, **options) as source:
        window = source.read()
    assert source.refused == 0
    assert pitch(window.data[8_000:]) == pytest.approx(440, abs=2)
    assert np.sqrt((window.data[8_000:] ** 2).mean()) == pytest.approx(0.25 / np.sqrt(2), rel=0.1)


@pytest.mark.parametrize(
    ("messages", "options", "info", "why"),
    [
        (
            pieces(np.repeat((tone(44_100) * 32767).astype("<i2"), 2), 147),
            {},
            None,
            "sound comes at .* give sound_rate and sound_channels",
        ),
        (
            pieces((tone() * 32767).astype("<i2").astype("<i4") << 16),
            {},
            None,
            "every other sample is 0",
        ),
        ([b"OggS" + bytes(100)] * 20, {}, None, "in a container .Ogg"),
        (pieces(np.zeros(64_000, "<i2")), {}, INFO_OF | {"sample_format": "S24LE"}, "'S24LE'"),
        ([b"odd"] * 5, {"sound_format": "s16le"}, None, "sound of 3 bytes"),
    ],
    ids=["stereo", "16 in 32", "ogg", "s24", "odd"],
)
def test_what_would_be_noise_is_refused(
    tmp_path: Path, messages: list[bytes], options: dict[str, Any], info: Any, why: str
) -> None:
    path = bag(tmp_path / "bag", messages, info)
    source = Bag(str(path), "microphone", "/audio", speed=0, **options)
    with pytest.raises(SourceError, match=why):
        source.__enter__()


def test_formats_as_they_look() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(-(2**15), 2**15, 8_000).astype("<i2").tobytes()
    assert recognized_format(noise, 1) == "s16le"  # both halves are noise: nothing says 32 bits
    assert recognized_format(bytes(8_000), 1) == "s16le"
    assert recognized_format(b"", 1) == "s16le"
    left_silent = np.zeros((4_000, 2), "<i2")
    left_silent[:, 1] = tone()[:4_000] * 32767
    assert recognized_format(left_silent.tobytes(), 2) == "s16le"
    with pytest.raises(ConfigurationError, match=r"sound_format 'mp4'; there are auto, s16le"):
        Bag("x", "microphone", sound_format="mp4")
    assert announced("MP3", "") == "mp3"


def test_right_only_is_heard(tmp_path: Path) -> None:
    both = np.zeros((16_000 * SECONDS, 2), "<i2")
    both[:, 1] = tone() * 32767
    path = bag(tmp_path / "bag", pieces(both.reshape(-1), 32))
    with Bag(str(path), "m", sound_channels=2, sound_rate=16_000, speed=0) as source:
        window = source.read().data
    assert np.sqrt((window**2).mean()) == pytest.approx(0.25 / np.sqrt(2), rel=0.05)


@settings(max_examples=150, deadline=None)
@given(
    format=st.sampled_from(["s16le", "s32le", "f32le", "mp3"]),
    channels=st.integers(1, 3),
    messages=st.lists(st.binary(max_size=300), max_size=4),
    tail=st.booleans(),
)
def test_any_bytes_are_sound_or_refused(
    format: Any, channels: int, messages: list[bytes], tail: bool
) -> None:
    decoder = SoundDecoder(SoundInfo(format, 16_000, channels))
    for data in [*messages, b"\xff\xf3\x84\xc4" + bytes(600) if tail else b""]:
        try:
            recognized_format(data * 40, channels)
            samples, rate = decoder.add(data)
        except InputError:
            continue
        assert samples.dtype == np.float32 and samples.ndim == 2 and rate > 0
        assert np.isfinite(samples).all()
