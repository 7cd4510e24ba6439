"""References of API documents: JSON pointers in fragments, as RFC 6901 writes them."""

from typing import Any

import pytest

from sensebind.errors import InputError
from sensebind.tools.openapi import read_operations
from sensebind.tools.openapi.schemas import Document

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "paths": {
        "/rooms/{room}": {
            "put": {
                "operationId": "paint",
                "parameters": [{"$ref": "#/components/parameters/room%20name"}],
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "properties": {"colour": {"$ref": "#/components/schemas/a~1b~0c"}},
                            }
                        }
                    }
                },
            },
        },
        "/walls": {"$ref": "#/components/pathItems/%7Bwalls%7D"},
    },
    "components": {
        "pathItems": {"{walls}": {"get": {"operationId": "look"}}},
        "parameters": {
            "room name": {"name": "room", "in": "path", "schema": {"enum": ["hall"]}},
        },
        "schemas": {"a/b~c": {"enum": ["red", "blue"]}, "list": [{"type": "string"}]},
    },
}


def test_names_with_spaces_braces_and_slashes_are_found() -> None:
    found, odd = read_operations(DOCUMENT)
    assert not odd
    paint, look = found
    assert (look.name, look.path) == ("look", "/walls")
    assert paint.schema["properties"]["room"]["enum"] == ["hall"]
    [definition] = paint.schema["$defs"].values()
    assert definition["enum"] == ["red", "blue"]


@pytest.mark.parametrize(
    ("reference", "leads_to"),
    [
        ("#", DOCUMENT),
        ("#/components/schemas/a~1b~0c", {"enum": ["red", "blue"]}),
        ("#/components/schemas/a%2Fb", None),  # decoded before it is cut at slashes
        ("#/components/schemas/list/0", {"type": "string"}),
        ("#/components/schemas/list/1", None),
        ("#/components/schemas/list/x", None),
        ("#/openapi/x", None),
        ("#paint", None),
    ],
)
def test_pointers_lead_where_rfc_6901_says(reference: str, leads_to: Any) -> None:
    document = Document(DOCUMENT)
    if leads_to is None:
        with pytest.raises(InputError, match="does not hold"):
            document.look_up(reference, "thing")
    else:
        assert document.look_up(reference, "thing") == leads_to


@pytest.mark.parametrize("reference", ["other.yaml#/a", "https://example.org/a", "paint"])
def test_nothing_outside_of_the_document_is_looked_for(reference: str) -> None:
    with pytest.raises(InputError, match="outside of the document"):
        Document(DOCUMENT).look_up(reference, "thing")
