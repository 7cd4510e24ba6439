"""Fixtures of the gated LLaMA tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from small_model import Batch, make_model

from sensebind.agent.gated_llama import GatedLlamaForCausalLM


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Models of some kilobytes: several threads would wait for each other most of the time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def model() -> GatedLlamaForCausalLM:
    return make_model()


@pytest.fixture
def batch() -> Batch:
    torch.manual_seed(1)
    tokens = torch.randint(3, 96, (2, 9))
    mask = torch.ones_like(tokens)
    tokens[1, :3], mask[1, :3] = 0, 0
    ids = torch.tensor([[-1, 0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0, 1, 1, 0]])
    present = torch.tensor([[[1, 1, 1], [1, 0, 1]], [[0, 0, 1], [1, 1, 0]]]).bool()
    return Batch(tokens, mask, torch.randn(2, 2, 3, 12), present, ids)
