"""Devices remember when they were changed."""

import threading

import pytest

from sensebind.errors import InputError
from sensebind.perception.simhome.devices import DeviceState, device_thing
from sensebind.perception.simhome.scene import Scene, Thing


def test_state_is_a_function_of_time() -> None:
    devices = DeviceState(radio=True)
    devices.set("radio", False, at=3.0)
    devices.set("radio", True, at=5.0)
    assert [devices.on("radio", at) for at in (-9, 2.9, 3.0, 4.9, 5.0, 99)] == [
        True,
        True,
        False,
        False,
        True,
        True,
    ]
    assert devices.changes("radio", 3.0, 5.0) == [(5.0, 1)]
    assert devices.changes("radio", 0.0, 9.0) == [(3.0, 0), (5.0, 1)]


def test_changes_happen_at_the_time_of_the_clock() -> None:
    now = 0.0
    devices = DeviceState(clock=lambda: now)
    now = 2.0
    devices.set("lamp", True)
    devices.set("door", True)
    devices.set("thermostat", 25)
    assert devices.lamp and devices.door_open and not devices.fan and not devices.radio
    assert devices.thermostat == 25
    assert devices.get("thermostat", 1.9) == 21
    assert not devices.on("lamp", 1.9)


def test_the_past_cannot_be_changed() -> None:
    devices = DeviceState()
    devices.set("fan", True, at=4.0)
    devices.set("fan", False, at=1.0)
    assert devices.changes("fan", 0.0, 9.0) == [(4.0, 1), (4.0, 0)]
    assert not devices.on("fan", 3.0) and not devices.on("fan", 4.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [("oven", True), ("lamp", 2), ("thermostat", 9), ("thermostat", 31), ("thermostat", True)],
)
def test_what_a_device_does_not_take_is_refused(name: str, value: int) -> None:
    devices = DeviceState()
    with pytest.raises(InputError):
        devices.set(name, value)


def test_unknown_device_cannot_be_read() -> None:
    with pytest.raises(InputError, match="there are lamp, radio"):
        DeviceState().get("oven")


def test_a_scene_says_what_is_on_at_the_beginning() -> None:
    silent, sounding = Thing("radio", "red", 1, 0), Thing("radio", "blue", 2, 0, sounding=True)
    scene = Scene(1, (silent, sounding, Thing("fan", "red", 0, 2)))
    devices = DeviceState.for_scene(scene, lamp=True)
    assert devices.radio and not devices.fan and devices.lamp
    assert device_thing(scene, "radio") == 1
    assert device_thing(scene, "fan") == 2
    assert device_thing(scene, "lamp") is None
    assert device_thing(Scene(1, scene.things, device_things={"radio": 0}), "radio") == 0


def test_concurrent_changes_are_all_kept() -> None:
    devices = DeviceState()
    threads = [
        threading.Thread(target=lambda: [devices.set("lamp", True, at=1.0) for _ in range(200)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(devices.changes("lamp", 0.0, 2.0)) == 800
