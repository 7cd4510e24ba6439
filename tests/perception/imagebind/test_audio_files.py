"""Sound files as recorders, phones and browsers write them: heard, on whichever channel it is."""

from __future__ import annotations

import io
import logging
import struct
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
import soundfile
from av.audio.stream import AudioStream

from sensebind.errors import InputError
from sensebind.perception.imagebind import ImageBindProcessor
from sensebind.perception.imagebind.preprocess.audio_files import read_audio
from sensebind.perception.sources.audio_file import AudioFile

RATE = 16_000
TONE = (0.5 * np.sin(2 * np.pi * 440 * np.arange(4 * RATE) / RATE)).astype(np.float32)
NONE = np.zeros_like(TONE)
LAYOUTS = {
    "left": [TONE, NONE],
    "right": [NONE, TONE],
    "inverted on one side": [TONE, -TONE],
    "centre of 5.1": [NONE, NONE, TONE, NONE, NONE, NONE],
    "one of eight": [NONE] * 5 + [TONE] + [NONE] * 2,
    "all but the first": [NONE, TONE, TONE, TONE],
}


def assert_heard(path: Path, tolerance: float = 2e-4) -> None:
    """By everything that reads files: `read_audio`, the processor, the source."""
    samples, rate = read_audio(path)
    assert samples.shape == (1, len(TONE)) and rate == RATE
    np.testing.assert_allclose(samples[0], TONE, atol=tolerance)
    processor = ImageBindProcessor()
    mel, expected = processor.audio(path), processor.audio(TONE, RATE)
    assert (mel - expected).abs().mean() < 0.02 if tolerance < 0.01 else True
    with AudioFile(str(path), "microphone", speed=0) as source:
        np.testing.assert_allclose(source.read().data, TONE[: 2 * RATE], atol=tolerance)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_sound_is_heard_on_whichever_channel_it_is(tmp_path: Path, layout: str) -> None:
    samples = np.stack(LAYOUTS[layout], 1)
    soundfile.write(tmp_path / "s.wav", samples, RATE, "FLOAT")
    assert_heard(tmp_path / "s.wav")
    heard = ImageBindProcessor().audio(samples.T, RATE)  # an array, as from a program
    assert heard.allclose(ImageBindProcessor().audio(TONE, RATE), atol=1e-3)


def wav(data_size: int, riff_size: int) -> bytes:
    """A WAV of 16 bits with the sizes in its header that are given, by the RIFF specification."""
    pcm = np.rint(TONE * 32_767).astype("<i2").tobytes()
    form = struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16)
    head = b"RIFF" + struct.pack("<I", riff_size) + b"WAVEfmt " + struct.pack("<I", 16) + form
    return head + b"data" + struct.pack("<I", data_size) + pcm


@pytest.mark.parametrize(
    ("data_size", "riff_size"),
    [(0, 0), (0, 36), (0xFFFFFFFF, 0xFFFFFFFF), (0x7FFFFFFF, 0x7FFFFFFF), (0x7FFFFFFF, 36)],
)
def test_a_streamed_wav_is_read_to_the_end(tmp_path: Path, data_size: int, riff_size: int) -> None:
    (tmp_path / "s.wav").write_bytes(wav(data_size, riff_size))
    assert_heard(tmp_path / "s.wav")


def test_samples_without_a_header_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.raw").write_bytes(bytes(16_000))
    with pytest.raises(InputError, match=r"a\.raw has no header .*: save it as WAV"):
        read_audio(tmp_path / "a.raw")


def test_an_empty_wav_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "s.wav", NONE[:0], RATE)
    with pytest.raises(InputError, match=r"s\.wav"):
        read_audio(tmp_path / "s.wav")


def test_a_streamed_flac_is_read_to_the_end(tmp_path: Path) -> None:
    out = io.BytesIO()
    soundfile.write(out, TONE, RATE, format="FLAC")
    data = bytearray(out.getvalue())
    at = 8 + 10  # of the 64 bits in STREAMINFO that end with the number of samples; 0 is unknown
    known = int.from_bytes(data[at : at + 8], "big")
    data[at : at + 8] = (known & ~(2**36 - 1)).to_bytes(8, "big")
    (tmp_path / "s.flac").write_bytes(data)
    assert_heard(tmp_path / "s.flac")


