"""The compressed form in which an observation travels with its percept and is kept on disk.

A picture becomes a JPEG, sound a FLAC of 16 bits, a point cloud its float32 bytes, deflated. Only
the picture loses anything that a sensor gave.
"""

from __future__ import annotations

import io
import zlib

import cv2
import numpy as np
import soundfile

from sensebind.errors import InputError, one_line
from sensebind.perception.modality import MODALITY_INFO, Modality
from sensebind.perception.percept import Observation

JPEG = "image/jpeg"
FLAC = "audio/flac"
POINTS = "application/x-sensebind-points"
MAX_PIXELS = 64_000_000
MAX_SAMPLES = 50_000_000
MAX_POINTS = 4_000_000

MEDIA = {Modality(one.name): one.media for one in MODALITY_INFO.values() if one.media}
"""Media type of the payload of each sense."""


def compress(observation: Observation, quality: int = 90) -> bytes:
    """Return the compressed form of an observation; `MEDIA` says which form that is.

    Args:
        observation: A picture, a sound or a point cloud.
        quality: Of a JPEG, 1 to 100.

    Raises:
        InputError: It is malformed, or of a modality that has no compressed form.
    """
    match observation.modality:
        case Modality.VISION:
            return jpeg(observation.data, quality)
        case Modality.AUDIO:
            return flac(observation.data, observation.rate)
        case Modality.POINT:
            return deflate_points(observation.data)
    raise InputError(f"an observation of {observation.modality.value} has no compressed form")


def decompress(payload: bytes, media: str) -> np.ndarray:
    """Turn a payload back into a sample, trusting nothing about it.

    Returns:
        uint8 [H, W, 3] RGB, float32 [samples], or float32 [N, 3] metres.

    Raises:
        InputError: It is damaged, too large, or of an unknown media type.
    """
    match media:
        case "image/jpeg":
            return from_jpeg(payload)
        case "audio/flac":
            return from_flac(payload)[0]
        case "application/x-sensebind-points":
            return inflate_points(payload)
    raise InputError(f"unknown media type {media!r}")


def jpeg(image: np.ndarray, quality: int = 90) -> bytes:
    """Compress a picture, uint8 [H, W, 3] RGB.

    Raises:
        InputError: It is not such a picture.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise InputError(f"not a picture: {image.dtype} {list(image.shape)}")
    done, encoded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise InputError(f"a picture of {list(image.shape)} could not be compressed")
    return encoded.tobytes()


def from_jpeg(payload: bytes) -> np.ndarray:
    """Return the picture in a payload, uint8 [H, W, 3] RGB.

    Raises:
        InputError: It is not a JPEG picture.
    """
    try:
        image = cv2.imdecode(np.frombuffer(payload, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise InputError(f"payload is not a picture: {one_line(error)}") from error
    if image is None:
        raise InputError(f"payload of {len(payload)} bytes is not a picture")
    return np.ascontiguousarray(image[..., ::-1])


def flac(samples: np.ndarray, rate: int) -> bytes:
    """Compress sound, float32 [samples] in -1..1 at `rate` Hz; what is louder is clipped.

    Raises:
        InputError: It is not such a sound.
    """
    if samples.ndim != 1 or not samples.size or not np.isfinite(samples).all():
        raise InputError(f"not a sound: {samples.dtype} {list(samples.shape)}, or not finite")
    out = io.BytesIO()
    try:
        soundfile.write(out, np.clip(samples, -1.0, 1.0), rate, format="FLAC", subtype="PCM_16")
    except (soundfile.LibsndfileError, ValueError, TypeError) as error:
        raise InputError(f"sound at {rate} Hz cannot be compressed: {error}") from error
    return out.getvalue()


def from_flac(payload: bytes) -> tuple[np.ndarray, int]:
    """Return sound as float32 [samples] and its rate in Hz.

    Raises:
        InputError: It is not a FLAC of one channel, or too long.
    """
    try:
        with soundfile.SoundFile(io.BytesIO(payload)) as file:
            if file.format != "FLAC" or file.channels != 1 or file.frames > MAX_SAMPLES:
                raise InputError(
                    f"payload is {file.format}, {file.channels} channels, {file.frames} samples"
                )
            return file.read(dtype="float32"), file.samplerate
    except (soundfile.LibsndfileError, ValueError) as error:
        raise InputError(f"payload of {len(payload)} bytes is not a sound: {error}") from error


def deflate_points(points: np.ndarray) -> bytes:
    """Compress a cloud, float32 [N, 3], without loss.

    Bytes of equal weight are put side by side first: those of sign and exponent hardly
    differ between the points of a sweep.

    Raises:
        InputError: It is not such a cloud.
    """
    if points.ndim != 2 or points.shape[1] != 3 or len(points) > MAX_POINTS:
        raise InputError(f"not a point cloud: {points.dtype} {list(points.shape)}")
    raw = np.ascontiguousarray(points, "<f4").reshape(-1).view(np.uint8)  # [12N]
    return zlib.compress(raw.reshape(-1, 4).T.tobytes(), level=1)


def inflate_points(payload: bytes) -> np.ndarray:
    """Return the cloud in a payload, float32 [N, 3].

    Raises:
        InputError: It is damaged or too large.
    """
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(payload, 12 * MAX_POINTS + 1)
    except zlib.error as error:
        raise InputError(f"payload of {len(payload)} bytes is not a cloud: {error}") from error
    if len(raw) % 12 or len(raw) > 12 * MAX_POINTS or not inflater.eof:
        raise InputError(f"payload of {len(payload)} bytes is not a whole point cloud")
    planes = np.frombuffer(raw, np.uint8).reshape(4, -1)
    return np.ascontiguousarray(planes.T).view("<f4").reshape(-1, 3).astype(np.float32)
