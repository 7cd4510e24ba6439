"""Models that are made without values, and others that are made at the same time with them."""

import threading

import torch
from torch import nn

from sensebind.perception.without_values import without_values


def test_shapes_without_values_and_no_random_number_is_drawn() -> None:
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    with without_values():
        first = nn.Linear(3, 5)
        nn.init.normal_(first.weight)
        nn.init.zeros_(tensor=first.bias)
        model = nn.Sequential(first, nn.LayerNorm(5), nn.Embedding(4, 5))
    assert all(one.is_meta for one in model.parameters())
    assert [tuple(one.shape) for one in model.parameters()] == [(5, 3), (5,), (5,), (5,), (4, 5)]
    assert torch.equal(torch.random.get_rng_state(), before)
    assert nn.Linear(3, 5).weight.std() > 0  # outside, everything is as ever


def test_other_threads_initialise_meanwhile() -> None:
    made: list[nn.Linear] = []
    with without_values():
        thread = threading.Thread(target=lambda: made.append(nn.Linear(3, 5)))
        thread.start()
        thread.join()
    assert not made[0].weight.is_meta and made[0].weight.std() > 0
