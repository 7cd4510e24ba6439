"""What an API answers, as a model reads it."""

import json
from typing import Any

import pytest

from sensebind.tools.openapi.answers import Binary, content_of, read_answer, reason, worded


def test_answers_are_short_for_the_model() -> None:
    assert worded({"door": "open", "angle": 45.0}) == "door open, angle 45"
    assert worded({"a": {"b": 1}}) == '{"a": {"b": 1}}'
    assert worded({"open": True, "by": None}) == "open true, by null"
    assert len(worded("x" * 10_000)) == 10_000  # it is cut where every tool's result is
    assert worded({}) == worded("") == "done"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (52.52437, "52.52437"),
        (13.404954123, "13.404954123"),
        (1790000000.25, "1790000000.25"),
        (175928847299117063, "175928847299117063"),
        (0.00001, "0.00001"),
        (1234567.0, "1234567"),
    ],
)
def test_numbers_are_those_of_the_server(number: float, text: str) -> None:
    assert worded({"x": number}) == f"x {text}"


@pytest.mark.parametrize(
    ("body", "content_type", "value"),
    [
        (b'{"a": 1}', "application/json; charset=utf-8", {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', "application/json", {"a": 1}),
        ('{"a": "ä"}'.encode("utf-16"), "application/json", {"a": "ä"}),
        ('{"a": "ä"}'.encode("latin-1"), 'application/json; charset="latin1"', {"a": "ä"}),
        (b'\xef\xbb\xbf{"a": 1}', "application/json; charset=utf-8", {"a": 1}),  # .NET
        ('{"a": "ä"}'.encode("utf-16"), "application/json; charset=utf-16", {"a": "ä"}),
        ('{"a": "ä"}'.encode("utf-16-be"), "application/json; charset=utf-16", {"a": "ä"}),
        ('{"a": "ä"}'.encode("utf-16-le"), "application/problem+json; charset=utf-8", {"a": "ä"}),
        ('\ufeff{"a": "ä"}'.encode("utf-16-le"), "text/json; charset=utf-16le", {"a": "ä"}),
        (b'{"a": 1}', "text/html", {"a": 1}),
        (b"1.10", "text/plain", "1.10"),  # a version
        (b"1.10", "", "1.10"),
        (b"1.10", "application/json", 1.1),
        (b"1.5", "text/plain", 1.5),
        (b"[1.10, 2]", "text/plain", "[1.10, 2]"),
        (b"NaN", "text/plain", "NaN"),
        (b'{"a": 1, "a": 2}', "text/plain", '{"a": 1, "a": 2}'),
        ("Käse".encode(), "text/plain", "Käse"),
        ("Käse".encode(), "", "Käse"),
        ("\ufeffKäse".encode(), "text/plain", "Käse"),
        ("\ufeffKäse".encode(), "text/plain; charset=utf-8", "Käse"),
        ("Käse".encode("utf-16"), "text/plain", "Käse"),
        ("Käse".encode("utf-16"), "", "Käse"),
        ("\ufeffKäse".encode("utf-16-be"), "text/csv; charset=utf-16be", "Käse"),
        (b"\xff\xfe\0\xd8ab", "audio/x", Binary("audio/x", b"\xff\xfe\0\xd8ab")),
        (b"\xff\xfeAB", "application/zip", Binary("application/zip", b"\xff\xfeAB")),
        ("Käse".encode("cp1252"), "text/plain; charset=windows-1252", "Käse"),
        ("厨房".encode("gb18030"), "text/plain; charset=GB18030", "厨房"),
        (b"K\xe4se", "text/plain", "K\ufffdse"),
        (b"K\xe4se", "text/plain; charset=klingon", "K\ufffdse"),
        (b"plain", "text/plain; charset=hex", "plain"),
        (b"plain", "text/plain; charset=a\0b", "plain"),
        (b"<svg/>", "image/svg+xml", "<svg/>"),
        (b"\x89PNG", "image/png", Binary("image/png", b"\x89PNG")),
        (b"\xff\x00", "application/octet-stream", Binary("application/octet-stream", b"\xff\x00")),
        (b"plain", "application/octet-stream", "plain"),
        (b"\0\1", "application/octet-stream", Binary("application/octet-stream", b"\0\1")),
        (b"PK\3\4\0", "application/zip", Binary("application/zip", b"PK\3\4\0")),
        (b'{"a": "\\u0000"}', "application/json", {"a": "\0"}),
        (b"", "", ""),
    ],
)
def test_a_body_is_decoded_as_its_type_says(body: bytes, content_type: str, value: Any) -> None:
    assert read_answer(body, content_type) == value


def test_files_are_named_and_kept_whole() -> None:
    content, whole = content_of(Binary("application/pdf", b"%PDF\xff"))
    assert content == "(application/pdf, 5 bytes, which cannot be shown)"
    assert json.loads(json.dumps(whole)) == {"type": "application/pdf", "base64": "JVBERv8="}
    blocks, _ = content_of(Binary("audio/wav", b"RIFF"))
    assert isinstance(blocks, list)
    assert blocks[0] == {"type": "text", "text": "(a sound, audio/wav)"}
    assert blocks[1]["mime_type"] == "audio/wav"
    assert reason(Binary("image/png", b"")) == "(image/png, 0 bytes, which cannot be shown)"
