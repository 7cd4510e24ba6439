"""The steps of a stage: the same dialogs, numbers and order whenever it is stopped and resumed."""

from __future__ import annotations

import json
import logging
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from sensebind.agent.gated_llama.model import ConditionedLM
from sensebind.agent.training.tuning.conditions import Embeddings
from sensebind.agent.training.tuning.dialogs import IGNORE, Batch, Example, collate
from sensebind.agent.training.tuning.processes import ALONE, Processes
from sensebind.agent.training.tuning.recipe import Stage, TuneRecipe
from sensebind.agent.training.tuning.whole_files import write_whole
from sensebind.errors import ConfigurationError, StorageError

log = logging.getLogger(__name__)

STATE_NAME = "state.safetensors"
GROUP = 8  # steps whose dialogs are drawn together and sorted by length, so that little is padded
GATE_SCALE = 3.0  # of the learning rate: what else is trained waits for the gates to open
SAY_EVERY, KEEP_EVERY = 20, 180.0  # steps; seconds
_MOMENTS = ("exp_avg", "exp_avg_sq", "step")

Draw = Callable[[random.Random, int, int], list[Example]]
"""Draws n examples of a group: (source of choices, number of the group, n)."""
Report = Callable[[int, int, float, float], None]  # step, steps, loss, seconds


@dataclass(slots=True)
class Progress:
    """How far a stage has come.

    Attributes:
        step: Steps done.
        seconds: Time that they took, over all runs.
        losses: Loss of each step.
    """

    step: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)


class Trainee:
    """The weights of a model that are trained, and their optimiser.

    In half precision the optimiser works on float32 copies: a small step on a large weight would be
    rounded away.

    Attributes:
        model: The model.
        live: Its trained parameters, by name.
    """

    def __init__(self, model: ConditionedLM, recipe: TuneRecipe) -> None:
        """Wrap a model whose parameters to train have `requires_grad`."""
        self.model = model
        self.live = {n: p for n, p in model.named_parameters() if p.requires_grad}
        for weight in self.live.values():  # which may lie in a mapped file
            weight.data = weight.detach().clone()
        self._copies: dict[str, Tensor] = {
            name: weight if weight.dtype == torch.float32 else weight.detach().float()
            for name, weight in self.live.items()
        }
        matrices, vectors, gates = [], [], []
        for name, copy in self._copies.items():
            if name == "adapter.gates":
                gates.append(copy)
            else:
                (matrices if copy.ndim > 1 and "prefix" not in name else vectors).append(copy)
        groups = [
            {"params": matrices, "weight_decay": recipe.decay, "scale": 1.0},
            {"params": vectors, "weight_decay": 0.0, "scale": 1.0},
            {"params": gates, "weight_decay": 0.0, "scale": GATE_SCALE},
        ]
        given = [group for group in groups if group["params"]]
        self._optimizer = torch.optim.AdamW(given, lr=recipe.bind_rate, betas=(0.9, 0.98))

    def clear(self) -> None:
        """Forgets gradients."""
        for weight in self.live.values():
            weight.grad = None

    def step(self, rate: float) -> float:
        """Takes one step along the gradients, unless they are not finite; returns their norm."""
        for name, weight in self.live.items():
            copy = self._copies[name]
            if copy is not weight:
                copy.grad = None if weight.grad is None else weight.grad.float()
        norm = float(nn.utils.clip_grad_norm_(list(self._copies.values()), 1.0))
        if not math.isfinite(norm):
            return norm
        for group in self._optimizer.param_groups:
            group["lr"] = rate * group["scale"]
        self._optimizer.step()
        self._publish()
        return norm

    @torch.no_grad()
    def _publish(self) -> None:
        for name, weight in self.live.items():
            if self._copies[name] is not weight:
                weight.copy_(self._copies[name])

    def state(self) -> dict[str, Tensor]:
        """All that a resumed run needs."""
        found = {f"weight.{name}": copy.detach() for name, copy in self._copies.items()}
        for name, copy in self._copies.items():
            moments = self._optimizer.state.get(copy, {})
            found |= {f"{key}.{name}": moments[key] for key in _MOMENTS if key in moments}
        return {name: tensor.contiguous() for name, tensor in found.items()}

    @torch.no_grad()
    def load(self, state: dict[str, Tensor]) -> None:
        """Takes up what `state` gave.

        Raises:
            ConfigurationError: It is of other weights.
        """
        names = {name.removeprefix("weight.") for name in state if name.startswith("weight.")}
        if names != self._copies.keys():
            raise ConfigurationError("the kept state is of another adapter or stage")
        for name, copy in self._copies.items():
            copy.copy_(state[f"weight.{name}"])
            if f"step.{name}" in state:
                moments = {key: state[f"{key}.{name}"].clone() for key in _MOMENTS}
                self._optimizer.state[copy] = moments
        self._publish()


