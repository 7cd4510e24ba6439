"""SimHome's own part of a robot: the process of the home, the API of its devices, its base."""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Self

import yaml

from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.config_file import read_config
from sensebind.agent.robot.sections import LlmConfig, MemoryConfig, SimHomeConfig
from sensebind.errors import ConfigurationError, is_passing
from sensebind.perception.simhome.camera_setup import CameraSetup
from sensebind.perception.simhome.loopback import remove_private
from sensebind.perception.simhome.options import SimHomeOptions
from sensebind.perception.simhome.rooms import sample_home
from sensebind.perception.simhome.server import SimHomeServer

log = logging.getLogger(__name__)

STREAMS = {"camera": "vision", "microphone": "audio", "lidar": "point"}
"""Streams of a SimHome robot, and what each perceives."""
LOOPBACK = "127.0.0.1"
"""Where SimHome serves."""
_TICK = 0.1  # seconds between looks whether to end; the end of the process is seen at once
_STILL_IN_USE = 3.0  # seconds for a robot that was killed to give its ports back
_PAUSE = 1.0  # seconds from one start of the process to the next


class HomeProcess:
    """The process of a simulated home. A context manager.

    It is started again when it ends: at once, but at most once in a second.

    Attributes:
        server: Where its sensors, its devices and its robot's base are reached.
    """

    def __init__(self, config: SimHomeConfig) -> None:
        camera = config.camera and CameraSetup(config.camera.xyz, config.camera.rpy)
        scene = sample_home(config.seed) if config.rooms > 1 else config.seed
        self._options = SimHomeOptions(
            scene, sensor_port=config.port, house_port=config.house_port, camera=camera
        )
        self.server = SimHomeServer(self._options)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look_after, name="home", daemon=True)

    @property
    def pid(self) -> int:
        """Process id; 0 while it does not run."""
        return self.server.pid

    def _look_after(self) -> None:
        started = 0.0
        while not self._stop.is_set():
            if not self.server.wait(_TICK):
                continue
            log.warning("the simulated home ended, starting it again")
            if self._stop.wait(max(0.0, started + _PAUSE - time.monotonic())):
                return
            started = time.monotonic()
            self.server.stop()
            self.server = SimHomeServer(self._options)
            try:
                self.server.start()
            except (ConfigurationError, OSError) as error:  # a port or descriptor may be free soon
                log.warning("the simulated home: %s", error)

    def __enter__(self) -> Self:
        """Start the home.

        Raises:
            ConfigurationError: It cannot start.
        """
        folder = tempfile.mkdtemp(prefix="sensebind-home-")  # of mode 0700
        self._options = replace(self._options, robot_path=str(Path(folder) / "robot"))
        self.server = SimHomeServer(self._options)
        try:
            self._start()
        except BaseException:  # Ctrl-C, too: nobody would remove the folder any more
            remove_private(Path(self._options.robot_path))
            raise
        sensors, house = (
            int(address.rpartition(":")[2]) for address in (self.server.sensors, self.server.house)
        )
        # Where it is found after a restart, too.
        self._options = replace(self._options, sensor_port=sensors, house_port=house)
        self._thread.start()
        return self

    def _start(self) -> None:
        """Start the home, whose ports may still be those of a robot that was killed just now."""
        until = time.monotonic() + _STILL_IN_USE
        while True:
            try:
                self.server.start()
            except ConfigurationError as error:
                if not is_passing(error) or time.monotonic() > until:
                    raise
                time.sleep(_TICK)
            else:
                return

    def end(self) -> None:
        """Have the process end, without waiting for it."""
        self._stop.set()
        self.server.end()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self.server.end()
        self._thread.join()
        self.server.stop()
        remove_private(Path(self._options.robot_path))


def simhome_robot(
    seed: int = 7180,
    *,
    checkpoint: Path | None = None,
    house_port: int = 0,
    memory: Path | None = None,
    llm: str = "",
) -> RobotConfig:
    """Return the robot of a simulated home, on free ports, as `sensebind demo` starts it.

    Args:
        seed: Which home.
        checkpoint: Directory of the weights; the embedded ones by default.
        house_port: Port of the API of its devices; 0 takes a free one.
        memory: SQLite file of what is perceived.
        llm: Name of the language model, see `sensebind.agent.llm.factory`; the checkpoint's by
            default.
    """
    with resources.as_file(resources.files("sensebind.agent.robot") / "simhome.yaml") as file:
        config = read_config(file)
    return config.model_copy(
        update={
            "name": "",
            "checkpoint": checkpoint.absolute() if checkpoint is not None else None,
            "simhome": SimHomeConfig(seed=seed, port=0, house_port=house_port),
            "memory": MemoryConfig(file=memory.absolute() if memory is not None else None),
            "llm": LlmConfig.typed(llm) if llm else config.llm,
            "frames": None,
            "metrics": None,
        }
    )


def write_simhome_robot(
    folder: Path,
    seed: int,
    *,
    name: str = "simhome",
    checkpoint: Path | None = None,
    house_port: int = 0,
    memory: Path | None = None,
    llm: str = "",
) -> Path:
    """Write the robot of a simulated home as a robot.yaml, on free ports, for another process.

    Args:
        folder: Where it is written.
        seed: Which home.
        name: Of the robot.
        checkpoint: As `simhome_robot` takes it, and the others likewise.
        house_port: Port of the API of its devices; 0 takes a free one.
        memory: SQLite file of what is perceived.
        llm: Name of the language model.

    Returns:
        The file.
    """
    source = resources.files("sensebind.agent.robot") / "simhome.yaml"
    described = yaml.safe_load(source.read_text(encoding="utf-8"))
    del described["metrics"]
    home = {"seed": seed, "port": 0, "house_port": house_port}
    described |= {"name": name, "simhome": home}
    if checkpoint is not None:
        described["checkpoint"] = str(checkpoint.absolute())
    if memory is not None:
        described["memory"] = {"file": str(memory.absolute())}
    if llm:
        described["llm"] = llm
    file = folder / "simhome.yaml"
    file.write_text(yaml.safe_dump(described, sort_keys=False), encoding="utf-8")
    return file
