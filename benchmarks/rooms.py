"""Going back to where something was seen, in simulated homes of three rooms.

A person drives the robot once through each home, from room to room; it looks around in each of
them, remembers what it sees and where it was, and makes a map of its lidar's sweeps and its
odometry. Then it is asked for things again and again, each time for one that it has seen in another
room than the one it stands in: what it does is what a language model would have it do, `recall` of
the last time, and `go_to` with the x and y that `recall` says. The agent knows nothing of the home
but its own memory and map; only the person who drives it at first, and the judge, know the truth.

A task is done if the robot ends within 1 m of a place from which the thing really was in its image
on the first drive. Perception is that of the shipped weights, movements are those of the robot's
tools; SimHome's time stands still between them.
"""

import argparse
import math
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
from langchain_core.tools import BaseTool
from PIL import Image
from report import Parser, Row, run

from sensebind.agent.conditioning.embedder import Embedder
from sensebind.agent.conditioning.tagging import vocabulary
from sensebind.agent.robot.mapping import Mapping
from sensebind.agent.robot.motion import REACH
from sensebind.agent.robot.perceiver import Perceiver
from sensebind.agent.robot.whereabouts import to_base
from sensebind.checkpoints import default_checkpoint
from sensebind.errors import ToolError
from sensebind.memory.recall import EpisodeMemory
from sensebind.memory.recorder import Recorder
from sensebind.perception.geometry.pose import PoseTrack
from sensebind.perception.geometry.tree import Transform
from sensebind.perception.lidar.occupancy import Floor
from sensebind.perception.modality import Modality
from sensebind.perception.percept import Observation
from sensebind.perception.simhome.ground_truth import truth
from sensebind.perception.simhome.home import SimHome
from sensebind.perception.simhome.lidar import LIDAR_HEIGHT
from sensebind.perception.simhome.rooms import CELL, floor_plan, sample_home
from sensebind.perception.simhome.scene import ROBOT_RADIUS
from sensebind.tools.motion import Motion, motion_tools
from sensebind.tools.motion.routes import route
from sensebind.tools.recall import recall_tool

BAR = 0.90  # of the tasks
WITHIN = 1.0  # metres
FIRST_SEED = 70_000_000  # held out from training
TURNS = 12  # directions in which it looks in each room
COLUMNS = 450  # of the lidar
FRAME_SECONDS = 0.25
_FROM = re.compile(r" from \((-?\d+\.\d), (-?\d+\.\d)\)")


