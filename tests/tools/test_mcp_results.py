"""What a model is shown of the results of MCP tools."""

import base64
from typing import Any

import pytest
from langchain_core.tools import StructuredTool

pytest.importorskip("mcp")
from mcp import types
from pydantic import AnyUrl

from sensebind.agent.conditioning.media import media_of
from sensebind.tools.mcp_results import content_of


def text(value: str) -> Any:
    return types.TextContent(type="text", text=value)


LINK = types.ResourceLink(type="resource_link", uri=AnyUrl("file:///a.txt"), name="a")
FILE = types.EmbeddedResource(
    type="resource",
    resource=types.TextResourceContents(uri=AnyUrl("file:///a.txt"), text="of the file"),
)
BLOB = types.EmbeddedResource(
    type="resource",
    resource=types.BlobResourceContents(
        uri=AnyUrl("file:///a.zip"), blob="AAAA", mimeType="application/x"
    ),
)


@pytest.mark.parametrize(
    ("content", "structured", "shown"),
    [
        ([text("red box")], None, "red box"),
        ([text("first"), text("second")], None, '["first", "second"]'),
        ([text("1.0"), text("25.0"), text("3.5")], None, "[1.0, 25.0, 3.5]"),
        ([text("1.0"), text("25.0")], {"result": [1.0, 25.0]}, "[1.0, 25.0]"),
        ([text("1e20"), text("-0.5")], None, "[1e+20, -0.5]"),
        ([text("3.10"), text("3.9")], None, '["3.10", 3.9]'),
        (
            [text("0.12345678901234567890123"), text("x")],
            None,
            '["0.12345678901234567890123", "x"]',
        ),
        ([text("1e400"), text("NaN")], None, '["1e400", "NaN"]'),
        ([text('{"a":1,"a":2}'), text("[NaN]")], None, '["{\\"a\\":1,\\"a\\":2}", "[NaN]"]'),
        ([text("1"), text("2"), text("3")], {"result": [[1, 2], [3]]}, "[[1, 2], [3]]"),
        ([text("[1, 2]"), text("[3]")], {"result": [[1, 2], [3]]}, "[[1, 2], [3]]"),
        ([text("[1, 2]"), text("[4]")], {"result": [[1, 2], [3]]}, "[[1, 2], [4], [[1, 2], [3]]]"),
        ([text("1")], {"result": True}, '["1", true]'),
        ([text("0"), text("1")], {"result": [False, True]}, "[0, 1, [false, true]]"),
        ([text("[1]")], {"result": [True]}, '["[1]", [true]]'),
        ([text("1.0")], {"result": 1}, "1"),
        ([text("true")], {"result": True}, "true"),
        ([text("red box")], {"result": ["red box"]}, '["red box"]'),
        ([], {"result": []}, "[]"),
        ([], {"result": None}, "null"),
        ([], {"temperature": 21}, '{"temperature": 21}'),
        ([text('{"temperature": 21}')], {"temperature": 21}, '{"temperature": 21}'),
        ([text("it is warm")], {"temperature": 21}, '["it is warm", {"temperature": 21}]'),
        ([LINK], None, '{"link": "file:///a.txt", "name": "a"}'),
        ([FILE], None, "of the file"),
        ([BLOB], None, '{"file": "file:///a.zip", "type": "application/x", "bytes": 3}'),
        ([], None, "done"),
    ],
)
def test_items_stay_apart(content: list[Any], structured: Any, shown: str) -> None:
    result = types.CallToolResult(content=content, structuredContent=structured)
    assert content_of(result) == (shown, shown)


def test_pictures_and_sounds_are_blocks() -> None:
    picture = types.ImageContent(type="image", data="AAAA", mimeType="image/png")
    sound = types.AudioContent(type="audio", data="BBBB", mimeType="audio/wav")
    result = types.CallToolResult(content=[text("the kitchen:"), picture, sound])
    blocks, _ = content_of(result)
    assert blocks == [
        {"type": "text", "text": "the kitchen:\n(a picture, image/png)\n(a sound, audio/wav)"},
        {"type": "image", "base64": "AAAA", "mime_type": "image/png"},
        {"type": "file", "base64": "BBBB", "mime_type": "audio/wav"},
    ]
    tool = StructuredTool.from_function(lambda: blocks, name="kitchen", description="Shows it.")
    message = tool.invoke({"type": "tool_call", "id": "1", "name": "kitchen", "args": {}})
    media = media_of(message)  # and not a text that holds their base64
    assert [(one.modality, one.data) for one in media] == [
        ("vision", base64.b64decode("AAAA")),
        ("audio", base64.b64decode("BBBB")),
    ]


def test_a_media_type_may_be_in_any_case_and_have_parameters() -> None:
    """RFC 2045, 5.1: the matching of type and subtype is always case-insensitive."""
    blob = types.BlobResourceContents(uri=AnyUrl("x:/a"), blob="AAAA", mimeType="Image/PNG; q=1")
    for one in (
        types.ImageContent(type="image", data="AAAA", mimeType="IMAGE/PNG"),
        types.EmbeddedResource(type="resource", resource=blob),
    ):
        blocks, shown = content_of(types.CallToolResult(content=[one]))
        assert shown == "(a picture, image/png)"
        assert blocks[1] == {"type": "image", "base64": "AAAA", "mime_type": "image/png"}
