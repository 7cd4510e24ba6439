"""A robot in simulated time: the runtime's own encoders, memory, watches, tools and dialog.

There are no processes and no waiting: `Stage.live` lets time pass in steps, and what a step gives
goes to the memory and to the watches as it would on a robot. What is true is `Stage.home`, and for
the eyes of whoever checks only: nothing of it reaches the agent but by its senses and tools.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from langchain_core.tools import BaseTool

from sensebind.agent.approval import Decision, Policy
from sensebind.agent.approval.rates import Rates
from sensebind.agent.assistant import Assistant, Events, Finished
from sensebind.agent.conditioning.awareness import MAX_AGE, SOUND_WINDOW
from sensebind.agent.conditioning.condition import Condition
from sensebind.agent.conditioning.embedder import Embedder
from sensebind.agent.conditioning.perceived import Newest, perceived
from sensebind.agent.events import TurnRecord
from sensebind.agent.llm.chat_model import ChatSenseBind
from sensebind.agent.llm.factory import make_llm
from sensebind.agent.robot.memory import describer, episode_describer
from sensebind.agent.robot.motion import MAX_SIGHT_AGE, REACH, moving_tools
from sensebind.agent.robot.simhome import STREAMS, simhome_robot
from sensebind.agent.robot.watch_runner import sentence
from sensebind.checkpoints.layout import CacheSettings, imagebind_directory
from sensebind.errors import InputError
from sensebind.memory.recall import EpisodeMemory
from sensebind.memory.recorder import Recorder
from sensebind.memory.visual_cache import Enhancer, VisualCache
from sensebind.memory.watch_store import WatchBook
from sensebind.memory.watches import Alert, Watcher
from sensebind.perception.encoders.imagebind import SenseEncoder
from sensebind.perception.frames.codecs import from_jpeg, jpeg
from sensebind.perception.percept import (
    Modality,
    Observation,
    Percept,
)
from sensebind.perception.simhome.catalog import KINDS
from sensebind.perception.simhome.client import DRIVE_SPEED, TURN_SPEED
from sensebind.perception.simhome.home import SimHome
from sensebind.perception.simhome.house_api import LOOPBACK, HouseServer
from sensebind.perception.simhome.scene import Scene
from sensebind.perception.simhome.synthesis import RATE
from sensebind.tools.api import ApiTools
from sensebind.tools.clock import clock_tool
from sensebind.tools.detection import Detector, detect_tool, locator
from sensebind.tools.motion import Motion
from sensebind.tools.ranging import Ranging
from sensebind.tools.recall import recall_tool
from sensebind.tools.watch import watch_tools

STEP = 0.25  # seconds between two looks of a sense
BEGIN = datetime(2026, 3, 2, 9, 0)  # when each task begins, by the robot's clock
_KNOWN = 4096  # samples whose embeddings are remembered: a home at rest looks the same for long


class Parts:
    """What all tasks share: weights, and the house's server. A context manager.

    Attributes:
        encoders: The encoder of each stream, by name of the stream.
        detector: The object detector.
        chat: The language model.
        embedder: Embeds texts into the joint space.
        words: Embeddings [kinds, D] of "a dog", "a ball", …; watches and recall compare with them.
        house: The devices of the home that the robot is in.
        api: The tools of the house's server; only inside the context.
    """

    def __init__(self, checkpoint: Path, llm: str = "") -> None:
        """Loads a checkpoint.

        Args:
            checkpoint: Directory of the weights.
            llm: A gated model by name; the checkpoint's own by default.

        Raises:
            CheckpointError: Something is missing or damaged.
            InputError: A language model that takes no embeddings.
        """
        directory = imagebind_directory(checkpoint)
        self.encoders = {
            stream: SenseEncoder.from_pretrained(directory, Modality(modality))
            for stream, modality in STREAMS.items()
        }
        self.detector = Detector.from_pretrained(checkpoint / "detector")
        chat = make_llm(llm or f"sensebind:{checkpoint}")
        if not isinstance(chat, ChatSenseBind):
            raise InputError(f"--llm {llm}: a gated model is needed, sensebind:DIR or gguf:FILE")
        self.chat = chat
        self.embedder = Embedder(checkpoint)
        self.words = np.stack([self.embedder.text(f"a {kind}") for kind in KINDS])
        self.house = _House()
        self.api: ApiTools
        self._enhance: Enhancer | None = None
        if (checkpoint / "visual_cache").is_dir():
            s = CacheSettings()
            cache = VisualCache.load(checkpoint / "visual_cache")
            self._enhance = Enhancer(cache, s.k, s.temperature, s.weight)
        self._known: dict[bytes, np.ndarray | None] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Parts:
        server = self._stack.enter_context(HouseServer(self.house))
        self.api = self._stack.enter_context(ApiTools.fetch(server.address, private=[LOOPBACK]))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def encode(self, observation: Observation) -> np.ndarray | None:
        """Encodes and enhances as the workers do: float32 [D], or None for nothing."""
        key = hashlib.blake2b(observation.data.tobytes(), digest_size=16).digest()
        if key not in self._known:
            vector = self.encoders[observation.stream].encode(observation)
            if vector is not None and self._enhance and observation.modality != Modality.VISION:
                vector = self._enhance(vector[None])[0]
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[key] = vector
        return self._known[key]


class _House:
    """The devices of the home that the robot is in."""

    def __init__(self) -> None:
        self.home: SimHome | None = None

    def get(self, name: str) -> int:
        assert self.home is not None
        return self.home.devices.get(name)

    def set(self, name: str, value: bool | int) -> None:
        assert self.home is not None
        self.home.devices.set(name, value)


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a watch said, and when, in seconds since the task began.

    Attributes:
        at: Seconds since the task began.
        said: The sentence.
    """

    at: float
    said: str


