"""Tools from OpenAPI documents, against a real server on loopback."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from fastapi import FastAPI, HTTPException
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from sensebind.errors import ConfigurationError, InputError
from sensebind.tools.api import ApiTools, told


class Temperature(BaseModel):
    temperature: int = Field(ge=10, le=30)


def app() -> FastAPI:
    api = FastAPI()

    @api.post("/lamp/on", operation_id="lamp_on", summary="Turns the lamp on.")
    def lamp_on() -> dict[str, str]:
        return {"lamp": "on"}

    @api.post("/thermostat", operation_id="thermostat_set")
    def thermostat_set(body: Temperature) -> dict[str, int]:
        return {"thermostat": body.temperature}

    @api.get("/rooms/{room}", operation_id="room")
    def room(room: str, detail: bool = False) -> dict[str, str]:
        return {"room": room, "detail": str(detail)}

    @api.get("/slow", operation_id="slow")
    def slow() -> str:
        time.sleep(1.5)
        return "late"

    @api.get("/big", operation_id="big")
    def big() -> str:
        return "x" * 200_000

    @api.get("/away", operation_id="away")
    def away() -> RedirectResponse:
        return RedirectResponse("http://169.254.169.254/latest")

    @api.get("/broken", operation_id="broken")
    def broken() -> str:
        raise HTTPException(409, "the fan is unplugged")

    return api


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app(), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(5)


@pytest.fixture
def call(base_url: str):
    with ApiTools.fetch(base_url, timeout=1.0) as api:
        tools = {tool.name: tool for tool in api.tools()}

        def run(name: str, **arguments):
            return tools[name].invoke(
                {"type": "tool_call", "id": "1", "name": name, "args": arguments}
            )

        yield run


def test_calls_with_and_without_arguments(call) -> None:
    message = call("lamp_on")
    assert (message.content, message.artifact) == ("lamp on", {"lamp": "on"})
    assert call("thermostat_set", temperature=21).content == "thermostat 21"
    assert call("room", room="the kitchen/../x", detail=True).status == "error"  # no such route
    assert call("room", room="kitchen", detail=True).content == "room kitchen, detail True"


def test_wrong_arguments_never_reach_the_server(call) -> None:
    for arguments in ({"temperature": 99}, {}, {"temperature": 21, "extra": 1}):
        message = call("thermostat_set", **arguments)
        assert message.status == "error" and "wrong arguments" in message.content
    assert "cannot be '..'" in call("room", room="..").content


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("slow", "error: no answer within 1 s"),
        ("big", "error: the answer is larger than 65536 bytes"),
        ("away", "error: the server wants to redirect (307), which is not allowed"),
        ("broken", "error: refused (409): the fan is unplugged"),
    ],
)
def test_trouble_is_told_to_the_model(call, name: str, text: str) -> None:
    message = call(name)
    assert (message.status, message.content) == ("error", text)


def test_schema_is_bounded_and_allow_list_holds(base_url: str) -> None:
    with ApiTools.fetch(base_url, allow=["thermostat_set"]) as api:
        [operation] = api.operations
        assert operation.schema["properties"]["temperature"] == {
            "type": "integer",
            "minimum": 10,
            "maximum": 30,
        }
        assert operation.schema["required"] == ["temperature"]
    with pytest.raises(InputError, match="no operation fly"):
        ApiTools.fetch(base_url, allow=["fly"])


def test_dead_server_is_told() -> None:
    document = {"openapi": "3.1.0", "paths": {"/x": {"get": {"operationId": "x"}}}}
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with ApiTools(document, f"http://127.0.0.1:{port}") as api:
        message = api.tools()[0].invoke({"type": "tool_call", "id": "1", "name": "x", "args": {}})
    assert "cannot reach the server" in message.content
    with pytest.raises(InputError, match="no API document at"):
        ApiTools.fetch(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("document", "error", "message"),
    [
        ({"swagger": "2.0"}, InputError, "not an OpenAPI 3"),
        ({"openapi": "3.0.0", "paths": {"/x": 3}}, InputError, "not an object"),
        (
            {
                "openapi": "3.0.0",
                "paths": {
                    "/x": {"get": {"operationId": "a"}},
                    "/y": {"get": {"operationId": "a"}},
                },
            },
            InputError,
            "two operations called a",
        ),
        (
            {
                "openapi": "3.0.0",
                "components": {
                    "schemas": {
                        "N": {
                            "type": "object",
                            "properties": {"n": {"$ref": "#/components/schemas/N"}},
                            "required": ["n"],
                        }
                    }
                },
                "paths": {
                    "/x": {
                        "post": {
                            "operationId": "loop",
                            "requestBody": {
                                "content": {
                                    "application/json": {
                                        "schema": {"$ref": "#/components/schemas/N"}
                                    }
                                }
                            },
                        }
                    }
                },
            },
            ConfigurationError,
            "without an end",
        ),
    ],
)
def test_hostile_documents_are_refused(document: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        ApiTools(document, "http://127.0.0.1:9")


def test_bad_base_urls_are_refused() -> None:
    for url in ("file:///etc/passwd", "127.0.0.1", "http://", "ftp://x"):
        with pytest.raises(InputError, match="not a base URL"):
            ApiTools({"openapi": "3.0.0", "paths": {}}, url)


def test_answers_are_short_for_the_model() -> None:
    assert told({"door": "open", "angle": 45.0}) == "door open, angle 45"
    assert told({"a": {"b": 1}}) == '{"a": {"b": 1}}'
    assert len(told("x" * 10_000)) == 400
