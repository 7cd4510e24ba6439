"""`sensebind record`: what sensors give, or a running robot perceives, in one file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sensebind.agent.cli.options import Checkpoint, Json, check_new, weights
from sensebind.agent.cli.output import loading
from sensebind.agent.cli.signals import until_signal
from sensebind.errors import ConfigurationError

if TYPE_CHECKING:
    from sensebind.agent.robot.pose_recorder import Ask
    from sensebind.perception.simhome.server import SimHomeServer

_HOME = ("camera", "microphone", "lidar")


def record(
    output: Annotated[Path, typer.Argument(help="The MCAP file to write.")],
    sources: Annotated[
        list[str] | None,
        typer.Argument(help="STREAM=KIND:TARGET, such as camera=camera:0 mic=microphone:default"),
    ] = None,
    home: Annotated[
        int | None, typer.Option(min=0, help="Record a simulated home of this seed.")
    ] = None,
    robot: Annotated[
        Path | None, typer.Option(help="Record a robot that runs here, by its YAML file.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0, help="How long; until Ctrl-C by default.")
    ] = None,
    pictures: Annotated[
        Literal["png", "jpeg"], typer.Option(help="png keeps every bit, jpeg is smaller.")
    ] = "png",
    percepts: Annotated[bool, typer.Option(help="Record what is perceived, too.")] = True,
    checkpoint: Checkpoint = None,
    as_json: Json = False,
) -> int:
    """Record what the sensors give and what is perceived, for Foxglove and for `replay`."""
    # Of sources every observation is recorded, and percepts are made of the newest ones as fast as
    # that goes. Of a robot its own percepts are recorded, each with the frame it was made of.
    if robot is not None:
        if sources or home is not None or checkpoint or not percepts:
            raise ConfigurationError(
                "--robot records what a robot perceives: it goes with no other source, no "
                "--checkpoint and no --no-percepts"
            )
        return _record_robot(output, robot, seconds, as_json)
    named = dict(_named(text) for text in sources or ())
    if not named and home is None:
        raise ConfigurationError(
            "nothing to record: give STREAM=KIND:TARGET, --home SEED or --robot FILE"
        )
    check_new(output)
    directory = weights(checkpoint)
    with loading("getting ready"):
        import torch

        from sensebind.agent.robot.perceiver import Perceiver
        from sensebind.agent.robot.pose_recorder import PoseRecorder
        from sensebind.agent.robot.source_recorder import SourceRecorder
        from sensebind.perception.frames.recording import Recorder
        from sensebind.perception.simhome.server import SimHomeServer
        from sensebind.perception.sources.registry import open_source

    torch.set_num_threads(1)  # the sum of a row is the same in a replay
    with ExitStack() as stack:
        stop = stack.enter_context(until_signal())
        server = None
        if home is not None:
            server = stack.enter_context(SimHomeServer(home))
            named |= {stream: f"simhome:{server.sensors}" for stream in _HOME}
        opened = [open_source(spec, stream=stream) for stream, spec in named.items()]
        perceiver = None
        if percepts:
            perceiver = Perceiver(directory)
            perceiver.load(source.modality for source in opened)
        recorder = stack.enter_context(Recorder(output, pictures))
        session = SourceRecorder(recorder, stop)
        if server is not None:
            session.places = PoseRecorder(recorder, stack.enter_context(_followed(server)))
        session.run(opened, perceiver, seconds)
        counts = dict(recorder.counts)
    _show(output, counts, session.summary(), as_json)
    return 0 if all(counts.get(f"/{stream}") for stream in named) else 1


def _record_robot(output: Path, robot: Path, seconds: float | None, as_json: bool) -> int:
    from sensebind.agent.robot.bus_recorder import Tap
    from sensebind.agent.robot.config_file import read_config
    from sensebind.agent.robot.forgetting import note_recording
    from sensebind.perception.frames.recording import Recorder

    config = read_config(robot)
    if not config.directory.is_dir():
        raise ConfigurationError(
            f"{robot}: this robot does not run here; start it with `sensebind run`"
        )
    check_new(output)
    note_recording(config, output)
    with until_signal() as stop, Recorder(output) as recorder:
        tap = Tap(config, recorder)
        tap.run(stop, seconds)
        counts, lost = dict(recorder.counts), tap.lost()
    troubles = {
        stream: f"of {count} percepts the robot kept no frame"
        for stream, count in tap.unkept.items()
    }
    if tap.places.trouble:
        troubles["places"] = tap.places.trouble
    names = config.stream_names.values()
    troubles |= {name: "nothing came" for name in names if not counts.get(f"/{name}/percept")}
    _show(output, counts, {"dropped": lost, "refused": 0, "troubles": troubles}, as_json)
    return 0 if all(counts.get(f"/{name}/percept") for name in names) else 1


@contextmanager
def _followed(home: SimHomeServer) -> Iterator[Ask]:
    """Follow the robot of a simulated home; gives what answers where it was."""
    from sensebind.agent.robot.whereabouts import Follower, poses_since
    from sensebind.perception.geometry.pose import PoseTrack
    from sensebind.perception.simhome.client import RobotClient

    track, robot = PoseTrack(), RobotClient(home.robot)
    with Follower(robot.pose, track):
        yield partial(poses_since, track)


def _show(output: Path, counts: dict[str, int], summary: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps({"file": str(output), "counts": counts, **summary}))
        return
    what = ", ".join(f"{count} {topic}" for topic, count in counts.items()) or "nothing"
    print(f"{output}: {what}")
    for stream, reason in summary["troubles"].items():
        print(f"{stream}: {reason}", file=sys.stderr)


def _named(text: str) -> tuple[str, str]:
    stream, separator, spec = text.partition("=")
    if not separator:
        raise ConfigurationError(f"{text!r}: name the stream, such as camera=camera:0")
    return stream, spec
