"""`sensebind train llama`: the small gated LLaMA, taught to talk about pictures in three slots.

The small recipe has four stages, all with all weights: "words" (conditions are random codes of
words: the language), "captions" (conditions are captions, embedded by ImageBind's text trunk) and
"pictures" (conditions are image embeddings), "looks" (the same, with more questions about what is
seen, colours counting more: left alone, colours are learned last; with more movements, which are
rare elsewhere; and second objects only where the model can name them). The two stages of the large
models, "stage1" (gates, prefix, bind network) and "stage2" (norms, biases and LoRA), read the same
embeddings as "pictures".
No sound and no point cloud is ever shown to the language model.
"""

from __future__ import annotations

import json
import logging
import math
import random
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor
from transformers import AutoTokenizer, GenerationConfig, PreTrainedTokenizerFast

from sensebind.agent.corpus.acts import MOVES
from sensebind.agent.corpus.conditions import ALONE
from sensebind.agent.corpus.dialog import Turn, sample_dialog
from sensebind.agent.gated_llama import GatedLlamaConfig, GatedLlamaForCausalLM
from sensebind.agent.training.llama.batches import IGNORE, Batch, DialogEncoder
from sensebind.agent.training.llama.condition_pool import (
    Augmentation,
    EmbeddingPool,
    caption_pool,
    load_pool,
    word_pool,
)
from sensebind.agent.training.llama.probe import probe, told_captions
from sensebind.agent.training.llama.schedule import select_trainable
from sensebind.agent.training.llama.tokenizer import (
    BOS,
    EOS,
    PAD,
    SPECIAL,
    save_tokenizer,
    train_tokenizer,
)
from sensebind.agent.training.parallel import Workers, made_ahead
from sensebind.errors import ConfigurationError, InputError, StorageError
from sensebind.memory.visual_cache import VisualCache

log = logging.getLogger(__name__)

Stage = Literal["words", "captions", "pictures", "looks", "stage1", "stage2"]
SENSES = ("sight", "hearing", "scan")
RECALLS = ("recall_see", "recall_hear")
LOOKS = (
    "see",
    "see",
    "color",
    "color",
    "all",
    "color_kind",
    "see_is",
    "hear",
    "scan",
    "watch_see",
    *MOVES,
)
COLOR_WEIGHT, TIME_WEIGHT = 6.0, 5.0  # of these words in the loss, where they are learned
LOOKING = 0.2  # share of dialogs of "looks" that begin so; with more of them tools are forgotten
# Share of dialogs of a stage that begin with one of them: copying a time is learned late.
RECALLING: dict[Stage, float] = {"captions": 0.3, "pictures": 0.05, "looks": 0.05}
PARTS = 2  # of a batch, computed side by side; as many on every machine, for the same weights
SAY_EVERY = 250  # steps
FIRST_HELDOUT_SEED = 1_000_003  # dialogs for checks are drawn from here on


@dataclass(frozen=True, slots=True)
class LlamaRecipe:
    """Everything that decides what comes out.

    Attributes:
        width: Hidden size of the LLaMA.
        layers: Decoder layers.
        heads: Attention heads per layer.
        inner: Inner width of the MLPs.
        bind_blocks: SwiGLU blocks of the bind network.
        bind_inner: Inner width of those blocks.
        context: Most tokens of a dialog; older turns are left out.
        tokens: Tokens in a batch, padding included.
        word_steps: Optimiser steps of stage "words".
        caption_steps: Optimiser steps of stage "captions".
        picture_steps: Optimiser steps of stages "pictures", "stage1" and "stage2".
        look_steps: Optimiser steps of stage "looks".
        rate: Peak learning rate of a stage with fresh weights.
        picture_rate: Peak learning rate of a stage that goes on from another.
        look_rate: That of "looks"; a higher one forgets tools over colours.
        floor: Share of the peak rate at which "words" and "captions" end; the others end at 0.
        warmup: Steps of linear warm-up.
        decay: Weight decay.
        average: Decay of the running average of the weights that is kept.
        lora_rank: Rank in stage 2.
        seed: Of weights, dialogs and augmentation.
    """

    width: int = 192
    layers: int = 4
    heads: int = 6
    inner: int = 512
    bind_blocks: int = 2
    bind_inner: int = 384
    context: int = 512
    tokens: int = 1_500
    word_steps: int = 3_500
    caption_steps: int = 2_000
    picture_steps: int = 9_500
    look_steps: int = 5_500
    rate: float = 2.5e-3
    picture_rate: float = 1.7e-3
    look_rate: float = 8e-4
    floor: float = 0.25
    warmup: int = 60
    decay: float = 0.05
    average: float = 0.997
    lora_rank: int = 8
    seed: int = 0

    def steps(self, stage: Stage) -> int:
        """Steps of a stage."""
        return int(getattr(self, STEPS.get(stage, "picture_steps")))


