"""`sensebind train llama --base DIR`: an adapter, trained on SimHome or on a user's own pairs."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from transformers import PreTrainedTokenizerFast

from sensebind.agent.corpus.conditions import ABSENT
from sensebind.agent.evaluation.perception_to_words import tool_list
from sensebind.agent.gated_llama.base_model import ADAPTER_NAME, is_adapter
from sensebind.agent.gated_llama.loading import load_gated_llama, read_config
from sensebind.agent.gated_llama.model import ConditionedLM
from sensebind.agent.training.llama.schedule import trainable_name
from sensebind.agent.training.tuning.check import right_shares, talk_losses
from sensebind.agent.training.tuning.conditions import Embeddings
from sensebind.agent.training.tuning.curves import draw_losses, tensorboard
from sensebind.agent.training.tuning.dialogs import Example, TemplateEncoder
from sensebind.agent.training.tuning.image_embeddings import ImageEmbeddings
from sensebind.agent.training.tuning.loop import (
    Draw,
    Progress,
    Report,
    checkpoint_layers,
    run_stage,
)
from sensebind.agent.training.tuning.official import official_example
from sensebind.agent.training.tuning.pairs import (
    Pair,
    dialog_of,
    fetched_pairs,
    pictures_of,
    read_pairs,
)
from sensebind.agent.training.tuning.processes import ALONE, Processes
from sensebind.agent.training.tuning.recipe import (
    PHASES,
    Stage,
    TuneRecipe,
    stages_of,
)
from sensebind.agent.training.tuning.simhome import (
    SCENES,
    SimHomeDialogs,
    embeddings_of,
    simhome_pool,
)
from sensebind.agent.training.tuning.sources import draw_pairs, draw_simhome
from sensebind.agent.training.tuning.stored_images import ImageStore
from sensebind.agent.training.tuning.talk import Talk, base_replies, split_replies
from sensebind.agent.training.tuning.trained import write_adapter
from sensebind.checkpoints import default_checkpoint
from sensebind.errors import ConfigurationError, InputError

log = logging.getLogger(__name__)

LORA_SEED = 7


@dataclass(frozen=True, slots=True)
class TuneOptions:
    """What to train on what.

    Attributes:
        base: Directory of the adapter, as `sensebind adapt` made it; it stays as it is.
        output: Directory of the trained adapter.
        run: Working folder: state, embeddings, replies of the base.
        pairs: A user's pairs; SimHome's images without them.
        private: Hosts with a private address that images of pairs may come from.
        stage: Only one of the two; both by default.
        recipe: How.
        official: Prompts, labels and cuts of the official training code, with its quirks.
        scenes: Of SimHome.
        minutes: Longest time of the steps; the same command goes on.
        threads: Of PyTorch; its own choice without it.
    """

    base: Path
    output: Path
    run: Path
    pairs: Path | None = None
    private: tuple[str, ...] = ()
    stage: str | None = None
    recipe: TuneRecipe = field(default_factory=TuneRecipe)
    official: bool = False
    scenes: int = SCENES
    minutes: float | None = None
    threads: int | None = None


@dataclass(slots=True)
class Lesson:
    """An adapter, and what it is trained on.

    Attributes:
        model: Under training.
        encoder: Of the base's tokenizer and chat template.
        embeddings: What conditions are made of.
        pad: Token that fills rows up.
        dialogs: SimHome's; None for a user's pairs.
        samples: A user's, as examples; None for SimHome.
        talk: Draws plain dialogs; None for none.
        held_out: Prompts and replies that are kept for checks.
        before: Loss of these replies before training.
        made_of: Names the adapter and the data.
    """

    model: ConditionedLM
    encoder: TemplateEncoder
    embeddings: Embeddings
    pad: int
    dialogs: SimHomeDialogs | None
    samples: list[list[Example]] | None
    talk: Talk | None
    held_out: list[tuple[str, str]]
    before: dict[str, float]
    made_of: str

    def draw(self, stage: Stage, recipe: TuneRecipe) -> Draw:
        """What a stage draws its examples from."""
        if self.dialogs is not None:
            return draw_simhome(self.dialogs, self.talk, self.encoder, stage, recipe)
        return draw_pairs(self.samples or [], self.talk, self.encoder, recipe)


def tune(
    options: TuneOptions, report: Report | None = None, processes: Processes = ALONE
) -> dict[str, Any]:
    """Trains an adapter, or goes on with it.

    Args:
        options: What on what.
        report: Called after every step.
        processes: This one among those that train together; only the first one writes.

    Returns:
        `output`, `bytes` (None until all is done), `finished`, and by stage `steps`, `seconds` and
        the mean loss of the first and the last steps (20 of them, or half).

    Raises:
        InputError: Pairs that cannot be used.
        ConfigurationError: No adapter, or a kept state of something else, or a loss that is not
            finite.
        CheckpointError: The adapter, its base or its encoder is missing or damaged.
        StorageError: A folder cannot be written.
    """
    if options.threads:
        torch.set_num_threads(options.threads)
    processes.check(options.recipe.accumulate)
    lesson, recipe = processes.first_then_all(lambda: prepare(options)), options.recipe
    done: dict[str, Any] = {"output": str(options.output), "bytes": None, "finished": True}
    begun, losses = time.monotonic(), dict[str, list[float]]()
    for stage in stages_of(options.stage):
        select(lesson.model, stage, recipe)
        left = None
        if options.minutes is not None:
            left = options.minutes - (time.monotonic() - begun) / 60
            if left <= 0:
                return done | {"finished": False}
        with tensorboard(options.run, stage, report) if processes.first else nullcontext() as noted:
            progress = run_stage(
                lesson.model,
                lesson.embeddings,
                lesson.draw(stage, recipe),
                stage,
                recipe,
                options.run / stage,
                pad=lesson.pad,
                made_of=lesson.made_of,
                minutes=left,
                report=noted,
                processes=processes,
            )
        losses[stage] = progress.losses
        done[stage] = _described(progress)
        if progress.step < recipe.steps(stage):
            log.info("the time is up: the same command goes on")
            return done | {"finished": False}
        if stage == "stage1" and processes.first:
            write_adapter(lesson.model, options.base, options.run / stage / "adapter")
    if not processes.first:
        return done
    draw_losses(options.run, losses)
    done["bytes"] = write_adapter(lesson.model, options.base, options.output)
    return done | {"checks": check(lesson)}


def prepare(options: TuneOptions) -> Lesson:
    """Loads the adapter and all that it is trained on; makes what is missing."""
    if not is_adapter(options.base):
        raise ConfigurationError(
            f"{options.base} is not an adapter's directory: `sensebind adapt BASE -o DIR` makes one"
        )
    if read_config(options.base).lora_rank:
        raise ConfigurationError(f"{options.base} has been trained with LoRA: adapt the base again")
    if options.output.resolve() == options.base.resolve():
        raise ConfigurationError("the trained adapter needs a directory of its own: --output")
    recipe = options.recipe
    dtype = torch.bfloat16 if recipe.bfloat16 else torch.float32
    model, loaded = load_gated_llama(options.base, dtype)
    if recipe.checkpointing:
        checkpoint_layers(model)
    tokenizer = cast("PreTrainedTokenizerFast", loaded)
    stops = stop_ids_of(model, tokenizer)
    longest = min(recipe.longest, model.config.max_position_embeddings)
    encoder = TemplateEncoder(tokenizer, stops, longest)
    senses = list(model.config.senses or [])
    pad = tokenizer.pad_token_id
    pad = pad if isinstance(pad, int) else stops[0]
    dialogs, samples = None, None
    if options.pairs is None:
        if options.official:
            raise InputError("--official is about the form of --pairs, which are not given")
        pool = simhome_pool(options.base, options.run, options.scenes)
        embeddings = embeddings_of(pool, senses)
        dialogs = SimHomeDialogs(pool, senses, tool_list(default_checkpoint()))
        data = f"simhome {options.scenes}"
    else:
        store = ImageStore(options.run / "images", options.private)
        pairs = fetched_pairs(read_pairs(options.pairs, store), store)
        embeddings, samples = _own(options, pairs, tokenizer, encoder, senses)
        data = _digest(json.dumps([pair.item for pair in pairs], sort_keys=True).encode())
    talk, held_out, before = None, [], {}
    if recipe.talk > 0 and not options.official:
        file = options.run / "talk.jsonl"
        replies = base_replies(model, encoder, stops, file, _fingerprint(options.base))
        kept, held_out = split_replies(replies)
        talk = Talk(kept, embeddings) if kept else None
        if held_out:
            losses = talk_losses(model, encoder, embeddings, held_out, pad)
            before = {"talk_before": losses["talk_alone"]}
    adapter = _digest((options.base / ADAPTER_NAME).read_bytes())
    made_of = f"{_fingerprint(options.base)} {adapter} {data} official={options.official}"
    return Lesson(
        model, encoder, embeddings, pad, dialogs, samples, talk, held_out, before, made_of
    )


def select(model: ConditionedLM, stage: Stage, recipe: TuneRecipe) -> list[str]:
    """Gives a model its LoRA for stage 2, and leaves `requires_grad` to what a stage trains.

    Returns:
        The names of the parameters that it trains.
    """
    if stage == "stage2" and not model.config.lora_rank:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed + LORA_SEED)
            model.add_lora(recipe.rank)
    names = []
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(trainable_name(name, PHASES[stage]))
        if parameter.requires_grad:
            names.append(name)
    return names


def check(lesson: Lesson) -> dict[str, float]:
    """How well held-out phrasings are answered, and what became of plain talk."""
    found: dict[str, float] = {}
    if lesson.dialogs is not None:
        held_out = lesson.dialogs.with_split("heldout")
        found |= right_shares(lesson.model, lesson.encoder, lesson.embeddings, held_out, lesson.pad)
    if lesson.held_out:
        found |= lesson.before
        found |= talk_losses(
            lesson.model, lesson.encoder, lesson.embeddings, lesson.held_out, lesson.pad
        )
    return found


def stop_ids_of(model: ConditionedLM, tokenizer: PreTrainedTokenizerFast) -> tuple[int, ...]:
    """Tokens that end an answer, as `llm.checkpoint` finds them."""
    named: Any = model.generation_config.eos_token_id if model.generation_config else None
    if named is None:
        named = tokenizer.eos_token_id
    return tuple(one for one in (named if isinstance(named, list) else [named]) if one is not None)


def _own(
    options: TuneOptions,
    pairs: Sequence[Pair],
    tokenizer: PreTrainedTokenizerFast,
    encoder: TemplateEncoder,
    senses: Sequence[str],
) -> tuple[Embeddings, list[list[Example]]]:
    """A user's pairs: the embeddings of their images, and their examples."""
    pictures = pictures_of(pairs)
    embedder = ImageEmbeddings(options.base, options.run / "images.safetensors")
    rows = {picture: row for row, picture in enumerate(pictures)}
    images = [embedder.of(pictures)] if pictures else []
    slots = max(1, len(senses))
    slot = senses.index("sight") if "sight" in senses else 0
    nothing = ABSENT
    if options.official and len(pairs) > sum(pair.picture is not None for pair in pairs):
        images.append(embedder.of_nothing()[None])
        nothing = len(pictures)
    width = read_config(options.base).bind_dim
    whole = torch.cat(images) if images else torch.zeros(0, width)
    samples: list[list[Example]] = []
    for pair in pairs:
        row = nothing if pair.picture is None else rows[pair.picture]
        if options.official:
            place = tuple(row if one == slot else ABSENT for one in range(slots))
            samples.append([official_example(pair.item, tokenizer, place)])
        else:
            samples.append(encoder.encode(dialog_of(pair, row, slot, slots)))
    kept = [examples for examples in samples if examples]
    if encoder.left_out:
        log.warning("%d samples are too long and left out", encoder.left_out)
    log.info("%d samples, %d images", len(kept), len(pictures))
    return Embeddings(whole[None], (0.0,) * slots), kept


def _fingerprint(adapter: Path) -> str:
    return str((read_config(adapter).base or {}).get("fingerprint", ""))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def _described(progress: Progress) -> dict[str, Any]:
    some = max(1, min(20, len(progress.losses) // 2))
    first, last = progress.losses[:some], progress.losses[-some:]
    return {
        "steps": progress.step,
        "seconds": round(progress.seconds, 1),
        "loss_first": round(sum(first) / max(1, len(first)), 4),
        "loss_last": round(sum(last) / max(1, len(last)), 4),
    }
