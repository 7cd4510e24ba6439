"""What clients of the OpenAI protocol send: base64 in the forms that programs write it in."""

import base64
from typing import Any

import pytest

from sensebind.agent.conditioning.media_forms import decoded
from sensebind.agent.server.content import read_content
from sensebind.errors import InputError

RAW = bytes(range(256)) * 3  # holds + and / of base64, and needs padding
PLAIN = base64.b64encode(RAW).decode()
FORMS = {
    "plain": PLAIN,
    "line breaks": base64.encodebytes(RAW).decode(),
    "alphabet of URLs": base64.urlsafe_b64encode(RAW).decode(),
    "no padding": base64.b64encode(RAW + b"!").decode().rstrip("="),
    "percent-encoded": PLAIN.replace("+", "%2B").replace("/", "%2F"),
}


def parts(encoded: str) -> list[dict[str, Any]]:
    return [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{encoded}"}},
        {"type": "image_url", "image_url": f"DATA:image/png;BASE64,{encoded}"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{encoded}"},
        {"type": "input_audio", "input_audio": {"data": encoded, "format": "wav"}},
        {"type": "file", "file": {"file_data": encoded, "filename": "a.png"}},
        {"type": "file", "file": {"file_data": f"data:image/png;base64,{encoded}"}},
    ]


@pytest.mark.parametrize("form", FORMS)
def test_base64_is_understood_however_it_is_written(form: str) -> None:
    raw = RAW + b"!" if form == "no padding" else RAW
    for part in parts(FORMS[form]):
        [block] = read_content([part]).media
        assert decoded(block["base64"], "it") == raw


@pytest.mark.parametrize("encoded", ["no base64!", "a", ""])
def test_what_is_not_base64_is_refused(encoded: str) -> None:
    for part in parts(encoded):
        with pytest.raises(InputError, match=r"is not base64|is empty"):
            read_content([part])
