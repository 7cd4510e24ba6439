"""Bodies of OpenAPI requests: JSON, forms, multipart and text, by the media type."""

import base64
import codecs
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import quote_plus, unquote
from uuid import uuid4

from sensebind.errors import InputError
from sensebind.tools.openapi.parameters import Parameter, scalar

FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Body:
    """The body of an operation.

    Attributes:
        media: Media type that is sent, with its parameters.
        kind: `json`, `form`, `multipart` or `text`.
        required: Whether a request must have one.
        fields: Arguments that are properties of the body; empty if `whole` is all of it.
        whole: Argument that is the whole body; empty if its properties are arguments.
        encoding: Property to its Encoding Object, for forms.
        files: Properties that are files, and how they are given: `text` or `base64`.
    """

    media: str
    kind: str
    required: bool
    fields: frozenset[str] = frozenset()
    whole: str = ""
    encoding: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def encode(self, value: Any) -> tuple[bytes, str]:
        """Returns a body's bytes and its content type.

        Raises:
            InputError: The media type has no form for the value.
        """
        if self.kind == "json":
            charset = charset_of(self.media) or "utf-8"
            plain = charset in ("utf-8", "ascii")
            text = json.dumps(value, ensure_ascii=not plain, separators=(",", ":"))
            return _encoded(text, charset), self.media
        if self.kind == "text":
            text = value if isinstance(value, str) else scalar(value)
            return _encoded(text, charset_of(self.media) or "utf-8"), self.media
        if not isinstance(value, Mapping):
            raise InputError(f"a body of type {self.media} must be an object")
        if self.kind == "form":
            return self._form(value).encode("ascii"), self.media
        return self._multipart(value)

    def _form(self, value: Mapping[str, Any]) -> str:
        pairs: list[str] = []
        for name, one in value.items():
            if one is None:
                continue
            rule = self.encoding.get(name) or {}
            if any(key in rule for key in ("style", "explode", "allowReserved")):
                style = str(rule.get("style", "form"))
                explode = rule.get("explode", style == "form") is True
                written = Parameter(name, name, "query", style, explode).pairs(one)
                pairs += [f"{key}={text}".replace("%20", "+") for key, text in written]
                continue
            items = one if isinstance(one, list) else [one]
            pairs += [f"{quote_plus(name)}={quote_plus(_field(item, rule)[0])}" for item in items]
        return "&".join(pairs)

    def _multipart(self, value: Mapping[str, Any]) -> tuple[bytes, str]:
        boundary = uuid4().hex
        written = bytearray()
        for name, one in value.items():
            if one is None:
                continue
            rule = self.encoding.get(name) or {}
            for item in one if isinstance(one, list) else [one]:
                text, media = _field(item, rule)
                data, disposition = _encoded(text, "utf-8"), f'form-data; name="{_quoted(name)}"'
                if name in self.files:
                    disposition += f'; filename="{_quoted(name)}"'
                    media = str(rule.get("contentType") or "application/octet-stream").split(",")[0]
                    if self.files[name] == "base64":
                        data = _decoded(name, text)
                written += (
                    f"--{boundary}\r\nContent-Disposition: {disposition}\r\n"
                    f"Content-Type: {media}\r\n\r\n"
                ).encode()
                written += data + b"\r\n"
        written += f"--{boundary}--\r\n".encode()
        return bytes(written), f"{MULTIPART}; boundary={boundary}"


def choose(content: Mapping[str, Any]) -> tuple[str, str, Mapping[str, Any]] | None:
    """Chooses the media type that is sent: JSON before forms before text.

    Args:
        content: Media type to Media Type Object.

    Returns:
        Media type, kind (see `Body`), and the Media Type Object; None if none can be written.
    """
    best: tuple[int, str, str, Mapping[str, Any]] | None = None
    for media, node in content.items():
        essence = str(media).split(";")[0].strip().lower()
        kind, rank = _kind(essence)
        if "*" in essence:
            media = "application/json" if kind == "json" else "text/plain"
        if kind and (best is None or rank < best[0]):
            best = rank, str(media), kind, node if isinstance(node, Mapping) else {}
    return best[1:] if best else None


def _kind(essence: str) -> tuple[str, int]:
    if essence == "application/json":
        return "json", 0
    if essence.endswith("+json") or essence == "text/json":
        return "json", 1
    if essence == FORM:
        return "form", 2
    if essence == MULTIPART:
        return "multipart", 3
    if essence in ("*/*", "application/*"):
        return "json", 4
    return ("text", 5) if essence.startswith("text/") else ("", 9)


def files_of(properties: Mapping[str, Any]) -> dict[str, str]:
    """Returns which properties of a multipart body are files, and whether they are base64."""
    found: dict[str, str] = {}
    for name, node in properties.items():
        if isinstance(node, Mapping) and node.get("type") == "array":
            node = node.get("items")
        if not isinstance(node, Mapping):
            continue
        encoded = node.get("contentEncoding") == "base64" or node.get("format") == "byte"
        if encoded:
            found[name] = "base64"
        elif node.get("format") == "binary" or "contentMediaType" in node:
            found[name] = "text"
    return found


def _field(value: Any, rule: Mapping[str, Any]) -> tuple[str, str]:
    """The text of a form's field, and its media type: JSON for objects and lists."""
    named = str(rule.get("contentType") or "").split(",")[0].strip()
    if isinstance(value, Mapping | list) or named.endswith("json"):
        return json.dumps(value, ensure_ascii=False), named or "application/json"
    return scalar(value), named or "text/plain; charset=utf-8"


def _encoded(text: str, charset: str) -> bytes:
    try:
        return text.encode(charset)
    except UnicodeEncodeError as error:
        letter = text[error.start]
        raise InputError(f"{charset}, which the API asks for, has no {letter!a}") from error


def _quoted(name: str) -> str:
    """A name in a header, as browsers write it (HTML, multipart/form-data)."""
    for character, code in (('"', "%22"), ("\r", "%0D"), ("\n", "%0A")):
        name = name.replace(character, code)
    return name


def _decoded(name: str, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise InputError(f"{name} must be base64") from error


def charset_of(media: str) -> str:
    """The charset that a media type names; "" if it names none.

    Raises:
        InputError: There is no such charset.
    """
    message = Message()
    message["content-type"] = unquote(media)
    named = str(message.get_param("charset", ""))
    try:
        return codecs.lookup(named).name if named and not "".encode(named) else ""
    except (LookupError, ValueError) as error:  # unknown, no encoding of text, or NUL in its name
        raise InputError(f"there is no charset {named[:60]!r}") from error
