"""People's devices in a SimHome, with the time of every change.

The history is kept so that light and sound are functions of time: a radio that was turned off two
seconds ago is silent now and still plays in the samples of three seconds ago.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from sensebind.errors import InputError
from sensebind.perception.simhome.catalog import DEVICES

if TYPE_CHECKING:
    from sensebind.perception.simhome.scene import Scene

SWITCHES = tuple(name for name in DEVICES if name != "thermostat")
SOUNDING_DEVICES = ("radio", "fan")
COLDEST, WARMEST = 10, 30  # what the thermostat can be set to, degrees Celsius


class DeviceState:
    """The lamp, radio, fan, door (True: open) and thermostat (whole degrees Celsius) of a home.

    It may be read and changed from several threads.

    Args:
        lamp, radio, fan, door, thermostat: How each stands before time zero.
        clock: The home's time in seconds; a change without a time of its own happens then.

    Raises:
        InputError: The thermostat is out of its range.
    """

    def __init__(
        self,
        *,
        lamp: bool = False,
        radio: bool = False,
        fan: bool = False,
        door: bool = False,
        thermostat: int = 21,
        clock: Callable[[], float] | None = None,
    ) -> None:
        start = {"lamp": lamp, "radio": radio, "fan": fan, "door": door, "thermostat": thermostat}
        self._lock = threading.Lock()
        self._clock = clock or (lambda: 0.0)
        self._history: dict[str, list[tuple[float, int]]] = {
            name: [(float("-inf"), _checked(name, value))] for name, value in start.items()
        }

    @classmethod
    def for_scene(
        cls, scene: Scene, *, clock: Callable[[], float] | None = None, lamp: bool = False
    ) -> DeviceState:
        """The devices as a scene begins: its radio and fan are on when they are sounding."""
        begin = {}
        for name in SOUNDING_DEVICES:
            index = device_thing(scene, name)
            begin[name] = index is not None and scene.things[index].sounding
        return cls(lamp=lamp, clock=clock, **begin)

    @property
    def lamp(self) -> bool:
        """Whether the lamp is on now."""
        return self.on("lamp")

    @property
    def radio(self) -> bool:
        """Whether the radio plays now."""
        return self.on("radio")

    @property
    def fan(self) -> bool:
        """Whether the fan turns now."""
        return self.on("fan")

    @property
    def door_open(self) -> bool:
        """Whether the door is open now."""
        return self.on("door")

    @property
    def thermostat(self) -> int:
        """What the thermostat is set to now, degrees Celsius."""
        return self.get("thermostat")

    def set(self, name: str, value: bool | int, at: float | None = None) -> None:
        """Changes a device.

        Args:
            name: One of `DEVICES`.
            value: On or open for the switches, whole degrees Celsius for the thermostat.
            at: Home time in seconds, now if left out. The past cannot be changed: a time before
                the device's last change counts as the time of that change.

        Raises:
            InputError: No such device, or a value that it does not take.
        """
        number = _checked(name, value)
        with self._lock:
            history = self._history[name]
            history.append((max(self._clock() if at is None else at, history[-1][0]), number))

    def get(self, name: str, at: float | None = None) -> int:
        """How a device stood at home time `at` in seconds (now if left out); a switch is 0 or 1.

        Raises:
            InputError: No such device.
        """
        moment = self._clock() if at is None else at
        with self._lock:
            history = self._history[_known(name)]
            return next(value for time, value in reversed(history) if time <= moment)

    def on(self, name: str, at: float | None = None) -> bool:
        """Whether a switch was on (the door: open) at home time `at` (now if left out)."""
        return bool(self.get(name, at))

    def changes(self, name: str, since: float, until: float) -> list[tuple[float, int]]:
        """The changes of a device in (since, until], as (home time in seconds, new value).

        Raises:
            InputError: No such device.
        """
        with self._lock:
            return [step for step in self._history[_known(name)] if since < step[0] <= until]


def device_thing(scene: Scene, name: str) -> int | None:
    """Which of a scene's things is the device `name`: an index into `scene.things`, or None.

    Where the scene does not say, it is the sounding thing of that kind, else the first one.
    """
    if name in scene.device_things:
        return scene.device_things[name]
    same = [index for index, thing in enumerate(scene.things) if thing.kind == name]
    return next((index for index in same if scene.things[index].sounding), next(iter(same), None))


def _known(name: str) -> str:
    if name not in DEVICES:
        raise InputError(f"no device {name!r} in this home; there are {', '.join(DEVICES)}")
    return name


def _checked(name: str, value: bool | int) -> int:
    if _known(name) == "thermostat":
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or not COLDEST <= value <= WARMEST:
            raise InputError(
                f"the thermostat takes whole degrees from {COLDEST} to {WARMEST}, not {value!r}"
            )
    elif value not in (0, 1):
        raise InputError(f"{name} takes true or false, not {value!r}")
    return int(value)
