"""Whether an input is of a kind that the weights were trained with.

An encoder maps everything somewhere, so its embedding cannot say that a photograph is not one of
SimHome's rooms. What it computes on the way can: the tokens of its first and middle blocks still
hold what the last ones leave out. A guard looks at mean and spread of the tokens of a few layers,
in two ways. The distance from known inputs (of Mahalanobis, with one Gaussian a layer and a floor
under its variances; Lee et al., arXiv 1807.03888) needs no outlier to be found. A critic, a small
network over the same features, was shown known inputs and outliers made of numbers (Hendrycks et
al., arXiv 1812.04606), and finds what lies between the kinds that the Gaussian joins. An input is
as novel as the stricter of the two says. All that belongs to the checkpoint: `guard.safetensors`
and `guard.json`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from sensebind.errors import CheckpointError, StorageError
from sensebind.perception.checkpoint_json import read_object
from sensebind.perception.imagebind.model import ImageBind

TENSORS_NAME = "guard.safetensors"
SETTINGS_NAME = "guard.json"
VERSION = 1
KNOWN = 0.5
"""Confidence from which an input counts as known."""
_MOST_LAYERS = 16


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """How one modality is guarded.

    Attributes:
        layers: Modules that are looked at, by their names in the model: their output, but of a
            head its input.
        means: Of each score over known inputs: of the layers' distances (natural logarithm), then
            of the critic.
        spreads: Their standard deviations.
        used: The scores that count, by their number.
        threshold: Novelty above which an input is unknown.
        slope: How fast the confidence falls around the threshold, per unit of novelty.
    """

    layers: tuple[str, ...]
    means: tuple[float, ...]
    spreads: tuple[float, ...]
    used: tuple[int, ...]
    threshold: float
    slope: float

    def confidence(self, novelty: float) -> float:
        """How sure it is that an input is known: 0.5 at the threshold."""
        return 1 / (1 + math.exp(min(max(self.slope * (novelty - self.threshold), -60.0), 60.0)))


@dataclass(frozen=True, slots=True)
class Gaussian:
    """Known inputs in the features of one layer.

    Attributes:
        mean: [F] float32.
        whiten: [F, F] float32: differences from the mean times it have unit variance.
    """

    mean: Tensor
    whiten: Tensor

    def distances(self, features: Tensor) -> Tensor:
        """Natural logarithm of the distance of rows [B, F] from the mean, in deviations: [B]."""
        away = (features - self.mean) @ self.whiten
        return away.square().mean(dim=1).clamp(min=1e-12).log() / 2


@dataclass(frozen=True, slots=True)
class Critic:
    """A network of one hidden layer over the features of all layers, joined.

    Attributes:
        mean: [F] float32, of known inputs.
        scale: [F] float32: what differences from it are multiplied with.
        first: [F, H] float32, weights to the hidden units.
        bias: [H] float32, added to them.
        last: [H] float32, weights to the score.
    """

    mean: Tensor
    scale: Tensor
    first: Tensor
    bias: Tensor
    last: Tensor

    def scores(self, features: Tensor) -> Tensor:
        """How much rows [B, F] look like outliers: [B]."""
        x = ((features - self.mean) * self.scale).clamp(-6, 6)
        return functional.gelu(x @ self.first + self.bias) @ self.last


class Guard:
    """Judges what a model encodes; made for one modality of one loaded model.

    Attributes:
        settings: Layers and thresholds.

    Example:
        ```python
        guard = Guard.load(path, model, "vision")
        with guard.watching():
            embeddings = model.encode("vision", x)
        confidences = guard.judge()
        ```
    """

    def __init__(
        self,
        model: ImageBind,
        modality: str,
        settings: GuardSettings,
        gaussians: Sequence[Gaussian],
        critic: Critic,
    ) -> None:
        """Prepare.

        Args:
            model: Holds the trunk of the modality.
            modality: ImageBind's name of it.
            settings: Layers and thresholds.
            gaussians: Known inputs, one for each layer.
            critic: Over all layers.

        Raises:
            CheckpointError: The model has no such layer, or the parts do not fit together.
        """
        modules = dict(model.named_modules())
        if missing := [name for name in settings.layers if name not in modules]:
            raise CheckpointError(
                f"the guard of {modality} looks at layers that the model lacks: {missing}"
            )
        counts = {len(settings.means), len(settings.spreads), len(gaussians) + 1}
        if counts != {len(settings.layers) + 1} or max(settings.used) > len(gaussians):
            raise CheckpointError(f"the guard of {modality} has not one score for each layer")
        self.settings = settings
        self._modules = [modules[name] for name in settings.layers]
        self._gaussians = list(gaussians)
        self._critic = critic
        self._features: list[Tensor | None] = [None] * len(gaussians)

    @classmethod
    def load(cls, path: Path | str, model: ImageBind, modality: str) -> Guard | None:
        """Read the guard of a checkpoint.

        Args:
            path: Directory of the ImageBind.
            model: Loaded from there, with at least the trunk of `modality`.
            modality: ImageBind's name.

        Returns:
            None where the checkpoint has no guard for this modality.

        Raises:
            CheckpointError: It is damaged, or does not fit the model.
        """
        path = Path(path)
        file = path / SETTINGS_NAME
        if not path.is_dir() or not file.is_file():
            return None
        fields = read_object(file)
        if fields.get("version") != VERSION:
            raise CheckpointError(f"{file} has version {fields.get('version')}, this is {VERSION}")
        found = fields.get("modalities")
        if not isinstance(found, dict):
            raise CheckpointError(f"{file} is damaged: modalities is not an object")
        if modality not in found:
            return None
        settings = _settings(found[modality], file)
        tensors = _tensors(path)
        gaussians = [
            _gaussian(tensors, f"{modality}.{index}", path / TENSORS_NAME)
            for index in range(len(settings.layers))
        ]
        critic = _critic(tensors, modality, path / TENSORS_NAME)
        return cls(model, modality, settings, gaussians, critic)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look at what the model computes within the block; one pass at a time."""
        handles = []
        for index, (name, module) in enumerate(
            zip(self.settings.layers, self._modules, strict=True)
        ):
            handles.append(
                module.register_forward_pre_hook(self._before(index))
                if is_input(name)
                else module.register_forward_hook(self._after(index))
            )
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def judge(self) -> np.ndarray:
        """Return the novelty of each row of the last pass, [B]: 0 is usual, see `threshold`.

        Raises:
            CheckpointError: The features do not fit the guard's.
        """
        rows = [one.float().cpu() for one in self._features if one is not None]
        if [one.shape[1:] for one in rows] != [one.mean.shape for one in self._gaussians]:
            raise CheckpointError("the guard does not fit the model: calibrate it again")
        return novelty(self.settings, self._gaussians, self._critic, rows).double().numpy()

    def _after(self, index: int) -> Any:
        def note(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            self._features[index] = pooled(output)

        return note

    def _before(self, index: int) -> Any:
        def note(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            self._features[index] = pooled(inputs[0])

        return note


def is_input(layer: str) -> bool:
    """Whether what goes into a module is looked at, and not what comes out: of a head."""
    return layer.startswith("modality_heads.") and layer.count(".") == 1


def scores(
    gaussians: Sequence[Gaussian], critic: Critic, features: Sequence[Tensor]
) -> list[Tensor]:
    """Return what each Gaussian and then the critic says of each layer's features [B, F]: [B]."""
    distances = [one.distances(rows) for one, rows in zip(gaussians, features, strict=True)]
    return [*distances, critic.scores(torch.cat(list(features), dim=1))]


def novelty(
    settings: GuardSettings,
    gaussians: Sequence[Gaussian],
    critic: Critic,
    features: Sequence[Tensor],
) -> Tensor:
    """Return how novel rows are: the largest of the scores that count, in their spreads: [B]."""
    found = []
    for one in settings.used:  # and none of the others: they would cost as much
        if one < len(gaussians):
            score = gaussians[one].distances(features[one])
        else:
            score = critic.scores(torch.cat(list(features), dim=1))
        found.append((score - settings.means[one]) / settings.spreads[one])
    return torch.stack(found).amax(dim=0)


def pooled(tokens: Tensor) -> Tensor:
    """Mean and spread over the tokens [B, L, D] as [B, 2 D]; a single token [B, (1,) D] itself."""
    if tokens.ndim == 3 and tokens.shape[1] > 1:
        spread, mean = torch.std_mean(tokens, dim=1)
        return torch.cat([mean, spread], dim=1)
    return tokens.flatten(1)


@lru_cache(maxsize=4)
def examples(path: Path) -> np.ndarray:
    """Return embeddings of a few different things that the weights know, float32 [P, D].

    Args:
        path: Directory of an ImageBind with a guard.

    Raises:
        CheckpointError: The guard is missing or damaged.
    """
    found = _tensors(path).get("examples")
    if found is None or found.ndim != 2 or not len(found) or not torch.isfinite(found).all():
        raise CheckpointError(f"{path / TENSORS_NAME} is damaged: it holds no examples")
    vectors = found.float().numpy()
    vectors.flags.writeable = False
    return vectors


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path / TENSORS_NAME)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"cannot read {path / TENSORS_NAME}: {error}") from error


