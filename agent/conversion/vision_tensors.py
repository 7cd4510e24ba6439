"""Names of LLaMA-Adapter V2's vision part: OpenAI's CLIP and timm blocks, there and back."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

_TOWER = "adapter.vision.clip.vision_model"
_OUTER = {
    "clip.visual.class_embedding": f"{_TOWER}.embeddings.class_embedding",
    "clip.visual.positional_embedding": f"{_TOWER}.embeddings.position_embedding.weight",
    "clip.visual.conv1.weight": f"{_TOWER}.embeddings.patch_embedding.weight",
    "visual_query.weight": "adapter.vision.query",
}
_PROJECTION = ("clip.visual.proj", "adapter.vision.clip.visual_projection.weight")  # transposed
_MODULES = {  # each with a weight and a bias
    "clip.visual.ln_pre": f"{_TOWER}.pre_layrnorm",
    "clip.visual.ln_post": f"{_TOWER}.post_layernorm",
    "clip_proj": "adapter.vision.clip_proj",
    "clip_proj_norm": "adapter.vision.clip_norm",
    "visual_proj": "adapter.vision.proj",
    "visual_proj_norm": "adapter.vision.norm",
}
_CLIP_BLOCK = {
    "attn.out_proj": "self_attn.out_proj",
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
_QUERY_BLOCK = {
    "attn.qkv.weight": "self_attn.in_proj_weight",
    "attn.qkv.bias": "self_attn.in_proj_bias",
    "attn.proj.weight": "self_attn.out_proj.weight",
    "attn.proj.bias": "self_attn.out_proj.bias",
    "norm1.weight": "norm1.weight",
    "norm1.bias": "norm1.bias",
    "norm2.weight": "norm2.weight",
    "norm2.bias": "norm2.bias",
    "mlp.fc1.weight": "linear1.weight",
    "mlp.fc1.bias": "linear1.bias",
    "mlp.fc2.weight": "linear2.weight",
    "mlp.fc2.bias": "linear2.bias",
}
_PACKED = ("q_proj", "k_proj", "v_proj")

VISION_NAMES = re.compile(r"(clip\.visual|clip_proj|clip_proj_norm|visual_\w+)\.")


class VisionPart(NamedTuple):
    """One tensor of ours that comes from an official one.

    Attributes:
        name: In the state dict of a `GatedLlamaForCausalLM`.
        shape: Its shape.
        take: Makes it from the official tensor.
    """

    name: str
    shape: tuple[int, ...]
    take: Callable[[Tensor], Tensor]


def vision_parts(name: str, shape: tuple[int, ...]) -> list[VisionPart]:
    """What an official vision tensor becomes; nothing for an unknown name.

    A packed projection of CLIP becomes three tensors, all others one.
    """
    if name == _PROJECTION[0]:
        return [VisionPart(_PROJECTION[1], shape[::-1], lambda tensor: tensor.mT)]
    if ours := _our_name(name):
        return [VisionPart(ours, shape, lambda tensor: tensor)]
    match = re.fullmatch(
        r"clip\.visual\.transformer\.resblocks\.(\d+)\.attn\.in_proj_(weight|bias)", name
    )
    if match is None:
        return []
    attention = f"{_TOWER}.encoder.layers.{match[1]}.self_attn"
    third = (shape[0] // 3, *shape[1:])
    return [
        VisionPart(f"{attention}.{projection}.{match[2]}", third, partial(_third, index))
        for index, projection in enumerate(_PACKED)
    ]


def _third(index: int, tensor: Tensor) -> Tensor:
    return tensor.chunk(3)[index]


def _our_name(name: str) -> str | None:
    if name in _OUTER:
        return _OUTER[name]
    module, _, kind = name.rpartition(".")
    if module in _MODULES:
        return f"{_MODULES[module]}.{kind}"
    if match := re.fullmatch(r"visual_blocks\.(\d+)\.(.+)", name):
        part = _QUERY_BLOCK.get(match[2])
        return part and f"adapter.vision.blocks.{match[1]}.{part}"
    if match := re.fullmatch(r"clip\.visual\.transformer\.resblocks\.(\d+)\.(.+)", module):
        part = _CLIP_BLOCK.get(match[2])
        return part and f"{_TOWER}.encoder.layers.{match[1]}.{part}.{kind}"
    return None


def official_vision_tensors(
    state: Mapping[str, Tensor], clip_blocks: int, query_blocks: int
) -> dict[str, Tensor]:
    """The official tensors of a state dict of ours; CLIP's text tower, which is unused, is not."""
    names = [*_OUTER, *(f"{module}.{kind}" for module in _MODULES for kind in ("weight", "bias"))]
    names += [f"visual_blocks.{i}.{part}" for i in range(query_blocks) for part in _QUERY_BLOCK]
    official = {_PROJECTION[0]: state[_PROJECTION[1]].mT}
    for block in range(clip_blocks):
        start = f"clip.visual.transformer.resblocks.{block}"
        for kind in ("weight", "bias"):
            names += [f"{start}.{part}.{kind}" for part in _CLIP_BLOCK]
            attention = f"{_TOWER}.encoder.layers.{block}.self_attn"
            parts = [state[f"{attention}.{projection}.{kind}"] for projection in _PACKED]
            official[f"{start}.attn.in_proj_{kind}"] = torch.cat(parts)
    for name in names:
        ours = _our_name(name)
        assert ours is not None
        official[name] = state[ours]
    return official


def vision_fields(
    shapes: Mapping[str, tuple[int, ...]], clip_heads: int, heads: int
) -> dict[str, Any]:
    """Fields of the configuration that the shapes of the official vision tensors show.

    Args:
        shapes: By official name.
        clip_heads: Attention heads of the tower, which no shape shows; 0 for CLIP's 64 wide ones.
        heads: Those of the query blocks, likewise.
    """
    width, _, patch, _ = shapes["clip.visual.conv1.weight"]
    patches = shapes["clip.visual.positional_embedding"][0] - 1  # in a square
    return {
        "conditioner": "vision",
        "vision_bgr": True,  # all published weights saw pictures as OpenCV reads them
        "vision_clip": {
            "hidden_size": width,
            "intermediate_size": shapes["clip.visual.transformer.resblocks.0.mlp.c_fc.weight"][0],
            "num_hidden_layers": _count(shapes, r"clip\.visual\.transformer\.resblocks\.(\d+)\."),
            "num_attention_heads": clip_heads or width // 64,
            "image_size": round(patches**0.5) * patch,
            "patch_size": patch,
            "projection_dim": shapes["clip.visual.proj"][1],
        },
        "vision_width": shapes["visual_query.weight"][1],
        "vision_blocks": _count(shapes, r"visual_blocks\.(\d+)\."),
        "vision_heads": heads,
        "vision_hidden_size": shapes["visual_blocks.0.mlp.fc1.weight"][0],
    }


def _count(names: Iterable[str], pattern: str) -> int:
    return len({match[1] for name in names if (match := re.match(pattern, name))})
