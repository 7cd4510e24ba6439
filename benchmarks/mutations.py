"""Damaged input at every reader: how much of it was refused, and that nothing else happened.

Good samples (VLP-16 packets, point clouds in seven formats, sounds in four, images in six, videos
in three, clouds, images and sounds of ROS, MCAP recordings, bags in three formats, documents and
answers of APIs) are cut, and their bytes changed, at random. A reader may give what is left or
raise its documented error; anything else, or a second without an answer, is a failure.
"""

import faulthandler
import io
import json
import random
import struct
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import av
import cv2
import numpy as np
import soundfile
from av.video.stream import VideoStream
from PIL import Image
from report import AtMost, Parser, Row, run
from rosbags.rosbag1 import Writer as Bag1Writer
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2 import Writer as Bag2Writer
from rosbags.typesys import Stores, get_typestore

from sensebind.errors import InputError, SourceError
from sensebind.perception.frames.codecs import from_jpeg
from sensebind.perception.frames.recording import Recorder, Recording
from sensebind.perception.imagebind.preprocess.audio_files import read_audio
from sensebind.perception.imagebind.preprocess.image import read_image
from sensebind.perception.imagebind.preprocess.planes import heat, read_plane
from sensebind.perception.imagebind.preprocess.point_files import read_points
from sensebind.perception.imagebind.preprocess.video import read_clips
from sensebind.perception.percept import Modality, Observation
from sensebind.perception.sources.ros_images import ENCODINGS
from sensebind.perception.sources.ros_messages import sample
from sensebind.perception.sources.ros_sound import SoundDecoder, recognized_format
from sensebind.perception.sources.ros_sound_format import SoundInfo
from sensebind.perception.sources.rosbag import Bag
from sensebind.perception.sources.velodyne import PACKET_BYTES, TurnDecoder
from sensebind.tools.openapi import parse_document, read_operations
from sensebind.tools.openapi.answers import content_of, read_answer

PATIENCE = 1.0  # seconds of CPU time for one input
CLOUD = "sensor_msgs/msg/PointCloud2"
_ROS_CLOUD = struct.pack("<3H4B", 0, 10, 12, 1, 0, 7, 0) + np.ones(30, "<f4").tobytes()


@dataclass(frozen=True, slots=True)
class Target:
    """A reader, and good input for it."""

    name: str
    good: list[bytes]
    read: Callable[[bytes], object]


