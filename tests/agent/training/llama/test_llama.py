"""The training loop of the small language model, on few dialogs and tiny sizes."""

import json
import random
from itertools import islice
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from sensebind.agent.corpus import INTENTS
from sensebind.agent.corpus.conditions import ABSENT
from sensebind.agent.corpus.dialog import sample_dialog
from sensebind.agent.corpus.noise import normalise
from sensebind.agent.gated_llama import GatedLlamaForCausalLM
from sensebind.agent.training.bind.pipeline import new_imagebind
from sensebind.agent.training.llama import probe, train
from sensebind.agent.training.llama.batches import IGNORE, Batch, DialogEncoder
from sensebind.agent.training.llama.condition_pool import caption_pool, load_pool, word_pool
from sensebind.agent.training.llama.probe import told_captions
from sensebind.agent.training.llama.tokenizer import save_tokenizer, train_tokenizer
from sensebind.agent.training.llama.train import (
    LlamaRecipe,
    batch_loss,
    descend,
    new_llama,
    train_llama,
)
from sensebind.agent.training.parallel import Workers, made_ahead
from sensebind.errors import InputError
from sensebind.memory.visual_cache import VisualCache
from sensebind.perception.simhome.catalog import COLORS, KINDS

TINY = LlamaRecipe(
    width=32,
    layers=2,
    heads=2,
    inner=64,
    bind_blocks=1,
    bind_inner=32,
    tokens=300,
    warmup=1,
    word_steps=2,
    picture_steps=2,
    look_steps=2,
    lora_rank=2,
)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedTokenizerFast:
    directory = tmp_path_factory.mktemp("tokenizer")
    save_tokenizer(train_tokenizer(dialogs=400, size=1500), directory)
    return AutoTokenizer.from_pretrained(directory)


def test_batches_side_by_side_are_alike(tokenizer: PreTrainedTokenizerFast) -> None:
    encoder, pool = DialogEncoder(tokenizer), word_pool(16, 0, 400)

    def lengths(alike: int) -> list[int]:
        stream = encoder.stream(
            lambda rng: sample_dialog(rng, pool), random.Random(0), 300, 80, alike
        )
        return [batch.input_ids.shape[1] for batch in islice(stream, 40)]

    def apart(found: list[int]) -> int:
        return sum(abs(one - two) for one, two in zip(found[::2], found[1::2], strict=True))

    assert apart(lengths(2)) < 0.5 * apart(lengths(1))
    assert lengths(100)  # more than there are in a group


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tokenizer: PreTrainedTokenizerFast) -> None:
    monkeypatch.setattr(train, "train_tokenizer", lambda seed: tokenizer)
    monkeypatch.setattr(train, "probe", lambda *args, **more: {"all": 0.0})


def test_second_things_that_cannot_be_told_are_left_out(tokenizer: PreTrainedTokenizerFast):
    model = new_llama(TINY, len(tokenizer), 16).eval()
    encoder, pool = DialogEncoder(tokenizer), word_pool(16, 0, 400)
    told = told_captions(model, encoder, pool)
    assert [one.main for one in told] == [one.main for one in pool.captions]
    assert any(one.second for one in pool.captions) and not any(one.second for one in told)
    # A model that is right about everything keeps them all.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            probe, "right_steps", lambda model, batch, pool: ((s, True) for s in batch.spans)
        )
        assert told_captions(model, encoder, pool) == pool.captions


def test_parts_side_by_side_descend_as_one_batch(tokenizer: PreTrainedTokenizerFast):
    model = new_llama(TINY, len(tokenizer), 16)
    encoder, pool, rng = DialogEncoder(tokenizer), word_pool(16, 0, 400), random.Random(0)

    def parts() -> list[tuple[Batch, torch.Generator]]:
        return [(batch, torch.Generator().manual_seed(n)) for n, batch in enumerate(batches)]

    with made_ahead(encoder.stream(lambda rng: sample_dialog(rng, pool), rng, 300)) as stream:
        batches = [next(stream) for _ in range(2)]
    with Workers(2) as workers:
        found = descend(model, parts(), pool, None, workers)
    gradients = [weight.grad for weight in model.parameters()]
    spoken = [int((batch.labels != IGNORE).sum()) for batch in batches]
    losses = [batch_loss(model, batch, pool, generator) for batch, generator in parts()]
    whole = sum(loss * count for loss, count in zip(losses, spoken, strict=True)) / sum(spoken)
    assert isinstance(whole, torch.Tensor) and spoken[0] != spoken[1]
    assert found == pytest.approx(float(whole.detach()), rel=1e-5)
    expected = torch.autograd.grad(whole, list(model.parameters()), allow_unused=True)
    for mine, right in zip(gradients, expected, strict=True):
        torch.testing.assert_close(mine, right, atol=1e-6, rtol=1e-4)


