"""Captions name what is there, in the order of the catalog, and nothing else."""

import random

from sensebind.agent.training.bind import captions
from sensebind.agent.training.bind.captions import ALL_NAMED, Named
from sensebind.perception.simhome.catalog import COLORS, KINDS


def test_articles() -> None:
    assert Named("ball", "orange").phrase == "an orange ball"
    assert Named("ball", "red").phrase == "a red ball"


def test_banks_name_every_class_at_its_place() -> None:
    rng = random.Random(1)
    for bank in (captions.main_bank(), captions.main_bank(rng)):
        assert len(bank) == len(KINDS) * len(COLORS) + 1
        for text, thing in zip(bank, ALL_NAMED, strict=False):
            assert thing.kind in text and thing.color in text
    for bank in (captions.kind_bank(), captions.kind_bank(rng)):
        assert [kind in text for kind, text in zip(KINDS, bank, strict=False)] == [True] * 18
    assert all(color in text for color, text in zip(COLORS, captions.color_bank(rng), strict=True))


def test_the_empty_caption_names_no_kind() -> None:
    for text in captions.EMPTY_CAPTIONS:
        assert not set(text.split()) & {*KINDS, *COLORS}


def test_a_scene_is_told_with_its_main_thing_first() -> None:
    rng = random.Random(0)
    ball, chair = Named("ball", "red"), Named("chair", "blue")
    for _ in range(20):
        text = captions.scene_caption(ball, [chair], False, rng)
        assert text.index("red ball") < text.index("blue chair")
    assert "red ball" in captions.scene_caption(None, [ball], True, rng)
    assert "ball" not in captions.scene_caption(None, [ball], False, rng)