def mutated(data: bytes, rng: random.Random) -> bytes:
    """A copy with up to 30 bytes changed, most of them near the beginning; one in four is cut."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 30)):
        reach = len(changed) if rng.random() < 0.5 else min(len(changed), 200)
        changed[rng.randrange(reach)] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
    return bytes(changed[: rng.randrange(len(changed))] if rng.random() < 0.25 else changed)


def attack(target: Target, count: int, seed: int) -> list[Row]:
    """Read what is whole, which must not be refused, and `count` mutated inputs."""
    for good in target.good:
        target.read(good)
    rng = random.Random(f"{seed} {target.name}")
    refused = failed = slow = 0
    for _ in range(count):
        data = mutated(rng.choice(target.good), rng)
        begun = time.thread_time()
        try:
            target.read(data)
        except InputError:
            refused += 1
        except Exception as error:
            failed += 1
            print(f"{target.name}: {type(error).__name__}: {error}", file=sys.stderr)
        slow += time.thread_time() - begun > PATIENCE
    return [
        Row(f"{target.name}: refused", refused, None, count),
        AtMost(f"{target.name}: other errors", failed, 0, count),
        AtMost(f"{target.name}: longer than {PATIENCE:g} s", slow, 0, count),
    ]


def targets(folder: Path) -> list[Target]:
    """Everything that reads what comes from outside."""
    decoder = TurnDecoder(0.4, 100.0)
    found = [
        Target("VLP-16 packets", [_packet(number) for number in range(20)], decoder.add),
        Target("JPEG pictures", _pictures(), from_jpeg),
        Target("ROS 2 clouds", [_ROS_CLOUD], _ros_cloud),
        Target("ROS images", _ros_images(), _ros_image),
        Target("ROS sounds", _ros_sounds(), _ros_sound),
        Target("recordings", [_recording(folder)], _file_reader(folder / "x.mcap", _play)),
        Target("API documents", _api_documents(), _operations),
        Target("API answers", _api_answers(), _api_answer),
    ]
    for ending, data in _clouds(folder).items():
        path = folder / f"x{ending}"
        found.append(Target(f"{ending} clouds", data, _file_reader(path, read_points)))
    for ending, data in _bags(folder).items():
        path = folder / f"bag{ending}"
        found.append(Target(f"{ending} bags", [data], _file_reader(path, _play_bag)))
    for ending, data in _sounds().items():
        path = folder / f"x{ending}"
        found.append(Target(f"{ending} sounds", data, _file_reader(path, read_audio)))
    for ending, data in _images().items():
        path = folder / f"x{ending}"
        found.append(Target(f"{ending} images", [data], _file_reader(path, read_image)))
        found.append(Target(f"{ending} planes", [data], _file_reader(path, _plane)))
    for ending, data in _videos(folder).items():
        path = folder / f"x{ending}"
        found.append(Target(f"{ending} videos", [data], _file_reader(path, _clips)))
    return found


def _file_reader(path: Path, read: Callable[[Path], object]) -> Callable[[bytes], object]:
    def read_bytes(data: bytes) -> object:
        path.write_bytes(data)
        return read(path)

    return read_bytes


def _packet(number: int) -> bytes:
    """A packet of a VLP-16 that sees a wall, as the data sheet has it."""
    body = b""
    for block in range(12):
        azimuth = (40 * (12 * number + block)) % 36_000
        body += b"\xff\xee" + struct.pack("<H", azimuth) + struct.pack("<HB", 1000, 50) * 32
    packet = body + struct.pack("<IBB", number * 1327, 0x37, 0x22)
    assert len(packet) == PACKET_BYTES
    return packet


def _pictures() -> list[bytes]:
    rng = np.random.default_rng(0)
    picture = cv2.resize(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8), (64, 48))
    return [
        cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, q])[1].tobytes() for q in (50, 95)
    ]


def _sounds() -> dict[str, list[bytes]]:
    """A tone, and where files may be joined, two of them."""
    wave = np.sin(np.arange(4000) / 5).astype(np.float32)
    found = {}
    for ending, kind in ((".wav", "WAV"), (".flac", "FLAC"), (".ogg", "OGG"), (".mp3", "MP3")):
        out = io.BytesIO()
        soundfile.write(out, wave, 16_000, format=kind)
        one = out.getvalue()
        found[ending] = [one, 2 * one] if ending in (".ogg", ".mp3") else [one]
    return found


def _images() -> dict[str, bytes]:
    """Deep, turned and transparent, with the chunks and tags that say so."""
    rng = np.random.default_rng(0)
    deep = Image.fromarray(rng.integers(0, 4096, (24, 32), np.uint16))
    clear = Image.fromarray(rng.integers(0, 255, (24, 32, 4), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    found = {}
    for ending, image in ((".png", deep), (".tiff", deep), (".webp", clear), (".gif", clear)):
        out = io.BytesIO()
        image.save(out, ending[1:], **({} if ending == ".gif" else {"exif": exif}))
        found[ending] = out.getvalue()
    out = io.BytesIO()
    clear.convert("RGB").save(out, "JPEG", exif=exif)
    grey = np.asarray(deep).astype(">u2").tobytes()
    return found | {".jpg": out.getvalue(), ".pgm": b"P5 32 24 4095\n" + grey}


def _videos(folder: Path) -> dict[str, bytes]:
    """Thirty frames, each as bright as it is old; those of the .webm are transparent."""
    found = {}
    codecs = {".mp4": "mpeg4", ".mkv": "ffv1", ".ts": "mpeg2video", ".webm": "libvpx"}
    for ending, codec in codecs.items():
        pixels = "yuva420p" if ending == ".webm" else "yuv420p"
        with av.open(str(folder / f"good{ending}"), "w") as container:
            stream = cast(VideoStream, container.add_stream(codec, rate=10))
            stream.width, stream.height, stream.pix_fmt = 32, 24, pixels
            if ending == ".webm":
                stream.options = {"auto-alt-ref": "0"}  # which excludes transparency
            for number in range(30):
                picture = np.full((24, 32, 3), 8 * number, np.uint8)
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                container.mux(stream.encode(frame.reformat(format=pixels)))
            container.mux(stream.encode())
        found[ending] = (folder / f"good{ending}").read_bytes()
    return found


def _plane(path: Path) -> object:
    return heat(read_plane(path, "thermal"))


def _clips(path: Path) -> object:
    return read_clips(path, clips=2, seconds=1)


def _kitti(count: int) -> np.ndarray:
    """Rows of x, y, z and reflectance, as KITTI has them: float32 [count, 4]."""
    rng = np.random.default_rng(0)
    around = rng.uniform((-40, -40, -2), (40, 40, 2), (count, 3))
    return np.column_stack([around, rng.integers(0, 100, count) / 100]).astype("<f4")


def _clouds(folder: Path) -> dict[str, list[bytes]]:
    points = np.random.default_rng(0).normal(size=(60, 3)).astype("<f4")
    fields = "FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH 60\nHEIGHT 1\nPOINTS 60\n"
    properties = "".join(f"property float {axis}\n" for axis in "xyz")
    ply = f"ply\nformat binary_little_endian 1.0\nelement vertex 60\n{properties}end_header\n"
    listed = ply.replace(properties, f"property list uchar short of\n{properties}")
    rows = [" ".join(map(str, point)) for point in points.tolist()]
    organized = f"VERSION .7\n{fields}".replace("POINTS 60\n", "")
    np.save(folder / "good.npy", points)
    return {
        ".npy": [(folder / "good.npy").read_bytes()],
        ".bin": [_kitti(59).tobytes(), points.astype("<f8").tobytes()],
        ".pcd": [
            f"VERSION .7\n{fields}DATA binary\n".encode() + points.tobytes(),
            f"{organized}DATA ascii\n".encode() + "\n".join(rows).encode(),
        ],
        ".ply": [
            ply.encode() + points.tobytes(),
            listed.encode() + b"".join(b"\1\0\0" + point.tobytes() for point in points),
            ply.replace("binary_little_endian", "ascii").encode() + "\n".join(rows).encode(),
        ],
        ".xyz": ["\n".join(rows).encode()],
        ".txt": ["\n".join(["//X;Y;Z", *(row.replace(" ", ";") for row in rows)]).encode()],
        ".obj": ["\n".join(f"v {row} 1 0 0" for row in rows).encode()],
    }


def _ros_images() -> list[bytes]:
    """Images of 8 x 6 pixels: the number of the encoding, what is said of the rows, the data."""
    rng = np.random.default_rng(0)
    return [
        struct.pack("<4H", number, 8, 6, 0) + rng.integers(0, 256, 400, np.uint8).tobytes()
        for number in range(len(ENCODINGS))
    ]


def _ros_image(data: bytes) -> object:
    number, width, height, step = struct.unpack("<4H", data[:8].ljust(8, b"\0"))
    message = SimpleNamespace(
        height=height,
        width=width,
        step=step,
        is_bigendian=number & 1,
        data=data[8:],
        encoding=ENCODINGS[number] if number < len(ENCODINGS) else "smell8",
    )
    return sample(message, "sensor_msgs/msg/Image")


def _ros_sounds() -> list[bytes]:
    """A tone as samples of 16 and 32 bits, and as MP3."""
    tone = np.sin(np.arange(2304) / 5)
    out = io.BytesIO()
    soundfile.write(out, tone, 16_000, format="MP3")
    return [
        (tone * 2**14).astype("<i2").tobytes(),
        (tone * 2**30).astype("<i4").tobytes(),
        out.getvalue(),
    ]


def _ros_sound(data: bytes) -> object:
    kind = recognized_format(data, 1)
    return SoundDecoder(SoundInfo(kind, 16_000, 1)).add(data)


def _api_documents() -> list[bytes]:
    """A document in YAML, with an alias and a reference, and the same in JSON."""
    text = """
