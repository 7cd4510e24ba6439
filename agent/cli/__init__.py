"""The command line: `sensebind`."""

import errno
import sys
from collections.abc import Sequence
from contextlib import suppress

from sensebind.agent.cli.output import discard_output, flush_output, prepare_output
from sensebind.agent.cli.plain import plain_form
from sensebind.credentials import clean_logs, without_credentials
from sensebind.errors import SenseBindError
from sensebind.printable import printable

# What standard output fails with when the disk behind it is full or gone. Files that commands write
# themselves are named by errors of ours.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits: 0 well, 1 below a bar, 2 bad input, in one line."""
    prepare_output()
    clean_logs()
    stdout = sys.stdout
    try:
        code = _run(sys.argv[1:] if arguments is None else arguments)
        if (problem := flush_output()) is not None:
            raise problem
    except SenseBindError as error:
        code = _fail(str(error))
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:  # the reader has gone: there is nobody to print to
        code = 0
    except SystemExit as end:
        code = end.code
        if sys.stdout is not stdout:  # Typer puts another there when the reader has gone
            sys.stdout, code = stdout, 0
    except OSError as error:
        printing = error.filename is None and error.errno in _FULL
        code = _fail(
            f"standard output cannot be written: {error.strerror}" if printing else str(error)
        )
    if flush_output() is not None:
        discard_output()  # or the interpreter complains of it when it ends
    sys.exit(code if isinstance(code, int) else 0)


def _run(arguments: Sequence[str]) -> object:
    """Run a command, without Typer where its arguments need none."""
    if (command := plain_form(arguments)) is not None:
        return command()
    from sensebind.agent.cli.commands import run

    return run(arguments)


def _fail(message: str) -> int:
    shown = printable(without_credentials(" ".join(message.split())))
    with suppress(OSError):
        print(f"error: {shown}", file=sys.stderr)
    return 2
