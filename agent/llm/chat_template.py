"""Dialogs as text, by the checkpoint's own chat template. Without LangChain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerFast

from sensebind.errors import InputError


def rendered(
    tokenizer: PreTrainedTokenizerFast,
    messages: Sequence[dict[str, Any]],
    tools: Sequence[dict[str, Any]] = (),
    *,
    generate: bool,
) -> str:
    """Return a dialog as the text that the model was trained on.

    Templates of models that may think aloud before they answer (Qwen3, SmolLM3) are asked for an
    answer without: what is said is spoken, and a call begins a reply.

    Args:
        tokenizer: Of the checkpoint.
        messages: In the form that templates expect, inert (see `Inert`).
        tools: In OpenAI form.
        generate: Whether the text ends where an answer begins.

    Raises:
        InputError: The template refuses the dialog.
    """
    listed: Any = list(tools) or None
    try:
        text = tokenizer.apply_chat_template(
            list(messages),
            tools=listed,
            add_generation_prompt=generate,
            tokenize=False,
            enable_thinking=False,
        )
    except TemplateError as error:
        raise InputError(f"the checkpoint's chat template refuses this dialog: {error}") from error
    return str(text)