def save(
    path: Path,
    settings: Mapping[str, GuardSettings],
    gaussians: Mapping[str, Sequence[Gaussian]],
    critics: Mapping[str, Critic],
    *,
    known: np.ndarray,
    about: Mapping[str, Any],
) -> None:
    """Write the guards of a checkpoint.

    Args:
        path: Directory of the ImageBind.
        settings: By modality.
        gaussians: Likewise, one for each layer.
        critics: Likewise.
        known: Embeddings of a few different things that the weights know, [P, D].
        about: What else the JSON file says: `trained_on`, and how the guards were calibrated.

    Raises:
        StorageError: The directory cannot be written.
    """
    tensors = {
        f"{modality}.{index}.{name}": value.half().contiguous()
        for modality, each in gaussians.items()
        for index, one in enumerate(each)
        for name, value in (("mean", one.mean), ("whiten", one.whiten))
    }
    for modality, critic in critics.items():
        for name in _CRITIC:
            tensors[f"{modality}.critic.{name}"] = getattr(critic, name).half().contiguous()
    tensors["examples"] = torch.from_numpy(known).half().contiguous()
    fields = {
        "version": VERSION,
        "modalities": {modality: asdict(one) for modality, one in settings.items()},
        **about,
    }
    try:
        save_file(tensors, path / TENSORS_NAME)
        (path / SETTINGS_NAME).write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")
    except (OSError, SafetensorError) as error:
        raise StorageError(f"cannot write the guard in {path}: {error}") from error


