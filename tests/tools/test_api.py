"""Tools from OpenAPI documents, against a real server on loopback."""

import base64
import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from langchain_core.tools import ToolException
from pydantic import BaseModel, Field

from sensebind.errors import ConfigurationError, InputError
from sensebind.tools.api import ApiTools
from sensebind.tools.risk import Risk, risk_of

LOCAL = ["127.0.0.1"]
PNG = b"\x89PNG\r\n\x1a\n not decoded here"


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

    @api.get("/near", operation_id="near")
    def near() -> RedirectResponse:
        return RedirectResponse("/rooms/attic")

    @api.get("/round", operation_id="round")
    def round_() -> RedirectResponse:
        return RedirectResponse("/round")

    @api.get("/packed", operation_id="packed")
    def packed() -> Response:
        return Response(gzip.compress(b"x" * 1_000_000), headers={"content-encoding": "gzip"})

    @api.get("/deep", operation_id="deep")
    def deep() -> Response:
        return Response("[" * 20_000, media_type="application/json")

    @api.get("/secret", operation_id="secret")
    def secret(request: Request, key: str = "") -> dict[str, str]:
        return {"authorization": request.headers.get("authorization", ""), "key": key}

    @api.get("/broken", operation_id="broken")
    def broken() -> str:
        raise HTTPException(409, "the fan is unplugged")

    @api.get("/snapshot", operation_id="snapshot")
    def snapshot() -> Response:
        return Response(PNG, media_type="image/png")

    @api.get("/menu", operation_id="menu")
    def menu() -> Response:
        return Response("Käse".encode("latin-1"), media_type="text/plain; charset=ISO-8859-1")

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
    with ApiTools.fetch(base_url, timeout=30.0, private=LOCAL) as api:
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
        ("big", "error: the answer is larger than 65536 bytes"),
        ("away", "error: the server wants to redirect (307), which is not allowed"),
        ("broken", "error: refused (409): the fan is unplugged"),
        ("round", "error: the server redirects for ever"),
        ("packed", "error: the answer is packed, which was not asked for"),
    ],
)
def test_trouble_is_told_to_the_model(call, name: str, text: str) -> None:
    message = call(name)
    assert (message.status, message.content) == ("error", text)


def test_schema_is_bounded_and_allow_list_holds(base_url: str) -> None:
    with ApiTools.fetch(base_url, timeout=30.0, allow=["thermostat_set"], private=LOCAL) as api:
        [operation] = api.operations
        assert operation.schema["properties"]["temperature"] == {
            "type": "integer",
            "minimum": 10,
            "maximum": 30,
        }
        assert operation.schema["required"] == ["temperature"]
    with pytest.raises(InputError, match="no operation fly"):
        ApiTools.fetch(base_url, timeout=30.0, allow=["fly"], private=LOCAL)


def test_a_slow_server_is_given_up(base_url: str) -> None:
    with ApiTools(app().openapi(), base_url, timeout=0.2, private=LOCAL) as api:
        slow = {tool.name: tool for tool in api.tools()}["slow"]
        message = slow.invoke({"type": "tool_call", "id": "1", "name": "slow", "args": {}})
    assert message.content == "error: no answer within 0.2 s"


def test_redirects_stay_on_the_host_and_garbage_is_text(call) -> None:
    assert call("near").content == "room attic, detail False"
    assert call("deep").content.startswith("[[[[")


def test_images_and_texts_in_other_charsets_reach_the_model(call) -> None:
    note, picture = call("snapshot").content
    assert note["text"] == "(a picture, image/png)"
    assert base64.b64decode(picture["base64"]) == PNG and picture["mime_type"] == "image/png"
    assert call("menu").content == "Käse"


def test_risk_follows_the_method(base_url: str) -> None:
    with ApiTools.fetch(base_url, timeout=30.0, private=LOCAL) as api:
        risks = {tool.name: risk_of(tool) for tool in api.tools()}
    assert (risks["room"], risks["lamp_on"]) == (Risk.OBSERVE, Risk.CHANGE)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9",
        "http://localhost:9",
        "http://[::1]:9",
        "http://169.254.169.254",
        "http://10.0.0.1",
        "http://[::ffff:127.0.0.1]:9",
        "http://0.0.0.0:9",
        "http://2130706433:9",
    ],
)
def test_private_addresses_are_refused_unless_allowed_by_name(url: str) -> None:
    with pytest.raises(InputError, match=r"private address|cannot be found"):
        ApiTools.fetch(url)
    document = {"openapi": "3.1.0", "paths": {"/x": {"get": {"operationId": "x"}}}}
    with ApiTools(document, url) as api:
        message = api.tools()[0].invoke({"type": "tool_call", "id": "1", "name": "x", "args": {}})
    assert message.status == "error"
    assert "private address" in message.content or "cannot be found" in message.content


