"""Media of messages in the form that language models of other providers take.

An image becomes one of LangChain's standard blocks (`image` with `base64` and `mime_type`), which
each provider's package translates to its own form; a sound becomes an `audio` block, a video a few
images. What a model does not take is described in words: the best tags in ImageBind's joint space,
with scores. Files are decoded by the readers that the encoders use, so that a photo is upright here
as it is there, and written again: nothing of a file but its pixels or samples leaves this machine.
"""

from __future__ import annotations

import base64
import io
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image

from sensebind.agent.conditioning.media import Medium, as_file
from sensebind.agent.conditioning.media_encoder import Frames, MediaEncoder
from sensebind.agent.conditioning.tagging import Tagger, in_words, vocabulary
from sensebind.checkpoints import default_checkpoint
from sensebind.errors import InputError
from sensebind.perception.frames.codecs import from_jpeg
from sensebind.perception.frames.store import Frame
from sensebind.perception.imagebind.preprocess.audio import mono, resample
from sensebind.perception.imagebind.preprocess.audio_files import read_audio
from sensebind.perception.imagebind.preprocess.image import decode_image, read_image
from sensebind.perception.imagebind.preprocess.video_files import read_clips
from sensebind.perception.modality import modality_info

MAX_PIXELS = 1_500_000
"""Of an image that is sent; a larger one is scaled down."""
FRAME_PIXELS = 400_000
"""Of a frame of a video."""
VIDEO_FRAMES = 4
"""Frames that stand for a video, spread evenly over it."""
MAX_SECONDS = 60.0
"""Of a sound that is sent; what follows is left out, and the model is informed."""
_RATE = 16_000  # Hz, what speech models work at; sounds are recognised without bands above 8 kHz
_QUALITY = 85
_CACHED = 16  # media whose blocks are kept: one turn calls the model several times

Block = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """A medium as a language model gets it.

    Attributes:
        words: What it is, and what is in it where no block says that.
        blocks: Standard content blocks, images and sounds; none where words are all there is.
    """

    words: str
    blocks: tuple[Block, ...] = ()


class MediaForModel:
    """Prepares media for one language model. Thread-safe.

    Attributes:
        images: Whether the model takes images.
        audio: Whether the model takes sound.
    """

    def __init__(
        self,
        *,
        images: bool = False,
        audio: bool = False,
        checkpoint: Path | None = None,
        tagger: Tagger | None = None,
        frames: Frames | None = None,
    ) -> None:
        """Load nothing yet.

        Args:
            images: Whether the model takes images.
            audio: Whether the model takes sound.
            checkpoint: Whose encoders describe what the model does not take; the embedded one by
                default.
            tagger: Names embeddings; by default one with the vocabulary of the checkpoint.
            frames: Where `frame:<stream>@<ns>` is looked up.
        """
        self.images = images
        self.audio = audio
        self._given = checkpoint
        self._tagger = tagger
        self._frames = frames
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Shown] = OrderedDict()

    def show(self, medium: Medium) -> Shown:
        """Return a medium as the language model takes it.

        Raises:
            InputError: It cannot be read, or its frame is not kept (any more).
        """
        with self._lock:
            shown = self._kept.get(medium.digest) or self._shown(medium)
            self._kept[medium.digest] = shown
            self._kept.move_to_end(medium.digest)
            while len(self._kept) > _CACHED:
                self._kept.popitem(last=False)
        return shown

    def frame(self, reference: str) -> Shown:
        """Return a kept frame as `show` does.

        Raises:
            InputError: It is not kept (any more).
        """
        return self.show(Medium("", reference, "", False, 1.0, f"frame|{reference}"))

    def _shown(self, medium: Medium) -> Shown:
        name = name_of(medium)
        frame = self._frame(medium.data) if isinstance(medium.data, str) else None
        modality = medium.modality if frame is None else frame.modality.value
        if not medium.embedded:
            if self.images and modality == "vision":
                return Shown(name, (image_block(_pixels(medium, frame)),))
            if self.images and modality == "video":
                return _video(medium, name)
            if self.audio and modality == "audio":
                return _sound(medium, frame, name)
        modality, perceived = self._encoders.perceive(medium)
        if perceived is None:  # silence, an empty room
            return Shown(f"{name}: nothing can be perceived in it")
        if not perceived.known:
            return Shown(f"{name}: something that the encoder does not know")
        return Shown(f"{name}: {in_words(self._names.tags(perceived.embedding))}")

    def _frame(self, reference: str) -> Frame:
        if self._frames is None:
            raise InputError(f"{reference}: there is no frame store to look it up in")
        return self._frames.get(reference)

    @property
    def _checkpoint(self) -> Path:
        return self._given or default_checkpoint()

    @cached_property
    def _encoders(self) -> MediaEncoder:
        return MediaEncoder(self._checkpoint, frames=self._frames)

    @cached_property
    def _names(self) -> Tagger:
        return self._tagger or Tagger(self._checkpoint, vocabulary(self._checkpoint))


