"""Loading a language model checkpoint: weights, tokenizer, and what they say about themselves."""

import json
import logging
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from sensebind.agent.gated_llama import GatedLlamaConfig, GatedLlamaForCausalLM
from sensebind.agent.grammar import GrammarEngine
from sensebind.checkpoints import default_checkpoint
from sensebind.errors import CheckpointError, SenseBindError

_TRANSFORMERS_LOG = logging.getLogger("transformers")


@dataclass(frozen=True, slots=True)
class Brain:
    """A loaded gated LLaMA with its tokenizer.

    Attributes:
        path: Checkpoint directory.
        model: In eval mode.
        tokenizer: Fast tokenizer with a chat template.
        grammars: Compiles tool grammars for it.
        stop_ids: Tokens that end a reply.
    """

    path: Path
    model: GatedLlamaForCausalLM = field(repr=False)
    tokenizer: PreTrainedTokenizerFast = field(repr=False)
    grammars: GrammarEngine = field(repr=False)
    stop_ids: tuple[int, ...]

    @property
    def senses(self) -> tuple[str, ...]:
        """Names of the slots, in order."""
        config: GatedLlamaConfig = self.model.config
        if config.senses:
            return tuple(config.senses)
        return tuple(f"slot{i}" for i in range(config.slots)) if config.slots > 1 else ("all",)

    @property
    def bind_dim(self) -> int:
        """Width of the embeddings that condition the model."""
        return self.model.config.bind_dim

    @property
    def context(self) -> int:
        """Most tokens that the model reads."""
        return self.model.config.max_position_embeddings


def load_brain(directory: str | Path | None = None, *, device: str = "auto") -> Brain:
    """Loads a checkpoint directory; the same directory is loaded once per process.

    Args:
        directory: Hugging Face layout with tokenizer; the embedded checkpoint by default.
        device: `"auto"` (CUDA if there is any), or a torch device.

    Raises:
        CheckpointError: Missing, damaged, or not a gated LLaMA; missing, extra or misshapen
            tensors; no fast tokenizer; no chat template.
    """
    path = Path(directory) if directory else default_checkpoint()
    if not (path / "config.json").is_file():
        raise CheckpointError(f"no checkpoint at {path}: config.json is missing")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return _load(path.resolve(), device)


@lru_cache(maxsize=2)
def _load(path: Path, device: str) -> Brain:
    model = _load_model(path)
    torch.nn.Module.to(model, device)
    tokenizer = _load_tokenizer(path)
    named = model.generation_config.eos_token_id
    if named is None:
        named = tokenizer.eos_token_id
    stop_ids = tuple(
        int(i) for i in (named if isinstance(named, list) else [named]) if i is not None
    )
    if len(tokenizer) > model.config.vocab_size:
        raise CheckpointError(
            f"{path}: the tokenizer has {len(tokenizer)} tokens, the model only "
            f"{model.config.vocab_size}"
        )
    try:
        grammars = GrammarEngine(tokenizer, vocab_size=model.config.vocab_size, eos_ids=stop_ids)
    except SenseBindError as error:
        raise CheckpointError(f"{path}: {error}") from error
    return Brain(path, model, tokenizer, grammars, stop_ids)


def _load_model(path: Path) -> GatedLlamaForCausalLM:
    try:
        kind = json.loads((path / "config.json").read_text()).get("model_type")
    except (OSError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{path / 'config.json'} cannot be read: {error}") from error
    if kind != GatedLlamaConfig.model_type:
        raise CheckpointError(
            f"{path} holds a model of type {kind!r}, not {GatedLlamaConfig.model_type!r}"
        )
    level = _TRANSFORMERS_LOG.level
    _TRANSFORMERS_LOG.setLevel(logging.ERROR)  # what it warns about is raised below, in one line
    try:
        loaded: Any = GatedLlamaForCausalLM.from_pretrained(
            path, dtype=torch.float32, local_files_only=True, output_loading_info=True
        )
    except Exception as error:  # transformers, safetensors and huggingface_hub raise many kinds
        raise CheckpointError(f"the weights at {path} cannot be loaded: {_line(error)}") from error
    finally:
        _TRANSFORMERS_LOG.setLevel(level)
    model, report = loaded
    for key, word in (("missing_keys", "lack"), ("unexpected_keys", "have unknown")):
        names = sorted(report[key])
        if names:
            raise CheckpointError(
                f"the weights at {path} {word} {len(names)} tensors, e.g. {names[0]}: "
                "they do not belong to this config.json"
            )
    return model.eval()


def _load_tokenizer(path: Path) -> PreTrainedTokenizerFast:
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
    except Exception as error:  # the same many kinds
        raise CheckpointError(
            f"the tokenizer at {path} cannot be loaded: {_line(error)}"
        ) from error
    if not getattr(tokenizer, "is_fast", False):
        raise CheckpointError(f"{path}: tokenizer.json is missing (a fast tokenizer is needed)")
    if not tokenizer.chat_template:
        raise CheckpointError(f"{path}: the tokenizer has no chat template (chat_template.jinja)")
    return tokenizer


def _line(error: Exception) -> str:
    """The first lines of an error, as one line."""
    return " ".join(str(error).split())[:240] or type(error).__name__
