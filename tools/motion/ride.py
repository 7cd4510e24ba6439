"""One movement under watch: stopped by its turn, by a stop, or by what is seen of it.

Two threads watch. One does nothing but wait for a reason to stop and then sends the stop until the
movement has returned, because a base that is still starting, or a link that drops messages, loses
the first. The other looks at sight, fence and pose; it may hang without delaying a stop.
"""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sensebind.errors import SenseBindError, ToolError, one_line
from sensebind.tools.cancellation import turn_event
from sensebind.tools.motion.contracts import Mover, Sight
from sensebind.tools.motion.limits import Limits, outside
from sensebind.tools.motion.plan import Plan, Pose

log = logging.getLogger(__name__)

_TICK = 0.02  # seconds between two looks whether a movement is to end
_AGAIN = 0.05  # seconds from one stop to the next while the movement goes on
_LOOK = 0.05  # seconds between two looks at sight, fence and pose
_SILENCE = 0.2  # seconds without a pose after which the robot is stopped


@dataclass(frozen=True, slots=True)
class MotionEvent:
    """Something about a stop, for the audit log and for people.

    Attributes:
        kind: `stop_failed` when a stop could not be sent, after 1, 2, 4, 8, … failures;
            `stopped` when the movement has returned after a stop.
        detail: What failed, or why the movement was stopped.
        attempts: How many stops were sent.
        seconds: Since the first of them.
    """

    kind: Literal["stop_failed", "stopped"]
    detail: str
    attempts: int
    seconds: float


def pose_of(robot: Mover) -> Pose:
    """Returns where a robot is.

    Raises:
        ToolError: It does not know: a coordinate is not a finite number.
    """
    pose = robot.pose()
    if not all(map(math.isfinite, pose)):
        raise ToolError("the robot does not know where it is")
    return pose


Report = Callable[[MotionEvent], None]