SECURED = """
openapi: 3.0.3
paths:
  /secret: {get: {operationId: secret, security: [{token: []}]}}
  /broken: {get: {operationId: keyed, security: [{key: []}, {token: []}]}}
components:
  securitySchemes:
    token: {type: http, scheme: bearer}
    login: {type: http, scheme: basic}
    key: {type: apiKey, in: query, name: key}
"""


def test_secrets_come_from_the_environment(
    base_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "api.yaml"
    file.write_text(SECURED)
    with pytest.raises(InputError, match="secret needs token"):
        ApiTools.from_source(file, base_url)
    with pytest.raises(ConfigurationError, match="HOUSE_TOKEN is not set"):
        ApiTools.from_source(file, base_url, auth={"token": "HOUSE_TOKEN"})
    monkeypatch.setenv("HOUSE_TOKEN", "s3cret")
    with pytest.raises(InputError, match="no security scheme nothing"):
        ApiTools.from_source(file, base_url, auth={"nothing": "HOUSE_TOKEN"})
    with ApiTools.from_source(file, base_url, auth={"token": "HOUSE_TOKEN"}, private=LOCAL) as api:
        tool = api.tools()[0]
        message = tool.invoke({"type": "tool_call", "id": "1", "name": "secret", "args": {}})
    assert message.artifact["authorization"] == "Bearer s3cret"
    assert "s3cret" not in json.dumps(tool.metadata) + tool.description
    with pytest.raises(InputError, match="say where its server is"):
        ApiTools.from_source(file)


def test_a_document_behind_a_url(base_url: str) -> None:
    url = f"{base_url}/openapi.json"
    with ApiTools.from_source(url, timeout=30.0, private=LOCAL) as api:
        assert api.base_url == base_url and len(api.operations) > 5


def test_dead_server_is_told() -> None:
    document = {"openapi": "3.1.0", "paths": {"/x": {"get": {"operationId": "x"}}}}
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with ApiTools(document, f"http://127.0.0.1:{port}", private=LOCAL) as api:
        message = api.tools()[0].invoke({"type": "tool_call", "id": "1", "name": "x", "args": {}})
    assert "cannot reach the server" in message.content
    with pytest.raises(InputError, match="no API document at"):
        ApiTools.fetch(f"http://127.0.0.1:{port}", private=LOCAL)


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
                                "required": True,
                                "content": {
                                    "application/json": {
                                        "schema": {"$ref": "#/components/schemas/N"}
                                    }
                                },
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


@pytest.mark.parametrize("place", ["header", "bearer"])
def test_a_key_that_no_header_can_hold_is_shown_to_nobody(
    base_url: str, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    scheme = (
        {"type": "apiKey", "in": "header", "name": "X-Key"}
        if place == "header"
        else {"type": "http", "scheme": "bearer"}
    )
    document = {
        "openapi": "3.1.0",
        "info": {"title": "house", "version": "1"},
        "components": {"securitySchemes": {"key": scheme}},
        "paths": {
            "/secret": {
                "get": {
                    "operationId": "secret",
                    "security": [{"key": []}],
                    "responses": {"200": {"description": "it"}},
                }
            }
        },
    }

    def api() -> ApiTools:
        return ApiTools(document, base_url, private=LOCAL, auth={"key": "env:HOUSE_KEY"})

    monkeypatch.setenv("HOUSE_KEY", "sk-SECRET\nmore")
    with pytest.raises(ConfigurationError, match="HOUSE_KEY holds a line break") as refused:
        api()
    assert "SECRET" not in str(refused.value)
    monkeypatch.setenv("HOUSE_KEY", " sk-good\n")  # as a file of variables has it
    with api() as one:
        assert "error" not in str(one.tools()[0].invoke({}))
    monkeypatch.setenv("HOUSE_KEY", "sk-SECRET\u0416")
    with api() as one:
        said = str(one.tools()[0].invoke({}))
        assert "no header may hold" in said and "SECRET" not in said
    with ApiTools(
        document, base_url, private=LOCAL, headers={"X-Own": "SECRET\n"}, allow=[]
    ) as one:
        with pytest.raises(ToolException, match="no header may hold") as failed:
            one._client.send("get", base_url + "/secret", timeout=5)
        assert "SECRET" not in str(failed.value)