def name_of(medium: Medium) -> str:
    """Return what a medium is called in words, such as "image kitchen.jpg"; reads nothing."""
    what = modality_info(medium.modality).noun or medium.modality
    if isinstance(medium.data, Path):
        return f"{what} {medium.data.name}"
    if isinstance(medium.data, str):
        return medium.data  # frame:<stream>@<ns>
    return f"embedding ({what})" if medium.embedded else what


def image_block(pixels: np.ndarray, most: int = MAX_PIXELS) -> Block:
    """Return an image as a standard content block that holds a JPEG.

    Args:
        pixels: uint8 [H, W, 3], RGB, upright.
        most: Pixels; a larger image is scaled down, its proportions kept.
    """
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if (scale := (most / (image.width * image.height)) ** 0.5) < 1:
        size = (max(1, int(image.width * scale)), max(1, int(image.height * scale)))
        image = image.resize(size, Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_QUALITY)
    return _block("image", "image/jpeg", file.getvalue())


def jpeg_block(jpeg: bytes) -> Block:
    """Return the JPEG of a camera's frame as a standard content block of bounded size."""
    with Image.open(io.BytesIO(jpeg)) as image:
        small = image.width * image.height <= MAX_PIXELS
    return _block("image", "image/jpeg", jpeg) if small else image_block(from_jpeg(jpeg))


def sound_block(samples: np.ndarray, rate: int) -> tuple[Block, float]:
    """Return a sound as a standard content block that holds a WAV of one channel at 16 kHz.

    Args:
        samples: float32 [samples] or [channels, samples] in -1..1.
        rate: Sample rate, Hz.

    Returns:
        The block, and the seconds at the end that are left out because it is too long.

    Raises:
        InputError: The samples are not a sound.
    """
    wave = mono(samples, rate)
    most = int(MAX_SECONDS * rate)
    left_out = max(0.0, wave.shape[1] / rate - MAX_SECONDS)
    wave = resample(wave[:, :most], rate, _RATE)
    file = io.BytesIO()
    soundfile.write(file, wave[0].clamp(-1, 1).numpy(), _RATE, format="WAV", subtype="PCM_16")
    return _block("audio", "audio/wav", file.getvalue()), left_out


def _block(kind: str, media_type: str, data: bytes) -> Block:
    return {"type": kind, "base64": base64.b64encode(data).decode(), "mime_type": media_type}


def _pixels(medium: Medium, frame: Frame | None) -> np.ndarray:
    if frame is not None:
        return frame.decode()
    match medium.data:
        case Path():
            return read_image(medium.data)
        case bytes():
            return decode_image(io.BytesIO(medium.data), "the image")
    raise InputError("an image is given as a file, as base64 or by the reference of a frame")


def _video(medium: Medium, name: str) -> Shown:
    with _as_file(medium) as path:
        clips = read_clips(path, clips=VIDEO_FRAMES, seconds=0.1)
    blocks = tuple(image_block(first, FRAME_PIXELS) for first, _ in clips)
    return Shown(f"{len(blocks)} frames of the {name}, from its beginning to its end", blocks)


def _sound(medium: Medium, frame: Frame | None, name: str) -> Shown:
    if frame is not None:
        samples, rate = frame.decode(), frame.rate
    else:
        with _as_file(medium) as path:
            samples, rate = read_audio(path)
    block, left_out = sound_block(samples, rate)
    cut = f", without its last {left_out:.0f} s" if left_out else ""
    return Shown(f"{name}{cut}", (block,))


@contextmanager
def _as_file(medium: Medium) -> Iterator[Path]:
    """Give the path of a medium: of a temporary file where it holds its bytes itself."""
    if isinstance(medium.data, Path):
        yield medium.data
        return
    if not isinstance(medium.data, bytes):
        raise InputError(f"a {medium.modality} is given as a file, or as base64")
    with as_file(medium.data, medium.suffix) as file:
        yield file


def takes_images(profile: Mapping[str, Any] | None) -> bool:
    """Whether a language model says of itself that it takes images."""
    return bool((profile or {}).get("image_inputs"))
