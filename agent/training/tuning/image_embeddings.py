"""Embeddings of a user's images, computed once and kept on disk."""

from __future__ import annotations

import hashlib
import logging
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from sensebind.agent.training.tuning.pairs import Picture, bytes_of
from sensebind.agent.training.tuning.whole_files import write_whole
from sensebind.checkpoints.layout import imagebind_directory
from sensebind.errors import InputError
from sensebind.perception.imagebind import Encoder, ImageBindProcessor
from sensebind.perception.imagebind.preprocess.image import decode_image, image_tensor
from sensebind.perception.vectors import unit

log = logging.getLogger(__name__)

AT_ONCE = 32  # images in one pass
KEPT_EVERY = 512  # images, after which what is done is written
_ZERO = "zero"


class ImageEmbeddings:
    """Embeds images with an adapter's encoder; what was embedded before is read back.

    Attributes:
        width: D of the embeddings.
    """

    def __init__(self, adapter: Path, file: Path) -> None:
        """Open the encoder, and what is kept.

        Args:
            adapter: Checkpoint that names the encoder.
            file: Where embeddings are kept.

        Raises:
            CheckpointError: The encoder is missing or damaged.
        """
        directory = imagebind_directory(adapter)
        self._processor = ImageBindProcessor.from_pretrained(directory)
        self._encoder = Encoder(directory, remember=0)
        self._file = file
        self._made_of = f"{self._encoder.digest} {self._processor.settings.image}"
        self._known = self._read()

    def of(self, pictures: Sequence[Picture]) -> Tensor:
        """Embeds images.

        Args:
            pictures: Which ones.

        Returns:
            Unit vectors [N, D].

        Raises:
            InputError: One cannot be read; names it.
            StorageError: The file cannot be written.
        """
        names = [_name(picture) for picture in pictures]
        missing = {n: p for n, p in zip(names, pictures, strict=True) if n not in self._known}
        opened: dict[Path, tarfile.TarFile] = {}
        begun = time.monotonic()
        try:
            pairs = list(missing.items())
            for begin in range(0, len(pairs), AT_ONCE):
                some = pairs[begin : begin + AT_ONCE]
                self._encode([n for n, _ in some], [self._pixels(p, opened) for _, p in some])
                done = begin + len(some)
                if done % KEPT_EVERY < AT_ONCE or done == len(pairs):
                    self._keep()
                    left = (time.monotonic() - begun) / done * (len(pairs) - done)
                    log.info("images encoded: %d of %d, %.0f s left", done, len(pairs), left)
        finally:
            for archive in opened.values():
                archive.close()
        return torch.stack([self._known[name] for name in names])

    def of_nothing(self) -> Tensor:
        """The embedding [D] of the all-zero image that official text-only samples come with."""
        if _ZERO not in self._known:
            side = self._processor.settings.image.size
            self._encode([_ZERO], [torch.zeros(3, side, side)])
            self._keep()
        return self._known[_ZERO]

    def _pixels(self, picture: Picture, opened: dict[Path, tarfile.TarFile]) -> Tensor:
        source = bytes_of(picture, opened)
        if isinstance(source, Path):
            return self._processor.image(source)
        s = self._processor.settings.image
        pixels = decode_image(source, f"image {picture}", range=s.range)
        return image_tensor(pixels, s.size, s.mean, s.std)

    def _encode(self, names: Sequence[str], pixels: Sequence[Tensor]) -> None:
        for name, encoded in zip(names, self._encoder.encode("vision", pixels), strict=True):
            self._known[name] = torch.from_numpy(unit(encoded.final)).float()

    def _read(self) -> dict[str, Tensor]:
        if not self._file.is_file():
            return {}
        try:
            with safe_open(self._file, framework="pt") as kept:
                about = kept.metadata() or {}
                if about.get("made_of") != self._made_of:
                    return {}
                rows = kept.get_tensor("image").unbind(0)
                return dict(zip(about["names"].split(), rows, strict=True))
        except (OSError, SafetensorError, ValueError, KeyError) as error:
            log.warning("%s cannot be read (%s): images are encoded again", self._file, error)
            return {}

    def _keep(self) -> None:
        about = {"made_of": self._made_of, "names": " ".join(self._known)}
        whole = torch.stack(list(self._known.values()))
        write_whole(self._file, lambda part: save_file({"image": whole}, part, about))


def _name(picture: Picture) -> str:
    """Changes when the file does."""
    try:
        stat = picture.path.stat()
    except OSError as error:
        raise InputError(f"no image at {picture}: {error.strerror}") from error
    what = f"{picture.path.resolve()}\n{picture.member}\n{stat.st_size} {stat.st_mtime_ns}"
    return hashlib.blake2b(what.encode(), digest_size=16).hexdigest()
