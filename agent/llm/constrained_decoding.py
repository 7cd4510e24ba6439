"""Constrained decoding: a reply is text or a tool call, and a call is always well-formed.

The grammar is compiled by llguidance from the JSON schemas of the bound tools. A call begins with
the checkpoint's own opening marker (`tool_call_start` in tokenizer_config.json, or what its chat
template writes); text can never begin with it, and never contains a special token.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from llguidance import LLMatcher, LLTokenizer
from llguidance.hf import from_tokenizer
from torch.nn import functional
from transformers import LogitsProcessor, PreTrainedTokenizerFast

from sensebind.agent.llm.call_format import CallFormat
from sensebind.agent.llm.tool_forms import chosen_tools, function_of, parameters_of
from sensebind.errors import ConfigurationError, InputError
from sensebind.tools import json_schema

if TYPE_CHECKING:
    from sensebind.tools.json_schema import Bounded

log = logging.getLogger(__name__)

MAX_PARALLEL = 8  # calls in one reply
_KEPT_RULES = 512  # tools whose rules are remembered
_MARGIN = 16  # tokens by which an ending may be longer than expected


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


def parse_calls(
    text: str, style: CallFormat, tools: Sequence[Mapping[str, Any]] | None
) -> list[ParsedCall]:
    """Reads the calls of a reply and validates each against its tool's own (unbounded) schema.

    Args:
        text: Reply text with or without opening markers.
        style: The checkpoint's call format.
        tools: Tools in OpenAI form; None skips the check against them.

    Returns:
        At least one call; what follows a call that is no JSON is not read.
    """
    calls: list[ParsedCall] = []
    rest = style.unwrapped(text)
    while rest or not calls:
        try:
            value, end = _DECODER.raw_decode(rest)
        except (ValueError, RecursionError) as error:
            calls.append(ParsedCall("", {}, rest, f"not valid JSON: {error}"))
            break
        calls.append(_checked(value, rest[:end], style, tools))
        rest = style.unwrapped(rest[end:].strip().removeprefix(style.end.strip()))
    return calls


def parse_call(
    text: str, style: CallFormat, tools: Sequence[Mapping[str, Any]] | None
) -> ParsedCall:
    """Reads the first call of a reply; see `parse_calls`."""
    return parse_calls(text, style, tools)[0]


def _checked(
    value: Any, body: str, style: CallFormat, tools: Sequence[Mapping[str, Any]] | None
) -> ParsedCall:
    name = value.get("name") if isinstance(value, dict) else None
    arguments = value.get(style.arguments) if isinstance(value, dict) else None
    if not isinstance(name, str) or not isinstance(arguments, dict):
        return ParsedCall("", {}, body, f'not an object with "name" and "{style.arguments}"')
    if tools is not None:
        schemas = {function_of(tool)["name"]: parameters_of(tool) for tool in tools}
        if name not in schemas:
            return ParsedCall(name, arguments, body, f"there is no tool called {name}")
        if wrong := json_schema.problem(arguments, schemas[name]):
            return ParsedCall(name, arguments, body, f"{name}: {wrong}")
    return ParsedCall(name, arguments, body)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


@dataclass(frozen=True, slots=True)
class Closers:
    """The tokens that bring JSON to its end.

    Attributes:
        quote: Id of the token `"`; -1 if there is no such token.
        bracket: Id of the token `]`; -1 if there is no such token.
        brace: Id of the token `}`; -1 if there is no such token.
        comma: Id of the token `,`; -1 if there is no such token.
    """

    quote: int = -1
    bracket: int = -1
    brace: int = -1
    comma: int = -1

    def choose(self, allowed: np.ndarray, eos_ids: Sequence[int]) -> int:
        """Returns the token that ends most of what is open; -1 if none of them is allowed.

        Args:
            allowed: [vocab] bool.
            eos_ids: Tokens that end the reply.
        """
        inside = self._may(allowed, self.brace) and self._may(allowed, self.bracket)
        order = (*eos_ids, self.brace, self.bracket, self.quote, self.comma)
        if inside:  # of a string, where braces are mere characters
            order = (self.quote,)
        return next((token for token in order if self._may(allowed, token)), -1)

    @staticmethod
    def _may(allowed: np.ndarray, token: int) -> bool:
        return token >= 0 and bool(allowed[token])


@dataclass(slots=True)
class Grammar:
    """A compiled grammar; `start` gives a fresh state for one sequence.

    Attributes:
        vocab_size: Width of the logits.
        eos_ids: Tokens that end a reply.
        pristine: The matcher before the first token.
        marker: Tokens that open a call where text is possible, too.
        text: Whether the reply may be text.
        closers: What ends a call that must end.
        ending: Tokens that may be needed to end a call.
        later: Keywords of the schemas that the grammar does not enforce: what is written must be
            validated.
    """

    vocab_size: int
    eos_ids: tuple[int, ...]
    pristine: LLMatcher = field(repr=False)
    marker: tuple[int, ...] = ()
    text: bool = True
    closers: Closers = Closers()
    ending: int = 0
    later: frozenset[str] = frozenset()

    def start(self) -> GrammarState:
        """Returns the state before the first token."""
        return GrammarState(self, self.pristine.deep_copy())


class GrammarState:
    """Where one sequence stands in its grammar.

    Attributes:
        vocab_size: Width of the model's logits.
        finished: Whether an end token was taken, or one that the grammar does not allow.
    """

    def __init__(self, grammar: Grammar, matcher: LLMatcher) -> None:
        self._grammar = grammar
        self._matcher = matcher
        self._tokens: list[int] = []
        self.vocab_size = grammar.vocab_size
        self.finished = False

    def mask(self, left: int | None = None) -> torch.Tensor:
        """Returns which tokens may come next, [vocab] bool. After the end: only end tokens.

        Args:
            left: Tokens that the reply may still take. A call that would not fit is brought to
                its end: strings and arrays are closed, what is optional is left out.
        """
        allowed = self._allowed()
        if not allowed.any():
            allowed[list(self._grammar.eos_ids)] = True
        elif left is not None and left <= self._grammar.ending and self._calling:
            closer = self._grammar.closers.choose(allowed, self._grammar.eos_ids)
            if closer >= 0:
                allowed[:] = False
                allowed[closer] = True
        return torch.from_numpy(allowed)

    def _allowed(self) -> np.ndarray:
        size = self._grammar.vocab_size
        if self.finished or self._matcher.is_stopped():
            return np.zeros(size, bool)
        raw = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        bits = np.unpackbits(raw, count=min(size, 8 * len(raw)), bitorder="little").view(bool)
        return bits if len(bits) == size else np.pad(bits, (0, size - len(bits)))

    @property
    def _calling(self) -> bool:
        marker = self._grammar.marker
        return not self._grammar.text or (
            bool(marker) and tuple(self._tokens[: len(marker)]) == marker
        )

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
        self._tokens.append(token)
        return True

    @property
    def complete(self) -> bool:
        """Whether the reply could end here and be well-formed."""
        return self._matcher.is_accepting()


class GrammarEngine:
    """Compiles grammars for one tokenizer.

    Attributes:
        style: How the checkpoint writes a tool call.
        eos_ids: Tokens that end a reply.
        vocab_size: Width of the model's logits.
    """

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
        self._compiled: OrderedDict[str, Grammar] = OrderedDict()
        self._rules: OrderedDict[str, Bounded] = OrderedDict()
        self._lock = threading.Lock()
        marks = (self.style.start, self.style.end.strip())
        added = tokenizer.get_added_vocab()
        self._specials = {
            mark: added[mark]
            for mark in marks
            if mark in added and self._tokenizer.is_special_token(added[mark])
        }
        alternatives = "|".join(map(re.escape, self._specials))
        self._special = re.compile(f"({alternatives})") if self._specials else None
        self._closers = Closers(*(self._single(one) for one in '"]},'))

    def compile(
        self,
        tools: Sequence[Mapping[str, Any]] = (),
        tool_choice: Any = None,
        *,
        parallel: bool = False,
        schema: Mapping[str, Any] | None = None,
    ) -> Grammar:
        """Compiles "text or a call of one of these tools"; cached.

        Args:
            tools: Tools in OpenAI form.
            tool_choice: See `chosen_tools`.
            parallel: Whether a reply may hold several calls.
            schema: The reply is JSON of this schema and nothing else; tools are not called.

        Raises:
            InputError: `tool_choice` fits no tool.
            ConfigurationError: A tool's schema cannot be made into a grammar.
        """
        usable, text = chosen_tools(tools, tool_choice)
        if schema is not None:
            usable, text = [], False
        key = json.dumps([usable, text, parallel, schema], sort_keys=False, default=str)
        with self._lock:
            if key in self._compiled:
                self._compiled.move_to_end(key)
                return self._compiled[key]
        grammar = (
            self._build_json(schema)
            if schema is not None
            else (self._build(usable, text, parallel))
        )
        with self._lock:
            self._compiled[key] = grammar
            while len(self._compiled) > 64:  # agents bind few sets; a server must not grow
                self._compiled.popitem(last=False)
        return grammar

    def _build(self, tools: Sequence[Mapping[str, Any]], text: bool, parallel: bool) -> Grammar:
        rules = [self._call_rule(tool) for tool in tools]
        many = f"call{{1,{MAX_PARALLEL}}}" if parallel else "call"
        branches = (["TEXT"] if text else []) + ([many] if rules else [])
        lark = [f"start: {' | '.join(branches)}"]
        if text:
            lark.append(f"TEXT: {self._text_terminal()}")
        if rules:
            marker = self._literal(self.style.start + self.style.lead)
            end = self._literal(self.style.end)
            called = " | ".join(f"call_{i}" for i in range(len(rules)))
            lark.append(f"call: {marker} ({called}) {end}")
            lark += [f"call_{i}: %json {json.dumps(r.schema)}" for i, r in enumerate(rules)]
        return self._grammar("\n".join(lark), rules, text)

    def _build_json(self, schema: Mapping[str, Any]) -> Grammar:
        rule = self._rule(
            lambda patterns: json_schema.bounded(schema, patterns=patterns), "the answer"
        )
        return self._grammar(f"start: %json {json.dumps(rule.schema)}", [rule], text=False)

    def _grammar(self, lark: str, rules: Sequence[Bounded], text: bool) -> Grammar:
        matcher = LLMatcher(self._tokenizer, LLMatcher.grammar_from_lark(lark))
        if matcher.is_error():
            raise ConfigurationError(f"no grammar for these tools: {matcher.get_error()[:300]}")
        marker = (
            (self.style.start_id,)
            if self.style.start_id is not None
            else tuple(self._tokenizer.tokenize_str(self.style.start or "{"))
        )
        closing = self.style.end
        ends = (
            self._tokenizer.tokenize_str(json_schema.ending(rule.schema) + closing)
            for rule in rules
        )
        needed = max((len(tokens) + _MARGIN for tokens in ends), default=0)
        later = frozenset[str]().union(*(rule.later for rule in rules))
        return Grammar(
            self.vocab_size, self.eos_ids, matcher, marker, text, self._closers, needed, later
        )

    def _single(self, text: str) -> int:
        tokens = self._tokenizer.tokenize_str(text)
        return tokens[0] if len(tokens) == 1 else -1

    def _literal(self, text: str) -> str:
        """A text in a grammar; tokens that llguidance takes for special ones by their ids.

        To it some are special that are text to the tokenizer, such as Qwen's `<tool_call>`: the
        mask of the text would admit their token, and refuse it once it is taken.
        """
        pieces = self._special.split(text) if self._special is not None else [text]
        ids = self._specials
        return " ".join(
            f"<[{ids[piece]}]>" if piece in ids else json.dumps(piece) for piece in pieces if piece
        )

    def _text_terminal(self) -> str:
        anything = r"/(.|\n)+/"
        if self.style.start_id is not None:  # a special token is never part of text
            return anything
        marker = self.style.start or "{"
        escaped = "".join(c if c.isalnum() else f"\\x{{{ord(c):x}}}" for c in marker)
        return rf"{anything} & ~/[ \t\r\n]*{escaped}(.|\n)*/"

    def _call_rule(self, tool: Mapping[str, Any]) -> Bounded:
        """The rule of one tool; most stay the same from turn to turn, where others are narrowed."""
        key = json.dumps(tool, default=str)
        with self._lock:
            if (known := self._rules.get(key)) is not None:
                self._rules.move_to_end(key)
                return known
        made = self._made_rule(tool)
        with self._lock:
            self._rules[key] = made
            while len(self._rules) > _KEPT_RULES:
                self._rules.popitem(last=False)
        return made

    def _made_rule(self, tool: Mapping[str, Any]) -> Bounded:
        name, parameters = function_of(tool)["name"], parameters_of(tool)

        def call(patterns: bool) -> Bounded:
            found = json_schema.bounded(parameters, patterns=patterns, arguments=True)
            return json_schema.Bounded(
                {
                    "type": "object",
                    "properties": {"name": {"const": name}, self.style.arguments: found.schema},
                    "required": ["name", self.style.arguments],
                    "additionalProperties": False,
                },
                found.later,
            )

        return self._rule(call, f"tool {name}")

    def _rule(self, bound: Callable[[bool], Bounded], what: str) -> Bounded:
        """Bounds a schema; patterns that llguidance cannot read are left to validation."""
        trouble = ""
        for patterns in (True, False):
            try:
                found = bound(patterns)
            except ConfigurationError as error:
                raise ConfigurationError(f"{what}: {error}") from error
            rule = found.schema | {"x-guidance": self.style.json_style}
            lark = LLMatcher.grammar_from_lark(f"start: %json {json.dumps(rule)}")
            trouble = LLMatcher.validate_grammar(lark, self._tokenizer)
            if not trouble or trouble.startswith("WARNING"):
                if found.later:
                    log.info("%s: checked after generation: %s", what, ", ".join(found.later))
                return json_schema.Bounded(rule, found.later)
        raise ConfigurationError(f"{what}: its schema is refused: {trouble[:300]}")


class GrammarLogitsProcessor(LogitsProcessor):
    """Applies grammars inside `generate`, one per row of the batch (no beam search).

    Attributes:
        masked: The newest scores [B, vocab] that it has returned; None before the first.
    """

    def __init__(
        self, grammars: Sequence[Grammar], prompt_length: int, budget: int | None = None
    ) -> None:
        """Start one state per grammar.

        Args:
            grammars: One per row.
            prompt_length: Length of the (padded) prompt; later tokens are the reply.
            budget: Most tokens of the reply; a call is brought to its end within it.
        """
        self._states = [grammar.start() for grammar in grammars]
        self._seen = prompt_length
        self._end = None if budget is None else prompt_length + budget
        self.masked: torch.Tensor | None = None

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
        left = None if self._end is None else self._end - self._seen
        rows = [
            torch.ones(state.vocab_size, dtype=torch.bool) if state.finished else state.mask(left)
            for state in self._states
        ]
        refused = torch.stack(rows).logical_not_()  # [B, vocab]
        if (surplus := scores.shape[1] - refused.shape[1]) > 0:  # logits that belong to no token
            refused = functional.pad(refused, (0, surplus), value=True)
        self.masked = scores.masked_fill(refused.to(scores.device), float("-inf"))
        return self.masked
