"""Formats: whatever the grammar says of one is one, and every text comes to its end."""

import ipaddress
import json
import random
import re
import uuid
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from email.headerregistry import Address
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from llguidance import LLMatcher, LLTokenizer
from pydantic import TypeAdapter

from sensebind.tools.json_schema import bounded
from sensebind.tools.json_schema.formats import FORMATS, OF_LLGUIDANCE

TOKENIZER = LLTokenizer("byte")
QUOTE = TOKENIZER.tokenize_str('"')[0]


def grammar(name: str, **more: Any) -> LLMatcher:
    schema = bounded({"type": "string", "format": name, **more}).schema
    matcher = LLMatcher(
        TOKENIZER, LLMatcher.grammar_from_lark(f"start: %json {json.dumps(schema)}")
    )
    assert not matcher.is_error(), matcher.get_error()
    return matcher


def said(start: LLMatcher, rng: random.Random, most: int) -> str:
    """A text of a grammar; after half of `most` bytes it ends as soon as it may."""
    matcher, written = start.deep_copy(), []
    while not matcher.is_stopped():
        raw = np.frombuffer(matcher.compute_bitmask(), np.uint8)
        allowed = np.flatnonzero(np.unpackbits(raw, bitorder="little")[:256])
        if not len(allowed):
            break
        end = QUOTE in allowed and len(written) > most / 2
        written.append(QUOTE if end else int(rng.choice(allowed)))
        matcher.consume_token(written[-1])
        assert len(written) <= most, TOKENIZER.decode_str(written)
    assert matcher.is_accepting()
    return json.loads(TOKENIZER.decode_str(written))


def uri(text: str) -> None:
    found = urlsplit(text)
    assert found.scheme and (found.netloc or found.path)
    assert re.fullmatch(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+", text)
    assert found.netloc or not re.match("//[^/]", text.partition(":")[2])


def duration(text: str) -> None:
    assert isinstance(TypeAdapter(timedelta).validate_python(text), timedelta)


READ: dict[str, Callable[[str], object]] = {
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "date-time": datetime.fromisoformat,
    "duration": duration,
    "email": lambda text: Address(addr_spec=text),
    "uri": uri,
    "uuid": uuid.UUID,
    "ipv4": ipaddress.IPv4Address,
    "ipv6": ipaddress.IPv6Address,
    "hostname": lambda text: re.fullmatch(r"[A-Za-z0-9.-]+", text),
}


@pytest.mark.parametrize("name", READ)
def test_whatever_is_said_is_of_the_format_and_ends(name: str) -> None:
    assert READ.keys() == FORMATS.keys() | OF_LLGUIDANCE
    start, rng = grammar(name), random.Random(0)
    most = FORMATS[name].longest + 2 if name in FORMATS else 300
    for _ in range(40):
        text = said(start, rng, most)
        assert READ[name](text) is not False, text
        if name in FORMATS:
            assert FORMATS[name].shortest <= len(text) <= FORMATS[name].longest
            assert re.search(FORMATS[name].pattern, text)


@pytest.mark.parametrize(
    ("name", "valid", "invalid"),
    [
        (
            "date",
            ["2024-02-29", "2000-02-29", "1999-12-31"],
            ["2023-02-29", "1900-02-29", "2024-04-31", "2024-13-01", "2024-1-1"],
        ),
        ("time", ["08:30:06Z", "23:59:59.999999+05:30"], ["08:30:06", "24:00:00Z", "8:30:06Z"]),
        (
            "date-time",
            ["2026-11-29T08:00:00Z", "1963-06-19T08:30:06.283185-08:00"],
            ["2026-11-29 08:00:00Z", "2026-11-29T08:00:00", "2026-11-31T08:00:00Z"],
        ),
        (
            "duration",
            ["P4DT12H30M5S", "PT36H", "P4W", "P1Y", "P1Y2M3D"],
            ["P", "PT", "P1", "PT1D", "P1YT", "P1Y2W", "P2S", "4D"],
        ),
        (
            "email",
            ["joe.bloggs@example.com", "te~st+x@a.example.org"],
            ["joe", "@example.com", ".joe@example.com", "joe..b@example.com", "joe@ex ample.com"],
        ),
        (
            "uri",
            [
                "http://foo.bar/?baz=qux#quux",
                "https://192.168.1.5:8080/on",
                "mailto:a@b.c",
                "urn:oasis:names:1.2",
                "tel:+1-816-555-1212",
                "package://robot/meshes/arm.stl",
                "file:///etc/hosts",
                "ldap://[2001:db8::7]/c=GB?objectClass?one",
            ],
            [
                "//foo.bar",
                "abc",
                "bar,baz:foo",
                "http:// x.com",
                "http://2.2.2.2:8o",
                "1a:b",
                "http://a/%zz",
            ],
        ),
    ],
)
def test_what_a_format_allows(name: str, valid: list[str], invalid: list[str]) -> None:
    start = grammar(name)
    for text in (*valid, *invalid):
        matcher, tokens = start.deep_copy(), TOKENIZER.tokenize_str(json.dumps(text))
        whole = matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting()
        assert whole == (text in valid), text


def test_lengths_of_a_schema_hold_with_a_format() -> None:
    start, rng = grammar("uri", minLength=20, maxLength=30), random.Random(0)
    for _ in range(10):
        assert 20 <= len(said(start, rng, 32)) <= 30
    said(grammar("date", maxLength=5), rng, 7)  # no date is so short: the format is not enforced
