"""Reads the tokenizer and the generation settings of a checkpoint, or says what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, GenerationConfig, PreTrainedTokenizerBase

from sensebind.agent.gated_llama.config import ConditionFields, token_ids
from sensebind.agent.gated_llama.model import ConditionedLM
from sensebind.errors import CheckpointError, one_line
from sensebind.perception.checkpoint_json import check_bounds, number, read_object, whole_number

GENERATION_NAME = "generation_config.json"
_MOST_BYTES = {"tokenizer.json": 256 * 2**20, "chat_template.jinja": 2**20}


def load_tokenizer(
    directory: Path, config: ConditionFields, words: Path | None = None
) -> PreTrainedTokenizerBase:
    """Loads the tokenizer of a checkpoint directory.

    Args:
        directory: The checkpoint.
        config: Its configuration.
        words: Where the tokenizer lies, if not there: with the base of an adapter. The adapter may
            bring a chat template and call markers of its own all the same.

    Raises:
        CheckpointError: It is missing or damaged, or does not fit the configuration.
    """
    words = words or directory
    for folder in dict.fromkeys((directory, words)):
        for name in ("tokenizer_config.json", "special_tokens_map.json"):
            if (folder / name).exists():
                read_object(folder / name)
        for name, most in _MOST_BYTES.items():
            path = folder / name
            if path.is_file() and (size := path.stat().st_size) > most:
                raise CheckpointError(f"{path} has {size} bytes, more than {most}")
    try:
        # The configuration may name Python files next to it: they are never run, nor asked for.
        tokenizer = AutoTokenizer.from_pretrained(
            words, local_files_only=True, trust_remote_code=False
        )
        count = max(len(tokenizer), *(1 + one for one in tokenizer.get_vocab().values()))
    except Exception as error:  # the Rust library raises the base class for a damaged file
        raise CheckpointError(f"cannot load {words}: {one_line(error)}") from error
    if count > config.vocab_size:
        raise CheckpointError(
            f"{words}: the tokenizer has {count} tokens, the model only {config.vocab_size}"
        )
    vocabulary = config.vocab_size
    ends = token_ids({"": config.eos_token_id}, "", vocabulary)
    settings = generation_settings(directory, words)
    said = {} if settings is None else read_generation(settings, vocabulary)
    named = {tokenizer.eos_token_id, *token_ids(said, "eos_token_id", vocabulary)} - {None}
    if ends and named and not named & set(ends):
        raise CheckpointError(
            f"{directory}: config.json ends an answer at token {ends}, the tokenizer and "
            f"{GENERATION_NAME} at {sorted(named)}"
        )
    if words != directory:
        _speak_as(tokenizer, directory)
    return tokenizer


def _speak_as(tokenizer: PreTrainedTokenizerBase, adapter: Path) -> None:
    """Gives a base's tokenizer the chat template and the call markers that an adapter brings."""
    template = adapter / "chat_template.jinja"
    if template.is_file():
        tokenizer.chat_template = template.read_text("utf-8")
    own = adapter / "tokenizer_config.json"
    if own.is_file():
        tokenizer.init_kwargs |= read_object(own)


def read_generation(directory: Path, vocabulary: int) -> dict[str, Any]:
    """Reads generation_config.json and checks what sampling is computed with.

    Args:
        directory: Of the checkpoint; the file must be there.
        vocabulary: Tokens of the model.

    Raises:
        CheckpointError: It cannot be read, or a number is out of range.
    """
    path = directory / GENERATION_NAME
    fields = read_object(path)
    try:
        check_bounds(fields)
        for key in ("max_new_tokens", "max_length"):
            whole_number(fields, key, default=1)
        whole_number(fields, "top_k", least=0, default=0)
        number(fields, "temperature", above=-1e-30, default=1.0)
        number(fields, "top_p", most=1.0, default=1.0)
        number(fields, "repetition_penalty", default=1.0)
        for key in ("bos_token_id", "eos_token_id", "pad_token_id"):
            token_ids(fields, key, vocabulary)
    except ValueError as error:
        raise CheckpointError(f"{path} cannot be used: {error}") from error
    return fields


def generation_settings(*places: Path) -> Path | None:
    """Return the first directory that has generation settings, or None.

    Args:
        places: The adapter's own before its base's.
    """
    return next((place for place in places if (place / GENERATION_NAME).exists()), None)


def read_generation_config(model: ConditionedLM, directory: Path) -> None:
    """Gives a model the generation_config.json of its directory; without one, its own stays.

    Raises:
        CheckpointError: It cannot be used.
    """
    if not (directory / GENERATION_NAME).exists():
        return
    try:
        model.generation_config = GenerationConfig.from_pretrained(directory, local_files_only=True)
    except Exception as error:  # whatever the libraries make of what anybody wrote
        raise CheckpointError(f"cannot load {directory}: {one_line(error)}") from error
