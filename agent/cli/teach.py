"""`sensebind teach`: names for what a robot is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sensebind.agent.cli import inputs
from sensebind.agent.cli.options import Json
from sensebind.agent.cli.output import loading
from sensebind.errors import InputError
from sensebind.printable import printable, printable_json

if TYPE_CHECKING:
    from sensebind.memory.taught import View


def teach(
    robot: Annotated[Path, typer.Argument(help="The robot's YAML file, whether it runs or not.")],
    name: Annotated[str, typer.Argument(help='What is shown, such as "my mug".')] = "",
    image: inputs.ExampleImage = None,
    audio: inputs.ExampleAudio = None,
    points: inputs.ExamplePoints = None,
    remove: Annotated[bool, typer.Option("--remove", help="Forget the name.")] = False,
    list_names: Annotated[bool, typer.Option("--list", help="List the names.")] = False,
    as_json: Json = False,
) -> int:
    """Teach a robot a name by showing: several views make it surer."""
    files = {
        modality: paths
        for modality, paths in {"vision": image, "audio": audio, "point": points}.items()
        if paths
    }
    _check(name, files, remove, list_names)
    with loading("reading the weights"):
        from sensebind.agent.robot.config_file import read_config
        from sensebind.agent.robot.teaching import taught_names, teach_files

        config = read_config(robot)
        names = taught_names(config)
        if files:
            from sensebind.agent.conditioning.media_encoder import MediaEncoder

            taught = teach_files(names, MediaEncoder(config.weights, list(files)), name, files)
    if list_names:
        _show(names.names(), as_json)
    elif remove:
        gone = names.remove(name)
        print(
            printable_json({"removed": name, "views": gone})
            if as_json
            else f"{printable(name)} is forgotten ({gone} views)"
        )
    elif as_json:
        print(printable_json({"name": name, "views": taught}))
    else:
        views = ", ".join(f"{count} of {modality}" for modality, count in taught.items())
        print(f"{printable(name)} is known now: views: {views}")
    return 0


def _check(name: str, files: dict[str, list[Path]], remove: bool, list_names: bool) -> None:
    if list_names:
        if name or files or remove:
            raise InputError("--list takes the robot's file alone")
        return
    if not name.strip():
        raise InputError("say what is taught: teach rover.yaml NAME --image FILE")
    if remove and files:
        raise InputError("--remove takes a name alone, without files")
    if not remove and not files:
        raise InputError(f"nothing is shown for {name!r}: give --image, --audio or --points")
    for path in (path for paths in files.values() for path in paths):
        if not path.is_file():
            raise InputError(f"no file {path}")


def _show(names: Mapping[str, Sequence[View]], as_json: bool) -> None:
    rows = {
        name: {
            modality: sum(view.modality == modality for view in views)
            for modality in dict.fromkeys(view.modality for view in views)
        }
        for name, views in names.items()
    }
    if as_json:
        print(printable_json({"names": rows}))
        return
    for name, views in rows.items():
        counts = ", ".join(f"{count} of {modality}" for modality, count in views.items())
        print(f"{printable(name)}: views: {counts}")
    if not rows:
        print("no names are taught")
