"""Where a robot was by a bag or a recording, for what is perceived of it again.

What is played from a file keeps the time of its capture. So places are looked up by that time,
whatever the speed of the replay is and whenever each stream of it began.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from sensebind.errors import InputError, SenseBindError
from sensebind.perception.geometry.chain import TransformChain
from sensebind.perception.geometry.pose import MAP, Pose, PoseTrack
from sensebind.perception.geometry.tree import BASE
from sensebind.perception.sources.pose_messages import (
    OLD_TRANSFORMS,
    POSES,
    STATIC,
    TRANSFORMS,
    Joint,
    joints_in,
    placed,
    plain,
)
from sensebind.perception.sources.pose_transforms import TransformPoses
from sensebind.perception.sources.ros_kinds import type_name
from sensebind.perception.sources.rosbag_files import BagFiles, Message

log = logging.getLogger(__name__)

_TRANSFORMS = (TRANSFORMS, OLD_TRANSFORMS)
_BETWEEN = 0.09  # seconds between poses that are kept; in between they are interpolated
_WAIT = 2.0  # seconds that a percept may wait for the file to be read up to its time
_AROUND = 1.0  # seconds around the poses of a file in which a percept may lie without a place
_SCANNED = 2.0  # seconds of transforms in which `map` is looked for


class StoredPoses(PoseTrack, ABC):
    """The poses of a file, by when they were so on the wall clock. A context manager.

    The file is read once, in a thread. Times of the track are seconds of the wall clock: where the
    robot is *now* is not known.
    """

    def __init__(self, name: str) -> None:
        """Prepare; entering reads the file.

        Args:
            name: What is read, for messages.
        """
        self._seed = name
        self._count = itertools.count(1)
        super().__init__(MAP, kept=None, run=self._named)
        self._name_of_file = name
        self._asked = float("-inf")  # the latest time that was looked up
        self._here = ""  # the frame of what was found last
        self._until = float("-inf")  # up to when the file was read
        self._over = False
        self._said = False
        self._read_on = threading.Condition()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stored-poses", daemon=True)

    @property
    def frame(self) -> str:
        """The frame of the place that was looked up last, else of the last one that was read."""
        return self._here or super().frame

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def of(self, captured_at: int, monotonic: float) -> Pose | None:
        """Return where the robot was when something was captured; None where that is not known.

        Args:
            captured_at: When, wall clock, ns.
            monotonic: Of the replay; it says nothing here.
        """
        at = captured_at / 1e9
        with self._read_on:
            self._read_on.wait_for(lambda: self._over or self._until >= at, _WAIT)
            over = self._over
        found = self.at(at)
        self._asked = max(self._asked, at)
        if found is not None:
            self._here = found.frame
        elif over:
            self._outside(at)
        return found

    def newer(self, than: float, until: float = math.inf) -> list[tuple[float, Pose]]:
        """Return the poses after a moment, up to the latest one that was looked up."""
        return super().newer(than, min(until, self._asked))

    def captured_at(self, at: float) -> int:
        """Return a time of the track on the wall clock, ns."""
        return round(at * 1e9)

    def reach(self) -> tuple[float, float, Pose] | None:
        """Return the times of the first and the last pose, and that; None without any."""
        with self._lock:
            if not self._times:
                return None
            return self._times[0], self._times[-1], self._poses[-1]

    def wait(self, timeout: float) -> bool:
        """Wait until the file is read; return whether it is."""
        with self._read_on:
            return self._read_on.wait_for(lambda: self._over, timeout)

    @abstractmethod
    def _read(self) -> Iterator[float | None]:
        """Add the poses of the file in order; yield the time after each, seconds.

        What gave no pose yields None, so that the robot need not wait for the rest when it ends.

        Raises:
            SenseBindError: It cannot be read, or says nowhere where the robot was.
        """

    def _run(self) -> None:
        try:
            for at in self._read():
                if at is not None:
                    with self._read_on:
                        self._until = max(self._until, at)
                        self._read_on.notify_all()
                if self._stop.is_set():
                    return
        except SenseBindError as error:
            self._lose(str(error))
        except Exception as error:  # of a library: the robot goes on without places
            self._lose(f"{self._name_of_file} cannot be read ({type(error).__name__})")
            log.exception("%s cannot be read", self._name_of_file)
        finally:
            with self._read_on:
                self._over = True
                self._read_on.notify_all()

    def _outside(self, at: float) -> None:
        """Say once that what is perceived is of another time than the poses."""
        with self._lock:
            if not self._times or self._times[0] - _AROUND <= at <= self._times[-1] + _AROUND:
                return
        if not self._said:
            self._said = True
            self._lose(
                f"the poses of {self._name_of_file} are of another time than what is perceived"
            )

    def _lose(self, why: str) -> None:
        self.lost = why
        log.warning("the robot does not know where it is: %s", why)

    def _named(self) -> str:
        """Name a run after what it is of: who plays a file again is in the same places again."""
        text = f"{self._seed} {next(self._count)}"
        return hashlib.sha256(text.encode()).hexdigest()[:8]


class RecordedPoses(StoredPoses):
    """The poses of a recording of `sensebind record`, in the frames that they had."""

    def __init__(self, path: Path, *, expected: bool = True) -> None:
        """Prepare; entering reads the file.

        Args:
            path: Of the recording.
            expected: Whether it is worth a warning that it has none.
        """
        super().__init__(f"recording {path}")
        self._path = path
        self._expected = expected

    def _read(self) -> Iterator[float | None]:
        from sensebind.perception.frames.recorded_poses import poses_in

        refused: InputError | None = None
        for one in poses_in(self._path):
            if isinstance(one, InputError):
                refused = refused or one
                self.refused += 1
                yield None
                continue
            at = one[0] / 1e9
            self.keep(at, one[1])
            yield at
        if self._until == float("-inf") and self._expected:
            why = f": {refused}" if refused else ""
            raise InputError(f"{self._name_of_file} does not say where the robot was{why}")


class BagPoses(StoredPoses):
    """The poses of a bag, by a topic of poses or of transforms."""

    def __init__(
        self,
        path: Path,
        topic: str = "",
        frame: str = "",
        base: str = BASE,
        fixed: str = "",
    ) -> None:
        """Prepare; entering reads the file.

        Args:
            path: Of the bag.
            topic: Of poses or of transforms; by default the only one.
            frame: What places are said to be in; by default what the messages say.
            base: The robot's frame in transforms.
            fixed: The frame of transforms that places are in; see `TransformChain`.
        """
        super().__init__(f"bag {path}")
        self._path = path
        self._topic = topic
        self._given_frame = frame
        self._base, self._fixed = base, fixed or frame

    def _read(self) -> Iterator[float | None]:
        with BagFiles(self._path) as bag:
            types = {name: type_name(kind) for name, kind in bag.topics().items()}
            topic = self._chosen(types)
            read = self._of_transforms if types[topic] in _TRANSFORMS else self._of_poses
            if read == self._of_poses and (self._fixed != self._given_frame or self._base != BASE):
                raise InputError(
                    f"{topic} is of type {types[topic]}: base: and fixed: are for transforms, such "
                    "as those of /tf"
                )
            yield from read(bag, topic)
        if self._until > float("-inf"):
            self.lost = ""  # what could not be read in between is a gap
        else:
            raise InputError(
                f"{topic} of {self._name_of_file} does not say where the robot was"
                + (f": {self.lost}" if self.lost else "")
            )

    def _chosen(self, types: dict[str, str]) -> str:
        usable = sorted(
            name
            for name, kind in types.items()
            if kind in POSES or (kind in _TRANSFORMS and not name.endswith(STATIC))
        )
        if self._topic in types and types[self._topic] in (*POSES, *_TRANSFORMS):
            return self._topic
        listed = ", ".join(f"{name} ({types[name]})" for name in usable) or "none"
        if self._topic:
            raise InputError(
                f"{self._name_of_file} has no topic {self._topic!r} that says where the robot was; "
                f"these do: {listed}"
            )
        if len(usable) != 1:
            raise InputError(
                f"{self._name_of_file} has {len(usable)} topics that say where the robot was "
                f"({listed}): give one as topic"
            )
        return usable[0]

    def _begin_with(self, topic: str, at: float) -> None:
        """Name runs after the first pose, and not after where the file lies."""
        self._seed = f"{topic} {at:.9f}"
        if self._given_frame:
            self.in_frame(self._given_frame)

    def _of_poses(self, bag: BagFiles, topic: str) -> Iterator[float | None]:
        kept: float | None = None
        for message in bag.messages(topic):
            try:
                found = placed(_content(message))
                at = (message.at if found.stamp is None else found.stamp) / 1e9
                if kept is None:
                    self._begin_with(topic, at)
                elif 0 <= at - kept < _BETWEEN:
                    continue
                if found.frame and not self._given_frame:
                    self.in_frame(found.frame)
                self.add(at, found.x, found.y, found.yaw)
            except InputError as error:
                self._refuse(error)
                yield None
                continue
            kept = at
            yield at

    def _of_transforms(self, bag: BagFiles, topic: str) -> Iterator[float | None]:
        at_message = 0.0

        def time_of(joint: Joint) -> float:
            return at_message if joint.stamp is None else joint.stamp / 1e9

        patience = _SCANNED if self._has_map(bag, topic) else 0.0
        poses = TransformPoses(
            topic,
            self,
            TransformChain(plain(self._base), plain(self._fixed), patience),
            renames=not self._given_frame,
            time_of=time_of,
            between=_BETWEEN,
        )
        for message in bag.messages(f"{topic}{STATIC}"):
            self._hear(poses, message, static=True)
        begun = False
        for message in bag.messages(topic):
            at_message = message.at / 1e9
            self._hear(poses, message)
            if not begun and poses.newest is not None:
                begun = True
                self._begin_with(topic, poses.newest)
            try:
                at = poses.look(at_message if poses.newest is None else poses.newest)
            except InputError as error:
                self.lost = str(error)
                yield None
                continue
            if at is not None:
                self.lost = ""
            yield at

    def _hear(self, poses: TransformPoses, message: Message, *, static: bool = False) -> None:
        try:
            poses.hear(_content(message), static=static)
        except InputError as error:
            poses.refuse(error)

    def _has_map(self, bag: BagFiles, topic: str) -> bool:
        """Whether `map` comes in the first seconds, so that it is worth waiting for."""
        if self._fixed:
            return True
        first: int | None = None
        for message in bag.messages(topic):
            first = message.at if first is None else first
            if message.at - first > _SCANNED * 1e9:
                break
            if isinstance(message.content, InputError):
                continue
            joints = joints_in(message.content)
            if any(isinstance(one, Joint) and MAP in (one.parent, one.child) for one in joints):
                return True
        return False

    def _refuse(self, error: InputError) -> None:
        """Count what makes no sense, and keep the reason for where nothing else comes."""
        self.refused += 1
        self.lost = self.lost or str(error)


def _content(message: Message) -> object:
    """Return a decoded message.

    Raises:
        InputError: It could not be decoded.
    """
    if isinstance(message.content, InputError):
        raise message.content
    return message.content
