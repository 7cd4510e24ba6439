"""From pictures to the conditions of a model that sees for itself (LLaMA-Adapter V2)."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

from sensebind.agent.gated_llama.config import GatedLlamaConfig
from sensebind.errors import ConfigurationError
from sensebind.perception.imagebind.preprocess.image import image_tensor, rgb


def picture_conditions(images: Sequence[np.ndarray], config: GatedLlamaConfig) -> Tensor:
    """Pictures as conditions, one per row.

    Args:
        images: uint8 [H, W, 3] RGB each; `perception.imagebind.preprocess.image.read_image` reads
            files. Where the weights were trained with blue first (`vision_bgr`, all published
            ones), the channels are swapped here.
        config: Of the model.

    Returns:
        [B, 1, 1, 3, side, side] float32, for `GatedLlamaForCausalLM.generate(conditions=…)`; of
        one row, [0, 0] is what `DialogSession.condition` takes.

    Raises:
        ConfigurationError: The model has no CLIP tower.
        InputError: Not a picture.
    """
    if config.conditioner != "vision":
        raise ConfigurationError(f"conditioner {config.conditioner!r} takes no pictures")
    side, order = config.condition_shape[-1], -1 if config.vision_bgr else 1
    mean, std = tuple(OPENAI_CLIP_MEAN), tuple(OPENAI_CLIP_STD)
    rows = [image_tensor(rgb(image)[..., ::order], side, mean, std) for image in images]
    return torch.stack(rows)[:, None, None]
