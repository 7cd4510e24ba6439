"""Official training data that is not there, or not what it should be."""

from pathlib import Path

import pytest
import torch

from sensebind.agent.training.llama.official_data import (
    collate,
    encode_sample,
    finetune_sample,
    official_loss,
    pretrain_sample,
    read_items,
)
from sensebind.agent.training.llama.schedule import base_rate
from sensebind.errors import InputError


class Bytes:
    """A tokenizer of bytes; 1 and 2 begin and end a text."""

    def encode(self, input: str) -> list[int]:
        return [byte + 3 for byte in input.encode()]

    def bos_id(self) -> int:
        return 1

    def eos_id(self) -> int:
        return 2


def test_cutting_may_drop_the_end() -> None:
    sample = encode_sample(Bytes(), "ab", "cd", 5)
    assert sample.tokens.tolist() == [1, 100, 101, 102, 103]
    assert sample.labels.tolist() == [0, 0, 0, 102, 103]
    whole = encode_sample(Bytes(), "ab", "cd", 7)
    assert whole.tokens.tolist() == [1, 100, 101, 102, 103, 2, 0]
    assert whole.mask.tolist() == [1, 1, 1, 1, 1, 1, 0]


def test_files_are_read(tmp_path: Path) -> None:
    table = tmp_path / "pairs.csv"
    table.write_text('url\tcaption\na.jpg\ta dog\nb.jpg\t"two\tcats"\n', "utf-8")
    items = read_items(table)
    assert items == [
        {"url": "a.jpg", "caption": "a dog"},
        {"url": "b.jpg", "caption": "two\tcats"},
    ]
    samples = [pretrain_sample(item, Bytes(), 300) for item in items]
    tokens, labels, mask = collate(samples)
    assert tokens.shape == labels.shape == mask.shape == (2, 300)
    assert samples[0].image == "a.jpg"


def test_bad_items_and_files_are_refused(tmp_path: Path) -> None:
    for item in ({}, {"image": "a.jpg"}, {"image": "a.jpg", "conversations": [{"value": "x"}]}):
        with pytest.raises(InputError):
            finetune_sample(item, Bytes())
    bad = tmp_path / "bad.json"
    for content in ("{", "{}"):
        bad.write_text(content, "utf-8")
        with pytest.raises(InputError):
            read_items(bad)
    with pytest.raises(InputError):
        read_items(tmp_path / "none.json")


def test_a_batch_without_labels_has_no_gradient() -> None:
    logits = torch.randn(2, 4, 6, requires_grad=True)
    official_loss(logits, torch.zeros(2, 4, dtype=torch.long)).backward()
    assert logits.grad is not None
    assert not logits.grad.any()


def test_the_rate_scales_with_the_batch() -> None:
    assert base_rate(1e-4, batch=4, world=8) == pytest.approx(1.25e-5)
