"""Small documents that expand: aliases of aliases, merge keys, shared texts and names."""

import time
from typing import Any

import pytest
import yaml

from sensebind.errors import InputError
from sensebind.tools.openapi import parse_document, read_operations
from sensebind.tools.openapi.bounded_yaml import load_yaml

HEAD = "openapi: 3.0.0\npaths: {}\n"


def levels(first: str, line: str, count: int = 30) -> str:
    """Anchors each of which holds the one before it several times."""
    lines = [f"x-0: &a0 {first}"]
    for level in range(1, count):
        line_of_level = line.replace("BEFORE", f"*a{level - 1}")
        lines.append(f"x-{level}: &a{level} {line_of_level}")
    return "\n".join(lines) + "\n"


LISTS = levels("[lol, lol]", "[BEFORE, BEFORE, BEFORE, BEFORE]")
MAPPINGS = levels("{a: lol}", "{a: BEFORE, b: BEFORE, c: BEFORE}")
MANY_MERGES = (
    "x-0: &a {"
    + ", ".join(f"k{i}: 1" for i in range(2000))
    + "}\n"
    + "\n".join(f"y-{i}: {{<<: *a}}" for i in range(200))
)
ITSELF = "x-0: &a [*a]\n"


@pytest.mark.parametrize("more", [LISTS, MAPPINGS, MANY_MERGES, ITSELF])
def test_a_document_that_expands_is_refused(more: str) -> None:
    raw = (HEAD + more).encode()
    assert len(raw) < 40_000
    begun = time.process_time()
    with pytest.raises(InputError, match="API document"):
        parse_document(raw, "here")
    assert time.process_time() - begun < 5  # of minutes and gigabytes


@pytest.mark.parametrize("field", ["description", "operationId", "summary"])
def test_a_text_that_is_an_expanding_list_is_refused(field: str) -> None:
    text = HEAD.replace("paths: {}\n", LISTS)
    text += f"paths: {{/a: {{get: {{{field}: *a29}}}}}}\n"
    with pytest.raises(InputError, match="API document"):
        parse_document(text.encode(), "here")


def test_ordinary_aliases_and_merge_keys_are_read() -> None:
    text = """
openapi: 3.0.0
x-common: &common {description: "The name of a room."}
x-answers: &answers {"200": {description: Good.}}
paths:
  /a: {get: {operationId: a, responses: *answers, parameters: [{<<: *common, name: room, in: query,
       schema: {type: string}}]}}
  /b: {get: {operationId: b, responses: *answers}}
"""
    assert load_yaml(text) == yaml.safe_load(text)
    found, odd = read_operations(parse_document(text.encode(), "here"))
    assert [one.name for one in found] == ["a", "b"] and not odd
    room = found[0].schema["properties"]["room"]
    assert room == {"description": "The name of a room.", "type": "string"}


def test_one_long_text_in_many_places_costs_its_beginning() -> None:
    """References are no aliases: the document is small, and so is what is made of it."""
    about = "word " * 300_000
    parameter = {"name": "p", "in": "query", "schema": {"type": "string"}, "description": about}
    paths: dict[str, Any] = {
        f"/{i}": {
            "get": {"operationId": f"o{i}", "parameters": [{"$ref": "#/components/parameters/P"}]}
        }
        for i in range(500)
    }
    document = {"openapi": "3.1.0", "paths": paths, "components": {"parameters": {"P": parameter}}}
    begun = time.process_time()
    found, odd = read_operations(document)
    assert len(found) == 500 and not odd
    assert len(found[0].schema["properties"]["p"]["description"]) <= 200
    assert time.process_time() - begun < 10  # 35 s where each is read to its end


@pytest.mark.parametrize("name", ["x" * 100_000, ["a"], {"a": 1}, None, ""])
def test_names_are_short_texts(name: Any) -> None:
    parameter = {"name": name, "in": "query", "schema": {"type": "string"}}
    path = {"get": {"operationId": "a", "parameters": [parameter]}}
    document = {"openapi": "3.1.0", "paths": {"/a": path, "/b": {"get": {"operationId": "b"}}}}
    found, odd = read_operations(document)
    assert [one.name for one in found] == ["b"]
    assert "parameter" in str(odd[0].error) and len(str(odd[0].error)) < 400


def test_plain_scalars_are_those_of_yaml_1_2() -> None:
    """As its core schema has them (YAML 1.2.2, 10.3.2), to which OpenAPI refers."""
    words = ["on", "off", "yes", "No", "y", "12:30", "1_000", "2024-01-02", "0b11", "="]
    text = f"words: [{', '.join(words)}]"
    assert load_yaml(text) == {"words": words}
    numbers = "[0777, 0o17, 0x1F, -3, 1e3, .5, 1.10, !!int 7, ~, null, true, False]"
    expected = [777, 15, 31, -3, 1000.0, 0.5, 1.1, 7, None, None, True, False]
    assert load_yaml(numbers) == expected
    assert [type(one) for one in load_yaml(numbers)] == [type(one) for one in expected]
    assert load_yaml("{200: a, on: b, true: c, ~: d, 1.0: e}") == {
        "200": "a",
        "on": "b",
        "true": "c",
        "~": "d",
        "1.0": "e",
    }


def test_a_switch_is_on_or_off_and_not_true_or_false() -> None:
    document = """
openapi: 3.0.3
paths:
  /lamp:
    put:
      operationId: set_lamp
      requestBody:
        required: true
        content:
          application/json:
            schema: {type: object, required: [state], properties: {state: {enum: [on, off]}}}
"""
    [operation], odd = read_operations(parse_document(document.encode(), "a file"))
    assert not odd
    assert operation.schema["properties"]["state"] == {"enum": ["on", "off"]}