Report = Callable[[int, int, float, float], None]  # step, steps, loss, seconds


def train_llama(
    checkpoint: Path,
    *,
    embeddings: Path | None,
    stage: Stage = "pictures",
    start: Path | None = None,
    cache: Path | None = None,
    imagebind: Path | None = None,
    recipe: LlamaRecipe | None = None,
    steps: int | None = None,
    minutes: float | None = None,
    report: Report | None = None,
) -> dict[str, float]:
    """Runs one stage and writes the language model's files into a checkpoint.

    Args:
        checkpoint: Directory to write; other files in it stay.
        embeddings: Directory of `embeddings.safetensors`; not for "words" and "captions".
        stage: What is trained on what, see the module.
        start: Checkpoint to go on from; a fresh model and tokenizer without it.
        cache: Visual cache with which enhanced copies of the embeddings are made.
        imagebind: ImageBind checkpoint whose text trunk embeds captions, for "captions".
        recipe: Sizes and rates.
        steps: Steps instead of the recipe's.
        minutes: Longest time; the learning rate comes down in time for it.
        report: Called after every step.

    Returns:
        Shares of exactly right answers to held-out phrasings, by intent, and "all".

    Raises:
        InputError: No embeddings where the stage needs them.
        ConfigurationError: Embeddings and checkpoint do not fit.
        StorageError: The checkpoint cannot be written.
    """
    recipe = recipe or LlamaRecipe()
    torch.manual_seed(recipe.seed)
    if stage == "words":
        pool = word_pool(128 if start is None else _width_of(start), recipe.seed)
    elif stage == "captions":
        if imagebind is None:
            raise InputError("this stage needs the ImageBind checkpoint: --imagebind DIR")
        pool = caption_pool(imagebind, recipe.seed)
    elif embeddings is None:
        raise InputError("this stage needs --embeddings, as `sensebind train bind` writes them")
    else:
        pool = load_pool(embeddings, VisualCache.load(cache) if cache else None)
    model, tokenizer = _begin(start, recipe, pool.width)
    if model.config.bind_dim != pool.width:
        raise ConfigurationError(
            f"the model reads embeddings of {model.config.bind_dim}, these have {pool.width}"
        )
    _choose_weights(model, stage, recipe)
    encoder = DialogEncoder(tokenizer)
    if stage == "looks":
        captions = told_captions(model.eval(), encoder, pool)
        pool = EmbeddingPool(pool.images, captions, Augmentation(0.15, 0.6, enhanced=0.4))
    # The average is what is kept; it is also what the probe sees.
    model = _run(model, encoder, pool, stage, recipe, steps, minutes, report)
    if model.config.lora_rank:
        model.merge_lora()
    save_llama(model, tokenizer, checkpoint, recipe=recipe)
    return probe(model, encoder, pool, seed=FIRST_HELDOUT_SEED)


def new_llama(recipe: LlamaRecipe, vocabulary: int, bind_dim: int) -> GatedLlamaForCausalLM:
    """A small gated LLaMA with fresh weights and one slot per sense."""
    config = GatedLlamaConfig(
        vocab_size=vocabulary,
        hidden_size=recipe.width,
        intermediate_size=recipe.inner,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=recipe.context,
        tie_word_embeddings=True,
        pad_token_id=SPECIAL.index(PAD),
        bos_token_id=SPECIAL.index(BOS),
        eos_token_id=SPECIAL.index(EOS),
        bind_dim=bind_dim,
        slots=len(SENSES),
        senses=list(SENSES),
        bind_blocks=recipe.bind_blocks,
        bind_hidden_size=recipe.bind_inner,
    )
    torch.manual_seed(recipe.seed)
    model = GatedLlamaForCausalLM(config)
    model.generation_config = GenerationConfig(
        do_sample=False,
        max_new_tokens=96,
        bos_token_id=config.bos_token_id,
        eos_token_id=config.eos_token_id,
        pad_token_id=config.pad_token_id,
    )
    return model


