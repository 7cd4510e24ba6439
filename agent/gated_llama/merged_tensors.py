"""The tensors of a model with LoRA as they are after merging: nothing then costs more than before.

An adapter's file holds the factors, a few megabytes; merged when it is loaded, decoding, llama.cpp
and quantisation see plain layers. Conditions go through `v_proj` as it was without the LoRA, for
which its factors are kept (`adapter.MergedLora`).
"""

from __future__ import annotations

import re
from collections.abc import Callable

import torch
from torch import Tensor

from sensebind.agent.gated_llama.base_model import AdaptedTensors
from sensebind.agent.gated_llama.config import ConditionFields
from sensebind.errors import CheckpointError
from sensebind.perception.tensor_files import Shape

_FACTOR = re.compile(r"(model\.layers\.\d+\..+)\.l[12]\.weight")


class MergedTensors:
    """The tensors of a base and an adapter with LoRA, merged as they are read.

    Attributes:
        shapes: Shape by name.
        dtypes: Type by name.
    """

    def __init__(self, tensors: AdaptedTensors, config: ConditionFields) -> None:
        """Wrap tensors.

        Args:
            tensors: With the factors of the LoRA.
            config: That names them; changed to that of the merged model.

        Raises:
            CheckpointError: Factors that are missing, or do not fit their layer.
        """
        self._unmerged = tensors
        self._tuned = {m[1] for name in tensors.shapes if (m := _FACTOR.fullmatch(name))}
        self._check(config.lora_rank)
        self.shapes = {n: s for n, s in tensors.shapes.items() if not _FACTOR.fullmatch(n)}
        self.dtypes = {name: tensors.dtypes[name] for name in self.shapes}
        self._kept: dict[str, Callable[[], Tensor]] = {}
        if config.injection_point == "attention" and config.conditioner == "bind":
            layers = config.num_hidden_layers
            first = layers - config.injected_layers
            names = [f"model.layers.{i}.self_attn.v_proj" for i in range(first, layers)]
            if all(name in self._tuned for name in names):
                self._keep_value_factors(names)
                config.base_rank = config.lora_rank
        config.lora_rank = 0

    def _check(self, rank: int) -> None:
        shapes = self._unmerged.shapes
        if not self._tuned:
            raise CheckpointError(f"config.json says lora_rank {rank}, and there is no LoRA")
        for layer in self._tuned:
            whole = shapes.get(f"{layer}.weight", ())
            parts = [shapes.get(f"{layer}.{part}.weight") for part in ("l2", "l1")]
            if len(whole) != 2 or parts != [(whole[0], rank), (rank, whole[1])]:
                raise CheckpointError(
                    f"the LoRA of {layer} does not fit: {list(whole)} is not the product of "
                    f"{parts[0]} and {parts[1]} with rank {rank}"
                )

    def _keep_value_factors(self, names: list[str]) -> None:
        for part in ("l1", "l2"):
            factors = [f"{name}.{part}.weight" for name in names]
            kept = f"adapter.value_lora.{part}"
            shape: Shape = (len(names), *self._unmerged.shapes[factors[0]])
            self.shapes[kept] = shape
            self.dtypes[kept] = self._unmerged.dtypes[factors[0]]
            self._kept[kept] = lambda factors=factors: torch.stack(
                [self._unmerged.read(factor) for factor in factors]
            )

    def read(self, name: str) -> Tensor:
        """One tensor; of a layer with LoRA, its weight and the product of the factors."""
        if name in self._kept:
            return self._kept[name]()
        tensor = self._unmerged.read(name)
        layer = name.removesuffix(".weight")
        if layer not in self._tuned or layer == name:
            return tensor
        first, second = (
            self._unmerged.read(f"{layer}.{part}.weight").float() for part in ("l1", "l2")
        )
        return (tensor.float() + second @ first).to(tensor.dtype)  # half would round twice
