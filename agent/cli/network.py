"""`sensebind proxy` and `sensebind keys`: robots and agents on several machines."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from sensebind.agent.cli.options import Json, Keys
from sensebind.agent.cli.signals import until_signal

_LOOK_SECONDS = 1.0  # from one look at the proxy to the next
keys_app = typer.Typer(help="Keys that let other machines listen, and say whom we believe.")


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
    from sensebind.perception.bus.curve_keys import KeyRing, default_directory
    from sensebind.perception.bus.proxy import Proxy

    directory = (keys or default_directory()).expanduser()
    ring = KeyRing.load(directory) if keys or (directory / "own.key_secret").exists() else None
    with until_signal() as stop, Proxy(upstream, listen, ring) as running:
        listening = {"listening": running.endpoint}
        print(json.dumps(listening) if as_json else f"listening at {running.endpoint}", flush=True)
        until = math.inf if seconds is None else time.monotonic() + seconds
        while not stop.wait(min(_LOOK_SECONDS, max(until - time.monotonic(), 0.0))):
            running.check()
            if time.monotonic() >= until:
                break
        counts = asdict(running.counts)
    print(json.dumps(counts) if as_json else ", ".join(f"{n} {v}" for n, v in counts.items()))
    return 0


@keys_app.command("new")
def keys_new(directory: Keys = None) -> int:
    """Make a key pair; give the public half, own.key, to those you want to talk with."""
    from sensebind.perception.bus.curve_keys import default_directory, new_keys

    print(new_keys((directory or default_directory()).expanduser()))
    return 0


@keys_app.command("allow")
def keys_allow(
    file: Annotated[Path, typer.Argument(help="own.key of another machine.")],
    name: Annotated[str, typer.Option(help="What to call it; the file's name by default.")] = "",
    directory: Keys = None,
) -> int:
    """Let the owner of a public key listen, and believe it as a robot."""
    from sensebind.perception.bus.curve_keys import allow_key, default_directory

    print(allow_key((directory or default_directory()).expanduser(), file, name))
    return 0


@keys_app.command("revoke")
def keys_revoke(
    name: Annotated[str, typer.Argument(help="As `keys list` calls it.")],
    directory: Keys = None,
) -> int:
    """Let the owner of a key listen no more; its connections are closed within seconds."""
    from sensebind.perception.bus.curve_keys import default_directory, revoke_key

    revoke_key((directory or default_directory()).expanduser(), name)
    print(f"{name} is not allowed any more")
    return 0


@keys_app.command("list")
def keys_list(directory: Keys = None, as_json: Json = False) -> int:
    """Show our own public key and those that are allowed."""
    from sensebind.perception.bus.curve_keys import KeyRing, default_directory

    ring = KeyRing.load(directory or default_directory())
    own, allowed = ring.public.decode(), {n: k.decode() for k, n in ring.allowed.items()}
    if as_json:
        print(json.dumps({"own": own, "allowed": allowed}))
    else:
        print(f"own  {own}")
        for name, key in sorted(allowed.items()):
            print(f"{name}  {key}")
    return 0
