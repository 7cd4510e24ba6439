"""What a tool of an MCP server answers, as content for a language model.

Text stays text. Several texts, lists and structured content become JSON, so that their items stay
apart; pictures and sounds become content blocks with a word of what they are; links are named and
not fetched.
"""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sensebind.tools.json_schema import json_equal


def content_of(result: Any) -> tuple[str | list[dict[str, Any]], str]:
    """Returns the content of a tool message, and its text.

    Args:
        result: `mcp.types.CallToolResult`.

    Returns:
        A text, or a text and blocks of pictures and sounds; and the text alone. Both are whole:
        what a model reads of them is decided in one place for all tools (`agent/results/bound.py`).
    """
    texts: list[str] = []
    notes: list[Any] = []
    blocks: list[dict[str, Any]] = []
    for one in result.content:
        match one.type:
            case "text":
                texts.append(one.text)
            case "image" | "audio":
                blocks.append(media_block(one.data, one.mimeType, one.type))
            case "resource_link":
                notes.append(
                    {
                        key: value
                        for key, value in (
                            ("link", str(one.uri)),
                            ("name", one.name),
                            ("title", one.title),
                            ("description", one.description),
                            ("type", one.mimeType),
                        )
                        if value
                    }
                )
            case "resource":
                _add_resource(one.resource, texts, notes, blocks)
            case other:
                notes.append(f"({other}, which cannot be shown)")
    text = _text(texts, notes, result.structuredContent)
    shown = [media_note(one) for one in blocks]
    text = "\n".join([text, *shown] if text else shown) or "done"
    return ([{"type": "text", "text": text}, *blocks] if blocks else text), text


def _add_resource(
    resource: Any, texts: list[str], notes: list[Any], blocks: list[dict[str, Any]]
) -> None:
    """Adds a resource that came with the answer."""
    if hasattr(resource, "text"):
        texts.append(resource.text)
        return
    media = resource.mimeType or "application/octet-stream"
    kind = media.strip().lower().partition("/")[0]
    if kind in ("image", "audio"):
        blocks.append(media_block(resource.blob, media, kind))
    else:
        size = len(resource.blob) * 3 // 4
        notes.append({"file": str(resource.uri), "type": media, "bytes": size})


def media_block(data: str, media: str, kind: str) -> dict[str, Any]:
    """Returns an image or a sound as a content block of a tool's message.

    Args:
        data: In base64.
        media: Its media type, which may have parameters, and letters of any case (RFC 2045).
        kind: `image` or `audio`.
    """
    essence = media.partition(";")[0].strip().lower()
    # LangChain makes text of all blocks of a tool's message where one of them is "audio"; a "file"
    # of the same type passes (see findings/langchain_sound_of_a_tool.sh).
    block = "image" if kind == "image" else "file"
    return {"type": block, "base64": data, "mime_type": essence}


def media_note(block: Mapping[str, Any]) -> str:
    """Returns the word that stands for an image or a sound in the text of a tool's message.

    Args:
        block: See `media_block`.
    """
    what = "a picture" if block["type"] == "image" else "a sound"
    return f"({what}, {block['mime_type']})"


def _text(texts: Sequence[str], notes: Sequence[Any], structured: Any) -> str:
    values: list[Any] = [value_of(one) for one in texts] if len(texts) > 1 else list(texts)
    if structured is not None:
        value = structured
        if isinstance(value, dict) and value.keys() == {"result"}:
            value = value["result"]  # FastMCP wraps what is not an object
        if _repeats(texts, structured, value):
            values = []
        values.append(value)
    values += notes
    if not values:
        return ""
    # One value is itself; a list among others stays a list.
    whole = values[0] if len(values) == 1 else values
    return whole if isinstance(whole, str) else json.dumps(whole, ensure_ascii=False)


def _repeats(texts: Sequence[str], structured: Any, value: Any) -> bool:
    """Whether texts say no more than the structured content, as MCP asks servers to repeat it."""
    if len(texts) == 1 and any(json_equal(value_of(texts[0]), one) for one in (structured, value)):
        return True
    # FastMCP writes what is in lists, whatever lists they are in, one by one; others write items.
    for items in (_flat(value), value if isinstance(value, list) else []):
        given = [one for one in items if one is not None]
        if len(texts) == len(given) and all(
            text == item or json_equal(value_of(text), item)
            for text, item in zip(texts, given, strict=True)
        ):
            return True
    return False


def _flat(value: Any) -> list[Any]:
    if not isinstance(value, list):
        return [value]
    return [one for part in value for one in _flat(part)]


def value_of(text: str) -> Any:
    """Returns the JSON value that a text is, or the text where it says other than that value.

    A version such as 3.10 is no number, and an object that has a name twice no object.
    """
    try:
        return json.loads(
            text, parse_float=_float, parse_constant=_refused, object_pairs_hook=_object
        )
    except (ValueError, RecursionError):
        return text


def _float(text: str) -> float:
    """A number with all its digits; a version such as 3.10 has more of them than a number."""
    value = float(text)
    if Decimal(text).as_tuple() != Decimal(repr(value)).as_tuple():
        raise ValueError(f"{text} is not written as a number")
    return value


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in it")
    return found
