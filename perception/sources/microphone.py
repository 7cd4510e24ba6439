"""Microphones by PortAudio, held by a process of their own that is started again when it fails."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from sensebind.errors import ConfigurationError, MissingDependencyError, SourceError
from sensebind.perception.modality import Modality
from sensebind.perception.sources.audio_windows import (
    HOP_SECONDS,
    RATE,
    WINDOW_SECONDS,
    Windows,
    on_grid,
)
from sensebind.perception.sources.base import Device
from sensebind.perception.sources.capture import BLOCK, MAGIC, MAX_SAMPLES
from sensebind.perception.sources.device_clock import DeviceClock
from sensebind.perception.sources.live_source import LiveSource

if TYPE_CHECKING:
    import numpy as np

    from sensebind.perception.sources.shared_sound import SoundPublisher

_CAPTURE = [sys.executable, "-m", "sensebind.perception.sources.capture"]
_HELLO_SECONDS = 10.0
_PATIENCE = 0.1  # seconds between looks at whether the source is to be closed
_PAUSE = 0.5  # seconds before a device that failed is tried again
_CAPACITY = 4
_PIPE_BYTES = 1 << 16


class Microphone(LiveSource):
    """A microphone: overlapping windows of 2 s at 16 kHz, captured when they end.

    Any rate is resampled; all channels of a device with up to 8, otherwise its first two, become
    one as `perception.downmix` says. Sound is never spliced over a gap: after lost samples the
    next window starts afresh.

    Args:
        target: "default", the number of a device, or a part of its name.
        stream: Name of the stream.
        hop: Seconds from one window to the next.
        rate: Asked of the device, Hz; 0 takes 16 kHz where it is offered, else the device's own.
        timeout: A device silent for so many seconds is closed and opened again.
        frame_id: Coordinate frame of the microphone.
        share: Endpoint at which the sound is handed on as it comes, see `shared_sound.py`; "" does
            not.

    Raises:
        ConfigurationError: The hop is not more than 0 and at most a window.
    """

    modality = Modality.AUDIO

    def __init__(
        self,
        target: str,
        stream: str,
        hop: float = HOP_SECONDS,
        rate: int = 0,
        timeout: float = 1.0,
        frame_id: str = "microphone",
        share: str = "",
    ) -> None:
        if not 1 / RATE <= hop <= WINDOW_SECONDS:
            raise ConfigurationError(f"{stream}: a hop of {hop} s; at most {WINDOW_SECONDS:g} s")
        self._target = target or "default"
        super().__init__(stream, f"microphone {self._target!r}", _CAPACITY)
        self._wanted_rate = rate
        self._timeout = timeout
        self._hop = round(hop * RATE)
        self._clock = DeviceClock()
        self._child: subprocess.Popen[bytes] | None = None
        self._selector: selectors.BaseSelector | None = None
        self._received = b""
        self._restarts = 0
        self._share = share
        self._publisher: SoundPublisher | None = None
        self.frame_id = frame_id

    @classmethod
    def find(cls) -> list[Device]:
        """List the inputs that PortAudio knows; the first is the default.

        Raises:
            MissingDependencyError: sounddevice or PortAudio is not installed.
            SourceError: PortAudio gives no answer.
        """
        try:
            done = subprocess.run(
                [*_CAPTURE, "--list"], capture_output=True, timeout=_HELLO_SECONDS, check=False
            )
            answer = json.loads(done.stdout)
        except (subprocess.TimeoutExpired, ValueError) as error:
            raise SourceError("PortAudio does not answer: is the sound server running?") from error
        if answer.get("missing"):
            raise _missing(answer["error"])
        return [
            Device(f"microphone:{found['name']}", found["name"], f"{found['rate']:g} Hz")
            for found in answer["devices"]
        ]

    @property
    def restarts(self) -> int:
        """How many times the capturing process was started again."""
        return self._restarts

    @property
    def clock(self) -> DeviceClock:
        """Counts how often the device's count of samples and our clock fell apart."""
        return self._clock

    def _open(self) -> None:
        from sensebind.perception.sources.shared_sound import SoundPublisher

        if self._share and self._publisher is None:
            self._publisher = SoundPublisher(self._share)
        self._child = subprocess.Popen(
            [*_CAPTURE, self._target, str(self._wanted_rate)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # ALSA and JACK chat there about what they did not find
        )
        assert self._child.stdout is not None
        os.set_blocking(self._child.stdout.fileno(), False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._child.stdout, selectors.EVENT_READ)
        hello = self._hello()
        self._rate = int(hello["rate"])
        self._samples = 0  # that the device gave since it was opened
        self._clock.restart()
        self._windows = Windows(round(WINDOW_SECONDS * RATE), self._hop)
        self._begin_stretch()
        self._heard = time.monotonic()

    def _receive(self) -> None:
        try:
            self._read()
        except SourceError as error:
            self._mailbox.fail(error)  # until sound comes again
            self._close()
            if not self._stopping.wait(_PAUSE):
                self._restarts += 1
                self._reopen()

    def _reopen(self) -> None:
        try:
            self._open()
        except SourceError as error:
            self._mailbox.fail(error)
            self._close()

    def _close(self) -> None:
        if self._selector is not None:
            self._selector.close()
            self._selector = None
        if self._child is not None:
            self._child.kill()  # it has nothing to put in order, and closing a stream may hang
            self._child.wait()
            if self._child.stdout is not None:
                self._child.stdout.close()
            self._child = None
        self._received = b""
        if self._publisher is not None and self._stopping.is_set():
            self._publisher.close()
            self._publisher = None

    def _hello(self) -> dict[str, Any]:
        """Wait until the process has opened the device.

        Raises:
            SourceError: It cannot be opened.
            MissingDependencyError: sounddevice or PortAudio is not installed.
        """
        deadline = time.monotonic() + _HELLO_SECONDS
        while b"\n" not in self._received:
            if time.monotonic() > deadline or self._stopping.is_set():
                raise SourceError(f"the {self._device} does not open: is the sound server running?")
            if not self._fill():
                raise SourceError(f"the process for the {self._device} ended at once")
        line, _, self._received = self._received.partition(b"\n")
        answer = json.loads(line)
        if answer.get("missing"):
            raise _missing(answer["error"])
        if "error" in answer:
            names = ", ".join(repr(found["name"]) for found in answer["devices"]) or "none"
            raise SourceError(
                f"cannot open the {self._device}: {answer['error']}; inputs here: {names}"
            )
        return answer

    def _fill(self) -> bool:
        """Read what the process sent within a moment; False when it has ended."""
        assert self._selector is not None and self._child is not None
        if not self._selector.select(_PATIENCE):
            return True
        assert self._child.stdout is not None
        data = os.read(self._child.stdout.fileno(), _PIPE_BYTES)
        self._received += data
        return bool(data)

    def _read(self) -> None:
        """Take the blocks that came.

        Raises:
            SourceError: The process ended, is silent, or what it sends makes no sense.
        """
        import numpy as np

        running = self._child is not None and self._fill()
        while len(self._received) >= BLOCK.size:
            magic, count, lost = BLOCK.unpack_from(self._received)
            if magic != MAGIC or count > MAX_SAMPLES:
                raise SourceError(f"the process for the {self._device} sent nonsense")
            end = BLOCK.size + 4 * count
            if len(self._received) < end:
                break
            block = np.frombuffer(self._received, np.float32, count, BLOCK.size)
            self._received = self._received[end:]
            if lost:
                self._samples += lost
                self._lost += -(-lost * RATE // (self._rate * self._hop))
                self._begin_stretch()
            if count:
                self._hear(block)
        if not running:  # reported last: what it sent before it ended counts
            raise SourceError(f"the {self._device} is gone: its process ended")
        if time.monotonic() - self._heard > self._timeout:
            raise SourceError(f"the {self._device} gives no sound: unplugged, or suspended")

    def _begin_stretch(self) -> None:
        """Forget the sound so far, as what comes does not continue it."""
        import av

        self._windows.clear()
        self._resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)

    def _hear(self, block: np.ndarray) -> None:
        import numpy as np

        self._heard = time.monotonic()
        self._samples += len(block)
        captured_at, monotonic = self._clock.stamp(self._samples / self._rate)
        if not np.isfinite(block).all():
            self._refused += 1
            self._begin_stretch()
            return
        sound = on_grid(self._resampled(block))
        if self._publisher is not None and len(sound):
            self._publisher.publish(sound, monotonic)
        for after, window in self._windows.add(sound):
            seconds = after / RATE
            self._deliver(window, (captured_at - round(seconds * 1e9), monotonic - seconds), RATE)

    def _resampled(self, block: np.ndarray) -> np.ndarray:
        if self._rate == RATE:
            return block
        import av
        import numpy as np

        frame = av.AudioFrame.from_ndarray(block[None], format="flt", layout="mono")
        frame.rate = self._rate
        pieces = [out.to_ndarray()[0] for out in self._resampler.resample(frame)]
        return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


def _missing(reason: str) -> MissingDependencyError:
    return MissingDependencyError(
        f"the microphone needs sounddevice and PortAudio ({reason}): "
        "pip install 'sensebind[microphone]', and on Debian apt install libportaudio2"
    )
