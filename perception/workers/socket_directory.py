"""The folder of a supervisor's sockets."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from sensebind.errors import StorageError


class SocketDirectory:
    """Where the sockets are, for its owner only.

    Attributes:
        path: The folder.
    """

    def __init__(self, path: Path | None) -> None:
        """Make the folder.

        Args:
            path: Where; a new one of its own by default.

        Raises:
            StorageError: It cannot be made.
        """
        try:
            if path is None:
                path = Path(tempfile.mkdtemp(prefix="sensebind-"))  # of mode 0700
            else:
                path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StorageError(f"no directory for the bus can be made: {error}") from error
        self.path = path

    def remove(self) -> None:
        """Remove the folder and what is left in it."""
        shutil.rmtree(self.path, ignore_errors=True)
