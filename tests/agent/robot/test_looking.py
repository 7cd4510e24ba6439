"""What those who look at a robot are shown: the devices of its home."""

from types import SimpleNamespace
from typing import Any

import pytest

from sensebind.agent.robot.looking import Looking
from sensebind.errors import ToolError
from sensebind.perception.simhome.house_api import HouseServer


class House:
    """States of devices; a real API serves them."""

    def __init__(self) -> None:
        self.states = {"lamp": 1, "radio": 0, "fan": 0, "door": 0, "thermostat": 21}

    def get(self, name: str) -> int:
        return self.states[name]

    def set(self, name: str, value: int) -> None:
        self.states[name] = value


def looking(address: str, *kinds: str) -> Looking:
    tools = [SimpleNamespace(kind=kind) for kind in kinds]
    context: Any = SimpleNamespace(
        home=SimpleNamespace(server=SimpleNamespace(house=address)),
        config=SimpleNamespace(tools=tools),
    )
    return Looking(context)


def test_the_devices_of_a_home_say_how_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # no proxy is asked
    house: Any = House()
    with HouseServer(house) as server:
        shown = looking(server.address, "clock", "house").devices()
        assert shown == {
            "lamp": "on",
            "radio": "off",
            "fan": "off",
            "door": "closed",
            "thermostat": "21",
        }
        house.set("door", 1)
        assert looking(server.address, "house").devices()["door"] == "open"
        assert looking(server.address, "clock").devices() == {}
    with pytest.raises(ToolError, match="do not answer"):
        looking(server.address, "house").devices()


def test_a_robot_without_a_home_has_no_devices() -> None:
    context: Any = SimpleNamespace(home=None, config=SimpleNamespace(tools=[]))
    assert Looking(context).devices() == {}
