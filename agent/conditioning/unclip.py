"""From what is sensed to a picture: Stable unCLIP, conditioned on ImageBind embeddings.

Stable unCLIP was trained with CLIP image embeddings before normalisation; ImageBind's vision trunk
was bound to that very CLIP, so that un-normalised embeddings of any of its senses take their place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from sensebind.agent.conditioning.image_settings import PictureSettings, image_format
from sensebind.agent.conditioning.media_encoder import MediaEncoder
from sensebind.agent.gated_llama.mixing import POINT_SCALE, mix_prenorm
from sensebind.errors import (
    CheckpointError,
    ConfigurationError,
    InputError,
    MissingDependencyError,
    StorageError,
    one_line,
)

if TYPE_CHECKING:
    from PIL.Image import Image

PIPELINE = "StableUnCLIPImg2ImgPipeline"


def picture_embedding(
    senses: MediaEncoder,
    things: Mapping[str, Path | str],
    weights: Mapping[str, float] | None = None,
    *,
    enhance: bool = True,
) -> np.ndarray:
    """The embedding that a picture is made of.

    The heads' outputs before normalisation are mixed as `sum_i w_i e_i / (sum w + 1e-6)`, those of
    point clouds divided by 5 first; the visual cache then changes the direction, not the length.

    Args:
        senses: Encoders and cache of a checkpoint.
        things: Modality to file, and `"text"` to a text.
        weights: Modality to weight; 1 where not named.
        enhance: Whether the cache is used, if the checkpoint has one.

    Returns:
        float32 [D].

    Raises:
        InputError: Something cannot be read, or there is nothing to perceive.
    """
    rows, shares = [], []
    for modality, thing in things.items():
        encoded = senses.encode(modality, thing)
        if encoded is not None:
            row = torch.from_numpy(encoded.prenorm)[None]  # [1,D]
            rows.append(row / POINT_SCALE if modality == "point" else row)
            shares.append((weights or {}).get(modality, 1.0))
    if not sum(shares):
        raise InputError("there is nothing to perceive in what is given, and so to imagine")
    mixed = mix_prenorm(rows, shares).numpy()
    if enhance and senses.cache is not None:
        mixed = senses.cache.enhance_prenorm(mixed)
    return mixed[0]


class Imagination:
    """A Stable unCLIP pipeline that is read from a directory."""

    def __init__(
        self,
        path: str | Path,
        *,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Loads it.

        Args:
            path: Directory as `save_pretrained` of diffusers writes it; safetensors only.
            device: Where it computes.
            dtype: Of its weights; float16 on a GPU.

        Raises:
            MissingDependencyError: diffusers is not installed.
            CheckpointError: There is no such pipeline, or it is damaged.
        """
        path = Path(path)
        _check_index(path)
        try:
            from diffusers import StableUnCLIPImg2ImgPipeline
        except ImportError as error:
            raise MissingDependencyError(
                "pictures need diffusers: pip install 'sensebind[imagine]'"
            ) from error
        try:
            pipeline: Any = StableUnCLIPImg2ImgPipeline.from_pretrained(
                str(path), local_files_only=True, use_safetensors=True, low_cpu_mem_usage=False
            )
        except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
            raise CheckpointError(f"{path} is no whole Stable unCLIP: {one_line(error)}") from error
        pipeline.set_progress_bar_config(disable=True)
        self._pipeline = pipeline.to(device=device, dtype=dtype)
        self._device = torch.device(device)

    @property
    def width(self) -> int:
        """Numbers in the embeddings that it takes."""
        return int(self._pipeline.image_encoder.config.projection_dim)

    def picture(self, embedding: np.ndarray, settings: PictureSettings | None = None) -> Image:
        """Makes one picture.

        Args:
            embedding: [D], not normalised; see `picture_embedding`.
            settings: How.

        Raises:
            InputError: An embedding of another width, or with NaN or infinity.
            ConfigurationError: More noise than the pipeline knows.
        """
        s = settings or PictureSettings()
        if embedding.shape != (self.width,) or not np.isfinite(embedding).all():
            raise InputError(
                f"the pipeline takes {self.width} finite numbers, the encoder gives "
                f"{list(embedding.shape)}: they do not belong together"
            )
        levels = int(self._pipeline.image_noising_scheduler.config.num_train_timesteps)
        if s.noise >= levels:
            raise ConfigurationError(f"noise is 0 to {levels - 1}, not {s.noise}")
        row = torch.from_numpy(embedding)[None].to(self._device, self._pipeline.unet.dtype)
        with torch.inference_mode():
            made = self._pipeline(
                prompt=s.prompt,
                image_embeds=row,
                num_inference_steps=s.steps,
                guidance_scale=s.guidance,
                noise_level=s.noise,
                height=s.side,
                width=s.side,
                generator=torch.Generator(self._device).manual_seed(s.seed),
            )
        return made.images[0]


def _check_index(path: Path) -> None:
    index = path / "model_index.json"
    try:
        kind = json.loads(index.read_text(encoding="utf-8")).get("_class_name")
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise CheckpointError(
            f"no pipeline at {path} (model_index.json cannot be read): give --pipeline the "
            "directory of stabilityai/stable-diffusion-2-1-unclip"
        ) from error
    if kind != PIPELINE:
        raise CheckpointError(f"{path} is a {kind}; pictures are made with a {PIPELINE}")


def save_picture(image: Image, path: Path) -> None:
    """Writes a picture, whole or not at all.

    Raises:
        InputError: An ending that is no format.
        StorageError: It cannot be written.
    """
    temporary = path.with_name(f".{path.name}.part")
    try:
        image.save(temporary, format=image_format(path))
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StorageError(f"{path} cannot be written: {error.strerror or error}") from error
