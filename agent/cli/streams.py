"""`sensebind run`, `top`, `doctor`, `chaos`, `proxy`, `config`, `keys`: senses and the network."""

from pathlib import Path
from typing import Annotated

import typer

from sensebind.agent.cli import init, run, stop
from sensebind.agent.cli.options import Json

_KEYS_HELP = "Key directory; ~/.config/sensebind/keys by default."
Robot = Annotated[Path, typer.Argument(help="The robot's YAML file, see examples/simhome.yaml.")]
Keys = Annotated[Path | None, typer.Option(help=_KEYS_HELP)]

config = typer.Typer(help="Robot files: what may be in them, and whether one is right.")
keys = typer.Typer(help="Keys that let other machines listen, and tell whom we believe.")


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command()(init.init)
    app.command()(run.run)
    app.command()(stop.stop)
    app.command()(top)
    app.command()(doctor)
    app.command()(chaos)
    app.command()(proxy)
    app.add_typer(config, name="config")
    app.add_typer(keys, name="keys")


def top(
    config: Annotated[Path | None, typer.Argument(help="A robot; else all that run here.")] = None,
    connect: Annotated[
        list[str] | None,
        typer.Option(help="Listen there instead, such as tcp://rover@10.0.0.5:7000."),
    ] = None,
    keys: Keys = None,
    once: Annotated[bool, typer.Option("--once", help="One snapshot as text.")] = False,
    as_json: Json = False,
) -> int:
    """Show rate, age, losses and memory of all streams. Piped: one snapshot."""
    from sensebind.agent.cli.top import run
    from sensebind.perception.bus.curve_keys import default_directory

    if keys is None and any(not e.startswith("ipc://") for e in connect or ()):
        own = default_directory()
        keys = own if (own / "own.key_secret").exists() else None
    return run(config, connect or (), keys, as_json, once)


def doctor(
    config: Annotated[Path | None, typer.Argument(help="A robot to look at, too.")] = None,
    as_json: Json = False,
) -> int:
    """Look at devices, libraries, weights, ports, keys and disk, and say how to mend each."""
    from sensebind.agent.robot.doctor import run

    return run(config, as_json)


def chaos(
    robot: Robot,
    only: Annotated[
        list[str] | None,
        typer.Option(help="kill, stop, gone, clock, slow, flood, corrupt or disk; all by default."),
    ] = None,
    times: Annotated[int, typer.Option(min=1, help="How often each trial is made.")] = 1,
    seed: Annotated[int, typer.Option(help="Of their order.")] = 0,
    as_json: Json = False,
) -> int:
    """Start a robot, let everything fail that may fail, and tell what came of it."""
    from sensebind.agent.robot.chaos import run

    return run(robot, only or (), times, seed, as_json)


@config.command("schema")
def config_schema() -> int:
    """Print the JSON schema of a robot's file, for editors."""
    from sensebind.agent.robot.config_file import print_schema

    return print_schema()


@config.command("check")
def config_check(robot: Robot) -> int:
    """Read a robot's file, and tell what is wrong with it, with line and field."""
    from sensebind.agent.robot.config_file import check

    return check(robot)


def proxy(
    upstream: Annotated[list[str], typer.Argument(help="Endpoints of robots or other proxies.")],
    listen: Annotated[str, typer.Option(help="Where to publish all of them.")],
    keys: Keys = None,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="End after so long; else at Ctrl-C.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Join many robots behind one address, for many agents."""
    from sensebind.agent.cli.network import run_proxy

    return run_proxy(upstream, listen, keys, seconds, as_json)


@keys.command("new")
def keys_new(directory: Keys = None) -> int:
    """Make a key pair; give the public half, own.key, to those you want to talk with."""
    from sensebind.perception.bus.curve_keys import default_directory, new_keys

    print(new_keys((directory or default_directory()).expanduser()))
    return 0


@keys.command("allow")
def keys_allow(
    file: Annotated[Path, typer.Argument(help="own.key of another machine.")],
    name: Annotated[str, typer.Option(help="What to call it; the file's name by default.")] = "",
    directory: Keys = None,
) -> int:
    """Let the owner of a public key listen, and believe it as a robot."""
    from sensebind.perception.bus.curve_keys import allow_key, default_directory

    print(allow_key((directory or default_directory()).expanduser(), file, name))
    return 0


@keys.command("list")
def keys_list(directory: Keys = None, as_json: Json = False) -> int:
    """Show our own public key and those that are allowed."""
    from sensebind.agent.cli.network import list_keys

    return list_keys(directory, as_json)