def encoded(kind: str, subtype: str, hertz: int, rate: int = RATE) -> bytes:
    """Two seconds of a tone."""
    out = io.BytesIO()
    tone = 0.5 * np.sin(2 * np.pi * hertz * np.arange(2 * rate) / rate)
    soundfile.write(out, tone, rate, format=kind, subtype=subtype)
    return out.getvalue()


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")],
)
def test_sounds_in_a_row_are_read_to_the_end(tmp_path: Path, kind: str, subtype: str) -> None:
    """Chained Ogg (RFC 3533, section 4), as radio is recorded, and MP3s that were joined."""
    rate = 48_000 if subtype == "OPUS" else RATE
    parts = [encoded(kind, subtype, hertz, rate) for hertz in (440, 1000)]
    (tmp_path / "s").write_bytes(b"".join(parts))
    samples, found = read_audio(tmp_path / "s")
    assert found == rate and samples.shape[1] == pytest.approx(4 * rate, rel=0.05)
    for at, hertz in ((0.5, 440), (2.5, 1000)):
        second = samples[0, round(at * rate) : round((at + 1) * rate)]
        assert np.abs(np.fft.rfft(second)).argmax() == hertz
    (tmp_path / "s").write_bytes(parts[0])  # alone, it has the samples of the published loader
    alone, _ = read_audio(tmp_path / "s")
    expected, _ = soundfile.read(tmp_path / "s", dtype="float32")
    np.testing.assert_allclose(alone[0], expected, atol=1e-6)


def test_sounds_in_a_row_of_two_rates_are_refused_or_right(tmp_path: Path) -> None:
    parts = [encoded("OGG", "VORBIS", 440, rate) for rate in (RATE, 48_000)]
    (tmp_path / "s.ogg").write_bytes(b"".join(parts))
    try:
        samples, rate = read_audio(tmp_path / "s.ogg")
    except InputError as error:
        assert "s.ogg" in str(error)
    else:
        assert samples.shape[1] / rate == pytest.approx(4, rel=0.05)
        last = samples[0, -rate * 3 // 2 : -rate // 2]
        assert np.abs(np.fft.rfft(last)).argmax() == 440


@pytest.mark.parametrize(("kind", "codec"), [("mp4", "aac"), ("webm", "libopus"), ("adts", "aac")])
def test_what_phones_and_browsers_record_is_heard(tmp_path: Path, kind: str, codec: str) -> None:
    path = tmp_path / "s.wav"  # a wrong name changes nothing
    rate = 48_000 if codec == "libopus" else RATE
    with av.open(str(path), "w", format=kind) as container:
        stream = cast(AudioStream, container.add_stream(codec, rate=rate, layout="stereo"))
        tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(4 * rate) / rate)
        samples = np.stack([0 * tone, tone]).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        frame.rate = rate
        resampler = av.AudioResampler(format=stream.format, layout="stereo", rate=rate)
        for piece in resampler.resample(frame):
            container.mux(stream.encode(piece))
        container.mux(stream.encode())
    samples, found = read_audio(path)
    assert found == rate and samples.shape[1] == pytest.approx(4 * rate, rel=0.05)
    middle = samples[0, rate : 2 * rate]
    spectrum = np.abs(np.fft.rfft(middle))
    assert spectrum.argmax() == 440
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.354, rel=0.1)


@pytest.mark.parametrize("scale", [2**15, 2**23, 2**31, 40])
def test_floats_at_another_scale_are_brought_to_ours(
    tmp_path: Path, scale: int, caplog: pytest.LogCaptureFixture
) -> None:
    soundfile.write(tmp_path / "s.wav", TONE * scale, RATE, subtype="FLOAT")
    expected = TONE / 0.5 if scale == 40 else TONE
    with caplog.at_level(logging.WARNING):
        np.testing.assert_allclose(read_audio(tmp_path / "s.wav")[0][0], expected, atol=1e-4)
    assert len(caplog.records) == 1 and "s.wav" in caplog.text


def test_floats_a_little_above_full_scale_are_left(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "s.wav", TONE * 3, RATE, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(tmp_path / "s.wav")[0][0], TONE * 3, atol=1e-6)
    soundfile.write(tmp_path / "s.wav", TONE * 1e12, RATE, subtype="FLOAT")
    with pytest.raises(InputError, match=r"s\.wav has peaks of 5e\+11: bring"):
        read_audio(tmp_path / "s.wav")


def test_a_playlist_fetches_nothing(tmp_path: Path) -> None:
    (tmp_path / "s.m3u8").write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nhttp://127.0.0.1:9/s.ts\n#EXT-X-ENDLIST\n"
    )
    with pytest.raises(InputError, match=r"s\.m3u8") as caught:
        read_audio(tmp_path / "s.m3u8")
    assert "\n" not in str(caught.value)
