"""`sensebind proxy` and `sensebind keys list`."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from sensebind.perception.bus.curve_keys import KeyRing, default_directory
from sensebind.perception.bus.proxy import Proxy


def run_proxy(
    upstreams: Sequence[str],
    listen: str,
    keys: Path | None = None,
    seconds: float | None = None,
    as_json: bool = False,
) -> int:
    """Run a proxy until Ctrl-C or SIGTERM; print its address and, at the end, its counts.

    Raises:
        BusError: An endpoint is refused, malformed or in use.
    """
    directory = (keys or default_directory()).expanduser()
    ring = KeyRing.load(directory) if keys or (directory / "own.key_secret").exists() else None
    stop = threading.Event()
    handlers = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        for one in handlers:
            signal.signal(one, lambda *_: stop.set())
        with Proxy(upstreams, listen, ring) as proxy:
            listening = {"listening": proxy.endpoint}
            print(
                json.dumps(listening) if as_json else f"listening at {proxy.endpoint}", flush=True
            )
            stop.wait(seconds)
            counts = asdict(proxy.counts)
    finally:
        for one, handler in handlers.items():
            signal.signal(one, handler)
    print(json.dumps(counts) if as_json else ", ".join(f"{n} {v}" for n, v in counts.items()))
    return 0


def list_keys(directory: Path | None, as_json: bool) -> int:
    """Print our public key and those that are allowed.

    Raises:
        BusError: There are no keys, or a file is damaged.
    """
    ring = KeyRing.load(directory or default_directory())
    own, allowed = ring.public.decode(), {n: k.decode() for k, n in ring.allowed.items()}
    if as_json:
        print(json.dumps({"own": own, "allowed": allowed}))
    else:
        print(f"own  {own}")
        for name, key in sorted(allowed.items()):
            print(f"{name}  {key}")
    return 0
