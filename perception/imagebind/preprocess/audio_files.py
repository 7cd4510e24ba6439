"""Sound files: what libsndfile reads, and by FFmpeg what it does not.

libsndfile comes first, as its samples are those of the published loader. It refuses what phones
and browsers record (.m4a, .webm), cannot read a FLAC that was written to a pipe, takes a WAV for
empty whose recorder was killed before it wrote the size, and ends with the first of several sounds
in a row (Ogg, MP3); FFmpeg reads all of these.
"""

from __future__ import annotations

import logging
from pathlib import Path

import av
import numpy as np
import soundfile
from av.error import FFmpegError

from sensebind.errors import InputError, one_line
from sensebind.perception.downmix import downmix
from sensebind.perception.imagebind.preprocess.ffmpeg import LOCAL_ONLY, packets
from sensebind.perception.imagebind.preprocess.files import checked

log = logging.getLogger(__name__)

MAX_SAMPLES = 200_000_000  # of all channels: 800 MB in memory, 3.5 hours of one channel at 16 kHz
_UNKNOWN = 1 << 62  # from here on libsndfile's number of samples means that it does not know
_FLOATS = ("FLOAT", "DOUBLE")  # libsndfile's names
_OGG_HEADER = 27  # bytes of a page before its table of lengths (RFC 3533, 6)
_LOUD = 4.0  # +12 dB: what float files of music may hold above full scale
_INTEGERS_FROM = 256.0  # +48 dB: what no float file of sound in -1..1 holds
_INTEGER_SCALES = (2.0**15, 2.0**23, 2.0**31)


def read_audio(path: str | Path) -> tuple[np.ndarray, int]:
    """Decodes a sound file, or the sound of a video, as one channel.

    Several channels become one as `perception.downmix` says. A WAV whose header says 0 bytes was
    streamed, and is read to the end of the file. A file of floats at the scale of integers (peaks
    above 256) is brought to -1..1, and so is one that is more than 12 dB too loud; either is
    logged.

    Returns:
        float32 [1,samples] in -1..1, and the sample rate in Hz.

    Raises:
        InputError: Missing, empty, huge, damaged, or not a sound file.
    """
    file = checked(path, "audio")
    reason: Exception | None = None
    found = None
    try:
        found = _by_libsndfile(file)
    except (soundfile.LibsndfileError, RuntimeError, ValueError) as error:
        reason = error
    except TypeError as error:  # of a .raw
        raise InputError(
            f"audio {file} has no header that says its rate and format: save it as WAV"
        ) from error
    if found is None:
        try:
            found = _by_ffmpeg(file)
        except (FFmpegError, ValueError, OSError) as error:
            why = one_line(reason or error)
            raise InputError(f"audio {file} cannot be decoded: {why}") from error
    samples, rate, floats = found
    one = np.ascontiguousarray(downmix(samples)[None])
    return (_at_full_scale(one, file) if floats else one), rate


def _by_libsndfile(file: Path) -> tuple[np.ndarray, int, bool] | None:
    """As `_by_ffmpeg`; None where it would not read all that is there.

    Raises:
        LibsndfileError: libsndfile cannot read it.
        InputError: It is too long.
    """
    with soundfile.SoundFile(file) as sound:
        if not 0 < sound.frames < _UNKNOWN:
            return None
        if sound.frames * sound.channels > MAX_SAMPLES:
            raise _too_long(file, sound.frames / sound.samplerate)
        goes_on = _GOES_ON.get(sound.format)
        if goes_on is not None and goes_on(file.read_bytes()):
            return None
        samples = sound.read(dtype="float32", always_2d=True)
        return samples.T, sound.samplerate, sound.subtype in _FLOATS


