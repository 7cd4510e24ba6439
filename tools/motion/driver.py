"""The control loop of the driving process, without its sockets: what to command now, and why.

Everything it knows comes by calls with the time, so that a test can drive a simulated base through
it step by step.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sensebind.perception.geometry.odometry import Odometry
from sensebind.tools.motion.corridor import Surroundings
from sensebind.tools.motion.limits import outside
from sensebind.tools.motion.messages import Outcome
from sensebind.tools.motion.plan import Plan, Pose
from sensebind.tools.motion.settings import MotionSettings

COMMAND_SECONDS = 0.05
"""Between two commands to the base."""
ODOMETRY_SILENCE = 0.2
"""Seconds without odometry after which the robot is stopped."""

_STANDS, _STANDS_TURNING = 0.01, 0.02  # m/s and rad/s below which a base stands
_STOOD, _STOOD_TURNING = 0.002, 0.004  # m and rad within which two poses are the same
_APART = 0.015  # seconds between two odometries that show standstill
_CREEP, _CREEP_TURNING = 0.03, 0.06  # m/s and rad/s: a movement does not get slower than that
_CLOSE, _CLOSE_TURNING = 0.004, 0.004  # m and rad from the end at which it is reached
_STUCK = 1.5  # seconds of commands without any movement after which something is in the way
_STUCK_MOVED = 0.01  # metres or radians that count as movement
_TAIL = 0.5  # seconds that zero is still sent after the robot stands: what was late may come yet
_PATIENCE = 1.0  # seconds until a movement counts as ended although nobody knows that it stands
_HISTORY = 2.0  # seconds of odometry, to know where a sweep was captured
_FENCE_SLACK = 0.02  # metres that a braking distance may be wrong by
_EARLY = 0.7  # share of the braking that is planned with; the rest is for what was not foreseen
_STEER_HEADING, _STEER_ACROSS, _STEER_MOST = (
    1.5,
    1.0,
    0.4,
)  # back to the line: per rad, per m, rad/s


@dataclass(frozen=True, slots=True)
class Ended:
    """How a movement ended; see `messages.Done`.

    Attributes:
        outcome: Whether the movement was completed, and if not, what ended it.
        moved: Metres along the planned way, or radians turned, with their sign.
        detail: Why it ended, in words; "" where it went as planned.
    """

    outcome: Outcome
    moved: float
    detail: str


@dataclass(slots=True)
class _Movement:
    plan: Plan
    began: float
    turned: float = 0.0
    speed: float = 0.0  # commanded last: m/s or rad/s, without sign
    stepped: float = 0.0  # when that was
    progress: float = 0.0  # the farthest, without sign
    progressed: float = 0.0  # when it last grew

    @property
    def amount(self) -> float:
        return self.plan.metres or self.plan.radians


class Driver:
    """Drives one movement at a time, and brakes for every reason there is.

    Args:
        settings: How to drive.
    """

    def __init__(self, settings: MotionSettings) -> None:
        self._settings = settings
        self._around = Surroundings(settings.footprint, settings.mount)
        self._history: deque[Odometry] = deque()
        self._heard = -math.inf  # when the newest odometry came
        self._swept = -math.inf  # when the newest sweep was captured
        self._blind = False  # whether the lidar has seen nothing at all since then
        self._movement: _Movement | None = None
        self._braking_since: float | None = None
        self._stood: Odometry | None = None
        self._tail_until = -math.inf
        self._reason: tuple[Outcome, str] = ("done", "")
        self._ended: Ended | None = None

    # --- what comes in --------------------------------------------------------------------------

    def hear(self, odometry: Odometry | None, now: float) -> None:
        """Take in the newest odometry; one that was taken in already is silence."""
        last = self._history[-1] if self._history else None
        if odometry is None or odometry == last or not all(map(math.isfinite, odometry)):
            return
        self._heard = now
        self._history.append(odometry)
        while now - self._history[0].monotonic > _HISTORY and len(self._history) > 1:
            self._history.popleft()
        movement = self._movement
        if movement is None:
            return
        if last is not None:
            movement.turned += math.remainder(odometry.heading - last.heading, math.tau)
        progress = abs(self._moved(movement))
        if progress > movement.progress + _STUCK_MOVED:
            movement.progress, movement.progressed = progress, now

    def see(self, sweep: np.ndarray, captured: float, now: float) -> None:
        """Take in a sweep.

        One without a single return is left out: a lidar that is covered, blinded or broken sends
        nothing else, and looks like an empty plain.

        Args:
            sweep: float32 [N, 3] metres in the lidar's frame; what is not finite, or 0, is no
                return.
            captured: When, seconds of the monotonic clock; one that is not newer is left out.
            now: Seconds; no clock makes a sweep newer than that.
        """
        captured = min(captured, now)
        if captured <= self._swept or not self._history:
            return
        self._blind = not (np.isfinite(sweep).all(axis=1) & sweep.any(axis=1)).any()
        if self._blind:
            return
        self._swept = captured
        near = min(self._history, key=lambda one: abs(one.monotonic - captured))
        self._around.take(sweep, near.pose, captured)

    # --- movements ------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether a movement is under way or the robot still brakes."""
        return self._movement is not None or self._braking_since is not None

    @property
    def braking(self) -> bool:
        """Whether the base is commanded to stand."""
        return self._braking_since is not None

    @property
    def pose(self) -> Pose | None:
        """Where the robot is; None before any odometry."""
        return self._history[-1].pose if self._history else None

    def trouble(self, now: float) -> str:
        """Return why the robot cannot be driven now, whatever the movement, or ""."""
        # Odometry that comes late from a link that holds it back is silence, too.
        newest = self._history[-1].monotonic if self._history else -math.inf
        silent = now - min(self._heard, newest)
        if not silent <= ODOMETRY_SILENCE:
            return (
                "the base is silent"
                if math.isinf(silent)
                else (f"the base has been silent for {silent:.1f} s")
            )
        if self._settings.lidar is not None:
            age = now - self._swept
            if not age <= self._settings.sweep_age:
                if self._blind:
                    return "the lidar sees nothing at all: is it covered, or blinded?"
                return (
                    "the lidar gives no sweeps"
                    if math.isinf(age)
                    else (f"the newest sweep of the lidar is {age:.1f} s old")
                )
        return ""

    def start(self, kind: Literal["drive", "turn"], amount: float, now: float) -> str:
        """Begin a movement.

        Args:
            kind: Whether to drive metres or to turn radians.
            amount: How far; negative is back or to the right.
            now: Seconds.

        Returns:
            Why it is refused, or "".
        """
        if not math.isfinite(amount) or abs(amount) > 1000:
            return f"{amount} is not a distance"
        if trouble := self.trouble(now):
            return trouble
        if self.busy:
            return "the robot is moving already"
        pose = self._history[-1].pose
        plan = Plan(pose, metres=amount) if kind == "drive" else Plan(pose, radians=amount)
        fence = self._settings.fence
        end = (pose[0] + plan.metres * math.cos(pose[2]), pose[1] + plan.metres * math.sin(pose[2]))
        if outside(fence, end) > outside(fence, pose[:2]):
            return "it would leave the area that may be driven in"
        self._reason = ("done", "")
        self._movement = _Movement(plan, now, stepped=now, progressed=now)
        self._ended = None
        return ""

    def end(self, outcome: Outcome, detail: str, now: float) -> None:
        """Brake, as hard as the base can; the first reason stays."""
        if self._braking_since is None:
            self._braking_since, self._stood = now, None
            self._reason = (outcome, detail)

    def end_movement(self, outcome: Outcome, detail: str, now: float) -> None:
        """Brake if a movement is under way, and otherwise send zero for a moment all the same."""
        if self._movement is not None:
            if self._reason[0] == "done":  # it brakes at its end, and its ride must not go on
                self._reason = (outcome, detail)
            self.end(outcome, detail, now)
        else:
            self._tail_until = max(self._tail_until, now + _TAIL)

    def take_ended(self) -> Ended | None:
        """Return how the movement ended, once, when the robot stands."""
        ended, self._ended = self._ended, None
        return ended

    def step(self, now: float) -> tuple[float, float] | None:
        """Return the velocity to command now (m/s, rad/s); None while the base is left alone."""
        movement = self._movement
        if movement is not None and self._braking_since is None:
            velocity = self._drive(movement, now)
            if velocity is not None:
                return velocity
        if self._braking_since is not None:
            self._brake(now)
            return 0.0, 0.0
        return (0.0, 0.0) if now < self._tail_until else None

    def _brake(self, now: float) -> None:
        """Find out whether the robot stands: two odometries in a row after the command say so."""
        assert self._braking_since is not None
        newest = self._history[-1] if self._history else None
        stands = (
            newest is not None
            and self._heard > self._braking_since
            and now - self._heard <= ODOMETRY_SILENCE
            and abs(newest.speed) < _STANDS
            and abs(newest.turn_rate) < _STANDS_TURNING
        )
        if stands:
            assert newest is not None
            if self._stood is None or _went(self._stood, newest):  # whatever speed it says
                self._stood = newest
            elif newest.monotonic - self._stood.monotonic > _APART:
                self._finish("")
                self._braking_since, self._tail_until = None, now + _TAIL
            return
        self._stood = None
        if self._movement is not None and now - self._braking_since > _PATIENCE:
            self._finish(" (and nobody knows whether it stands)")  # zero is sent on and on

    def _finish(self, doubt: str) -> None:
        movement, self._movement = self._movement, None
        if movement is not None:
            outcome, detail = self._reason
            self._ended = Ended(outcome, self._moved(movement), detail + doubt)

    def _moved(self, movement: _Movement) -> float:
        """Return the metres along the planned way, or the radians turned, with their sign."""
        if not movement.plan.metres:
            return movement.turned
        x, y, heading = movement.plan.start
        here = self._history[-1]
        return (here.x - x) * math.cos(heading) + (here.y - y) * math.sin(heading)

    # --- driving --------------------------------------------------------------------------------

    def _drive(self, movement: _Movement, now: float) -> tuple[float, float] | None:
        """Return the velocity, or None when the movement has come to its end just now."""
        settings, here = self._settings, self._history[-1]
        if reason := self.trouble(now) or self._astray(movement, here):
            self.end("failed", reason, now)
            return None
        if movement.speed and now - movement.progressed > _STUCK:
            self.end("blocked", "the robot does not come on", now)
            return None
        drives = bool(movement.plan.metres)
        sign = math.copysign(1.0, movement.amount)
        left = abs(movement.amount) - sign * self._moved(movement)
        if left <= (_CLOSE if drives else _CLOSE_TURNING):
            self.end("done", "", now)
            return None
        most, gain, braking, creep = (
            (settings.speed, settings.acceleration, settings.braking, _CREEP)
            if drives
            else (
                settings.turn_rate,
                settings.turn_acceleration,
                settings.turn_braking,
                _CREEP_TURNING,
            )
        )
        known = min(max(now - here.monotonic, 0.0), ODOMETRY_SILENCE)  # ago: it has moved since
        late = settings.delay + COMMAND_SECONDS + known
        measured = abs(here.speed if drives else here.turn_rate)
        if now - movement.stepped > settings.valid_for:  # it was held up, and the base has braked
            movement.speed = min(movement.speed, measured)
        ramp = movement.speed + gain * min(max(now - movement.stepped, 0.01), COMMAND_SECONDS)
        wanted = min(most, ramp, max(_fitting(left, _EARLY * braking, late), creep))
        steer = self._steer(movement, here) if drives else 0.0
        free = self._free(drives, sign, steer, max(wanted, measured), braking, late)
        # What cannot be braked for any more, or is as near as it may be, ends the movement.
        if free < max(_distance(measured, braking, late), _distance(creep, braking, late)):
            self.end("blocked", "something is in the way", now)
            return None
        wanted = min(wanted, max(_fitting(free, _EARLY * braking, late), creep))
        movement.speed, movement.stepped = wanted, now
        return (sign * wanted, steer) if drives else (0.0, sign * wanted)

    def _free(
        self, drives: bool, sign: float, steer: float, speed: float, braking: float, late: float
    ) -> float:
        """Return the metres (or radians) ahead that may be driven on, `keep_away` left out."""
        if self._settings.lidar is None:
            return math.inf
        here = self._history[-1]
        keep_away = self._settings.keep_away if drives else 0.0
        length = _distance(speed, _EARLY * braking, late) + keep_away + 0.1
        ahead, turning = (sign * max(speed, _CREEP), steer) if drives else (0.0, sign)
        return self._around.free(here.pose, ahead, turning, length) - keep_away

    def _astray(self, movement: _Movement, here: Odometry) -> str:
        """Return why the robot is not where it should be, or ""."""
        settings = self._settings
        if off := movement.plan.deviation(here.pose, settings.off_course):
            return off
        if movement.plan.metres and settings.fence is not None:
            stop = math.copysign(
                _distance(abs(here.speed), settings.braking, settings.delay), here.speed
            )
            x = here.x + stop * math.cos(here.heading)
            y = here.y + stop * math.sin(here.heading)
            before = outside(settings.fence, movement.plan.start[:2])
            if outside(settings.fence, (x, y)) > before + _FENCE_SLACK:
                return "it would leave the area that may be driven in"
        return ""

    def _steer(self, movement: _Movement, here: Odometry) -> float:
        """Return the turn rate that brings the robot back to its line."""
        x, y, heading = movement.plan.start
        across = (here.y - y) * math.cos(heading) - (here.x - x) * math.sin(heading)
        off = math.remainder(here.heading - heading, math.tau)
        if abs(across) < 0.005 and abs(off) < 0.005:
            return 0.0
        sign = math.copysign(1.0, movement.plan.metres)
        wanted = -_STEER_HEADING * off - sign * _STEER_ACROSS * across
        return min(max(wanted, -_STEER_MOST), _STEER_MOST)


def _went(before: Odometry, after: Odometry) -> bool:
    """Return whether a base has moved by its poses."""
    turned = math.remainder(after.heading - before.heading, math.tau)
    return math.dist(before.pose[:2], after.pose[:2]) > _STOOD or abs(turned) > _STOOD_TURNING


def _distance(speed: float, braking: float, late: float) -> float:
    """Return how far it goes on: v t + v² / 2a."""
    return speed * late + speed * speed / (2 * braking)


def _fitting(distance: float, braking: float, late: float) -> float:
    """Return the speed from which it stops within a distance; the inverse of `_distance`."""
    if distance <= 0:
        return 0.0
    return braking * (math.sqrt(late * late + 2 * distance / braking) - late)
