"""What clients of the OpenAI protocol send to be read, seen, heard or scanned, at the edge.

Only what a message itself holds is taken. Paths and addresses are refused here: a client must not
have the robot read its own disk, or fetch something for it.
"""

from __future__ import annotations

import base64
import hashlib
import io
import wave
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sensebind.agent.conditioning.media_forms import decoded
from sensebind.errors import InputError

MAX_PARTS = 64
"""Parts of one message."""
MAX_POINTS = 200_000
REALTIME_RATE = 24_000
"""Samples a second of the Realtime protocol's 16-bit PCM."""
_AUDIO = frozenset({"wav", "mp3", "flac", "ogg", "opus", "m4a", "aac"})

Block = dict[str, Any]
"""A content block as the robot takes it (`agent/conditioning/media.py`)."""


@dataclass(slots=True)
class Content:
    """What a message says and shows.

    Attributes:
        text: Its words.
        media: What comes with them.
    """

    text: str = ""
    media: list[Block] = field(default_factory=list)

    @property
    def blocks(self) -> str | list[Block]:
        """Words and media as one content; plain text where there are no media."""
        if not self.media:
            return self.text
        return [*([{"type": "text", "text": self.text}] if self.text else []), *self.media]

    @property
    def digest(self) -> str:
        """Equal for equal contents."""
        seen = hashlib.sha256(self.text.encode("utf-8", "replace"))
        for one in self.media:
            seen.update(repr(sorted(one.items())).encode("utf-8", "replace"))
        return seen.hexdigest()


def read_content(given: str | Sequence[Mapping[str, Any]] | None) -> Content:
    """Return what a message says and shows.

    Args:
        given: Its `content`: a text, or parts of OpenAI's forms (`text`, `image_url`,
            `input_audio`, `file`, those of the Realtime protocol) and our own `points`.

    Raises:
        InputError: A part is not understood, or names something that is not in the message.
    """
    if given is None or isinstance(given, str):
        return Content(given or "")
    if len(given) > MAX_PARTS:
        raise InputError(f"{len(given)} parts in one message: at most {MAX_PARTS} are read")
    found = Content()
    for part in given:
        kind = part.get("type")
        if kind in ("text", "input_text", "output_text", "refusal"):
            found.text += _text(part.get("text", part.get("refusal")))
        else:
            found.media.append(medium(part))
    return found


def medium(part: Mapping[str, Any]) -> Block:
    """Return the block of a part that is not a text.

    Raises:
        InputError: It is not understood, or names something that is not in the message.
    """
    kind = part.get("type")
    if kind in ("image_url", "input_image"):
        source = part.get("image_url")
        return _from_url("image", source.get("url") if isinstance(source, Mapping) else source)
    if kind == "input_audio":
        return _audio(part.get("input_audio", part.get("audio")))
    if kind == "file":
        return _file(part.get("file"))
    if kind == "points":
        return _points(part.get("points"))
    raise InputError(
        f"a part of type {str(kind)[:40]!r} is not understood: there are text, image_url, "
        "input_audio, file and points"
    )


def wav_of(samples: bytes, rate: int = REALTIME_RATE) -> bytes:
    """Return a WAV file of 16-bit little-endian mono samples."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples)
    return file.getvalue()


def wav_of_samples(samples: np.ndarray, rate: int) -> bytes:
    """Return a WAV file of a kept sound, in 16 bits.

    Args:
        samples: float32 [N] or [N, channels] in -1..1; channels are mixed.
        rate: Samples a second.
    """
    mono = samples if samples.ndim == 1 else samples.mean(axis=-1)
    return wav_of((np.clip(mono, -1, 1) * 32767).astype("<i2").tobytes(), rate)


def decode(data: Any, what: str) -> bytes:
    """Return bytes from base64, with line breaks, in the alphabet of URLs or without padding, too.

    Args:
        data: A text.
        what: Kind of the part, for messages.

    Raises:
        InputError: It is not base64, empty, or too large.
    """
    return decoded(data, what)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise InputError("a part of type text without its text")
    return value


def _from_url(kind: str, url: Any) -> Block:
    head = url[:200].lower() if isinstance(url, str) else ""
    if not head.startswith("data:") or ";base64," not in head:
        raise InputError(
            f"{kind}: nothing is fetched, and no file of the robot is read: send the {kind} itself "
            "as data:…;base64,…"
        )
    head, _, data = url.partition(",")
    decode(data, kind)
    return {"type": kind, "base64": data, "mime_type": head[5:].partition(";")[0].lower()}


def _audio(source: Any) -> Block:
    if isinstance(source, str):  # of the Realtime protocol: samples without a header
        samples = decode(source, "audio")
        return _wav(samples)
    if not isinstance(source, Mapping) or not isinstance(source.get("data"), str):
        raise InputError("input_audio needs data (base64) and format, such as wav")
    form = str(source.get("format") or "wav").lower()
    if form == "pcm16":
        return _wav(decode(source["data"], "audio"))
    if form not in _AUDIO:
        raise InputError(f"audio of the format {form[:20]!r}: use {', '.join(sorted(_AUDIO))}")
    decode(source["data"], "audio")
    return {"type": "audio", "base64": source["data"], "mime_type": f"audio/{form}"}


def _wav(samples: bytes) -> Block:
    if not samples or len(samples) % 2:
        raise InputError("the audio holds no whole 16-bit samples")
    encoded = base64.b64encode(wav_of(samples)).decode()
    return {"type": "audio", "base64": encoded, "mime_type": "audio/wav"}


def _file(source: Any) -> Block:
    if not isinstance(source, Mapping) or not isinstance(data := source.get("file_data"), str):
        raise InputError("a file needs its file_data: files are not kept here under an id")
    name = str(source.get("filename") or "")[:200]
    mime = ""
    if data[:5].lower() == "data:":
        head, _, data = data.partition(",")
        mime = head[5:].partition(";")[0].lower()
    decode(data, "file")
    block: Block = {"type": "file", "base64": data, "filename": name}
    return block | ({"mime_type": mime} if mime else {})


def _points(rows: Any) -> Block:
    if not isinstance(rows, list) or not 0 < len(rows) <= MAX_POINTS:
        raise InputError(f"points are a list of 1 to {MAX_POINTS} triples [x, y, z] in metres")
    for row in rows:
        if not isinstance(row, list) or len(row) < 3 or not all(map(_is_number, row)):
            raise InputError("points are a list of triples [x, y, z] in metres")
    return {"type": "point_cloud", "points": [[float(value) for value in row[:3]] for row in rows]}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e6