def _begin(
    start: Path | None, recipe: LlamaRecipe, bind_dim: int
) -> tuple[GatedLlamaForCausalLM, PreTrainedTokenizerFast]:
    if start is None:
        tokenizer = train_tokenizer(seed=recipe.seed)
        tokenizer.model_max_length = recipe.context
        return new_llama(recipe, len(tokenizer), bind_dim), tokenizer
    tokenizer = AutoTokenizer.from_pretrained(start)
    tokenizer.model_max_length = recipe.context
    model = GatedLlamaForCausalLM.from_pretrained(start, dtype=torch.float32)
    model.config.max_position_embeddings = recipe.context
    return model, tokenizer


def _width_of(start: Path) -> int:
    return int(GatedLlamaConfig.from_pretrained(start).bind_dim)


def _choose_weights(model: GatedLlamaForCausalLM, stage: Stage, recipe: LlamaRecipe) -> None:
    """Freezes what a stage does not train."""
    if stage == "stage2":
        model.add_lora(recipe.lora_rank)
    if stage in ("stage1", "stage2"):
        select_trainable(model, "pretrain" if stage == "stage1" else "finetune")
    else:
        model.requires_grad_(True)


def _optimizer(model: GatedLlamaForCausalLM, recipe: LlamaRecipe) -> torch.optim.AdamW:
    """AdamW; matrices decay, gates learn faster: all they let through waits for them."""
    matrices, vectors, gates = [], [], []
    for name, weight in model.named_parameters():
        if not weight.requires_grad:
            continue
        if name == "adapter.gates":
            gates.append(weight)
        elif weight.ndim > 1 and "prefix" not in name:
            matrices.append(weight)
        else:
            vectors.append(weight)
    groups = [
        {"params": matrices, "weight_decay": recipe.decay, "scale": 1.0},
        {"params": vectors, "weight_decay": 0.0, "scale": 1.0},
        {"params": gates, "weight_decay": 0.0, "scale": 3.0},
    ]
    groups = [group for group in groups if group["params"]]
    return torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.98), fused=True)


def batch_loss(
    model: GatedLlamaForCausalLM,
    batch: Batch,
    pool: EmbeddingPool,
    generator: torch.Generator,
    weights: Tensor | None = None,
) -> Tensor:
    """Cross-entropy of what the assistant says, each token under its turn's condition.

    Only the positions that count go through the output layer.

    Args:
        model: The model.
        batch: Dialogs.
        pool: Where the conditions are looked up.
        generator: Source of the augmentation.
        weights: [vocabulary] how much each token counts.
    """
    conditions, present = pool.gather(batch.rows, generator)
    injection = model.injection(conditions, present)
    injected = model.inject(injection, batch.condition_ids, batch.input_ids.shape[1])
    hidden = model.model(
        input_ids=batch.input_ids,
        use_cache=False,
        injected=injected,  # pyright: ignore[reportCallIssue]: passed on to the layers
    ).last_hidden_state
    targets = batch.labels[:, 1:]
    spoken = targets != IGNORE
    logits = model.lm_head(hidden[:, :-1][spoken])
    return torch.nn.functional.cross_entropy(logits, targets[spoken], weight=weights)


def descend(
    model: GatedLlamaForCausalLM,
    parts: Sequence[tuple[Batch, torch.Generator]],
    pool: EmbeddingPool,
    weights: Tensor | None,
    workers: Workers,
) -> float:
    """Leaves the gradient of a batch in `.grad`, its parts computed side by side.

    Args:
        model: The model.
        parts: Of the batch, each with the source of its augmentation.
        pool: Where the conditions are looked up.
        weights: [vocabulary] how much each token counts.
        workers: Compute the parts.

    Returns:
        The loss of the whole batch, in which every spoken token counts alike.
    """
    losses = workers.map(lambda part: batch_loss(model, part[0], pool, part[1], weights), parts)
    spoken = torch.tensor([float((batch.labels != IGNORE).sum()) for batch, _ in parts])
    shares = spoken / spoken.sum()
    workers.backward(losses, list(shares), model)
    return float(torch.stack(losses).detach() @ shares)


