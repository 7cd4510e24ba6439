"""Records a robot that runs already: the percepts of its bus, and the frames it keeps of them."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass

from sensebind.agent.robot.client import AttachedRobot
from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.pose_recorder import PoseRecorder
from sensebind.errors import InputError, SourceError
from sensebind.perception.bus.listener import Listener
from sensebind.perception.bus.pubsub import News
from sensebind.perception.frames.codecs import JPEG
from sensebind.perception.frames.recording import Recorder
from sensebind.perception.frames.service import FrameClient
from sensebind.perception.frames.store import Frame
from sensebind.perception.percept import Modality, Observation, Percept

_TICK = 0.2  # seconds between looks at whether the recording is to end
_SETTLE = 0.3  # seconds after a percept at which its frame is kept
_WAITING = 1024  # percepts; at 30 per second of three streams some ten seconds


@dataclass(frozen=True, slots=True)
class _Heard:
    percept: Percept
    due: float


class Tap:
    """Listens to a robot of this machine and writes down what it hears. Used once.

    Args:
        config: Of the robot.
        recorder: Where it is written.

    Attributes:
        unkept: By stream, percepts whose frame the robot did not keep.
        missed: By stream, percepts that came faster than they could be written.
        places: Writes where the robot was, if it remembers that.
    """

    def __init__(self, config: RobotConfig, recorder: Recorder) -> None:
        self._config, self._recorder = config, recorder
        self._heard: queue.Queue[_Heard] = queue.Queue(_WAITING)
        self.unkept: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()
        names = config.stream_names.values()
        endpoints = [f"ipc://{config.directory / name}" for name in names]
        processes = Counter(one.process for one in config.streams.values() if one.process)
        # Batches, other devices and other numbers may differ from a replay in the last bits.
        self._alone = {
            config.stream_names[stream]
            for stream, one in config.streams.items()
            if processes[one.process] < 2 and (one.device, one.precision) == ("cpu", "float32")
        }
        self.places = PoseRecorder(recorder, AttachedRobot(config).poses)
        self._placed = config.llm is not None and config.memory is not None
        self._listener = Listener("the recording", endpoints, self._take)

    def run(self, stop: threading.Event, seconds: float | None = None) -> None:
        """Records until the time is over or `stop` is set; what was heard by then is written.

        Raises:
            BusError: Listening has failed.
            StorageError: The disk is full.
        """
        until = float("inf") if seconds is None else time.monotonic() + seconds
        with ExitStack() as stack:
            frames = None
            if self._config.frames is not None:
                endpoint = f"ipc://{self._config.directory / 'frames'}"
                frames = stack.enter_context(FrameClient(endpoint, timeout=1.0))
            with self._listener:
                while not stop.is_set() and time.monotonic() < until:
                    self._listener.check()
                    self._write_next(frames)
                    if self._placed:
                        self.places.write()
                if self._placed:
                    self.places.write(now=True)
            while not self._heard.empty():
                self._write_next(frames)

    def lost(self) -> dict[str, int]:
        """By stream, what was published and not recorded."""
        stats = self._listener.stats()
        lost = {name: one.lost + one.superseded for name, one in stats.items() if name}
        return {name: lost.get(name, 0) + self.missed[name] for name in lost | self.missed}

    def _take(self, news: News, now: float) -> None:
        for stream, percept in news.percepts.items():
            try:
                self._heard.put_nowait(_Heard(percept, now + _SETTLE))
            except queue.Full:
                self.missed[stream] += 1

    def _write_next(self, frames: FrameClient | None) -> None:
        try:
            heard = self._heard.get(timeout=_TICK)
        except queue.Empty:
            return
        time.sleep(max(0.0, heard.due - time.monotonic()))
        percept = heard.percept
        try:
            frame = _frame_of(percept, frames)
            if frame is not None:
                self._observe(frame, percept.header.monotonic)
        except (InputError, SourceError):
            frame = None
        if frame is None:
            self.unkept[percept.header.stream] += 1
        self._recorder.perceive(percept)

    def _observe(self, frame: Frame, monotonic: float) -> None:
        observation = Observation(
            data=frame.decode(),
            stream=frame.stream,
            modality=frame.modality,
            captured_at=frame.captured_at,
            monotonic=monotonic,
            sequence=frame.sequence,
            frame_id=frame.frame_id,
            rate=frame.rate,
        )
        jpeg = frame.payload if frame.media == JPEG else None
        # Pictures became JPEGs, and sound has 16 bits.
        exact = frame.modality is Modality.POINT and frame.stream in self._alone
        self._recorder.observe(observation, jpeg=jpeg, exact=exact)


def _frame_of(percept: Percept, frames: FrameClient | None) -> Frame | None:
    """The picture that came with a percept, or the frame that the robot keeps.

    Raises:
        InputError: It is not kept. SourceError: nobody answers.
    """
    header = percept.header
    if percept.payload is not None and header.modality is Modality.VISION:
        return Frame(
            header.stream,
            header.captured_at,
            header.modality,
            header.sequence,
            header.frame_id,
            0,
            JPEG,
            percept.payload,
        )
    if frames is None or not header.observation:
        return None
    return frames.get(header.observation)
