"""Video files: their pictures as a player shows them, and when each of them is on the screen."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.codec.codec import UnknownCodecError
from av.codec.context import CodecContext
from av.container import InputContainer
from av.error import FFmpegError, InvalidDataError
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorTrc, VideoReformatter
from av.video.stream import VideoStream

from sensebind.errors import InputError, one_line
from sensebind.perception.imagebind.preprocess.clips import clip_times
from sensebind.perception.imagebind.preprocess.ffmpeg import LOCAL_ONLY, packets
from sensebind.perception.imagebind.preprocess.files import checked
from sensebind.perception.pixels import on_ground, upright

log = logging.getLogger(__name__)

MAX_BYTES = 64 << 30  # only the clips are decoded
STILL = Fraction(1, 4)
"""Seconds that a picture may stand into a clip before it counts as the clip's first.

The published loader takes the first picture that begins within the clip, which is the same up to
one picture at a steady rate, and all that the clip shows where a picture stands for seconds.
"""
UNTIMED = "has no times: its pictures are taken at 25 a second"
_END = 1 << 62  # a time stamp behind every other
_REORDERED = Fraction(2)  # seconds in which frames are stored in another order than shown
_FLATTEST = 4  # sides of a pixel; those of the formats in use lie between 0.8 and 2.2
_UNSOUGHT = frozenset({"mpeg"})
"""Containers in which frames have other time stamps after a jump than in order: in MPEG-PS not
every frame has one, and FFmpeg's guess of the others depends on where it begins."""
_FURTHER_BACK = (0, 2, 8, 32)  # seconds before a clip from which it is tried to decode it
_USUAL_RATE = Fraction(25)  # where a file says nothing, as FFmpeg assumes
_HDR = {int(ColorTrc.SMPTE2084): "PQ", int(ColorTrc.ARIB_STD_B67): "HLG"}  # of ITU-R BT.2100
"""FFmpeg 8.1 could map them (`dst_color_trc`), but takes 16 s of a busy core to make its table."""
_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # decoders that read their transparency
_ORIENTATIONS = {  # signs of a, d where a picture is not turned on its side, else of b, c
    False: {(1, 1): 1, (-1, 1): 2, (-1, -1): 3, (1, -1): 4},
    True: {(1, 1): 5, (1, -1): 6, (-1, -1): 7, (-1, 1): 8},
}

Pair = tuple[np.ndarray, np.ndarray]  # first and last frame of a clip, uint8 [H,W,3]


def read_clips(path: str | Path, *, clips: int, seconds: float) -> list[Pair]:
    """Decodes what is on the screen at the beginning and at the end of each clip of a video file.

    At a steady rate these are the first and the last frame with a time stamp in the clip. Where a
    picture stands still it is seen in every clip that it stands in. Frames are shown as `Screen`
    shows them.

    Returns:
        `clips` pairs of uint8 [H,W,3] RGB frames.

    Raises:
        InputError: Missing, empty, damaged, or without a picture in it.
    """
    file = checked(path, "video", MAX_BYTES)
    damage = Damage()
    try:
        with opened(file) as (container, stream):
            screen = Screen(stream)
            first, frame = next(timed_frames(container, stream), (None, None))
            sure = container.format.name not in _UNSOUGHT
            span = (_span(container, stream) if sure else None) or _counted_span(file)
            if first is not None and not span.counted:  # headers may name an earlier time
                span = replace(span, begin=min(max(first, span.begin), span.end))
            duration = span.end - span.begin
            if untimed(stream):  # a second may be anything: no picture is in two clips, at least
                log.warning("video %s %s", file, UNTIMED)
                times = clip_times(duration, min(Fraction(seconds), duration / clips), clips)
            else:
                times = clip_times(float(duration), seconds, clips)
            wanted = [_Clip(span.begin + start, span.begin + end) for start, end in times]
            if sure and not span.counted:
                turned = 1 if frame is None else frame.orientation
                _fill_by_seeking(container, stream, wanted, damage, turned)
        missed = [clip for clip in wanted if not clip.certain]
        if missed:
            damage.packets = 0  # counts all of them
            _fill_in_order(file, missed, damage)
    except (FFmpegError, OSError, ValueError) as error:
        raise InputError(f"video {file} cannot be decoded: {one_line(error)}") from error
    if damage.packets:
        log.warning("video %s: %d packets cannot be decoded and are left out", file, damage.packets)
    pairs = [clip.pair(screen) for clip in wanted]
    found = [pair for pair in pairs if pair]
    if not found:
        raise InputError(f"video {file} has no frame that can be decoded")
    # A damaged file may have fewer frames than packets: stay on the last clip that exists.
    return [pair or found[-1] for pair in pairs]