def _run(
    model: GatedLlamaForCausalLM,
    encoder: DialogEncoder,
    pool: EmbeddingPool,
    stage: Stage,
    recipe: LlamaRecipe,
    steps: int | None,
    minutes: float | None,
    report: Report | None,
) -> GatedLlamaForCausalLM:
    steps = steps or recipe.steps(stage)
    # Each stage has its own dialogs.
    rng = random.Random(recipe.seed * 10 + list(_STAGES).index(stage))
    generators = [torch.Generator().manual_seed(recipe.seed + part) for part in range(PARTS)]
    stream = encoder.stream(_sampler(pool, stage), rng, recipe.tokens // PARTS, alike=PARTS)
    weights = _word_weights(encoder, stage)
    peak = {"words": recipe.rate, "stage1": recipe.rate, "looks": recipe.look_rate}.get(
        stage, recipe.picture_rate
    )
    # Where another stage on the same dialogs follows, there is no need to come to rest.
    floor = recipe.floor if stage in ("words", "captions") else 0.0
    optimizer = _optimizer(model, recipe)
    trained: list[Tensor] = [weight for weight in model.parameters() if weight.requires_grad]
    averages = [weight.detach().clone() for weight in trained]
    model.train()
    begun = time.monotonic()
    smooth = math.log(model.config.vocab_size)
    with Workers(PARTS) as workers, made_ahead(stream) as batches:
        for step in range(steps):
            spent = time.monotonic() - begun
            done = max(step / steps, spent / (60 * minutes) if minutes else 0.0)
            if done >= 1:
                break
            cosine = 0.5 + 0.5 * math.cos(math.pi * done)
            rate = peak * min(1.0, (step + 1) / recipe.warmup) * (floor + (1 - floor) * cosine)
            for group in optimizer.param_groups:
                group["lr"] = rate * group["scale"]
            optimizer.zero_grad(set_to_none=True)
            parts = list(zip(islice(batches, PARTS), generators, strict=True))
            loss = descend(model, parts, pool, weights, workers)
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            # The average starts over a short past and reaches back further as training goes on.
            keep = min(recipe.average, (step + 1) / (step + 10))
            with torch.no_grad():
                torch._foreach_lerp_(averages, trained, 1 - keep)
            smooth += 0.05 * (loss - smooth)
            if report:
                report(step + 1, steps, smooth, spent)
            if step % SAY_EVERY == 0 or step == steps - 1:
                log.info("%s step %d of %d: loss %.4f, %.0f s", stage, step, steps, smooth, spent)
    with torch.no_grad():
        for average, weight in zip(averages, trained, strict=True):
            weight.copy_(average)
    return model.eval()


SMALL_STAGES: tuple[Stage, ...] = ("words", "captions", "pictures", "looks")
_STAGES = (*SMALL_STAGES, "stage1", "stage2")
STEPS: dict[Stage, str] = {
    "words": "word_steps",
    "captions": "caption_steps",
    "pictures": "picture_steps",
    "looks": "look_steps",
}


def _word_weights(encoder: DialogEncoder, stage: Stage) -> Tensor | None:
    if stage not in RECALLING:
        return None
    colors = COLOR_WEIGHT if stage == "looks" else 1.0
    return encoder.word_weights(colors=colors, times=TIME_WEIGHT)


def _sampler(pool: EmbeddingPool, stage: Stage) -> Callable[[random.Random], list[Turn]]:
    if stage not in RECALLING:
        return lambda rng: sample_dialog(rng, pool)
    looking, alone = (LOOKING, 0.4) if stage == "looks" else (0.0, ALONE)

    def sample(rng: random.Random) -> list[Turn]:
        drawn = rng.random()
        if drawn < looking:
            return sample_dialog(rng, pool, turns=1, first=rng.choice(LOOKS), alone=alone)
        recalls = drawn < looking + RECALLING[stage]
        return sample_dialog(rng, pool, first=rng.choice(RECALLS) if recalls else None, alone=alone)

    return sample


def save_llama(
    model: GatedLlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    checkpoint: Path,
    *,
    recipe: LlamaRecipe,
) -> None:
    """Writes the language model's files in half precision; a reader sees all new or all old.

    Raises:
        StorageError: The directory cannot be written; what was there stays.
    """
    staging = checkpoint.parent / f".{checkpoint.name}.new"
    try:
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        half = GatedLlamaForCausalLM(model.config).half()
        half.load_state_dict(model.state_dict())
        half.generation_config = model.generation_config
        half.save_pretrained(staging)
        save_tokenizer(tokenizer, staging)
        (staging / "training.json").write_text(
            json.dumps(asdict(recipe), indent=1) + "\n", encoding="utf-8"
        )
        checkpoint.mkdir(parents=True, exist_ok=True)
        for path in sorted(staging.iterdir()):
            path.chmod(0o644)
            path.replace(checkpoint / path.name)
    except OSError as error:
        raise StorageError(f"cannot write the model to {checkpoint}: {error}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