def _settings(fields: Any, file: Path) -> GuardSettings:
    try:
        layers = tuple(str(name) for name in fields["layers"])
        means, spreads = (
            tuple(float(one) for one in fields[name]) for name in ("means", "spreads")
        )
        used = tuple(int(one) for one in fields["used"])
        threshold, slope = float(fields["threshold"]), float(fields["slope"])
        settings = GuardSettings(layers, means, spreads, used, threshold, slope)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise CheckpointError(f"{file} is damaged: {error!r}") from error
    numbers = (*means, *spreads, settings.threshold, settings.slope)
    if (
        not 0 < len(layers) <= _MOST_LAYERS
        or not used
        or min(used) < 0
        or not all(map(math.isfinite, numbers))
    ):
        raise CheckpointError(f"{file} is damaged: a number of its guard is out of range")
    if min(*spreads, settings.slope) <= 0:
        raise CheckpointError(f"{file} is damaged: spreads and slope must be above 0")
    return settings


def _gaussian(tensors: Mapping[str, Tensor], name: str, file: Path) -> Gaussian:
    mean, whiten = tensors.get(f"{name}.mean"), tensors.get(f"{name}.whiten")
    if mean is None or whiten is None or mean.ndim != 1 or whiten.shape != (len(mean),) * 2:
        raise CheckpointError(f"{file} is damaged: {name} is missing or misshapen")
    if not (torch.isfinite(mean).all() and torch.isfinite(whiten).all()):
        raise CheckpointError(f"{file} is damaged: {name} holds NaN or infinity")
    return Gaussian(mean.float(), whiten.float())


_CRITIC = ("mean", "scale", "first", "bias", "last")


def _critic(tensors: Mapping[str, Tensor], modality: str, file: Path) -> Critic:
    parts = [tensors.get(f"{modality}.critic.{name}") for name in _CRITIC]
    found = [one.float() for one in parts if one is not None]
    if len(found) < len(_CRITIC):
        raise CheckpointError(f"{file} is damaged: the critic of {modality} is missing")
    features, hidden = found[0].numel(), found[4].numel()
    shapes = [tuple(one.shape) for one in found]
    if shapes != [(features,), (features,), (features, hidden), (hidden,), (hidden,)]:
        raise CheckpointError(f"{file} is damaged: the critic of {modality} is misshapen")
    if not all(torch.isfinite(one).all() for one in found):
        raise CheckpointError(f"{file} is damaged: the critic of {modality} holds NaN or infinity")
    return Critic(*found)


def purpose(checkpoint: Path) -> str:
    """Return in one line what the encoders of a checkpoint know; "" where nothing says it.

    Args:
        checkpoint: Its directory, with `imagebind/` or an ImageBind itself.

    Raises:
        CheckpointError: `guard.json` is damaged.
    """
    for file in (checkpoint / "imagebind" / SETTINGS_NAME, checkpoint / SETTINGS_NAME):
        if file.is_file():
            return " ".join(str(read_object(file).get("trained_on", "")).split())[:200]
    return ""
