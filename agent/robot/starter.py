"""A first robot.yaml for this machine: what was found, and what is missing, in comments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sensebind.perception.sources.base import Device
from sensebind.perception.sources.registry import Kind

_HEAD = """\
# {name}: written by `sensebind init`. Next:
#   sensebind doctor {file}     reads a sample of every stream, and says what to do
#   sensebind chat {file}       starts the robot and talks with it
#   sensebind run {file}        keeps it running, for `chat {file} --attach` and `sensebind top`
name: {name}
streams:
"""
_TAIL = """\
llm: sensebind # the embedded model, which knows its simulated home; others, see docs/hardware.md:
# llm: {model: "openai:gpt-4.1-mini", images: true}
# llm: ollama:llama3.2
memory: {max_days: 30, max_mb: 2048}
frames: {max_mb: 512, max_hours: 24}
tools: [clock, recall, watch]
# tools: also detect, codes, openapi: {document: …}, mcp: {servers: …}, python: module:function
# urdf: robot.urdf # its fixed joints place streams: `frame: LINK` in place of `mount`
# motion: {class: "package.module:Class", footprint: 0.25, lidar: "velodyne:2368"} # docs/agent.md
# watches: ["a person"] # what to speak up about
# policy: {approved: [], max_distance: 1, fence: [-2, -2, 2, 2]} # what acts unasked, and limits
# metrics: {port: 9464} # for Prometheus
"""
_LIDARS = """\
  # lidar:
  #   source: {source: "velodyne:2368", sender: 192.168.1.201} # or "ouster:os-1234.local"
  #   mount: {xyz: [0, 0, 0.6]} # metres: x ahead, y left, z up from the floor below the robot
"""
_PLACE = """\
  #   To say where objects are, and to go to them, inside the braces of the camera:
  #     mount: {xyz: [0.1, 0, 0.6], rpy: [0, 0.15, 0]} # metres; roll, pitch (down), yaw, radians
  #     calibration: camera.calibration.yaml # which `sensebind calibrate FILE` writes
"""


@dataclass(frozen=True, slots=True)
class Starter:
    """A first file for a robot.

    Attributes:
        text: Of the file.
        found: Devices that it uses.
        missing: What could not be looked for, and how to install it.
    """

    text: str
    found: tuple[Device, ...]
    missing: tuple[str, ...]


def starter(name: str, kinds: Sequence[Kind], file: str = "") -> Starter:
    """Describe a robot with the devices of this machine.

    Args:
        name: Of the robot.
        kinds: What `find_sources` found.
        file: Name of the file, for its comments.
    """
    by_name = {kind.name: kind for kind in kinds}
    cameras = by_name["camera"].devices
    microphones = by_name["microphone"].devices
    problem = by_name["microphone"].problem
    missing = tuple(
        by_name[kind].problem
        for kind in ("camera", "microphone", "velodyne", "ouster")
        if kind in by_name and by_name[kind].problem
    )
    lines = [_HEAD.format(name=name, file=file or f"{name}.yaml")]
    for number, device in enumerate(cameras):
        lines.append(_stream("camera", number, device, "rate: 8"))
    if not cameras:
        lines.append("  # No camera was found: plug one in, or name a network camera (rtsp://…).\n")
        lines.append('  camera: {source: "camera:0", rate: 8}\n')
    lines.append(_PLACE.replace("FILE", file or f"{name}.yaml"))
    if microphones:  # the first is the system's default
        lines.append(_stream("microphone", 0, microphones[0], "rate: 2"))
    else:
        why = problem or "No microphone was found: plug one in."
        lines.append(f"  # {why}\n")
        lines.append(
            '  # microphone: {source: {source: "microphone:default", hop: 0.5}, rate: 2}\n'
        )
    lines += [_LIDARS, _TAIL]
    found = (*cameras, *microphones[:1])
    return Starter("".join(lines), found, missing)


def _stream(name: str, number: int, device: Device, options: str) -> str:
    stream = name if not number else f"{name}{number + 1}"
    detail = f", {device.detail}" if device.detail else ""
    return f'  {stream}: {{source: "{device.spec}", {options}}} # {device.name}{detail}\n'
