"""The stages of `sensebind train bind` learn what they are given, and nothing more."""

from pathlib import Path

import numpy as np
import pytest
import torch

from sensebind.agent.training import simhome_data
from sensebind.agent.training.bind import captions, evaluate, pipeline
from sensebind.agent.training.bind.audio_and_points import (
    SenseStage,
    mel_clips,
    train_sense,
    turn_points,
)
from sensebind.agent.training.bind.crops import Schedule, Views, main_spot
from sensebind.agent.training.bind.initialisation import spread_positions
from sensebind.agent.training.bind.scenes import NOTHING, SceneSet, image_statistics, to_uint8
from sensebind.agent.training.bind.text import Meanings
from sensebind.agent.training.bind.vision import ImageStage, Words, augment, second_of, train_images
from sensebind.agent.training.parallel import Workers
from sensebind.agent.training.simhome_data import EMPTY, SceneRecord, Sighting
from sensebind.perception.imagebind import ImageBind, ImageBindProcessor
from sensebind.perception.simhome.catalog import COLORS, KINDS
from sensebind.perception.simhome.ground_truth import truth
from sensebind.perception.simhome.home import SimHome


@pytest.fixture()
def fresh(tmp_path: Path) -> tuple[ImageBind, ImageBindProcessor]:
    torch.manual_seed(0)
    return pipeline.new_imagebind(tmp_path / "new")


def _scenes(count: int = 12) -> SceneSet:
    """Plain pictures: dark for a red ball, bright for an empty room."""
    ball = Sighting("ball", "red", 1.0, 2000)
    records = [SceneRecord(i, main=ball if i % 2 else None) for i in range(count)]
    images = np.stack([np.full((3, 96, 96), 40 if i % 2 else 220, np.uint8) for i in range(count)])
    none = np.zeros(0, np.int64)
    clouds, sounds = np.zeros((0, 8, 3), np.float32), np.zeros((0, 32_000), np.int16)
    return SceneSet(records, images, clouds, none, sounds, none)


def test_new_imagebind_reads_its_own_captions(
    fresh: tuple[ImageBind, ImageBindProcessor],
) -> None:
    model, processor = fresh
    embedded = evaluate.embed_texts(model, processor, captions.kind_bank())
    assert embedded.shape == (len(KINDS) + 1, 128)
    assert torch.allclose(embedded.norm(dim=1), torch.ones(len(KINDS) + 1), atol=1e-5)


def test_pictures_come_back_from_the_processor_bit_for_bit(
    fresh: tuple[ImageBind, ImageBindProcessor],
) -> None:
    _, processor = fresh
    picture = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    back = to_uint8(processor.image(picture), processor)
    assert np.array_equal(back, picture.transpose(2, 0, 1))


def test_augmentation_never_changes_the_hue() -> None:
    red = torch.zeros(4, 3, 32, 32, dtype=torch.uint8)
    red[:, 0] = 150
    out = augment(red, 24, torch.Generator().manual_seed(0))
    assert out.shape == (4, 3, 24, 24)
    assert (out[:, 0] > out[:, 1] + 0.2).all()
    assert torch.allclose(out[:, 1], out[:, 2])


def test_second_things_must_be_large_enough() -> None:
    small, large = Sighting("dog", "red", 4.0, 100), Sighting("cat", "blue", 4.0, 400)
    assert second_of(SceneRecord(0, main=large, others=(small,))) is None
    assert second_of(SceneRecord(0, main=small, others=(small, large))) == large.named


def test_the_words_of_a_caption_are_asked_for_and_far_things_are_not_held_against_it() -> None:
    meanings = Meanings(128, 0)
    words = Words(128, meanings)
    ball, chair = Sighting("ball", "red", 1.0, 2000), Sighting("chair", "blue", 2.0, 900)
    pair, far = SceneRecord(0, main=ball, others=(chair,)), SceneRecord(2, others=(chair,))
    right = torch.stack([meanings.of(ball.named, chair.named), meanings.of(None)])
    wrong = right.flip(0)
    records = [pair, SceneRecord(1)]
    assert words.loss(right, records) < words.loss(wrong, records)
    with_far = words.loss(torch.cat([right, wrong[:1]]), [*records, far])
    assert torch.isclose(with_far, words.loss(right, records))


def test_positions_start_as_waves_that_tell_neighbours_apart(
    fresh: tuple[ImageBind, ImageBindProcessor],
) -> None:
    model, _ = fresh
    spread_positions(model, "vision")
    spread_positions(model, "audio")
    positions = model.state_dict()["modality_preprocessors.vision.pos_embedding_helper.pos_embed"][
        0, 1:
    ]
    distances = torch.cdist(positions, positions)
    assert distances[0, 1] < distances[0, 7] and distances[0, 1] > 0.5
    assert distances.fill_diagonal_(9).min() > 0.5


def test_stage_a_tells_two_pictures_apart(fresh: tuple[ImageBind, ImageBindProcessor]) -> None:
    model, processor = fresh
    scenes = _scenes()
    frames = np.ascontiguousarray(scenes.images.transpose(0, 2, 3, 1))
    schedule = Schedule(close=0.0, part=0.0)
    stage = ImageStage(word_steps=60, steps=20, batch=8, views=schedule, rate=2e-3, average=0.5)
    views = Views(frames, scenes.images, [SceneRecord(i) for i in range(len(scenes))], schedule)
    trained = train_images(model, processor, scenes, views, stage, shown=scenes)
    bank = evaluate.embed_texts(trained, processor, ["a red ball", "an empty room"])
    images = evaluate.embed_images(trained, processor, scenes.images[:2])
    assert (images @ bank.T).argmax(dim=1).tolist() == [1, 0]


