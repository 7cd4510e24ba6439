"""Sound: resampling, clips and Kaldi's log mel filterbank, all on whole batches of frames."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sensebind.errors import InputError
from sensebind.perception.downmix import downmix
from sensebind.perception.imagebind.preprocess.clips import clip_times

FRAME_SECONDS = 0.025
SHIFT_SECONDS = 0.010
PREEMPHASIS = 0.97
LOWEST_HZ = 20.0
LOG_FLOOR = 1.1920928955078125e-07  # the smallest step of float32 at 1
MAX_CHANNELS = 64
_ZERO_CROSSINGS = 6  # of the resampling filter, on each side
_ROLLOFF = 0.99


def waveform(samples: np.ndarray, rate: int) -> Tensor:
    """Checks samples and copies them to float32 [channels,samples] in -1..1.

    Args:
        samples: [samples] or [channels,samples]; floats in -1..1 or int16.
        rate: Sample rate, Hz.

    Raises:
        InputError: Another type or shape, not finite, or shorter than one frame of 25 ms.
    """
    array = np.asarray(samples)
    if array.dtype == np.int16:
        array = array / np.float32(32768)
    if array.dtype.kind != "f":
        raise InputError(f"audio samples are floats in -1..1 or int16, not {array.dtype}")
    array = np.atleast_2d(np.array(array, dtype=np.float32))
    if array.ndim != 2 or not 1 <= array.shape[0] <= MAX_CHANNELS:
        raise InputError(f"audio is [samples] or [channels,samples], not {list(array.shape)}")
    if not 1000 <= rate <= 768_000:
        raise InputError(f"a sample rate of {rate} Hz is outside 1000..768000 Hz")
    if array.shape[1] < rate * FRAME_SECONDS:
        seconds = array.shape[1] / rate
        raise InputError(f"{seconds * 1000:.0f} ms of audio are less than one frame of 25 ms")
    if not np.isfinite(array).all():
        raise InputError("audio samples contain NaN or infinity")
    return torch.from_numpy(array)


def mono(samples: np.ndarray, rate: int) -> Tensor:
    """Checks samples and brings them to one channel, float32 [1,samples]; see `downmix`.

    Args:
        samples: As `waveform` takes them.
        rate: Sample rate, Hz.

    Raises:
        InputError: As `waveform`.
    """
    return torch.from_numpy(downmix(waveform(samples, rate).numpy()))[None]


def level(samples: np.ndarray) -> float:
    """Loudness of samples in -1..1: root mean square in dB of full scale; -inf for silence."""
    power = float(np.mean(np.square(np.asarray(samples, dtype=np.float64)))) if len(samples) else 0
    return 10 * math.log10(power) if power > 0 else -math.inf


@lru_cache(maxsize=8)
def _resampling_filter(source: int, target: int) -> tuple[Tensor, int]:
    """One windowed sinc per output phase [target,1,taps], and the padding; rates are coprime."""
    cutoff = min(source, target) * _ROLLOFF
    width = math.ceil(_ZERO_CROSSINGS * source / cutoff)
    taps = torch.arange(-width, width + source, dtype=torch.float64) / source
    phases = (torch.arange(target) / target).view(-1, 1, 1)  # single precision, as torchaudio
    t = ((taps - phases) * cutoff).clamp(-_ZERO_CROSSINGS, _ZERO_CROSSINGS)
    window = torch.cos(t * math.pi / _ZERO_CROSSINGS / 2).square()
    return (torch.sinc(t) * window * (cutoff / source)).float(), width


def resample(wave: Tensor, source: int, target: int) -> Tensor:
    """Band-limited resampling with a Hann-windowed sinc.

    Args:
        wave: [channels,samples].
        source: Rate of `wave`, Hz.
        target: Rate wanted, Hz.

    Returns:
        [channels,ceil(samples*target/source)].

    Raises:
        InputError: Rates with so small a common divisor that the filter would not fit in memory.
    """
    if source == target:
        return wave
    common = math.gcd(source, target)
    step, phases = source // common, target // common
    if step * phases > 4_000_000:
        raise InputError(f"cannot resample {source} Hz to {target} Hz; use a customary sample rate")
    kernel, width = _resampling_filter(step, phases)
    padded = F.pad(wave, (width, width + step)).unsqueeze(1)  # [C,1,n]
    out = F.conv1d(padded, kernel, stride=step)  # [C,phases,m]
    length = math.ceil(wave.shape[1] * phases / step)
    return out.transpose(1, 2).flatten(1)[:, :length]


@lru_cache(maxsize=8)
def _mel_filters(bins: int, fft: int, rate: int) -> Tensor:
    """Triangles [fft/2+1,bins], evenly spaced on the mel scale from 20 Hz to half the rate."""
    low, high = (1127.0 * math.log1p(hertz / 700) for hertz in (LOWEST_HZ, rate / 2))
    step = (high - low) / (bins + 1)
    left, centre, right = (low + (torch.arange(bins) + i) * step for i in range(3))  # [bins]
    hertz = torch.arange(fft // 2).unsqueeze(1) * (rate / fft)  # [fft/2,1]
    at = 1127.0 * (1 + hertz / 700).log()
    rising, falling = (at - left) / (centre - left), (right - at) / (right - centre)
    triangles = torch.minimum(rising, falling).clamp(min=0)
    return F.pad(triangles, (0, 0, 0, 1))  # the Nyquist bin counts nothing


def fbank(wave: Tensor, rate: int, bins: int) -> Tensor:
    """Log energies of a Kaldi mel filterbank.

    Args:
        wave: [...,samples], at least one frame of 25 ms.
        rate: Hz.
        bins: Number of mel bands.

    Returns:
        [...,frames,bins]; frames of 25 ms every 10 ms, those that fit entirely.
    """
    size, shift = int(rate * FRAME_SECONDS), int(rate * SHIFT_SECONDS)
    fft = 1 << (size - 1).bit_length()
    frames = wave.unfold(-1, size, shift)  # [...,frames,size]
    frames = frames - frames.mean(-1, keepdim=True)
    before = torch.cat([frames[..., :1], frames[..., :-1]], dim=-1)
    frames = frames - PREEMPHASIS * before
    frames = frames * torch.hann_window(size, periodic=False)
    power = torch.fft.rfft(frames, n=fft).abs().square()  # [...,frames,fft/2+1]
    return (power @ _mel_filters(bins, fft, rate)).clamp(min=LOG_FLOOR).log()


def mel_clips(
    wave: Tensor,
    *,
    rate: int,
    clips: int,
    seconds: float,
    bins: int,
    frames: int,
    mean: float,
    std: float,
) -> Tensor:
    """Clips of a recording as the audio trunk takes them.

    The mean of each clip is taken off in place, as the published code does: where clips overlap, a
    later one sees samples that an earlier one has shifted. Only the first channel is analysed.

    Args:
        wave: [channels,samples] at `rate`.
        rate: Hz.
        clips: Number of clips S.
        seconds: Length of a clip.
        bins: Mel bands.
        frames: Frames of a clip; shorter ones are filled with zeros, longer ones cut.
        mean: Subtracted from the log energies.
        std: Divided by.

    Returns:
        float32 [S,1,bins,frames].
    """
    wave = wave.clone()
    mels = []
    for start, end in clip_times(wave.shape[1] / rate, seconds, clips):
        clip = wave[:, int(start * rate) : int(end * rate)]
        clip -= clip.mean()
        mel = fbank(clip[0], rate, bins)[:frames]  # [t,bins]
        mels.append(F.pad(mel, (0, 0, 0, frames - len(mel))))
    return ((torch.stack(mels).transpose(1, 2) - mean) / std).unsqueeze(1)
