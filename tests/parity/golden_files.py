"""The golden files of a directory: what they are called and what is in them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

# Longest match wins, so that golden_point_i2pmae is not taken for a golden_point.
FAMILIES = (
    "bind_network_legacy",
    "clip_sampler",
    "dataset",
    "imagebind",
    "imagebind_llm",
    "llama_adapter_v1",
    "llama_adapter_v2",
    "point",
    "point_i2pmae",
    "preprocess_audio",
    "preprocess_image",
    "preprocess_point",
    "preprocess_text",
    "preprocess_video",
    "sampling",
    "training",
    "training_step",
)


@dataclass(frozen=True)
class Golden:
    """One golden file: golden_<family><suffix>.json and, beside it, .safetensors.

    Attributes:
        path: The .json file.
        family: The longest known family its name begins with; "" for an unknown one.
    """

    path: Path
    family: str

    @property
    def directory(self) -> Path:
        return self.path.parent

    @cached_property
    def document(self) -> dict[str, Any]:
        """The whole .json file."""
        return json.loads(self.path.read_text(encoding="utf-8"))

    @property
    def config(self) -> dict[str, Any]:
        return self.document["config"]

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        """All tensors of the .safetensors file."""
        return load_file(self.path.with_suffix(".safetensors"))

    def under(self, prefix: str) -> dict[str, Tensor]:
        """The tensors whose names begin with `prefix`, without it."""
        return {
            name.removeprefix(prefix): value
            for name, value in self.tensors.items()
            if name.startswith(prefix)
        }

    def companion(self, family: str) -> Golden:
        """The file of another family made together with this one; skips the test without it."""
        suffix = self.path.stem.removeprefix(f"golden_{self.family}")
        for name in (f"golden_{family}{suffix}.json", f"golden_{family}.json"):
            if (self.directory / name).is_file():
                return Golden(self.directory / name, family)
        pytest.skip(f"needs golden_{family}{suffix}.json beside it")


def find_golden(directory: Path) -> list[Golden]:
    """All golden files of a directory, each with its family."""
    if not directory.is_dir():
        raise pytest.UsageError(f"--golden {directory}: no such directory")
    found = []
    for path in sorted(directory.glob("golden_*.json")):
        name = path.stem.removeprefix("golden_")
        family = max((f for f in FAMILIES if name.startswith(f)), key=len, default="")
        found.append(Golden(path, family))
    if not found:
        raise pytest.UsageError(f"--golden {directory}: no golden_*.json in it")
    return found


def assert_near(
    actual: Tensor, expected: Tensor, atol: float, rtol: float = 0.0, what: str = ""
) -> None:
    """Fails unless all values agree within atol + rtol*|expected|; says what differs."""
    torch.testing.assert_close(
        actual, expected, atol=atol, rtol=rtol, msg=lambda text: f"{what}: {text}"
    )
