"""Videos as phones, browsers and recorders write them: what a player shows, when it shows it."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext
from av.video.stream import VideoStream
from PIL import Image

from sensebind.errors import InputError, SourceError
from sensebind.perception.imagebind.preprocess.video import read_clips
from sensebind.perception.imagebind.preprocess.video_files import orientation_of
from sensebind.perception.pixels import upright
from sensebind.perception.sources.video import VideoFile

COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "white": (255, 255, 255),
}
MATRICES = {  # a b c d of a display matrix, and the EXIF orientation that means the same
    1: (1, 0, 0, 1),
    2: (-1, 0, 0, 1),
    3: (-1, 0, 0, -1),
    4: (1, 0, 0, -1),
    5: (0, 1, 1, 0),
    6: (0, 1, -1, 0),
    7: (0, -1, -1, 0),
    8: (0, -1, 1, 0),
}


def write(
    path: Path,
    frames: Iterable[tuple[float, np.ndarray]],
    codec: str = "mpeg4",
    kind: str | None = None,
    pixels: str = "yuv420p",
    **options: str,
) -> None:
    """Write frames at their seconds, which are multiples of a tenth."""
    shown = list(frames)
    with av.open(str(path), "w", format=kind, options=options) as container:
        stream = cast(VideoStream, container.add_stream(codec, rate=10))
        stream.height, stream.width = shown[0][1].shape[:2]
        stream.pix_fmt, stream.codec_context.time_base = pixels, Fraction(1, 10)
        if codec.startswith("libvpx"):
            stream.options = {"deadline": "realtime", "cpu-used": "8"}
            if pixels == "yuva420p":
                stream.options["auto-alt-ref"] = "0"
        for at, picture in shown:
            form = "rgba" if picture.shape[2] == 4 else "rgb24"
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=form)
            frame = frame.reformat(format=pixels)
            frame.pts, frame.time_base = round(at * 10), Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def plain(colour: str) -> np.ndarray:
    return np.full((48, 64, 3), COLOURS[colour], np.uint8)


def named(picture: np.ndarray) -> str:
    """The colour of a picture of one colour."""
    nearest = {name: np.abs(picture.astype(int) - value).mean() for name, value in COLOURS.items()}
    return min(nearest, key=lambda name: nearest[name])


def shown(path: Path) -> list[tuple[str, str]]:
    pairs = read_clips(path, clips=5, seconds=2)
    return [(named(first), named(last)) for first, last in pairs]


@pytest.mark.parametrize(
    ("codec", "kind", "options"),
    [
        ("libvpx", "webm", {}),
        ("libvpx", "webm", {"live": "1"}),  # as a browser records: no duration, no index
        ("libx264", "h264", {}),  # no time stamps at all
        ("mpeg4", "mp4", {"movflags": "frag_keyframe+empty_moov"}),
        ("mpeg2video", "mpegts", {}),
        ("flv", "flv", {"flvflags": "no_duration_filesize"}),
        ("mpeg4", "avi", {}),
        ("libx264", "matroska", {}),
    ],
)
def test_clips_are_found_whatever_the_header_says_of_the_duration(
    tmp_path: Path, codec: str, kind: str, options: dict[str, str]
) -> None:
    frames = [(i / 10, plain(list(COLOURS)[i // 40])) for i in range(200)]  # 4 s of each colour
    write(tmp_path / "v", frames, codec, kind, **options)
    assert shown(tmp_path / "v") == [(colour, colour) for colour in COLOURS]


@pytest.mark.parametrize("count", [100, 200, 250, 500])
def test_clips_of_raw_mjpeg_which_has_no_times_share_no_picture(
    tmp_path: Path, count: int, caplog: pytest.LogCaptureFixture
) -> None:
    with (tmp_path / "v.mjpeg").open("wb") as out:
        for number in range(count):
            body = io.BytesIO()
            Image.fromarray(plain(list(COLOURS)[number * 5 // count])).save(body, "JPEG")
            out.write(body.getvalue())
    pairs = [(colour, colour) for colour in COLOURS]
    if count == 500:  # 20 s: clips of 2 s at 0, 4.5, 9, 13.5 and 18 s
        assert [one for one, _ in shown(tmp_path / "v.mjpeg")] == list(COLOURS)
    else:
        assert shown(tmp_path / "v.mjpeg") == pairs
    assert "has no times: its pictures are taken at 25 a second" in caplog.text


def test_pictures_of_a_slow_gif_stand_still(tmp_path: Path) -> None:
    first, *others = [Image.fromarray(plain(colour)) for colour in COLOURS]
    first.save(tmp_path / "v.gif", save_all=True, append_images=others, duration=4000)
    assert shown(tmp_path / "v.gif") == [(colour, colour) for colour in COLOURS]


def test_a_picture_that_stands_still_is_seen_in_every_clip(tmp_path: Path) -> None:
    times = [(i / 10, "red") for i in range(40)] + [(4.0, "green")]
    times += [(16 + i / 10, "blue") for i in range(40)]
    write(tmp_path / "v.mp4", [(at, plain(colour)) for at, colour in times], "mpeg4")
    assert shown(tmp_path / "v.mp4") == [
        (colour, colour) for colour in ("red", "green", "green", "green", "blue")
    ]
    write(tmp_path / "v.mp4", [(at, plain(colour)) for at, colour in times[:71]], "mpeg4")
    pairs = shown(tmp_path / "v.mp4")  # of 19 s
    assert pairs[3] == ("green", "green") and pairs[4] == ("blue", "blue")


def test_a_clip_that_begins_in_a_still_part_begins_with_it(tmp_path: Path) -> None:
    times = [(0.0, "red"), (4.0, "green"), *((9 + i / 10, "blue") for i in range(10))]
    write(tmp_path / "v.mkv", [(at, plain(colour)) for at, colour in times], "mpeg4")
    assert shown(tmp_path / "v.mkv")[4] == ("green", "blue")  # 8 to 10 s


@pytest.mark.parametrize("kind", ["mp4", "matroska", "mpegts"])
@pytest.mark.parametrize("begin", [0, 10])
def test_clips_do_not_depend_on_the_first_time_stamp(tmp_path: Path, kind: str, begin: int) -> None:
    frames = [(begin + i / 10, np.full((64, 64, 3), i, np.uint8)) for i in range(200)]
    write(tmp_path / "v", frames, "libx264", kind)
    found = [
        (first.mean(), last.mean())
        for first, last in read_clips(tmp_path / "v", clips=5, seconds=2)
    ]
    expected = [(0, 19), (45, 64), (90, 109), (135, 154), (180, 199)]
    np.testing.assert_allclose(found, expected, atol=1.2)
    with VideoFile(str(tmp_path / "v"), "camera", speed=0) as source:
        seen = [source.read().data.mean() for _ in range(200)]
    np.testing.assert_allclose(seen, np.arange(200), atol=1.2)


def numbered(path: Path, codec: str, kind: str, begin: int, gop: int, **options: str) -> None:
    """Write 160 frames at 20 a second that show their number, large ones, in groups of `gop`."""
    noise = np.random.default_rng(0)
    with av.open(str(path), "w", format=kind, options=options) as container:
        stream = cast(VideoStream, container.add_stream(codec, rate=20))
        stream.height = stream.width = 192
        stream.pix_fmt, stream.bit_rate = "yuv420p", 3_000_000
        context = stream.codec_context
        context.gop_size, context.max_b_frames, context.time_base = gop, 2, Fraction(1, 20)
        stream.options = {"preset": "ultrafast"} if codec == "libx264" else {}
        for number in range(160):
            bits = np.array([number >> bit & 1 for bit in range(9)]).reshape(3, 3, 1) * 255
            picture = np.kron(bits, np.ones((64, 64, 1))) + noise.integers(-90, 90, (192, 192, 1))
            picture = np.repeat(picture.clip(0, 255).astype(np.uint8), 3, axis=2)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = begin * 20 + number, Fraction(1, 20)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def shown_number(picture: np.ndarray) -> int:
    squares = picture.mean(axis=2).reshape(3, 64, 3, 64).mean(axis=(1, 3)).ravel()
    return sum(1 << bit for bit in range(9) if squares[bit] > 128)


@pytest.mark.parametrize(
    ("codec", "kind", "begin", "gop", "options"),
    [
        ("mpeg2video", "mpegts", 0, 12, {}),
        ("libx264", "mpegts", 90_000, 36, {}),  # its clock of 33 bits turns over at 95,443 s
        ("libx264", "mpegts", 0, 36, {"mpegts_m2ts_mode": "1"}),
        ("mpeg2video", "mpeg", 0, 15, {}),
        ("mpeg2video", "vob", 10, 15, {}),
        ("libx264", "flv", 10, 36, {}),
        ("libx264", "matroska", 3, 36, {"live": "1"}),  # without an index
    ],
)
def test_clips_are_those_of_a_decode_from_the_beginning(
    tmp_path: Path, codec: str, kind: str, begin: int, gop: int, options: dict[str, str]
) -> None:
    numbered(tmp_path / "v", codec, kind, begin, gop, **options)
    pairs = read_clips(tmp_path / "v", clips=5, seconds=2)
    found = [(shown_number(first), shown_number(last)) for first, last in pairs]
    assert found == [(at, at + 39) for at in (0, 30, 60, 90, 120)]


def test_frames_that_share_a_time_stamp_follow_one_another(tmp_path: Path) -> None:
    """MPEG-PS: a packet has one time stamp, and small frames of H.264 share a packet."""
    frames = [(i / 10, plain(list(COLOURS)[i // 40])) for i in range(200)]
    write(tmp_path / "v", frames, "libx264", "mpeg")
    assert shown(tmp_path / "v") == [(colour, colour) for colour in COLOURS]
    with VideoFile(str(tmp_path / "v"), "camera", speed=1) as source:
        times = [sample.at for sample in source._samples()]
    np.testing.assert_allclose(np.array(times) - times[0], np.arange(200) / 10, atol=0.11)


def test_a_video_begins_with_its_first_frame(tmp_path: Path) -> None:
    """An AVI counts frames from 0, and those that were not captured are empty."""
    frames = [(10 + i / 10, plain(list(COLOURS)[i // 40])) for i in range(200)]
    write(tmp_path / "v", frames, "libx264", "avi")
    assert shown(tmp_path / "v") == [(colour, colour) for colour in COLOURS]


@pytest.mark.parametrize(
    ("codec", "kind", "pixels"), [("libx264", "mp4", "yuv420p"), ("png", "mov", "rgb24")]
)
@pytest.mark.parametrize(("begin", "end"), [(0, 8), (4, 12), (5, 9), (12, 20)])
def test_a_trimmed_video_is_what_is_left_of_it(
    tmp_path: Path, codec: str, kind: str, pixels: str, begin: int, end: int
) -> None:
    """ISO/IEC 14496-12, 8.6.6: an edit list says which part of a track is presented.

    Phones trim without encoding again, so that the file still holds what was cut off.
    """
    frames = [
        (i / 10, np.full((48, 64, 3), i, np.uint8)) for i in range(200)
    ]  # brighter and brighter
    write(tmp_path / "v.mp4", frames, codec, kind, pixels)
    data = bytearray((tmp_path / "v.mp4").read_bytes())
    [scale] = struct.unpack_from(">I", data, data.index(b"mdhd") + 16)
    at = data.index(b"elst") + 12  # version and flags, number of entries
    _, first, rate = struct.unpack_from(">IiI", data, at)
    struct.pack_into(">IiI", data, at, 1000 * (end - begin), first + begin * scale, rate)
    (tmp_path / "v.mp4").write_bytes(data)

    length = 10 * (end - begin)
    expected = [(10 * begin + i, 10 * begin + i + 9) for i in (0, (length - 10) // 2, length - 10)]
    found = [
        (int(first.mean()), int(last.mean()))
        for first, last in read_clips(tmp_path / "v.mp4", clips=3, seconds=1)
    ]
    np.testing.assert_allclose(found, expected, atol=2)
    with VideoFile(str(tmp_path / "v.mp4"), "camera", speed=0) as source:
        assert source.read().data.mean() == pytest.approx(10 * begin, abs=2)


def turned_video(path: Path, matrix: tuple[int, ...], stored: np.ndarray) -> None:
    """A video whose track header holds a display matrix, as phones write it."""
    write(path, [(i / 10, stored) for i in range(30)], "mpeg4", "mp4")
    data = bytearray(path.read_bytes())
    one = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    at = data.index(one, data.index(b"tkhd"))
    a, b, c, d = (value << 16 for value in matrix)
    height, width = stored.shape[:2]
    x = width << 16 if -1 in matrix[:1] else height << 16 if -1 in matrix[2:3] else 0
    y = height << 16 if -1 in matrix[3:] else width << 16 if -1 in matrix[1:2] else 0
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, x, y, 1 << 30)
    path.write_bytes(data)


@pytest.mark.parametrize("orientation", MATRICES)
def test_videos_are_shown_as_their_matrix_says(tmp_path: Path, orientation: int) -> None:
    stored = np.zeros((64, 96, 3), np.uint8)
    stored[:32, :48], stored[:32, 48:], stored[32:, :48] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    turned_video(tmp_path / "v.mp4", MATRICES[orientation], stored)
    expected = upright(stored, orientation)
    first, last = read_clips(tmp_path / "v.mp4", clips=1, seconds=2)[0]
    with VideoFile(str(tmp_path / "v.mp4"), "camera", speed=0) as source:
        played = source.read().data
    for found in (first, last, played):
        assert found.shape == expected.shape
        assert np.abs(found.astype(int) - expected).mean() < 10


@pytest.mark.parametrize("kind", ["h264", "ts"])
@pytest.mark.parametrize(
    ("turned", "orientation"),
    [("rotate=90", 8), ("rotate=180", 3), ("flip=horizontal", 2), ("rotate=90:flip=vertical", 7)],
)
def test_videos_are_shown_as_their_stream_says(
    tmp_path: Path, kind: str, turned: str, orientation: int
) -> None:
    """Display orientation (H.264, D.2.27), once in a group: flip, then turn left."""
    stored = np.zeros((64, 96, 3), np.uint8)
    stored[:32, :48], stored[:32, 48:], stored[32:, :48] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    raw = tmp_path / "raw.h264"
    write(raw, [(i / 10, stored) for i in range(50)], "libx264", "h264")
    path = tmp_path / f"v.{kind}"
    with av.open(str(raw)) as given, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(given.streams.video[0])
        marks = f"h264_metadata=display_orientation=insert:{turned}"
        marker = BitStreamFilterContext(marks, given.streams.video[0], stream)
        for number, packet in enumerate(given.demux(video=0)):
            if packet.size:
                packet.pts = packet.dts = number * 120_000
            for one in marker.filter(packet if packet.size else None):
                one.stream = stream
                out.mux(one)
    expected = upright(stored, orientation)
    shown = [one for pair in read_clips(path, clips=5, seconds=0.3) for one in pair]
    with VideoFile(str(path), "camera", speed=0) as source:
        shown += [source.read().data for _ in range(48)]
    for found in shown:
        assert found.shape == expected.shape
        assert np.abs(found.astype(int) - expected).mean() < 10


@pytest.mark.parametrize("kind", ["mp4", "mkv", "ts", "avi"])
@pytest.mark.parametrize(
    ("pixel", "shape"),
    [
        (Fraction(64, 45), (48, 91, 3)),  # PAL, 16:9
        (Fraction(8, 9), (54, 64, 3)),  # NTSC, 4:3
        (Fraction(1), (48, 64, 3)),
        (Fraction(1, 50), (48, 64, 3)),  # nonsense
    ],
)
def test_pixels_that_are_not_square_are_shown_square(
    tmp_path: Path, kind: str, pixel: Fraction, shape: tuple[int, ...]
) -> None:
    """ITU-T H.262, 6.3.3: a decoder gives samples, and their aspect ratio says how to show them."""
    path = tmp_path / f"v.{kind}"
    with av.open(str(path), "w") as container:
        codec = "libx264" if kind == "ts" else "mpeg4"
        stream = cast(VideoStream, container.add_stream(codec, rate=25))
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = pixel
        for _ in range(10):
            frame = av.VideoFrame.from_ndarray(plain("red"), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    first, last = read_clips(path, clips=1, seconds=2)[0]
    with VideoFile(str(path), "camera", speed=0) as source:
        played = source.read().data
    for found in (first, last, played):
        assert found.shape == shape and named(found) == "red"


def test_a_cover_that_comes_first_is_not_the_film(tmp_path: Path) -> None:
    path = tmp_path / "v.mkv"
    with av.open(str(path), "w") as container:
        cover = cast(VideoStream, container.add_stream("mjpeg", rate=1))
        film = cast(VideoStream, container.add_stream("mpeg4", rate=10))
        for stream, pixels in ((cover, "yuvj420p"), (film, "yuv420p")):
            stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        for stream, colours in ((cover, ["red"]), (film, ["blue"] * 20)):
            for colour in colours:
                frame = av.VideoFrame.from_ndarray(plain(colour), format="rgb24")
                container.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
            container.mux(stream.encode())
    assert [named(one) for one in read_clips(path, clips=1, seconds=2)[0]] == ["blue", "blue"]
    with VideoFile(str(path), "camera", speed=0) as source:
        assert named(source.read().data) == "blue"


def test_angles_between_are_rounded() -> None:
    cosine, sine = round(0.9 * 65_536), round(0.4 * 65_536)
    assert orientation_of(np.array([cosine, sine, 0, -sine, cosine, 0, 0, 0, 1 << 30])) == 1
    assert orientation_of(np.array([sine, cosine, 0, -cosine, sine, 0, 0, 0, 1 << 30])) == 6


@pytest.mark.parametrize(
    ("codec", "kind", "pixels"),
    [
        ("ffv1", "matroska", "bgra"),
        ("png", "mov", "rgba"),
        ("qtrle", "mov", "argb"),
        ("libvpx", "webm", "yuva420p"),
        ("libvpx-vp9", "webm", "yuva420p"),
    ],
)
def test_transparent_videos_lie_on_white(
    tmp_path: Path, codec: str, kind: str, pixels: str
) -> None:
    half = np.zeros((48, 64, 4), np.uint8)
    half[:24] = (255, 0, 0, 255)
    write(tmp_path / "v", [(i / 10, half) for i in range(20)], codec, kind, pixels)
    for first, last in read_clips(tmp_path / "v", clips=3, seconds=0.5):
        for one in (first, last):
            assert one.shape == (48, 64, 3)
            assert np.abs(one[:20].astype(int) - (255, 0, 0)).max() <= 8  # codecs round colours
            assert np.abs(one[28:].astype(int) - 255).max() <= 8
    first, _ = read_clips(tmp_path / "v", clips=1, seconds=2)[0]
    with VideoFile(str(tmp_path / "v"), "camera", speed=0) as source:
        np.testing.assert_array_equal(source.read().data, first)


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG"), (1, "")])
def test_a_video_in_hdr_says_so(
    tmp_path: Path, transfer: int, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    with av.open(str(tmp_path / "v.mkv"), "w") as container:
        stream = cast(VideoStream, container.add_stream("libx264", rate=10))
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p10le"
        stream.codec_context.color_trc = transfer
        for _ in range(10):
            frame = av.VideoFrame.from_ndarray(plain("white"), format="rgb24")
            container.mux(stream.encode(frame.reformat(format="yuv420p10le")))
        container.mux(stream.encode())
    read_clips(tmp_path / "v.mkv", clips=1, seconds=1)
    assert (f"v.mkv is HDR ({name})" in caplog.text) if name else not caplog.text


def test_transparent_gifs_lie_on_white(tmp_path: Path) -> None:
    half = np.zeros((48, 64, 4), np.uint8)
    half[:24] = (255, 0, 0, 255)
    frames = [Image.fromarray(half)] * 3
    frames[0].save(tmp_path / "v.gif", save_all=True, append_images=frames[1:], duration=500)
    first, _ = read_clips(tmp_path / "v.gif", clips=1, seconds=1)[0]
    assert (first[:20] == (255, 0, 0)).all() and (first[28:] == 255).all()


def test_a_video_that_is_cut_off_gives_what_is_left(tmp_path: Path) -> None:
    frames = [(i / 10, plain(list(COLOURS)[i // 40])) for i in range(200)]
    write(tmp_path / "v.mkv", frames, "mpeg4")
    data = (tmp_path / "v.mkv").read_bytes()
    (tmp_path / "v.mkv").write_bytes(data[: len(data) // 2])
    found = shown(tmp_path / "v.mkv")
    assert found[0] == ("red", "red") and found[-1][1] in ("blue", "yellow")
    assert found == sorted(found, key=lambda pair: list(COLOURS).index(pair[0]))


def test_frames_of_a_clip_have_one_size(tmp_path: Path) -> None:
    for size, name in (((48, 64), "a"), ((96, 128), "b")):
        picture = np.full((*size, 3), 200, np.uint8)
        write(tmp_path / name, [(i / 10, picture) for i in range(10)], "mpeg2video", "mpeg2video")
    joined = (tmp_path / "a").read_bytes() + (tmp_path / "b").read_bytes()
    (tmp_path / "v").write_bytes(joined)
    first, last = read_clips(tmp_path / "v", clips=1, seconds=2)[0]
    assert first.shape == last.shape


def test_a_playlist_fetches_nothing(tmp_path: Path) -> None:
    body = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nhttp://127.0.0.1:9/s.ts\n#EXT-X-ENDLIST\n"
    (tmp_path / "v.m3u8").write_text(body)
    with pytest.raises(InputError, match=r"v\.m3u8"):
        read_clips(tmp_path / "v.m3u8", clips=1, seconds=2)
    with (
        pytest.raises(SourceError, match=r"v\.m3u8"),
        VideoFile(str(tmp_path / "v.m3u8"), "camera"),
    ):
        raise AssertionError("something was played")