def test_special_tokens_have_the_agreed_ids(tokenizer: PreTrainedTokenizerFast):
    assert tokenizer.convert_tokens_to_ids(["<pad>", "<s>", "</s>"]) == [0, 1, 2]
    assert tokenizer.init_kwargs["tool_call_start"] == "<|call|>"
    assert len(tokenizer("<|call|>", add_special_tokens=False)["input_ids"]) == 1


def test_common_chinese_characters_are_one_token(tokenizer: PreTrainedTokenizerFast):
    ids = tokenizer("你看到什么听颜色", add_special_tokens=False)["input_ids"]
    assert len(ids) == 8


def test_the_template_hears_what_training_hears(tokenizer: PreTrainedTokenizerFast):
    for text in ('What\'s "THAT", <|call|>?', "你好，在吗？", "a\\b 'quoted' – ok…"):
        rendered = tokenizer.apply_chat_template(
            [{"role": "user", "content": text}], tokenize=False, add_generation_prompt=True
        )
        assert rendered == f"<s><|user|> {normalise(text)}<|end|><|assistant|>"


def test_batches_are_what_the_template_gives(tokenizer: PreTrainedTokenizerFast):
    rng = random.Random(0)
    encoder = DialogEncoder(tokenizer)
    dialogs = [sample_dialog(rng, word_pool(16, 0, 400)) for _ in range(40)]
    batch = encoder.collate(encoder.encode(dialogs))
    for row, dialog in enumerate(dialogs):
        messages = []
        for turn in dialog:
            messages.append({"role": "user", "content": turn.user})
            for kind, text in turn.steps:
                if kind == "call":
                    function = json.loads(text)
                    messages.append(
                        {"role": "assistant", "content": "", "tool_calls": [{"function": function}]}
                    )
                else:
                    role = "tool" if kind == "tool" else "assistant"
                    messages.append({"role": role, "content": text})
        text = tokenizer.apply_chat_template(messages, tokenize=False)
        expected = tokenizer(str(text), add_special_tokens=False)["input_ids"]
        assert batch.input_ids[row, : len(expected)].tolist() == expected
        assert batch.condition_ids[row, len(expected) - 1] == len(dialog) - 1
        assert batch.rows[row, len(dialog) - 1].tolist() == list(dialog[-1].condition.rows)
    spoken = batch.labels != IGNORE
    assert torch.equal(batch.labels[spoken], batch.input_ids[spoken])
    assert 0.1 < spoken.float().mean() < 0.9


def test_named_colours_digits_and_units_of_time_count_more(tokenizer: PreTrainedTokenizerFast):
    weights = DialogEncoder(tokenizer).word_weights(colors=6.0, times=5.0)

    def weight(word: str) -> float:
        return float(weights[tokenizer.encode(word, add_special_tokens=False)[0]])

    words = (" red", " seconds", "秒", "7", " see")
    assert [weight(word) for word in words] == [6.0, 5.0, 5.0, 5.0, 1.0]
    assert (weights == 1.0).float().mean() > 0.9


def test_absent_slots_are_zero_and_not_present():
    pool = word_pool(16, 0, 400)
    rows = torch.tensor([[[3, ABSENT, 5]]])
    vectors, present = pool.gather(rows, torch.Generator().manual_seed(0))
    assert present.tolist() == [[[True, False, True]]]
    assert torch.allclose(vectors.norm(dim=-1), torch.tensor([[[1.0, 0.0, 1.0]]]))


def _write_embeddings(directory: Path) -> torch.Tensor:
    images = torch.nn.functional.normalize(torch.randn(60, 16), dim=-1)
    colors = list(COLORS)
    scenes = [
        {
            "seed": row,
            "main": (
                {"kind": KINDS[row % len(KINDS)], "color": colors[row % 8]} if row < 54 else None
            ),
            "second": {"kind": "ball", "color": "red"} if row % 5 == 0 and row < 54 else None,
            "empty": row > 56,
        }
        for row in range(60)
    ]
    save_file({"image": images}, directory / "embeddings.safetensors")
    (directory / "embeddings.json").write_text(json.dumps({"scenes": scenes}))
    return images