def test_a_finished_stage_is_read_back_unless_its_recipe_changed(
    fresh: tuple[ImageBind, ImageBindProcessor], tmp_path: Path
) -> None:
    model, _ = fresh
    [name, *_] = model.state_dict()
    trained: list[str] = []

    def stage(key: str) -> torch.Tensor:
        def train() -> ImageBind:
            trained.append(key)
            with torch.no_grad():
                model.state_dict()[name].fill_(len(trained))
            return model

        got = pipeline._stage(tmp_path / "stage.safetensors", key, model, train)
        return got.state_dict()[name].clone()

    first = stage("one recipe")
    with torch.no_grad():
        model.state_dict()[name].zero_()
    assert torch.equal(stage("one recipe"), first) and trained == ["one recipe"]
    assert not torch.equal(stage("another recipe"), first) and len(trained) == 2


def test_views_hold_the_main_thing_and_widen() -> None:
    scene = simhome_data.training_scene(0)
    with SimHome(scene) as home:
        seen, frame = truth(home).main, home.camera()
    assert seen is not None
    record = SceneRecord(0, main=Sighting.of(seen))
    x, y, extent = main_spot(record)
    left, top, right, bottom = seen.box
    assert (x + 1) * 112 == pytest.approx((left + right) / 2)
    assert (y + 1) * 112 == pytest.approx((top + bottom) / 2)
    assert extent * 224 == pytest.approx(max(right - left, bottom - top))
    views = Views(frame[None], np.zeros((1, 3, 96, 96), np.uint8), [record], Schedule())
    rng, rows = np.random.default_rng(0), np.zeros(50, np.int64)
    close, part = views.widths(rows, 0.0, rng), views.widths(rows, 0.5, rng)
    whole = views.widths(rows, 0.9, rng)
    assert close.mean() <= part.mean() <= whole.mean() and (whole == 1).mean() > 0.5
    assert views.take(rows[:3], close[:3], 64, rng).shape == (3, 3, 64, 64)


def test_gradients_of_parts_add_up_to_that_of_the_whole() -> None:
    torch.manual_seed(0)
    layer, inputs = torch.nn.Linear(4, 2), torch.randn(6, 4)
    layer(inputs).square().sum().backward()
    whole = layer.weight.grad
    layer.weight.grad = layer.bias.grad = None
    with Workers(2) as workers:
        ends = workers.map(layer, inputs.split(2))
        workers.backward(ends, [2 * end.detach() for end in ends], layer)
    assert whole is not None and layer.weight.grad is not None
    assert torch.allclose(whole, layer.weight.grad, atol=1e-5)


def test_a_bound_sense_changes_alone_and_finds_its_pictures(
    fresh: tuple[ImageBind, ImageBindProcessor],
) -> None:
    model, _ = fresh
    before = {name: value.clone() for name, value in model.state_dict().items()}
    generator = torch.Generator().manual_seed(0)
    images = torch.nn.functional.normalize(torch.randn(8, 128, generator=generator), dim=1)
    image_kind = np.array([0, 0, 1, 1, NOTHING, NOTHING, -1, -1])
    clouds = torch.rand(2, 64, 3, generator=generator) * torch.tensor([[[1.0]], [[0.1]]])

    def inputs(rows: np.ndarray, _: torch.Generator) -> torch.Tensor:
        return clouds[torch.from_numpy(rows)]

    stage = SenseStage(steps=60, batch=8, bank=6, average=0.8)
    kinds = np.array([0, 1])
    trained = train_sense(model, "point", inputs, kinds, images, image_kind, stage)
    for name, value in trained.state_dict().items():
        if "point" not in name:
            assert torch.equal(value, before[name]), name
    embedded = evaluate.embed(trained, "point", clouds)
    assert evaluate.share(embedded, kinds, evaluate.prototypes(images, image_kind)[:2]) == 1.0


def test_points_stay_upright_when_they_are_turned() -> None:
    clouds = torch.rand(3, 50, 3)
    turned = turn_points(clouds, torch.Generator().manual_seed(0))
    assert turned.shape == clouds.shape
    assert (turned[..., 2].amax(1) - clouds[..., 2].amax(1)).abs().max() < 0.12


def test_the_first_variant_of_a_sound_is_the_sound_itself(
    fresh: tuple[ImageBind, ImageBindProcessor],
) -> None:
    _, processor = fresh
    sound = (np.sin(np.arange(32_000) / 20) * 9000).astype(np.int16)[None]
    clips = mel_clips(sound, processor, variants=3)
    assert clips.shape == (1, 3, 1, 128, 204)
    plain = processor.audio(sound[0].astype(np.float32) / 32767, 16_000)[0]
    assert torch.allclose(clips[0, 0], plain, atol=1e-4)
    assert not torch.equal(clips[0, 1], clips[0, 2])


def test_sight_scores_count_kind_and_colour_apart() -> None:
    bank = torch.eye(EMPTY + 1)
    labels = np.array([0, 1, EMPTY, -1])
    guesses = [0, len(COLORS) + 1, EMPTY, 0]  # right; the colour alone; right; not counted
    scores = evaluate.sight_scores(bank[guesses], labels, bank)
    assert scores == {"both": 0.5, "kind": 0.5, "color": 1.0, "empty": 1.0}


def test_image_statistics_are_the_processors(fresh: tuple[ImageBind, ImageBindProcessor]) -> None:
    mean, std = image_statistics(fresh[1])
    assert mean.shape == std.shape == (3, 1, 1)
