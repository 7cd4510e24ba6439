"""What an API answers, as a value and as content for a language model."""

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

from sensebind.errors import InputError
from sensebind.tools.mcp_results import media_block, media_note, value_of
from sensebind.tools.openapi.bodies import charset_of
from sensebind.tools.openapi.parameters import scalar

_MARKED = ("utf-16", "utf-32")  # as `json` calls those with a byte order mark
_TEXTUAL = re.compile(r"^text/|\bjson\b|\bxml\b")
_CONTROL = re.compile(r"[\0-\x08]")


@dataclass(frozen=True, slots=True)
class Binary:
    """An answer that is neither JSON nor text.

    Attributes:
        media: Its media type, without parameters.
        data: All of it.
    """

    media: str
    data: bytes


def read_answer(body: bytes, content_type: str = "") -> Any:
    """Reads the body of an answer: a JSON value, a text, or what is neither.

    Text is decoded as its byte order mark says (WHATWG Encoding, 6), else by the charset that the
    server names, else as UTF-8. JSON may be UTF-8, 16 or 32 whatever the header says (RFC 4627,
    section 3), and is known by what it is: many servers call it text. What is called text stays it
    where it is written otherwise than its value, such as 1.10.

    Args:
        body: All of it.
        content_type: The header of this name; "" where there is none.
    """
    media = content_type.partition(";")[0].strip().lower()
    if media.startswith(("image/", "audio/", "video/")) and not media.endswith("+xml"):
        return Binary(media, body)
    try:
        codec = charset_of(content_type)
    except InputError:  # a name that the server made up
        codec = ""
    found = json.detect_encoding(body)
    if found == "utf-8-sig" or (found in _MARKED and (not media or _TEXTUAL.search(media))):
        codec = found
    try:
        if "json" in media:
            return json.loads(body if codec.startswith("utf") else body.decode(codec or found))
        text = body.decode(codec or found)
        if media and not media.startswith("text/") and _CONTROL.search(text):  # no text, by chance
            return Binary(media, body)
        if (value := value_of(text)) is not text:
            return value
    except (ValueError, RecursionError):
        pass
    try:
        return body.decode(codec or "utf-8-sig")
    except ValueError:
        if media and not media.startswith("text/") and not codec:
            return Binary(media, body)
        return body.decode(codec or "utf-8-sig", "replace")


def content_of(value: Any) -> tuple[str | list[dict[str, Any]], Any]:
    """Returns an answer as the model reads it, and whole for the tool's message.

    Images and sounds are content blocks with a word of what they are; other files are named.

    Args:
        value: See `read_answer`.
    """
    if not isinstance(value, Binary):
        return worded(value), value
    coded = base64.b64encode(value.data).decode()
    whole = {"type": value.media, "base64": coded}
    if not value.media.startswith(("image/", "audio/")):
        return worded(value), whole
    block = media_block(coded, value.media, value.media.partition("/")[0])
    return [{"type": "text", "text": media_note(block)}, block], whole


def worded(value: Any) -> str:
    """Returns an answer in words, whole: `{"lamp": "on"}` becomes `lamp on`."""
    if isinstance(value, Binary):
        return f"({value.media}, {len(value.data)} bytes, which cannot be shown)"
    if isinstance(value, dict) and all(not isinstance(v, dict | list) for v in value.values()):
        return ", ".join(f"{key} {scalar(one)}" for key, one in value.items()) or "done"
    if isinstance(value, str):
        return value or "done"
    return json.dumps(value, ensure_ascii=False)


def reason(value: Any) -> str:
    """Returns why a server refused: the `detail` of what it answers, where there is one."""
    detail = value.get("detail", value) if isinstance(value, dict) else value
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        detail = detail[0].get("msg", detail[0])
    return worded(detail)