@dataclass(frozen=True, slots=True)
class Seen:
    """What really was in the image at one time of the first drive.

    Attributes:
        x: Where the robot was, metres.
        y: Likewise.
        kinds: Of the things in view.
    """

    x: float
    y: float
    kinds: frozenset[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a task.

    Attributes:
        done: Whether the robot stands where the thing was seen.
        recalled: Whether the place that it was sent to was such a place.
        rooms: Whether it had to go to another room.
        metres: That it drove.
        trouble: Why it did not arrive, or "".
    """

    done: bool
    recalled: bool
    rooms: bool
    metres: float
    trouble: str


class Trial:
    """A robot in a home, with its memory and its map."""

    def __init__(
        self, seed: int, perceiver: Perceiver, embedder: Embedder, stack: ExitStack
    ) -> None:
        self.home = stack.enter_context(SimHome(sample_home(seed), lidar_columns=COLUMNS))
        self.track = PoseTrack()
        self.now = 1000.0
        self.begin = time.time_ns()
        self.seen: list[Seen] = []
        self.metres = 0.0
        self._perceiver, self._embedder = perceiver, embedder
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        self._file = Path(folder) / "memory.sqlite"
        self._mapping = Mapping(
            self.sweep,
            Transform.of((0.0, 0.0, LIDAR_HEIGHT), (0.0, 0.0, 0.0)),
            self.track,
            ROBOT_RADIUS,
            (0.04, 1.0),
        )
        self._stack = stack

    # --- the base, which moves at once ---

    guards_itself = True

    def drive(self, metres: float) -> float:
        driven = self.home.robot.drive(metres)
        self.metres += abs(driven)
        self.look_down()
        return driven

    def turn(self, radians: float) -> float:
        return self.home.robot.turn(radians)

    def pose(self) -> tuple[float, float, float]:
        return self.home.robot.pose

    def stop(self) -> None:
        pass

    # --- what it senses ---

    def sweep(self) -> Observation:
        return Observation(
            self.home.lidar(), "lidar", Modality.POINT, self.wall, self.now, 0, "lidar"
        )

    @property
    def wall(self) -> int:
        return self.begin + int((self.now - 1000.0) * 1e9)

    def look_down(self) -> None:
        """Let time pass, and add a sweep to the map."""
        self.now += FRAME_SECONDS
        self.track.add(self.now, *self.home.robot.pose)
        self._mapping.add()

    # --- the first drive ---

    def explore(self) -> None:
        """Be driven to each room's middle, and look around there."""
        width, depth, _ = self.home.scene.room
        free = floor_plan(self.home.scene, 0.0)
        floor = Floor(~free, free, (-width / 2, -depth / 2), "truth", CELL)
        recorder = Recorder(
            self._file, where=self.track.of, wall_ns=lambda: self.wall, clock=lambda: self.now
        )
        self.look_down()
        for room in self.home.scene.rooms:
            for x, y in route(floor, self.home.robot.pose[:2], room.middle, ROBOT_RADIUS):
                here = self.home.robot.pose
                self.turn(math.atan2(y - here[1], x - here[0]) - here[2])
                self.drive(math.dist((x, y), here[:2]))
                self._perceive(recorder)
            for _ in range(TURNS):
                self.turn(math.tau / TURNS)
                self.look_down()
                self._perceive(recorder)
        recorder.stop()

    def _perceive(self, recorder: Recorder) -> None:
        image, known = self.home.camera(), truth(self.home)
        x, y, _ = self.home.robot.pose
        self.seen.append(Seen(x, y, frozenset(one.kind for one in known.visible)))
        for _ in range(2):  # a moment that lasts: one image alone is a suspicion
            self.now += FRAME_SECONDS
            self.track.add(self.now, *self.home.robot.pose)
            frame = Observation(image, "camera", Modality.VISION, self.wall, self.now, 0, "camera")
            recorder.record(self._perceiver.perceive(frame))

    # --- the tasks ---

    def tasks(self, count: int, words: np.ndarray, rng: np.random.Generator) -> list[Outcome]:
        """Go back to things, one after the other, each in another room than the robot is in."""
        motion = Motion(self, REACH, router=self._mapping.route)
        go_to = next(
            one
            for one in motion_tools(motion, None, to_base(self.track, motion.pose, same=True))
            if one.name == "go_to"
        )
        memory = self._stack.enter_context(EpisodeMemory(self._file, words=words))
        recall = recall_tool(
            memory,
            self._embedder.text,
            frame=lambda: self.track.frame,
            now=lambda: datetime.fromtimestamp(self.wall / 1e9),
        )
        outcomes = []
        for _ in range(count):
            here = self.home.robot.pose[:2]
            there = {
                thing.kind
                for thing in self.home.scene.things
                if self._room(thing.x, thing.y) != self._room(*here)
                and any(thing.kind in one.kinds for one in self.seen)
            }
            if not there:
                continue
            kind = sorted(there)[int(rng.integers(len(there)))]
            said = str(recall.invoke({"what": f"a {kind}", "sense": "sight", "when": "last"}))
            outcomes.append(self._go(kind, said, go_to))
        return outcomes

    def _go(self, kind: str, said: str, go_to: BaseTool) -> Outcome:
        before, self.metres = self.home.robot.pose[:2], 0.0
        if (place := _FROM.search(said)) is None:
            return Outcome(False, False, False, 0.0, f"{kind}: {said}")
        x, y = float(place[1]), float(place[2])
        answer = str(go_to.invoke({"x": x, "y": y}))
        end = self.home.robot.pose[:2]
        done = self._was_seen(kind, *end)
        trouble = "" if answer.startswith("arrived") else f"{kind}: {answer}"
        if not done and not trouble:
            trouble = f"{kind}: it went to ({x}, {y}), from where none was in view"
        rooms = self._room(*before) != self._room(x, y)
        return Outcome(done, self._was_seen(kind, x, y), rooms, self.metres, trouble)

    def _was_seen(self, kind: str, x: float, y: float) -> bool:
        return any(
            kind in one.kinds and math.dist((one.x, one.y), (x, y)) <= WITHIN for one in self.seen
        )

    def _room(self, x: float, y: float) -> int:
        return next((n for n, room in enumerate(self.home.scene.rooms) if room.holds(x, y)), -1)

    # --- the picture ---

    def draw(self, path: Path, kind: str, words: np.ndarray, scale: int = 4) -> None:
        """Draw the robot's own map, where it says it last saw a thing, and its way there."""
        floor = self._mapping.grid.floor()
        assert floor is not None
        shades = np.full(floor.free.shape, 190, np.uint8)
        shades[floor.free], shades[floor.occupied] = 255, 60
        image = cv2.cvtColor(shades, cv2.COLOR_GRAY2BGR)
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)

        def pixel(place: Sequence[float]) -> tuple[int, int]:
            x, y = ((place[i] - floor.corner[i]) / floor.cell * scale for i in (0, 1))
            return round(x), round(y)

        with EpisodeMemory(self._file, words=words) as memory:
            recall = recall_tool(memory, self._embedder.text, frame=lambda: self.track.frame)
            said = str(recall.invoke({"what": f"a {kind}", "sense": "sight", "when": "last"}))
        found = _FROM.search(said)
        if found is None:
            raise ToolError(f"no {kind} is remembered: {said}")
        end = float(found[1]), float(found[2])
        here = self.home.robot.pose[:2]
        way = [here, *self._mapping.route(here, end)]
        line = np.array([pixel(one) for one in way], np.int32)
        cv2.polylines(image, [line], False, (200, 120, 30), 3, cv2.LINE_AA)
        cv2.circle(image, pixel(here), round(ROBOT_RADIUS / floor.cell * scale), (90, 160, 60), -1)
        cv2.circle(image, pixel(end), 9, (50, 50, 210), -1, cv2.LINE_AA)
        image = np.ascontiguousarray(image[::-1])  # y counts upwards
        for place, text in ((here, "robot"), (end, f"{kind} ({end[0]:.1f}, {end[1]:.1f})")):
            x, y = pixel(place)
            at = (min(x + 26, image.shape[1] - 13 * len(text)), image.shape[0] - y - 8)
            cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 2, cv2.LINE_AA)
        Image.fromarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)).quantize(64).save(
            path, optimize=True
        )


