"""Where sound comes from: the robot's own microphone, a device of this process, or a file."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np

from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.voice.parts import BLOCK, RATE
from sensebind.errors import ConfigurationError
from sensebind.perception.sources.microphone import Microphone
from sensebind.perception.sources.shared_sound import SharedSound

_KIND = "microphone"
_LONG_HOP = 2.0  # seconds; nobody reads the windows of a device that only serves the voice


@dataclass(frozen=True, slots=True)
class Block:
    """What was heard in 32 ms.

    Attributes:
        samples: float32 [BLOCK] in -1..1.
        at: When it ended, monotonic seconds.
        own: Whether it holds the robot's own voice and nobody else's.
        voice: In what to look for somebody's speech, float32 [BLOCK], a block late; None is in
            `samples`.
    """

    samples: np.ndarray
    at: float
    own: bool = False
    voice: np.ndarray | None = None


class Ear(Protocol):
    """Where sound comes from. A context manager.

    Attributes:
        over: Whether nothing more will be said; silence may still come.
    """

    over: bool

    def __enter__(self) -> Self:
        """Open it."""
        ...

    def __exit__(self, *_: object) -> None:
        """Close it."""
        ...

    def blocks(self) -> Iterator[Block | None]:
        """Yield what is heard, as it is heard; None now and then while nothing comes."""
        ...

    def end(self) -> None:
        """End `blocks`, from any thread."""
        ...


class SharedEar:
    """The microphone of one of the robot's streams, which the robot holds.

    Attributes:
        over: Never.
    """

    over = False

    def __init__(self, endpoint: Callable[[], str]) -> None:
        """Prepare.

        Args:
            endpoint: Says, when it is opened, where the stream's source hands its sound on: each
                run of a robot has a folder of its own.
        """
        self._endpoint = endpoint
        self._sound: SharedSound | None = None

    def __enter__(self) -> Self:
        self._sound = SharedSound(self._endpoint()).__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self._sound is not None:
            self._sound.__exit__()

    def end(self) -> None:
        """End `blocks`, from any thread."""
        if self._sound is not None:
            self._sound.end()

    def blocks(self) -> Iterator[Block | None]:
        """Yield what is heard; see `Ear.blocks`."""
        assert self._sound is not None, "use a with statement"
        rest = np.zeros(0, np.float32)
        for sound, at in self._sound.blocks():
            if not len(sound):
                yield None
                continue
            rest = np.concatenate([rest, sound])
            while len(rest) >= BLOCK:
                left = len(rest) - BLOCK
                yield Block(rest[:BLOCK], at - left / RATE)
                rest = rest[BLOCK:]


class DeviceEar:
    """A microphone of this machine that serves nothing but the voice.

    Attributes:
        over: Never.
    """

    over = False

    def __init__(self, target: str) -> None:
        """Prepare.

        Args:
            target: "default", the number of a device, or a part of its name.
        """
        self._target = target
        self._stack = ExitStack()
        self._ear: SharedEar | None = None

    def __enter__(self) -> Self:
        """Open it.

        Raises:
            SourceError: It cannot be opened.
            MissingDependencyError: sounddevice or PortAudio is not installed.
        """
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sensebind-voice-"))
            endpoint = f"ipc://{folder}/sound"
            source = Microphone(self._target, "voice", hop=_LONG_HOP, share=endpoint)
            stack.enter_context(source)
            self._ear = stack.enter_context(SharedEar(lambda: endpoint))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def end(self) -> None:
        """End `blocks`, from any thread."""
        if self._ear is not None:
            self._ear.end()

    def blocks(self) -> Iterator[Block | None]:
        """Yield what is heard; see `Ear.blocks`."""
        assert self._ear is not None, "use a with statement"
        yield from self._ear.blocks()


class FileEar:
    """A sound file as if it were heard now, and silence after it until it is ended.

    Attributes:
        over: Whether the file is at its end.
    """

    def __init__(self, path: Path) -> None:
        """Read it.

        Raises:
            InputError: It cannot be read.
        """
        from sensebind.perception.imagebind.preprocess.audio import mono, resample
        from sensebind.perception.imagebind.preprocess.audio_files import read_audio

        samples, rate = read_audio(path)
        self._sound = resample(mono(samples, rate), rate, RATE)[0].numpy().astype(np.float32)
        self._ending = threading.Event()
        self.over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()

    def end(self) -> None:
        """End `blocks`, from any thread."""
        self._ending.set()

    def blocks(self) -> Iterator[Block | None]:
        """Yield what is heard; see `Ear.blocks`."""
        begun = time.monotonic()
        for number in range(10**9):
            at = begun + (number + 1) * BLOCK / RATE
            if self._ending.wait(max(0.0, at - time.monotonic())):
                return
            piece = self._sound[number * BLOCK : (number + 1) * BLOCK]
            self.over = (number + 1) * BLOCK >= len(self._sound)
            yield Block(np.pad(piece, (0, BLOCK - len(piece))), at)


def ear_of(config: RobotConfig, given: str = "") -> Ear:
    """Return where a robot's voice hears.

    Args:
        config: The robot's file.
        given: A sound file, or a source such as microphone:default; what the file says by default.

    Raises:
        ConfigurationError: There is no such stream or kind of source.
        InputError: A file cannot be read.
    """
    wanted = given or config.voice_microphone
    kind, _, target = wanted.partition(":")
    if wanted in config.streams:
        if config.shared_sound is None:
            raise ConfigurationError(
                f"voice: microphone: {wanted} is not a microphone: name another stream, or "
                "microphone:default"
            )
        return SharedEar(lambda: str(config.shared_sound))
    if kind == _KIND:
        return DeviceEar(target or "default")
    if given and Path(given).exists():
        return FileEar(Path(given))
    raise ConfigurationError(
        f"voice: microphone: {wanted!r} is neither a stream of the robot nor a file, nor a device "
        "such as microphone:default"
    )
