"""What the robot's loudspeaker plays, and how it is taken out of what the microphone hears.

The loudspeaker's sound is known before it is heard. It is kept with the times at which it was
given to the device, and for each block of the microphone an echo canceller gets what was played
meanwhile. The canceller finds out by itself how late and how changed the room gives it back.

A canceller needs a second or two to learn a room, leaves some of the echo until then, and takes
some of a person who speaks meanwhile. So while the robot speaks, somebody is looked for in what
cannot be predicted from what was played, and sound counts as the robot's own where nearly all of it
can be predicted or was cancelled.
"""

from __future__ import annotations

import threading
from collections import deque

import numpy as np

from sensebind.agent.voice.echo_prediction import EchoPrediction
from sensebind.agent.voice.microphones import Block
from sensebind.agent.voice.parts import RATE, Echo
from sensebind.agent.voice.webrtc import NoEcho

_KEPT = (
    8.0  # seconds of what was played; blocks of a microphone come later than that by mistake only
)
_APART = 0.02  # seconds by which the two clocks may part before what was played is looked up again
_UNPREDICTED, _OVER = 0.4, 10
"""Share of the power that cannot be predicted, and over how many blocks, up to which sound is the
robot's own. A person as loud as the echo makes it a half."""
_UNCANCELLED, _OF = 0.04, 5
"""The same of what the canceller left: where nothing is left, nobody speaks.

All four were chosen on 360 sentences in simulated rooms, of which those of
`benchmarks/voice_echo.py` are none."""
_UNKNOWN = 12  # blocks of the robot's speech, 0.4 s, before the room can be predicted at all
_HEARD_FOR = 12  # blocks after the last sound played in which its echo may be heard, 0.4 s
_AUDIBLE = 1e-6  # power of what was played that may be heard, -60 dBFS
_REACH = 16  # samples on each side of an instant that its value is made of
_BAND = 0.45 * RATE  # Hz that survive; the rest would be folded into them


class Timeline:
    """What was played, and when; methods are thread-safe.

    Sound is laid end to end, as a device plays it: a piece that is given before the one in front of
    it has ended follows on it, and silence is what was not given.

    Attributes:
        rate: Samples per second of what is played.
    """

    def __init__(self, rate: int) -> None:
        """Begin with silence.

        Args:
            rate: Samples per second of what is played.
        """
        self.rate = rate
        self._sound = np.zeros(round(_KEPT * rate), np.float32)
        self._end = 0  # samples since the clock's zero up to which there is sound
        self._lock = threading.Lock()

    def add(self, piece: np.ndarray, at: float) -> None:
        """Take a piece that is given to the device.

        Args:
            piece: float32 [n].
            at: When, monotonic seconds.
        """
        with self._lock:
            begin = max(self._end, round(at * self.rate))
            self._put(min(begin - self._end, len(self._sound)), None, begin)
            self._put(len(piece), piece, begin + len(piece))

    def _put(self, count: int, piece: np.ndarray | None, end: int) -> None:
        """Lay so many samples, or silence, up to an end."""
        places = np.arange(end - count, end) % len(self._sound)
        self._sound[places] = 0.0 if piece is None else piece[-count:] if count else 0.0
        self._end = end

    def read(self, begin: int, count: int) -> np.ndarray:
        """Return what was played.

        Args:
            begin: Its first sample, counted at `RATE` since the clock's zero.
            count: How many samples at `RATE`.

        Returns:
            float32 [count]; silence where nothing is known.
        """
        if begin * self.rate > (self._end + _REACH) * RATE:  # silence, as mostly
            return np.zeros(count, np.float32)
        instants = np.arange(begin, begin + count) * (self.rate / RATE)
        nearest = np.floor(instants).astype(np.int64)
        places = nearest[:, None] + np.arange(1 - _REACH, _REACH + 1)
        away = instants[:, None] - places
        cutoff = min(1.0, 2 * _BAND / self.rate)
        weights = cutoff * np.sinc(cutoff * away) * np.cos(0.5 * np.pi * away / _REACH) ** 2
        with self._lock:
            known = (places < self._end) & (places >= self._end - len(self._sound))
            sound = self._sound[places % len(self._sound)]
        return np.where(known, weights * sound, 0.0).sum(axis=1).astype(np.float32)


class OwnVoice:
    """Takes the robot's own voice out of what is heard; used by the thread that hears."""

    def __init__(self, echo: Echo, played: Timeline) -> None:
        """Prepare.

        Args:
            echo: Cancels it; with `NoEcho` there is none, and nothing is the robot's own.
            played: What the loudspeaker is given.
        """
        self._echo = echo
        self._played = played
        self._prediction = None if isinstance(echo, NoEcho) else EchoPrediction()
        self._next: int | None = None  # first sample of the next block, at `RATE`
        self._heard: deque[float] = deque([0.0] * (_OVER + 1), maxlen=_OVER + 1)  # powers
        self._unpredicted: deque[float] = deque(maxlen=_OVER)
        self._uncancelled: deque[float] = deque(maxlen=_OF)
        self._since = _HEARD_FOR  # blocks since something was played
        self._spoken = 0  # blocks of what was played

    def without(self, block: Block) -> Block:
        """Return a block of the microphone without the robot's voice.

        Args:
            block: As it was heard.

        Returns:
            What is left, and in `own` whether that is the robot's own voice all the same.
        """
        count = len(block.samples)
        due = round(block.at * RATE) - count
        if self._next is None or abs(due - self._next) > _APART * RATE:
            self._next = due
        played = self._played.read(self._next, count)
        self._next += count
        left = self._echo.without(block.samples, played)
        if self._prediction is None:
            return Block(left, block.at)
        unpredicted = self._prediction.left_of(block.samples, played)  # a block late
        self._heard.append(_power(block.samples))
        self._unpredicted.append(_power(unpredicted))
        self._uncancelled.append(_power(left))
        audible = _power(played) > _AUDIBLE
        self._since = 0 if audible else self._since + 1
        self._spoken += audible
        if self._since >= _HEARD_FOR:
            return Block(left, block.at)
        return Block(left, block.at, own=self._is_own(), voice=unpredicted)

    def _is_own(self) -> bool:
        """Whether what is heard while the robot speaks is the robot alone."""
        heard = list(self._heard)
        return (
            self._spoken < _UNKNOWN
            or sum(self._unpredicted) < _UNPREDICTED * sum(heard[:-1])
            or sum(self._uncancelled) < _UNCANCELLED * sum(heard[-_OF:])
        )


def _power(samples: np.ndarray) -> float:
    return float(np.mean(np.square(samples, dtype=np.float64)))