def test_a_pool_is_read_with_enhanced_copies(tmp_path: Path):
    images = _write_embeddings(tmp_path)
    pool = load_pool(tmp_path, VisualCache.build(images.numpy()))
    assert pool.images.shape == (6, 57, 16)  # three unclear pictures are left out
    row, things = pool.sight(random.Random(1))
    assert row == ABSENT or len(things) <= 2
    row, kind = pool.hearing(random.Random(0), "dog")
    assert kind == "dog"
    assert (pool.captions[row].main or ("",))[0] == "dog"


def test_captions_stand_in_for_pictures(tmp_path: Path):
    model, processor = new_imagebind(tmp_path / "new")
    model.save_pretrained(tmp_path / "imagebind")
    processor.save_pretrained(tmp_path / "imagebind")
    pool = caption_pool(tmp_path / "imagebind", seed=0, size=200)
    assert pool.images.shape == (1, 200, model.config.out_width)
    assert torch.allclose(pool.images.norm(dim=-1), torch.ones(1, 200), atol=1e-5)
    assert any(caption.second for caption in pool.captions)
    assert any(caption.main is None for caption in pool.captions)


def test_missing_embeddings_say_what_to_do(tmp_path: Path):
    with pytest.raises(InputError, match="sensebind train bind"):
        load_pool(tmp_path, None)


def test_loss_falls_when_one_batch_is_repeated(tokenizer: PreTrainedTokenizerFast):
    pool = word_pool(16, 0, 400)
    encoder = DialogEncoder(tokenizer)
    batch = next(encoder.stream(lambda rng: sample_dialog(rng, pool), random.Random(0), 300, 20))
    model = new_llama(TINY, len(tokenizer), 16)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    generator = torch.Generator().manual_seed(0)
    losses = []
    for _ in range(30):
        loss = batch_loss(model, batch, pool, generator)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
    assert model.adapter.gates.abs().sum() > 0


@pytest.mark.usefixtures("quick")
def test_words_are_learned_without_any_picture(tmp_path: Path):
    words = tmp_path / "words"
    train_llama(words, embeddings=None, stage="words", recipe=TINY)
    model = GatedLlamaForCausalLM.from_pretrained(words)
    assert model.config.senses == ["sight", "hearing", "scan"]
    assert model.config.bind_dim == 128
    assert AutoTokenizer.from_pretrained(words).chat_template


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("stage", "moves"),
    [
        ("pictures", "model.embed_tokens"),
        ("stage1", "adapter.bind"),
        ("stage2", "self_attn.v_proj"),
    ],
)
def test_stages_move_their_weights_only(tmp_path: Path, stage: train.Stage, moves: str):
    _write_embeddings(tmp_path)
    tokenizer = train.train_tokenizer(seed=0)
    start = tmp_path / "start"
    fresh = new_llama(TINY, len(tokenizer), 16)
    with torch.no_grad():
        fresh.adapter.gates.fill_(0.5)
    train.save_llama(fresh, tokenizer, start, recipe=TINY)
    train_llama(tmp_path / "out", embeddings=tmp_path, stage=stage, start=start, recipe=TINY)
    before = GatedLlamaForCausalLM.from_pretrained(start).state_dict()
    after = GatedLlamaForCausalLM.from_pretrained(tmp_path / "out").state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert any(moves in name for name in moved)
    if stage == "stage1":
        assert all(name.startswith("adapter.") for name in moved)
    if stage == "stage2":
        assert not any(name.startswith("adapter.bind") for name in moved)


@pytest.mark.usefixtures("quick")
def test_a_stage_with_pictures_needs_them(tmp_path: Path):
    with pytest.raises(InputError, match="--embeddings"):
        train_llama(tmp_path / "out", embeddings=None, stage="pictures", recipe=TINY)


def test_the_fresh_list_names_known_intents():
    path = Path(__file__).parents[3] / "data" / "utterances_fresh.json"
    asked = json.loads(path.read_text(encoding="utf-8"))
    assert len(asked) >= 150
    assert {one["intent"] for one in asked} <= set(INTENTS)
