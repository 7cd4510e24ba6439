"""Media in messages, in every form in which other programs write them."""

from __future__ import annotations

import base64
import io
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from PIL import Image

from sensebind.agent.conditioning.media import media_of, text_of
from sensebind.agent.conditioning.media_forms import MAX_BYTES, decoded
from sensebind.errors import InputError


def _png() -> bytes:
    out = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(out, "PNG")
    return out.getvalue()


RAW = _png()
PLAIN = base64.b64encode(RAW).decode()
WRAPPED = base64.encodebytes(RAW).decode()
URL = "data:image/png;base64," + PLAIN
assert "+" in PLAIN and "/" in PLAIN and "\n" in WRAPPED

IMAGES: dict[str, dict[str, Any]] = {
    "standard": {"type": "image", "base64": PLAIN, "mime_type": "image/png"},
    "line breaks": {"type": "image", "base64": WRAPPED, "mime_type": "image/png"},
    "a line break at the end": {"type": "image", "base64": PLAIN + "\n"},
    "CR LF": {"type": "image", "base64": WRAPPED.replace("\n", "\r\n")},
    "no padding": {"type": "image", "base64": PLAIN.rstrip("=")},
    "URL alphabet": {"type": "image", "base64": base64.urlsafe_b64encode(RAW).decode()},
    "bytes of base64": {"type": "image", "base64": PLAIN.encode()},
    "data URL as base64": {"type": "image", "base64": URL},
    "data URL": {"type": "image", "url": URL},
    "data URL in capitals": {"type": "image", "url": "DATA:image/png;BASE64," + PLAIN},
    "data URL, percent": {"type": "image", "url": "data:image/png," + quote(RAW)},
    "image_url": {"type": "image_url", "image_url": {"url": URL, "detail": "high"}},
    "image_url, text": {"type": "image_url", "image_url": URL},
    "image_url, wrapped": {"type": "image_url", "image_url": {"url": URL[:22] + WRAPPED}},
    "image_url, percent": {"type": "image_url", "image_url": {"url": URL[:22] + quote(PLAIN, "")}},
    "LangChain 0.3": {
        "type": "image",
        "source_type": "base64",
        "data": PLAIN,
        "mime_type": "image/png",
    },
    "Anthropic": {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": PLAIN},
    },
    "Anthropic, URL": {"type": "image", "source": {"type": "url", "url": URL}},
    "Responses": {"type": "input_image", "image_url": URL, "detail": "auto"},
    "Responses, file": {"type": "input_file", "filename": "a.png", "file_data": URL},
    "Chat Completions, file": {"type": "file", "file": {"filename": "a.png", "file_data": URL}},
    "Google": {"type": "media", "mime_type": "image/png", "data": PLAIN},
    "Gemini, REST": {"inline_data": {"mime_type": "image/png", "data": PLAIN}},
    "Gemini, JavaScript": {"inlineData": {"mimeType": "image/png", "data": PLAIN}},
    "MCP": {"type": "image", "data": PLAIN, "mimeType": "image/png"},
    "chat template": {"type": "image", "image": URL},
    "chat template, URL": {"type": "image", "url": URL},
}
SOUNDS: dict[str, dict[str, Any]] = {
    "Chat Completions": {"type": "input_audio", "input_audio": {"data": PLAIN, "format": "wav"}},
    "Responses": {"type": "input_audio", "data": PLAIN, "format": "wav"},
    "audio_url": {"type": "audio_url", "audio_url": {"url": "data:audio/wav;base64," + PLAIN}},
    "Google": {"type": "media", "mime_type": "audio/wav", "data": WRAPPED},
    "Gemini, REST": {"inline_data": {"mime_type": "audio/wav", "data": PLAIN}},
    "MCP": {"type": "audio", "data": PLAIN, "mimeType": "audio/wav"},
    "chat template": {"type": "audio", "audio": PLAIN},
}
VIDEOS: dict[str, dict[str, Any]] = {
    "video_url": {"type": "video_url", "video_url": {"url": "data:video/mp4;base64," + PLAIN}},
    "Google": {"type": "media", "mime_type": "video/mp4", "data": PLAIN},
}


