"""Media in messages: from LangChain's content blocks to what the encoders take.

Understood are the standard blocks `image`, `audio`, `video` and `file` (by `base64`, a `data:` or
`file:` URL, a local `path`, or a `file_id` that names a kept frame), the forms of OpenAI, Anthropic
and Google (`media_forms` has those that LangChain does not translate), and two of our own as
non-standard blocks:

    {"kind": "point_cloud", "points": [[x, y, z], …]}   or base64 / path / file_id
    {"kind": "embedding", "modality": "audio", "values": […]}   or base64 of float32

Nothing is ever fetched from the web.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import numpy as np

from sensebind.agent.conditioning.media_forms import (
    MAX_BYTES,
    decoded,
    is_data_url,
    mime_of,
    standard_block,
)
from sensebind.errors import InputError

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

MAX_MEDIA = 32  # blocks in one message
FRAME = "frame:"
_TEXTS = frozenset({"text", "text-plain"})
_FOREIGN_TEXTS = {"input_text": "text", "output_text": "text", "refusal": "refusal"}
"""Blocks of text of OpenAI's Responses, and where their text stands."""
_SILENT = (
    frozenset(  # what an assistant's message may hold besides text; tool calls go by themselves
        {"reasoning", "thinking", "redacted_thinking", "tool_use", "tool_call", "invalid_tool_call"}
        | {"function_call", "custom_tool_call"}
    )
)
_OF_TYPE = {"image": "vision", "audio": "audio", "video": "video", "point_cloud": "point"}
_OF_TYPE |= {"frame": ""}
_CLOUDS = {".npy", ".ply", ".pcd", ".bin", ".xyz", ".pts", ".obj"}
_CLOUD_OF = {"model/ply": ".ply", "application/x-npy": ".npy", "text/plain": ".xyz"}


@dataclass(frozen=True, slots=True)
class Medium:
    """One thing to perceive.

    Attributes:
        modality: ImageBind's name, or `"video"`; empty where a kept frame will say it.
        data: Bytes of a file, a path, a frame's reference, points [N, 3], or an embedding [D].
        suffix: Ending that names the format of bytes, such as `.ply`.
        embedded: Whether `data` is an embedding.
        weight: How much it counts.
        digest: Equal for equal media.
    """

    modality: str
    data: bytes | Path | str | np.ndarray
    suffix: str
    embedded: bool
    weight: float
    digest: str


@contextmanager
def as_file(data: bytes, suffix: str) -> Iterator[Path]:
    """Gives a temporary file for bytes of a message, as decoders of files read files.

    Args:
        data: What it holds.
        suffix: Its ending.

    Raises:
        InputError: Of what reads it, without the file's name, which says nothing to anybody.
    """
    with tempfile.NamedTemporaryFile(suffix=suffix) as file:
        file.write(data)
        file.flush()
        try:
            yield Path(file.name)
        except InputError as error:
            raise InputError(str(error).replace(file.name, "in a message")) from error


def text_of(message: BaseMessage) -> str:
    """Returns the text of a message, plain-text blocks included.

    Raises:
        InputError: A block is neither text nor anything that can be perceived.
    """
    if isinstance(message.content, str):
        return message.content
    parts: list[str] = []
    for block in message.content_blocks:
        kind = str(block.get("type"))
        if kind in _TEXTS:
            parts.append(_plain_text(block))
        elif (text := _foreign_text(block)) is not None:
            parts.append(text)
        elif kind not in _SILENT and kind not in ("non_standard", "file", *_OF_TYPE):
            raise InputError(f"a {kind} block cannot be read from a message")
    return "".join(parts)


def _plain_text(block: Mapping[str, Any]) -> str:
    """The text of a block, which a text file may hold as base64 or in a data URL.

    Raises:
        InputError: It lies elsewhere, or is not UTF-8.
    """
    if block.get("text") is not None or block.get("type") == "text":
        return str(block.get("text") or "")
    url = str(block.get("url") or "")
    encoded = block.get("base64") or (url if is_data_url(url) else None)
    if encoded is None:
        raise InputError("a text-plain block without its text: give text or base64")
    try:
        return decoded(encoded, "text-plain").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("a text-plain block holds text that is not UTF-8") from error


def media_of(message: BaseMessage, *, read_files: bool = True) -> list[Medium]:
    """Returns what there is to perceive in a message, in order.

    Args:
        message: Any message; one of plain text has no media.
        read_files: Whether blocks may name local files.

    Raises:
        InputError: A block that cannot be perceived, too many of them, too large, or damaged.
    """
    if isinstance(message.content, str):
        return []
    media = [
        _medium(block, read_files)
        for block in message.content_blocks
        if block.get("type") not in _TEXTS | _SILENT
        and not _is_silent(block)
        and _foreign_text(block) is None
    ]
    if len(media) > MAX_MEDIA:
        raise InputError(f"{len(media)} media in one message; at most {MAX_MEDIA} are perceived")
    return media


def _is_silent(block: Mapping[str, Any]) -> bool:
    """Whether a foreign block is one of those that accompany text (reasoning, tool use)."""
    value = block.get("value")
    return (
        block.get("type") == "non_standard"
        and isinstance(value, Mapping)
        and (value.get("type") in _SILENT)
    )


def _foreign_text(block: Mapping[str, Any]) -> str | None:
    """The text of a block that LangChain does not know as one; None if it is none."""
    value = block.get("value", block)
    if isinstance(value, Mapping) and (place := _FOREIGN_TEXTS.get(str(value.get("type")))):
        return str(value.get(place) or "")
    return None


