"""What of a robot works: each stream, its weights, its language model, and its tools, for real."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

from sensebind.agent.robot.checks import Check, Verdict
from sensebind.agent.robot.client import AttachedRobot
from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.doctor_graph import examine_graph, place_on_graph
from sensebind.agent.robot.doctor_llm import examine_llm, sent_away
from sensebind.agent.robot.doctor_pose import examine_pose
from sensebind.agent.robot.doctor_storage import examine_fit, examine_storage
from sensebind.agent.robot.simhome import HomeProcess
from sensebind.errors import ConfigurationError, SenseBindError, one_line
from sensebind.perception.geometry.lens import Intrinsics
from sensebind.perception.percept import Observation
from sensebind.perception.workers.spec import WorkerSpec

OPEN_SECONDS = 10.0
"""Longest wait for one source to open and give a sample."""


def examine_robot(robot: RobotConfig, *, llm: bool = True, starts: bool = False) -> Iterator[Check]:
    """Open what the robot's file names; a robot that runs keeps its devices, and is asked.

    Args:
        robot: The robot's file.
        llm: Load our language model, or ask another one's server for a token.
        starts: Whether this robot is just starting: a socket that is there is of an earlier run.
    """
    with ExitStack() as stack:
        home: HomeProcess | None = None
        running = robot.control_socket.exists() and not starts
        if running:
            yield from _running(robot)
        else:
            if robot.simhome is not None:
                try:
                    home = stack.enter_context(HomeProcess(robot.simhome))
                except SenseBindError as error:
                    mend = "end who uses its port, or write another one: simhome: {port: …}"
                    yield Check("simhome", Verdict.BAD, str(error), mend)
                else:
                    yield Check("simhome", Verdict.OK, f"seed {robot.simhome.seed}, it starts")
            yield from _streams(robot, home)
        yield from _encoders(robot)
        yield from _places(robot)
        yield from examine_pose(robot)
        yield from examine_fit(robot)
        yield from examine_storage(robot)
        if robot.ros is not None:
            yield examine_graph(robot.ros)
        if robot.llm is not None:
            yield examine_llm(robot, robot.llm, asked=llm)
            yield sent_away(robot.llm)
        if robot.tools:
            # With PyTorch and LangChain, which a robot without tools needs not.
            from sensebind.agent.robot.doctor_tools import examine_tools

            yield from examine_tools(robot, home, running=running)


def _running(robot: RobotConfig) -> Iterator[Check]:
    try:
        streams = AttachedRobot(robot).report()
    except SenseBindError as error:
        yield Check("robot", Verdict.BAD, str(error), f"remove {robot.control_socket}")
        return
    yield Check("robot", Verdict.OK, "it runs already and keeps its devices; this is its report")
    for name, one in streams.items():
        well = one.worker in ("running", "ended")
        age = f", age {one.age_ms:.0f} ms" if one.age_ms is not None and well else ""
        detail = f": {one.detail}" if one.detail else ""
        verdict = Verdict.OK if well else Verdict.BAD
        yield Check(f"stream {name}", verdict, f"{one.modality} {one.worker}{age}{detail}")


def _streams(robot: RobotConfig, home: HomeProcess | None) -> Iterator[Check]:
    try:
        robot.check()
        workers = robot.workers(home.server.sensors if home is not None else "")
    except SenseBindError as error:
        yield Check("streams", Verdict.BAD, str(error), "correct the robot's file")
        return
    lenses = {name: camera.intrinsics for name, camera in robot.places().cameras.items()}
    for name, worker in zip(robot.streams, workers, strict=True):
        yield _sample(name, worker, lenses.get(name))


def _encoders(robot: RobotConfig) -> Iterator[Check]:
    """Name what encodes the streams, and the space of its embeddings."""
    try:
        workers = robot.workers()
    except SenseBindError:
        return  # the streams' own line says it
    encoded: dict[str, list[WorkerSpec]] = {}
    for worker in workers:
        encoded.setdefault(worker.encoder, []).append(worker)
    for encoder, some in encoded.items():
        first, streams = some[0], ", ".join(one.stream for one in some)
        try:
            from sensebind.perception.encoders.registry import space_of  # takes PyTorch in

            space = space_of(encoder, first.checkpoint, first.modality)
        except SenseBindError as error:
            yield Check(f"encoder {encoder}", Verdict.BAD, str(error), "correct encoder:")
        else:
            yield Check(f"encoder {encoder}", Verdict.OK, f"of {streams}; space {space}")


def _places(robot: RobotConfig) -> Iterator[Check]:
    """Name the streams that give no places, and what is not offered therefore."""
    lost = ["approach"] if robot.motion is not None else []
    kinds = [tool.kind for tool in robot.tools if tool.kind in ("codes", "detect", "find")]
    lost += [f"places of {kind}" for kind in kinds]
    if not lost:
        return
    try:
        places = robot.places()
    except SenseBindError as error:
        yield Check("places", Verdict.BAD, str(error), "correct mount:, calibration: or urdf:")
        return
    offered = f"{' and '.join(lost)} {'is' if lost == ['approach'] else 'are'} not offered"
    for name, missing in places.missing.items():
        seen = place_on_graph(robot, name)
        mend = f"/tf_static of the graph says {seen}" if seen else missing.mend
        yield Check(name, Verdict.WARNING, f"{missing.what}: {offered}", mend)


def _sample(name: str, worker: WorkerSpec, lens: Intrinsics | None = None) -> Check:
    """Open a source in a thread of its own, which a driver that hangs may keep.

    Args:
        name: Of the stream.
        worker: Its specification.
        lens: Of a camera that gives places: it must fit the size of the images.
    """
    found: list[Observation | Exception] = []

    def read() -> None:
        try:
            with worker.source.build() as source:
                found.append(source.read(OPEN_SECONDS))
        except Exception as error:  # a stranger's driver: whatever it raises is the finding
            found.append(error)

    thread = threading.Thread(target=read, name=f"doctor-{name}", daemon=True)
    thread.start()
    thread.join(OPEN_SECONDS + 1)
    title = f"stream {name}"
    if not found:
        what = f"it neither opens nor fails within {OPEN_SECONDS:g} s"
        return Check(title, Verdict.BAD, what, "plug the device in again, or restart its driver")
    match found[0]:
        case Observation() as one:
            age = max(0.0, time.monotonic() - one.monotonic)
            shape = " x ".join(map(str, one.data.shape))
            try:
                _ = lens and lens.resized(one.data.shape[1], one.data.shape[0])
            except ConfigurationError as error:
                return Check(title, Verdict.BAD, str(error), "or correct intrinsics: or source:")
            return Check(title, Verdict.OK, f"{one.modality.value} {shape}, {age:.2f} s old")
        case error:
            mend = (
                "plug it in, or correct source: (the lines `source` above name the devices that "
                "were found; video:FILE plays a file)"
            )
            return Check(title, Verdict.BAD, one_line(error), mend)
