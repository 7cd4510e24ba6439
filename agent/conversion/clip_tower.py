"""CLIP's visual tower under OpenAI's names, from a file of either naming."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor

from sensebind.errors import CheckpointError
from sensebind.perception.tensor_files import Shape, TensorFile, directory_files

_OUTER = {
    "clip.visual.class_embedding": "vision_model.embeddings.class_embedding",
    "clip.visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
    "clip.visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
    "clip.visual.ln_pre.weight": "vision_model.pre_layrnorm.weight",
    "clip.visual.ln_pre.bias": "vision_model.pre_layrnorm.bias",
    "clip.visual.ln_post.weight": "vision_model.post_layernorm.weight",
    "clip.visual.ln_post.bias": "vision_model.post_layernorm.bias",
}
_PROJECTION = ("clip.visual.proj", "visual_projection.weight")  # transposed
_BLOCK = {
    "attn.out_proj": "self_attn.out_proj",
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
_PACKED = ("q_proj", "k_proj", "v_proj")


class ClipTower:
    """The tower's tensors as LLaMA-Adapter V2 names them (`clip.visual.…`).

    Attributes:
        shapes: By that name.
        files: To unmap.
    """

    def __init__(self, path: Path) -> None:
        """Opens a state dict of OpenAI's naming, or a model of Hugging Face (file or directory).

        Raises:
            CheckpointError: Neither.
        """
        paths = directory_files(path) if path.is_dir() else [path]
        self.files = [TensorFile(one) for one in paths]
        self._held = {name: file for file in self.files for name in file.shapes}
        self._parts: dict[str, tuple[str, ...]] = {}
        if _OUTER["clip.visual.conv1.weight"] in self._held:
            self._from_huggingface()
        else:
            for name in self._held:
                if name.startswith("visual."):
                    self._parts[f"clip.{name}"] = (name,)
        if "clip.visual.conv1.weight" not in self._parts:
            raise CheckpointError(f"{path} holds no visual tower of CLIP")
        self.shapes: dict[str, Shape] = {name: self._shape(name) for name in self._parts}

    def _from_huggingface(self) -> None:
        self._parts |= {name: (theirs,) for name, theirs in _OUTER.items()}
        self._parts[_PROJECTION[0]] = (_PROJECTION[1],)
        layer = re.compile(r"vision_model\.encoder\.layers\.(\d+)\.")
        blocks = 1 + max(int(m[1]) for m in map(layer.match, self._held) if m)
        for block in range(blocks):
            ours = f"clip.visual.transformer.resblocks.{block}"
            theirs = f"vision_model.encoder.layers.{block}"
            for kind in ("weight", "bias"):
                for part, name in _BLOCK.items():
                    self._parts[f"{ours}.{part}.{kind}"] = (f"{theirs}.{name}.{kind}",)
                packed = tuple(f"{theirs}.self_attn.{name}.{kind}" for name in _PACKED)
                self._parts[f"{ours}.attn.in_proj_{kind}"] = packed
        missing = [n for names in self._parts.values() for n in names if n not in self._held]
        if missing:
            raise CheckpointError(f"the CLIP model lacks {missing[0]}")

    def _shape(self, name: str) -> Shape:
        shapes = [self._held[part].shapes[part] for part in self._parts[name]]
        if self._parts[name] == (_PROJECTION[1],):
            return shapes[0][::-1]
        return (sum(shape[0] for shape in shapes), *shapes[0][1:])

    def read(self, name: str) -> Tensor:
        """One tensor, by LLaMA-Adapter's name."""
        tensors = [self._held[part].read(part) for part in self._parts[name]]
        if self._parts[name] == (_PROJECTION[1],):
            return tensors[0].mT
        return tensors[0] if len(tensors) == 1 else torch.cat(tensors)
