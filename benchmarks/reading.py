"""What it costs to read what comes from outside: files, messages of ROS, bags, sources that play.

Each row is the processor time of one reading, in a process that has read it before: the least of
many, as what other jobs do to caches and clocks only ever adds to it. With `--old DIRECTORY`, a
work tree of an earlier version, both versions read the same input in turn, in two processes that
live as long as the benchmark (old, new, new, old, …). Rows in `_LACKING` have no bar: the earlier
version left out what costs there, and read the input wrong (see docs/benchmarks.md). Exit code 1 if
a ratio is above its bar.
"""

import io
import os
import subprocess
import sys
import tempfile
import wave
from argparse import Namespace
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self, cast

import av
import numpy as np
from av.video.stream import VideoStream
from PIL import Image
from report import AtMost, Parser, Row, run
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2 import Writer as BagWriter
from rosbags.typesys import Stores, get_typestore

from sensebind.errors import ConfigurationError

ROOT = Path(__file__).parents[1]
RATIO = 1.05
_WINDOW = 0.005  # seconds of readings that are timed at once: short, so that some are undisturbed
POINTS, SIDE, FRAMES, SECONDS, RATE = 28_800, (720, 1280), 60, 10.0, 44_100
_LACKING = {".npy", ".bin whose layout is recognized"}
_READ = """
import sys, time
from pathlib import Path
from types import SimpleNamespace as N
import numpy as np
import torch
torch.set_num_threads(1)
import cv2
cv2.setNumThreads(1)
from sensebind.errors import SourceError
from sensebind.perception.imagebind.preprocess import audio, image, point_files, video
try:
    from sensebind.perception.imagebind.preprocess.audio_files import read_audio
except ImportError:  # before they were a module of their own
    read_audio = audio.read_audio
from sensebind.perception.sources.registry import open_source
from sensebind.perception.sources.ros_messages import sample
folder = Path(sys.argv[1])
header = N(stamp=N(sec=1, nanosec=0), frame_id="x")

def one_channel(file):
    samples, rate = read_audio(file)
    return audio.mono(samples, rate) if hasattr(audio, "mono") else (
        audio.waveform(samples.mean(axis=0), rate))

def play(kind, file):
    with open_source({"source": f"{kind}:{file}", "speed": 0}, stream="one") as source:
        try:
            while True:
                source.read()
        except SourceError:  # the end, in versions without a word for it
            assert not source.refused

def field(name, at):
    return N(name=name, offset=at, datatype=7, count=1)

points = np.load(folder / "cloud.npy")
cloud = N(header=header, height=16, width=len(points) // 16, is_bigendian=False, point_step=16,
          row_step=len(points), fields=[field(a, 4 * i) for i, a in enumerate("xyz")],
          data=points.view(np.uint8).reshape(-1))
rgb = np.asarray(image.read_image(folder / "scene.png"))
raw = N(header=header, height=rgb.shape[0], width=rgb.shape[1], encoding="bgr8", is_bigendian=0,
        step=3 * rgb.shape[1], data=rgb.reshape(-1))

def compressed(name, form):
    data = np.frombuffer((folder / name).read_bytes(), np.uint8)
    return N(header=header, format=form, data=data)

jpeg, png = compressed("scene.jpg", "rgb8; jpeg compressed bgr8"), compressed("scene.png", "png")
package = "sensor_msgs/msg/"
tasks = {
    ".npy": lambda: point_files.read_points(folder / "cloud.npy"),
    ".ply": lambda: point_files.read_points(folder / "cloud.ply"),
    ".pcd": lambda: point_files.read_points(folder / "cloud.pcd"),
    ".xyz": lambda: point_files.read_points(folder / "cloud.xyz"),
    ".bin whose layout is recognized": lambda: point_files.read_points(folder / "cloud.bin"),
    "source cloud, .npy": lambda: play("cloud", folder / "cloud.npy"),
    "source cloud, .ply": lambda: play("cloud", folder / "cloud.ply"),
    "source cloud, .pcd": lambda: play("cloud", folder / "cloud.pcd"),
    "source cloud, ten .bin": lambda: play("cloud", folder / "sweeps"),
    "WAV of one channel": lambda: one_channel(folder / "one.wav"),
    "WAV of two channels": lambda: one_channel(folder / "two.wav"),
    "WAV of six channels": lambda: one_channel(folder / "six.wav"),
    "source audio, WAV of two channels": lambda: play("audio", folder / "two.wav"),
    "JPEG": lambda: image.read_image(folder / "scene.jpg"),
    "PNG": lambda: image.read_image(folder / "scene.png"),
    "clips of an MP4": lambda: video.read_clips(folder / "film.mp4", clips=5, seconds=2),
    "source video, MP4": lambda: play("video", folder / "film.mp4"),
    "PointCloud2": lambda: sample(cloud, package + "PointCloud2"),
    "Image, bgr8": lambda: sample(raw, package + "Image"),
    "CompressedImage, JPEG": lambda: sample(jpeg, package + "CompressedImage"),
    "CompressedImage, PNG": lambda: sample(png, package + "CompressedImage"),
    "bag of clouds, .db3": lambda: play("bag", folder / "clouds"),
    "bag of clouds, .mcap": lambda: play("bag", folder / "clouds_mcap"),
}
print(*tasks, sep="\\t", flush=True)
for line in sys.stdin:
    name, times = line.rstrip("\\n").split("\\t")
    begun = time.process_time()
    for _ in range(int(times)):
        tasks[name]()
    print((time.process_time() - begun) / int(times), flush=True)
"""


