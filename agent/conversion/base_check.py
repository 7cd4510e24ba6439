"""Whether an adapter was trained on the base model it is given.

An adapter on the wrong base talks nonsense and nothing else gives it away. What it carries of its
base are the norms: fine-tuning moves them a little, another model has others. See docs/models.md
for what the limits rest on.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sensebind.errors import CheckpointError
from sensebind.perception.tensor_files import Shape, Tensors

TUNED_LIMIT = 0.05
"""Median relative distance of fine-tuned norms from those of their base, at most."""
FROZEN_LIMIT = 0.002
"""The same for an adapter whose stage of training left the norms as they were (half precision)."""
NEARER = 0.9
"""With two candidates, the right one is nearer by at least this factor."""

_NORMS = re.compile(r"llama\.(layers\.\d+\.(attention|ffn)_norm|norm)\.weight$")
_TUNED = re.compile(r"llama\..*(\.bias$|lora)")


@dataclass(frozen=True, slots=True)
class BaseCheck:
    """How far the norms of an adapter are from those of its base.

    Attributes:
        norms: How many were compared; 0 if the adapter carries none.
        distance: Median over the norms of |adapter - base| / |base|.
        correlation: Median correlation of their deviations from the mean.
        farthest: The norm that differs most, and its distance.
        limit: Largest distance that passes.
        without_delta: Distance from the plain base, where a delta was added to it.
    """

    norms: int
    distance: float
    correlation: float
    farthest: tuple[str, float]
    limit: float
    without_delta: float | None = None

    @property
    def fits(self) -> bool:
        """Whether the distance is that of the same model."""
        if not self.norms:
            return True
        if self.without_delta is not None:
            if self.without_delta < NEARER * self.distance:
                return False
            if self.distance < NEARER * self.without_delta:
                return self.distance <= 4 * self.limit
        return self.distance <= self.limit

    def describe(self) -> str:
        """One line for people."""
        if not self.norms:
            return "the adapter carries no norms: whether the base is the right one is not known"
        name, most = self.farthest
        text = (
            f"{self.norms} norms of the adapter are {self.distance:.4f} from those of the base "
            f"(median; limit {self.limit:g}; correlation {self.correlation:.3f}; "
            f"most {most:.4f} in {name.removeprefix('llama.')})"
        )
        if self.without_delta is not None:
            text += f"; without the delta {self.without_delta:.4f}"
        return text

    def record(self) -> dict[str, Any]:
        """For conversion.json."""
        return {
            "norms": self.norms,
            "distance": round(self.distance, 6),
            "correlation": round(self.correlation, 6),
            "limit": self.limit,
            "without_delta": self.without_delta and round(self.without_delta, 6),
            "fits": self.fits,
        }


def check_base(adapter: Tensors, base: Tensors, plain: Tensors | None = None) -> BaseCheck:
    """Compares the norms.

    Args:
        adapter: Under official names (`llama.norm.weight`).
        base: Under Meta's names (`norm.weight`).
        plain: The base before a delta was added to it.
    """
    names = [name for name in adapter.shapes if _NORMS.match(name)]
    tuned = any(_TUNED.match(name) for name in adapter.shapes)
    limit = TUNED_LIMIT if tuned else FROZEN_LIMIT
    if not names:
        return BaseCheck(0, 0.0, 1.0, ("", 0.0), limit)
    distances = _distances(names, adapter, base)
    correlations = [
        _correlation(adapter.read(name), base.read(name.removeprefix("llama."))) for name in names
    ]
    farthest = max(distances, key=distances.__getitem__)
    other = None
    if plain is not None:
        other = statistics.median(_distances(names, adapter, plain).values())
    return BaseCheck(
        len(names),
        statistics.median(distances.values()),
        statistics.median(correlations),
        (farthest, distances[farthest]),
        limit,
        other,
    )


def compare_sizes(
    adapter: Mapping[str, Shape], base: Mapping[str, Any], adapter_name: str, base_name: str
) -> None:
    """Refuses an adapter of a model of other sizes.

    Args:
        adapter: Shapes under official names.
        base: Fields of the base's configuration.
        adapter_name: What error messages call the adapter.
        base_name: What they call the base.

    Raises:
        CheckpointError: Width, layers, heads or inner width differ; names both sides.
    """
    layers = [int(m[1]) for name in adapter if (m := re.match(r"llama\.layers\.(\d+)\.", name))]
    found = {
        "width": _size(adapter, r"(prefix|adapter)_query\.weight", 1),
        "layers": max(layers, default=-1) + 1 or None,
        "heads": _size(adapter, r"llama\.layers\.0\.attention\.gate", 1),
        "inner width": _size(adapter, r"llama\.layers\.0\.feed_forward\.w1\.bias", 0),
    }
    expected = {
        "width": base["hidden_size"],
        "layers": base["num_hidden_layers"],
        "heads": base["num_attention_heads"],
        "inner width": base["intermediate_size"],
    }
    for what, size in found.items():
        if size is not None and size != expected[what]:
            raise CheckpointError(
                f"{what} is {size} in the adapter {adapter_name}, "
                f"{expected[what]} in the LLaMA {base_name}: they are of different models"
            )


def _size(shapes: Mapping[str, Shape], pattern: str, axis: int) -> int | None:
    return next((shape[axis] for name, shape in shapes.items() if re.match(pattern, name)), None)


def _distances(names: list[str], adapter: Tensors, base: Tensors) -> dict[str, float]:
    def of(name: str) -> float:
        ours = adapter.read(name).float()
        theirs = base.read(name.removeprefix("llama.")).float()
        return float((ours - theirs).norm() / theirs.norm().clamp_min(1e-12))

    return {name: of(name) for name in names}


def _correlation(a: Tensor, b: Tensor) -> float:
    a, b = (x.float() - x.float().mean() for x in (a, b))
    scale = a.norm() * b.norm()
    # Norms that are all alike (fresh weights) have no deviations to compare.
    return float((a @ b) / scale) if scale > 1e-9 else float(torch.equal(a, b))