def measure(options: argparse.Namespace) -> list[Row]:
    """Run the tasks in several homes."""
    checkpoint = default_checkpoint()
    perceiver, embedder = Perceiver(checkpoint), Embedder(checkpoint)
    words = np.stack([embedder.text(f"a {word}") for word in vocabulary(checkpoint)])
    outcomes: list[Outcome] = []
    for number in range(options.homes):
        with ExitStack() as stack:
            trial = Trial(options.seed + number, perceiver, embedder, stack)
            trial.explore()
            if options.map is not None:
                kind = sorted({kind for one in trial.seen for kind in one.kinds})[0]
                trial.draw(options.map, options.kind or kind, words)
                return []
            rng = np.random.default_rng(options.seed + number)
            outcomes += trial.tasks(options.tasks, words, rng)
    for one in outcomes:
        if one.trouble:
            print(one.trouble, file=sys.stderr)
    count = len(outcomes)
    right = [one for one in outcomes if one.recalled]
    return [
        Row(
            "back within 1 m of where it was seen", _share(one.done for one in outcomes), BAR, count
        ),
        Row("recall named such a place", _share(one.recalled for one in outcomes), None, count),
        Row("of these, arrived", _share(one.done for one in right), None, len(right)),
        Row("into another room", _share(one.rooms for one in outcomes), None, count),
        Row("metres driven, mean", float(np.mean([one.metres for one in outcomes])), None, count),
    ]


def _share(values: Iterable[bool]) -> float:
    found = list(values)
    return sum(found) / max(1, len(found))


def main() -> int:
    """Run the benchmark."""
    parser = Parser(__doc__)
    parser.amount("--homes", 10, 1, "homes")
    parser.amount("--tasks", 10, 3, "tasks in each")
    parser.add_argument("--seed", type=int, default=FIRST_SEED, help="of the first home")
    parser.add_argument("--map", type=Path, help="draw the first home's map into this PNG instead")
    parser.add_argument("--kind", default="", help="thing whose place is drawn")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