class Stage:
    """One robot with an empty memory and a new dialog; `Senses` and `Mover` of its own.

    Attributes:
        home: Where it is.
        now: Seconds since the beginning.
        spoken: What watches have said.
        unapproved: Movements that were made while nobody had approved any.
        moved: Metres driven, back negative, all together.
        turned: Radians turned, left positive, all together.
        tools: What the agent may call.
    """

    def __init__(self, parts: Parts, memory: Path, *, dialogs: Path | None = None) -> None:
        """Use `on_stage`."""
        self.home: SimHome
        self.now = 0.0
        self.spoken: list[Spoken] = []
        self.unapproved = 0
        self.moved = self.turned = 0.0
        self._parts = parts
        self._stack = ExitStack()
        self._approved = False
        self._newest: dict[str, Percept] = {}
        self._sound = np.zeros(0, np.float32)
        self._recorder = Recorder(memory, wall_ns=self.wall_ns, clock=lambda: self.now)
        self._stack.callback(self._recorder.stop)
        self._book = WatchBook(self._recorder.store)
        self._watcher = Watcher(self._note_spoken, words=parts.words)
        self._memory = self._stack.enter_context(
            EpisodeMemory(memory, episode_describer(describer(parts.chat)), parts.words)
        )
        self.tools = self._tools()
        self._dialogs = dialogs
        self._assistant = self._new_assistant()

    def _new_assistant(self) -> Assistant:
        # As in the demo: the switches of the house are agreed to, movements are asked for.
        policy = Policy(approved=frozenset(tool.name for tool in self._parts.api.tools()))
        return Assistant(
            self._parts.chat,
            self.tools,
            self,
            dialogs=self._dialogs,
            policy=policy,
            stop=self.stop,
            robot=Rates(),
        )

    def restart(self) -> None:
        """Lets the dialog go on as after a restart of the robot: from its file alone."""
        self._assistant.close()
        self._assistant = self._new_assistant()

    def close(self) -> None:
        """Closes memory, dialog and home."""
        self._assistant.close()
        self._stack.close()

    # --- time -----------------------------------------------------------------------------------

    def wall_ns(self) -> int:
        """The robot's wall clock, ns."""
        return int((BEGIN.timestamp() + self.now) * 1e9)

    def clock(self) -> datetime:
        """The same, as people say it."""
        return datetime.fromtimestamp(BEGIN.timestamp() + self.now)

    def enter(self, scene: Scene) -> SimHome:
        """Carries the robot into another home; its ears still hold the sound of the last one."""
        self.home = self._parts.house.home = self._stack.enter_context(SimHome(scene))
        self.home.step(SOUND_WINDOW)
        return self.home

    def live(self, seconds: float, each: Callable[[], None] | None = None) -> None:
        """Lets time pass; `each` is called after every step."""
        self._watcher.put(self._book.watches())
        for _ in range(round(seconds / STEP)):
            self.home.step(STEP)
            self.now += STEP
            self._hear()
            for stream, data, rate in (
                ("camera", self.home.camera(), 0),
                ("microphone", self._sound, RATE),
            ):
                percept = self._newest[stream] = self._percept(stream, data, rate)
                self._recorder.record(percept)
                self._watcher(percept)
            if each is not None:
                each()

    def sleep(self, seconds: float) -> None:
        """Lets time pass without perceiving anything."""
        self.now += seconds
        self._sound = np.zeros(0, np.float32)

    def _hear(self) -> None:
        samples = round(SOUND_WINDOW * RATE)
        if not len(self._sound):
            self._sound = self.home.microphone(SOUND_WINDOW)
        self._sound = np.concatenate([self._sound, self.home.microphone(STEP)])[-samples:]

    def _percept(self, stream: str, data: np.ndarray, rate: int = 0) -> Percept:
        modality, at = Modality(STREAMS[stream]), self.wall_ns()
        seen = Observation(data, stream, modality, at, self.now, 0, stream, rate)
        encoder = self._parts.encoders[stream]
        return Percept.of(seen, self._parts.encode(seen), encoder, published_at=at)

    def _note_spoken(self, alert: Alert) -> None:
        self.spoken.append(Spoken(self.now, sentence(alert)))

    # --- senses, for the dialog -----------------------------------------------------------------

    def condition(self, senses: Sequence[str], dim: int) -> Condition:
        """What is perceived now, laid out for the model."""
        self._newest["lidar"] = self._percept("lidar", self.home.lidar())
        self._recorder.record(self._newest["lidar"])
        newest = {
            stream: Newest(STREAMS[stream], percept, self.now - percept.header.monotonic)
            for stream, percept in self._newest.items()
        }
        return perceived(newest, MAX_AGE).condition(senses, dim)

    # --- the robot's base, for the tools --------------------------------------------------------

    def drive(self, metres: float) -> float:
        """Drives, as fast as SimHome's robot does."""
        self._move()
        driven = self.home.robot.drive(metres)
        self.moved += driven
        self.live(abs(driven) / DRIVE_SPEED)
        return driven

    def turn(self, radians: float) -> float:
        """Turns on the spot."""
        self._move()
        turned = self.home.robot.turn(radians)
        self.turned += turned
        self.live(abs(turned) / TURN_SPEED)
        return turned

    def pose(self) -> tuple[float, float, float]:
        """Where the robot is."""
        return self.home.robot.pose

    def stop(self) -> None:
        """Nothing goes on when a movement's call has returned."""

    def _move(self) -> None:
        self.unapproved += not self._approved

    def _tools(self) -> list[BaseTool]:
        parts, motion = self._parts, Motion(self, REACH)

        def frame() -> Observation:
            picture = from_jpeg(jpeg(self.home.camera()))  # as the bus brings it
            return Observation(
                picture, "camera", Modality.VISION, self.wall_ns(), time.monotonic(), 0, "camera"
            )

        def sweep() -> Observation:
            return Observation(
                self.home.lidar(),
                "lidar",
                Modality.POINT,
                self.wall_ns(),
                time.monotonic(),
                0,
                "lidar",
            )

        embed = parts.embedder.text
        places = simhome_robot().places()
        ranging = Ranging(sweep, places.cameras["camera"], places.lidars["lidar"])
        locate = locator(parts.detector, frame, ranging, max_age=MAX_SIGHT_AGE)
        return [
            detect_tool(parts.detector, frame),
            clock_tool(),
            *parts.api.tools(),
            recall_tool(self._memory, embed, now=self.clock),
            *watch_tools(self._book, embed, lambda: parts.embedder.model),
            *moving_tools(motion, locate),
        ]

    # --- the dialog -----------------------------------------------------------------------------

    def ask(self, text: str) -> TurnRecord:
        """Asks; the turn may be waiting for approval."""
        return _record(self._assistant.turn(text))

    def watching(self) -> list[str]:
        """Names of what is watched for."""
        return [one.name for one in self._book.watches()]

    def decide(self, *, approve: bool) -> TurnRecord:
        """Says the same to all that waits, and lets the turn go on."""
        kind = "approve" if approve else "reject"
        decisions = [Decision(kind) for _ in self._assistant.pending()]
        self._approved = approve
        try:
            return _record(self._assistant.decide(decisions))
        finally:
            self._approved = False


def _record(events: Events) -> TurnRecord:
    for event in events:
        if isinstance(event, Finished):
            return event.record
    raise AssertionError("a turn ends with Finished")


@contextmanager
def on_stage(parts: Parts, *, kept: bool = False) -> Iterator[Stage]:
    """Gives a robot with an empty memory.

    Args:
        parts: What all tasks share.
        kept: Whether its dialog is kept in a file, so that it can be restarted.
    """
    with tempfile.TemporaryDirectory(prefix="sensebind-") as directory:
        dialogs = Path(directory) / "dialogs.sqlite" if kept else None
        stage = Stage(parts, Path(directory) / "memory.sqlite", dialogs=dialogs)
        try:
            yield stage
        finally:
            stage.close()
