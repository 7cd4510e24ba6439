"""Embeddings of prepared inputs: many in one pass, trunks when needed, nothing encoded twice."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sensebind.errors import ConfigurationError, InputError
from sensebind.perception.imagebind import checkpoint
from sensebind.perception.imagebind.config import ImageBindConfig
from sensebind.perception.imagebind.guard import KNOWN, Guard
from sensebind.perception.imagebind.model import ImageBind
from sensebind.perception.imagebind.placement import Placement

_AXES = {"vision": 3, "text": 1, "audio": 3, "depth": 3, "thermal": 3, "imu": 2, "point": 2}
_CLIP_AXES = {"vision": 4, "audio": 3}  # of one clip, where an input can have several


@dataclass(frozen=True, slots=True)
class Encoded:
    """What the model says of one input.

    Attributes:
        final: [D] float32: unit length times the modality's logit scale, averaged over clips.
        prenorm: [D] float32: the head's output, averaged over clips; pictures are made of it.
        confidence: That the weights know such an input, 0..1, of the clip that is known least; 1
            where the checkpoint has no guard.
    """

    final: np.ndarray
    prenorm: np.ndarray
    confidence: float = 1.0

    @property
    def known(self) -> bool:
        """Whether it is of a kind that the weights were trained with."""
        return self.confidence >= KNOWN


@dataclass(slots=True)
class EncoderCounts:
    """What an encoder has done.

    Attributes:
        encoded: Clips that went through a trunk.
        remembered: Clips that were known already, or equal to another of the same call.
        forgotten: Clips that were dropped to stay within the limit.
    """

    encoded: int = 0
    remembered: int = 0
    forgotten: int = 0


class Encoder:
    """One ImageBind checkpoint, each trunk loaded at its first use. Thread-safe.

    A video is fifteen crops and a sound three clips. Those that are equal to the bit (crops of a
    square video, clips of a short sound, anything seen before) are encoded once.

    Attributes:
        counts: What it has done since it was made.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        device: str = "cpu",
        precision: str = "float32",
        remember: int = 1024,
        batch: int = 32,
    ) -> None:
        """Prepares; nothing is loaded yet.

        Args:
            path: As `ImageBind.from_pretrained` takes it.
            device: Where the trunks compute.
            precision: In which numbers; see `Placement`.
            remember: Clips whose embeddings are kept; 0 keeps none.
            batch: Most clips in one pass.

        Raises:
            ConfigurationError: A negative `remember`, no `batch`, or no such `Placement`.
        """
        if remember < 0 or batch < 1:
            raise ConfigurationError(
                f"an encoder remembers ≥ 0 clips, not {remember}, and passes ≥ 1, not {batch}"
            )
        self._placement = Placement(device, precision)
        self._path = Path(path)
        self._remember = remember
        self._batch = batch
        self._trunks: dict[str, ImageBind] = {}
        self._guards: dict[str, Guard | None] = {}
        self._known: OrderedDict[bytes, Encoded] = OrderedDict()
        self._lock = threading.Lock()
        self.counts = EncoderCounts()

    @cached_property
    def digest(self) -> str:
        """Names the weights, as in percept headers; no trunk is loaded for it.

        Raises:
            CheckpointError: Missing or damaged files.
        """
        return checkpoint.fingerprint(self._path, checkpoint.read_config(self._path))

    def load(self, modalities: Iterable[str]) -> None:
        """Loads trunks at once instead of at their first use.

        Raises:
            CheckpointError: Missing or damaged files.
            ConfigurationError: The checkpoint has no such trunk.
        """
        with self._lock:
            for modality in modalities:
                self._trunk(modality)

    def config(self, modality: str) -> ImageBindConfig:
        """Sizes of the trunk of a modality, which is loaded for it."""
        with self._lock:
            return self._trunk(modality).config

    def encode(self, modality: str, inputs: Sequence[Tensor]) -> list[Encoded]:
        """Encodes inputs of one modality, whatever their numbers of clips, in as few passes as can.

        Args:
            modality: ImageBind's name of it.
            inputs: Each as `ImageBindProcessor` prepares it, without a batch axis: [3,H,W] or
                [S,3,2,H,W] for vision, [S,1,mel,T] for audio, [L] for text, and so on.

        Raises:
            InputError: A shape that the trunk cannot take.
            CheckpointError: Missing or damaged files.
            ConfigurationError: The checkpoint has no such trunk.
        """
        clips = [_clips(modality, x) for x in inputs]
        names = [[_digest(modality, clip) for clip in some] for some in clips]
        distinct = {
            name: clip
            for some in zip(names, clips, strict=True)
            for name, clip in zip(*some, strict=True)
        }
        with self._lock:
            before = self.counts.encoded
            found = self._encoded(modality, distinct)
            self.counts.remembered += sum(map(len, names)) - (self.counts.encoded - before)
        return [_mean([found[name] for name in some]) for some in names]

    def _encoded(self, modality: str, clips: dict[bytes, Tensor]) -> dict[bytes, Encoded]:
        """Each clip's embedding by digest: remembered, or computed in batches of one shape."""
        found: dict[bytes, Encoded] = {}
        shapes: dict[torch.Size, list[bytes]] = {}
        for name, clip in clips.items():
            if name in self._known:
                self._known.move_to_end(name)
                found[name] = self._known[name]
            else:
                shapes.setdefault(clip.shape, []).append(name)
        for names in shapes.values():
            for start in range(0, len(names), self._batch):
                some = names[start : start + self._batch]
                found |= self._pass(modality, some, torch.stack([clips[n] for n in some]))
        return found

    @torch.inference_mode()
    def _pass(self, modality: str, names: list[bytes], x: Tensor) -> dict[bytes, Encoded]:
        """One pass through the trunk; x: [B,...]."""
        model = self._trunk(modality)
        if x.ndim == 5:
            x = x.unsqueeze(1)  # the model reads five axes as several clips: say that it is one
        guard = self._guards[modality]
        with nullcontext() if guard is None else guard.watching():
            outputs = model.encode_with_prenorm(modality, self._placement.inputs(x))
        final, prenorm = (out.float().cpu().numpy() for out in outputs)
        sure = [1.0] * len(names)
        if guard is not None:
            sure = [guard.settings.confidence(float(one)) for one in guard.judge()]
        new = {
            name: Encoded(final[i].copy(), prenorm[i].copy(), sure[i])
            for i, name in enumerate(names)
        }
        self.counts.encoded += len(new)
        self._known |= new
        while len(self._known) > self._remember:
            self._known.popitem(last=False)
            self.counts.forgotten += 1
        return new

    def _trunk(self, modality: str) -> ImageBind:
        if modality not in self._trunks:
            model = self._placement.load(self._path, modality)
            self._guards[modality] = Guard.load(self._path, model, modality)
            self._trunks[modality] = model
        return self._trunks[modality]


def _clips(modality: str, x: Tensor) -> list[Tensor]:
    """An input as its clips; most have one."""
    axes = _CLIP_AXES.get(modality)
    if axes is not None and x.ndim == axes + 1 and len(x):
        return list(x)
    if modality in _AXES and x.ndim not in (_AXES[modality], axes):
        raise InputError(f"{modality} input {list(x.shape)} does not fit: is there a batch axis?")
    return [x]


def _digest(modality: str, clip: Tensor) -> bytes:
    content = clip.detach().cpu().contiguous()
    whole = hashlib.blake2b(f"{modality}{clip.dtype}{list(clip.shape)}".encode(), digest_size=20)
    whole.update(content.view(-1).view(torch.uint8).numpy().data)
    return whole.digest()


def _mean(clips: list[Encoded]) -> Encoded:
    """The average over clips, of the final embeddings without normalising again."""
    if len(clips) == 1:
        return clips[0]
    return Encoded(
        np.mean([clip.final for clip in clips], axis=0),
        np.mean([clip.prenorm for clip in clips], axis=0),
        min(clip.confidence for clip in clips),
    )
