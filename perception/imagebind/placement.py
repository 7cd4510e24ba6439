"""Where a trunk computes, and in which numbers."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakValueDictionary

import torch
from torch import Tensor, nn

from sensebind.errors import CheckpointError, ConfigurationError
from sensebind.perception.imagebind import checkpoint
from sensebind.perception.imagebind.model import ImageBind
from sensebind.perception.imagebind.quantization import to_eight_bits

_DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "int8": torch.float32,  # of what is not in the blocks of the transformers
}


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a trunk computes, and in which numbers.

    Attributes:
        device: As torch names it: "cpu", "cuda", "cuda:1".
        precision: "float32"; "bfloat16" or "float16", half the memory, and fast where the device
            computes in it; "int8", for CPUs: the blocks of the transformers in whole numbers, about
            twice as fast, in a quarter of the memory, and a little off.

    Raises:
        ConfigurationError: There is no such device or precision, or they do not fit together.
    """

    device: str = "cpu"
    precision: str = "float32"

    def __post_init__(self) -> None:
        if self.precision not in _DTYPES:
            raise ConfigurationError(
                f"precision {self.precision!r} is unknown: use one of {', '.join(_DTYPES)}"
            )
        try:
            device = torch.device(self.device)
        except RuntimeError as error:
            raise ConfigurationError(
                f"device {self.device!r} is unknown: use cpu, cuda or cuda:N"
            ) from error
        seen = torch.cuda.device_count()
        if device.type == "cuda" and (device.index or 0) >= seen:
            raise ConfigurationError(
                f"device {self.device!r}: PyTorch {torch.__version__} sees {seen} GPUs; install "
                "its CUDA build and the driver, or use device cpu"
            )
        if self.precision == "int8" and device.type != "cpu":
            raise ConfigurationError(
                f"precision int8 is for CPUs, not for {self.device}: use bfloat16 or float16 there"
            )

    def load(self, path: Path | str, modality: str) -> ImageBind:
        """Returns one trunk of a checkpoint, where it computes.

        A trunk that somebody in this process holds is given again, and not loaded twice: nobody
        may change it.

        Raises:
            CheckpointError: Missing or damaged files.
            ConfigurationError: The checkpoint has no such trunk.
        """
        try:
            files = checkpoint.identity(Path(path))
        except CheckpointError:
            return self._load(path, modality)  # which says what is wrong with it
        with _LOADING:
            key = (self, modality, files)
            if (held := _HELD.get(key)) is None:
                held = _HELD[key] = self._load(path, modality)
            return held

    def _load(self, path: Path | str, modality: str) -> ImageBind:
        model = ImageBind.from_pretrained(path, [modality], dtype=_DTYPES[self.precision])
        if self.precision == "int8":
            to_eight_bits(model)
        nn.Module.to(model, self.device)
        return model

    def inputs(self, x: Tensor) -> Tensor:
        """Inputs of the trunk, where and as it takes them; whole numbers stay what they are."""
        return x.to(self.device, _DTYPES[self.precision] if x.is_floating_point() else None)


_HELD: WeakValueDictionary[object, ImageBind] = WeakValueDictionary()
_LOADING = threading.Lock()
