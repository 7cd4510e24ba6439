"""The microphone: distance, devices in time, noise, and being a pure function of time."""

import numpy as np
import pytest

from sensebind.perception.simhome.catalog import SOUNDING_KINDS
from sensebind.perception.simhome.devices import DeviceState
from sensebind.perception.simhome.microphone import Microphone
from sensebind.perception.simhome.scene import Scene, Thing

HERE = (0.0, 0.0, 0.0)


def _level(samples: np.ndarray) -> float:
    return 10 * float(np.log10(np.mean(np.square(samples))))


def _microphone(*things: Thing) -> tuple[Microphone, DeviceState]:
    scene = Scene(seed=7, things=things)
    devices = DeviceState.for_scene(scene)
    return Microphone(scene, devices), devices


def _thing(kind: str, distance: float, sounding: bool = True) -> Thing:
    return Thing(kind, "red", distance, 0.0, sounding=sounding)


@pytest.mark.parametrize("kind", SOUNDING_KINDS)
def test_heard_at_one_metre_and_at_five(kind: str) -> None:
    near = _level(_microphone(_thing(kind, 1.0))[0].listen(HERE, 3.0, 2.0))
    far = _level(_microphone(_thing(kind, 5.0))[0].listen(HERE, 3.0, 2.0))
    assert -24 < near < -12
    assert -40 < far < near - 10


def test_silent_things_leave_the_noise_of_the_room() -> None:
    microphone, _ = _microphone(_thing("dog", 1.0, sounding=False), _thing("ball", 1.0))
    heard = microphone.listen(HERE, 3.0, 2.0)
    assert heard.shape == (32000,) and heard.dtype == np.float32
    assert -63 < _level(heard) < -61
    assert microphone.levels(HERE, 3.0, 2.0) == []


def test_nearness_is_bounded_and_samples_stay_within_one() -> None:
    at_it, _ = _microphone(*[_thing("dog", 0.0)] * 4)
    assert np.abs(at_it.listen(HERE, 2.0, 2.0)).max() <= 1.0


def test_overlapping_stretches_agree() -> None:
    microphone, devices = _microphone(_thing("piano", 1.5), _thing("radio", 2.0))
    devices.set("radio", False, at=1.25)
    whole = microphone.listen(HERE, 3.0, 3.0)
    part = microphone.listen(HERE, 1.5, 1.0)
    np.testing.assert_allclose(part, whole[8000:24000], atol=1e-6)
    pieces = [microphone.listen(HERE, end / 10, 0.1) for end in range(1, 31)]
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-6)


@pytest.mark.parametrize("kind", ["radio", "fan"])
def test_a_device_sounds_while_it_is_on(kind: str) -> None:
    microphone, devices = _microphone(_thing(kind, 1.0))
    devices.set(kind, False, at=4.0)
    devices.set(kind, True, at=6.0)
    assert _level(microphone.listen(HERE, 4.0, 1.0)) > -25
    assert _level(microphone.listen(HERE, 5.5, 1.0)) < -60
    assert _level(microphone.listen(HERE, 7.5, 1.0)) > -25
    assert [kind for kind, _ in microphone.levels(HERE, 4.5, 2.0)] == [kind]
    edge = microphone.listen(HERE, 4.5, 1.0)
    assert _level(edge[:7500]) > -25 and _level(edge[8500:]) < -60


def test_a_radio_that_was_off_can_be_turned_on() -> None:
    microphone, devices = _microphone(_thing("radio", 1.0, sounding=False))
    devices.set("radio", True, at=1.0)
    assert _level(microphone.listen(HERE, 1.0, 1.0)) < -60
    assert _level(microphone.listen(HERE, 3.0, 1.0)) > -25


def test_switching_the_radio_leaves_other_sounds_alone() -> None:
    microphone, devices = _microphone(_thing("dog", 1.0), _thing("radio", 1.0))
    both = microphone.levels(HERE, 1.0, 1.0)
    devices.set("radio", False, at=1.0)
    assert {kind for kind, _ in both} == {"dog", "radio"}
    assert [kind for kind, _ in microphone.levels(HERE, 3.0, 1.0)] == ["dog"]


def test_the_loudest_comes_first_and_follows_the_robot() -> None:
    microphone, _ = _microphone(_thing("vacuum", 1.0), _thing("train", -3.0))
    assert [kind for kind, _ in microphone.levels(HERE, 2.0, 2.0)] == ["vacuum", "train"]
    there = (-2.5, 0.0, 0.0)
    assert [kind for kind, _ in microphone.levels(there, 2.0, 2.0)] == ["train", "vacuum"]


def test_other_scenes_have_other_noise_and_other_instances() -> None:
    thing = _thing("dog", 1.0)
    first = Microphone(Scene(1, (thing,)), DeviceState()).listen(HERE, 2.0, 2.0)
    other = Microphone(Scene(2, (thing,)), DeviceState()).listen(HERE, 2.0, 2.0)
    again = Microphone(Scene(1, (thing,)), DeviceState()).listen(HERE, 2.0, 2.0)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.05
