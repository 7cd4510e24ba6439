"""The process that holds the microphone: sound from PortAudio to its standard output.

PortAudio does not report that a device is unplugged, and cannot look for new ones without ending
all streams of its process. So it has a process of its own, without anything else in it, that can be
killed and started again within a fraction of a second: `microphone.Microphone` does.

On standard output: one line of JSON (what was opened, or an error), then blocks of a header and
float32 samples of one channel. A block is sent every quarter of a second even if the device gives
nothing, so that this process learns that its reader is gone.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import struct
import sys
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:  # whoever starts this process reads the format of blocks here
    import numpy as np

BLOCK = struct.Struct("<4sIQ")
"""Magic, number of samples that follow, samples lost since the block before."""
MAGIC = b"SBmc"
MAX_SAMPLES = 1 << 20
_BEAT = 0.25  # seconds
_WAITING = 64  # blocks that wait for a slow reader before new ones are lost, and counted
_BLOCK_SECONDS = 0.05
_ARRAY = 8  # channels that a device may have, all of which are listened to
_PAIR = 2  # channels of those that offer more: sound servers offer any number


def main(arguments: list[str]) -> int:
    """Run `python -m sensebind.perception.sources.capture DEVICE RATE`, or with `--list`.

    RATE 0 takes 16 kHz if the device offers it, else its own.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the reader, who then ends us
    out = sys.stdout.buffer
    try:
        import sounddevice
    except (ImportError, OSError) as error:
        _say(out, {"error": str(error), "missing": True})
        return 2
    if arguments == ["--list"]:
        _say(out, {"devices": _devices(sounddevice)})
        return 0
    try:
        return _capture(sounddevice, arguments[0], int(arguments[1]), out)
    except (sounddevice.PortAudioError, ValueError) as error:
        _say(out, {"error": str(error), "devices": _devices(sounddevice)})
        return 1


def _capture(sounddevice: Any, device: str, rate: int, out: BinaryIO) -> int:
    from sensebind.perception.downmix import Downmixer

    chosen: Any = int(device) if device.isdecimal() else None if device == "default" else device
    about = sounddevice.query_devices(chosen, "input")
    offered = about["max_input_channels"]
    channels = offered if offered <= _ARRAY else _PAIR
    if not rate:
        rate = 16_000
        try:
            sounddevice.check_input_settings(chosen, channels, "float32", samplerate=rate)
        except sounddevice.PortAudioError:
            rate = round(about["default_samplerate"])
    blocks: queue.Queue[np.ndarray] = queue.Queue(_WAITING)
    mixer = Downmixer(rate)
    lost = 0

    def hear(samples: np.ndarray, frames: int, _time: Any, status: Any) -> None:
        nonlocal lost
        lost += frames * bool(status.input_overflow)  # at least so many; PortAudio does not count
        try:
            blocks.put_nowait(mixer.add(samples))
        except queue.Full:
            lost += frames

    with sounddevice.InputStream(
        samplerate=rate,
        blocksize=round(rate * _BLOCK_SECONDS),
        device=chosen,
        channels=channels,
        dtype="float32",
        callback=hear,
    ) as stream:
        _say(out, {"rate": rate, "name": about["name"], "latency": stream.latency})
        while stream.active:
            try:
                block = blocks.get(timeout=_BEAT).tobytes()
            except queue.Empty:
                block = b""
            gone, lost = lost, 0
            try:
                out.write(BLOCK.pack(MAGIC, len(block) // 4, gone) + block)
                out.flush()
            except BrokenPipeError:  # nobody listens any more
                os._exit(0)  # in order it might not end: closing a stream that stands still hangs
    return 1


def _devices(sounddevice: Any) -> list[dict[str, Any]]:
    return [
        {"index": number, "name": device["name"], "rate": device["default_samplerate"]}
        for number, device in enumerate(sounddevice.query_devices())
        if device["max_input_channels"] > 0
    ]


def _say(out: BinaryIO, fields: dict[str, Any]) -> None:
    out.write(json.dumps(fields).encode() + b"\n")
    out.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