@pytest.mark.parametrize(
    ("modality", "block"),
    [
        pytest.param(modality, block, id=f"{modality}: {name}")
        for modality, blocks in (("vision", IMAGES), ("audio", SOUNDS), ("video", VIDEOS))
        for name, block in blocks.items()
    ],
)
def test_a_medium_is_the_same_in_every_form(modality: str, block: dict[str, Any]) -> None:
    message = HumanMessage(["what?", block])
    [medium] = media_of(message)
    assert (medium.modality, medium.data) == (modality, RAW)
    assert text_of(message) == "what?"


def test_text_of_another_api_is_text() -> None:
    message = HumanMessage([{"type": "input_text", "text": "what?"}, IMAGES["Responses"]])
    assert text_of(message) == "what?" and len(media_of(message)) == 1
    answer = AIMessage(
        [
            {"type": "output_text", "text": "No. "},
            {"type": "refusal", "refusal": "I cannot."},
            {"type": "function_call", "name": "send", "arguments": "{}", "call_id": "1"},
        ]
    )
    assert text_of(answer) == "No. I cannot." and media_of(answer) == []


TEXT = "Fahr zur Küche"


@pytest.mark.parametrize(
    "block",
    [
        {"type": "text-plain", "text": TEXT, "mime_type": "text/plain"},
        {"type": "text-plain", "base64": base64.b64encode(TEXT.encode()).decode()},
        {"type": "text-plain", "url": f"data:text/plain;charset=utf-8,{quote(TEXT)}"},
    ],
)
def test_the_words_of_a_text_file_are_read(block: dict[str, Any]) -> None:
    message = HumanMessage(["now: ", block | {"mime_type": "text/plain"}])
    assert text_of(message) == f"now: {TEXT}" and media_of(message) == []


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ({"type": "text-plain", "url": "https://example.org/a.txt"}, "give text or base64"),
        ({"type": "text-plain", "base64": base64.b64encode(b"K\xfcche").decode()}, "not UTF-8"),
    ],
)
def test_words_that_lie_elsewhere_are_not_left_out_silently(
    block: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        text_of(HumanMessage([block | {"mime_type": "text/plain"}]))


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ({"type": "image", "base64": "no base64!"}, "not base64"),
        ({"type": "image", "base64": RAW}, "raw bytes"),
        ({"type": "image", "base64": " \n"}, "empty"),
        ({"type": "input_image", "image_url": "https://example.org/a.png"}, "fetched from the web"),
        ({"type": "image_url", "image_url": "https://example.org/a.png"}, "fetched from the web"),
        (
            {"type": "media", "mime_type": "image/png", "file_uri": "gs://a/b"},
            "fetched from the web",
        ),
        ({"type": "input_image", "file_id": "file-123"}, "file_id"),
        ({"type": "input_image"}, "no data"),
        ({"type": "input_file", "filename": "a.pdf", "file_data": PLAIN}, "pdf"),
        ({"type": "sculpture"}, "sculpture"),
        ({"clay": 1}, "clay"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(block: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        media_of(HumanMessage(["what?", block]))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


def test_local_files_stay_forbidden_in_every_form() -> None:
    for block in (
        {"type": "input_image", "image_url": "FILE:///etc/passwd"},
        {"type": "image_url", "image_url": "file:///etc/passwd"},
    ):
        with pytest.raises(InputError, match="not allowed"):
            media_of(HumanMessage([block]), read_files=False)


def test_too_large_media_are_refused() -> None:
    with pytest.raises(InputError, match="64 MiB"):
        decoded("A" * (MAX_BYTES * 4 // 3 + 8), "image")


@given(st.binary(min_size=1, max_size=200), st.integers(1, 80), st.booleans(), st.booleans())
def test_base64_comes_back_however_it_is_wrapped(
    data: bytes, width: int, url: bool, padded: bool
) -> None:
    text = (base64.urlsafe_b64encode if url else base64.b64encode)(data).decode()
    text = text if padded else text.rstrip("=")
    wrapped = "\r\n".join(text[at : at + width] for at in range(0, len(text), width))
    assert decoded(wrapped, "image") == data
    assert decoded("Data:;base64," + quote(wrapped), "image") == data