@dataclass(slots=True)
class Damage:
    """Counts packets that could not be decoded.

    Attributes:
        packets: How many of them there were so far.
    """

    packets: int = 0


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame as it was decoded.

    Attributes:
        decoded: Its samples.
        orientation: How it is turned, EXIF's 1 to 8.
    """

    decoded: av.VideoFrame
    orientation: int


def timed_frames(
    container: InputContainer,
    stream: VideoStream,
    damage: Damage | None = None,
    *,
    sought: bool = False,
    orientation: int = 1,
) -> Iterator[tuple[Fraction, Frame]]:
    """Frames from where the container stands, in order, with the second at which each appears.

    Frames without a time stamp (raw H.264, some of H.264 in MPEG-PS) follow the one before after
    its duration, or at the rate of the stream. Containers turn all frames alike. Where the stream
    itself says how it is turned (H.264's display orientation), some frames say it for those that
    follow, and these are not the key frames (findings/pyav_display_orientation.sh).

    Args:
        container: An open file.
        stream: One of it.
        damage: Counts what cannot be decoded and is left out.
        sought: The container stands anywhere in the file, so that frames before the first one with
            a time stamp may be of any time; they are left out.
        orientation: How frames are turned before one says it, EXIF's 1 to 8.

    Raises:
        FFmpegError: The file cannot be read on.
    """
    base = stream.time_base or Fraction(1, av.time_base)
    step = 1 / _rate(stream)
    expected = None if sought else Fraction(0)
    decode = _decoder(stream)
    for packet in packets(container, stream):
        try:
            frames = decode(packet)
        except InvalidDataError:
            if damage is not None:
                damage.packets += 1
            continue
        for frame in frames:
            if not isinstance(frame, av.VideoFrame):
                continue
            matrix = frame.side_data.get("DISPLAYMATRIX")
            if matrix is not None:
                orientation = orientation_of(np.frombuffer(matrix, np.int32))
            stamp = frame.pts if frame.pts is not None else frame.dts
            at = expected if stamp is None else stamp * base
            if at is None:
                continue
            expected = at + (frame.duration * base if frame.duration else step)
            yield at, Frame(frame, orientation)


def _decoder(stream: VideoStream) -> Callable[[Packet], Sequence[object]]:
    """What decodes the packets of a stream, transparency included.

    VP8 and VP9 have none themselves. WebM holds it as a second picture next to each, and says so
    with `AlphaMode`. FFmpeg's own decoders leave it out, and what is transparent is black then.
    """
    name = _WITH_ALPHA.get(stream.codec_context.name)
    if name is None or stream.metadata.get("alpha_mode") != "1":
        return Packet.decode
    try:
        decoder = CodecContext.create(name, "r")
    except UnknownCodecError:
        log.warning("video: FFmpeg is built without %s, so what is transparent is black", name)
        return Packet.decode
    assert isinstance(decoder, VideoCodecContext)
    return decoder.decode


class Screen:
    """Shows the frames of a file as a player does; one for each file, as a converter costs time.

    Frames are turned as the file says, transparent ones composited on white. Where
    pixels are not square (DV, DVD, HDV), the shorter of their sides is stretched, so that nothing
    of the picture is lost.

    Args:
        stream: What is shown.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._convert = VideoReformatter().reformat
        self._clear: dict[str, bool] = {}  # by pixel format
        self._pixel = stream.sample_aspect_ratio or Fraction(1)  # width over height
        if stream.codec_context.color_trc in _HDR:
            log.warning(
                "video %s is HDR (%s), and its brightness is not mapped to that of a usual screen: "
                "its pictures are flatter than a player shows them; export it as SDR",
                stream.container.name,
                _HDR[stream.codec_context.color_trc],
            )

    def picture(self, frame: Frame) -> np.ndarray:
        """A frame as it is shown, uint8 [H,W,3] RGB."""
        form, name = frame.decoded.format, frame.decoded.format.name
        if name not in self._clear:
            parts = form.components
            self._clear[name] = form.has_palette or any(one.is_alpha for one in parts)
        wanted = "rgba" if self._clear[name] else "rgb24"
        pixels = self._square(self._convert(frame.decoded, format=wanted).to_ndarray())
        return upright(on_ground(pixels), frame.orientation)

    def _square(self, pixels: np.ndarray) -> np.ndarray:
        """A picture [H,W,C] with square pixels."""
        if self._pixel == 1 or not 1 / _FLATTEST <= self._pixel <= _FLATTEST:  # or nonsense
            return pixels
        height, width = pixels.shape[:2]
        size = round(width * max(self._pixel, 1)), round(height / min(self._pixel, 1))
        return cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR)


