"""What works on this machine, what does not, and how to mend it."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from sensebind.agent.robot.checks import Check, Verdict
from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.config_file import read_config
from sensebind.agent.robot.doctor_robot import examine_robot
from sensebind.agent.robot.run_directory import runtime_directory
from sensebind.checkpoints import default_checkpoint
from sensebind.checkpoints.layout import imagebind_directory
from sensebind.errors import ConfigurationError, SenseBindError
from sensebind.perception.bus.curve_keys import KeyRing, default_directory
from sensebind.perception.sources.registry import find_sources

_LIBRARIES = ("torch", "transformers", "pyzmq", "opencv-python-headless", "faiss-cpu", "mujoco")
_ENOUGH_DISK, _ENOUGH_MEMORY = 2e9, 2e9  # bytes


def examine(config: Path | None = None, *, llm: bool = True) -> Iterator[Check]:
    """Do the checks one after the other; whatever one of them meets, the others go on.

    Args:
        config: A robot all of whose parts are opened, too.
        llm: Load its language model, or ask another one's server for a token.
    """
    robot: RobotConfig | None = None
    if config is not None:
        try:
            robot = read_config(config)
            count = f"{len(robot.streams)} stream{'s' * (len(robot.streams) != 1)}"
            yield Check("configuration", Verdict.OK, f"{config}, {count}")
        except SenseBindError as error:
            yield Check("configuration", Verdict.BAD, str(error), f"correct {config}")
    steps: dict[str, Callable[[RobotConfig | None], Iterator[Check]]] = {
        "libraries": _libraries,
        "weights": _models,
        "machine": _machine,
        "encoders": _encoders,
        "folders": _directories,
        "keys": _keys,
        "ports": _ports,
        "devices": _devices,
    }
    for name, step in steps.items():
        try:
            yield from step(robot)
        except (SenseBindError, OSError) as error:
            yield Check(name, Verdict.BAD, str(error))
    if robot is None:
        return
    try:
        yield from examine_robot(robot, llm=llm)
    except (SenseBindError, OSError) as error:
        yield Check("robot", Verdict.BAD, str(error))


def _libraries(_robot: RobotConfig | None) -> Iterator[Check]:
    version = sys.version.split()[0]
    yield Check("python", Verdict.OK, f"{version} at {sys.executable}")
    for name in _LIBRARIES:
        try:
            yield Check(name, Verdict.OK, importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Check(name, Verdict.BAD, "not installed", f"pip install {name}")


def _models(robot: RobotConfig | None) -> Iterator[Check]:
    checkpoint = robot.checkpoint if robot and robot.checkpoint else default_checkpoint()
    try:
        directory = imagebind_directory(checkpoint)
    except SenseBindError as error:
        yield Check("weights", Verdict.BAD, str(error), "give another directory as checkpoint:")
        return
    size = sum(file.stat().st_size for file in checkpoint.rglob("*") if file.is_file())
    yield Check("weights", Verdict.OK, f"{directory} ({size / 1e6:.0f} MB with all parts)")
    if not (checkpoint / "visual_cache").is_dir():
        mend = "embeddings are published as they are; see docs/training.md to build one"
        yield Check("visual cache", Verdict.WARNING, f"none in {checkpoint}", mend)


def _machine(_robot: RobotConfig | None) -> Iterator[Check]:
    memory = psutil.virtual_memory()
    free = f"{memory.available / 1e9:.1f} of {memory.total / 1e9:.1f} GB of memory are free"
    if memory.available < _ENOUGH_MEMORY:
        yield Check("memory", Verdict.WARNING, free, "end other programs")
    else:
        yield Check("memory", Verdict.OK, free)
    yield Check("processors", Verdict.OK, f"{os.cpu_count()}, load {os.getloadavg()[0]:.1f}")


def _encoders(robot: RobotConfig | None) -> Iterator[Check]:
    """Where streams are encoded; only what is not the CPU needs a look."""
    devices = {stream.device for stream in robot.streams.values()} if robot else set()
    for device in sorted(devices - {"cpu"}):
        from sensebind.perception.imagebind import Placement  # takes PyTorch in

        try:
            Placement(device)
        except ConfigurationError as error:
            yield Check(f"device {device}", Verdict.BAD, str(error), "or write device: cpu")
        else:
            yield Check(f"device {device}", Verdict.OK, "there is one")


def _directories(robot: RobotConfig | None) -> Iterator[Check]:
    places = {"sockets": runtime_directory()}
    if robot is not None and robot.frames is not None:
        places["frames"] = robot.frame_spec.directory
    for name, directory in places.items():
        base = next(parent for parent in (directory, *directory.parents) if parent.exists())
        free = shutil.disk_usage(base).free
        found = f"{directory}, {free / 1e9:.1f} GB free"
        if not os.access(base, os.W_OK):
            yield Check(name, Verdict.BAD, f"{base} cannot be written", f"chown or chmod {base}")
        elif free < _ENOUGH_DISK:
            yield Check(name, Verdict.WARNING, found, "make room, or lower frames: max_mb")
        else:
            yield Check(name, Verdict.OK, found)


def _keys(robot: RobotConfig | None) -> Iterator[Check]:
    directory = (robot.bus.keys if robot else default_directory()).expanduser()
    needed = robot is not None and "0.0.0.0" in robot.bus.listen + robot.bus.frames
    if not (directory / "own.key_secret").exists():
        verdict = Verdict.BAD if needed else Verdict.OK
        mend = "sensebind keys new" if needed else ""
        yield Check("keys", verdict, f"none in {directory}; this machine only", mend)
        return
    try:
        ring = KeyRing.load(directory)
    except SenseBindError as error:
        yield Check("keys", Verdict.BAD, str(error))
        return
    names = ", ".join(sorted(ring.allowed.values())) or "nobody"
    mend = "" if ring.allowed else "sensebind keys allow FILE"
    verdict = Verdict.OK if ring.allowed else Verdict.WARNING
    yield Check("keys", verdict, f"{directory}, allowed: {names}", mend)


def _ports(robot: RobotConfig | None) -> Iterator[Check]:
    if robot is None:
        return
    wanted = {"bus": robot.bus.listen, "frames": robot.bus.frames}
    if robot.metrics is not None:
        wanted["metrics"] = f"tcp://{robot.metrics.host}:{robot.metrics.port}"
    if robot.simhome is not None:
        wanted["simhome"] = f"tcp://127.0.0.1:{robot.simhome.port}"
    for name, endpoint in wanted.items():
        host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
        if not endpoint.startswith("tcp://") or not port.isdigit():
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host.replace("*", "0.0.0.0"), int(port)))
                yield Check(f"port of {name}", Verdict.OK, f"{endpoint} is free")
            except OSError as error:
                mend = "end who uses it (the robot itself, perhaps?), or choose another port"
                yield Check(
                    f"port of {name}", Verdict.WARNING, f"{endpoint}: {error.strerror}", mend
                )


def _devices(robot: RobotConfig | None) -> Iterator[Check]:
    for kind in find_sources():
        if kind.problem:
            yield Check(f"source {kind.name}", Verdict.WARNING, kind.problem)
            continue
        found = ", ".join(str(device) for device in kind.devices) or kind.summary
        yield Check(f"source {kind.name}", Verdict.OK, found)
