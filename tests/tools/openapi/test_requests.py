"""Requests as the OpenAPI specification writes them (3.0.4 and 3.1.1, "Style Examples")."""

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from sensebind.errors import InputError
from sensebind.tools.api import ApiTools
from sensebind.tools.openapi.bodies import choose
from sensebind.tools.openapi.parameters import read_parameter

LIST, RGB = ["blue", "black"], {"R": 100, "G": 200}


def parameter(place: str, **more: Any) -> Any:
    return read_parameter({"name": "color", "in": place, "schema": {}, **more}, "color")[0]


@pytest.mark.parametrize(
    ("style", "explode", "value", "right"),
    [
        ("matrix", False, "blue", ";color=blue"),
        ("matrix", False, LIST, ";color=blue,black"),
        ("matrix", True, LIST, ";color=blue;color=black"),
        ("matrix", False, RGB, ";color=R,100,G,200"),
        ("matrix", True, RGB, ";R=100;G=200"),
        ("label", False, "blue", ".blue"),
        ("label", False, LIST, ".blue,black"),
        ("label", True, LIST, ".blue.black"),
        ("label", True, RGB, ".R=100.G=200"),
        ("simple", False, LIST, "blue,black"),
        ("simple", True, RGB, "R=100,G=200"),
        ("simple", False, RGB, "R,100,G,200"),
        ("simple", False, True, "true"),
        ("simple", False, 1e-5, "0.00001"),
        ("simple", False, "a/b c", "a%2Fb%20c"),
    ],
)
def test_paths(style: str, explode: bool, value: Any, right: str) -> None:
    assert parameter("path", style=style, explode=explode).segment(value) == right


@pytest.mark.parametrize(
    ("more", "value", "right"),
    [
        ({}, LIST, "color=blue&color=black"),
        ({"explode": False}, LIST, "color=blue,black"),
        ({}, RGB, "R=100&G=200"),
        ({"explode": False}, RGB, "color=R,100,G,200"),
        ({"style": "spaceDelimited"}, LIST, "color=blue%20black"),
        ({"style": "pipeDelimited"}, LIST, "color=blue%7Cblack"),
        ({"style": "deepObject", "explode": True}, RGB, "color%5BR%5D=100&color%5BG%5D=200"),
        ({"allowReserved": True}, "a/b&c", "color=a/b%26c"),
        ({"allowReserved": True}, "a%2Fb 5%", "color=a%2Fb%205%25"),
        ({}, "a%2Fb", "color=a%252Fb"),
        ({}, None, ""),
        ({}, [], ""),
        ({"content": {"application/json": {}}}, RGB, "color=%7B%22R%22%3A100%2C%22G%22%3A200%7D"),
    ],
)
def test_queries(more: dict[str, Any], value: Any, right: str) -> None:
    pairs = parameter("query", **more).pairs(value)
    assert "&".join(f"{key}={text}" for key, text in pairs) == right


def test_what_a_style_has_no_form_for_is_refused() -> None:
    with pytest.raises(InputError, match="no form"):
        parameter("query").pairs([[1]])
    with pytest.raises(InputError, match="cannot be"):
        parameter("path").segment("..")
    with pytest.raises(InputError, match="header"):
        parameter("header").header("a\r\nX: y")
    with pytest.raises(InputError, match="which a path does not have"):
        parameter("path", style="deepObject")


@pytest.mark.parametrize("style", ["simple", "label"])
@pytest.mark.parametrize("value", [[".."], ["."], [""], ".", "..", "", None, [], {}])
def test_no_value_leads_to_another_place(style: str, value: Any) -> None:
    """RFC 3986, 5.2.4: a segment of dots is not sent as one."""
    made = parameter("path", style=style)
    if style == "label" and value == [".."]:
        assert made.segment(value) == "..."
        return
    with pytest.raises(InputError, match="cannot be"):
        made.segment(value)


def test_no_letter_of_a_body_becomes_another(echo: str) -> None:
    text = document(**body({"type": "string"}, "text/plain; charset=ascii"))
    assert "ascii, which the API asks for, has no '\\xe9'" in call(echo, text, {"body": "caf\xe9"})
    made = document(**body({"type": "string"}))
    assert "has no '\\ud800'" in call(echo, made, {"body": "\ud800"})
    form = document(**body(FIELDS, "application/x-www-form-urlencoded"))
    assert "wrong arguments" in call(echo, form, {"a": "\ud800"})
    latin = document(**body({"type": "string"}, "application/json; charset=iso-8859-1"))
    assert json.loads(call(echo, latin, {"body": "caf\xe9"})["body"]) == "caf\xe9"


