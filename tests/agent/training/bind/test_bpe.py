"""The merges learned from captions are what CLIP's tokenizer expects."""

import gzip
from pathlib import Path

from sensebind.agent.training.bind import bpe, captions
from sensebind.perception.imagebind.preprocess.text import Tokenizer, read_merges


def test_frequent_pairs_are_merged_first_and_ties_are_alphabetical() -> None:
    merges = bpe.train_bpe(["abab abab", "cd"], merges=2)
    assert merges == [("a", "b</w>"), ("ab", "ab</w>")] or merges[0] in (("a", "b"), ("a", "b</w>"))
    assert bpe.train_bpe(["abab abab", "cd"], merges=2) == merges


def test_learning_stops_when_every_word_is_one_symbol() -> None:
    assert bpe.train_bpe(["ab ab"], merges=99) == [("a", "b</w>")]


def test_byte_symbols_are_all_different() -> None:
    symbols = bpe.byte_symbols()
    assert sorted(symbols) == list(range(256))
    assert len(set(symbols.values())) == 256
    assert not any(symbol.isspace() for symbol in symbols.values())


def test_file_is_reproducible_and_has_a_header(tmp_path: Path) -> None:
    merges = bpe.train_bpe(captions.all_wordings())
    bpe.save_merges(merges, tmp_path / "a.gz")
    bpe.save_merges(merges, tmp_path / "b.gz")
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()
    lines = gzip.decompress((tmp_path / "a.gz").read_bytes()).decode().splitlines()
    assert len(lines) == 1 + len(merges)


def test_the_tokenizer_reads_them_and_each_caption_word_is_one_token(tmp_path: Path) -> None:
    merges = bpe.train_bpe(captions.all_wordings())
    bpe.save_merges(merges, tmp_path / "merges.txt.gz")
    tokenizer = Tokenizer(read_merges(tmp_path / "merges.txt.gz", None), 77, "keep_end")
    ids = tokenizer(["a red ball and an orange vacuum"])[0]
    size = bpe.vocabulary_size(merges)
    assert int(ids.max()) == size - 1  # the end token
    assert int((ids == size - 1).nonzero()[0]) == 8  # start and seven words before it
