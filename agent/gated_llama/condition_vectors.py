"""The vectors that a condition adds to the layers, for engines that run the model elsewhere.

With one condition token per slot a condition is one constant vector a layer, and that is all that
an engine must add: to the output of the attention (`injection_point` "attention"; in a GGUF of
llama.cpp `attn_output.bias`), or to the output of the block ("block"; llama.cpp's control vector).
"""

import numpy as np
import torch
from torch import Tensor

from sensebind.agent.gated_llama.model import ConditionedLM
from sensebind.errors import InputError


@torch.inference_mode()
def condition_vectors(
    model: ConditionedLM, embeddings: np.ndarray | Tensor, present: np.ndarray | Tensor
) -> np.ndarray:
    """What a condition adds to each layer.

    Args:
        model: One of `loading.load_adapter` will do, which leaves the language model out.
        embeddings: [slots, bind_dim]; finite numbers (zeros) for an absent slot.
        present: [slots] bool.

    Returns:
        float32 [layers, hidden] for all layers of the model; zeros for those that take none in (at
        the block's output the first).

    Raises:
        InputError: The model's conditions are not one vector a layer (LLaMA-Adapter's are keys
            and values), or shapes that do not fit it, or numbers that are not finite.
    """
    config = model.config
    if config.adapter_len > 1:
        raise InputError("conditions of several tokens are keys and values, not one vector a layer")
    given = torch.as_tensor(embeddings, dtype=torch.float32)
    if not torch.isfinite(given).all():
        raise InputError("a condition with NaN or infinite numbers cannot be used")
    filled = torch.as_tensor(present, dtype=torch.bool)
    weights = model.adapter.prefix
    injection = model.injection(
        given.to(weights)[None, None], filled.to(weights.device)[None, None]
    )
    vectors = np.zeros((config.num_hidden_layers, config.hidden_size), np.float32)
    vectors[-config.injected_layers :] = injection[0, 0].float().cpu().numpy()
    return vectors
