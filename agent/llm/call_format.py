"""How a checkpoint writes a tool call: as its tokenizer's configuration or chat template says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedTokenizerFast

from sensebind.agent.conversion.tool_prelude import CALL_END, CALL_START
from sensebind.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class CallFormat:
    """How a checkpoint writes a tool call.

    Attributes:
        start: Opening marker; empty if a call is a bare JSON object.
        start_id: Id of the marker if it is one special token, else None.
        arguments: JSON key of the arguments (`"arguments"`, LLaMA 3: `"parameters"`).
        parallel: Whether one reply may hold several calls (`parallel_tool_calls`).
        lead: What stands between marker and JSON.
        end: What stands behind the JSON.
        spaced: Whether a space follows the commas and colons of the JSON, as chat templates write
            it (`tojson`); the embedded model has learned compact JSON, and published ones follow.
    """

    start: str = ""
    start_id: int | None = None
    arguments: str = "arguments"
    parallel: bool = False
    lead: str = ""
    end: str = ""
    spaced: bool = False

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerFast) -> CallFormat:
        """Reads the format: from the tokenizer's configuration, or else from its chat template.

        Raises:
            ConfigurationError: The configuration names something that is not a string.
        """
        extra = tokenizer.init_kwargs
        start = extra.get("tool_call_start") or ""
        arguments = extra.get("tool_call_arguments") or ""
        parallel = extra.get("parallel_tool_calls") is True
        if not isinstance(start, str) or not isinstance(arguments, str):
            raise ConfigurationError(
                "tokenizer_config.json: tool_call_start and tool_call_arguments must be strings"
            )
        template: Any = tokenizer.chat_template
        if not start and not arguments and isinstance(template, str):
            return cls._of_template(tokenizer, template, parallel)
        special = tokenizer.get_added_vocab().get(start)
        return cls(start, special, arguments or "arguments", parallel)

    @classmethod
    def _of_template(
        cls, tokenizer: PreTrainedTokenizerFast, template: str, parallel: bool
    ) -> CallFormat:
        """What the templates of today's families write.

        - Qwen2.5, Qwen3, SmolLM3 and what `tool_prelude` makes: JSON between marks, on a line.
        - LLaMA 3.1 and on: bare JSON with "parameters".
        - Mistral: a list behind a mark.
        """

        def made(start: str, lead: str, end: str, arguments: str = "arguments") -> CallFormat:
            added = tokenizer.get_added_vocab().get(start)
            one = added is not None and tokenizer.added_tokens_decoder[added].special
            # A marker that is a token but not a special one is text to the tokenizer.
            number = added if one else None
            return cls(start, number, arguments, parallel, lead, end, spaced=True)

        if CALL_START in template and CALL_END in template:
            return made(CALL_START, "\n", f"\n{CALL_END}")
        if "[TOOL_CALLS]" in template:
            return made("[TOOL_CALLS]", " [", "]")
        if "<|python_tag|>" in template and '"parameters"' in template:
            return made("", "", "", "parameters")
        return cls(parallel=parallel)

    @property
    def json_style(self) -> dict[str, Any]:
        """How llguidance is to write the JSON of a call."""
        space = " " if self.spaced else ""
        return {
            "whitespace_flexible": False,
            "item_separator": f",{space}",
            "key_separator": f":{space}",
        }

    def opens_call(self, text: str) -> bool:
        """Whether a finished reply (special tokens kept) is a call."""
        return text.lstrip().startswith(self.start or "{")

    def unwrapped(self, text: str) -> str:
        """A text without the marker that opens a call."""
        marked = text.strip().removeprefix(self.start).strip()
        return marked.removeprefix(self.lead.strip()).strip()
