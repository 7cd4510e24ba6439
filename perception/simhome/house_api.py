"""People's devices behind a real HTTP API: what an agent's tools are generated from.

The API serves loopback only. Its OpenAPI document (`/openapi.json`) is written for a reader who
chooses a tool by it: every operation has an `operationId` that names its effect and a one-line
summary. Docstrings of the models here are part of that document, strings below attributes are not.
"""

from __future__ import annotations

import socket
from typing import Annotated, Literal, Protocol, Self, cast

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from sensebind.errors import InputError
from sensebind.perception.http_server import App, HttpRules, HttpServer
from sensebind.perception.simhome.devices import COLDEST, WARMEST
from sensebind.perception.simhome.loopback import LOOPBACK, listen


class House(Protocol):
    """What the API needs of a house; `DeviceState` is one. The server's threads call it."""

    def get(self, name: str) -> int:
        """How a device stands: 0 or 1 for a switch, degrees Celsius for the thermostat."""
        ...

    def set(self, name: str, value: bool | int) -> None:
        """Changes a device now."""
        ...


class Lamp(BaseModel):
    """The state of the lamp."""

    lamp: Literal["on", "off"]
    """Whether it shines."""


class Radio(BaseModel):
    """The state of the radio."""

    radio: Literal["on", "off"]
    """Whether it plays."""


class Fan(BaseModel):
    """The state of the fan."""

    fan: Literal["on", "off"]
    """Whether it turns."""


class Door(BaseModel):
    """The state of the door."""

    door: Literal["open", "closed"]
    """How it stands."""


class Thermostat(BaseModel):
    """What the thermostat is set to."""

    thermostat: int
    """Wanted temperature, whole degrees Celsius."""


class HouseStatus(BaseModel):
    """The state of every device."""

    lamp: Literal["on", "off"]
    """Whether the lamp shines."""
    radio: Literal["on", "off"]
    """Whether the radio plays."""
    fan: Literal["on", "off"]
    """Whether the fan turns."""
    door: Literal["open", "closed"]
    """How the door stands."""
    thermostat: int
    """Temperature that the thermostat is set to, whole degrees Celsius."""


class Setting(BaseModel):
    """A wish for the thermostat."""

    model_config = ConfigDict(extra="forbid")

    temperature: Annotated[
        StrictInt, Field(ge=COLDEST, le=WARMEST, description="Degrees Celsius, a whole number.")
    ]
    """Wanted temperature, whole degrees Celsius."""


def create_house_app(house: House, server: str = "") -> FastAPI:
    """The API of a house.

    Args:
        house: What the operations act on.
        server: The address it will be served at, for the OpenAPI document.

    Returns:
        A FastAPI application whose `operationId`s are lamp_on, lamp_off, radio_on, radio_off,
        fan_on, fan_off, door_open, door_close, thermostat_set, thermostat_get and house_status.
    """
    app = FastAPI(
        title="SimHome",
        version="1",
        description="The devices of a home: lamp, radio, fan, door and thermostat.",
        servers=[{"url": server}] if server else None,
        docs_url=None,  # its page would be fetched from the internet
        redoc_url=None,
    )

    @app.exception_handler(InputError)
    async def refuse(_request: Request, error: InputError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, status_code=422)

    def switch(name: str, on: bool) -> str:
        house.set(name, on)
        return _word(house, name)

    @app.post("/lamp/on", operation_id="lamp_on", summary="Turn the lamp on.")
    def lamp_on() -> Lamp:
        return Lamp.model_validate({"lamp": switch("lamp", True)})

    @app.post("/lamp/off", operation_id="lamp_off", summary="Turn the lamp off.")
    def lamp_off() -> Lamp:
        return Lamp.model_validate({"lamp": switch("lamp", False)})

    @app.post("/radio/on", operation_id="radio_on", summary="Turn the radio on.")
    def radio_on() -> Radio:
        return Radio.model_validate({"radio": switch("radio", True)})

    @app.post("/radio/off", operation_id="radio_off", summary="Turn the radio off.")
    def radio_off() -> Radio:
        return Radio.model_validate({"radio": switch("radio", False)})

    @app.post("/fan/on", operation_id="fan_on", summary="Turn the fan on.")
    def fan_on() -> Fan:
        return Fan.model_validate({"fan": switch("fan", True)})

    @app.post("/fan/off", operation_id="fan_off", summary="Turn the fan off.")
    def fan_off() -> Fan:
        return Fan.model_validate({"fan": switch("fan", False)})

    @app.post("/door/open", operation_id="door_open", summary="Open the door.")
    def door_open() -> Door:
        return Door.model_validate({"door": switch("door", True)})

    @app.post("/door/close", operation_id="door_close", summary="Close the door.")
    def door_close() -> Door:
        return Door.model_validate({"door": switch("door", False)})

    @app.post(
        "/thermostat",
        operation_id="thermostat_set",
        summary=f"Set the thermostat to {COLDEST} to {WARMEST} degrees Celsius.",
    )
    def thermostat_set(setting: Setting) -> Thermostat:
        house.set("thermostat", setting.temperature)
        return Thermostat(thermostat=house.get("thermostat"))

    @app.get(
        "/thermostat",
        operation_id="thermostat_get",
        summary="Read what the thermostat is set to.",
    )
    def thermostat_get() -> Thermostat:
        return Thermostat(thermostat=house.get("thermostat"))

    @app.get("/status", operation_id="house_status", summary="Read the state of every device.")
    def house_status() -> HouseStatus:
        states: dict[str, str | int] = {name: _word(house, name) for name in _WORDS}
        states["thermostat"] = house.get("thermostat")
        return HouseStatus.model_validate(states)

    return app


_WORDS = {name: ("off", "on") for name in ("lamp", "radio", "fan")} | {"door": ("closed", "open")}


def _word(house: House, name: str) -> str:
    return _WORDS[name][bool(house.get(name))]


class HouseServer:
    """Serves a house's API on loopback from a thread of its own. A context manager.

    Args:
        house: What the operations act on.
        port: Port on 127.0.0.1; 0 takes a free one. Or a socket that listens already.
    """

    def __init__(self, house: House, port: int | socket.socket = 0) -> None:
        self._house = house
        self._port = port
        self._address = ""
        self._server: HttpServer | None = None

    @property
    def address(self) -> str:
        """Where it is served, such as "http://127.0.0.1:8000"; "" before `start`."""
        return self._address

    def start(self) -> None:
        """Starts serving; returns when requests are answered.

        Raises:
            ConfigurationError: The port is in use or not allowed, or the server did not come up.
        """
        listener = listen(self._port) if isinstance(self._port, int) else self._port
        self._address = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        app = create_house_app(self._house, self._address)
        self._server = HttpServer(cast(App, app), listener, HttpRules(), "the house API")
        self._server.start()

    def stop(self) -> None:
        """Ends serving and joins the thread; a server that was not started is left alone."""
        if self._server is not None:
            self._server.stop()
        self._server = None

    def __enter__(self) -> Self:
        """Starts serving; see `start`."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends serving."""
        self.stop()
