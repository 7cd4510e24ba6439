"""Opens sources by name: "camera:0", "microphone:default", "replay:FILE", or one of a third party.

A package adds a kind of source by an entry point in its pyproject.toml, and tests it with
`sensebind.perception.sources.conformance.SourceConformance`:

    [project.entry-points."sensebind.sources"]
    thermal = "my_package.thermal:ThermalCamera"

The class is called as `ThermalCamera(target, stream=…, **options)` when its kind is opened.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from sensebind.errors import ConfigurationError, MissingDependencyError, SenseBindError
from sensebind.perception.sources.base import Device, Source

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "sensebind.sources"
FACTORY = "sensebind.perception.sources.registry:open_source"
"""What a `WorkerSpec` names as its source's factory; the arguments are `spec` and `stream`."""

_PACKAGE = "sensebind.perception.sources"
_BUILT_IN = {
    "audio": "audio_file:AudioFile",
    "bag": "rosbag:Bag",
    "camera": "camera:Camera",
    "cloud": "point_cloud_files:CloudFiles",
    "microphone": "microphone:Microphone",
    "ouster": "ouster:Ouster",
    "replay": "replay:Replay",
    "ros": "ros_topic:RosTopic",
    "simhome": "simhome:SimHomeSource",
    "sweeps": "sweeps:Sweeps",
    "velodyne": "velodyne:Velodyne",
    "video": "video:VideoFile",
    "zenoh": "zenoh_topic:ZenohTopic",
}
_OTHER_WORDS = {
    "webcam": "camera",
    "usb": "camera",
    "rtsp": "camera",
    "v4l": "camera",
    "mic": "microphone",
    "wav": "audio",
    "sound": "audio",
    "mp4": "video",
    "movie": "video",
    "points": "cloud",
    "pointcloud": "cloud",
    "pcd": "cloud",
    "rosbag": "bag",
    "mcap": "replay",
    "topic": "ros",
    "rmw_zenoh": "zenoh",
    "ros2": "zenoh",
    "lidar": "velodyne",
    "vlp16": "velodyne",
    "simulation": "simhome",
}
"""What people call a kind of source; for the question in an error."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of source and what it finds on this machine.

    Attributes:
        name: What stands before the colon of a spec.
        summary: What it is, in a line.
        devices: What could be opened now; empty for kinds that need a target.
        problem: Why the kind cannot be used here and what to do about it, or "".
    """

    name: str
    summary: str
    devices: tuple[Device, ...] = ()
    problem: str = ""


def open_source(spec: str | Mapping[str, Any], *, stream: str) -> Source:
    """Build the source that a configuration names; its `with` statement opens the device.

    Args:
        spec: "KIND:TARGET", or a mapping with that under "source" and options of the kind.
        stream: What the stream is called.

    Raises:
        ConfigurationError: There is no such kind, or it takes other options.
        MissingDependencyError: The kind needs a package that is not installed.
    """
    options: dict[str, Any] = {}
    name: Any = spec
    if isinstance(spec, Mapping):
        options = {str(key): value for key, value in spec.items() if key != "source"}
        name = spec.get("source")
    if not isinstance(name, str) or not name:
        raise ConfigurationError(
            f"{stream}: a source is named by a text such as 'camera:0', not by {name!r}"
        )
    kind, _, target = name.partition(":")
    if kind == "camera" and Path(target).is_file():  # but no device
        kind = "video"
    try:
        factory = _factory(kind)
    except ConfigurationError as error:
        raise ConfigurationError(f"{stream}: {error}") from error
    try:
        inspect.signature(factory).bind(target, stream=stream, **options)
    except TypeError as error:
        raise ConfigurationError(
            f"{stream}: source {kind!r} cannot be opened with these options: {error}; "
            f"it takes {_parameters(factory)}"
        ) from error
    _check_values(f"{stream}: source {kind!r}", factory, options)
    return factory(target, stream=stream, **options)


def check_kind(kind: str) -> None:
    """Refuse a kind of source that there is not.

    Args:
        kind: What stands before the colon of a spec.

    Raises:
        ConfigurationError: There is none; the message says what was probably meant.
    """
    if kind not in _BUILT_IN and kind not in (plugins := _plugins()):
        known = sorted({*_BUILT_IN, *plugins})
        raise ConfigurationError(
            f"there is no source {kind!r}{_meant(kind, known)}; there are {', '.join(known)}"
        )


def find_sources() -> list[Kind]:
    """List every kind of source, the devices it finds, and why a kind cannot be used."""
    return [_look(name) for name in sorted({*_BUILT_IN, *_plugins()})]


def _look(name: str) -> Kind:
    try:
        factory = _factory(name)
    except SenseBindError as error:
        return Kind(name, "", problem=str(error))
    summary = (inspect.getdoc(factory) or "").partition("\n")[0]
    find: Callable[[], list[Device]] | None = getattr(factory, "find", None)
    if find is None:
        return Kind(name, summary)
    try:
        return Kind(name, summary, tuple(find()))
    except SenseBindError as error:
        return Kind(name, summary, problem=str(error))


def _plugins() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points  # only for a name that is not built in

    return {point.name: point for point in entry_points(group=GROUP)}


def _factory(kind: str) -> Callable[..., Source]:
    """Import what builds the sources of a kind; the built-in ones come first."""
    check_kind(kind)
    plugins = _plugins() if kind not in _BUILT_IN else {}
    try:
        if kind in plugins:
            return plugins[kind].load()
        module, _, attribute = _BUILT_IN[kind].partition(":")
        return getattr(importlib.import_module(f"{_PACKAGE}.{module}"), attribute)
    except (ImportError, AttributeError) as error:
        owner = f" of {plugins[kind].value}" if kind in plugins else ""
        raise MissingDependencyError(f"source {kind!r}{owner} cannot be loaded: {error}") from error


def _check_values(where: str, factory: Callable[..., Source], options: Mapping[str, Any]) -> None:
    """Refuse options of another type than a source's signature says, such as a width in words.

    Raises:
        ConfigurationError: One is; the message names it.
    """
    if not options:
        return
    from pydantic import PydanticSchemaGenerationError, TypeAdapter, ValidationError

    try:
        hints = get_type_hints(factory.__init__ if isinstance(factory, type) else factory)
    except NameError:  # imported for type checkers alone
        return
    for name in options.keys() & hints.keys():
        try:
            TypeAdapter(hints[name]).validate_python(options[name])
        except PydanticSchemaGenerationError:
            continue  # a class of its own, which takes care of itself
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]
            if problem["type"] == "literal_error":
                continue  # a word that the source does not know: it says which it knows
            raise ConfigurationError(f"{where}: {name}: {problem['msg']}") from error


def _meant(kind: str, known: Sequence[str]) -> str:
    """Return a question for what was probably meant, or ""."""
    import difflib

    names = {name: name for name in known} | _OTHER_WORDS
    near = difflib.get_close_matches(kind.lower(), names, n=1, cutoff=0.7)
    return f": did you mean {names[near[0]]}?" if near else ""


def _parameters(factory: Callable[..., Source]) -> str:
    names = list(inspect.signature(factory).parameters)[1:]
    return ", ".join(name for name in names if name != "stream") or "none"