class Reader:
    """A process of one version that reads what it is asked to.

    Args:
        tree: Its work tree.
        folder: With the input.

    Raises:
        ConfigurationError: It cannot read the input.
    """

    def __init__(self, tree: Path, folder: Path) -> None:
        self._tree = tree
        libraries = ("OMP", "OPENBLAS", "MKL")
        alone = {f"{library}_NUM_THREADS": "1" for library in libraries}  # as in a worker
        environment = {**os.environ, **alone, "PYTHONPATH": str(tree.resolve() / "src")}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _READ, str(folder)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.tasks = self._line().split("\t")

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self._process.communicate()

    def seconds(self, task: str, times: int) -> float:
        """Processor time of one reading, the mean of `times` in a row."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{task}\t{times}\n")
        self._process.stdin.flush()
        return float(self._line())

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().rstrip("\n")
        if not line:
            raise ConfigurationError(f"{self._tree} cannot read the input; see above")
        return line


def measure(options: Namespace) -> Sequence[Row]:
    """Return the cost of each task, and its ratio where there is something to compare with."""
    rows: list[Row] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        write_input(folder)
        new = stack.enter_context(Reader(ROOT, folder))
        old = stack.enter_context(Reader(options.old, folder)) if options.old else None
        for task in new.tasks:
            if options.only and options.only not in task:
                continue
            readers = [old, new] if old else [new]
            slowest = max(reader.seconds(task, 3) for reader in readers)  # also the warm-up
            times = max(1, round(_WINDOW / slowest))
            taken: dict[Reader, list[float]] = {reader: [] for reader in readers}
            for turn in range(options.runs):
                for reader in readers[:: -1 if turn % 2 else 1]:
                    taken[reader].append(reader.seconds(task, times))
            after = min(taken[new])
            rows.append(Row(f"{task}: ms", 1000 * after, None, options.runs))
            if old:
                before = min(taken[old])
                bar = None if task in _LACKING else RATIO
                rows += [
                    Row(f"{task}, old: ms", 1000 * before, None, options.runs),
                    AtMost(f"{task}: new / old", after / before, bar, options.runs),
                ]
    return rows


def write_input(folder: Path) -> None:
    """Write the files that are read, such as sensors give them."""
    rng = np.random.default_rng(0)
    _write_clouds(folder, rng)
    _write_sounds(folder, rng)
    rows, columns = np.mgrid[: SIDE[0], : SIDE[1]] / 40.0
    scene = np.stack([np.sin(rows + i) + np.cos(columns * (i + 1)) for i in range(3)], axis=-1)
    noisy = 127 + 50 * scene + rng.normal(0, 4, scene.shape)
    pixels = noisy.clip(0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(folder / "scene.jpg", quality=90)
    Image.fromarray(pixels).save(folder / "scene.png")
    with av.open(str(folder / "film.mp4"), "w") as container:
        stream = cast(VideoStream, container.add_stream("mpeg4", rate=10))
        stream.height, stream.width, stream.pix_fmt = *SIDE, "yuv420p"
        stream.bit_rate = 4_000_000
        for number in range(FRAMES):
            frame = np.roll(pixels, 8 * number, axis=1)
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def _write_clouds(folder: Path, rng: np.random.Generator) -> None:
    """A turn of a lidar with 16 rings in a room, x y z intensity, in every format."""
    up = np.radians(np.linspace(-15, 15, 16))[:, None]
    around = np.linspace(-np.pi, np.pi, POINTS // 16, endpoint=False)
    far = np.minimum(1.2 / np.maximum(np.sin(np.abs(up)), 1e-3), 6 + 2 * np.sin(3 * around))
    far = far + rng.normal(0, 0.02, far.shape)
    xyz = far[..., None] * np.stack(
        [np.cos(up) * np.cos(around), np.cos(up) * np.sin(around), np.sin(up) + 0 * around], -1
    )
    points = np.column_stack([xyz.reshape(-1, 3), rng.integers(0, 256, POINTS)]).astype("<f4")
    np.save(folder / "cloud.npy", points)
    points.tofile(folder / "cloud.bin")
    (folder / "sweeps").mkdir()
    for number in range(10):  # of various lengths, as sweeps are
        points[number:].tofile(folder / "sweeps" / f"{number}.bin")
    names = ("x", "y", "z", "intensity")
    properties = "".join(f"property float {name}\n" for name in names)
    ply = f"ply\nformat binary_little_endian 1.0\nelement vertex {POINTS}\n{properties}end_header\n"
    (folder / "cloud.ply").write_bytes(ply.encode() + points.tobytes())
    pcd = (
        f"VERSION .7\nFIELDS {' '.join(names)}\nSIZE 4 4 4 4\nTYPE F F F F\nCOUNT 1 1 1 1\n"
        f"WIDTH {POINTS}\nHEIGHT 1\nPOINTS {POINTS}\nDATA binary\n"
    )
    (folder / "cloud.pcd").write_bytes(pcd.encode() + points.tobytes())
    np.savetxt(folder / "cloud.xyz", points, "%.4f")
    store = get_typestore(Stores.ROS2_HUMBLE)
    kind = "sensor_msgs/msg/PointCloud2"
    for name, plugin in (("clouds", StoragePlugin.SQLITE3), ("clouds_mcap", StoragePlugin.MCAP)):
        with BagWriter(folder / name, version=9, storage_plugin=plugin) as bag:
            topic = bag.add_connection("/lidar", kind, typestore=store)
            for number in range(10):
                message = store.serialize_cdr(_cloud_message(store, points, number), kind)
                bag.write(topic, 10**18 + 10**8 * number, message)


def _cloud_message(store: Any, points: np.ndarray, number: int) -> Any:
    kinds = store.types
    stamp = kinds["builtin_interfaces/msg/Time"](sec=10**9, nanosec=10**8 * number)
    fields = [
        kinds["sensor_msgs/msg/PointField"](name=name, offset=4 * i, datatype=7, count=1)
        for i, name in enumerate(("x", "y", "z", "intensity"))
    ]
    return kinds["sensor_msgs/msg/PointCloud2"](
        header=kinds["std_msgs/msg/Header"](stamp=stamp, frame_id="lidar"),
        height=1,
        width=len(points),
        fields=fields,
        is_bigendian=False,
        point_step=16,
        row_step=16 * len(points),
        data=points.view(np.uint8).reshape(-1),
        is_dense=True,
    )


def _write_sounds(folder: Path, rng: np.random.Generator) -> None:
    """Ten seconds of a tone and noise, signed 16 bits, of one to six channels."""
    time = np.arange(round(SECONDS * RATE)) / RATE
    for name, channels in (("one", 1), ("two", 2), ("six", 6)):
        tone = np.sin(2 * np.pi * 440 * time)[:, None] * np.linspace(0.2, 0.6, channels)
        sound = (2**15 * (tone + rng.normal(0, 0.01, tone.shape))).astype("<i2")
        out = io.BytesIO()
        with wave.open(out, "wb") as file:
            file.setparams((channels, 2, RATE, len(sound), "NONE", ""))
            file.writeframes(sound.tobytes())
        (folder / f"{name}.wav").write_bytes(out.getvalue())


def main() -> int:
    """Parse the command line and run."""
    parser = Parser(__doc__)
    parser.amount("--runs", 41, 5, "of each version and task")
    parser.add_argument("--only", default="", help="tasks whose names contain this")
    parser.add_argument("--old", type=Path, help="work tree of the version to compare with")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