openapi: 3.0.3
paths:
  /lamp/{room}:
    put:
      operationId: lamp
      parameters: [{name: room, in: path, required: true, schema: &room {type: string}}]
      requestBody:
        content: {application/json: {schema: {$ref: "#/components/schemas/Lamp"}}}
components:
  schemas:
    Lamp:
      type: object
      properties: {state: {enum: [on, off]}, near: *room, since: {default: 12:30}}
"""
    return [text.encode(), json.dumps(parse_document(text.encode(), "it")).encode()]


def _operations(data: bytes) -> object:
    return read_operations(parse_document(data, "it"))


def _api_answers() -> list[bytes]:
    """The header Content-Type, and the body."""
    return [
        b'application/json; charset="utf-8"\n{"temperature": 21.5, "by": ["a", null]}',
        b"text/plain; charset=gb18030\n\xb3\xf8\xb7\xbf",
        b"image/png\n\x89PNG",
        b"application/octet-stream\n\xff\x00",
    ]


def _api_answer(data: bytes) -> object:
    header, _, body = data.partition(b"\n")
    return content_of(read_answer(body, header.decode("latin-1")))


def _bags(folder: Path) -> dict[str, bytes]:
    """Three clouds each, as rosbag2 and rosbag write them."""
    stores = {2: get_typestore(Stores.ROS2_HUMBLE), 1: get_typestore(Stores.ROS1_NOETIC)}
    found = {}
    for ending, ros, plugin in (
        (".db3", 2, StoragePlugin.SQLITE3),
        (".mcap", 2, StoragePlugin.MCAP),
        (".bag", 1, None),
    ):
        path = folder / f"bag{ros}{ending}"
        store = stores[ros]
        opened: Any = Bag2Writer(path, version=9, storage_plugin=plugin) if plugin else None
        with opened or Bag1Writer(path) as writer:
            topic = writer.add_connection("/lidar", CLOUD, typestore=store)
            for number in range(3):
                cloud = _cloud_message(store, ros, number)
                plain = store.serialize_cdr if ros == 2 else store.serialize_ros1
                writer.write(topic, 10**18 + number, bytes(plain(cloud, CLOUD)))
        file = path if path.is_file() else next(path.glob(f"*{ending}"))
        found[ending] = file.read_bytes()
    return found


def _cloud_message(store: Any, ros: int, number: int) -> Any:
    kinds = store.types
    stamp = kinds["builtin_interfaces/msg/Time"](sec=number + 1, nanosec=0)
    seq = {} if ros == 2 else {"seq": number}
    fields = [
        kinds["sensor_msgs/msg/PointField"](name=axis, offset=4 * i, datatype=7, count=1)
        for i, axis in enumerate("xyz")
    ]
    return kinds[CLOUD](
        header=kinds["std_msgs/msg/Header"](stamp=stamp, frame_id="lidar", **seq),
        height=1,
        width=5,
        fields=fields,
        is_bigendian=False,
        point_step=12,
        row_step=60,
        data=np.ones(15, "<f4").view(np.uint8),
        is_dense=True,
    )


def _play_bag(path: Path) -> int:
    """Read a bag to its end; a message that is refused counts as damage."""
    count = 0
    try:
        with Bag(str(path), "lidar", speed=0) as bag:
            while True:
                bag.read()
                count += 1
    except SourceError as error:
        if count < 3:
            raise InputError(f"damaged after {count} messages") from error
    return count


def _ros_cloud(data: bytes) -> object:
    """A cloud of which the numbers are taken from the data itself."""
    values = struct.unpack("<3H4B", data[:10].ljust(10, b"\0"))
    message = SimpleNamespace(
        header=SimpleNamespace(stamp=SimpleNamespace(sec=1, nanosec=values[0]), frame_id="lidar"),
        height=values[3] % 3,
        width=values[1] % 40,
        fields=[
            SimpleNamespace(name=axis, offset=values[4] % 40 + 4 * i, datatype=values[5] % 10)
            for i, axis in enumerate("xyz")
        ],
        is_bigendian=bool(values[6] & 1),
        point_step=values[2] % 40,
        row_step=0,
        data=data[10:],
    )
    return sample(message, CLOUD)


def _recording(folder: Path) -> bytes:
    with Recorder(folder / "good.mcap") as recorder:
        for number in range(3):
            cloud = np.full((20, 3), number, np.float32)
            recorder.observe(
                Observation(cloud, "lidar", Modality.POINT, 10**18 + number, 0.0, number, "lidar")
            )
    return (folder / "good.mcap").read_bytes()


def _play(path: Path) -> object:
    """Read a recording; one that is damaged says so, or refuses."""
    recording = Recording(path)
    count = sum(1 for _ in recording)
    if recording.cut or recording.damaged or recording.refused:
        raise InputError(f"damaged after {count} entries")
    return count


def main() -> int:
    """Parse the command line and run."""
    faulthandler.enable()
    parser = Parser(__doc__)
    parser.amount("--count", 2_000, 100, "inputs for each reader")
    parser.add_argument("--seed", type=int, default=0, help="of the damage, 0")

    def measure(options: Namespace) -> list[Row]:
        with tempfile.TemporaryDirectory() as folder:
            rows: list[Row] = []
            for target in targets(Path(folder)):
                print(target.name, file=sys.stderr)  # a library that crashes dies behind its name
                rows += attack(target, options.count, options.seed)
            return rows

    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
