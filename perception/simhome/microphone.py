"""The robot's microphone: what the things of a scene sound like from where the robot is.

A pure function of the scene, the devices' history, the robot's pose and time: asking twice for the
same stretch of time gives the same samples, and two overlapping stretches agree where they overlap.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from sensebind.perception.simhome.catalog import SOUNDING_KINDS
from sensebind.perception.simhome.devices import SOUNDING_DEVICES, DeviceState, device_thing
from sensebind.perception.simhome.sounds import sound_loop
from sensebind.perception.simhome.synthesis import LOOP, RATE, Signal, window

if TYPE_CHECKING:
    from sensebind.perception.simhome.scene import Scene, Thing

NOISE_DBFS = -62.0
NEAREST = 0.7  # metres; closer than this a thing gets no louder
_FADE = int(0.01 * RATE)  # a device that is switched fades in or out this fast
_ECHOES = 3
_DULLING = 0.04  # share of the treble that each metre of air and room takes
_THINGS_PER_SCENE = 64


class Microphone:
    """Hears the things of a scene: louder when near, duller when far, over the room's noise.

    Args:
        scene: What stands where; `Thing.sounding` things sound all the time.
        devices: The thing that is the home's radio or fan sounds while that device is on, whatever
            `Thing.sounding` says; any other radio or fan goes by `Thing.sounding`.
    """

    def __init__(self, scene: Scene, devices: DeviceState) -> None:
        self._scene = scene
        self._devices = devices
        places = {device_thing(scene, name): name for name in SOUNDING_DEVICES}
        self._device_at = {index: name for index, name in places.items() if index is not None}
        rng = np.random.default_rng([scene.seed & 0xFFFF_FFFF_FFFF_FFFF, 0xEC40])
        self._delays = np.sort(rng.integers(60, 420, _ECHOES))  # samples: 1 to 9 m of detour
        self._echoes = rng.uniform(0.1, 0.28, _ECHOES) * np.array([1.0, 0.8, 0.6])

    def listen(
        self, robot_pose: tuple[float, float, float], until: float, seconds: float
    ) -> Signal:
        """The last `seconds` up to home time `until`, heard from one place.

        Args:
            robot_pose: x and y in metres and heading in radians of the robot.
            until: Home time of the end, seconds.
            seconds: Length; may reach back before time zero.

        Returns:
            float32 [n] at 16 kHz within ±1, n = round(seconds * 16000).
        """
        count = round(seconds * RATE)
        start = round(until * RATE) - count
        heard = window(_room_noise(self._scene.seed), start, count).copy()
        for index, thing in enumerate(self._scene.things):
            part = self._from(index, thing, robot_pose, start, count)
            if part is not None:
                heard += part
        return np.clip(heard, -1.0, 1.0, out=heard)

    def levels(
        self, robot_pose: tuple[float, float, float], until: float, seconds: float
    ) -> list[tuple[str, float]]:
        """How loud each sounding thing arrives in that stretch: (kind, dBFS rms), loudest first.

        Things that are not above the room's noise are left out.
        """
        count = round(seconds * RATE)
        start = round(until * RATE) - count
        levels = []
        for index, thing in enumerate(self._scene.things):
            part = self._from(index, thing, robot_pose, start, count)
            if part is not None and count:
                power = float(np.mean(np.square(part)))
                levels.append((thing.kind, 10 * math.log10(power + 1e-12)))
        audible = [level for level in levels if level[1] > NOISE_DBFS]
        return sorted(audible, key=lambda level: -level[1])

    def _from(
        self,
        index: int,
        thing: Thing,
        pose: tuple[float, float, float],
        start: int,
        count: int,
    ) -> Signal | None:
        """What one thing contributes at the microphone, [count]; None if it is silent."""
        if thing.kind not in SOUNDING_KINDS:
            return None
        gate: Signal | float = float(thing.sounding)
        if index in self._device_at:
            gate = self._gate(self._device_at[index], start, count)
        if not np.any(gate):
            return None
        loop = sound_loop(thing.kind, self._scene.seed * _THINGS_PER_SCENE + index)
        distance = math.hypot(thing.x - pose[0], thing.y - pose[1])
        # One sample more on either side for the three taps of the air's low-pass.
        dry = window(loop, start - 1, count + 2)
        wet = dry.copy()
        for delay, strength in zip(self._delays, self._echoes, strict=True):
            wet += np.float32(strength) * window(loop, start - 1 - int(delay), count + 2)
        dull = np.float32(min(_DULLING * distance, 0.45))
        air = (1 - dull) * wet[1:-1] + (dull / 2) * (wet[:-2] + wet[2:])
        return (air * (gate / max(distance, NEAREST))).astype(np.float32)

    def _gate(self, device: str, start: int, count: int) -> Signal | float:
        """How far a device was on: a constant, or an envelope [count] if it was switched."""
        begin, end = (start - _FADE) / RATE, (start + count) / RATE
        value = float(self._devices.get(device, begin))
        steps = self._devices.changes(device, begin, end)
        if not steps:
            return value
        index = np.arange(start, start + count)
        gate: Signal = np.full(count, value, np.float32)
        for moment, after in steps:
            ramp = np.clip((index - moment * RATE) / _FADE, 0, 1).astype(np.float32)
            gate += ramp * np.float32(after - value)
            value = float(after)
        return gate


@lru_cache(maxsize=64)
def _room_noise(seed: int) -> Signal:
    """The room's own noise, a loop of `LOOP` samples with a little less treble than white."""
    rng = np.random.default_rng([seed & 0xFFFF_FFFF_FFFF_FFFF, 0x4015E])
    white = rng.standard_normal(LOOP, dtype=np.float32)
    scale = 10 ** (NOISE_DBFS / 20) / math.sqrt(1 + 0.6**2)
    noise = (scale * (white + 0.6 * np.roll(white, 1))).astype(np.float32)
    noise.setflags(write=False)
    return noise
