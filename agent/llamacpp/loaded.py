"""A GGUF file that llama.cpp has loaded, and how it is steered by vectors."""

from __future__ import annotations

import ctypes
import struct
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np

from sensebind.agent.llamacpp.biases import BiasFile
from sensebind.agent.llamacpp.library import errors, library
from sensebind.errors import CheckpointError, ConfigurationError

BIASED = ("llama",)
"""Architectures whose graph adds `attn_output.bias`."""
_HEADER = struct.Struct("<4sIQQ")  # magic, version, tensors, metadata
_VERSIONS = (2, 3)
_TEXT_BYTES = 256


class LlamaFile:
    """The weights of a GGUF file, mapped, for any number of sessions.

    Vectors of a condition enter at the output of each block, as a control vector of the context,
    or at the output of the attention, as biases of the model.

    Attributes:
        path: The file.
        architecture: Such as `llama`.
        layers: Number of blocks.
        width: Of the residual stream.
        vocabulary: Number of tokens.
        context: Most tokens that it was trained to read.
        handle: llama.cpp's pointer.
        steered_by_biases: Whether vectors enter at the output of the attention.
    """

    def __init__(
        self, path: Path, *, layers: int, width: int, biases: bool, gpu: bool = False
    ) -> None:
        """Load a file.

        Args:
            path: The file, which is never written to.
            layers: Blocks that it must have.
            width: Of its residual stream.
            biases: Let vectors enter at the output of the attention: on a CPU only.
            gpu: Put the layers on a GPU, where llama.cpp was built for one.

        Raises:
            MissingDependencyError: llama.cpp is not installed.
            CheckpointError: Not a GGUF file, damaged, or of other sizes.
            ConfigurationError: Its architecture takes no vectors at the output of the attention.
        """
        self.path = path
        self._library = lib = library()
        tensors = _tensors(path)
        parameters = lib.llama_model_default_params()
        parameters.load_mode = lib.LLAMA_LOAD_MODE_MMAP
        parameters.n_gpu_layers = -1 if gpu and not biases else 0
        parameters.use_extra_bufts = not _uses_amx(lib)
        self._biases = BiasFile(layers, width) if biases else None
        if self._biases is None:
            handle = lib.llama_model_load_from_file(str(path).encode(), parameters)
        else:
            handle = _with_biases(lib, path, tensors, self._biases, parameters)
        if not handle:
            if self._biases is not None:
                self._biases.close()
            raise CheckpointError(f"{path} cannot be loaded: {errors() or 'not a model'}")
        self.handle = handle
        self._free = weakref.finalize(self, _free, lib, handle, self._biases)
        self.architecture = _text(lib, handle, "general.architecture")
        self.layers = int(lib.llama_model_n_layer(handle))
        self.width = int(lib.llama_model_n_embd(handle))
        self.vocabulary = _vocabulary(lib, handle, self.architecture)
        self.context = int(lib.llama_model_n_ctx_train(handle))
        self.steered_by_biases = biases
        self._lock = threading.Lock()
        self._written: np.ndarray | None = None
        self._check(layers, width)

    def _check(self, layers: int, width: int) -> None:
        lib, handle = self._library, self.handle
        if (self.layers, self.width) != (layers, width):
            raise CheckpointError(
                f"{self.path} has {self.layers} layers of width {self.width}, the adapter next to "
                f"it belongs to {layers} of width {width}"
            )
        if self.steered_by_biases and self.architecture not in BIASED:
            raise ConfigurationError(
                f"{self.path}: llama.cpp adds conditions at the attention output of architecture "
                f"{', '.join(BIASED)} only, not of {self.architecture}: use injection_point block"
            )
        partial = lib.llama_model_is_recurrent(handle) or lib.llama_model_is_hybrid(handle)
        if partial or lib.llama_model_has_encoder(handle) or lib.llama_model_n_swa(handle):
            raise ConfigurationError(
                f"{self.path}: of architecture {self.architecture} llama.cpp cannot forget single "
                "tokens, which a dialog needs"
            )

    @contextmanager
    def steered(self, context: object, vectors: np.ndarray, before: np.ndarray | None) -> Iterator:
        """Inside, tokens that a context reads are read under vectors.

        Args:
            context: llama.cpp's context.
            vectors: Float32 [layers, width], contiguous.
            before: What this context was steered by last; the same object is not set again.
        """
        if self._biases is not None:  # they are those of all contexts
            with self._lock:
                if self._written is not vectors:
                    self._biases.write(vectors)
                    self._written = vectors
                yield
            return
        if before is not vectors:
            # The first block has no place in a control vector. All other rows are always set: rows
            # that are left out keep what they were.
            data = vectors[1:].ctypes.data_as(ctypes.POINTER(ctypes.c_float))
            status = self._library.llama_set_adapter_cvec(
                context, data, vectors[1:].size, self.width, 1, self.layers - 1
            )
            if status:
                raise ConfigurationError(f"{self.path} takes no control vector: {errors()}")
        yield

    def close(self) -> None:
        """Free the weights; no session may use them any more."""
        self._free()


def _tensors(path: Path) -> int:
    """The number of tensors of a GGUF file.

    Raises:
        CheckpointError: It is none, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            start = file.read(_HEADER.size)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    if len(start) < _HEADER.size or start[:4] != b"GGUF":
        raise CheckpointError(f"{path} is not a GGUF file")
    _, version, tensors, _ = _HEADER.unpack(start)
    if version not in _VERSIONS:
        raise CheckpointError(f"{path} has version {version} of GGUF, not 2 or 3")
    return tensors


def _with_biases(
    lib: ModuleType, path: Path, tensors: int, biases: BiasFile, parameters: ctypes.Structure
) -> object:
    """Load a model from its own file and that of the biases, as if the model were split."""
    numbers = {
        "split.count": 2,
        "split.no": 0,
        "split.tensors.count": tensors + biases.layers,
    }
    overrides = (lib.llama_model_kv_override * (len(numbers) + 1))()  # one without a key ends them
    for one, (key, value) in zip(overrides, numbers.items(), strict=False):
        one.tag, one.key = lib.LLAMA_KV_OVERRIDE_TYPE_INT, key.encode()
        one.value.val_i64 = value
    parameters.kv_overrides = overrides
    with biases.path() as second:
        paths = (ctypes.c_char_p * 2)(str(path).encode(), str(second).encode())
        return lib.llama_model_load_from_splits(paths, 2, parameters)


def _uses_amx(lib: ModuleType) -> bool:
    """Whether llama.cpp was built with AMX, which must then be kept from being used.

    A thread has one tile configuration. llama.cpp sets it once and takes it for its own, PyTorch's
    kernels release it in the same thread, and some virtual machines announce AMX and do not keep
    it: the next product is an illegal instruction.
    """
    return b"AMX_INT8 = 1" in lib.llama_print_system_info()


def _text(lib: ModuleType, handle: object, key: str) -> str:
    buffer = ctypes.create_string_buffer(_TEXT_BYTES)
    found = lib.llama_model_meta_val_str(handle, key.encode(), buffer, _TEXT_BYTES)
    return buffer.value.decode("utf-8", "replace") if found >= 0 else ""


def _vocabulary(lib: ModuleType, handle: object, architecture: str) -> int:
    """Number of tokens; a file without a tokenizer names it in its metadata."""
    named = _text(lib, handle, f"{architecture}.vocab_size")
    return int(lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(handle)) or named or 0)


def _free(lib: ModuleType, handle: object, biases: BiasFile | None) -> None:
    lib.llama_model_free(handle)
    if biases is not None:
        biases.close()