def _medium(block: Mapping[str, Any], read_files: bool) -> Medium:
    kind = str(block.get("type"))
    if kind == "non_standard":
        value = block.get("value")
        if not isinstance(value, Mapping):
            raise InputError("a non-standard block without a value cannot be perceived")
        block = standard_block(value)
        kind = str(block.get("kind") or block.get("type"))
    elif kind in _OF_TYPE:
        block = standard_block(block)
    extras = block.get("extras") or {}
    weight = _weight(block.get("weight", extras.get("weight", 1.0)))
    if kind == "embedding":
        return _embedding(block, weight)
    name = str(block.get("path") or block.get("filename") or extras.get("filename") or "")
    suffix = Path(name).suffix.lower()
    mime = mime_of(block, name)
    if block.get("file_id") is not None:
        kind = "frame"  # the store knows what it is
    elif kind == "file":
        kind = _kind_of_file(mime, suffix)
    modality = _OF_TYPE.get(kind)
    if modality is None:
        named = kind if block.get("kind") or block.get("type") else f"{{{', '.join(block)}}}"
        raise InputError(f"a {named} block cannot be perceived: it is no picture, sound or cloud")
    if modality == "point" and (points := block.get("points")) is not None:
        return _made(modality, _numbers(points, 2, "points"), "", weight)
    return _made(modality, *_data(block, kind, read_files), weight, suffix or _CLOUD_OF.get(mime))


def _kind_of_file(mime: str, suffix: str) -> str:
    major = mime.partition("/")[0]
    if major in ("image", "audio", "video"):
        return major
    if mime in _CLOUD_OF or suffix in _CLOUDS:
        return "point_cloud"
    raise InputError(f"a file of type {mime or suffix or 'unknown'!r} cannot be perceived")


def _data(block: Mapping[str, Any], kind: str, read_files: bool) -> tuple[bytes | Path | str, str]:
    """Returns the data of a block and the suffix of a file that it names."""
    if (reference := block.get("file_id")) is not None:
        if not str(reference).startswith(FRAME):
            raise InputError(
                f"file_id {str(reference)[:80]!r} is unknown: give frame:<stream>@<ns>"
            )
        return str(reference), ""
    if (encoded := block.get("base64")) is not None:
        return decoded(encoded, kind), ""
    url = str(block.get("url") or "")
    if is_data_url(url):
        return decoded(url, kind), ""
    path = str(block.get("path") or "")
    if url[:5].lower() == "file:":
        path = url2pathname(unquote(urlsplit(url).path))
    if path:
        if not read_files:
            raise InputError(f"the {kind} block names a local file, which is not allowed here")
        return Path(path), Path(path).suffix.lower()
    if url:
        raise InputError(
            f"{kind} {url[:80]}: nothing is fetched from the web; give base64, a path or a file_id"
        )
    raise InputError(f"the {kind} block has no data: give base64, a path or a file_id")


def _embedding(block: Mapping[str, Any], weight: float) -> Medium:
    modality = str(block.get("modality") or "")
    if not modality:
        raise InputError('an embedding block needs its "modality", such as "vision"')
    if (values := block.get("values")) is not None:
        vector = _numbers(values, 1, "values")
    else:
        raw = decoded(block.get("base64"), "embedding")
        if len(raw) % 4:
            raise InputError("the embedding block's base64 is no array of float32")
        vector = np.frombuffer(raw, "<f4").astype(np.float32)
    if not np.isfinite(vector).all():
        raise InputError("the embedding block holds NaN or infinity")
    return _made(modality, vector, "", weight, embedded=True)


def _numbers(values: Any, axes: int, what: str) -> np.ndarray:
    try:
        array = np.asarray(values, np.float32)
    except (ValueError, TypeError) as error:
        raise InputError(f'"{what}" is no array of numbers: {error}') from error
    if array.ndim != axes or not array.size or array.nbytes > MAX_BYTES:
        raise InputError(f'"{what}" must have {axes} axes and some numbers, got {array.shape}')
    return array


def _weight(value: Any) -> float:
    try:
        weight = float(value)
    except (TypeError, ValueError):
        weight = -1.0
    if not 0 <= weight < float("inf"):
        raise InputError(f"the weight of a medium is a number ≥ 0, not {value!r}")
    return weight


def _made(
    modality: str,
    data: bytes | Path | str | np.ndarray,
    found_suffix: str,
    weight: float,
    suffix: str | None = None,
    *,
    embedded: bool = False,
) -> Medium:
    if isinstance(data, str):
        modality = ""  # the frame store knows better
    digest = hashlib.sha256(f"{modality}|{embedded}|{weight}|".encode())
    for part in _identity(data):
        digest.update(part)
    return Medium(modality, data, suffix or found_suffix, embedded, weight, digest.hexdigest())


def _identity(data: bytes | Path | str | np.ndarray) -> Iterator[bytes]:
    if isinstance(data, np.ndarray):
        yield str(data.shape).encode()
        yield data.tobytes()
    elif isinstance(data, bytes):
        yield data
    elif isinstance(data, Path):  # a file that has changed is another one
        yield str(data).encode()
        if data.is_file():
            status = data.stat()
            yield f"|{status.st_mtime_ns}|{status.st_size}".encode()
    else:
        yield data.encode()
