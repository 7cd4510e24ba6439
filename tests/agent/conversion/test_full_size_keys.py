"""Every tensor of the full-size published files has its place, and comes back from it.

The key lists (names and shapes alone) are those of the official modules at their published sizes.
Everything happens on the meta device.
"""

from __future__ import annotations

import gzip
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from sensebind.agent.conversion.imagebind_part import published_name
from sensebind.agent.conversion.llama_tensors import (
    config_of,
    merged_config,
    official_name,
    official_tensors,
    recipes,
)
from sensebind.agent.gated_llama.loading import expected_shapes
from sensebind.perception.imagebind import ImageBind, ImageBindConfig

KEYS = Path(__file__).parents[2] / "data" / "keys"
Shapes = dict[str, tuple[int, ...]]


@lru_cache
def key_list(name: str) -> dict[str, Any]:
    """A key list; shapes under "keys"."""
    return json.loads(gzip.decompress((KEYS / f"{name}.json.gz").read_bytes()))


def shapes_of(keys: dict[str, list[int]], *, without: tuple[str, ...] = ()) -> Shapes:
    named = {official_name(name): tuple(shape) for name, shape in keys.items()}
    return {name: shape for name, shape in named.items() if name and name not in without}


def there_and_back(shapes: Shapes, lost: Shapes | None = None, **fields: Any) -> None:
    """Maps all tensors to ours, merged and not, and the unmerged ones back."""
    config = config_of(shapes, **fields)
    made = recipes(shapes, config)
    assert {one.name: one.shape for one in made} == expected_shapes(config)
    meta = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    state: dict[str, Tensor] = {}
    for one in made:
        state[one.name] = one.make(meta.__getitem__)
        assert tuple(state[one.name].shape) == one.shape, one.name
    for name in state:  # biases that official files lack must be zeros, which meta cannot tell
        if re.match(r"model.*[kv]_proj\.bias$", name):
            state[name] = torch.zeros(1)
    back = {name: tuple(tensor.shape) for name, tensor in official_tensors(state, config).items()}
    assert back == {name: shape for name, shape in shapes.items() if name not in (lost or {})}
    if config.lora_rank:
        merged = merged_config(config)
        found = {one.name: one.shape for one in recipes(shapes, merged, merge=True)}
        assert found == expected_shapes(merged)


def test_imagebind_llm() -> None:
    keys = key_list("imagebind_llm_7b")
    shapes = shapes_of(keys["keys"])
    assert len(shapes) == len(keys["keys"])
    there_and_back(shapes)
    base = shapes_of(key_list("llama_meta_7b")["keys"])
    assert base.keys() | keys["published"]["adapter"] == shapes.keys()


def test_imagebind_llm_before_fine_tuning() -> None:
    keys = key_list("imagebind_llm_7b")
    (absent,) = keys["absent"].values()
    there_and_back(shapes_of(keys["keys"], without=tuple(absent)))


def test_the_legacy_bridge() -> None:
    keys = key_list("imagebind_llm_7b")
    llama = {n: s for n, s in keys["keys"].items() if not n.startswith("image_bind_")}
    there_and_back(shapes_of(llama | keys["legacy"]))


@pytest.mark.parametrize("absent", ["", "keys_absent_in_bias_only", "keys_absent_in_pretrain"])
def test_llama_adapter_v2(absent: str) -> None:
    keys = key_list("llama_adapter_v2_7b")
    missing = tuple(keys["absent"].get(absent, ()))
    shapes = shapes_of(keys["keys"], without=missing)
    text_tower = [n for n in keys["keys"] if n.startswith("clip.") and "visual" not in n]
    assert len(shapes) == len(keys["keys"]) - len(missing) - len(text_tower)
    there_and_back(shapes)


def test_llama_adapter_v1() -> None:
    keys = key_list("llama_adapter_v1_7b")
    there_and_back(shapes_of(keys["keys"]), gate_tanh=False)
    base = shapes_of(key_list("llama_meta_7b")["keys"])
    published = {official_name(name) for name in keys["published"]["adapter"]}
    assert base.keys() | published == shapes_of(keys["keys"]).keys()


@pytest.mark.parametrize("point", [False, True])
def test_imagebind(point: bool) -> None:
    keys = dict(key_list("imagebind_huge")["keys"])
    if point:
        keys |= key_list("point_encoder")["keys"]
    with torch.device("meta"):
        state = ImageBind(ImageBindConfig.huge(point=point)).state_dict()
    ours = {name: list(tensor.shape) for name, tensor in state.items()}
    assert ours == {published_name(name): shape for name, shape in keys.items()}
