"""From files and arrays to the tensors of one checkpoint; all numbers come from its settings."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from sensebind.errors import CheckpointError, ConfigurationError, InputError, StorageError, one_line
from sensebind.perception.checkpoint_json import LARGEST, read_object
from sensebind.perception.imagebind.preprocess import audio as sound
from sensebind.perception.imagebind.preprocess import image as picture
from sensebind.perception.imagebind.preprocess import planes, points
from sensebind.perception.imagebind.preprocess.point_files import read_points
from sensebind.perception.imagebind.preprocess.text import Overflow, Tokenizer, read_merges
from sensebind.perception.pixels import Range

SETTINGS_NAME = "preprocessor_config.json"
Data = np.ndarray | str | Path


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Size = Annotated[int, Field(gt=0, le=4096)]
"""Side of a picture, bins or frames of a spectrum."""
Count = Annotated[int, Field(gt=0, le=1024)]
"""Clips of a file."""
Many = Annotated[int, Field(gt=0, le=LARGEST)]
"""Points, samples, tokens."""
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Triple = tuple[Finite, Finite, Finite]
Spread = tuple[Positive, Positive, Positive]


def _plain_name(name: str) -> str:
    if name in ("", ".", "..") or Path(name).name != name or "\\" in name:
        raise ValueError(f"{name[:80]!r} is not a file of the checkpoint's own folder")
    return name


class ImageSettings(_Settings):
    """How pictures and frames become a normalised square.

    Attributes:
        size: Side of the square, pixels.
        mean: Subtracted per RGB channel, in 0..1.
        std: Divided by, per RGB channel, in 0..1.
        range: How files of more than 8 bits become brightness, see `pixels.to_uint8`.
    """

    size: Size = 224
    mean: Triple = (0.48145466, 0.4578275, 0.40821073)
    std: Spread = (0.26862954, 0.26130258, 0.27577711)
    range: Range = "declared"


class VideoSettings(_Settings):
    """What is taken from a video.

    Attributes:
        clips: Clips per video, evenly spread; each gives three crops.
        seconds: Length of a clip.
    """

    clips: Count = 5
    seconds: Seconds = 2.0


class AudioSettings(_Settings):
    """How sound becomes mel clips, and what of it counts.

    Attributes:
        rate: Sound is resampled to so many Hz.
        clips: Clips of a recording, evenly spread.
        seconds: Length of a clip.
        mel_bins: Mel bands of a clip.
        mel_frames: Time frames of a clip; shorter ones are filled with zeros, longer ones cut.
        mean: Subtracted from the log energies.
        std: Divided by.
        silence: Level in dB of full scale below which it is silence; None never calls anything
            silent.
        newest: Seconds at the end of a stream's window that count while there is something in
            them, see `ImageBindProcessor.newest`; None keeps the whole window.
    """

    rate: Annotated[int, Field(gt=0, le=768_000)] = 16000
    clips: Count = 3
    seconds: Seconds = 2.0
    mel_bins: Size = 128
    mel_frames: Size = 204
    mean: Finite = -4.268
    std: Positive = 9.138
    silence: Finite | None = None
    newest: Seconds | None = None


class PointSettings(_Settings):
    """How a point cloud becomes the points that the trunk takes.

    Attributes:
        normalisation: "none", "unit_sphere" or "metric", see `points.normalised`.
        count: Points per cloud: too many are drawn from, too few repeated; None takes them as
            they come.
        floor: Height of the floor in the cloud's own frame, metres, for "metric".
        seed: Of the draw, which is the same for the same cloud.
    """

    normalisation: points.Normalisation = "none"
    count: Many | None = None
    floor: Finite = 0.0
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0


class TextSettings(_Settings):
    """How a text becomes token ids.

    Attributes:
        merges: Name of the file of byte-pair merges, next to the settings.
        vocab_size: Number of token ids, start and end among them; None uses all merges.
        context_length: Ids of a text, start and end among them; shorter ones are filled with 0.
        overflow: Of longer texts: "keep_end" puts the end id last, "cut" leaves it out.
    """

    merges: Annotated[str, AfterValidator(_plain_name)] = "bpe_simple_vocab_16e6.txt.gz"
    vocab_size: Many | None = 49408
    context_length: Many = 77
    overflow: Overflow = "keep_end"


class PlaneSettings(_Settings):
    """How depth or thermal pictures become a normalised square.

    Attributes:
        size: Side of the square, pixels.
        mean: Subtracted from the disparity, or from the heat in 0..1.
        std: Divided by.
    """

    size: Size = 224
    mean: Finite = 0.0
    std: Positive = 1.0


class DepthSettings(PlaneSettings):
    """Statistics of disparity, and the disparity of what is one metre away.

    The statistics are those of Omnivore, from whose authors ImageBind comes; they belong to
    0.075 m * 529 px / (8 * 75), as docs/inputs.md explains.

    Attributes:
        mean: Subtracted from the disparity.
        std: Divided by.
        scale: Disparity of what is one metre away.
    """

    mean: Finite = 0.0418
    std: Positive = 0.0295
    scale: Positive = 0.0661


class ImuSettings(_Settings):
    """The form of inertial inputs [channels,length].

    Attributes:
        channels: Signals of accelerometer and gyroscope.
        length: Samples along time.
    """

    channels: Many = 6
    length: Many = 2000


class ProcessorSettings(_Settings):
    """Everything in preprocessor_config.json. The defaults are the published numbers.

    For depth, thermal and imu none were published; docs/inputs.md says where ours are from.

    Attributes:
        image: Of pictures, and of the frames of videos.
        video: Clips of a video.
        audio: Of sound.
        point: Of point clouds.
        text: Of texts.
        depth: Of depth pictures.
        thermal: Of thermal pictures.
        imu: Of inertial measurements.
    """

    image: ImageSettings = ImageSettings()
    video: VideoSettings = VideoSettings()
    audio: AudioSettings = AudioSettings()
    point: PointSettings = PointSettings()
    text: TextSettings = TextSettings()
    depth: DepthSettings = DepthSettings()
    thermal: PlaneSettings = PlaneSettings()
    imu: ImuSettings = ImuSettings()


class ImageBindProcessor:
    """Prepares single inputs; stack the results for a batch.

    Args:
        settings: Numbers; published ones by default.
        directory: Where the merges file of the tokenizer lies; needed for text alone.

    Attributes:
        settings: The numbers that everything is prepared with.
    """

    def __init__(
        self, settings: ProcessorSettings | None = None, directory: str | Path | None = None
    ) -> None:
        self.settings = settings or ProcessorSettings()
        self._directory = None if directory is None else Path(directory)
        self._tokenizer: Tokenizer | None = None

    @classmethod
    def from_pretrained(cls, path: str | Path) -> ImageBindProcessor:
        """Reads preprocessor_config.json of a checkpoint directory.

        For a single weights file the published numbers apply, and its directory is searched for
        the merges file.

        Raises:
            CheckpointError: The settings are missing or cannot be read.
            ConfigurationError: They are not settings of an ImageBind.
        """
        path = Path(path)
        if path.is_file():
            return cls(directory=path.parent)
        file = path / SETTINGS_NAME
        try:
            body = read_object(file)
        except FileNotFoundError as error:
            raise CheckpointError(f"cannot read {file}: {error}") from error
        body.pop("processor_class", None)
        try:
            return cls(ProcessorSettings.model_validate(body), path)
        except ValidationError as error:
            raise ConfigurationError(f"{file} does not fit: {one_line(error)}") from error

    def save_pretrained(self, path: str | Path) -> None:
        """Writes preprocessor_config.json and a copy of the merges file, if there is one.

        Raises:
            StorageError: The directory or a file cannot be written.
        """
        path = Path(path)
        body = {"processor_class": type(self).__name__} | self.settings.model_dump(mode="json")
        try:
            path.mkdir(parents=True, exist_ok=True)
            (path / SETTINGS_NAME).write_text(json.dumps(body, indent=2) + "\n", "utf-8")
            merges = self._merges_file()
            if merges and merges.is_file() and merges.parent.resolve() != path.resolve():
                (path / merges.name).write_bytes(merges.read_bytes())
        except OSError as error:
            raise StorageError(f"cannot write the settings in {path}: {error}") from error

    def image(self, image: Data) -> Tensor:
        """A picture, uint8 [H,W,3] RGB or a file, as [3,size,size].

        Raises:
            InputError: Not a picture.
        """
        s = self.settings.image
        given = isinstance(image, np.ndarray)
        array = image if given else picture.read_image(image, range=s.range)
        return picture.image_tensor(array, s.size, s.mean, s.std)

    def video(self, frames: Data, rate: float | None = None) -> Tensor:
        """A video, uint8 [T,H,W,3] RGB with its frame rate or a file, as [clips*3,3,2,size,size].

        Raises:
            InputError: Not a video, or no rate for an array.
        """
        from sensebind.perception.imagebind.preprocess import video  # with FFmpeg's libraries

        s, v = self.settings.image, self.settings.video
        if not isinstance(frames, np.ndarray):
            pairs = video.read_clips(frames, clips=v.clips, seconds=v.seconds)
        elif rate is None:
            raise InputError("frames in an array need their rate in frames per second")
        else:
            pairs = video.pick_clips(frames, rate, clips=v.clips, seconds=v.seconds)
        return torch.cat([video.clip_crops(a, b, s.size, s.mean, s.std) for a, b in pairs])

    def audio(self, samples: Data, rate: int | None = None) -> Tensor:
        """Sound, [samples] or [channels,samples] with its rate or a file, as [S,1,mel,T].

        Several channels become one as `perception.downmix` says.

        Raises:
            InputError: Not sound, shorter than 25 ms, not finite, or no rate for an array.
        """
        if not isinstance(samples, np.ndarray):
            from sensebind.perception.imagebind.preprocess.audio_files import read_audio  # + FFmpeg

            samples, rate = read_audio(samples)
        elif rate is None:
            raise InputError("samples in an array need their sample rate in Hz")
        s = self.settings.audio
        wave = sound.resample(sound.mono(samples, rate), rate, s.rate)
        return sound.mel_clips(
            wave,
            rate=s.rate,
            clips=s.clips,
            seconds=s.seconds,
            bins=s.mel_bins,
            frames=s.mel_frames,
            mean=s.mean,
            std=s.std,
        )

    def silent(self, samples: np.ndarray) -> bool:
        """Whether sound in -1..1 is quieter than the checkpoint's silence level."""
        silence = self.settings.audio.silence
        return silence is not None and sound.level(samples) < silence

    def newest(self, samples: np.ndarray, rate: int) -> np.ndarray:
        """The end of a stream's window, over and over: what is heard now, not what was before.

        Args:
            samples: [..., samples] in -1..1.
            rate: Hz.

        Returns:
            As many samples. Where the end is silent (between two rings of a phone), or the
            checkpoint sets no `newest`, they are those that were given.
        """
        seconds, count = self.settings.audio.newest, samples.shape[-1]
        if seconds is None or count <= seconds * rate:
            return samples
        end = samples[..., -round(seconds * rate) :]
        if self.silent(end):
            return samples
        return np.tile(end, math.ceil(count / end.shape[-1]))[..., -count:]

    def points(self, cloud: Data, floor: float | None = None) -> Tensor:
        """A point cloud, [N,3 or more] or a file, as float32 [count,3].

        Args:
            cloud: Metres where the normalisation is "metric", any unit otherwise.
            floor: Height of the floor in the cloud's frame; None takes that of the settings.

        Raises:
            InputError: Not a point cloud, empty, or not finite.
        """
        # A model with NaN is damaged, and said to be; lidar sources leave such points out.
        array = cloud if isinstance(cloud, np.ndarray) else read_points(cloud, keep_nan=True)
        s = self.settings.point
        height = s.floor if floor is None else floor
        array = points.normalised(points.cloud(array), s.normalisation, height)
        return torch.from_numpy(points.resampled(array, s.count, s.seed).astype(np.float32))

    def text(self, texts: Sequence[str]) -> Tensor:
        """Texts as token ids [B,context_length].

        Raises:
            InputError: No text, or no merges file where the settings say.
        """
        return self.tokenizer(list(texts) if not isinstance(texts, str) else [texts])

    def depth(self, depth: Data) -> Tensor:
        """A depth picture, [H,W] or a file, as [1,size,size].

        Args:
            depth: Metres as floats or millimetres as uint16, where 0, NaN and infinity mean
                unknown; or floats [1,size,size], which somebody has prepared.

        Raises:
            InputError: Another shape or type, or no depth is known anywhere.
        """
        array = (
            depth
            if isinstance(depth, np.ndarray)
            else planes.read_plane(depth, "depth", transparent=0, colours=False)
        )
        s = self.settings.depth
        if array.ndim == 3:
            return planes.prepared_tensor(array, (1, s.size, s.size), "prepared depth")
        return planes.plane_tensor(planes.disparity(array, s.scale), s.size, s.mean, s.std)

    def thermal(self, plane: Data) -> Tensor:
        """A thermal picture, [H,W] or a file, as [1,size,size].

        Args:
            plane: uint8, uint16 or floats in 0..1, see `preprocess.planes.heat`; or floats
                [1,size,size], which somebody has prepared.

        Raises:
            InputError: Another shape or type, or not finite.
        """
        array = plane if isinstance(plane, np.ndarray) else planes.read_plane(plane, "thermal")
        s = self.settings.thermal
        if array.ndim == 3:
            return planes.prepared_tensor(array, (1, s.size, s.size), "prepared heat")
        return planes.plane_tensor(planes.heat(array), s.size, s.mean, s.std)

    def imu(self, samples: Data) -> Tensor:
        """Inertial samples, [channels,length] or a file (.npy or .csv), as they are.

        The other way round, [length,channels], is understood, too.

        Raises:
            InputError: Another shape or type, or not finite.
        """
        array = samples if isinstance(samples, np.ndarray) else planes.read_numbers(samples, "imu")
        s = self.settings.imu
        if array.shape == (s.length, s.channels):
            array = array.T
        return planes.prepared_tensor(array, (s.channels, s.length), "imu")

    @property
    def tokenizer(self) -> Tokenizer:
        """The text tokenizer, read at first use.

        Raises:
            InputError: No merges file where the settings say.
        """
        if self._tokenizer is None:
            file, s = self._merges_file(), self.settings.text
            if file is None:
                raise InputError("this processor has no directory with a merges file for text")
            limit = None if s.vocab_size is None else s.vocab_size - 514
            self._tokenizer = Tokenizer(read_merges(file, limit), s.context_length, s.overflow)
        return self._tokenizer

    def _merges_file(self) -> Path | None:
        return None if self._directory is None else self._directory / self.settings.text.merges
