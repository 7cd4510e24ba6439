"""llama.cpp's C functions, by llama-cpp-python: loaded when asked for, and silent."""

from __future__ import annotations

import ctypes
import importlib
import threading
from collections import deque
from functools import lru_cache
from types import ModuleType

from sensebind.errors import MissingDependencyError, one_line

_ERROR = 3  # GGML_LOG_LEVEL_ERROR
_CONTINUED = 5  # GGML_LOG_LEVEL_CONT


class _Log:
    """Keeps the newest errors that llama.cpp logs, instead of having them printed."""

    def __init__(self, binding: ModuleType) -> None:
        self._lines: deque[str] = deque(maxlen=8)
        self._lock = threading.Lock()
        self._level = 0
        self._callback = binding.llama_log_callback(self._log)  # C holds no reference to it
        binding.llama_log_set(self._callback, ctypes.c_void_p(0))

    def _log(self, level: int, text: bytes, _: object) -> None:
        with self._lock:
            self._level = self._level if level == _CONTINUED else level
            if self._level == _ERROR:
                self._lines.append(text.decode("utf-8", "replace").strip())

    def take(self) -> str:
        """The newest errors as one line, which are then forgotten."""
        with self._lock:
            said = "; ".join(line for line in self._lines if line)
            self._lines.clear()
        return said


@lru_cache(maxsize=1)
def library() -> ModuleType:
    """The module with llama.cpp's functions and structures, ready to be used.

    Raises:
        MissingDependencyError: llama-cpp-python is not installed, or its library does not fit this
            machine.
    """
    try:
        binding = importlib.import_module("llama_cpp")
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "llm: gguf:FILE needs llama.cpp: pip install 'sensebind[llamacpp]', with the settings "
            "of docs/llamacpp.md"
        ) from error
    except (OSError, RuntimeError) as error:  # a wheel that was built for other machines
        raise MissingDependencyError(
            f"llama.cpp cannot be loaded: {one_line(error)}: build it on this machine, see "
            "docs/llamacpp.md"
        ) from error
    _log(binding)
    binding.llama_backend_init()
    return binding


@lru_cache(maxsize=1)
def _log(binding: ModuleType) -> _Log:
    return _Log(binding)


def errors() -> str:
    """What llama.cpp has logged as errors since this was asked last; "" for nothing."""
    return one_line(ValueError(said)) if (said := _log(library()).take()) else ""