def test_media_types_are_chosen_by_what_they_are() -> None:
    chosen = choose({"text/plain": {}, "application/json; charset=utf-8": {}})
    assert chosen is not None and chosen[1] == "json"
    assert choose({"application/vnd.lamp+json": {}}) == ("application/vnd.lamp+json", "json", {})
    assert choose({"*/*": {}}) == ("application/json", "json", {})
    assert choose({"application/xml": {}}) is None


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with what it was sent."""

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode("latin-1")
        sent = {"url": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}}
        raw = json.dumps({**sent, "body": body}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    do_GET = do_POST = answer

    def log_message(self, format: str, *args: Any) -> None:
        """Prints nothing."""


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def document(version: str = "3.0.3", path: str = "/a", **operation: Any) -> dict[str, Any]:
    node = {"operationId": "call", **operation}
    return {"openapi": version, "paths": {path: {"post": node}}}


def body(schema: Any, media: str = "application/json", **more: Any) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {media: {"schema": schema}}, **more}}


def call(url: str, made: dict[str, Any], arguments: dict[str, Any], **options: Any) -> Any:
    with ApiTools(made, url, private=["127.0.0.1"], **options) as api:
        one = api.tools()[0]
        request = {"type": "tool_call", "id": "1", "name": one.name, "args": arguments}
        message = one.invoke(request)
    return message.artifact if message.status == "success" else str(message.content)


FIELDS = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "array"}}}


@pytest.mark.parametrize(
    ("media", "sent"),
    [
        ("application/json; charset=utf-8", '{"a":"x y","b":[1,2]}'),
        ("application/merge-patch+json", '{"a":"x y","b":[1,2]}'),
        ("application/x-www-form-urlencoded", "a=x+y&b=1&b=2"),
    ],
)
def test_bodies(echo: str, media: str, sent: str) -> None:
    got = call(echo, document(**body(FIELDS, media)), {"a": "x y", "b": [1, 2]})
    assert (got["body"], got["headers"]["content-type"]) == (sent, media)


def test_multipart_and_text(echo: str) -> None:
    file = {"type": "object", "properties": {"f": {"type": "string", "format": "binary"}}}
    got = call(echo, document(**body(file, "multipart/form-data")), {"f": "hello"})
    assert got["headers"]["content-type"].startswith("multipart/form-data; boundary=")
    assert 'name="f"; filename="f"' in got["body"] and "\r\n\r\nhello\r\n" in got["body"]
    got = call(echo, document(**body({"type": "string"}, "text/plain")), {"body": "hi"})
    assert (got["body"], got["headers"]["content-type"]) == ("hi", "text/plain")


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer", "format": "int64"}, 175928847299117063),
        ({"type": "integer"}, 1790000000000),
        ({"type": "number"}, 52.52437),
        ({"type": "string"}, "word " * 50),
        ({"type": "number", "nullable": True}, None),
        ({"type": "string", "enum": ["a"], "nullable": True}, None),
        ({"allOf": [{"type": "object"}], "nullable": True}, None),
        ({"type": "number", "minimum": 0, "exclusiveMinimum": True}, 0.1),
    ],
)
def test_what_the_document_permits_is_sent(echo: str, schema: Any, value: Any) -> None:
    made = document(**body({"type": "object", "properties": {"v": schema}}))
    assert json.loads(call(echo, made, {"v": value})["body"]) == {"v": value}


def test_what_the_document_forbids_is_not_sent(echo: str) -> None:
    positive = {"type": "number", "minimum": 0, "exclusiveMinimum": True}
    fields = {"v": positive, "id": {"type": "integer", "readOnly": True}}
    made = document(**body({"type": "object", "properties": fields, "required": ["id"]}))
    assert "wrong arguments: v" in call(echo, made, {"v": 0})
    assert "wrong arguments" in call(echo, made, {"id": 1})
    assert "more than 65536" in call(
        echo, document(**body({"type": "string"}, "text/plain")), {"body": "x" * 70_000}
    )


ID = {"type": "integer", "readOnly": True}
THING = {"type": "object", "properties": {"id": ID, "name": {"type": "string"}}}
REFERS = {"$ref": "#/components/schemas/Thing"}
ID_AND_NAME = {"name": "a", "id": 1}


@pytest.mark.parametrize("version", ["3.0.4", "3.1.1"])
@pytest.mark.parametrize(
    ("schema", "sent", "refused"),
    [
        (REFERS, {"name": "a"}, ID_AND_NAME),
        (
            {"allOf": [REFERS, {"required": ["id", "name"]}]},
            {"body": {"name": "a"}},
            {"body": ID_AND_NAME},
        ),
        (
            {"allOf": [{"$ref": "#/components/schemas/Needy"}, THING]},
            {"body": {"name": "a"}},
            {"body": ID_AND_NAME},
        ),
        (
            {"type": "object", "properties": {"in": THING, "n": {"type": "integer"}}},
            {"in": {"name": "a"}, "n": 1},
            {"in": {"id": 1}, "n": 1},
        ),
        (
            {"type": "array", "items": REFERS},
            {"body": [{"name": "a"}]},
            {"body": [{"name": "a"}, {"id": 1}]},
        ),
        (
            {"type": "object", "properties": {"id": {"$ref": "#/components/schemas/Id"}, "x": {}}},
            {"x": 1},
            {"x": 1, "id": 2},
        ),
        (
            {
                "type": "object",
                "additionalProperties": {"type": "integer"},
                "properties": {"id": {"allOf": [{"type": "integer"}, {"readOnly": True}]}},
            },
            {"body": {"x": 1}},
            {"body": {"x": 1, "id": 2}},
        ),
        (
            {
                "type": "object",
                "properties": {"secret": {"type": "string", "writeOnly": True}, "id": ID},
                "required": ["secret", "id"],
            },
            {"secret": "a"},
            {"secret": "a", "id": 2},
        ),
        ({"oneOf": [REFERS, {"type": "integer"}]}, {"body": {"name": "a"}}, {"body": ID_AND_NAME}),
    ],
)
def test_what_only_answers_have_is_never_sent(
    echo: str, version: str, schema: Any, sent: dict[str, Any], refused: dict[str, Any]
) -> None:
    """OpenAPI 3.0.4, Schema Object, `readOnly`; JSON Schema validation 2020-12, 9.4."""
    made = document(version, **body(schema))
    needy = {"type": "object", "required": ["id"], "properties": {"name": {"type": "string"}}}
    made["components"] = {"schemas": {"Thing": THING, "Id": ID, "Needy": needy}}
    got = call(echo, made, sent)
    assert json.loads(got["body"]) == sent.get("body", sent)
    found = call(echo, made, refused)
    assert isinstance(found, str) and "wrong arguments" in found


def test_a_question_about_a_property_that_answers_have_stays_a_question(echo: str) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "not": {"properties": {"b": {"type": "string", "readOnly": True}}, "required": ["b"]},
    }
    made = document(**body(schema))
    assert json.loads(call(echo, made, {"body": {"a": "x"}})["body"]) == {"a": "x"}
    assert "wrong arguments" in call(echo, made, {"body": {"b": "x"}})


@pytest.mark.parametrize("path", ["/fix?mode=a", "/a#part", ".example.org/a", "fix"])
def test_a_path_that_is_not_one_is_refused(path: str) -> None:
    """OpenAPI 3.0.4 and 3.1.1, Paths Object: it begins with a slash, and the URL has no query."""
    with pytest.raises(InputError, match="begins with / and has no query or fragment"):
        ApiTools(document(path=path), "http://127.0.0.1")


def test_optional_bodies_are_whole_or_absent(echo: str) -> None:
    fields = {"x": {"type": "string"}, "y": {"type": "string"}}
    schema = {"type": "object", "properties": fields, "required": ["x"]}
    made = document(**body(schema, required=False))
    assert call(echo, made, {})["body"] == ""
    assert "wrong arguments" in call(echo, made, {"y": "b"})
    assert call(echo, made, {"x": "a"})["body"] == '{"x":"a"}'


def test_headers_cookies_and_undeclared_names(echo: str) -> None:
    text = {"type": "string"}
    places = [
        {"name": "X-Room", "in": "header", "required": True, "schema": text},
        {"name": "sid", "in": "cookie", "schema": text},
    ]
    made = document(path="/r/{id}", parameters=places)
    got = call(echo, made, {"X-Room": "hall", "sid": "a b", "id": "7"})
    assert got["url"] == "/r/7" and got["headers"]["x-room"] == "hall"
    assert got["headers"]["cookie"] == "sid=a%20b"
    assert "'id' is a required property" in call(echo, made, {"X-Room": "hall"})
    got = call(
        echo, made, {"id": "7"}, headers={"x-room": "kitchen"}
    )  # the user's, not the model's
    assert got["headers"]["x-room"] == "kitchen"


PETS = {
    "Cat": {
        "type": "object",
        "required": ["lives"],
        "properties": {"kind": {"type": "string"}, "lives": {"type": "integer"}},
    },
    "Dog": {"type": "object", "properties": {"kind": {"type": "string"}}},
    "Fish": {"type": "object", "properties": {"kind": {"const": "fish"}}},
    "Tool": {
        "type": "object",
        "properties": {"kind": {"type": "string"}},
        "discriminator": {"propertyName": "kind", "mapping": {"saw": "Saw"}},
    },
    "Saw": {"allOf": [{"$ref": "#/components/schemas/Tool"}]},
    "Hammer": {"allOf": [{"$ref": "#/components/schemas/Tool"}]},
}


@pytest.mark.parametrize("union", ["oneOf", "anyOf"])
def test_a_discriminator_names_the_schema(echo: str, union: str) -> None:
    """OpenAPI 3.1.1, "Discriminator Object": a mapping, else the name of the component."""
    options = [{"$ref": f"#/components/schemas/{name}"} for name in ("Cat", "Dog", "Fish")]
    mapping = {"cat": "#/components/schemas/Cat", "kitten": "Cat"}
    schema = {union: options, "discriminator": {"propertyName": "kind", "mapping": mapping}}
    made = document("3.1.0", **body(schema))
    made["components"] = {"schemas": PETS}
    for value in (
        {"kind": "cat", "lives": 7},
        {"kind": "kitten", "lives": 7},
        {"kind": "Dog"},
        {"kind": "fish"},
    ):
        assert json.loads(call(echo, made, {"body": value})["body"]) == value
    for value in (
        {"kind": "zebra"},
        {"kind": "cat"},
        {"kind": "Cat", "lives": 7},
        {},
        {"kind": "Fish"},
    ):
        assert "wrong arguments" in call(echo, made, {"body": value}), value


def test_a_discriminator_of_a_base_names_those_that_extend_it(echo: str) -> None:
    def sent(name: str, value: Any) -> bool:
        made = document(**body({"$ref": f"#/components/schemas/{name}"}))
        made["components"] = {"schemas": PETS}
        return "wrong arguments" not in call(echo, made, {"body": value})

    assert sent("Saw", {"kind": "saw"}) and not sent("Saw", {"kind": "Saw"})
    assert sent("Hammer", {"kind": "Hammer"}) and not sent("Hammer", {"kind": "saw"})
    assert sent("Tool", {"kind": "saw"}) and sent("Tool", {"kind": "Hammer"})
    assert not sent("Tool", {"kind": "spoon"}) and not sent("Tool", {})


ODD = {
    "endless": body({"$ref": "#/components/schemas/N"}),
    "another file": body({"$ref": "other.yaml#/Lamp"}),
    "broken": body({"type": "object", "properties": {"x": {"$ref": "#/components/schemas/Gone"}}}),
    "unknown type": body({"type": "object", "properties": {"x": {"type": "file"}}}),
    "xml": body({}, "application/xml"),
    "parameter": {"parameters": [{"name": "x", "in": "nowhere"}]},
    "not declared in the path": {"parameters": [{"name": "x", "in": "path", "required": True}]},
}


@pytest.mark.parametrize("what", ODD)
def test_an_odd_operation_spoils_no_other(what: str, caplog: pytest.LogCaptureFixture) -> None:
    endless = {
        "type": "object",
        "required": ["n"],
        "properties": {"n": {"$ref": "#/components/schemas/N"}},
    }
    made = {
        "openapi": "3.0.3",
        "components": {"schemas": {"N": endless}},
        "paths": {
            "/a": {"get": {"operationId": "good"}},
            "/null": None,
            "x-vendor": "yes",
            "/b": {"post": {"operationId": "odd", **ODD[what]}},
        },
    }
    with ApiTools(made, "http://127.0.0.1:9") as api:
        assert [one.name for one in api.operations] == ["good"]
        assert api.unusable.keys() == {"odd", "/null"} and "odd cannot be used" in caplog.text
    with ApiTools(made, "http://127.0.0.1:9", allow=["good"]) as api:
        assert len(api.operations) == 1
    with pytest.raises(Exception, match=api.unusable["odd"][:30].replace("(", ".")):
        ApiTools(made, "http://127.0.0.1:9", allow=["odd"])