def run_stage(
    model: ConditionedLM,
    embeddings: Embeddings,
    draw: Draw,
    stage: Stage,
    recipe: TuneRecipe,
    folder: Path,
    *,
    pad: int,
    made_of: str,
    minutes: float | None = None,
    report: Report | None = None,
    processes: Processes = ALONE,
) -> Progress:
    """Runs a stage, or what is left of it.

    Args:
        model: With `requires_grad` on what the stage trains.
        embeddings: What conditions are made of.
        draw: Draws examples.
        stage: Which one.
        recipe: How.
        folder: Where the state is kept.
        pad: Token that fills rows up.
        made_of: Names what is trained on what; a state of something else is refused.
        minutes: Longest time; the state is kept, and the same call goes on.
        report: Called after every step.
        processes: This one among those that share the stage.

    Returns:
        How far it has come; `step` is the recipe's where it is finished.

    Raises:
        ConfigurationError: The kept state is of something else, or not the same in all processes;
            or a loss that is not finite, with the name of the file that holds the batch.
        StorageError: The state cannot be written.
    """
    trainee, file = Trainee(model, recipe), folder / STATE_NAME
    label = json.dumps({"made_of": made_of, "recipe": asdict(recipe), "stage": stage})
    processes.check(recipe.accumulate)
    progress = _resume(trainee, file, label)
    if processes.sums(progress.step) != [processes.count * progress.step]:
        raise ConfigurationError(
            f"not every process finds the state in {file}: --run is a folder that all of them reach"
        )
    steps, begun, before = recipe.steps(stage), time.monotonic(), progress.seconds
    first, kept = progress.step, begun
    model.train()
    batches: list[Batch] = []
    while progress.step < steps:
        place = progress.step % GROUP
        if not place or not batches:
            batches = _group(draw, progress.step // GROUP, stage, recipe, pad, model)
        parts = batches[place * recipe.accumulate : (place + 1) * recipe.accumulate]
        trainee.clear()
        seed = recipe.seed * 1_000_003 + progress.step
        loss = _descend(model, parts, embeddings, seed, processes)
        late = minutes is not None and time.monotonic() - begun > 60 * minutes
        loss, over = processes.sums(loss, float(late and processes.first))
        processes.sum_gradients(trainee.live.values() if math.isfinite(loss) else ())
        norm = trainee.step(_rate(recipe, stage, progress.step)) if math.isfinite(loss) else loss
        if not math.isfinite(norm):
            bad = _keep_batch(folder, progress.step, parts)
            raise ConfigurationError(
                f"{stage}, step {progress.step + 1}: the loss is {loss:g} and the gradient "
                f"{norm:g}; the batch is in {bad}, the state of an earlier step in {file}"
            )
        now = time.monotonic()
        progress.step += 1
        progress.seconds = before + now - begun
        progress.losses.append(loss)
        if report and processes.first:
            report(progress.step, steps, loss, progress.seconds)
        if processes.first and (progress.step % SAY_EVERY == 0 or progress.step == steps):
            left = (now - begun) / (progress.step - first) * (steps - progress.step)
            recent = progress.losses[-SAY_EVERY:]
            log.info(
                "%s step %d of %d: loss %.4f, %.0f s, %.0f s left",
                stage,
                progress.step,
                steps,
                sum(recent) / len(recent),
                progress.seconds,
                left,
            )
        if processes.first and (over or progress.step == steps or now - kept > KEEP_EVERY):
            _keep(trainee, file, label, progress)
            kept = now
        if over:
            break
    model.eval()
    return progress


def checkpoint_layers(model: ConditionedLM) -> None:
    """Computes the layers a second time on the way back instead of keeping what they put out."""
    older = model.gradient_checkpointing_enable  # its name before transformers 5.24
    enable = getattr(model, "activation_checkpointing_enable", older)
    enable({"use_reentrant": False})  # the reentrant kind loses the gradient of what is injected


def batch_loss(
    model: ConditionedLM, batch: Batch, embeddings: Embeddings, generator: torch.Generator
) -> Tensor:
    """The summed cross-entropy of what the assistant says, each token under its turn's condition.

    Args:
        model: The model.
        batch: Dialogs.
        embeddings: What conditions are made of.
        generator: Source of the augmentation.
    """
    device = model.device
    conditions, present = embeddings.gather(batch.rows, generator)
    injection = model.injection(conditions.to(device), present.to(device))
    length = batch.input_ids.shape[1]
    hidden = model.model(
        input_ids=batch.input_ids.to(device),
        use_cache=False,
        injected=model.inject(injection, batch.condition_ids.to(device), length),  # pyright: ignore[reportCallIssue]: passed on to the layers
    ).last_hidden_state
    targets = batch.labels[:, 1:].to(device)
    spoken = targets != IGNORE
    logits = model.lm_head(hidden[:, :-1][spoken]).float()
    return torch.nn.functional.cross_entropy(logits, targets[spoken], reduction="sum")


def _descend(
    model: ConditionedLM,
    parts: Sequence[Batch],
    embeddings: Embeddings,
    seed: int,
    processes: Processes,
) -> float:
    """Leaves the gradient of a step in `.grad`; all spoken tokens of its parts count alike.

    Returns:
        This process's share of the loss.
    """
    spoken = max(1, sum(int((part.labels[:, 1:] != IGNORE).sum()) for part in parts))
    total = 0.0
    for number, part in processes.share(list(enumerate(parts))):
        # Each pass has a source of its own, so that it is the same in whichever process.
        generator = torch.Generator().manual_seed(seed + (number << 40))
        loss = batch_loss(model, part, embeddings, generator) / spoken
        if not torch.isfinite(loss):
            return float(loss.detach())
        loss.backward()
        total += float(loss.detach())
    return total


def _rate(recipe: TuneRecipe, stage: Stage, step: int) -> float:
    cosine = 0.5 + 0.5 * math.cos(math.pi * step / recipe.steps(stage))
    warm = min(1.0, (step + 1) / max(1, recipe.warmup))
    return recipe.rate(stage) * warm * (recipe.floor + (1 - recipe.floor) * cosine)


def _group(
    draw: Draw, group: int, stage: Stage, recipe: TuneRecipe, pad: int, model: ConditionedLM
) -> list[Batch]:
    """The batches of GROUP steps, which depend on the number of the group alone."""
    rng = random.Random(f"{recipe.seed} {stage} {group}")
    parts = GROUP * recipe.accumulate
    examples = draw(rng, group, parts * recipe.batch)
    examples.sort(key=lambda one: len(one.tokens))
    cuts = [len(examples) * part // parts for part in range(parts + 1)]
    batches = [
        collate(examples[begin:end], pad, model.config.slots)
        for begin, end in pairwise(cuts)
        if begin < end
    ]
    rng.shuffle(batches)
    while len(batches) < parts:  # fewer examples than passes
        batches.append(batches[len(batches) // 2])
    return batches


def _resume(trainee: Trainee, file: Path, label: str) -> Progress:
    if not file.is_file():
        return Progress()
    try:
        with safe_open(file, framework="pt") as kept:
            about = kept.metadata() or {}
            state = {name: kept.get_tensor(name) for name in kept.keys()}  # noqa: SIM118
        found = json.loads(about["progress"])
        progress = Progress(int(found["step"]), float(found["seconds"]), list(found["losses"]))
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{file} cannot be read: {error}; remove it to begin again") from error
    if about.get("label") != label:
        raise ConfigurationError(
            f"{file} is of another recipe, adapter or data: name another --run, or remove it"
        )
    trainee.load(state)
    log.info("goes on after step %d", progress.step)
    return progress


def _keep(trainee: Trainee, file: Path, label: str, progress: Progress) -> None:
    about = {"label": label, "progress": json.dumps(asdict(progress))}
    state = trainee.state()
    write_whole(file, lambda part: save_file(state, part, about))


def _keep_batch(folder: Path, step: int, parts: Sequence[Batch]) -> Path:
    file = folder / f"not-finite-{step + 1}.safetensors"
    tensors = {
        f"{number}.{name}": tensor.contiguous()
        for number, part in enumerate(parts)
        for name, tensor in part.tensors().items()
    }
    write_whole(file, lambda part: save_file(tensors, part))
    return file
