"""Constrained decoding: a reply is text or a tool call, and a call is always well-formed.

The grammar is compiled by llguidance from the JSON schemas of the bound tools. A call begins with
the checkpoint's own opening marker (`tool_call_start` in tokenizer_config.json); text can never
begin with it, and never contains a special token.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jsonschema
import numpy as np
import torch
from llguidance import LLMatcher, LLTokenizer
from llguidance.hf import from_tokenizer
from transformers import LogitsProcessor, PreTrainedTokenizerFast

from sensebind.errors import ConfigurationError, InputError
from sensebind.tools.schemas import bound_schema

# Compact JSON, the form in which the small model has learned its calls; big models follow.
_JSON_STYLE = {
    "whitespace_flexible": False,
    "item_separator": ",",
    "key_separator": ":",
    "lenient": True,
}


@dataclass(frozen=True, slots=True)
class CallFormat:
    """How a checkpoint writes a tool call.

    Attributes:
        start: Opening marker; empty if a call is a bare JSON object.
        start_id: Id of the marker if it is one special token, else None.
        arguments: JSON key of the arguments (`"arguments"`, LLaMA 3: `"parameters"`).
    """

    start: str = ""
    start_id: int | None = None
    arguments: str = "arguments"

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerFast) -> "CallFormat":
        """Reads the format from the tokenizer's configuration.

        Raises:
            ConfigurationError: The configuration names something that is not a string.
        """
        extra = tokenizer.init_kwargs
        start = extra.get("tool_call_start") or ""
        arguments = extra.get("tool_call_arguments") or "arguments"
        if not isinstance(start, str) or not isinstance(arguments, str):
            raise ConfigurationError(
                "tokenizer_config.json: tool_call_start and tool_call_arguments must be strings"
            )
        special = tokenizer.get_added_vocab().get(start)
        return cls(start, special, arguments)

    def opens_call(self, text: str) -> bool:
        """Whether a finished reply (special tokens kept) is a call."""
        return text.lstrip().startswith(self.start or "{")


@dataclass(frozen=True, slots=True)
class ParsedCall:
    """A tool call read back from text.

    Attributes:
        name: Tool name; empty if the text was not even JSON.
        arguments: Arguments as given.
        text: The JSON text.
        error: What is wrong with it; empty if it is valid.
    """

    name: str
    arguments: dict[str, Any]
    text: str
    error: str = ""


def parse_call(
    text: str, style: CallFormat, tools: Sequence[Mapping[str, Any]] | None
) -> ParsedCall:
    """Reads one call and validates it against the tool's own (unbounded) schema.

    Args:
        text: Reply text with or without the opening marker.
        style: The checkpoint's call format.
        tools: Tools in OpenAI form; None skips the check against them.
    """
    body = text.strip().removeprefix(style.start).strip()
    try:
        value = json.loads(body)
    except ValueError as error:
        return ParsedCall("", {}, body, f"not valid JSON: {error}")
    name = value.get("name") if isinstance(value, dict) else None
    arguments = value.get(style.arguments) if isinstance(value, dict) else None
    if not isinstance(name, str) or not isinstance(arguments, dict):
        return ParsedCall("", {}, body, f'not an object with "name" and "{style.arguments}"')
    if tools is not None:
        schemas = {_function(tool)["name"]: _parameters(tool) for tool in tools}
        if name not in schemas:
            return ParsedCall(name, arguments, body, f"there is no tool called {name}")
        try:
            jsonschema.validate(arguments, schemas[name])
        except (jsonschema.ValidationError, jsonschema.SchemaError) as error:
            return ParsedCall(name, arguments, body, f"{name}: {error.message}")
    return ParsedCall(name, arguments, body)


def _function(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    function = tool.get("function", tool)
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise InputError(f"not a tool in OpenAI form (no function name): {str(tool)[:80]}")
    return function


def _parameters(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    return _function(tool).get("parameters") or {"type": "object", "properties": {}}


def chosen_tools(
    tools: Sequence[Mapping[str, Any]], tool_choice: Any
) -> tuple[list[Mapping[str, Any]], bool]:
    """Resolves LangChain's and OpenAI's forms of `tool_choice`.

    Args:
        tools: Tools in OpenAI form.
        tool_choice: None or `"auto"`; `"any"`, `"required"` or True; `"none"` or False; a tool's
            name, or `{"type": "function", "function": {"name": …}}`.

    Returns:
        The tools that may be called, and whether text is allowed.

    Raises:
        InputError: An unknown tool is named, or a call is demanded and there are no tools.
    """
    if isinstance(tool_choice, Mapping):
        tool_choice = (tool_choice.get("function") or tool_choice).get("name")
    if tool_choice in (None, "auto"):
        return list(tools), True
    if tool_choice in ("none", False):
        return [], True
    if tool_choice in ("any", "required", True):
        chosen = list(tools)
    else:
        chosen = [tool for tool in tools if _function(tool)["name"] == tool_choice]
    if not chosen:
        names = ", ".join(_function(tool)["name"] for tool in tools) or "none"
        raise InputError(f"tool_choice {tool_choice!r} fits no bound tool (bound: {names})")
    return chosen, False


@dataclass(slots=True)
class Grammar:
    """A compiled grammar; `start` gives a fresh state for one sequence."""

    vocab_size: int
    eos_ids: tuple[int, ...]
    pristine: LLMatcher = field(repr=False)

    def start(self) -> "GrammarState":
        """Returns the state before the first token."""
        return GrammarState(self, self.pristine.deep_copy())


class GrammarState:
    """Where one sequence stands in its grammar."""

    def __init__(self, grammar: Grammar, matcher: LLMatcher) -> None:
        self._grammar = grammar
        self._matcher = matcher
        self.finished = False

    def mask(self) -> torch.Tensor:
        """Returns which tokens may come next, [vocab] bool. After the end: only end tokens."""
        size = self._grammar.vocab_size
        allowed = np.zeros(size, bool)
        if not self.finished and not self._matcher.is_stopped():
            raw = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
            bits = np.unpackbits(raw, bitorder="little")[:size].astype(bool)
            allowed[: bits.shape[0]] = bits
        if not allowed.any():
            allowed[list(self._grammar.eos_ids)] = True
        return torch.from_numpy(allowed)

    def advance(self, token: int) -> bool:
        """Takes the token that was chosen; returns whether the grammar allowed it."""
        if self.finished:
            return token in self._grammar.eos_ids
        if token in self._grammar.eos_ids:
            ended = self._matcher.is_stopped() or self._matcher.is_accepting()
            self.finished = True
            return ended
        if not self._matcher.consume_token(token):
            self.finished = True
            return False
        return True

    @property
    def complete(self) -> bool:
        """Whether the reply could end here and be well-formed."""
        return self._matcher.is_accepting()


class GrammarEngine:
    """Compiles grammars for one tokenizer."""

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerFast,
        *,
        vocab_size: int | None = None,
        eos_ids: Sequence[int] | None = None,
    ) -> None:
        """Wraps the tokenizer once (milliseconds for 4 K tokens, about a second for 128 K).

        Args:
            tokenizer: Any fast Hugging Face tokenizer.
            vocab_size: Width of the model's logits; the tokenizer's size by default.
            eos_ids: Tokens that end a reply; the tokenizer's by default.

        Raises:
            ConfigurationError: A slow tokenizer, or one without an end token.
        """
        if not getattr(tokenizer, "is_fast", False):
            raise ConfigurationError(
                "tool grammars need a fast tokenizer (tokenizer.json); convert this one with "
                "transformers' AutoTokenizer and save_pretrained"
            )
        self.style = CallFormat.of(tokenizer)
        named: Sequence[Any] = list(eos_ids) if eos_ids else [tokenizer.eos_token_id]
        ids = [token for token in named if isinstance(token, int)]
        if not ids or len(ids) < len(named):
            raise ConfigurationError("the tokenizer names no end token (eos_token)")
        self.eos_ids = tuple(ids)
        self.vocab_size = vocab_size or len(tokenizer)
        self._tokenizer: LLTokenizer = from_tokenizer(tokenizer, eos_token=ids)
        self._compiled: dict[str, Grammar] = {}

    def compile(self, tools: Sequence[Mapping[str, Any]] = (), tool_choice: Any = None) -> Grammar:
        """Compiles "text or a call of one of these tools"; cached.

        Args:
            tools: Tools in OpenAI form.
            tool_choice: See `chosen_tools`.

        Raises:
            InputError: `tool_choice` fits no tool.
            ConfigurationError: A tool's schema cannot be made into a grammar.
        """
        callable_tools, text = chosen_tools(tools, tool_choice)
        key = json.dumps([callable_tools, text], sort_keys=False, default=str)
        if key not in self._compiled:
            if len(self._compiled) >= 64:  # agents bind few sets; a server must not grow
                self._compiled.pop(next(iter(self._compiled)))
            self._compiled[key] = self._build(callable_tools, text)
        return self._compiled[key]

    def _build(self, tools: Sequence[Mapping[str, Any]], text: bool) -> Grammar:
        rules = [self._call_rule(tool) for tool in tools]
        branches = (["TEXT"] if text else []) + (["call"] if rules else [])
        lark = [f"start: {' | '.join(branches)}"]
        if text:
            lark.append(f"TEXT: {self._text_terminal()}")
        if rules:
            marker = self._marker()
            lark.append(f"call: {marker} ({' | '.join(f'call_{i}' for i in range(len(rules)))})")
            lark += [f"call_{i}: %json {rule}" for i, rule in enumerate(rules)]
        grammar = LLMatcher.grammar_from_lark("\n".join(lark))
        matcher = LLMatcher(self._tokenizer, grammar)
        if matcher.is_error():
            raise ConfigurationError(f"no grammar for these tools: {matcher.get_error()[:300]}")
        return Grammar(self.vocab_size, self.eos_ids, matcher)

    def _marker(self) -> str:
        if self.style.start_id is not None:
            return f"<[{self.style.start_id}]>"
        return json.dumps(self.style.start) if self.style.start else ""

    def _text_terminal(self) -> str:
        anything = r"/(.|\n)+/"
        if self.style.start_id is not None:  # a special token is never part of text
            return anything
        marker = self.style.start or "{"
        escaped = "".join(c if c.isalnum() else f"\\x{{{ord(c):x}}}" for c in marker)
        return rf"{anything} & ~/[ \t\r\n]*{escaped}(.|\n)*/"

    def _call_rule(self, tool: Mapping[str, Any]) -> str:
        function = _function(tool)
        problem = ""
        for patterns in (
            True,
            False,
        ):  # a pattern that llguidance cannot read is left to validation
            arguments = bound_schema(_parameters(tool), patterns=patterns)
            rule = json.dumps(
                {
                    "type": "object",
                    "properties": {
                        "name": {"const": function["name"]},
                        self.style.arguments: arguments,
                    },
                    "required": ["name", self.style.arguments],
                    "additionalProperties": False,
                    "x-guidance": _JSON_STYLE,
                },
                ensure_ascii=False,
            )
            lark = LLMatcher.grammar_from_lark(f"start: %json {rule}")
            problem = LLMatcher.validate_grammar(lark, self._tokenizer)
            if not problem or problem.startswith("WARNING"):
                return rule
        raise ConfigurationError(f"tool {function['name']}: its schema is refused: {problem[:300]}")


class GrammarLogitsProcessor(LogitsProcessor):
    """Applies grammars inside `generate`, one per row of the batch (no beam search)."""

    def __init__(self, grammars: Sequence[Grammar], prompt_length: int) -> None:
        """Args:
        grammars: One per row.
        prompt_length: Length of the (padded) prompt; later tokens are the reply.
        """
        self._states = [grammar.start() for grammar in grammars]
        self._seen = prompt_length

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Masks scores [B, vocab] for the sequences input_ids [B, T]."""
        if input_ids.shape[0] != len(self._states):
            raise InputError(
                f"{len(self._states)} grammars for {input_ids.shape[0]} sequences: "
                "beams and several returned sequences are not supported with tools"
            )
        for position in range(self._seen, input_ids.shape[1]):
            for row, state in enumerate(self._states):
                if not state.finished:
                    state.advance(int(input_ids[row, position]))
        self._seen = input_ids.shape[1]
        allowed = torch.ones(scores.shape, dtype=torch.bool)
        for row, state in enumerate(self._states):
            if not state.finished:
                mask = state.mask()
                allowed[row, : mask.shape[0]] = mask
                allowed[row, mask.shape[0] :] = False
        return scores.masked_fill(~allowed.to(scores.device), float("-inf"))
