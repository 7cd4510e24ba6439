"""Documents as people's editors and shells save them."""

import json
from collections.abc import Callable

import pytest
import yaml

from sensebind.errors import InputError
from sensebind.tools.openapi import parse_document, read_operations

DOCUMENT = {"openapi": "3.1.0", "info": {"title": "Küche 厨房", "version": "1"}}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("write", [json.dumps, yaml.safe_dump], ids=["JSON", "YAML"])
def test_a_document_may_be_in_any_encoding_of_unicode(
    encoding: str, write: Callable[[object], str]
) -> None:
    assert parse_document(write(DOCUMENT).encode(encoding), "here") == DOCUMENT


def test_another_encoding_is_refused() -> None:
    with pytest.raises(InputError, match=r"no API document at here: .*codec can't decode"):
        parse_document("openapi: 3.1.0\ninfo: {title: Küche}".encode("latin-1"), "here")


def test_methods_of_openapi_3_2_are_reported() -> None:
    """OpenAPI 3.2, Path Item Object: `query`, and others in `additionalOperations`."""
    item = {
        "get": {"operationId": "list"},
        "query": {"operationId": "search"},
        "additionalOperations": {"COPY": {"operationId": "copy"}, "LOCK": {}},
    }
    found, odd = read_operations({"openapi": "3.2.0", "paths": {"/maps": item}})
    assert [one.name for one in found] == ["list"]
    assert [one.name for one in odd] == ["search", "copy", "LOCK__maps"]
    assert (
        str(odd[1].error)
        == "the API document's COPY /maps is not one of get, post, put, patch, delete"
    )
