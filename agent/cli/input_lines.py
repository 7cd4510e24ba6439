"""Lines that somebody types, pipes or has written into a script, handed out one at a time.

In a pipe or a script lines keep their order, and none is read before it is wanted. At a terminal
what is typed is always being read: at a prompt by the line editor, and while the robot is busy by a
thread that looks for a stop. Only one of the two reads at any time; the thread has ended before the
editor begins.
"""

import io
import os
import select
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sensebind.errors import InputError

_MAX_SCRIPT = 1_000_000  # bytes
_MAX_TYPED = 100  # lines that wait for their turn
_CHUNK = 4096  # bytes; a terminal hands out a line at most


class InputLines:
    """Where lines come from.

    Attributes:
        interactive: Whether a person types them.
        prompt: What a person is typing after; empty while nobody is asked.
    """

    def __init__(
        self, *, script: Path | None = None, person: bool = True, heard: Callable[[str], bool]
    ) -> None:
        """Reads nothing but the script.

        Args:
            script: File with a line each; standard input by default.
            person: Whether a terminal is taken for a person.
            heard: Called with each line that is typed while nobody is asked, from a thread, as soon
                as it is read. Returns whether the line is a stop, which drops those before it.

        Raises:
            InputError: The script cannot be read.
        """
        self._script = None if script is None else iter(_read_script(script))
        if isinstance(sys.stdin, io.TextIOWrapper):  # another encoding is no reason to end
            sys.stdin.reconfigure(errors="replace")
        self.interactive = script is None and person and sys.stdin.isatty()
        self.prompt = ""
        self._heard = heard
        self._typed: deque[str] = deque(maxlen=_MAX_TYPED)
        self._ended = False

    def read(self, prompt: str) -> str | None:
        """Returns the next line without spaces around it, or None at the end.

        Args:
            prompt: What a person is shown.

        Raises:
            KeyboardInterrupt: Ctrl-C at the prompt.
        """
        if self._script is not None:
            line = next(self._script, None)
            return None if line is None else line.strip()
        if not self.interactive:
            line = sys.stdin.readline()
            return line.strip() if line else None
        if self._typed:
            line = self._typed.popleft()
            print(f"{prompt}{line}")
            return line
        if self._ended:
            return None
        import readline  # noqa: F401  # gives input() a history and a line editor

        self.prompt = prompt
        try:
            return input(prompt).strip()
        except EOFError:
            print()
            return None
        finally:
            self.prompt = ""

    def drop_typed(self) -> list[str]:
        """Drops what was typed before a question is shown, so that it cannot answer it.

        Returns:
            What was dropped, for the person to see; a stop among it has been `heard`.
        """
        dropped = list(self._typed)
        self._typed.clear()
        for line in self._unread().splitlines():
            if line.strip():
                self._heard(line.strip())
                dropped.append(line.strip())
        return dropped

    def _unread(self) -> str:
        """Takes what a terminal holds, also the beginning of a line."""
        if (terminal := self._terminal()) is None:
            return ""
        import termios

        before = termios.tcgetattr(terminal)
        raw = termios.tcgetattr(terminal)
        raw[3] &= ~termios.ICANON
        raw[6][termios.VMIN] = raw[6][termios.VTIME] = 0
        found = b""
        termios.tcsetattr(terminal, termios.TCSANOW, raw)
        try:
            while chunk := os.read(terminal, _CHUNK):
                found += chunk
        finally:
            termios.tcsetattr(terminal, termios.TCSANOW, before)
        return found.decode(errors="replace")

    def _terminal(self) -> int | None:
        """The descriptor of the terminal that a person types at, if there is one."""
        if not self.interactive:
            return None
        try:
            descriptor = sys.stdin.fileno()
        except (OSError, ValueError):
            return None
        return descriptor if os.isatty(descriptor) else None

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Looks at what a person types inside, line by line, and keeps it for `read`."""
        terminal = self._terminal()
        if terminal is None:
            yield
            return
        wake, waking = os.pipe()
        thread = threading.Thread(target=self._watch, args=(terminal, wake), name="input")
        thread.start()
        try:
            yield
        finally:
            os.write(waking, b".")
            thread.join()
            os.close(waking)
            os.close(wake)

    def _watch(self, terminal: int, wake: int) -> None:
        rest = b""
        while not self._ended:
            ready, _, _ = select.select([terminal, wake], [], [])
            if wake in ready and terminal not in ready:
                break
            try:
                chunk = os.read(terminal, _CHUNK)
            except OSError:  # the terminal has gone
                chunk = b""
            self._ended = not chunk  # Ctrl-D, too
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._take(line)
        if rest:
            self._take(rest)

    def _take(self, raw: bytes) -> None:
        line = raw.decode(errors="replace").strip()
        if not line:
            return
        stops = self._heard(line)
        if stops:  # what was ordered before is not meant any more
            self._typed.clear()
        self._typed.append(line)


def _read_script(path: Path) -> list[str]:
    try:
        if path.stat().st_size > _MAX_SCRIPT:
            raise InputError(f"the script {path} is larger than 1 MB")
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"the script {path} cannot be read: {reason}") from error
