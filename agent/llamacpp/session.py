"""A dialog that llama.cpp computes: `Session`'s contract by its low-level calls.

One context of llama.cpp holds one vector for all of its tokens. So tokens that are read under
different conditions are read one stretch after the other; what is cached stays as it was read.
"""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import groupby
from types import ModuleType
from typing import Self

import numpy as np
import torch
from torch import Tensor

from sensebind.agent.gated_llama.session import NO_CONDITION, Session
from sensebind.agent.llamacpp.conditions import ConditionPath
from sensebind.agent.llamacpp.library import errors, library
from sensebind.agent.llamacpp.loaded import LlamaFile
from sensebind.errors import LanguageModelError

FIRST_CAPACITY = 512  # tokens of a new context; it doubles when it is full
BATCH = 256  # most tokens that are computed at once
LOOK_SECONDS = 0.02  # how often it is looked whether the reading of a prompt is cancelled
_ABORTED = 2  # llama_decode's status
_SEQUENCE = 0


class LlamaCppSession(Session):
    """A dialog that llama.cpp computes, from a file that may serve several dialogs.

    Attributes:
        file: The loaded weights.
        path: Turns conditions into vectors.
    """

    def __init__(self, file: LlamaFile, path: ConditionPath, *, max_conditions: int = 64) -> None:
        """Begin an empty dialog.

        Args:
            file: The loaded weights.
            path: The condition path of the same model.
            max_conditions: Conditions kept beyond those of the newest prompt.
        """
        context = min(path.model.config.max_position_embeddings, file.context)
        super().__init__(context, torch.device("cpu"), max_conditions)
        self.file = file
        self.path = path
        self._library = library()
        self._standing = path.standing()
        self._vectors: np.ndarray | None = None  # that the context is steered by
        self._flag = ctypes.create_string_buffer(2)  # see `_abort_callback`
        self._handle: object = None
        self._capacity = 0
        self._release: weakref.finalize | None = None

    def close(self) -> None:
        """Give the memory of the cache back; the next prompt is read from its beginning."""
        with self._lock:
            self._shorten(0)
            if self._release is not None:
                self._release()
            self._handle, self._release, self._capacity = None, None, 0

    # --- what `Session` asks for ----------------------------------------------------------------

    def _adds(self, embeddings: Tensor, present: Tensor) -> np.ndarray:
        return self.path.vectors(embeddings, present)

    def _crop(self, length: int) -> None:
        if self._handle is not None and length < self._held:
            memory = self._library.llama_get_memory(self._handle)
            self._library.llama_memory_seq_rm(memory, _SEQUENCE, length, -1)

    @property
    def _held(self) -> int:
        """Tokens that the context holds, which after an error may be more than are noted."""
        memory = self._library.llama_get_memory(self._handle)
        return int(self._library.llama_memory_seq_pos_max(memory, _SEQUENCE)) + 1

    def _copy(self, length: int) -> Self:
        other = type(self)(self.file, self.path, max_conditions=self._max_conditions)
        if length and self._handle is not None:
            other._reserve(len(self._read))
            _copy_cache(self._library, self._handle, other._handle)
            other._crop(length)
        return other

    def _logits(
        self, tokens: list[tuple[int, int]], cancel: threading.Event | None
    ) -> Tensor | None:
        self._reserve(len(self._read) + len(tokens))
        # A single token is over before anybody could look.
        with self._stopping(cancel if len(tokens) > 1 else None):
            for known, stretch in groupby(tokens, key=lambda token: token[1]):
                run = list(stretch)
                for start in range(0, len(run), BATCH):
                    if not self._decode(run[start : start + BATCH], known):
                        return None
        numbers = self._library.llama_get_logits_ith(self._handle, -1)
        row = np.ctypeslib.as_array(numbers, (1, self.file.vocabulary))
        return torch.from_numpy(row.copy())  # the next token overwrites it

    def _decode(self, tokens: list[tuple[int, int]], known: int) -> bool:
        """Read tokens under one condition; returns whether they were read to their end."""
        lib = self._library
        ids = (lib.llama_token * len(tokens))(*(token for token, _ in tokens))
        vectors = self._standing if known == NO_CONDITION else self._added[known]
        with self.file.steered(self._handle, vectors, self._vectors):
            self._vectors = vectors
            status = lib.llama_decode(self._handle, lib.llama_batch_get_one(ids, len(tokens)))
        if status == 0:
            self._note(tokens)
            return True
        self._crop(len(self._read))
        if status == _ABORTED:
            return False
        raise LanguageModelError(f"llama.cpp read no tokens (status {status}): {errors()}")

    # --- contexts -------------------------------------------------------------------------------

    def _reserve(self, length: int) -> None:
        """Make room for so many tokens."""
        if length > self._capacity:
            wanted = min(max(FIRST_CAPACITY, 2 * self._capacity, length), self.context)
            before, release = self._handle, self._release
            handle = self._new_context(wanted)
            if before is not None and self._read:
                _copy_cache(self._library, before, handle)
            self._handle, self._capacity, self._vectors = handle, wanted, None
            self._release = weakref.finalize(self, _free, self._library, handle, self.file)
            if release is not None:
                release()
        threads = decoding_threads()
        self._library.llama_set_n_threads(self._handle, threads, threads)

    def _new_context(self, capacity: int) -> object:
        lib = self._library
        parameters = lib.llama_context_default_params()
        parameters.n_ctx = capacity
        parameters.n_batch = parameters.n_ubatch = min(BATCH, capacity)
        parameters.n_seq_max = 1
        parameters.no_perf = True
        if self.file.steered_by_biases:  # they are read where the file is mapped
            parameters.offload_kqv = parameters.op_offload = False
        parameters.abort_callback = _abort_callback()
        parameters.abort_callback_data = ctypes.addressof(self._flag)
        handle = lib.llama_init_from_model(self.file.handle, parameters)
        if not handle:
            raise LanguageModelError(f"no room for {capacity} tokens of llama.cpp: {errors()}")
        return handle

    @contextmanager
    def _stopping(self, cancel: threading.Event | None) -> Iterator[None]:
        """Inside, what llama.cpp computes is broken off when an event is set."""
        self._flag[0] = b"\0"
        if cancel is None:
            yield
            return
        over = threading.Event()

        def watch() -> None:
            while not over.wait(LOOK_SECONDS):
                if cancel.is_set():
                    self._flag[0] = b"\1"
                    return

        watcher = threading.Thread(target=watch, name="cancels-reading", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()
            self._flag[0] = b"\0"


def decoding_threads() -> int:
    """Threads of llama.cpp: PyTorch's number, and one processor stays free.

    Its threads wait for each other in loops. On two busy processors two of them gave 14 tokens a
    second where one gave 52 to 77 (SmolLM2-135M, Q8_0).
    """
    return min(torch.get_num_threads(), max(1, (os.cpu_count() or 1) - 1))


@lru_cache(maxsize=1)
def _abort_callback() -> object:
    """The function that llama.cpp asks after every operation whether to stop: C's own `strlen`.

    A function in Python would wait for the interpreter hundreds of times a token, while other
    threads hold it. `strlen` reads one byte: of the empty text it is false, of one letter true.
    """
    strlen = ctypes.CDLL(None).strlen
    return library().ggml_abort_callback(ctypes.cast(strlen, ctypes.c_void_p).value)


def _copy_cache(lib: ModuleType, source: object, target: object) -> None:
    """Copy the keys and values of all tokens from one context to another one."""
    size = lib.llama_state_seq_get_size(source, _SEQUENCE)
    data = (ctypes.c_uint8 * size)()
    lib.llama_state_seq_get_data(source, data, size, _SEQUENCE)
    if not lib.llama_state_seq_set_data(target, data, size, _SEQUENCE):
        raise LanguageModelError(f"llama.cpp cannot copy its cache: {errors()}")


def _free(lib: ModuleType, handle: object, file: LlamaFile) -> None:
    """Free a context; the file, which it reads from, is kept until then."""
    lib.llama_free(handle)
    del file
