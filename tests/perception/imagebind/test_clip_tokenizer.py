"""The text tokenizer with merges files of any size. Parity with CLIP's is in tests/parity."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from sensebind.errors import InputError
from sensebind.perception.imagebind.preprocess.text import (
    Tokenizer,
    byte_symbols,
    clean,
    read_merges,
)

MERGES = [("c", "a"), ("ca", "t</w>"), ("h", "e")]


def test_byte_symbols_are_distinct_and_printable() -> None:
    symbols = byte_symbols()
    assert sorted(symbols) == list(range(256))
    assert len(set(symbols.values())) == 256
    assert symbols[ord("a")] == "a" and symbols[ord(" ")] == chr(256 + 32)


def test_vocabulary_follows_the_merges() -> None:
    assert Tokenizer([]).vocab_size == 514
    tokenizer = Tokenizer(MERGES, context_length=8)
    assert (tokenizer.vocab_size, tokenizer.start, tokenizer.end) == (517, 515, 516)
    assert tokenizer.encode("cat") == [513]
    assert len(tokenizer.encode("cats")) == 3  # "ca", "t", "s</w>": the merge is of the word's end
    assert tokenizer.encode("he") == [ord("h") - 33, 256 + ord("e") - 33]  # not at a word's end
    assert tokenizer.encode("hec")[0] == 514


def test_text_is_repaired_and_lowered() -> None:
    assert clean(" A &amp;amp; B\n\tschÃ¶n ") == "a & b schön"


def test_long_texts_keep_or_lose_their_end() -> None:
    keep, cut = Tokenizer(MERGES, 4, "keep_end"), Tokenizer(MERGES, 4, "cut")
    assert keep(["cat cat cat cat"]).tolist() == [[515, 513, 513, 516]]
    assert cut(["cat cat cat cat"]).tolist() == [[515, 513, 513, 513]]
    assert keep(["cat", ""]).tolist() == [[515, 513, 516, 0], [515, 516, 0, 0]]


@pytest.mark.parametrize("packed", [True, False])
def test_merges_files(tmp_path: Path, packed: bool) -> None:
    text = "#version: 1\n" + "\n".join(f"{a} {b}" for a, b in MERGES) + "\n"
    file = tmp_path / "merges.txt.gz"
    file.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    assert read_merges(file) == MERGES
    assert read_merges(file, 2) == MERGES[:2]


@pytest.mark.parametrize("content", [b"", b"\x1f\x8bbroken", b"#v\na b c\n", b"#v\n\xff\xfe\n"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "merges.txt").write_bytes(content)
    with pytest.raises(InputError):
        read_merges(tmp_path / "merges.txt")
