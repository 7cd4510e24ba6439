"""The house API over real HTTP on loopback."""

import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from sensebind.errors import ConfigurationError
from sensebind.perception.simhome.devices import DeviceState
from sensebind.perception.simhome.house_api import HouseServer

OPERATIONS = {
    "lamp_on",
    "lamp_off",
    "radio_on",
    "radio_off",
    "fan_on",
    "fan_off",
    "door_open",
    "door_close",
    "thermostat_set",
    "thermostat_get",
    "house_status",
}


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[DeviceState, httpx.Client]]:
    devices = DeviceState()
    with (
        HouseServer(devices) as server,
        httpx.Client(base_url=server.address, trust_env=False) as client,
    ):
        yield devices, client


@pytest.mark.parametrize(
    ("path", "answer", "device", "value"),
    [
        ("/lamp/on", {"lamp": "on"}, "lamp", 1),
        ("/lamp/off", {"lamp": "off"}, "lamp", 0),
        ("/radio/on", {"radio": "on"}, "radio", 1),
        ("/radio/off", {"radio": "off"}, "radio", 0),
        ("/fan/on", {"fan": "on"}, "fan", 1),
        ("/fan/off", {"fan": "off"}, "fan", 0),
        ("/door/open", {"door": "open"}, "door", 1),
        ("/door/close", {"door": "closed"}, "door", 0),
    ],
)
def test_switches(
    served: tuple[DeviceState, httpx.Client],
    path: str,
    answer: dict[str, str],
    device: str,
    value: int,
) -> None:
    devices, client = served
    response = client.post(path)
    assert response.status_code == 200
    assert response.json() == answer
    assert devices.get(device) == value


def test_thermostat(served: tuple[DeviceState, httpx.Client]) -> None:
    devices, client = served
    assert client.post("/thermostat", json={"temperature": 25}).json() == {"thermostat": 25}
    assert client.get("/thermostat").json() == {"thermostat": 25}
    assert devices.thermostat == 25


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"temperature": 9},
        {"temperature": 31},
        {"temperature": 20.5},
        {"temperature": "20"},
        {"temperature": True},
        {"temperature": 20, "room": 1},
        [],
    ],
)
def test_thermostat_refuses(served: tuple[DeviceState, httpx.Client], body: object) -> None:
    devices, client = served
    before = devices.thermostat
    response = client.post("/thermostat", json=body)
    assert response.status_code == 422
    assert response.json()["detail"]
    assert devices.thermostat == before


def test_status(served: tuple[DeviceState, httpx.Client]) -> None:
    _, client = served
    client.post("/door/open")
    status = client.get("/status").json()
    assert set(status) == {"lamp", "radio", "fan", "door", "thermostat"}
    assert status["door"] == "open"


def test_another_host_name_is_refused(served: tuple[DeviceState, httpx.Client]) -> None:
    _, client = served
    assert client.post("/lamp/on", headers={"Host": "evil.example"}).status_code == 400


def test_openapi_document_names_every_operation(served: tuple[DeviceState, httpx.Client]) -> None:
    _, client = served
    document = client.get("/openapi.json").json()
    operations = {
        operation["operationId"]: operation
        for path in document["paths"].values()
        for operation in path.values()
    }
    assert set(operations) == OPERATIONS
    assert all(operation["summary"].endswith(".") for operation in operations.values())
    assert document["servers"] == [{"url": str(client.base_url).rstrip("/")}]
    temperature = document["components"]["schemas"]["Setting"]["properties"]["temperature"]
    assert (temperature["type"], temperature["minimum"], temperature["maximum"]) == (
        "integer",
        10,
        30,
    )


def test_stop_joins_the_thread_and_frees_the_port() -> None:
    server = HouseServer(DeviceState())
    before = set(threading.enumerate())
    server.start()
    port = int(server.address.rsplit(":", 1)[1])
    server.stop()
    server.stop()
    assert not set(threading.enumerate()) - before
    with HouseServer(DeviceState(), port) as again:
        assert again.address.endswith(f":{port}")


def test_a_port_in_use_is_a_clear_error() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port}.*choose another"):
            HouseServer(DeviceState(), port).start()


def test_only_loopback_is_bound() -> None:
    with HouseServer(DeviceState()) as server:
        assert server.address.startswith("http://127.0.0.1:")
