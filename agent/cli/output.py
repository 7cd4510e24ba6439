"""Standard output and standard error of a command: any encoding, any reader, any disk."""

from __future__ import annotations

import codecs
import gc
import io
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_ESCAPES = "sensebind-escapes"
_LIGHT = {"OPENBLAS_NUM_THREADS": "1", "PYDANTIC_DISABLE_PLUGINS": "__all__"}
_PATIENCE = 1.0  # seconds after which a person sees what takes so long


def prepare_output() -> None:
    r"""Makes standard output and standard error take every character.

    What their encoding lacks is written as JSON escapes it, `\u4f60`, so that the JSON that a
    command prints stays the same JSON in any locale. Names of files that are not UTF-8 are, too.
    """
    codecs.register_error(_ESCAPES, _escape)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ESCAPES)


def flush_output() -> OSError | None:
    """Writes what standard output still holds.

    Returns:
        Why it cannot be written, such as that the reader has gone or the disk behind it is full;
        None if all is written.
    """
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        return error
    return None


def discard_output() -> None:
    """Sends what standard output still holds, and all that follows, nowhere."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


@contextmanager
def loading(what: str) -> Iterator[None]:
    """As `progress`, for a body that imports modules and reads weights.

    Meanwhile the garbage collector rests: of the million objects that are made then nearly all
    stay, and looking through them again and again takes a tenth of the time. What is there at the
    end is left out of later looks, too.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        with progress(what):
            yield
    finally:
        gc.freeze()
        if collecting:
            gc.enable()


@contextmanager
def lightly() -> Iterator[None]:
    """For a body that imports modules: without what takes time and is of no use to it.

    NumPy's BLAS would start threads, and pydantic would look for plug-ins in all packages.
    Processes that are started later have the environment as it was.
    """
    given = {name: os.environ.get(name) for name in _LIGHT}
    os.environ |= {name: given[name] or value for name, value in _LIGHT.items()}
    try:
        yield
    finally:
        for name, value in given.items():
            if value is None:
                del os.environ[name]


@contextmanager
def progress(what: str) -> Iterator[None]:
    """Shows a line on the terminal while the body takes longer than a second.

    The line is erased at the end. Where standard error is not a terminal nothing is shown: there
    an error is the only line.

    Args:
        what: Is done, such as "reading the weights".
    """
    stream = sys.stderr
    if stream is None or not stream.isatty():
        yield
        return
    done = threading.Event()

    def tell() -> None:
        if not done.wait(_PATIENCE):
            with suppress(OSError):
                stream.write(f"{what} …")
                stream.flush()
                done.wait()
                stream.write("\r\x1b[K")
                stream.flush()

    thread = threading.Thread(target=tell, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    escapes = (f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
    return "".join(escapes), error.end