def orientation_of(matrix: np.ndarray) -> int:
    """The EXIF orientation that equals a display matrix.

    Args:
        matrix: [9] integers `a b u c d v x y w` of ISO/IEC 14496-12, 8.5.2.2: a pixel (p, q) is
            shown at (a p + c q + x, b p + d q + y). Angles between are rounded to a right one.

    Returns:
        1 to 8.
    """
    a, b, _, c, d = (int(value) for value in matrix[:5])
    aside = abs(b) + abs(c) > abs(a) + abs(d)
    signs = (b, c) if aside else (a, d)
    return _ORIENTATIONS[aside][1 if signs[0] >= 0 else -1, 1 if signs[1] >= 0 else -1]


@contextmanager
def opened(file: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Opens the moving pictures of a video file, which a cover may come before.

    Raises:
        FFmpegError: It cannot be opened.
        InputError: It has no picture stream.
    """
    with av.open(str(file), options=LOCAL_ONLY) as container:
        stream = container.streams.best("video")
        if not isinstance(stream, VideoStream):
            raise InputError(f"video {file} has no picture stream")
        if not stream.codec_context:
            raise InputError(f"video {file} is encoded in a way that FFmpeg does not know")
        stream.thread_type = "SLICE"  # by frames, FFmpeg 8.1 races on damaged FFV1, and crashes
        yield container, stream


@dataclass(frozen=True, slots=True)
class _Span:
    """When a video begins and ends, in seconds of its own time stamps.

    Attributes:
        begin: Of its first frame.
        end: When its last frame goes.
        counted: Whether frames have no time stamps and are counted instead.
    """

    begin: Fraction
    end: Fraction
    counted: bool = False


def _span(container: InputContainer, stream: VideoStream) -> _Span | None:
    """Looks where a video ends, as headers say that wrongly or not at all.

    What browsers record has no duration, Matroska's is the time of the END where the file starts
    late, and that of a raw stream is a guess. A jump to the end finds the last packets.

    Returns:
        None where the file cannot be sought, or has no times.
    """
    base = stream.time_base or Fraction(1, av.time_base)
    begin = stream.start_time
    try:
        container.seek(_END, stream=stream)
        end = _end(container, stream)
        if end is not None:  # MPEG-TS lands on the last packet, which is not the last shown
            container.seek(math.floor((end - _REORDERED) / base), stream=stream)
            end = max(end, _end(container, stream) or end)
    except FFmpegError:
        return None
    if begin is None or end is None:
        return None
    return _Span(begin * base, max(end, begin * base))


def _counted_span(file: Path) -> _Span:
    """The same of a file that has to be read through."""
    with opened(file) as (container, stream):
        rate, count = _rate(stream), 0
        base = stream.time_base or Fraction(1, av.time_base)
        stamps: list[Fraction] = []
        for packet in packets(container, stream):
            if packet.is_discard:
                continue
            count += packet.size > 0
            if packet.pts is not None:
                stamps.append(packet.pts * base)
            elif not stamps:
                continue
            if packet.size:  # without a time stamp it follows the one before
                step = packet.duration * base if packet.duration else 1 / rate
                stamps.append(stamps[-1] + step)
    if not stamps:
        return _Span(Fraction(0), count / rate, counted=True)
    return _Span(min(stamps), max(stamps))


def _end(container: InputContainer, stream: VideoStream) -> Fraction | None:
    """When the last frame goes that lies behind where the container stands, in seconds.

    Packets that are to be discarded are those that an edit list of an MP4 cuts off: phones trim
    videos so, and decoders leave their frames out.
    """
    base = stream.time_base or Fraction(1, av.time_base)
    step = 1 / _rate(stream)
    ends = [
        packet.pts * base + (packet.duration * base if packet.duration else step)
        for packet in packets(container, stream)
        if packet.pts is not None and not packet.is_discard
    ]
    return max(ends, default=None)


def untimed(stream: VideoStream) -> bool:
    """Whether nothing in a file says when its pictures are shown, as in raw MJPEG."""
    return stream.start_time is None and not stream.codec_context.framerate


def _rate(stream: VideoStream) -> Fraction:
    rate = stream.guessed_rate or stream.average_rate
    return Fraction(rate) if rate else _USUAL_RATE


@dataclass(slots=True)
class _Clip:
    """Finds the pictures of one clip among frames that pass by in order.

    Attributes:
        start: Seconds.
        end: Seconds.
        before: The newest frame before the clip.
        inside: The first and the newest frame within it.
        first_at: When the first of these appears.
    """

    start: Fraction
    end: Fraction
    before: Frame | None = None
    inside: list[Frame] = field(default_factory=list)
    first_at: Fraction = Fraction(0)

    def forget(self) -> None:
        """Takes back all that was seen."""
        self.before, self.inside = None, []

    def see(self, at: Fraction, frame: Frame) -> bool:
        """Takes the next frame; False once it lies behind the clip."""
        if at >= self.end:
            return False
        if at < self.start:
            self.before = frame
        else:
            if not self.inside:
                self.first_at = at
            self.inside[1:] = [frame]
        return True

    @property
    def certain(self) -> bool:
        """Whether it is known what is on the screen at the start of the clip."""
        return self.before is not None or (bool(self.inside) and self.first_at == self.start)

    def pair(self, screen: Screen) -> Pair | None:
        """What is on the screen at the start and at the end; None if no frame came."""
        first = self.inside[0] if self.inside else self.before
        if self.before is not None and self.first_at - self.start > STILL:
            first = self.before
        if first is None:
            return None
        last = self.inside[-1] if self.inside else first
        pair = screen.picture(first), screen.picture(last)
        if pair[0].shape != pair[1].shape:  # a stream that changes its size; a player scales it
            height, width = pair[0].shape[:2]
            return pair[0], cv2.resize(pair[1], (width, height), interpolation=cv2.INTER_AREA)
        return pair


def _fill_by_seeking(
    container: InputContainer,
    stream: VideoStream,
    clips: Sequence[_Clip],
    damage: Damage,
    orientation: int,
) -> None:
    """Decodes each clip from the last key frame before it, those that overlap at one go.

    A demuxer without an index (MPEG-TS, MPEG-PS) may land behind that key frame. This shows by the
    first frame: it is not before the clip. Then a jump further back is tried.
    """
    base = stream.time_base or Fraction(1, av.time_base)
    for group in _overlapping(clips):
        leading = group[0]
        for back in _FURTHER_BACK:
            for clip in group:
                clip.forget()
            try:
                container.seek(math.floor((leading.start - back) / base), stream=stream)
                frames = timed_frames(
                    container, stream, damage, sought=True, orientation=orientation
                )
                for at, frame in frames:
                    if not any([clip.see(at, frame) for clip in group]) or not leading.certain:
                        break
            except FFmpegError as error:
                log.info("video %s cannot be sought: %s", container.name, one_line(error))
                return
            if leading.certain:
                break


def _overlapping(clips: Sequence[_Clip]) -> list[list[_Clip]]:
    """Clips in order, each in one list with the one before if that ends after it begins."""
    groups: list[list[_Clip]] = []
    for clip in clips:
        if groups and clip.start < groups[-1][-1].end:
            groups[-1].append(clip)
        else:
            groups.append([clip])
    return groups


def _fill_in_order(file: Path, clips: Sequence[_Clip], damage: Damage) -> None:
    """Decodes the file from its beginning, for one that cannot be sought."""
    for clip in clips:
        clip.forget()
    with opened(file) as (container, stream):
        for at, frame in timed_frames(container, stream, damage):
            if not any([clip.see(at, frame) for clip in clips]):
                return
