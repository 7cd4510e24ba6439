"""Forms in which other programs write media: base64, data URLs, content blocks of other APIs."""

from __future__ import annotations

import base64
import binascii
import mimetypes
import string
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

from sensebind.errors import InputError

MAX_BYTES = 64 << 20  # of one block
_BLANK = str.maketrans("", "", string.whitespace)
_URL_ALPHABET = str.maketrans("-_", "+/")
_LINKED = {"image_url": "image", "audio_url": "audio", "video_url": "video"}
_GIVEN = {"input_image": "image", "input_audio": "audio", "input_video": "video"}
_FILES = ("input_file", "media")
_STANDARD = ("image", "audio", "video")
_PLACES = {"base64", "url", "path", "file_id"}  # where a standard block has its data
_INLINE = ("inline_data", "inlineData")


def standard_block(block: Mapping[str, Any]) -> Mapping[str, Any]:
    """Brings a block that LangChain does not translate to its standard form.

    Understood are `image_url`, `audio_url` and `video_url` (a string or `{"url": …}`),
    `input_image`, `input_audio` and `input_file` of OpenAI's Responses, Google's `media` and
    `inline_data`, and blocks of a standard type whose data stand under another name: `data` of MCP,
    `image` and `audio` of transformers' chat templates.

    Returns:
        A block of type image, audio, video or file; another one as it is.
    """
    for name in _INLINE:
        if isinstance(inline := block.get(name), Mapping):
            return {"type": "file", **_source(inline.get("data")), **_media_type(inline)}
    kind = str(block.get("type"))
    if kind in _STANDARD and not _PLACES & {key for key, one in block.items() if one is not None}:
        return {**block, **_source(block.get("data", block.get(kind))), **_media_type(block)}
    if kind in _LINKED or kind in _GIVEN:
        source = block.get(kind, block.get(f"{_GIVEN.get(kind, '')}_url", block.get("data")))
        if isinstance(source, Mapping):  # {"url": …}, or {"data": …, "format": …}
            block = {**block, **source}
            source = source.get("url", source.get("data"))
        standard = {"type": _LINKED.get(kind) or _GIVEN[kind], **_source(source)}
        if (form := block.get("format")) is not None:
            standard["mime_type"] = f"{standard['type']}/{form}"
    elif kind in _FILES:
        source = block.get("file_data", block.get("data", block.get("file_url")))
        uri = block.get("file_uri")
        standard = {"type": "file", **(_source(source) if uri is None else {"url": str(uri)})}
    else:
        return block
    kept = ("mime_type", "filename", "file_id", "weight", "extras")
    return standard | {name: block[name] for name in kept if block.get(name) is not None}


def _media_type(block: Mapping[str, Any]) -> dict[str, Any]:
    """The media type of a block under the name that LangChain has for it."""
    given = block.get("mime_type", block.get("mimeType"))
    return {} if given is None else {"mime_type": given}


def _source(value: Any) -> dict[str, Any]:
    """Where data are: at a URL, or here as base64."""
    if value is None:
        return {}
    scheme, colon, _ = str(value)[:16].partition(":")
    return {"url": value} if colon and scheme.isalpha() else {"base64": value}


def is_data_url(url: str) -> bool:
    """Whether a URL holds its data itself; schemes have no case."""
    return url[:5].lower() == "data:"


def mime_of(block: Mapping[str, Any], filename: str) -> str:
    """The media type of a block, lower case: its own, that of its data URL, or of its file's name.

    The name decides where a block calls itself a document: LangChain calls every file of OpenAI's
    form a PDF.
    """
    given = str(block.get("mime_type") or "").lower()
    for name in ("url", "base64"):
        url = block.get(name)
        if not given and isinstance(url, str) and is_data_url(url):
            given = url[5:].partition(",")[0].partition(";")[0].lower()
    if given in ("", "application/pdf", "application/octet-stream"):
        return mimetypes.guess_type(filename)[0] or given
    return given


def decoded(encoded: Any, kind: str) -> bytes:
    """Data in base64 or in a data URL.

    Line breaks, the alphabet of URLs, percent-encoding, and missing padding are understood
    (RFC 4648, RFC 2397).

    Args:
        encoded: A text, or its ASCII bytes.
        kind: Of the block, for messages.

    Raises:
        InputError: Too large, empty, or not base64.
    """
    if isinstance(encoded, bytes):
        if not encoded.isascii():
            raise InputError(f"the {kind} block holds raw bytes: encode them as base64")
        encoded = encoded.decode("ascii")
    if not isinstance(encoded, str):
        raise InputError(f"the {kind} block holds {type(encoded).__name__}, not base64")
    if len(encoded) > MAX_BYTES * 4:  # as far as percent-encoding and line breaks may take it
        raise InputError(f"the {kind} block is larger than {MAX_BYTES >> 20} MiB")
    if is_data_url(encoded):
        header, _, body = encoded.partition(",")
        if not header.translate(_BLANK).lower().endswith(";base64"):
            return _sized(unquote_to_bytes(body), kind)
        encoded = body
    plain = unquote(encoded).translate(_BLANK).translate(_URL_ALPHABET).rstrip("=")
    if len(plain) > MAX_BYTES * 4 // 3 + 4:
        raise InputError(f"the {kind} block is larger than {MAX_BYTES >> 20} MiB")
    try:
        data = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError(f"the {kind} block is not base64: {error}") from error
    return _sized(data, kind)


def _sized(data: bytes, kind: str) -> bytes:
    if not data:
        raise InputError(f"the {kind} block is empty")
    if len(data) > MAX_BYTES:
        raise InputError(f"the {kind} block is larger than {MAX_BYTES >> 20} MiB")
    return data
