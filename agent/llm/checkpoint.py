"""Loading a language model checkpoint: weights, tokenizer, and what they say about themselves."""

from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerFast

from sensebind.agent.gated_llama.loading import load_gated_llama
from sensebind.agent.gated_llama.model import ConditionedLM
from sensebind.agent.gated_llama.session import DialogSession, Session
from sensebind.agent.gated_llama.tokenizer_files import (
    GENERATION_NAME,
    generation_settings,
    load_tokenizer,
    read_generation_config,
)
from sensebind.agent.llamacpp.conditions import ConditionPath, at_attention
from sensebind.agent.llamacpp.loaded import LlamaFile
from sensebind.agent.llamacpp.session import LlamaCppSession
from sensebind.agent.llm.constrained_decoding import GrammarEngine
from sensebind.checkpoints import default_checkpoint
from sensebind.checkpoints.layout import imagebind_directory
from sensebind.errors import CheckpointError, SenseBindError
from sensebind.perception.checkpoint_json import read_object, whole_number

PERCEIVED = ("vision", "audio", "point")  # what media in messages can be
GGUF = ".gguf"
"""Ending of a language model that llama.cpp computes."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A loaded gated LLaMA with its tokenizer.

    Attributes:
        path: Checkpoint directory.
        model: In eval mode; where llama.cpp computes, only the condition path has values.
        tokenizer: Fast tokenizer with a chat template.
        grammars: Compiles tool grammars for it.
        stop_ids: Tokens that end a reply.
        conditions: The condition path, where llama.cpp computes the blocks.
        file: Their weights there.
    """

    path: Path
    model: ConditionedLM = field(repr=False)
    tokenizer: PreTrainedTokenizerFast = field(repr=False)
    grammars: GrammarEngine = field(repr=False)
    stop_ids: tuple[int, ...]
    conditions: ConditionPath | None = field(default=None, repr=False)
    file: LlamaFile | None = field(default=None, repr=False)

    def session(self, *, compiled: bool = False) -> Session:
        """Begin an empty dialog with this model.

        Args:
            compiled: Compile the decoding step; PyTorch only.
        """
        if self.file is not None and self.conditions is not None:
            return LlamaCppSession(self.file, self.conditions)
        return DialogSession(self.model, compiled=compiled)

    @property
    def device(self) -> torch.device:
        """Where the logits come from."""
        return torch.device("cpu") if self.file is not None else self.model.device

    @property
    def senses(self) -> tuple[str, ...]:
        """Names of the slots, in order."""
        config = self.model.config
        if config.senses:
            return tuple(config.senses)
        return tuple(f"slot{i}" for i in range(config.slots)) if config.slots > 1 else ("all",)

    @property
    def bind_dim(self) -> int:
        """Width of the embeddings that condition the model."""
        return self.model.config.bind_dim

    @property
    def act_score(self) -> float:
        """Probability of an acting call below which a person is asked whether it was meant."""
        return float(self.model.config.act_score)

    @property
    def max_new_tokens(self) -> int:
        """Most tokens of an answer, as the checkpoint says; 256 if it does not."""
        config = self.model.generation_config
        return int((config.max_new_tokens if config else None) or 256)

    @property
    def context(self) -> int:
        """Most tokens that the model reads."""
        ours = self.model.config.max_position_embeddings
        return ours if self.file is None else min(ours, self.file.context)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a checkpoint says about itself before anything is loaded.

    Attributes:
        name: Name of its directory.
        context: Most tokens that it reads.
        max_new_tokens: Most tokens of an answer.
        modalities: Of media that it can be shown: `vision`, `audio`, `point`.
    """

    name: str
    context: int
    max_new_tokens: int
    modalities: frozenset[str]


def facts(directory: str | Path | None = None) -> Facts:
    """Reads what a checkpoint says about itself.

    Raises:
        CheckpointError: There is none, or its configuration cannot be read.
    """
    path = folder_of(directory)
    generation = path / GENERATION_NAME
    try:
        config = read_object(path / "config.json")
        encoder = _encoder(path) / "config.json"
        trunks = read_object(encoder) if encoder.is_file() else {}
        limits = read_object(generation) if generation.is_file() else {}
        return Facts(
            path.resolve().name,
            whole_number(config, "max_position_embeddings", default=2048),
            whole_number(limits, "max_new_tokens", default=256),
            frozenset(name for name in PERCEIVED if trunks.get(name)),
        )
    except OSError as error:
        raise CheckpointError(f"no checkpoint at {path}: {error}") from error
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}") from error


def _encoder(checkpoint: Path) -> Path:
    try:
        return imagebind_directory(checkpoint)
    except CheckpointError:  # a language model alone
        return checkpoint / "imagebind"


def folder_of(checkpoint: str | Path | None) -> Path:
    """The directory of a checkpoint, which may be named by the GGUF file in it.

    Args:
        checkpoint: A directory, a GGUF file in one, or nothing for the embedded checkpoint.
    """
    path = Path(checkpoint) if checkpoint else default_checkpoint()
    return path.parent if path.suffix == GGUF else path


def load_llm(checkpoint: str | Path | None = None, *, device: str = "auto") -> LoadedModel:
    """Loads a checkpoint; the same one is loaded once per process.

    In which type it is computed, `gated_llama.loading.computing_dtype` decides, or the GGUF file.

    Args:
        checkpoint: Directory in Hugging Face layout with tokenizer, or a GGUF file in such a
            directory, whose blocks llama.cpp computes; the embedded checkpoint by default.
        device: `"auto"` (a GPU if there is any), or a torch device.

    Raises:
        CheckpointError: Missing, damaged, or not a gated LLaMA; missing, extra or misshapen
            tensors; no fast tokenizer; no chat template.
        ConfigurationError: llama.cpp cannot add this model's conditions.
        MissingDependencyError: A GGUF file without llama.cpp.
    """
    path, folder = Path(checkpoint or default_checkpoint()), folder_of(checkpoint)
    if not (folder / "config.json").is_file():
        raise CheckpointError(f"no checkpoint at {folder}: config.json is missing")
    if path.suffix == GGUF:
        if not path.is_file():
            raise CheckpointError(f"no file {path}")
        return _load_gguf(path.resolve(), device)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return _load(path.resolve(), device)


@lru_cache(maxsize=2)
def _load(path: Path, device: str) -> LoadedModel:
    model, tokenizer = load_gated_llama(path, device=device)
    return _completed(path, model, tokenizer)


@lru_cache(maxsize=2)
def _load_gguf(file: Path, device: str) -> LoadedModel:
    folder = file.parent
    conditions = ConditionPath.open(folder)
    model, words = conditions.model, conditions.words
    config = model.config
    tokenizer = load_tokenizer(folder, config, words)
    read_generation_config(model, generation_settings(folder, words) or folder)
    loaded = LlamaFile(
        file,
        layers=config.num_hidden_layers,
        width=config.hidden_size,
        biases=at_attention(model),
        gpu=device != "cpu",
    )
    if loaded.vocabulary != config.vocab_size:
        raise CheckpointError(
            f"{file} has {loaded.vocabulary} tokens, config.json next to it {config.vocab_size}"
        )
    return replace(_completed(folder, model, tokenizer), conditions=conditions, file=loaded)


def _completed(path: Path, model: ConditionedLM, loaded: object) -> LoadedModel:
    """A model with its grammars and stop ids."""
    tokenizer: Any = loaded
    if not getattr(tokenizer, "is_fast", False):
        raise CheckpointError(f"{path}: tokenizer.json is missing (a fast tokenizer is needed)")
    if not tokenizer.chat_template:
        raise CheckpointError(f"{path}: the tokenizer has no chat template (chat_template.jinja)")
    named: Any = model.generation_config.eos_token_id if model.generation_config else None
    if named is None:
        named = tokenizer.eos_token_id
    ends = named if isinstance(named, list) else [named]
    stop_ids = tuple(token for token in ends if isinstance(token, int))
    try:
        grammars = GrammarEngine(tokenizer, vocab_size=model.config.vocab_size, eos_ids=stop_ids)
    except SenseBindError as error:
        raise CheckpointError(f"{path}: {error}") from error
    return LoadedModel(path, model, tokenizer, grammars, stop_ids)