def _ogg_goes_on(data: bytes) -> bool:
    """Whether streams follow one another in an Ogg file, which RFC 3533 calls chaining.

    Radio that is recorded is such a file, and so are files that are joined. A page has a flag where
    a stream begins; streams at once (sound and pictures) all begin before any goes on.
    """
    at, begun = 0, False
    while data[at : at + 4] == b"OggS" and at + _OGG_HEADER <= len(data):
        begins = bool(data[at + 5] & 2)
        if begins and begun:
            return True
        begun |= not begins
        lacing = data[at + _OGG_HEADER : at + _OGG_HEADER + data[at + 26]]
        at += _OGG_HEADER + len(lacing) + sum(lacing)
    return False


def _mp3_goes_on(data: bytes) -> bool:
    """Whether an MP3 has frames, or another tag, behind the bytes that its first frame announces.

    So it is where files are joined: the first frame (Xing, Info) counts those of the first file.
    """
    start = 0
    if data[:3] == b"ID3":  # its length in four groups of seven bits
        start = 10 + sum(
            byte << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True)
        )
    mark = next(
        (i for word in (b"Xing", b"Info") if (i := data.find(word, start, start + 512)) > 0), 0
    )
    frame = data.find(b"\xff", start, mark)
    if not mark or frame < 0:
        return False
    flags = int.from_bytes(data[mark + 4 : mark + 8], "big")
    if not flags & 2:
        return False
    bytes_at = mark + 8 + 4 * (flags & 1)
    end = frame + int.from_bytes(data[bytes_at : bytes_at + 4], "big")
    after = data[end : end + 3]
    return len(after) == 3 and (after == b"ID3" or (after[0] == 0xFF and after[1] & 0xE0 == 0xE0))


_GOES_ON = {"OGG": _ogg_goes_on, "MP3": _mp3_goes_on}  # by libsndfile's name of the format


def _by_ffmpeg(file: Path) -> tuple[np.ndarray, int, bool]:
    """Samples [channels,samples], their rate, and whether the file holds floats.

    Raises:
        FFmpegError: FFmpeg cannot read it.
        InputError: It has no sound, or too much.
    """
    pieces: list[np.ndarray] = []
    size = 0
    with av.open(str(file), options=LOCAL_ONLY) as container:
        if not container.streams.audio:
            raise InputError(f"audio {file} has no sound in it")
        stream = container.streams.audio[0]
        if not stream.codec_context:
            raise InputError(f"audio {file} is encoded in a way that FFmpeg does not know")
        rate = stream.rate
        resampler = av.AudioResampler(format="fltp", layout=stream.layout, rate=rate)
        for frame in (frame for packet in packets(container, stream) for frame in packet.decode()):
            assert isinstance(frame, av.AudioFrame)
            for piece in resampler.resample(frame):
                pieces.append(piece.to_ndarray())
                size += pieces[-1].size
            if size > MAX_SAMPLES:
                raise _too_long(file, size / stream.channels / rate)
        pieces += [piece.to_ndarray() for piece in resampler.resample(None)]
    if not pieces:
        raise InputError(f"audio {file} holds no samples")
    return np.concatenate(pieces, axis=1), rate, stream.codec.name.startswith("pcm_f")


def _too_long(file: Path, seconds: float) -> InputError:
    return InputError(f"audio {file} of {seconds / 60:.0f} minutes is too long; cut it")


def _at_full_scale(samples: np.ndarray, file: Path) -> np.ndarray:
    """Floats whose full scale is not 1, brought to -1..1."""
    peak = float(np.abs(samples).max(initial=0))
    if peak <= _LOUD or not np.isfinite(peak):  # what is not finite is refused by `waveform`
        return samples
    if peak <= _INTEGERS_FROM:
        log.warning("audio %s has peaks of %.3g: it is made quieter, to peaks of 1", file, peak)
        return samples / np.float32(peak)
    scale = next((one for one in _INTEGER_SCALES if peak <= one), None)
    if scale is None:
        raise InputError(f"audio {file} has peaks of {peak:.3g}: bring its samples to -1..1")
    message = "audio %s holds floats at the scale of integers (peaks of %.3g): divided by %.0f"
    log.warning(message, file, peak, scale)
    return samples / np.float32(scale)