class Ride:
    """What a tool call makes a robot do: one movement, or a turn and a drive after it."""

    def __init__(
        self, robot: Mover, limits: Limits, sight: Sight | None, report: Report | None
    ) -> None:
        """Prepare; nothing moves yet.

        Args:
            robot: What moves.
            limits: What it keeps to.
            sight: How old the newest image of the way is; None where there is no camera.
            report: Called about stops, in a thread of its own.
        """
        self._robot = robot
        self._limits = limits
        self._sight = sight
        self._report = report
        self._turn = turn_event()
        self._halted = threading.Event()
        self._reason = ""
        self._blind_since = 0.0

    def halt(self, reason: str = "") -> None:
        """End the ride; what it moves is stopped until it stands, and nothing more is begun.

        Args:
            reason: Why, unless a person wanted it.
        """
        if not self._halted.is_set():
            self._reason = reason
            self._halted.set()

    @property
    def ended(self) -> bool:
        """Whether the ride is to end."""
        return self._halted.is_set() or (self._turn is not None and self._turn.is_set())

    def move(self, plan: Plan, move: Callable[[], float]) -> float:
        """Make a movement under watch.

        Args:
            plan: What it is meant to do.
            move: Does it, and returns what was done.

        Returns:
            What was done, metres or radians.

        Raises:
            ToolError: It was stopped; the message says why and after how much.
        """
        if self.ended:
            cancelled = self._turn is not None and self._turn.is_set()
            raise ToolError("cancelled" if cancelled else "stopped")
        if stale := self._stale(plan):
            raise ToolError(f"{stale}: the robot does not move blind")
        over, moved = threading.Event(), math.nan
        self._blind_since = 0.0
        watchers = [
            threading.Thread(target=self._stop_when_ended, args=(over,), name="motion-stop"),
            threading.Thread(target=self._look, args=(plan, over), name="motion-look"),
        ]
        try:
            for watcher in watchers:
                watcher.daemon = True
                watcher.start()
            moved = move()
        except SenseBindError:
            if not self.ended:
                raise
        except BaseException:  # Ctrl-C in this thread: the base must not go on without it
            self.halt("interrupted")
            self._stop_once()
            raise
        finally:
            over.set()
            for watcher in watchers:
                if watcher.ident is not None:  # there may be no threads left
                    watcher.join()
        if not self.ended:
            return moved
        if not self._reason:
            raise ToolError("stopped")
        done = "" if math.isnan(moved) else f" after {plan.done(moved)}"
        raise ToolError(f"stopped{done}: {self._reason}")

    def _stop_once(self) -> str:
        """Send a stop; returns what failed, or ""."""
        try:
            self._robot.stop()
        except Exception as error:  # whatever it is, the next stop follows
            return one_line(error)
        return ""

    def _stop_when_ended(self, over: threading.Event) -> None:
        """Wait for a reason to stop, and then send stops until the movement has returned."""
        soonest = self._turn if self._turn is not None else self._halted
        while not self.ended:
            if over.is_set():
                return
            soonest.wait(_TICK)
        began, attempts, failures = time.monotonic(), 0, 0
        with _Reports(self._report) as reports:
            while True:
                attempts += 1
                if failure := self._stop_once():
                    failures += 1
                    if failures & (failures - 1) == 0:  # 1, 2, 4, 8, …
                        lasted = time.monotonic() - began
                        reports.add(MotionEvent("stop_failed", failure, attempts, lasted))
                if over.wait(_AGAIN):
                    break
            why = self._reason or "a person or the end of the turn stopped it"
            reports.add(MotionEvent("stopped", why, attempts, time.monotonic() - began))

    # --- what is looked at --------------------------------------------------------------------

    def _look(self, plan: Plan, over: threading.Event) -> None:
        while not over.wait(_LOOK):
            try:
                trouble = self._trouble(plan)
            except Exception as error:  # a robot that cannot be looked after does not move
                log.exception("a movement cannot be watched")
                trouble = one_line(error)
            if trouble:
                self.halt(trouble)
                return

    def _trouble(self, plan: Plan) -> str:
        """Return why the movement must end, or ""."""
        if stale := self._stale(plan):
            return stale
        try:
            pose = pose_of(self._robot)
        except (SenseBindError, OSError) as error:
            now = time.monotonic()
            self._blind_since = self._blind_since or now
            return one_line(error) if now - self._blind_since > _SILENCE else ""
        self._blind_since = 0.0
        fence, start = self._limits.fence, plan.start[:2]
        # A robot that was put outside may come back, but not go further away.
        if outside(fence, pose[:2]) > outside(fence, start) + 1e-3:
            return "it has left the area that may be driven in"
        return plan.deviation(pose, self._limits.off_course)

    def _stale(self, plan: Plan) -> str:
        """Return how old the newest image of the way is where it is too old, or ""."""
        if self._sight is None:
            return ""
        age = self._sight(plan.direction)
        if age <= self._limits.max_sight_age:
            return ""
        if math.isinf(age):
            return "there is no picture of the way"
        return f"the newest picture of the way is {age:.1f} s old"


class _Reports:
    """Hands events to a report in a thread of its own, begun with the first: it may be slow."""

    def __init__(self, report: Report | None) -> None:
        self._report = report
        self._events: queue.SimpleQueue[MotionEvent | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> _Reports:
        return self

    def __exit__(self, *_: object) -> None:
        self._events.put(None)
        if self._thread is not None:
            self._thread.join()
        elif self._report is not None:
            self._hand_over(self._report)

    def add(self, event: MotionEvent) -> None:
        if event.kind == "stop_failed":
            log.warning("the robot cannot be stopped (%d tried): %s", event.attempts, event.detail)
        if self._report is None:
            return
        self._events.put(event)
        if self._thread is None:
            thread = threading.Thread(target=self._hand_over, args=(self._report,))
            try:
                thread.start()
            except RuntimeError:  # no threads left: it is reported later, and stopped now
                log.warning("a stop cannot be reported yet: no thread can be started")
            else:
                self._thread = thread

    def _hand_over(self, report: Report) -> None:
        while (event := self._events.get()) is not None:
            try:
                report(event)
            except Exception:  # a full disk must not keep a robot from being stopped
                log.exception("a stop could not be reported")
