"""Mixing embeddings, filling slots, drawing tokens."""

import pytest
import torch

from sensebind.agent.gated_llama.mixing import fill_slots, mix, mix_prenorm
from sensebind.agent.gated_llama.sampling import next_token, nucleus
from sensebind.errors import InputError


def test_inputs_are_normalised_and_the_sum_is_not() -> None:
    a, b = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 0.1]])
    torch.testing.assert_close(mix([a, b], [1.0, 3.0]), torch.tensor([[0.25, 0.75]]))
    assert mix([a])[0, 0] < 1  # the official 1e-6
    torch.testing.assert_close(mix_prenorm([a, b]), torch.tensor([[1.5, 0.05]]))


@pytest.mark.parametrize("weights", [[1.0], [1.0, -0.5]])
def test_weights_that_do_not_fit_are_refused(weights: list[float]) -> None:
    with pytest.raises(InputError):
        mix([torch.ones(1, 2), torch.ones(1, 2)], weights)
    with pytest.raises(InputError):
        mix([])


def test_an_absent_slot_is_marked() -> None:
    conditions, present = fill_slots([torch.ones(2, 4), None, torch.ones(2, 4)], 4)
    assert conditions.shape == (2, 1, 3, 4)
    assert present.tolist() == [[[True, False, True]]] * 2
    assert not conditions[:, :, 1].any()


def test_the_most_probable_token_always_stays() -> None:
    logits = torch.tensor([[0.0, 10.0, 1.0]])
    assert nucleus(logits, 1.0, 0.01).tolist() == [[0.0, 1.0, 0.0]]
    assert next_token(logits, 0.0).tolist() == [1]
    assert next_token(logits, 1.0, 0.01).tolist() == [1]


def test_everything_stays_at_top_p_one() -> None:
    logits = torch.randn(3, 50)
    torch.testing.assert_close(nucleus(logits, 2.0, 1.0), (logits / 2).softmax(-1))


@pytest.mark.parametrize("spread", [8.0, 0.1])
def test_draws_follow_the_nucleus(spread: float) -> None:
    """Peaked logits, whose nucleus is short, and flat ones, whose nucleus is most of it."""
    torch.manual_seed(0)
    logits = spread * torch.randn(1, 200)
    expected = nucleus(logits, 0.9, 0.8)
    many = logits.expand(40_000, -1)
    drawn = next_token(many, 0.9, 0.8, torch.Generator().manual_seed(1))
    shares = drawn.bincount(minlength=200) / len(many)
    assert not shares[expected[0] == 0].any()
    torch.testing.assert_close(shares, expected[0], atol=0.01, rtol=0.0)
