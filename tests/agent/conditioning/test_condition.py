"""Conditions: slots, weights, the official weighted sum, and a store that forgets in order."""

import numpy as np
import pytest
import torch

from sensebind.agent.conditioning.condition import Condition, ConditionStore, compose, new_reference
from sensebind.agent.gated_llama.mixing import mix
from sensebind.errors import InputError

SENSES = ("sight", "hearing", "scan")
RNG = np.random.default_rng(0)
VISION, AUDIO = RNG.normal(size=8).astype(np.float32), RNG.normal(size=8).astype(np.float32)


def test_each_sense_has_its_slot_and_absent_ones_stay_empty() -> None:
    one = compose({"audio": AUDIO, "vision": VISION}, senses=SENSES, dim=8)
    assert one.present.tolist() == [True, True, False]
    assert np.allclose(one.embeddings[0], VISION / np.linalg.norm(VISION), atol=1e-6)
    assert not one.embeddings[2].any()


def test_weight_zero_leaves_the_slot_empty() -> None:
    one = compose({"audio": AUDIO, "vision": VISION}, senses=SENSES, dim=8, weights={"audio": 0})
    assert one.present.tolist() == [True, False, False]


def test_one_slot_takes_the_official_weighted_sum() -> None:
    weights = {"vision": 1.0, "audio": 0.5}
    one = compose({"vision": VISION, "audio": AUDIO}, senses=("all",), dim=8, weights=weights)
    rows = [torch.from_numpy(v)[None] for v in (VISION, AUDIO)]
    assert np.allclose(one.embeddings[0], mix(rows, [1.0, 0.5])[0].numpy(), atol=1e-6)
    nothing = compose({}, senses=("all",), dim=8)
    assert nothing.present.tolist() == [False]


def test_a_model_with_slots_mixes_by_sum_where_asked() -> None:
    text = RNG.normal(size=8).astype(np.float32)
    given, weights = {"vision": VISION, "text": text}, {"text": 0.5}
    one = compose(given, senses=SENSES, dim=8, weights=weights, mix="sum")
    assert one.present.tolist() == [True, False, False]
    rows = [torch.from_numpy(v)[None] for v in (VISION, text)]
    assert np.allclose(one.embeddings[0], mix(rows, [1.0, 0.5])[0].numpy(), atol=1e-6)
    with pytest.raises(InputError, match="no slot for text"):
        compose(given, senses=SENSES, dim=8)
    with pytest.raises(InputError, match="one slot"):
        compose(given, senses=("all",), dim=8, mix="slots")


def test_a_picture_and_a_video_share_sight() -> None:
    weights = {"vision": 0.5, "video": 0.25}
    one = compose({"vision": VISION, "video": AUDIO}, senses=SENSES, dim=8, weights=weights)
    both = mix([torch.from_numpy(v)[None] for v in (VISION, AUDIO)], [2.0, 1.0])[0]
    expected = 0.5 * both / both.norm()
    assert np.allclose(one.embeddings[0], expected.numpy(), atol=1e-6)
    assert one.present.tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("embeddings", "weights", "message"),
    [
        ({"vision": np.ones(4)}, {}, "has 4 numbers, the model expects 8"),
        ({"thermal": np.ones(8)}, {}, "no slot for thermal"),
        ({"vision": np.ones(8)}, {"vision": -1.0}, "must be a number ≥ 0"),
        ({"vision": np.full(8, np.nan)}, {}, "NaN"),
    ],
)
def test_what_does_not_fit_is_named(embeddings: dict, weights: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        compose(embeddings, senses=SENSES, dim=8, weights=weights)
    with pytest.raises(InputError, match=r"slots"):
        Condition("x", np.zeros((3, 8), np.float32), np.zeros(2, bool))


def test_the_store_forgets_the_oldest_and_counts_it() -> None:
    store = ConditionStore(limit=2)
    kept = [compose({"vision": VISION}, senses=SENSES, dim=8) for _ in range(3)]
    for one in kept:
        assert store.put(one) == one.reference
    assert store.get(kept[0].reference) is None and store.get(kept[2].reference) is kept[2]
    assert (len(store), store.evicted) == (2, 1)
    assert new_reference() != new_reference()
    with pytest.raises(InputError, match="at least one"):
        ConditionStore(0)
