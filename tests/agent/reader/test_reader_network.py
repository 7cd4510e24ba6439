"""The reader's network, with weights of a seed."""

import torch

from sensebind.agent.reader.actions import ACTIONS, CATEGORIES
from sensebind.agent.reader.features import Vocabulary
from sensebind.agent.reader.network import LEVELS, NetworkSize, ReaderNetwork


def small() -> tuple[ReaderNetwork, Vocabulary]:
    torch.manual_seed(0)
    words = Vocabulary(["turn", "on", "the", "lamp"], 64)
    return ReaderNetwork(NetworkSize(len(words), 64, 16, 1, 2, 32)).eval(), words


def read(network: ReaderNetwork, words: Vocabulary, texts: list[str]) -> tuple[torch.Tensor, ...]:
    encoded = words.encode(texts)
    with torch.inference_mode():
        return network(*map(torch.from_numpy, (encoded.words, encoded.grams, encoded.shapes)))


def test_shapes() -> None:
    levels, categories = read(*small(), ["turn on the lamp", "the lamp?"])
    assert levels.shape == (2, len(ACTIONS), LEVELS)
    assert categories.shape == (2, len(CATEGORIES))


def test_what_stands_next_to_a_text_in_a_batch_does_not_change_it() -> None:
    network, words = small()
    alone = read(network, words, ["turn on the lamp"])
    among = read(network, words, ["turn on the lamp", "the lamp the lamp the lamp the lamp"])
    assert torch.allclose(alone[0][0], among[0][0], atol=1e-5)
    assert torch.allclose(alone[1][0], among[1][0], atol=1e-5)


def test_a_mark_changes_what_is_read() -> None:
    levels, _ = read(*small(), ["the lamp on", "the lamp on?"])
    assert not torch.allclose(levels[0], levels[1], atol=1e-4)


def test_the_order_of_words_changes_what_is_read() -> None:
    levels, _ = read(*small(), ["turn the lamp on", "lamp the turn on"])
    assert not torch.allclose(levels[0], levels[1], atol=1e-4)
