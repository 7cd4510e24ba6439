"""What of a robot works: each stream, its weights, its language model, and its tools, for real."""

from __future__ import annotations

import importlib
import ipaddress
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from sensebind.agent.robot.checks import Check, Verdict
from sensebind.agent.robot.client import AttachedRobot
from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.sections import LlmConfig, ToolConfig
from sensebind.errors import ConfigurationError, SenseBindError, one_line
from sensebind.perception.lens import Intrinsics
from sensebind.perception.percept import Observation
from sensebind.perception.workers.spec import WorkerSpec

OPEN_SECONDS = 10.0
"""Longest wait for one source to open and give a sample."""
_CONNECT_SECONDS = 3.0
_KEYS = {
    "anthropic": "ANTHROPIC_API_KEY",
    "google_genai": "GOOGLE_API_KEY",
    "mistralai": "MISTRAL_API_KEY",
    "openai": "OPENAI_API_KEY",
}
"""Where the client of a provider of language models looks for its key."""
_OLLAMA = "http://127.0.0.1:11434"


def examine_robot(robot: RobotConfig, *, starts: bool = False) -> Iterator[Check]:
    """Open what the robot's file names; a robot that runs keeps its devices, and is asked.

    Args:
        robot: Its file.
        starts: Whether this robot is just starting: a socket that is there is of an earlier run.
    """
    if robot.control_socket.exists() and not starts:
        yield from _running(robot)
    else:
        yield from _streams(robot)
    yield from _places(robot)
    yield from _memory_for(robot)
    if robot.llm is not None:
        yield _language_model(robot, robot.llm)
        yield sent_away(robot.llm)
    for tool in robot.tools:
        try:
            yield _tool(robot, tool)
        except (SenseBindError, OSError, ImportError, AttributeError) as error:
            mend = "correct it, or take it out of tools:"
            yield Check(f"tool {tool.kind}", Verdict.BAD, one_line(error), mend)


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


def _streams(robot: RobotConfig) -> Iterator[Check]:
    try:
        workers = robot.check()
    except SenseBindError as error:
        yield Check("streams", Verdict.BAD, str(error), "correct the robot's file")
        return
    lenses = {name: camera.intrinsics for name, camera in robot.places().cameras.items()}
    for (name, stream), worker in zip(robot.streams.items(), workers, strict=True):
        spec = stream.source if isinstance(stream.source, dict) else {"source": stream.source}
        if spec.get("source") == "simhome" and robot.simhome is not None:
            yield Check(f"stream {name}", Verdict.OK, "of the simulated home; comes with the robot")
            continue
        yield _sample(name, worker, lenses.get(name))


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
        yield Check(name, Verdict.WARNING, f"{missing.what}: {offered}", missing.mend)


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
            mend = "correct source: in the robot's file, or see `sensebind doctor` for devices"
            return Check(title, Verdict.BAD, one_line(error), mend)


def _memory_for(robot: RobotConfig) -> Iterator[Check]:
    """Compare the weights with the memory of this machine."""
    folder = robot.weights
    if not folder.is_dir():
        yield Check("checkpoint", Verdict.BAD, f"{folder} is not there", "see `sensebind pull`")
        return
    size = _bytes_of(folder)
    total = psutil.virtual_memory().total
    found = f"{folder}, {size / 1e9:.2f} GB of weights for {total / 1e9:.1f} GB of memory"
    if size > total:
        mend = "take a smaller checkpoint, or a language model on another machine (llm:)"
        yield Check("checkpoint", Verdict.BAD, found, mend)
    else:
        yield Check("checkpoint", Verdict.OK, found)


def _bytes_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*.safetensors"))


def _language_model(robot: RobotConfig, llm: LlmConfig) -> Check:
    provider, _, name = llm.model.partition(":")
    if provider == "sensebind":
        folder = robot.resolve(Path(name)) if name else robot.weights
        if (folder / "config.json").is_file():
            return Check("language model", Verdict.OK, f"ours, at {folder}")
        return Check("language model", Verdict.BAD, f"none at {folder}", "see `sensebind pull`")
    address = str(llm.options.get("base_url") or (_OLLAMA if provider == "ollama" else ""))
    if address and (why := _unreachable(address)):
        mend = "start the server, or correct llm: {options: {base_url: …}}"
        return Check("language model", Verdict.BAD, f"{address}: {why}", mend)
    key = _KEYS.get(provider, "")
    if key and not os.environ.get(key) and not llm.options.get("api_key"):
        return Check("language model", Verdict.BAD, f"{key} is not set", f"export {key}=…")
    reached = f"{address} answers" if address else f"{key} is set" if key else "not asked"
    return Check("language model", Verdict.OK, f"{llm.model}, {reached}")


def sent_away(llm: LlmConfig) -> Check:
    """Return which data of a dialog go to another machine, and to which."""
    title, provider = "data sent away", llm.model.partition(":")[0]
    address = str(llm.options.get("base_url") or (_OLLAMA if provider == "ollama" else ""))
    host = urlsplit(address).hostname or ""
    if provider == "sensebind" or host == "localhost" or _is_loopback(host):
        return Check(title, Verdict.OK, "none: the language model runs on this machine")
    images = {True: "images, ", False: "", None: "images where it takes them, "}[llm.images]
    sound = "sounds, " if llm.audio else ""
    what = (
        f"with every question {host or provider} gets the dialog so far, what each stream "
        f"perceives now in words, {images}{sound}and results of tools"
    )
    return Check(title, Verdict.WARNING, what, "`llm: sensebind` keeps all of it here")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _unreachable(address: str) -> str:
    """Why nobody listens at an address, or ""."""
    parts = urlsplit(address)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), _CONNECT_SECONDS).close()
    except OSError as error:
        return one_line(error)
    return ""


def _tool(robot: RobotConfig, tool: ToolConfig) -> Check:
    """Open one tool.

    Raises:
        SenseBindError: It cannot be used.
    """
    title, given = f"tool {tool.kind}", tool.options
    folder = given.get("checkpoint") or (robot.weights / "detector")
    if tool.kind in ("detect", "find") and not (path := robot.resolve(Path(folder))).is_dir():
        return Check(title, Verdict.BAD, f"no detector at {path}", "see `sensebind pull`")
    if tool.kind == "openapi" and "://" not in given["document"]:
        path = robot.resolve(Path(given["document"]))
        if not path.is_file():
            return Check(title, Verdict.BAD, f"{path} is not there", "correct document:")
    if tool.kind == "mcp":
        from sensebind.tools.mcp import McpTools

        with McpTools(given["servers"], allow=given.get("allow")) as remote:
            return Check(title, Verdict.OK, f"{len(remote.tools())} tools")
    if tool.kind == "python":
        robot.check()  # nothing is imported for a file that somebody else could have written
        module, _, name = given["factory"].partition(":")
        getattr(importlib.import_module(module), name)
    return Check(title, Verdict.OK, "can be used")
